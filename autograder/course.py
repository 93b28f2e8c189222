"""Where the course lies: its root and its lessons in order, wherever a command was started."""

import re
from dataclasses import dataclass
from pathlib import Path

from autograder.errors import CourseError, UsageError

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Lesson:
    """One lesson: `notebooks/NN_slug/NN_slug.ipynb`, as the instructor sees it."""

    number: int
    slug: str
    directory: Path
    notebook: Path

    @property
    def name(self) -> str:
        """The lesson's folder and nbgrader's assignment id, `NN_slug`."""
        return self.directory.name


def lessons(root: Path = ROOT) -> list[Lesson]:
    """All lessons of the course at `root`, by number.

    Raises CourseError where there is none: the notebooks lie beside the packages, not in them.
    """
    found = []
    for notebook in sorted((root / "notebooks").glob("*/*.ipynb")):
        match = re.fullmatch(r"(\d\d)_([a-z0-9_]+)", notebook.stem)
        if match and notebook.parent.name == notebook.stem:
            found.append(Lesson(int(match[1]), match[2], notebook.parent, notebook))
    if not found:
        raise CourseError(
            f"No lesson in {root / 'notebooks'}. Install the course from its own folder: pip install -e ."
        )
    return found


def named(name: str | int, root: Path = ROOT) -> Lesson:
    """The lesson called by its number, its slug or both: 3, 03, q_learning, 03_q_learning. UsageError for another."""
    course = lessons(root)
    for lesson in course:
        if str(name) in {str(lesson.number), f"{lesson.number:02}", lesson.slug, lesson.name}:
            return lesson
    raise UsageError(f"There is no lesson {name}. There are {', '.join(lesson.name for lesson in course)}.")
