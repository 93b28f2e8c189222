"""An ordinary nbgrader assignment: assert cells, no exercise of this course. It is scored as nbgrader scores it.

Where nbgrader's rule fails open or punishes a warning, this one does not: see docs/SCALE.md, "Other nbgrader courses".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from nbformat import NotebookNode, from_dict
from nbformat.v4 import new_output
from nbgrader import utils

from autograder.report.results import ExerciseResult
from autograder.sandbox.kernel import CellRun, Kernel
from autograder.sandbox.limits import Limits
from autograder.sandbox.session import Sandbox
from autograder.sandbox.view import make_view

Outputs = Mapping[int, list[dict[str, Any]]]


def sandbox(*, unsafe: bool) -> Sandbox:
    """A sandbox for submissions of no lesson, in which a cell that did not end well says so."""
    return _Sandbox("", Limits(), unsafe=unsafe, view=make_view([]))


class _Sandbox(Sandbox):
    def kernel(self) -> Kernel:
        return _Kernel(self.view, self.limits, unsafe=self.unsafe)


class _Kernel(Kernel):
    def run_cell(self, source: str) -> CellRun:
        """An error is among the outputs of a cell that ended its kernel, took too long, or failed without a word."""
        found = super().run_cell(source)
        if found.fault:
            found.outputs.append(dict(failure(found.fault[0].capitalize(), found.fault[1])))
        elif not any(output["output_type"] == "error" for output in found.outputs):
            unsaid = super().run_cell("assert get_ipython().last_execution_succeeded")
            if unsaid.fault or unsaid.outputs:
                found.outputs.append(dict(failure("Failed", "The cell failed, and its error was not shown.")))
        return found


def canonical(notebook: NotebookNode) -> bytes:
    """What a score depends on in a sanitised notebook, as the bytes of one."""
    cells = [
        {
            "cell_type": cell.cell_type,
            "source": cell.source,
            "metadata": {name: cell.metadata[name] for name in ("nbgrader", "tags") if name in cell.metadata},
        }
        for cell in notebook.cells
    ]
    return json.dumps({"nbformat": 4, "cells": cells}, sort_keys=True).encode()


def results(notebook: Mapping[str, Any], outputs: Outputs) -> tuple[ExerciseResult, ...]:
    """The score of each cell that nbgrader grades by itself; what a person has to grade is worth nothing until then."""
    found = []
    for place, cell in enumerate(notebook["cells"]):
        cell = from_dict(cell)
        if not utils.is_grade(cell) or "grade_id" not in cell.metadata.nbgrader:
            continue
        if cell.cell_type == "code" and not utils.is_solution(cell):
            cell.outputs = closed(cell, outputs.get(place))
        score, points = utils.determine_grade(cell)
        name = str(cell.metadata.nbgrader.grade_id)
        if score is None:
            found.append(ExerciseResult(name, 0.0, 0.0, message="A person grades this one."))
        else:
            found.append(ExerciseResult(name, float(score), points, message=_error(cell.get("outputs", []))))
    return tuple(found)


def closed(cell: NotebookNode, outputs: Iterable[Mapping[str, Any]] | None) -> list[NotebookNode]:
    """The outputs of an assert cell, such that nbgrader reads no points from them where there are none.

    nbgrader gives all points to a cell without an error, so one that did not run gets an error; it takes them away for
    a word on stderr, which is dropped; it gives them for a result that is no number, which becomes an error; and it
    looks at what comes first, so that an error is put there.
    """
    if outputs is None:
        return [failure("NotRun", "It was not run: a cell before it ended the kernel or used up the time.")]
    shown = [from_dict(output) for output in outputs]
    shown = [output for output in shown if not (output.output_type == "stream" and output.name == "stderr")]
    errors = [output for output in shown if output.output_type == "error"]
    if errors:
        return errors
    points = float(cell.metadata.nbgrader.points)
    if any(output.output_type == "execute_result" and not _is_share(output, points) for output in shown):
        return [failure("NoPoints", f"The result of this cell is no number from 0 to {points:g}.")]
    return shown


def _is_share(output: NotebookNode, points: float) -> bool:
    try:
        return 0 <= float(output.data["text/plain"]) <= points
    except (KeyError, TypeError, ValueError):
        return False


def failure(name: str, message: str) -> NotebookNode:
    """An error output, which nbgrader reads as no points."""
    return new_output("error", ename=name, evalue=message, traceback=[f"{name}: {message}"])


def _error(outputs: Iterable[NotebookNode]) -> str:
    """The first error in one line."""
    for output in outputs:
        if output.output_type == "error":
            return f"{output.ename}: {output.evalue}" if output.evalue else str(output.ename)
    return ""
