"""What a sandbox may read of the course: `metarec`, the earlier lessons' solutions, a grader that says nothing."""

from __future__ import annotations

import compileall
import dataclasses
import shutil
import site
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from pathlib import Path

import autograder
import metarec
import solutions
from autograder import course
from autograder.errors import UsageError

# lesson 06 asks for the dynamics that `metarec` runs on
HIDDEN = {"vectorised": ("dynamics.py", "engine.py")}
COURSE = ("autograder", "solutions", "metarec")
CARRIED = ("beside.py", "observers.py", "tracing.py", "sandbox/codec.py", "sandbox/inside.py", "sandbox/receiving.py")


@dataclasses.dataclass(frozen=True)
class View:
    """A folder made for the submissions of one lesson, and the installed packages beside it."""

    folder: Path
    packages: tuple[Path, ...]

    @property
    def course(self) -> Path:
        """The folder that goes on the import path."""
        return self.folder / "course"

    @property
    def import_path(self) -> list[str]:
        """Python's own modules, the course, then third parties'."""
        return [str(folder) for folder in (*standard_library(), self.course, *self.packages)]

    @property
    def boot(self) -> Path:
        """The first thing that runs."""
        return self.folder / "boot.py"

    def remove(self) -> None:
        """Take it away, once no sandbox needs it."""
        shutil.rmtree(self.folder, ignore_errors=True)


def view_of(lesson: str) -> View:
    """The view for a lesson of the course. Raises UsageError where there is no such lesson."""
    lessons = course.lessons()
    places = [place for place, known in enumerate(lessons) if known.slug == lesson]
    if not places:
        raise UsageError(f"There is no lesson {lesson!r}; there are {', '.join(known.slug for known in lessons)}.")
    return make_view([known.slug for known in lessons[: places[0]]], HIDDEN.get(lesson, ()))


def make_view(earlier: Sequence[str], hidden: Sequence[str] = ()) -> View:
    """A view with the solutions of the earlier lessons named, without the hidden files of `metarec`."""
    folder = Path(tempfile.mkdtemp(prefix="view-"))
    inside = folder / "course"
    here = Path(autograder.__file__).parent
    shutil.copytree(here / "sandbox" / "standin", inside / "autograder", ignore=_caches)
    (inside / "autograder" / "sandbox").mkdir()
    shutil.copy(here / "sandbox" / "__init__.py", inside / "autograder" / "sandbox")
    for name in CARRIED:
        shutil.copy(here / name, inside / "autograder" / name)
    (inside / "solutions").mkdir()
    for name in ("__init__", *earlier):
        source = Path(solutions.__path__[0]) / f"{name}.py"
        if source.exists():
            shutil.copy(source, inside / "solutions")
    shutil.copytree(metarec.__path__[0], inside / "metarec", ignore=shutil.ignore_patterns("__pycache__", *hidden))
    compileall.compile_dir(inside, quiet=2, stripdir=str(inside))
    shutil.copy(here / "sandbox" / "boot.py", folder)
    _copy_font_list(folder / "fonts")
    return View(folder, installed_packages())


def installed_packages() -> tuple[Path, ...]:
    """Where third parties' packages lie: those of this environment, none of the user's own."""
    found = [sysconfig.get_path(name) for name in ("purelib", "platlib")] + site.getsitepackages()
    return tuple(dict.fromkeys(Path(name) for name in found if Path(name).is_dir()))


def course_copies() -> list[Path]:
    """Where the course is installed beside third parties' packages, here or in the Python underneath."""
    base = {"base": sys.base_prefix, "platbase": sys.base_exec_prefix}
    below = [Path(sysconfig.get_path(name, vars=base)) for name in ("purelib", "platlib")]
    folders = dict.fromkeys((*installed_packages(), *below))
    return [folder / name for folder in folders for name in COURSE if (folder / name).is_dir()]


def standard_library() -> tuple[Path, ...]:
    """The import path of Python itself."""
    names = dict.fromkeys(Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib"))
    return (*names, *(name / "lib-dynload" for name in names if (name / "lib-dynload").is_dir()))


def _caches(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name == "__pycache__"]


def _copy_font_list(folder: Path) -> None:
    """Matplotlib's list of fonts, which it would take seconds to make in every sandbox."""
    from matplotlib import font_manager

    folder.mkdir()
    font_manager.json_dump(font_manager.fontManager, folder / f"fontlist-v{font_manager.FontManager.__version__}.json")
