"""How surely the checks of what trains nothing judge: on seeds that the tests do not try.

    python -m benchmarks.diagnoses [--seeds 100] [--mistakes 10] [--json FILE]

NAME_passes is the share of `--seeds` seeds on which the reference passes, NAME_told that of `--mistakes` seeds on which
a mistake is diagnosed as itself, the mean over all mistakes of the exercise. NAME_MISTAKE_told stands there for each
mistake that is not always told. A network is judged with other first weights than the known ones that it is compared
with, so that this also shows labels that hang on the luck of a start.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator

import numpy as np

from autograder import exercises
from autograder.judging import judge_here
from autograder.registry import find
from benchmarks.report import arguments, report

FRESH = 1_000_000
"""The first seed: far from those of the tests."""


def judged(name: str, seeds: int, mistake_seeds: int) -> tuple[float, dict[str, float]]:
    """The share of seeds on which the reference passes, and on which each mistake is told."""
    exercise = find(name)
    passes = [judge_here(exercise, exercise.reference, FRESH + seed).passed for seed in range(seeds)]
    told = {
        mistake.__name__: float(
            np.mean(
                [
                    judge_here(exercise, mistake, FRESH + seed).diagnosis == mistake.__name__
                    for seed in range(mistake_seeds)
                ]
            )
        )
        for mistake in exercise.mistakes
    }
    return float(np.mean(passes)), told


def study(seeds: int, mistake_seeds: int) -> Iterator[tuple[str, float]]:
    """The figures of all exercises that train nothing, and of all mistakes together."""
    names = [exercise.name for exercise in exercises() if not exercise.trains]
    everywhere: list[float] = []
    with multiprocessing.get_context("spawn").Pool() as pool:
        results = pool.starmap(judged, [(name, seeds, mistake_seeds) for name in names], chunksize=1)
    for name, (passes, told) in zip(names, results, strict=True):
        everywhere += told.values()
        yield f"{name}_passes", passes
        yield f"{name}_told", float(np.mean(list(told.values())))
        for mistake, share in told.items():
            if share < 1:
                yield f"{name}_{mistake}_told", share
    yield "mistakes", len(everywhere)
    yield "told", float(np.mean(everywhere))


def main() -> None:
    """Measure, print, write."""
    asked = arguments(__doc__, seeds=100, mistakes=10)
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # the processes fill the cores already
    report("how surely the checks judge", dict(study(asked.seeds, asked.mistakes)), asked.json)


if __name__ == "__main__":
    main()
