"""`autograder check`: one's own workspace graded as an instructor would, through the wall, before handing in."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.text import Text

from autograder import card
from autograder.course import Lesson, named
from autograder.desk.overview import notebook_in, overview
from autograder.errors import CourseError, UsageError
from autograder.grading import one
from autograder.grading.grading import seed_source
from autograder.grading.submissions import Submission
from autograder.report.results import SubmissionResult
from autograder.sandbox import bubblewrap
from autograder.sandbox.provisioner import SandboxUnavailable


def check(workspace: Path, asked: str = "", *, unsafe: bool = False) -> int:
    """Grade a lesson of the workspace, or all that were begun, and say what holds; 0 if all that was judged passed.

    Nothing is written: no gradebook, no ledger. Raises CourseError.
    """
    chosen = _chosen(workspace, asked)
    if not unsafe and bubblewrap.available():
        raise SandboxUnavailable(bubblewrap.available())
    console = Console(soft_wrap=True, highlight=False)
    waiting = Console(stderr=True, soft_wrap=True, highlight=False)
    # the same seeds for all lessons of a run would do, and others each time
    draw, passed = seed_source(), True
    for lesson in chosen:
        submission = Submission("you", notebook_in(workspace, lesson), lesson.slug)
        with waiting.status(f"Grading {lesson.name} in the sandbox ..."):
            result = one.graded(one.task_of(submission, draw(), unsafe=unsafe))
        console.print(Text(said(result, lesson)))
        passed = passed and result.graded and all(exercise.passed for exercise in result.exercises)
    return 0 if passed else 1


def said(result: SubmissionResult, lesson: Lesson) -> str:
    """A result in words: the score, the faults, then a card for each exercise."""
    unit = "point" if result.points == 1 else "points"
    lines = [f"{lesson.name}, as it is saved: {card.amount(result.score)} of {card.amount(result.points)} {unit}"]
    if not result.sandboxed:
        lines.append("Graded without the sandbox.")
    lines += [f"⚠ {fault.kind}: {fault.message}" for fault in result.faults]
    lines += [f"\n{card.as_text(exercise)}" for exercise in result.exercises]
    return "\n".join([*lines, ""])


def _chosen(workspace: Path, asked: str) -> list[Lesson]:
    if asked:
        lesson = named(asked)
        if not notebook_in(workspace, lesson).exists():
            raise UsageError(f"There is no {notebook_in(workspace, lesson)}. Make it: autograder start")
        return [lesson]
    if not workspace.is_dir():
        raise UsageError(f"There is no workspace {workspace}. Make one: autograder start")
    begun = [found.lesson for found in overview(workspace).lessons if found.begun or found.fault]
    begun = [lesson for lesson in begun if notebook_in(workspace, lesson).exists()]
    if not begun:
        raise CourseError(f"Nothing is begun in {workspace}. To grade a lesson all the same: autograder check LESSON")
    return begun
