"""`autograder drill`: the drill, the repair of one's own code and the sheet, in a terminal."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from autograder.interview import memory, place, questions, session, terminal


@dataclass(frozen=True)
class Options:
    """What the command line was asked for."""

    lesson: str = ""
    count: int = 10
    workspace: Path | None = None
    repair: bool = False
    sheet: bool = False
    html: Path | None = None


def clock() -> datetime:
    """The time now, in UTC, as fsrs wants it."""
    return datetime.now(UTC)


def drill(
    options: Options,
    console: Console | None = None,
    rng: random.Random | None = None,
    now: Callable[[], datetime] = clock,
) -> None:
    """Do what the options say. Raises CourseError for what cannot be done."""
    console = console or Console(highlight=False, soft_wrap=True)
    rng = rng or random.Random()
    known = questions.bank()
    asked_about = session.of_lesson(known, options.lesson) if options.lesson else list(known)
    remembered = memory.load(place.workspace(options.workspace) / place.NAME, now())
    terminal.run(session.Session(asked_about, remembered, rng, options.count), console, console.input, now)
