"""How clearly right answers win lesson 06's races, and loops lose them.

    python -m benchmarks.races [--seeds 20] [--json FILE]

For each exercise the ratio that its races measure, of the reference (`_least` over the seeds and `_median`) and of the
given loop (`_loop_most`), and its tiers. A tier is safe where the least is well above it, and the loop's most below.
"""

from __future__ import annotations

import statistics

from autograder.exercise import Exercise, Implementation
from autograder.judging import here
from autograder.lessons.vectorised import EXERCISES
from autograder.observing import run_trial
from autograder.racing import Times
from benchmarks.report import arguments, report
from metarec import loops


def ratio(exercise: Exercise, implementation: Implementation, seed: int) -> tuple[float, list[float]]:
    """What the race of a trial measured, and its tiers."""
    with here() as side:
        run = run_trial(exercise, side, implementation, seed)
    raced = [seen for seen in run.values() if isinstance(seen.judge, Times)]
    return float(raced[0].value), [seen.judge.threshold for seen in raced]


def main() -> None:
    """Measure, print, write."""
    asked = arguments(__doc__, seeds=20)
    figures: dict[str, float] = {}
    for exercise in EXERCISES:
        right, (tiers, *_) = zip(
            *(ratio(exercise, exercise.reference, seed) for seed in range(asked.seeds)), strict=True
        )
        loop = [ratio(exercise, getattr(loops, exercise.name), seed)[0] for seed in range(asked.seeds // 4 or 1)]
        found = {"least": min(right), "median": statistics.median(right), "loop_most": max(loop)}
        found |= {"first_tier": tiers[0], "second_tier": tiers[1]}
        figures |= {f"{exercise.name}_{name}": value for name, value in found.items()}
    report("lesson 06: times as fast as the given loop", figures, asked.json)


if __name__ == "__main__":
    main()
