"""What grading found, one record per submission, and the JSON in which it is kept.

`{"submissions": [{"learner", "lesson", "score", "points", "exercises": [...], "faults": [...], "seconds"}]}`; whoever
reads it may meet further fields. Reading trusts nothing: a field of another type is a `CourseError` that names it.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from autograder.errors import CourseError
from autograder.report.files import write_whole
from autograder.report.reading import Reader
from autograder.verdict import Evidence, Verdict

FAULT_KINDS = {
    "timeout": "took longer than it may",
    "memory": "used more memory than it may",
    "crash": "the kernel ended",
    "refused": "was not run",
    "unreadable": "could not be read",
    "foreign": "is of no lesson of this course",
    "missing": "something that is graded is not there",
}
# These stop a submission; after any other fault the rest of it is still judged.
STOPPING = {"refused", "unreadable", "foreign"}


@dataclasses.dataclass(frozen=True)
class GradingFault:
    """What went wrong with a submission: `kind` is one of FAULT_KINDS, else ValueError; `message` is for people."""

    kind: str
    message: str

    def __post_init__(self) -> None:
        if self.kind not in FAULT_KINDS:
            raise ValueError(f"a fault's kind is one of {', '.join(FAULT_KINDS)}, not {self.kind!r}")


@dataclasses.dataclass(frozen=True)
class ExerciseResult:
    """One exercise of a submission. `labels` may be empty: an ordinary nbgrader test has none.

    `diagnoses` are (name, text) of every mistake recognised, `diagnosis` is the name of the one that explains most;
    `measured` says in words what was measured for some of the labels, `reached` the score by which a class is
    ranked, where the exercise has one.
    """

    name: str
    score: float
    points: float
    labels: Mapping[str, bool] = dataclasses.field(default_factory=dict)
    diagnosis: str | None = None
    message: str = ""
    diagnoses: tuple[tuple[str, str], ...] = ()
    evidence: Evidence | None = None
    measured: Mapping[str, str] = dataclasses.field(default_factory=dict)
    reached: float | None = None

    @classmethod
    def from_verdict(cls, verdict: Verdict) -> Self:
        """The result that a verdict is."""
        shared = {field.name for field in dataclasses.fields(cls)}
        return cls(**{name: value for name, value in vars(verdict).items() if name in shared})

    @property
    def passed(self) -> bool:
        """Whether every label holds and no point is missing."""
        return all(self.labels.values()) and self.score >= self.points - 1e-9

    @property
    def failing(self) -> list[tuple[str, bool]]:
        """The labels that do not hold."""
        return [(label, held) for label, held in self.labels.items() if not held]


@dataclasses.dataclass(frozen=True, kw_only=True)
class SubmissionResult:
    """One graded submission. `score` and `points` are in points, `seconds` is what grading took.

    `sandboxed` says whether it ran behind the wall (reports mark what did not); a dispute is replayed with `seeds`.
    """

    learner: str
    lesson: str
    score: float
    points: float
    seconds: float
    sandboxed: bool
    exercises: tuple[ExerciseResult, ...] = ()
    faults: tuple[GradingFault, ...] = ()
    seeds: tuple[int, ...] = ()
    path: str = ""

    @property
    def graded(self) -> bool:
        """Whether it could be graded: something was judged, and no fault stopped it."""
        return bool(self.exercises) and not any(fault.kind in STOPPING for fault in self.faults)

    def to_json(self) -> dict[str, Any]:
        """The record as plain data."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: object, where: str = "submission") -> Self:
        """The record that `to_json` gave; CourseError names the field that is wrong, under `where`."""
        read = Reader.of(data, where)
        score, points = read.score()
        return cls(
            learner=read.text("learner"),
            lesson=read.text("lesson"),
            score=score,
            points=points,
            seconds=read.amount("seconds"),
            sandboxed=read.truth("sandboxed", True),
            exercises=tuple(_exercise(item) for item in read.records("exercises")),
            faults=tuple(_fault(item) for item in read.records("faults")),
            seeds=read.whole_numbers("seeds"),
            path=read.text("path", ""),
        )


def _exercise(read: Reader) -> ExerciseResult:
    score, points = read.score()
    return ExerciseResult(
        name=read.text("name"),
        score=score,
        points=points,
        labels=read.truths("labels"),
        diagnosis=read.text_or_none("diagnosis"),
        message=read.text("message", ""),
        diagnoses=read.pairs("diagnoses"),
        evidence=_evidence(read.record_or_none("evidence")),
        measured=read.texts("measured"),
        reached=read.number_or_none("reached"),
    )


def _evidence(read: Reader | None) -> Evidence | None:
    if read is None:
        return None
    parts = [field.name for field in dataclasses.fields(Evidence) if field.name != "label"]
    return Evidence(read.text("label"), **{part: read.text(part, "") for part in parts})


def _fault(read: Reader) -> GradingFault:
    kind = read.text("kind")
    if kind not in FAULT_KINDS:
        raise read.wrong("kind", f"one of {', '.join(FAULT_KINDS)}", kind)
    return GradingFault(kind, read.text("message"))


def write_json(results: Sequence[SubmissionResult], path: Path) -> None:
    """Write all results whole or not at all, in ASCII: nothing in it can deceive a terminal. Raises CourseError."""
    # a line each, so that a large file can be searched and compared
    records = ",\n".join(json.dumps(result.to_json(), allow_nan=False) for result in results)
    write_whole(path, f'{{"submissions": [\n{records}\n]}}\n')


def read_json(path: Path) -> list[SubmissionResult]:
    """The results in a file that `write_json` wrote; CourseError where it cannot be read or a field is wrong."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as fault:
        raise CourseError(f"The results in {path} cannot be read: {fault}") from fault
    records = Reader.of(data, str(path)).records("submissions")
    return [SubmissionResult.from_json(record.fields, record.where) for record in records]
