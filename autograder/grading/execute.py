"""The step of `nbgrader autograde` that runs a submission, behind the wall.

It stands in the place of nbgrader's Execute. A lesson of this course is judged from the file as it was handed in,
exactly as `autograder grade` judges it; any other assignment's cells are run in the same sandbox. The points are
written into the grade cells on this side of the wall. What was graded before is taken from the ledger.
"""

from __future__ import annotations

import functools
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nbformat import NotebookNode, from_dict
from nbformat.v4 import new_output
from nbgrader import utils
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Bool

from autograder.course import lessons
from autograder.errors import CourseError
from autograder.grading import one, ordinary
from autograder.grading.grading import seed_source
from autograder.grading.ledger import DEFAULT, Ledger
from autograder.grading.one import Graded, Task
from autograder.grading.outputs import OutputStore
from autograder.grading.submissions import Submission
from autograder.report.results import ExerciseResult
from autograder.sandbox.session import grade_name

# feedback cuts longer lines off
WIDTH = 95
Resources = dict[str, Any]

# Submissions that follow one another share a pool of secret seeds, so that the reference is run for few; formgrader's
# server, which lives for weeks, draws another one after so many seconds.
LIFE_OF_SEEDS = 900


class ExecuteBehindWall(NbGraderPreprocessor):
    """Runs a submission in the sandbox and writes the grade cells' outputs on this side of the wall."""

    unsafe_no_sandbox = Bool(
        False, help="Run submissions without a sandbox, where the kernel allows none: scores can then be forged."
    ).tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        """The notebook with outputs. Raises CourseError where nothing can be graded, so that nothing is."""
        about = resources["nbgrader"]
        submitted, handed_in = submitted_file(Path(resources["metadata"]["path"]), about)
        known = {lesson.name: lesson.slug for lesson in lessons()}
        if about["assignment"] in known:
            submission = Submission(about["student"], handed_in, known[about["assignment"]])
            draw = _draw(int(time.monotonic() // LIFE_OF_SEEDS))
            task = one.task_of(submission, draw(), unsafe=self.unsafe_no_sandbox, shown=True)
        else:
            task = ordinary_task(nb, about, handed_in, unsafe=self.unsafe_no_sandbox)
        write_outputs(nb, self._graded(task, submitted))
        return nb, resources

    def _graded(self, task: Task, submitted: Path) -> Graded:
        kept = OutputStore(submitted.parent / "outputs")
        with Ledger(submitted.parent / DEFAULT.name) as ledger:
            result = ledger.get(task.key)
            if result is not None:
                return Graded(result, kept.get(task.key))
            graded = one.graded_with_outputs(task)
            if not graded.result.graded:
                faults = " ".join(fault.message for fault in graded.result.faults)
                raise CourseError(f"{Path(task.path).name}: {faults}")
            kept.add(task.key, graded.outputs)
            ledger.add(task.key, graded.result)
        return graded


@functools.lru_cache(maxsize=1)
def _draw(age: int) -> Callable[[], tuple[int, ...]]:
    return seed_source()


def ordinary_task(nb: NotebookNode, about: Resources, handed_in: Path, *, unsafe: bool) -> Task:
    """The task of a sanitised notebook of an ordinary assignment."""
    name = f"{about['assignment']}/{about['notebook']}"
    return Task(about["student"], name, str(handed_in), ordinary.canonical(nb), (), unsafe, ordinary=True, shown=True)


def submitted_file(folder: Path, about: Resources) -> tuple[Path, Path]:
    """Nbgrader's folder `submitted`, and the file as it was handed in, which is copied to `folder` and overwritten."""
    for above in folder.parents:
        handed_in = above / "submitted" / about["student"] / about["assignment"] / f"{about['notebook']}.ipynb"
        if handed_in.exists():
            return above / "submitted", handed_in
    raise CourseError(f"The submission of {about['student']} for {about['assignment']} is not where nbgrader keeps it.")


def write_outputs(nb: NotebookNode, graded: Graded) -> None:
    """What the cells put out, sanitised; in a grade cell the verdict in words and the points as its result."""
    exercises = {exercise.name: exercise for exercise in graded.result.exercises}
    for place, cell in enumerate(nb.cells):
        if cell.cell_type != "code":
            continue
        name = grade_name(cell)
        cell.outputs = [from_dict(output) for output in graded.outputs.get(place, [])]
        if utils.is_solution(cell):
            # a person grades it, by what is seen of it
            continue
        if name in exercises:
            cell.outputs = grade_outputs(cell, exercises[name])
        elif utils.is_grade(cell):
            cell.outputs = [ordinary.failure("NotGraded", f"{name} was not graded.")]


def grade_outputs(cell: NotebookNode, exercise: ExerciseResult) -> list[NotebookNode]:
    """The outputs of a grade cell, such that nbgrader reads the points from them and nothing else."""
    if not exercise.labels and not exercise.score:
        # an assert cell: its own error says most
        errors = [output for output in cell.outputs if output.output_type == "error"]
        if errors:
            return errors
    lines = [f"{exercise.score:g} of {exercise.points:g} point{'' if exercise.points == 1 else 's'}"]
    lines += [f"{'✓ holds' if held else '✗ fails'}  {label}" for label, held in exercise.labels.items()]
    lines += textwrap.wrap(exercise.message, WIDTH)
    return [
        *(output for output in cell.outputs if output.output_type == "display_data"),
        new_output("stream", name="stdout", text="\n".join(lines) + "\n"),
        new_output("execute_result", data={"text/plain": repr(float(exercise.score))}, execution_count=None),
    ]
