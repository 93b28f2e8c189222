"""Seconds per submission: `autograder grade` with 2 workers, `nbgrader autograde`, otter-grader's local grading.

    python -m benchmarks.grading [--submissions 6] [--rounds 3] [--json FILE]

All three grade the same submissions of lesson 03, in turns, each round all of them; a figure is the median of its
rounds. A third are right, a third half right, a third as given out. All skip the cells that are for the reader alone.

- Ours: the command on a folder, `--fresh`, sandbox and three secret seeds and all.
- nbgrader: its own Execute in the place of ours, else the course's configuration. The grade cell's `check` judges in
  the learner's kernel, on one fixed seed.
- otter-grader: `otter run` on each, its imports paid once. Its tests call `autograder.judge` in the learner's kernel,
  on the same fixed seed; the grade cells are taken out, so that nothing is judged twice. Where it is not installed
  (pip install -c constraints.txt '.[bench]') it is left out, and that is said.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import nbformat

from autograder import registry
from autograder.course import ROOT, Lesson, lessons
from autograder.editions import BEGIN, END, inlined, is_solution, learner_edition
from benchmarks.report import arguments, report

SLUG = "q_learning"
PLAIN = "\nc.Autograde.autograde_preprocessors = Autograde.autograde_preprocessors.default()\n"
OTTER_RUN = """
import contextlib, io, pathlib, sys, tempfile
from otter.run import main
for notebook in sorted(pathlib.Path(sys.argv[2]).glob("*.ipynb")):
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        results = main(str(notebook), autograder=sys.argv[1], output_dir=folder, no_logo=True)
    print(notebook.stem, results.total)
"""


def submissions(lesson: Lesson, count: int) -> list[nbformat.NotebookNode]:
    """Right, half right and as given out, in turns."""
    sources = {cell.id: inlined(cell, lesson.notebook) for cell in nbformat.read(lesson.notebook, 4).cells}
    made = []
    for number in range(count):
        notebook = learner_edition(lesson.notebook)
        solutions = [cell for cell in notebook.cells if is_solution(cell)]
        answered = (len(solutions), len(solutions) // 2, 0)[number % 3]
        for cell in solutions[:answered]:
            cell.source = sources[cell.id].replace(BEGIN, "").replace(END, "")
        made.append(notebook)
    return made


def run(*command: str | Path, where: Path = ROOT, **environment: str) -> str:
    """Run a command to its end; what it printed."""
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=where,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{command} failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    return done.stdout


def a_course(root: Path, lesson: Lesson, notebooks: list[nbformat.NotebookNode], more: str = "") -> Path:
    """A course of one lesson, released, with the submissions in nbgrader's tree."""
    shutil.copytree(lesson.directory, root / "notebooks" / lesson.name)
    shutil.copytree(ROOT / "solutions", root / "solutions")
    (root / "nbgrader_config.py").write_text((ROOT / "nbgrader_config.py").read_text() + more)
    run("-m", "nbgrader", "generate_assignment", lesson.name, where=root)
    for number, notebook in enumerate(notebooks):
        folder = root / "classroom" / "submitted" / f"learner{number}" / lesson.name
        folder.mkdir(parents=True)
        (folder / f"{lesson.name}.ipynb").write_text(json.dumps(notebook))
    return root


def for_otter(folder: Path, lesson: Lesson, notebooks: list[nbformat.NotebookNode]) -> tuple[Path, Path]:
    """Otter's configuration with a test for each exercise, and the folder of notebooks that it grades."""
    configuration, handed_in = folder / "autograder.zip", folder / "otter"
    handed_in.mkdir()
    with zipfile.ZipFile(configuration, "w") as archive:
        archive.writestr("otter_config.json", json.dumps({"lang": "python", "assignment_name": lesson.name}))
        for exercise in registry.of_lesson(lesson.slug):
            code = f">>> from autograder import judge\n>>> judge({exercise.name}).passed\nTrue"
            case = {"code": code, "hidden": False, "locked": False}
            suite = {"cases": [case], "scored": True, "setup": "", "teardown": "", "type": "doctest"}
            test = {"name": exercise.name, "points": exercise.points, "suites": [suite]}
            archive.writestr(f"tests/{exercise.name}.py", f"OK_FORMAT = True\n\ntest = {test!r}\n")
    for number, notebook in enumerate(notebooks):
        kept = nbformat.from_dict(notebook)
        kept.metadata["otter"] = {"assignment_name": lesson.name}
        kept.cells = [
            cell
            for cell in kept.cells
            if "demo" not in cell.metadata.get("tags", []) and not cell.metadata.get("nbgrader", {}).get("grade")
        ]
        (handed_in / f"learner{number}.ipynb").write_text(json.dumps(kept))
    return configuration, handed_in


def graders(folder: Path, lesson: Lesson, notebooks: list[nbformat.NotebookNode]) -> dict[str, Callable[[], object]]:
    """What grades all submissions once, by name."""
    flat = folder / "flat"
    flat.mkdir()
    for number, notebook in enumerate(notebooks):
        (flat / f"learner{number}.ipynb").write_text(json.dumps(notebook))
    plain = a_course(folder / "plain", lesson, notebooks, PLAIN)
    walled = a_course(folder / "walled", lesson, notebooks)
    grade = ("-m", "autograder.cli", "grade", "--fresh", "--workers", "2")
    found: dict[str, Callable[[], object]] = {
        "ours": lambda: run(*grade, flat, "--lesson", SLUG),
        "ours_and_gradebook": lambda: run(*grade, walled / "classroom" / "submitted"),
        "nbgrader": lambda: run("-m", "nbgrader", "autograde", lesson.name, "--force", where=plain),
    }
    if importlib.util.find_spec("otter") is None:
        print("otter-grader is not installed, and is left out: pip install -c constraints.txt '.[bench]'")
    else:
        configuration, handed_in = for_otter(folder, lesson, notebooks)
        found["otter"] = lambda: run("-c", OTTER_RUN, configuration, handed_in)
    return found


def seconds(act: Callable[[], object]) -> float:
    """How long it takes on the wall."""
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def main() -> None:
    """Measure, print, write."""
    asked = arguments(__doc__, submissions=6, rounds=3)
    lesson = next(known for known in lessons() if known.slug == SLUG)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        found = graders(Path(name), lesson, submissions(lesson, asked.submissions))
        times: dict[str, list[float]] = {grader: [] for grader in found}
        for _ in range(asked.rounds):
            for grader, act in found.items():
                times[grader].append(seconds(act) / asked.submissions)
    medians = {grader: statistics.median(taken) for grader, taken in times.items()}
    figures = {"seconds_per_submission": medians["ours"]}
    figures |= {f"{grader}_seconds_per_submission": value for grader, value in medians.items() if grader != "ours"}
    figures |= {f"times_{peer}": medians[peer] / medians["ours"] for peer in ("nbgrader", "otter") if peer in medians}
    report(f"grading {asked.submissions} submissions of {lesson.name}", figures, asked.json)


if __name__ == "__main__":
    main()
