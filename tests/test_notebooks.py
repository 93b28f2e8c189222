"""The source notebooks: their form, their agreement with the exercises, and that they run."""

import re
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

from autograder.course import ROOT, Lesson, lessons
from autograder.editions import learner_edition
from autograder.registry import of_lesson

Run = Callable[[Lesson], NotebookNode]
LESSONS = lessons()
each = pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)


def read(path: Path) -> NotebookNode:
    return nbformat.read(path, as_version=4)


def role(cell: NotebookNode) -> dict[str, object]:
    return dict(cell.metadata.get("nbgrader", {}))


@each
def test_a_source_notebook_holds_no_outputs(lesson: Lesson) -> None:
    notebook = read(lesson.notebook)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == [], cell.id
            assert cell.execution_count is None, cell.id


@each
def test_cell_ids_are_readable_and_unique(lesson: Lesson) -> None:
    ids = [cell.id for cell in read(lesson.notebook).cells]
    assert len(set(ids)) == len(ids)
    for cell_id in ids:
        assert re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", cell_id), cell_id


@each
def test_grade_cells_agree_with_the_exercises(lesson: Lesson) -> None:
    cells = read(lesson.notebook).cells
    grades = [(role(c)["grade_id"], role(c)["points"], c.source) for c in cells if role(c).get("grade")]
    wanted = [(e.name, e.points, f"check({e.name})") for e in of_lesson(lesson.slug)]
    assert grades == wanted


@each
def test_solution_cells_import_and_nothing_else(lesson: Lesson) -> None:
    cells = read(lesson.notebook).cells
    solutions = [cell.source for cell in cells if role(cell).get("solution")]
    assert solutions == [f"from solutions.{lesson.slug} import {e.name}" for e in of_lesson(lesson.slug)]


@each
def test_every_cell_has_its_place_in_the_slides(lesson: Lesson) -> None:
    for cell in read(lesson.notebook).cells:
        kind = cell.metadata.get("slideshow", {}).get("slide_type")
        assert kind in {"slide", "subslide", "fragment", "skip", "notes"}, cell.id


@each
def test_a_quiz_asks_what_its_exercise_asks(lesson: Lesson) -> None:
    prose = "\n".join(c.source for c in read(lesson.notebook).cells if c.cell_type == "markdown")
    for exercise in of_lesson(lesson.slug):
        if not exercise.is_quiz:
            continue
        wrong = {tuple(mistake.__name__.rsplit("_", 1)) for mistake in exercise.mistakes}
        for key, right in exercise.reference().items():
            asked = re.search(rf"\*\*`{key}`\*\*(.*?)(?=\*\*`|\Z)", prose, re.DOTALL)
            assert asked is not None, f"{exercise.name}: no question for {key!r}"
            options = {right} | {option for question, option in wrong if question == key}
            assert set(re.findall(r"\(([a-h])\)", asked[1])) == options, key


@each
@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_notebook_runs_from_top_to_bottom_without_a_word_on_stderr(lesson: Lesson, ran: Run) -> None:
    for cell in ran(lesson).cells:
        for output in cell.get("outputs", []):
            assert output.get("name") != "stderr", (cell.id, output.text)


@each
@pytest.mark.slow
def test_a_learner_edition_stops_at_its_first_stub(lesson: Lesson) -> None:
    notebook = learner_edition(lesson.notebook)
    with pytest.raises(CellExecutionError):
        NotebookClient(notebook, timeout=300, resources={"metadata": {"path": lesson.directory}}).execute()
    (failed,) = (
        cell.id for cell in notebook.cells if any(output.output_type == "error" for output in cell.get("outputs", []))
    )
    first = of_lesson(lesson.slug)[0].name
    (graded,) = (cell.id for cell in notebook.cells if role(cell).get("grade_id") == first)
    assert failed == graded


def test_every_lesson_stands_in_all_of_its_places() -> None:
    for lesson in LESSONS:
        for place in ("solutions", "autograder/lessons"):
            assert (ROOT / place / f"{lesson.slug}.py").is_file(), f"{place}/{lesson.slug}.py"
