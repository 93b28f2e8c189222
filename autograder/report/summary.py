"""What a class did, counted: per lesson its submissions, exercises and mistakes."""

from __future__ import annotations

import dataclasses
import functools
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from statistics import fmean

from autograder.course import lessons
from autograder.errors import CourseError
from autograder.report.results import FAULT_KINDS, ExerciseResult, GradingFault, SubmissionResult


@dataclasses.dataclass(frozen=True)
class Entry:
    """A submission in a report: `number` is its place among all, which links go to; `title` names its lesson."""

    number: int
    title: str
    result: SubmissionResult

    @functools.cached_property
    def exercises(self) -> dict[str, ExerciseResult]:
        """What was found of each exercise, by name."""
        return {exercise.name: exercise for exercise in self.result.exercises}

    @property
    def failed(self) -> list[ExerciseResult]:
        """The exercises that did not pass."""
        return [exercise for exercise in self.result.exercises if not exercise.passed]

    @property
    def passed(self) -> list[str]:
        """The names of the exercises that passed."""
        return [exercise.name for exercise in self.result.exercises if exercise.passed]


@dataclasses.dataclass(frozen=True)
class Column:
    """An exercise over the submissions of a lesson: of `judged` submissions `passed` hold it; `mean` is in points."""

    name: str
    points: float
    judged: int
    passed: int
    mean: float


@dataclasses.dataclass(frozen=True)
class Mistake:
    """A mistake that `count` of `judged` submissions make. `name` is empty where none was recognised.

    `text` is the diagnosis, or the line of specification that fails most often.
    """

    exercise: str
    name: str
    text: str
    count: int
    judged: int


@dataclasses.dataclass(frozen=True)
class Board:
    """Who reached what in an exercise that ranks by a score: (place, submission, score), the highest first.

    What does not differ as it is shown, to two decimals, shares a place.
    """

    exercise: str
    rows: list[tuple[int, Entry, float]]


@dataclasses.dataclass(frozen=True)
class LessonSummary:
    """One lesson. `graded` submissions could be, `complete` of them pass everything, `mean` is theirs, in points."""

    title: str
    entries: list[Entry]
    columns: list[Column]
    mistakes: list[Mistake]
    boards: list[Board]
    graded: int
    complete: int
    mean: float
    points: float


@dataclasses.dataclass(frozen=True)
class ClassSummary:
    """The whole class; `share` is the mean share of the points over the `graded` submissions."""

    entries: list[Entry]
    lessons: list[LessonSummary]
    learners: list[tuple[str, list[Entry]]]
    faults: list[tuple[str, str, list[tuple[Entry, str]]]]
    graded: int
    share: float
    unsandboxed: int

    @property
    def all_faults(self) -> list[GradingFault]:
        """The faults of all submissions together."""
        return [fault for entry in self.entries for fault in entry.result.faults]


def summarise(results: Sequence[SubmissionResult]) -> ClassSummary:
    """Count what a class did. Learners stand in the order of their names, lessons in that of the course."""
    ordered = sorted(
        results, key=lambda result: (result.learner.casefold(), result.learner, result.lesson, result.path)
    )
    titles = titles_by_slug()
    entries = [
        Entry(number, titles.get(result.lesson, result.lesson), result)
        for number, result in enumerate(ordered, start=1)
    ]
    by_lesson: dict[str, list[Entry]] = defaultdict(list)
    by_learner: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_lesson[entry.result.lesson].append(entry)
        by_learner[entry.result.learner].append(entry)
    shares = [r.score / r.points for r in ordered if r.graded and r.points]
    return ClassSummary(
        entries=entries,
        lessons=[_lesson(titles.get(slug, slug), by_lesson[slug]) for slug in _in_order(by_lesson, titles)],
        learners=list(by_learner.items()),
        faults=_faults(entries),
        graded=sum(result.graded for result in ordered),
        share=fmean(shares) if shares else 0.0,
        unsandboxed=sum(not result.sandboxed for result in ordered),
    )


def titles_by_slug() -> dict[str, str]:
    """The course's lessons, slug to name; none where results are read without the course's notebooks."""
    try:
        return {lesson.slug: lesson.name for lesson in lessons()}
    except CourseError:
        return {}


def _alphabetical(name: str) -> str:
    """What a name is sorted by: É stands with E."""
    return unicodedata.normalize("NFKD", name).casefold()


def _in_order(slugs: Iterable[str], titles: dict[str, str]) -> list[str]:
    """The lessons of the course in its order, then others by name."""
    known = list(titles)
    return sorted(slugs, key=lambda slug: (known.index(slug) if slug in titles else len(known), slug))


def _lesson(title: str, entries: list[Entry]) -> LessonSummary:
    graded = [entry.result for entry in entries if entry.result.graded]
    found: dict[str, list[ExerciseResult]] = defaultdict(list)
    for result in graded:
        for exercise in result.exercises:
            found[exercise.name].append(exercise)
    mistakes = [mistake for name, exercises in found.items() for mistake in _mistakes(name, exercises)]
    return LessonSummary(
        title=title,
        entries=entries,
        columns=[_column(name, exercises) for name, exercises in found.items()],
        mistakes=sorted(mistakes, key=lambda mistake: (-mistake.count, not mistake.name)),
        boards=[board for name in found if (board := _board(name, entries)).rows],
        graded=len(graded),
        complete=sum(all(exercise.passed for exercise in result.exercises) for result in graded),
        mean=fmean(result.score for result in graded) if graded else 0.0,
        points=max((result.points for result in graded), default=0.0),
    )


def _column(name: str, found: list[ExerciseResult]) -> Column:
    return Column(
        name=name,
        points=max(exercise.points for exercise in found),
        judged=len(found),
        passed=sum(exercise.passed for exercise in found),
        mean=fmean(exercise.score for exercise in found),
    )


def _board(name: str, entries: list[Entry]) -> Board:
    reached = [
        (round(exercise.reached, 2), entry)
        for entry in entries
        if entry.result.graded and (exercise := entry.exercises.get(name)) is not None and exercise.reached is not None
    ]
    scores = sorted((score for score, _ in reached), reverse=True)
    # sorting is stable: those of one place stand in the order of their names
    ranked = sorted(reached, key=lambda row: -row[0])
    return Board(name, [(scores.index(score) + 1, entry, score) for score, entry in ranked])


def _mistakes(name: str, found: list[ExerciseResult]) -> list[Mistake]:
    """Each mistake by how many make it; what fails without a known mistake is counted as one of no name."""
    counts: Counter[str] = Counter()
    texts: dict[str, str] = {}
    unknown: Counter[str] = Counter()
    for exercise in found:
        if exercise.passed:
            continue
        recognised = dict(exercise.diagnoses) or ({exercise.diagnosis: ""} if exercise.diagnosis else {})
        counts.update(recognised.keys())
        texts |= recognised
        if not recognised:
            unknown[exercise.failing[0][0] if exercise.failing else exercise.message] += 1
    made = [Mistake(name, mistake, texts[mistake], count, len(found)) for mistake, count in counts.items()]
    if unknown:
        made.append(Mistake(name, "", unknown.most_common(1)[0][0], unknown.total(), len(found)))
    return made


def _faults(entries: list[Entry]) -> list[tuple[str, str, list[tuple[Entry, str]]]]:
    """(kind, what it means, (submission, message) of each), for the kinds that occur."""
    by_kind = {
        kind: [(e, f.message) for e in entries for f in e.result.faults if f.kind == kind] for kind in FAULT_KINDS
    }
    return [(kind, meaning, by_kind[kind]) for kind, meaning in FAULT_KINDS.items() if by_kind[kind]]
