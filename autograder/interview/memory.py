"""What somebody has answered, and when each question is due again: the learner's own file, scheduled by fsrs.

The file is JSON and written whole after each answer. One that cannot be read is kept aside under another name and a
new one begun, so that nothing is ever lost without a word.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from fsrs import Card, Rating, Scheduler

from autograder.errors import CourseError
from autograder.report.files import write_whole

NAME = "drill.json"
"""in the workspace"""
VERSION = 1
AGAIN = timedelta(minutes=10)
# no fuzz: it draws from Python's global generator; the order of questions is shuffled anyway
SCHEDULER = Scheduler(learning_steps=(AGAIN,), relearning_steps=(AGAIN,), enable_fuzzing=False)


@dataclass(frozen=True)
class Answer:
    """One answer that was given."""

    question: str
    right: bool
    when: datetime


@dataclass
class Memory:
    """The answers so far, oldest first, and the card of each question that was ever asked.

    `path` is the file; `notice` says what was done about a damaged one, else it is empty. All times are in UTC.
    """

    path: Path
    cards: dict[str, Card] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)
    notice: str = ""

    def due(self, question: str) -> datetime | None:
        """When a question is due again; None for one that was never asked."""
        return self.cards[question].due if question in self.cards else None

    def is_due(self, question: str, now: datetime) -> bool:
        """Whether a question may be asked now."""
        due = self.due(question)
        return due is None or due <= now

    def recall(self, question: str, now: datetime) -> float:
        """The probability, by fsrs, with which a question would be answered rightly now; 0 for one never asked."""
        card = self.cards.get(question)
        return float(SCHEDULER.get_card_retrievability(card, now)) if card else 0.0

    def last(self, question: str) -> Answer | None:
        """The last answer to a question."""
        return next((answer for answer in reversed(self.answers) if answer.question == question), None)

    def times_wrong(self, question: str) -> int:
        """How often a question was answered wrongly."""
        return sum(answer.question == question and not answer.right for answer in self.answers)

    def record(self, question: str, right: bool, now: datetime) -> None:
        """Keep an answer: in the file first, so that what was acknowledged is never lost."""
        # another window may have written since
        current = load(self.path, now) if self.path.exists() else Memory(self.path)
        self.notice = current.notice or self.notice
        self.cards, self.answers = current.cards, current.answers
        card = self.cards.get(question) or Card(card_id=zlib.crc32(question.encode()), due=now)
        rated, _ = SCHEDULER.review_card(card, Rating.Good if right else Rating.Again, now)
        self.cards[question] = rated
        self.answers.append(Answer(question, right, now))
        write_whole(self.path, self._as_json())

    def _as_json(self) -> str:
        cards = ",\n".join(f"  {json.dumps(name)}: {card.to_json()}" for name, card in self.cards.items())
        answers = ",\n".join(f"  {json.dumps([a.question, a.right, a.when.isoformat()])}" for a in self.answers)
        return f'{{"version": {VERSION},\n "cards": {{\n{cards}}},\n "answers": [\n{answers}]}}\n'


def load(path: Path, now: datetime) -> Memory:
    """The memory in a file, an empty one where there is none.

    A file that is damaged is renamed, and `notice` says so. Raises CourseError where it cannot be opened at all.
    """
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return Memory(path)
    except OSError as fault:
        raise CourseError(
            f"{path} cannot be opened: {fault.strerror}. Move it away, or mend its permissions."
        ) from fault
    try:
        return _parsed(path, json.loads(text))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError) as fault:
        aside = _set_aside(path, now)
        reason = str(fault).splitlines()[0][:80] if str(fault) else type(fault).__name__
        notice = f"{path.name} could not be read ({reason}). It is kept as {aside.name}, and a new one is begun."
        return Memory(path, notice=notice)


def _parsed(path: Path, content: dict[str, Any]) -> Memory:
    if content["version"] != VERSION:
        raise ValueError(f"its version is {content['version']!r}, and should be {VERSION}")
    cards = {str(name): Card.from_dict(card) for name, card in content["cards"].items()}
    answers = [Answer(str(name), bool(right), datetime.fromisoformat(when)) for name, right, when in content["answers"]]
    times = [card.due for card in cards.values()] + [card.last_review for card in cards.values() if card.last_review]
    if any(time.utcoffset() is None for time in (*times, *(answer.when for answer in answers))):
        raise ValueError("a time lacks its zone")
    return Memory(path, cards, answers)


def _set_aside(path: Path, now: datetime) -> Path:
    stem = f"{path.stem}.damaged-{now:%Y%m%d-%H%M%S}"
    names: Iterable[Path] = (path.with_name(f"{stem}{f'-{n}' if n else ''}{path.suffix}") for n in range(1000))
    aside = next(name for name in names if not name.exists())
    try:
        path.rename(aside)
    except OSError as fault:
        raise CourseError(
            f"{path} is damaged and cannot be moved aside: {fault.strerror}. Move it yourself."
        ) from fault
    return aside
