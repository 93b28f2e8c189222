"""Where a learner stands: each exercise as its last check said, beside what the saved notebook now holds."""

from __future__ import annotations

import dataclasses
import enum
import inspect
from collections.abc import Sequence
from pathlib import Path

from autograder import registry
from autograder.course import Lesson, lessons
from autograder.desk import record
from autograder.desk.record import Kept
from autograder.errors import CourseError
from autograder.exercise import Exercise
from autograder.grading import reading
from autograder.report.results import GradingFault
from autograder.sandbox.session import source_of

STUB = "raise NotImplementedError"


class State(enum.Enum):
    """How far an exercise is: the sign before its name, and the sign in words."""

    PASSED = ("✓", "passed")
    CHANGED = ("≠", "passed, and changed since")
    TRYING = ("◐", "not yet right")
    WRITTEN = ("○", "written, not checked")
    NOT_BEGUN = ("·", "not begun")

    @property
    def sign(self) -> str:
        """A sign that needs no colour."""
        return self.value[0]

    @property
    def words(self) -> str:
        """What the sign says."""
        return self.value[1]


@dataclasses.dataclass(frozen=True)
class Place:
    """One exercise of a learner, and what is remembered of its last check, if there was one.

    `unsaved`: it passed, and the notebook was not saved since, so that what would be handed in is something else.
    """

    exercise: Exercise
    state: State
    kept: Kept | None
    unsaved: bool = False

    @property
    def minutes_left(self) -> int:
        """What it takes still: nothing, once it has passed."""
        return 0 if self.state in (State.PASSED, State.CHANGED) else self.exercise.minutes

    @property
    def diagnosis(self) -> str:
        """The diagnosis of the last check, in one line; empty where there was none."""
        name = self.kept.diagnosis if self.kept is not None and self.state is State.TRYING else None
        texts = (inspect.getdoc(mistake) or "" for mistake in self.exercise.mistakes if mistake.__name__ == name)
        return " ".join(next(texts, "").split())


@dataclasses.dataclass(frozen=True)
class LessonPlaces:
    """A lesson's exercises. `fault` says why its notebook could not be read, if so."""

    lesson: Lesson
    places: Sequence[Place]
    fault: str = ""

    @property
    def passed(self) -> int:
        """How many have passed, and are as they were."""
        return sum(place.state is State.PASSED for place in self.places)

    @property
    def minutes_left(self) -> int:
        """What its exercises take still."""
        return sum(place.minutes_left for place in self.places)

    @property
    def begun(self) -> bool:
        """Whether anything was written or checked."""
        return any(place.state is not State.NOT_BEGUN for place in self.places)


@dataclasses.dataclass(frozen=True)
class Overview:
    """A whole workspace; `notes` are what a learner should know of the files behind it."""

    workspace: Path
    lessons: Sequence[LessonPlaces]
    notes: Sequence[str]

    @property
    def next(self) -> tuple[LessonPlaces, Place] | None:
        """What to do next: in the lesson that was checked last, while there is anything left, else from the start."""
        pairs = [(lesson, place) for lesson in self.lessons for place in lesson.places]
        still_open = [pair for pair in pairs if pair[1].state is not State.PASSED]
        checked = [(place.kept.at, lesson) for lesson, place in pairs if place.kept is not None]
        latest = max(checked, key=lambda pair: pair[0])[1] if checked else None
        return next((pair for pair in still_open if pair[0] is latest), next(iter(still_open), None))


def overview(workspace: Path) -> Overview:
    """Where the learner of this workspace stands. Raises CourseError where there is none. Imports all lessons."""
    if not workspace.is_dir():
        raise CourseError(f"There is no workspace {workspace}. Make one: autograder start")
    exercises = {lesson.slug: registry.of_lesson(lesson.slug) for lesson in lessons()}
    kept, damaged = record.read(workspace, (exercise.name for found in exercises.values() for exercise in found))
    notes = [f"What was kept of a check was damaged and is set aside: {file}. Check again." for file in damaged]
    found = [_lesson(lesson, exercises[lesson.slug], workspace, kept) for lesson in lessons()]
    notes += [f"{one.lesson.name}: {one.fault}" for one in found if one.fault]
    notes += [
        f"Save {one.lesson.name}: {place.exercise.name} passed, and is not saved yet."
        for one in found
        for place in one.places
        if place.unsaved
    ]
    return Overview(workspace, found, notes)


def notebook_in(workspace: Path, lesson: Lesson) -> Path:
    """The learner's notebook of a lesson."""
    return workspace / lesson.name / f"{lesson.name}.ipynb"


def _lesson(lesson: Lesson, exercises: Sequence[Exercise], workspace: Path, kept: dict[str, Kept]) -> LessonPlaces:
    file, fault, sources, saved = notebook_in(workspace, lesson), "", [], 0.0
    if file.exists():
        saved = file.stat().st_mtime
        content = reading.content_of(file)
        notebook = content if isinstance(content, GradingFault) else reading.notebook_of(content)
        if isinstance(notebook, GradingFault):
            fault = f"the notebook could not be looked at. {notebook.message}"
        else:
            sources = [source_of(cell) for cell in notebook["cells"] if cell.get("cell_type") == "code"]
    places = [_place(exercise, sources, saved, kept.get(exercise.name)) for exercise in exercises]
    return LessonPlaces(lesson, places, fault)


def _place(exercise: Exercise, sources: Sequence[str], saved: float, kept: Kept | None) -> Place:
    name = exercise.name
    written = next((text for source in reversed(sources) if (text := record.defined(source, name))), "")
    if kept is None:
        return Place(exercise, State.WRITTEN if written and STUB not in written else State.NOT_BEGUN, None)
    if not kept.passed:
        return Place(exercise, State.TRYING, kept)
    if not written or not kept.source or record.digest(written, name) == kept.source:
        return Place(exercise, State.PASSED, kept)
    unsaved = saved <= kept.at
    return Place(exercise, State.PASSED if unsaved else State.CHANGED, kept, unsaved)
