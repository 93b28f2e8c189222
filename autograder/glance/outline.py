"""What a classroom knows of the course: lessons, their exercises, and the mistakes that have a name."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping, Sequence

from autograder import registry
from autograder.course import lessons


@dataclasses.dataclass(frozen=True)
class Outline:
    """`lessons` in course order, each with the names of its exercises; `mistakes` by exercise, name to diagnosis."""

    lessons: Sequence[tuple[str, Sequence[str]]]
    mistakes: Mapping[str, Mapping[str, str]]

    @property
    def exercises(self) -> list[str]:
        """All exercises in course order."""
        return [name for _, names in self.lessons for name in names]


def of_course() -> Outline:
    """The outline of this course. Imports all lessons, which takes seconds."""
    of_lessons = [(lesson.name, registry.of_lesson(lesson.slug)) for lesson in lessons()]
    return Outline(
        [(name, [exercise.name for exercise in exercises]) for name, exercises in of_lessons],
        {
            exercise.name: {m.__name__: " ".join((inspect.getdoc(m) or "").split()) for m in exercise.mistakes}
            for _, exercises in of_lessons
            for exercise in exercises
        },
    )
