"""`autograder grade`: progress while it goes, a summary and reports when it is done."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from autograder.errors import UsageError
from autograder.grading import grading
from autograder.grading.ledger import DEFAULT
from autograder.grading.one import SEEDS
from autograder.grading.submissions import NAME, Submission, found
from autograder.report.results import SubmissionResult, write_json
from autograder.sandbox import bubblewrap
from autograder.sandbox.provisioner import SandboxUnavailable

if TYPE_CHECKING:
    from autograder.grading.gradebook import NbGraderCourse, Writer

INTERRUPTED = 130
# a summary line for each, up to so many
MOST_ROWS = 40


@dataclasses.dataclass(frozen=True)
class Options:
    """What the command line asks for."""

    json: Path | None
    html: Path | None
    csv: Path | None
    workers: int
    scheduler: str = ""
    lesson: str = ""
    fresh: bool = False
    seeds: str = ""
    unsafe: bool = False


def grade(paths: Sequence[Path], options: Options) -> int:
    """Grade, report, and give the exit code. Raises UsageError for what makes no sense."""
    submissions = found(paths, options.lesson)
    if not submissions:
        raise UsageError(f"There is no notebook in {', '.join(map(str, paths))}. {NAME}")
    seeds = _seeds(options.seeds)
    if not options.unsafe and not options.scheduler:
        reason = bubblewrap.available()
        if reason:
            raise SandboxUnavailable(reason)
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    columns = (
        TextColumn("grading"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    course = _course_of(paths)
    writer = _writer(course, submissions) if course and not seeds else None
    kept = anew = 0
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("", total=len(submissions), rate="")

        def on_result(result: SubmissionResult, was_remembered: bool) -> None:
            nonlocal kept, anew
            kept += result.graded
            anew += not was_remembered
            if writer is not None:
                writer.add(result, anew=not was_remembered)
            elapsed = progress.tasks[0].elapsed
            progress.update(bar, advance=1, rate=f"{60 * anew / elapsed:.0f} a minute" if anew and elapsed else "")

        try:
            results = grading.grade(
                submissions,
                workers=options.workers,
                scheduler=options.scheduler,
                seeds=seeds,
                fresh=options.fresh,
                unsafe=options.unsafe,
                course=course,
                ledger_path=course.submitted.parent / DEFAULT.name if course else DEFAULT,
                on_result=on_result,
            )
        except KeyboardInterrupt:
            progress.stop()
            console.print(f"Stopped. {kept} of {len(submissions)} are graded and kept: the same command goes on there.")
            return INTERRUPTED
    _write(results, options)
    for reason, names in writer.reasons.items() if writer is not None else ():
        console.print(Text(f"Not in the gradebook: {', '.join(names[:5])}{' ...' if len(names) > 5 else ''}: {reason}"))
    _summary(results)
    return 0 if all(result.graded for result in results) else 1


def _course_of(paths: Sequence[Path]) -> NbGraderCourse | None:
    """The nbgrader course in whose submitted tree the paths lie, if they do."""
    folders = [Path(os.path.abspath(path)).parents for path in paths]  # noqa: PTH100 (keeps links)
    if not any((folder / "nbgrader_config.py").is_file() for above in folders for folder in above):
        return None
    # it takes a second to import
    from autograder.grading.gradebook import course_above

    courses = {course.root: course for course in map(course_above, paths) if course}
    if len(courses) > 1:
        raise UsageError(f"Grade one course at a time; these are {', '.join(map(str, courses))}.")
    return next(iter(courses.values()), None)


def _writer(course: NbGraderCourse, submissions: Sequence[Submission]) -> Writer:
    from autograder.grading.gradebook import Writer

    return Writer(course, [submission.path for submission in submissions])


def _seeds(text: str) -> tuple[int, ...]:
    if not text:
        return ()
    try:
        seeds = tuple(int(part) for part in text.strip("[]() ").split(","))
    except ValueError:
        seeds = ()
    if len(seeds) != SEEDS or min(seeds) < 0:
        raise UsageError(f"--seed takes the {SEEDS} seeds of a result, such as 11,22,33; not {text!r}.")
    return seeds


def _write(results: Sequence[SubmissionResult], options: Options) -> None:
    if options.json is not None:
        write_json(results, options.json)
    if options.html is not None:
        from autograder.report.html import write_html

        write_html(results, options.html)
    if options.csv is not None:
        from autograder.report.csv import write_csv

        write_csv(results, options.csv)


def _summary(results: Sequence[SubmissionResult]) -> None:
    console = Console(file=sys.stdout, soft_wrap=True, highlight=False)
    table = Table("learner", "lesson", "score", "", box=None)
    for result in results[:MOST_ROWS]:
        faults = "; ".join(f"{fault.kind}: {fault.message}" for fault in result.faults)
        marked = "" if result.sandboxed else "no sandbox "
        table.add_row(
            Text(result.learner), Text(result.lesson), f"{result.score:g} of {result.points:g}", Text(marked + faults)
        )
    console.print(table)
    if len(results) > MOST_ROWS:
        console.print(f"... and {len(results) - MOST_ROWS} more")
    mistakes = Counter(
        (exercise.name, text) for result in results for exercise in result.exercises for _, text in exercise.diagnoses
    )
    for (name, text), count in mistakes.most_common(5):
        console.print(Text(f"{count} of {len(results)}  {name}: {' '.join(text.split())}"))
