"""The learner's folder: made once, added to when the course changes, never overwritten."""

import errno
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from autograder.course import ROOT, Lesson, lessons
from autograder.editions import STAMP, edition_id, learner_edition, read
from autograder.errors import CourseError

# What file systems without hard links answer (exFAT, some network drives).
NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}


class Did(Enum):
    """What `start` did about one lesson."""

    MADE = "made"
    KEPT = "kept"
    BESIDE = "beside"
    FAILED = "failed"


@dataclass(frozen=True)
class Outcome:
    """What became of one lesson: `path` is the file that it is about, `message` says what failed."""

    lesson: Lesson
    did: Did
    path: Path
    message: str = ""


def start(workspace: Path, root: Path = ROOT) -> Iterator[Outcome]:
    """Make `workspace/NN_slug/NN_slug.ipynb` for every lesson that has none, and yield what was done.

    A file that is there stays as it is. Where its edition is not the course's, the new one is put beside it
    as `NN_slug.edition-<id>.ipynb`, once. Raises CourseError where the workspace itself cannot be made; a
    fault of one lesson is its outcome and stops no other.
    """
    course = lessons(root)
    try:
        workspace.mkdir(parents=True, exist_ok=True)
        _write_new(workspace / "nbgrader_config.py", _nbgrader_config(workspace, root))
    except FileExistsError:
        raise CourseError(
            f"{workspace} is a file, and the workspace must be a folder. "
            "Move it away, or choose another: autograder start --workspace DIR"
        ) from None
    except OSError as fault:
        raise CourseError(
            f"The workspace {workspace} cannot be written ({fault.strerror}). "
            "Choose a folder of yours: autograder start --workspace DIR"
        ) from fault
    for lesson in course:
        target = workspace / lesson.name / f"{lesson.name}.ipynb"
        try:
            yield _bring(lesson, target)
        except CourseError as fault:
            yield Outcome(lesson, Did.FAILED, target, str(fault))
        except OSError as fault:
            reason = f"{fault.filename or target}: {fault.strerror}. Nothing was changed."
            yield Outcome(lesson, Did.FAILED, target, reason)


def _bring(lesson: Lesson, target: Path) -> Outcome:
    current = edition_id(read(lesson.notebook)["cells"], lesson.notebook)
    if os.path.lexists(target.parent) and not target.parent.is_dir():
        raise CourseError(f"{target.parent} is a file, and the lesson's folder must be there. Move it away.")
    if not os.path.lexists(target):
        target.parent.mkdir(exist_ok=True)
        if _write_new(target, _edition_text(lesson)):
            return Outcome(lesson, Did.MADE, target)
    try:
        stamp = read(target)["metadata"].get(STAMP)
    except CourseError as fault:
        raise CourseError(f"{target}: {fault}. Nothing was changed; move it away for a fresh one.") from fault
    if isinstance(stamp, dict) and stamp.get("edition") == current:
        return Outcome(lesson, Did.KEPT, target)
    beside = target.with_name(f"{lesson.name}.edition-{current}.ipynb")
    if not os.path.lexists(beside):
        _write_new(beside, _edition_text(lesson))
    return Outcome(lesson, Did.BESIDE, beside)


def _edition_text(lesson: Lesson) -> str:
    """The learner edition as nbgrader writes it to a file."""
    import nbformat

    return f"{nbformat.writes(learner_edition(lesson.notebook))}\n"


def _nbgrader_config(workspace: Path, root: Path) -> str:
    """What lets nbgrader, JupyterLab's Assignment List above all, find the course from the workspace."""
    course = os.path.relpath(root.resolve(), workspace.resolve())
    return f'''"""Made by `autograder start`, so that nbgrader finds the course from this folder too."""

from pathlib import Path

HERE = Path(__file__).resolve().parent

c = get_config()
load_subconfig("nbgrader_config.py", path=str((HERE / {course!r}).resolve()))
c.Exchange.assignment_dir = str(HERE)
'''


def _write_new(path: Path, content: str) -> bool:
    """Write a file whole or not at all, and never over one that is there; returns whether it was written."""
    if os.path.lexists(path):
        return False
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        _create(temporary, content)
        try:
            path.hardlink_to(temporary)
        except FileExistsError:
            return False
        except OSError as fault:
            if fault.errno not in NO_LINKS:
                raise
            # Still never over another's file, though a crash in the middle could leave a part of ours.
            _create(path, content)
        return True
    finally:
        temporary.unlink(missing_ok=True)


def _create(path: Path, content: str) -> None:
    with path.open("x", encoding="utf-8", newline="\n") as file:
        file.write(content)
