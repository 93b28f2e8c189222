"""How long `check` takes: every exercise that trains nothing, right and wrong; those that train, right.

    python -m benchmarks.check_latency [--json FILE]

The wrong answer is the exercise's slowest known mistake: a wrong answer costs a search for a small input and a run of
every mistake. Each figure is the time of a first check, as a learner meets it; importing the lesson is not counted. The
median and the greatest are of those that train nothing.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

from autograder import exercises, judge
from autograder.exercise import Exercise
from autograder.observing import mistake_run, outline, reference_run
from benchmarks.report import arguments, report


def seconds(exercise: Exercise, implementation: Any) -> float:
    """The time of a first check: nothing is remembered of the reference or of the mistakes."""
    for remembered in (reference_run, mistake_run, outline):
        remembered.cache_clear()
    began = time.perf_counter()
    str(judge(implementation, name=exercise.name))
    return time.perf_counter() - began


def main() -> None:
    """Measure, print, write."""
    asked = arguments(__doc__)
    figures: dict[str, float] = {}
    training = [exercise for exercise in exercises() if exercise.trains]
    for exercise in exercises():
        if exercise in training:
            continue
        right = statistics.median(seconds(exercise, exercise.reference) for _ in range(3))
        wrong = max(seconds(exercise, mistake) for mistake in exercise.mistakes)
        figures[f"{exercise.name}_right_seconds"] = right
        figures[f"{exercise.name}_wrong_seconds"] = wrong
    times = list(figures.values())
    summary = {"median_seconds": statistics.median(times), "max_seconds": max(times)}
    for kind in ("right", "wrong"):
        of_kind = [time for name, time in figures.items() if name.endswith(f"_{kind}_seconds")]
        summary |= {f"median_{kind}_seconds": statistics.median(of_kind), f"max_{kind}_seconds": max(of_kind)}
    trained = {f"{exercise.name}_trains_seconds": seconds(exercise, exercise.reference) for exercise in training}
    report("check: seconds until the answer", {**figures, **trained, **summary}, asked.json)


if __name__ == "__main__":
    main()
