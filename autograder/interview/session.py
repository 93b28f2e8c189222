"""A session: which question comes next, and what becomes of its answer. Terminal and notebook both run this."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime

from autograder.course import named
from autograder.errors import UsageError
from autograder.interview.asking import Asked, Marked, ask
from autograder.interview.memory import Memory
from autograder.interview.questions import Question

REVIEWS = 0.7
"""the share of questions that were asked before, while there are both"""


class Session:
    """Up to `count` questions, none of them before it is due. Chance comes from `rng`, time with each call."""

    def __init__(self, questions: Sequence[Question], memory: Memory, rng: random.Random, count: int) -> None:
        self.questions, self.memory, self.rng, self.count = questions, memory, rng, count
        self.asked: Asked | None = None
        self.right: list[Question] = []
        self.wrong: list[Question] = []

    @property
    def done(self) -> int:
        """How many were answered."""
        return len(self.right) + len(self.wrong)

    def next(self, now: datetime) -> Asked | None:
        """The next question; None if the session is over or nothing is due."""
        self.asked = None
        if self.done < self.count:
            chosen = choose([question.id for question in self.questions], self.memory, now, self.rng)
            question = next((question for question in self.questions if question.id == chosen), None)
            self.asked = ask(question, self.rng) if question else None
        return self.asked

    def answer(self, given: str, now: datetime) -> Marked:
        """Judge and keep an answer to the question asked. Raises Unreadable, and keeps nothing, for what is none."""
        if self.asked is None:
            raise RuntimeError("no question was asked")
        marked = self.asked.mark(given)
        self.memory.record(self.asked.question.id, marked.right, now)
        (self.right if marked.right else self.wrong).append(self.asked.question)
        return marked

    def due_next(self) -> datetime | None:
        """When the first of the questions is due again; None where one was never asked."""
        times = [self.memory.due(question.id) for question in self.questions]
        known = [time for time in times if time is not None]
        return min(known) if known and len(known) == len(times) else None


def choose(names: Sequence[str], memory: Memory, now: datetime, rng: random.Random) -> str | None:
    """A name that may be asked now: mostly the one due for longest, at times a new one; None if there is none.

    Without the new ones in between, somebody who finds it hard would meet the same few questions for weeks.
    """
    due = [(when, name) for name in names if (when := memory.due(name)) is not None and when <= now]
    new = [name for name in names if memory.due(name) is None]
    if due and (not new or rng.random() < REVIEWS):
        return min(due)[1]
    return rng.choice(new) if new else None


def of_lesson(questions: Sequence[Question], lesson: str) -> list[Question]:
    """The questions of one lesson, by slug, number or name. Raises UsageError where there is none such."""
    slug = named(lesson).slug
    found = [q for q in questions if q.slug == slug]
    if not found:
        known = ", ".join(dict.fromkeys(q.slug for q in questions))
        raise UsageError(f"There are no questions of {lesson!r}. There are some of {known}.")
    return found
