"""What `autograder drill` and the notebook's `drill`, `repair` and `weak_spots` do."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from autograder.course import lessons, named
from autograder.editions import read
from autograder.errors import UsageError
from autograder.interview import breaking, memory, questions, session, sheet, terminal
from autograder.place import workspace
from autograder.report.files import write_whole

Clock = Callable[[], datetime]


@dataclass(frozen=True)
class Options:
    """What was asked for. `workspace` is found by `autograder.place` where it is None."""

    lesson: str = ""
    count: int = 10
    workspace: Path | None = None
    repair: bool = False
    sheet: bool = False
    html: Path | None = None

    @property
    def folder(self) -> Path:
        """The workspace."""
        return workspace(self.workspace)


def clock() -> datetime:
    """The time now, in UTC, as fsrs wants it."""
    return datetime.now(UTC)


def drill(options: Options) -> None:
    """What the command line was asked for. Raises CourseError for what cannot be done."""
    if options.repair and options.sheet:
        raise UsageError("Choose one: --repair or --sheet.")
    if options.html and not options.sheet:
        raise UsageError("--html belongs to --sheet.")
    if options.sheet:
        made = weak_spots(options)
        if options.html:
            write_whole(options.html, made.as_page(options.folder))
        Console(highlight=False, soft_wrap=True, markup=False).print(str(made))
    elif options.repair:
        repair(options)
    else:
        ask(options)


def ask(options: Options, *, ui: Any = None, rng: random.Random | None = None, now: Clock = clock) -> None:
    """Ask questions: with `ui`, a module that has `show_session`, else in the terminal."""
    known = questions.bank()
    about = session.of_lesson(known, options.lesson) if options.lesson else list(known)
    asking = session.Session(about, remembered(options, now()), rng or random.Random(), options.count)
    if ui is not None:
        ui.show_session(asking, now)
    else:
        console = Console(highlight=False, soft_wrap=True)
        terminal.run(asking, console, console.input, now)


def repair(options: Options, *, ui: Any = None, rng: random.Random | None = None, now: Clock = clock) -> None:
    """Break a function of the learner's, and let them find the line; say so where there is none."""
    console = Console(highlight=False, soft_wrap=True)
    slug = _slug(options.lesson)
    kept = remembered(options, now())
    own = breaking.candidates(options.folder, slug)
    where = f"lesson {slug}" if slug else str(options.folder)
    if not own:
        terminal.say(console, f"There is no function of yours in {where} yet: stubs, and what trains, are left out.")
        return
    broken = breaking.break_one(own, kept, now(), rng or random.Random())
    if broken is None:
        names = ", ".join(function.name for function in own)
        terminal.say(console, f"None of your functions passes its check now, or can be broken: {names}.")
    elif ui is not None:
        ui.show_repair(broken, kept, now)
    else:
        terminal.run_repair(broken, kept, console, console.input, now)


def weak_spots(options: Options, *, now: Clock = clock) -> sheet.Sheet:
    """The sheet over the whole bank and the functions that were repaired."""
    kept = remembered(options, now())
    own = _graded() if any(name.startswith(breaking.identity("")) for name in kept.cards) else []
    return sheet.sheet(questions.bank(), kept, now(), own)


def _graded() -> list[tuple[str, str, str]]:
    """Name, lesson and cell of every exercise, by the notebooks: the lessons themselves take seconds to import."""
    return [
        (cell["metadata"]["nbgrader"]["grade_id"], lesson.name, cell["id"])
        for lesson in lessons()
        for cell in read(lesson.notebook)["cells"]
        if cell["metadata"].get("nbgrader", {}).get("grade")
    ]


def remembered(options: Options, now: datetime) -> memory.Memory:
    """The learner's memory. Raises CourseError where its file cannot be opened."""
    return memory.load(options.folder / memory.NAME, now)


def _slug(lesson: str) -> str:
    """The slug of a lesson given by slug, number or name; empty for none. Raises UsageError for an unknown one."""
    return named(lesson).slug if lesson else ""
