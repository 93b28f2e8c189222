"""All exercises, in course order. Lessons are imported one by one: the early ones must not wait for torch."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterator

from autograder.course import lessons
from autograder.exercise import Exercise


@functools.cache
def of_lesson(slug: str) -> tuple[Exercise, ...]:
    """The exercises of one lesson, in the order in which its module defines them."""
    module = importlib.import_module(f"autograder.lessons.{slug}")
    return tuple(value for value in vars(module).values() if isinstance(value, Exercise))


def walk() -> Iterator[Exercise]:
    """The exercises in course order, each lesson imported only when it is reached."""
    for lesson in lessons():
        yield from of_lesson(lesson.slug)


def exercises() -> list[Exercise]:
    """All exercises in course order, each with `name`, `lesson`, `points`, `reference` and `mistakes`."""
    return list(walk())


def find(name: str) -> Exercise:
    """The exercise of that name; KeyError if there is none."""
    for exercise in walk():
        if exercise.name == name:
            return exercise
    raise KeyError(name)
