import ast
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbgrader.api import Gradebook
from nbgrader.utils import get_username

from autograder.course import ROOT, Lesson, lessons
from autograder.editions import BEGIN, END, inlined, is_solution, learner_edition
from autograder.registry import of_lesson
from autograder.workspace import start

Run = Callable[..., str]


@pytest.fixture
def nbgrader(course: Path, tmp_path: Path) -> Run:
    """Runs nbgrader in the small course, with no configuration but the course's; returns its log."""
    environment = os.environ | {
        "JUPYTER_CONFIG_DIR": str(tmp_path / "config"),
        "JUPYTER_DATA_DIR": str(tmp_path / "data"),
        "IPYTHONDIR": str(tmp_path / "ipython"),
    }

    def run(*arguments: str, where: Path = course) -> str:
        command = [sys.executable, "-m", "nbgrader", *arguments]
        done = subprocess.run(command, cwd=where, env=environment, capture_output=True, text=True, timeout=500)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


NOISE = "import sys, warnings; warnings.warn('noise'); print('noise', file=sys.stderr)"


def answered(notebook: Path, first: str = "") -> nbformat.NotebookNode:
    """The learner edition with every stub filled in from the reference, each body after the line `first`."""
    learner = learner_edition(notebook)
    sources = {cell.id: inlined(cell, notebook) for cell in nbformat.read(notebook, 4).cells}
    for cell in learner.cells:
        if is_solution(cell):
            cell.source = sources[cell.id].replace(BEGIN, first).replace(END, "")
    return learner


def grades(cell: Any) -> str | None:
    """The exercise that a grade cell grades."""
    nbgrader = cell.metadata.get("nbgrader", {})
    return nbgrader["grade_id"] if nbgrader.get("grade") else None


def only(names: list[str], right: nbformat.NotebookNode, wrong: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """`wrong`, but for the solution cells that define one of `names`, which are as in `right`."""
    mixed = nbformat.from_dict(wrong)
    answers = {cell.id: cell.source for cell in right.cells}
    for cell in mixed.cells:
        if is_solution(cell) and set(names) & {node.name for node in ast.parse(cell.source).body}:
            cell.source = answers[cell.id]
    return mixed


def hand_in(root: Path, learner: str, name: str, notebook: nbformat.NotebookNode) -> None:
    folder = root / "classroom" / "submitted" / learner / name
    folder.mkdir(parents=True)
    (folder / f"{name}.ipynb").write_text(json.dumps(notebook))


def scores(root: Path, name: str) -> dict[str, dict[str, float]]:
    """For each learner, the score that the gradebook holds for each grade cell of a lesson."""
    found: dict[str, dict[str, float]] = {}
    with Gradebook(f"sqlite:///{root / 'classroom' / 'gradebook.db'}") as gradebook:
        for submission in gradebook.assignment_submissions(name):
            grades = [grade for notebook in submission.notebooks for grade in notebook.grades]
            found[submission.student.id] = {grade.name: grade.score for grade in grades}
            assert not any(grade.needs_manual_grade for grade in grades)
    return found


def cell_of(notebook: nbformat.NotebookNode, name: str) -> Any:
    return next(cell for cell in notebook.cells if cell.id == name)


@pytest.mark.slow
def test_nbgrader_makes_the_edition_that_start_makes(course: Path, nbgrader: Run) -> None:
    nbgrader("generate_assignment", "00_first")
    released = course / "classroom" / "release" / "00_first" / "00_first.ipynb"
    (outcome,) = start(course / "workspace", course)
    assert outcome.path.read_bytes() == released.read_bytes()


@pytest.mark.slow
def test_the_configuration_does_not_depend_on_where_nbgrader_starts(
    course: Path, nbgrader: Run, tmp_path: Path
) -> None:
    nbgrader("generate_assignment", "00_first", f"--course-dir={course}", where=tmp_path)
    assert (course / "classroom" / "release" / "00_first" / "00_first.ipynb").is_file()
    assert (course / "classroom" / "gradebook.db").is_file()


@pytest.mark.slow
def test_a_class_of_four_has_the_scores_that_it_earned(course: Path, source: Path, nbgrader: Run) -> None:
    """All right; all wrong; half right with copied cells; all wrong with tags that would skip the grading."""
    nbgrader("generate_assignment", "00_first")
    hand_in(course, "right", "00_first", answered(source))
    hand_in(course, "wrong", "00_first", learner_edition(source))

    half = answered(source)
    solution, grade = cell_of(half, "twice-solution"), cell_of(half, "twice")
    solution.source = solution.source.replace("2 * x", "4")
    index = half.cells.index(grade)
    half.cells[index:index] = [nbformat.from_dict(cell) for cell in (solution, grade)]
    hand_in(course, "half", "00_first", half)

    sly = learner_edition(source)
    for name in ("twice", "counter"):
        cell_of(sly, name).metadata["tags"] = ["demo"]
    elsewhere = nbformat.from_dict(cell_of(sly, "twice"))
    elsewhere.id, elsewhere.metadata.nbgrader["grade_id"] = "from-elsewhere", "elsewhere"
    sly.cells.append(elsewhere)
    hand_in(course, "sly", "00_first", sly)

    nbgrader("autograde", "00_first")
    assert scores(course, "00_first") == {
        "right": {"twice": 2, "counter": 1},
        "wrong": {"twice": 0, "counter": 0},
        "half": {"twice": 1, "counter": 1},
        "sly": {"twice": 0, "counter": 0},
    }
    graded = nbformat.read(course / "classroom" / "autograded" / "half" / "00_first" / "00_first.ipynb", 4)
    assert [cell.source for cell in graded.cells if "twice(2)" in cell.source] == [grade.source] * 2
    ids = [cell.id for cell in graded.cells]
    assert len(set(ids)) == len(ids)

    nbgrader("generate_feedback", "00_first")
    assert (course / "classroom" / "feedback" / "half" / "00_first" / "00_first.html").is_file()


# What JupyterLab's server does, started at the course.
ASSIGNMENT_LIST = """
import json
from pathlib import Path
from nbgrader.server_extensions.assignment_list.handlers import AssignmentList
extension = AssignmentList()
extension.root_dir = str(Path.cwd())
(listed,) = extension.list_assignments()["value"]
sent = extension.submit_assignment("learning-to-recommend", "00_first")
print(json.dumps([listed["status"], listed["path"], sent["success"]]))
"""

VALIDATE = """
from nbgrader.server_extensions.validate_assignment.handlers import ValidateAssignmentHandler
print(ValidateAssignmentHandler.load_config(None).Execute.skip_cells_with_tag)
"""


def served(script: str, root: Path) -> str:
    command = [sys.executable, "-c", script]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.mark.slow
def test_a_notebook_goes_from_release_to_collected_on_one_machine(course: Path, nbgrader: Run) -> None:
    nbgrader("generate_assignment", "00_first")
    nbgrader("release_assignment", "00_first")
    (outcome,) = start(course / "workspace", course)
    assert json.loads(served(ASSIGNMENT_LIST, course)) == ["fetched", "workspace/00_first", True]

    outcome.path.write_text(outcome.path.read_text().replace("First", "My first"))
    nbgrader("submit", "00_first")
    assert len(list((course / "classroom" / "exchange").glob("*/inbound/*+00_first+*"))) == 2

    nbgrader("collect", "00_first")
    collected = course / "classroom" / "submitted" / get_username() / "00_first" / "00_first.ipynb"
    assert collected.read_bytes() == outcome.path.read_bytes()


def test_validate_in_jupyterlab_skips_what_is_for_the_reader_alone(course: Path) -> None:
    assert served(VALIDATE, course) == "demo\n"


@pytest.mark.slow
def test_validate_says_right_and_wrong(course: Path, source: Path, nbgrader: Run) -> None:
    (outcome,) = start(course / "workspace", course)
    assert "VALIDATION FAILED ON 2 CELL(S)" in nbgrader("validate", str(outcome.path))
    outcome.path.write_text(json.dumps(answered(source)))
    assert "Success! Your notebook passes all the tests." in nbgrader("validate", str(outcome.path))


@pytest.mark.slow
@pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.name)
def test_a_class_in_a_shipped_lesson_has_the_scores_that_it_earned(lesson: Lesson, course: Path, nbgrader: Run) -> None:
    """All right, all wrong, the first half right with copied cells, and one right answer that makes noise.

    Of what trains only lesson 03's is handed in: test_grading has all of it trained behind the wall.
    """
    shutil.copytree(lesson.directory, course / "notebooks" / lesson.name)
    shutil.copytree(ROOT / "solutions", course / "solutions", dirs_exist_ok=True)
    notebook = course / "notebooks" / lesson.name / lesson.notebook.name
    nbgrader("generate_assignment", lesson.name)

    left_out = {e.name for e in of_lesson(lesson.slug) if e.trains and lesson.slug != "q_learning"}
    answers, wrong = answered(notebook), learner_edition(notebook)
    points = {
        cell.metadata.nbgrader["grade_id"]: cell.metadata.nbgrader["points"]
        for cell in wrong.cells
        if cell.metadata.get("nbgrader", {}).get("grade")
    }
    exercises = [name for name in points if name not in left_out]
    assert exercises
    right = only(exercises, answers, wrong)

    first_half = exercises[: (len(exercises) + 1) // 2]
    half = only(first_half, answers, wrong)
    grade = half.cells.index(next(cell for cell in half.cells if grades(cell) == first_half[0]))
    half.cells[grade:grade] = [nbformat.from_dict(cell) for cell in half.cells[grade - 1 : grade + 1]]

    noisy = only(exercises[:1], answered(notebook, NOISE), wrong)
    for learner, submission in {"right": right, "wrong": wrong, "half": half, "noisy": noisy}.items():
        hand_in(course, learner, lesson.name, submission)
    nbgrader("autograde", lesson.name)
    nothing = dict.fromkeys(points, 0)
    assert scores(course, lesson.name) == {
        "right": nothing | {name: points[name] for name in exercises},
        "wrong": nothing,
        "half": nothing | {name: points[name] for name in first_half},
        "noisy": nothing | {exercises[0]: points[exercises[0]]},
    }
