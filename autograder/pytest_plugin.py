"""`pytest --submission NOTEBOOK`: the exercises of a submission as tests, one for each label.

A test is named `lesson/exercise/label`. The notebook is judged behind the wall, as when it is graded.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from autograder.report.results import ExerciseResult


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--submission`."""
    parser.getgroup("autograder").addoption(
        "--submission",
        type=Path,
        metavar="NOTEBOOK",
        help="judge this notebook: a test for each label of its exercises",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Collect the submission, and nothing else."""
    notebook = config.getoption("--submission")
    if notebook is not None:
        if not notebook.is_file():
            raise pytest.UsageError(f"--submission {notebook}: there is no such file")
        config.args = [str(notebook)]


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """The submission is a file of tests."""
    notebook = parent.config.getoption("--submission")
    if notebook is not None and file_path == notebook.resolve():
        return Submission.from_parent(parent, path=file_path)
    return None


class Submission(pytest.File):
    """A notebook that was handed in."""

    def collect(self) -> Iterator[pytest.Item]:
        """Judge it, and make a test of each label."""
        from autograder.grading.grading import seeds_for
        from autograder.grading.one import graded, task_of
        from autograder.grading.submissions import found

        (submission,) = found([self.path])
        (seeds,) = seeds_for(1, ())
        result = graded(task_of(submission, seeds))
        if not result.exercises:
            raise self.CollectError(f"{self.path.name}: " + " ".join(fault.message for fault in result.faults))
        for exercise in result.exercises:
            for label in exercise.labels:
                name = f"{result.lesson}/{exercise.name}/{label}"
                yield Label.from_parent(self, name=name, exercise=exercise, label=label)


class Label(pytest.Item):
    """One line of specification."""

    def __init__(self, *, exercise: ExerciseResult, label: str, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.exercise, self.label = exercise, label

    def runtest(self) -> None:
        """Fail if the line does not hold."""
        if self.exercise.labels[self.label]:
            return
        first = next(label for label, held in self.exercise.labels.items() if not held)
        # the message is about the first line that fails
        said = self.exercise.message if self.label == first else f"Fails: {self.label}. More is said of: {first}."
        pytest.fail(said, pytrace=False)

    def reportinfo(self) -> tuple[Path, None, str]:
        """What the report calls it."""
        return self.path, None, self.name
