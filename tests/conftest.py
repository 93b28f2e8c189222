"""What several tests need: a small ordinary course in a folder of its own, and one thread per test worker."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from filelock import FileLock
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from autograder.course import ROOT, Lesson

os.environ.setdefault("MPLBACKEND", "Agg")
if "PYTEST_XDIST_WORKER" in os.environ:
    # The workers fill the cores already.
    os.environ.setdefault("OMP_NUM_THREADS", "1")

SOLUTIONS = '''"""The reference."""

import functools

HIDDEN = "secret of the module"


def twice(x: float) -> float:
    """Twice x, of the sign of x."""
    # secret: a comment ahead of the body
    y = 2 * x

    return y
    # secret: a comment after the body


@functools.cache
def thrice(x: float) -> float:
    # secret: a function without a docstring
    return 3 * x


class Counter:
    """Counts in steps."""

    step: int = 1

    def __init__(self, start: int = 0) -> None:
        self.secret = start

        # secret: a comment at the end of a method

    # What `add` is for, and stays.
    def add(self, times: int) -> int:
        """Add `times` steps; the new count."""

        def secret() -> int:
            """A function in the body."""
            return times * self.step

        self.secret += secret()
        return self.secret
'''


def _code(name: str, source: str, **nbgrader: Any) -> nbformat.NotebookNode:
    cell = new_code_cell(source, id=name)
    if nbgrader:
        kind = {"grade": False, "solution": False, "locked": False, "task": False, "schema_version": 3}
        cell.metadata["nbgrader"] = kind | {"grade_id": name} | nbgrader
    return cell


def _first() -> nbformat.NotebookNode:
    """A lesson with a function, a class, a cell for the reader alone, and partial credit."""
    spoils = _code("picture", "twice = None")
    spoils.metadata["tags"] = ["demo"]
    return new_notebook(
        cells=[
            new_markdown_cell("# First", id="title"),
            _code("imports", "import functools"),
            _code("twice-solution", "from solutions.first import twice, thrice", solution=True),
            spoils,
            _code("twice", "1.0 * (twice(2) == 4) + 1.0 * (twice(5) == 10)", grade=True, locked=True, points=2),
            _code("counter-solution", "from solutions.first import Counter", solution=True),
            _code("counter", "assert Counter(1).add(2) == 3", grade=True, locked=True, points=1),
        ],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """The root of a small course of one lesson, `00_first`, under the real configuration of nbgrader."""
    root = tmp_path / "course"
    (root / "solutions").mkdir(parents=True)
    (root / "notebooks" / "00_first").mkdir(parents=True)
    (root / "solutions" / "first.py").write_text(SOLUTIONS)
    nbformat.write(_first(), root / "notebooks" / "00_first" / "00_first.ipynb")
    shutil.copy(ROOT / "nbgrader_config.py", root)
    return root


@pytest.fixture
def source(course: Path) -> Path:
    """The instructor's notebook of the small course's lesson."""
    return course / "notebooks" / "00_first" / "00_first.ipynb"


@pytest.fixture(scope="session")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Lesson], nbformat.NotebookNode]:
    """A lesson's notebook as it is once every cell has run, as if shown to somebody: sliders too.

    Solutions are written out where a learner writes them, so that they see the notebook's own imports and nothing of
    their module. Each lesson is run once, by the worker that is first to ask.
    """
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent

    def run(lesson: Lesson) -> nbformat.NotebookNode:
        kept = folder / f"ran-{lesson.name}.ipynb"
        with FileLock(f"{kept}.lock"):
            if not kept.exists():
                nbformat.write(_run(lesson), kept)
        return nbformat.read(kept, as_version=4)

    return run


def _run(lesson: Lesson) -> nbformat.NotebookNode:
    # here, for they take a second to load
    from nbclient import NotebookClient

    from autograder.preprocessors import InlineSolutions

    where = {"path": str(lesson.directory), "name": lesson.name}
    notebook, _ = InlineSolutions().preprocess(nbformat.read(lesson.notebook, as_version=4), {"metadata": where})
    client = NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(lesson.directory)}})
    client.create_kernel_manager()
    with client.setup_kernel():
        # a kernel that may ask shows its figures with their sliders
        client.kc.allow_stdin = True
        for index, cell in enumerate(notebook.cells):
            client.execute_cell(cell, index)
        client.set_widgets_metadata()
    return notebook
