"""The notebook that is presented: the instructor's own, and after each check a cell that reveals the reference."""

from pathlib import Path
from typing import TYPE_CHECKING

from autograder.course import ROOT, Lesson
from autograder.report.files import write_whole

if TYPE_CHECKING:
    from nbformat import NotebookNode

FOLDER = "classroom/present"
"""in the course's root, where git does not look"""


def presented(lesson: Lesson) -> "NotebookNode":
    """The notebook of a lesson with a slide after each check that shows the reference once it is run."""
    import nbformat

    notebook = nbformat.read(lesson.notebook, as_version=4)
    cells = []
    for cell in notebook.cells:
        cells.append(cell)
        role = cell.metadata.get("nbgrader", {})
        if role.get("grade"):
            name = role["grade_id"]
            slide = {"slideshow": {"slide_type": "subslide"}, "tags": ["demo"]}
            cells.append(nbformat.v4.new_code_cell(f"reveal({name})", id=f"{cell.id}-reveal", metadata=slide))
    notebook.cells = cells
    return notebook


def copied(lesson: Lesson, root: Path = ROOT) -> Path:
    """Write the presented notebook over that of last time, and return where; CourseError if it cannot be written."""
    import nbformat

    path = root / FOLDER / f"{lesson.name}.ipynb"
    write_whole(path, f"{nbformat.writes(presented(lesson))}\n")
    return path
