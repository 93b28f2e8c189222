"""Grading a class: what is new is graded, what was graded before is taken from the ledger."""

from __future__ import annotations

import contextlib
import dataclasses
import secrets
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.grading import running
from autograder.grading.ledger import DEFAULT, Ledger
from autograder.grading.one import SEEDS, Task, task_of
from autograder.grading.outputs import OutputStore
from autograder.grading.submissions import Submission
from autograder.report.results import SubmissionResult

if TYPE_CHECKING:
    from autograder.grading.gradebook import NbGraderCourse

# A run draws so many secret seeds, and each submission three of them: the reference need then be run for few.
# The next run draws others, so that what a learner saw of one helps in none.
POOL_OF_SEEDS = 4


def seed_source(given: tuple[int, ...] = ()) -> Callable[[], tuple[int, ...]]:
    """Draws the secret seeds of one submission of a run; the ones `given`, if there are any, to replay a dispute."""
    if given:
        return lambda: given
    chance = secrets.SystemRandom()
    pool = chance.sample(range(1 << 31), POOL_OF_SEEDS)
    return lambda: tuple(chance.sample(pool, SEEDS))


def seeds_for(count: int, given: tuple[int, ...]) -> list[tuple[int, ...]]:
    """The seeds of `count` submissions of one run."""
    draw = seed_source(given)
    return [draw() for _ in range(count)]


def grade(
    submissions: Sequence[Submission],
    *,
    workers: int,
    scheduler: str = "",
    seeds: tuple[int, ...] = (),
    fresh: bool = False,
    unsafe: bool = False,
    ledger_path: Path = DEFAULT,
    course: NbGraderCourse | None = None,
    on_result: Callable[[SubmissionResult, bool], None] = lambda result, remembered: None,
) -> list[SubmissionResult]:
    """Results in the order of the submissions. `on_result` hears of each as it comes, and whether it was remembered.

    A submission that is there twice is graded once. What could not be graded is not remembered, but tried again; a
    replay on given seeds is neither taken from the ledger nor kept in it. What lies in the tree of a `course` is read
    as nbgrader reads it, and what its cells put out is kept beside the ledger.
    """
    draw = seed_source(seeds)
    results: dict[int, SubmissionResult] = {}
    places: dict[str, list[int]] = {}
    finished: dict[str, SubmissionResult] = {}
    with contextlib.ExitStack() as stack:
        ledger = None if seeds else stack.enter_context(Ledger(ledger_path))

        def settle(place: int, result: SubmissionResult, *, remembered: bool) -> None:
            # it may have been graded in another place
            results[place] = dataclasses.replace(result, path=str(submissions[place].path))
            on_result(results[place], remembered)

        def new() -> Iterator[Task]:
            for place, submission in enumerate(submissions):
                task = _task(submission, draw(), course, unsafe=unsafe)
                key = task.key
                known = None if fresh or ledger is None else ledger.get(key)
                if known is not None:
                    settle(place, known, remembered=True)
                elif key in finished:
                    settle(place, finished[key], remembered=True)
                elif key in places:
                    places[key].append(place)
                else:
                    places[key] = [place]
                    yield task

        graded = _run(new(), min(workers, len(submissions)), scheduler, unsafe)
        with contextlib.closing(graded):
            for task, found in graded:
                key, result = task.key, found.result
                finished[key] = result
                if ledger is not None and result.graded:
                    if found.outputs:
                        OutputStore(ledger.path.parent / "outputs").add(key, found.outputs)
                    ledger.add(key, result)
                first, *others = places.pop(key)
                settle(first, result, remembered=False)
                for place in others:
                    settle(place, result, remembered=True)
    return [results[place] for place in range(len(submissions))]


def _task(submission: Submission, seeds: tuple[int, ...], course: NbGraderCourse | None, *, unsafe: bool) -> Task:
    place = course.place_of(submission.path) if course else None
    if course and place and not submission.lesson:
        return course.ordinary_task(submission, unsafe=unsafe)
    return task_of(submission, seeds, unsafe=unsafe, shown=place is not None)


def _run(tasks: Iterator[Task], workers: int, scheduler: str, unsafe: bool) -> Generator[running.Pair, None, None]:
    if scheduler:
        from autograder.grading.cluster import on_cluster

        return on_cluster(tasks, scheduler, unsafe=unsafe)
    return running.on_pool(tasks, max(1, workers))
