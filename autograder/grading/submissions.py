"""Finding submissions: a notebook, a folder of notebooks, or nbgrader's submitted tree."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from autograder.course import lessons, named
from autograder.errors import UsageError
from autograder.registry import of_lesson
from autograder.sandbox.session import grade_name

NAME = "Name a notebook, a folder of notebooks, or the submitted tree that `nbgrader collect` makes."
LEFT_OUT = {".ipynb_checkpoints", "__pycache__", ".git", ".venv"}


@dataclasses.dataclass(frozen=True)
class Submission:
    """A file that was handed in. `lesson` is the slug that its place tells, empty where the content has to tell."""

    learner: str
    path: Path
    lesson: str = ""


def found(paths: Iterable[Path], lesson: str = "") -> list[Submission]:
    """The submissions at these paths, each once, in order. Raises UsageError for a path that is not there.

    In `STUDENT/NN_slug/NN_slug.ipynb`, as nbgrader's tree has it, and in `STUDENT/NN_slug.ipynb` the folder names the
    learner; any other file names its learner itself. `lesson` is that of all of them, if it is given.
    """
    lesson = named(lesson).slug if lesson else ""
    submissions: dict[Path, Submission] = {}
    for path in paths:
        if not path.exists() and not path.is_symlink():
            raise UsageError(f"There is no {path}. {NAME}")
        for file in _files(path):
            submissions.setdefault(Path(os.path.abspath(file)), _submission(file, lesson))  # noqa: PTH100 (keeps links)
    return list(submissions.values())


def _files(path: Path) -> Iterator[Path]:
    if path.is_symlink() or not path.is_dir():
        yield path
        return
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if name not in LEFT_OUT)
        # a link to a folder is not followed, but named, so that nobody is left out in silence
        yield from (Path(folder) / name for name in folders if (Path(folder) / name).is_symlink())
        yield from (Path(folder) / name for name in sorted(names) if name.endswith(".ipynb"))


def _submission(file: Path, lesson: str) -> Submission:
    here = Path(os.path.abspath(file))  # noqa: PTH100 (keeps links)
    names = {known.name: known.slug for known in lessons()}
    parent = here.parent
    if parent.name in names:
        return Submission(parent.parent.name, file, lesson or names[parent.name])
    if here.stem in names:
        # a link may stand in the place of the lesson's folder
        return Submission(parent.name, file, lesson or names[here.stem])
    return Submission(here.stem, file, lesson)


def lesson_of(notebook: Mapping[str, Any]) -> str:
    """The lesson most of whose exercises the notebook grades; empty where it grades none of any."""
    graded = {grade_name(cell) for cell in notebook["cells"]}
    counts = {lesson.slug: sum(exercise.name in graded for exercise in of_lesson(lesson.slug)) for lesson in lessons()}
    best = max(counts, key=lambda slug: counts[slug])
    return best if counts[best] else ""
