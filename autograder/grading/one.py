"""Grading one submission: from a file's bytes to a result. Runs wherever the course is installed."""

from __future__ import annotations

import atexit
import dataclasses
import functools
import hashlib
import time
from typing import Any

from autograder import course, registry
from autograder.grading import reading, submissions
from autograder.grading.outputs import Outputs
from autograder.report.results import ExerciseResult, GradingFault, SubmissionResult
from autograder.sandbox.kernel import KernelFailed
from autograder.sandbox.limits import Limits
from autograder.sandbox.session import Run, Sandbox, grade_name

SEEDS = 3
# what all cells of a submission put out, as far as it is kept
MOST_OUTPUT = 8 << 20


@dataclasses.dataclass(frozen=True)
class Task:
    """All that grading a submission takes, as plain data, so that it can be sent anywhere.

    `content` is the file's bytes, or the fault that reading it met. `seeds` are the secret ones that it is judged on.
    An `ordinary` one has assert cells and no exercise of this course: it is a notebook that nbgrader has sanitised.
    What its cells put out is sent back where it is `shown` to somebody.
    """

    learner: str
    lesson: str
    path: str
    content: bytes | GradingFault
    seeds: tuple[int, ...]
    unsafe: bool = False
    ordinary: bool = False
    shown: bool = False

    @functools.cached_property
    def key(self) -> str:
        """What a result is kept under: the same submission to the same course, graded in the same way."""
        content = self.content if isinstance(self.content, bytes) else repr(self.content).encode()
        about = f"{self.learner}\0{self.lesson}\0{self.unsafe}\0{self.ordinary}\0{course_version()}\0".encode()
        return hashlib.sha256(about + content).hexdigest()


@dataclasses.dataclass(frozen=True)
class Graded:
    """A result, and what the cells put out, by their places: as much of it as is kept."""

    result: SubmissionResult
    outputs: Outputs = dataclasses.field(default_factory=dict)


@functools.cache
def course_version() -> str:
    """A digest of everything in the course that a score depends on."""
    digest = hashlib.sha256()
    for package in ("autograder", "metarec", "solutions"):
        for file in sorted((course.ROOT / package).rglob("*.py")):
            digest.update(str(file.relative_to(course.ROOT)).encode() + file.read_bytes())
    digest.update((course.ROOT / "constraints.txt").read_bytes())
    return digest.hexdigest()


@functools.cache
def sandbox_of(lesson: str, unsafe: bool) -> Sandbox:
    """The sandbox of a lesson, made once in this process; of no lesson for what is ordinary."""
    sandbox = Sandbox(lesson, Limits(), unsafe=unsafe) if lesson else _ordinary_steps().sandbox(unsafe=unsafe)
    atexit.register(sandbox.view.remove)
    return sandbox


def graded(task: Task) -> SubmissionResult:
    """The result of one submission; whatever it does, there is one."""
    return graded_with_outputs(task).result


def graded_with_outputs(task: Task) -> Graded:
    """The same, with what the cells put out. What fails here costs only this one its grade."""
    try:
        try:
            return _graded(task)
        except KernelFailed:
            # on a busy machine one may not come up, and the submission has not even begun
            return _graded(task)
    except Exception as error:
        return Graded(could_not(task, "crash", f"It could not be graded: {type(error).__name__}: {error}"))


def _graded(task: Task) -> Graded:
    began = time.perf_counter()
    notebook = task.content if isinstance(task.content, GradingFault) else reading.notebook_of(task.content)
    if isinstance(notebook, GradingFault):
        return Graded(_without_run(task, task.lesson, notebook, began))
    if task.ordinary:
        return _ordinary(task, notebook, began)
    lesson = task.lesson or submissions.lesson_of(notebook)
    if not lesson:
        fault = GradingFault("foreign", "None of its cells grades an exercise of this course.")
        return Graded(_without_run(task, lesson, fault, began))
    found = _judged(task, notebook, lesson, began)
    other = submissions.lesson_of(notebook)
    if other not in ("", lesson) and not found.result.score:
        fault = GradingFault("foreign", f"It is a notebook of {other}, handed in for {lesson}.")
        return Graded(_without_run(task, lesson, fault, began))
    return found


def _judged(task: Task, notebook: dict[str, Any], lesson: str, began: float) -> Graded:
    exercises = registry.of_lesson(lesson)
    run = sandbox_of(lesson, task.unsafe).run(notebook, exercises, task.seeds)
    here = {grade_name(cell) for cell in notebook["cells"]}
    missing = [
        GradingFault("missing", f"The grade cell of {exercise.name} is missing; {exercise.name} was judged at the end.")
        for exercise in exercises
        if exercise.name not in here
    ]
    results = tuple(ExerciseResult.from_verdict(verdict) for verdict in run.verdicts.values())
    return Graded(_result(task, lesson, results, run, missing, began), kept(run.outputs) if task.shown else {})


def _ordinary(task: Task, notebook: dict[str, Any], began: float) -> Graded:
    run = sandbox_of("", task.unsafe).run(notebook, [], [])
    results = _ordinary_steps().results(notebook, run.outputs)
    return Graded(_result(task, task.lesson, results, run, [], began), kept(run.outputs) if task.shown else {})


def _ordinary_steps() -> Any:
    """They need nbgrader, which the lessons of the course are graded without."""
    from autograder.grading import ordinary

    return ordinary


def _result(
    task: Task,
    lesson: str,
    exercises: tuple[ExerciseResult, ...],
    run: Run,
    more: list[GradingFault],
    began: float,
) -> SubmissionResult:
    return SubmissionResult(
        learner=task.learner,
        lesson=lesson,
        score=round(sum(exercise.score for exercise in exercises), 4),
        points=sum(exercise.points for exercise in exercises),
        seconds=time.perf_counter() - began,
        sandboxed=run.sandboxed,
        exercises=exercises,
        faults=(*(GradingFault(kind, message) for kind, message in run.faults), *more),
        seeds=task.seeds,
        path=task.path,
    )


def kept(outputs: Outputs) -> Outputs:
    """The outputs of the first cells, as far as there is room; those after it are left out."""
    room, fitting = MOST_OUTPUT, {}
    for place, cell in outputs.items():
        room -= len(repr(cell))
        if room < 0:
            break
        fitting[place] = cell
    return fitting


def _without_run(task: Task, lesson: str, fault: GradingFault, began: float) -> SubmissionResult:
    known = lesson and not task.ordinary
    return SubmissionResult(
        learner=task.learner,
        lesson=lesson,
        score=0.0,
        points=sum(exercise.points for exercise in registry.of_lesson(lesson)) if known else 0.0,
        seconds=time.perf_counter() - began,
        sandboxed=not task.unsafe,
        faults=(fault,),
        path=task.path,
    )


def could_not(task: Task, kind: str, message: str) -> SubmissionResult:
    """The result of a submission whose grading came to no end."""
    return _without_run(task, task.lesson, GradingFault(kind, message), time.perf_counter())


def task_of(
    submission: submissions.Submission, seeds: tuple[int, ...], *, unsafe: bool = False, shown: bool = False
) -> Task:
    """Read a submission."""
    content = reading.content_of(submission.path)
    if not isinstance(content, GradingFault) and submission.path.suffix != ".ipynb":
        content = GradingFault("unreadable", "It is no notebook: its name does not end in .ipynb.")
    path = str(submission.path)
    return Task(submission.learner, submission.lesson, path, content, seeds, unsafe=unsafe, shown=shown)
