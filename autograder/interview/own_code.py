"""The functions that a learner has written, out of the notebooks in the workspace, and what they need to run.

Only imports, functions, classes and literal constants are taken: what else a notebook does, trains or prints is left
out, so that a function can be tried without running its notebook.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.course import ROOT, Lesson, lessons
from autograder.editions import BEGIN, END, is_solution, read, text
from autograder.errors import CourseError


@dataclass(frozen=True)
class Own:
    """A function of the learner's: its source, and a module's source (with `MARK` in its place) that it runs in."""

    name: str
    lesson: str
    source: str
    around: str

    def module(self, source: str) -> str:
        """The module with this source in the function's place."""
        return self.around.replace(MARK, source)


MARK = "#\0 the function\n"


def functions(workspace: Path, root: Path = ROOT) -> Iterator[Own]:
    """The functions that stand in the solution cells of the workspace's notebooks and are no stubs, in course order.

    A notebook that cannot be read, and a cell that is not Python, is passed over.
    """
    for lesson in lessons(root):
        try:
            cells = read(workspace / lesson.name / f"{lesson.name}.ipynb")["cells"]
        except (CourseError, OSError):
            continue
        yield from _of_notebook(lesson, cells)


def _of_notebook(lesson: Lesson, cells: list[dict[str, Any]]) -> Iterator[Own]:
    parts: list[tuple[ast.stmt, str, bool]] = []
    for cell in cells:
        if cell["cell_type"] != "code" or "demo" in cell["metadata"].get("tags", []):
            continue
        source = text(cell)
        try:
            statements = ast.parse(source).body
        except (SyntaxError, ValueError):
            continue
        parts += [(s, _source(source, s), is_solution(cell)) for s in statements if _is_definition(s)]
    for place, (statement, source, solution) in enumerate(parts):
        if not solution or not isinstance(statement, ast.FunctionDef) or _is_stub(statement):
            continue
        pieces = [MARK if at == place else part for at, (_, part, _) in enumerate(parts)]
        yield Own(statement.name, lesson.slug, source, "".join(pieces))


def _is_definition(statement: ast.stmt) -> bool:
    match statement:
        case ast.ImportFrom(module=str(module)):
            return module.split(".")[0] != "autograder"
        case ast.Import() | ast.FunctionDef() | ast.ClassDef():
            return True
        case ast.Assign(value=value):
            return all(isinstance(node, ast.Constant | ast.Tuple | ast.List | ast.Load) for node in ast.walk(value))
    return False


def _is_stub(function: ast.FunctionDef) -> bool:
    last = function.body[-1]
    return isinstance(last, ast.Raise) and "NotImplementedError" in ast.dump(last)


def _source(cell: str, statement: ast.stmt) -> str:
    """The statement as it stands in the cell, decorators too, without nbgrader's markers."""
    decorators = getattr(statement, "decorator_list", [])
    first = min([statement.lineno, *(decorator.lineno for decorator in decorators)])
    lines = cell.splitlines()[first - 1 : statement.end_lineno]
    return "\n".join(line for line in lines if line.strip() not in (BEGIN, END)) + "\n"
