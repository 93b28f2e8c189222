"""nbgrader's own example course, graded by nbgrader alone, by nbgrader behind the wall, and by `autograder grade`."""

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

from autograder.course import ROOT
from autograder.sandbox import bubblewrap

if bubblewrap.available():
    pytest.skip(f"no sandbox here: {bubblewrap.available()}", allow_module_level=True)
pytestmark = pytest.mark.slow

WALLED = """
from nbgrader.converters import Autograde
from nbgrader.preprocessors import Execute
c.Autograde.autograde_preprocessors = [
    "autograder.grading.execute.ExecuteBehindWall" if step is Execute else step
    for step in Autograde.autograde_preprocessors.default()
]
"""

SQUARES = """
def squares(n):
    if n < 1:
        raise ValueError("n must be 1 or more")
    return [i ** 2 for i in range(1, n + 1)]
"""
SUM = "def sum_of_squares(n):\n    return sum(squares(n))\n"
HOOK = """
def lie(*_):
    kernel = get_ipython().kernel
    content = {"data": {"text/plain": %r}, "metadata": {}, "execution_count": 1}
    kernel.session.send(kernel.iopub_socket, "execute_result", content, parent=kernel.get_parent())
get_ipython().events.register("pre_run_cell", lie)
"""

GRADED = ("correct_squares", "squares_invalid_input", "correct_sum_of_squares", "sum_of_squares_uses_squares")
FULL = dict(zip(GRADED, (1, 1, 0.5, 0.5), strict=True))
NOTHING = dict.fromkeys(GRADED, 0)
# What learners write for the two functions, and the points that are theirs.
CLASS: dict[str, tuple[str, str, dict[str, float]]] = {
    "right": (SQUARES, SUM, FULL),
    "wrong": ("def squares(n):\n    return []\n", "def sum_of_squares(n):\n    return 0\n", NOTHING),
    "half": (SQUARES, "def sum_of_squares(n):\n    return n * (n + 1) * (2 * n + 1) / 6\n", FULL | {GRADED[3]: 0}),
    "stops": (f"import sys\nsys.exit()\n{SQUARES}", SUM, NOTHING),
    "stops_late": (SQUARES, f"{SUM}\nimport sys\nsys.exit()", FULL),
}
# Where nbgrader's own rules fail open or punish a warning: (cells, what is theirs, what nbgrader gives).
DIFFERENT: dict[str, tuple[str, str, dict[str, float], dict[str, float] | None]] = {
    "warns": (
        SQUARES.replace("    if", "    import sys\n    print('a word', file=sys.stderr)\n    if"),
        SUM,
        FULL,
        NOTHING | {GRADED[3]: 0.5},
    ),
    "a_word_as_result": (f"{HOOK % 'all good'}\ndef squares(n): return []", "pass", NOTHING, FULL),
    "no_number_as_result": (f"{HOOK % 'nan'}\ndef squares(n): return []", "pass", NOTHING, FULL),
    "less_than_nothing_as_result": (f"{HOOK % '-1'}\ndef squares(n): return []", "pass", NOTHING, FULL),
    # nbgrader gives no grade at all to one whose kernel ended
    "ends_its_kernel": ("import os\ndef squares(n): os._exit(0)", SUM, NOTHING | {GRADED[3]: 0.5}, None),
}


def nbgrader(course: Path, *arguments: str, ok: tuple[int, ...] = (0,)) -> str:
    folder = course.parent / "jupyter"
    environment = os.environ | {
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "IPYTHONDIR": str(folder / "ipython"),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), *os.get_exec_path()]),
    }
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *arguments],
        cwd=course,
        env=environment,
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode in ok, done.stdout + done.stderr
    return done.stdout + done.stderr


def hand_in(course: Path, learner: str, first: str, second: str) -> None:
    folder = course / "submitted" / learner / "ps1"
    shutil.copytree(course / "release" / "ps1", folder)
    notebook = nbformat.read(folder / "problem1.ipynb", 4)
    for cell in notebook.cells:
        written = {"squares": first, "sum_of_squares": second}.get(cell.metadata.get("nbgrader", {}).get("grade_id"))
        if written:
            cell.source = written
    nbformat.write(notebook, folder / "problem1.ipynb")


def scores(course: Path) -> dict[str, dict[str, float]]:
    """What the gradebook holds of each learner for the cells that are graded without a person."""
    found: dict[str, dict[str, float]] = {}
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        for submission in gradebook.assignment_submissions("ps1"):
            grades = [grade for notebook in submission.notebooks for grade in notebook.grades]
            found[submission.student.id] = {grade.name: grade.auto_score for grade in grades if grade.name in GRADED}
    return found


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example course, released, with a class that handed in."""
    root = tmp_path_factory.mktemp("ordinary") / "course"
    root.mkdir()
    nbgrader(root, "quickstart", "qs", ok=(0,))
    shutil.copytree(root / "qs", root, dirs_exist_ok=True)
    nbgrader(root, "generate_assignment", "ps1")
    for learner, (first, second, *_) in {**CLASS, **DIFFERENT}.items():
        hand_in(root, learner, first, second)
    return root


@pytest.fixture
def copy(course: Path, tmp_path: Path) -> Callable[[str], Path]:
    def made(more: str) -> Path:
        root = tmp_path / "course"
        shutil.copytree(course, root)
        with (root / "nbgrader_config.py").open("a") as file:
            file.write(more)
        return root

    return made


def earned() -> dict[str, dict[str, float]]:
    return {learner: about[2] for learner, about in {**CLASS, **DIFFERENT}.items()}


def test_nbgrader_alone_gives_the_scores_that_are_told_of_it(copy: Callable[[str], Path]) -> None:
    """The oracle of what is below, and the proof of each difference that docs/SCALE.md names."""
    root = copy("")
    nbgrader(root, "autograde", "ps1", ok=(0, 1))
    found = scores(root)
    assert {learner: found[learner] for learner in CLASS} == {learner: about[2] for learner, about in CLASS.items()}
    given = {learner: about[3] for learner, about in DIFFERENT.items() if about[3] is not None}
    assert {learner: found[learner] for learner in given} == given
    assert set(found["ends_its_kernel"].values()) == {None}


def test_behind_the_wall_nbgrader_gives_what_was_earned(copy: Callable[[str], Path]) -> None:
    root = copy(WALLED)
    nbgrader(root, "autograde", "ps1")
    assert scores(root) == earned()
    graded = nbformat.read(root / "autograded" / "right" / "ps1" / "problem1.ipynb", 4)
    printed = [
        output.get("data", {}).get("text/plain", "") for cell in graded.cells for output in cell.get("outputs", [])
    ]
    assert "[1, 4, 9, 16, 25, 36, 49, 64, 81, 100]" in printed
    nbgrader(root, "generate_feedback", "ps1")
    assert (root / "feedback" / "right" / "ps1" / "problem1.html").is_file()


@pytest.fixture
def ours(copy: Callable[[str], Path]) -> Callable[..., tuple[Path, int, list[dict[str, Any]]]]:
    root = copy("")

    def grade(*arguments: str) -> tuple[Path, int, list[dict[str, Any]]]:
        file = root.parent / "results.json"
        command = [sys.executable, "-m", "autograder.cli", "grade", str(root / "submitted"), "--json", str(file)]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [*command, *arguments], cwd=root.parent, env=environment, capture_output=True, text=True, timeout=500
        )
        assert "Traceback" not in done.stderr, done.stderr
        return root, done.returncode, json.loads(file.read_text())["submissions"]

    return grade


def test_autograder_grade_reads_the_tree_grades_it_and_writes_the_gradebook(
    ours: Callable[..., tuple[Path, int, list[dict[str, Any]]]],
) -> None:
    """On a pool, remembered, and without a word of ours in the course's configuration."""
    root, code, submissions = ours("--workers", "2")
    assert code == 0
    found = {
        entry["learner"]: {
            exercise["name"]: exercise["score"] for exercise in entry["exercises"] if exercise["name"] in GRADED
        }
        for entry in submissions
        if entry["lesson"] == "ps1/problem1"
    }
    assert found == earned()
    assert scores(root) == earned()
    kept = (root / "ledger.jsonl").read_text()
    _, _, again = ours()
    assert (root / "ledger.jsonl").read_text() == kept
    assert [entry["score"] for entry in again] == [entry["score"] for entry in submissions]


def test_an_edited_test_and_edited_points_are_put_back(
    ours: Callable[..., tuple[Path, int, list[dict[str, Any]]]],
) -> None:
    root, *_ = ours("--workers", "1")
    file = root / "submitted" / "wrong" / "ps1" / "problem1.ipynb"
    notebook = nbformat.read(file, 4)
    for cell in notebook.cells:
        about = cell.metadata.get("nbgrader", {})
        if about.get("grade"):
            cell.source, about["points"] = "1 + 1", 99
    nbformat.write(notebook, file)
    _, _, submissions = ours()
    (entry,) = [e for e in submissions if (e["learner"], e["lesson"]) == ("wrong", "ps1/problem1")]
    assert entry["score"] == 0
    assert entry["points"] == 3
    assert scores(root)["wrong"] == NOTHING
