"""`pytest --submission`: names, outcomes, and what is no submission."""

import json
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from autograder.course import ROOT, lessons
from autograder.editions import inlined, is_solution, learner_edition
from autograder.sandbox import bubblewrap

WELCOME = lessons()[0]
needs_sandbox = pytest.mark.skipif(bool(bubblewrap.available()), reason=f"no sandbox here: {bubblewrap.available()}")


def run(notebook: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "--submission", str(notebook), "-v", "-p", "no:cacheprovider"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


@needs_sandbox
def test_a_right_submission_passes_a_test_for_each_label(tmp_path: Path) -> None:
    notebook = nbformat.read(WELCOME.notebook, as_version=4)
    for cell in notebook.cells:
        if is_solution(cell):
            cell.source = inlined(cell, WELCOME.notebook)
    file = tmp_path / "mine.ipynb"
    file.write_text(json.dumps(notebook))
    done = run(file)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "welcome/click_through_rate/is NaN where nothing was shown PASSED" in done.stdout
    assert "4 passed" in done.stdout


@needs_sandbox
def test_a_stub_fails_every_label_in_words_and_without_a_traceback(tmp_path: Path) -> None:
    file = tmp_path / "mine.ipynb"
    file.write_text(json.dumps(learner_edition(WELCOME.notebook)))
    done = run(file)
    assert done.returncode == 1
    assert "4 failed" in done.stdout
    assert "click_through_rate is not written yet" in done.stdout
    assert "Traceback" not in done.stdout


def test_what_is_no_notebook_is_named(tmp_path: Path) -> None:
    file = tmp_path / "mine.ipynb"
    file.write_text("{}")
    done = run(file)
    assert done.returncode != 0
    assert "It is JSON, but no notebook" in done.stdout


def test_a_file_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    done = run(tmp_path / "none.ipynb")
    assert done.returncode == 4
    assert "there is no such file" in done.stderr
