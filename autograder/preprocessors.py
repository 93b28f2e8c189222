"""The course's own steps in nbgrader's two pipelines; nbgrader_config.py says where each stands."""

from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.preprocessors import NbGraderPreprocessor

from autograder.editions import STAMP, edition_id, inlined, is_solution

Resources = dict[str, Any]


class InlineSolutions(NbGraderPreprocessor):
    """Writes out what solution cells import, first of all in GenerateAssignment, and stamps the edition."""

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        """The notebook with each solution between nbgrader's markers; CourseError for a faulty cell."""
        directory = Path(resources["metadata"]["path"])
        notebook = directory / f"{resources['metadata']['name']}.ipynb"
        stamp = {"lesson": notebook.stem[3:], "edition": edition_id(nb.cells, notebook)}
        for cell in nb.cells:
            if is_solution(cell):
                cell.source = inlined(cell, notebook)
        nb.metadata[STAMP] = stamp
        return nb, resources


class MergeCopies(NbGraderPreprocessor):
    """Takes nbgrader's metadata from cells that a learner copied, so that a copy costs no points.

    Of several cells with one grade_id the last stays nbgrader's, as in DeduplicateIds; a cell copied from
    another notebook becomes an ordinary one. (Cell ids that repeat are repaired by nbformat as it reads.)
    """

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        """The same cells in the same order."""
        known = _grade_ids(resources["nbgrader"])
        seen: set[str] = set()
        for cell in reversed(nb.cells):
            grade_id = cell.metadata.get("nbgrader", {}).get("grade_id")
            if grade_id is None:
                continue
            if grade_id in seen or grade_id not in known:
                self.log.info("Cell %r is a copy, and is graded as an ordinary cell", grade_id)
                del cell.metadata["nbgrader"]
            seen.add(grade_id)
        return nb, resources


class NeverSkipGraded(NbGraderPreprocessor):
    """Takes all tags from the cells that count.

    A grade cell that a learner tagged `demo` would not run, and a cell without output has full points from
    nbgrader.
    """

    def preprocess_cell(self, cell: NotebookNode, resources: Resources, index: int) -> tuple[NotebookNode, Resources]:
        """The cell, without tags if nbgrader knows it."""
        if cell.metadata.get("nbgrader"):
            cell.metadata.pop("tags", None)
        return cell, resources


def _grade_ids(identity: dict[str, str]) -> set[str]:
    """The ids that the gradebook has for this notebook."""
    with Gradebook(identity["db_url"]) as gradebook:
        notebook = gradebook.find_notebook(identity["notebook"], identity["assignment"])
        return {cell.name for cell in notebook.source_cells}
