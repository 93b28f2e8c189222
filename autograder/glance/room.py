"""Who is in the class and where each of them is: all in memory, kept by a store, bounded in size."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import hashlib
import secrets
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from autograder.errors import CourseError
from autograder.glance.names import cleaned, folded, told_apart
from autograder.glance.outline import Outline
from autograder.glance.store import State, Store

MOST_LEARNERS = 2_000
# a mistake counts as being made now for so long after the check that showed it
WINDOW_SECONDS = 600
MOST_MISTAKES = 100
NOT_BEGUN, TRYING, PASSED = "0", "1", "2"


class Full(CourseError):
    """No more learners fit."""


@dataclasses.dataclass(frozen=True)
class Report:
    """All that a learner's check tells: the exercise, whether it passed, and the mistake that was recognised."""

    exercise: str
    passed: bool
    diagnosis: str | None


@dataclasses.dataclass
class Learner:
    """Somebody who joined. `version` is the room's when something about them changed last."""

    id: int
    nickname: str
    states: dict[str, State]
    version: int


class Room:
    """The learners of one class. `now` gives seconds since the epoch.

    `version` counts the changes; `epoch` changes where a page has to forget what it knows.
    """

    def __init__(self, outline: Outline, store: Store, now: Callable[[], float] = time.time) -> None:
        self.outline, self.store, self.now = outline, store, now
        self.exercises = outline.exercises
        self.version, self.epoch = 0, secrets.token_hex(4)
        self.learners: dict[str, Learner] = {}
        by_id = {}
        for number, key, nickname in store.learners():
            by_id[number] = self.learners[key] = Learner(number, nickname, {}, 0)
        for number, exercise, state in store.states():
            # an exercise or a mistake that the course no longer has is kept, and not shown
            if exercise in outline.mistakes:
                by_id[number].states[exercise] = state
        self._changed = asyncio.Event()

    def find(self, key: str) -> Learner | None:
        """The learner whose key that is."""
        return self.learners.get(digest(key))

    def join(self, nickname: str, learner: Learner | None = None) -> tuple[Learner, str]:
        """Let somebody in, or one who is in have another nickname; returns a new learner's key.

        Raises CourseError for a nickname of which nothing shows, and `Full`.
        """
        name = cleaned(nickname)
        if not name:
            raise CourseError("A nickname needs a letter, a digit or a sign.")
        others = {folded(other.nickname) for other in self.learners.values() if other is not learner}
        if learner is not None:
            self.store.rename(learner.id, told_apart(name, others))
            learner.nickname = told_apart(name, others)
            self._change(learner)
            return learner, ""
        if len(self.learners) >= MOST_LEARNERS:
            raise Full(f"The classroom is full: {MOST_LEARNERS:,} learners are in it.")
        key, name = secrets.token_urlsafe(24), told_apart(name, others)
        learner = Learner(self.store.add(digest(key), name), name, {}, 0)
        self.learners[digest(key)] = learner
        self._change(learner)
        return learner, key

    def report(self, learner: Learner, reports: Sequence[Report]) -> None:
        """Take what a learner's checks told; the last of an exercise counts. Only what `known` said yes to."""
        states = {report.exercise: State(report.passed, report.diagnosis, self.now()) for report in reports}
        self.store.keep(learner.id, states.items())
        learner.states |= states
        self._change(learner)

    def known(self, report: Report) -> bool:
        """Whether the course has that exercise, and the exercise that mistake."""
        mistakes = self.outline.mistakes.get(report.exercise)
        if mistakes is None or (report.passed and report.diagnosis is not None):
            return False
        return report.diagnosis is None or report.diagnosis in mistakes

    def leave(self, learner: Learner) -> None:
        """Forget a learner."""
        self.store.forget(learner.id)
        self.learners = {key: other for key, other in self.learners.items() if other is not learner}
        self.epoch = secrets.token_hex(4)
        self._change()

    def _change(self, learner: Learner | None = None) -> None:
        self.version += 1
        if learner is not None:
            learner.version = self.version
        self.wake()

    def wake(self) -> None:
        """End all waiting for a change."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def change(self, seen: int, timeout: float) -> None:
        """Wait until the room has another version than the one `seen`, or until the time is over."""
        if self.version == seen:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), timeout)

    def news(self, epoch: str = "", seen: int = -1) -> dict[str, Any]:
        """What a page has to learn that knows `seen` of this epoch; everything, if it knows another epoch."""
        anew = epoch != self.epoch
        rows = [
            [learner.id, learner.nickname, self._row(learner)]
            for learner in self.learners.values()
            if anew or learner.version > seen
        ]
        news = {"epoch": self.epoch, "anew": anew, "learners": rows, "mistakes": self.mistakes(), "at": self.latest()}
        return news | ({"lessons": self.outline.lessons} if anew else {})

    def _row(self, learner: Learner) -> str:
        states = (learner.states.get(exercise) for exercise in self.exercises)
        return "".join(NOT_BEGUN if state is None else PASSED if state.passed else TRYING for state in states)

    def mistakes(self) -> list[list[Any]]:
        """[count, exercise, diagnosis] of what goes wrong now, most first: of each learner the last check counts.

        The diagnosis is empty where none was recognised.
        """
        since = self.now() - WINDOW_SECONDS
        counts = Counter(
            (exercise, state.diagnosis)
            for learner in self.learners.values()
            for exercise, state in learner.states.items()
            if not state.passed and state.at > since
        )
        found: list[list[Any]] = [
            [count, exercise, self.outline.mistakes[exercise].get(diagnosis or "", "")]
            for (exercise, diagnosis), count in counts.items()
        ]
        # those that have no name are told last
        found.sort(key=lambda row: (not row[2], -row[0], row[1], row[2]))
        return found[:MOST_MISTAKES]

    def latest(self) -> str:
        """The exercise that the class is at: the one most learners checked within the window; empty for none."""
        since = self.now() - WINDOW_SECONDS
        counts = Counter(
            max(recent)[1]
            for learner in self.learners.values()
            if (recent := [(state.at, name) for name, state in learner.states.items() if state.at > since])
        )
        return counts.most_common(1)[0][0] if counts else ""


def digest(key: str) -> str:
    """What is kept of a learner's key."""
    return hashlib.sha256(key.encode()).hexdigest()
