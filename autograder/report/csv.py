"""Results as CSV: a row for each learner and exercise, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from autograder.report.cleaning import one_line
from autograder.report.files import write_whole
from autograder.report.results import ExerciseResult, SubmissionResult

COLUMNS = (
    *("learner", "lesson", "exercise", "score", "points", "passed", "diagnosis", "fails"),
    *("faults", "sandboxed", "seconds", "path"),
)
# A spreadsheet computes what starts so. Where its separator is a semicolon, a cell can start within one of ours.
FORMULA = re.compile(r"""(^|;)(?=[\s"]*[=+\-@\t\r＝＋－＠])""")
LONGEST = 10_000


def class_csv(results: Sequence[SubmissionResult]) -> str:
    """The table with a line of headings. A submission without exercises has one row; `faults` says why."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(COLUMNS)
    for result in results:
        writer.writerows([[inert(value) for value in row] for row in _rows(result)])
    return buffer.getvalue()


def write_csv(results: Sequence[SubmissionResult], path: Path) -> None:
    """Write the table in UTF-8, whole or not at all; CourseError where it cannot be written."""
    write_whole(path, class_csv(results))


def inert(value: str) -> str:
    """A cell that a spreadsheet takes for text, cleaned and in one line: an apostrophe goes before a formula."""
    return FORMULA.sub(r"\1'", one_line(value, LONGEST))


def _rows(result: SubmissionResult) -> Iterator[list[str]]:
    before = [result.learner, result.lesson]
    after = [
        "; ".join(f"{fault.kind}: {fault.message}" for fault in result.faults),
        "yes" if result.sandboxed else "no",
        f"{result.seconds:.1f}",
        result.path,
    ]
    for exercise in result.exercises:
        yield [*before, *_exercise(exercise), *after]
    if not result.exercises:
        yield [*before, "", repr(result.score), repr(result.points), "no", "", "", *after]


def _exercise(exercise: ExerciseResult) -> list[str]:
    return [
        exercise.name,
        # unrounded: sums of it are compared with the gradebook
        repr(exercise.score),
        repr(exercise.points),
        "yes" if exercise.passed else "no",
        exercise.diagnosis or "",
        " | ".join(label for label, _ in exercise.failing),
    ]
