"""How often the reference and each mistake reach the thresholds of the exercises that train.

    python -m benchmarks.thresholds [--seeds 300] [--slow 30] [--mistakes 3] [--json FILE]

A threshold is right if the reference passes on at least 299 of 300 seeds. An exercise that trains for more than 3 s is
run on fewer, `--slow` of them: there NAME_label_N_margin tells, by how many standard deviations of its scores the
reference lies above the threshold on average (`--slow 300` takes an hour on 2 cores). Mistakes are trained on fewer
seeds: what they must fail is their exercise, and most of them fail it before any training.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from typing import Any

import numpy as np

from autograder import beside, exercises
from autograder.exercise import Exercise
from autograder.judges import is_trained
from autograder.judging import judge_here
from autograder.observing import outline, run_trial
from autograder.proxy import Here
from autograder.registry import find
from benchmarks.report import arguments, report

# seconds of one run from which on an exercise is slow
LONG = 3.0


def trained_scores(name: str, mistake: int | None, seed: int) -> tuple[dict[str, float], bool]:
    """The trained observations by label, and whether the whole exercise passes, on one seed."""
    exercise = find(name)
    implementation = exercise.reference if mistake is None else exercise.mistakes[mistake]
    if mistake is not None:
        return {}, judge_here(exercise, implementation, seed).passed
    with beside.quiet():
        run = run_trial(exercise, Here(), implementation, seed)
    scores, holds = {}, True
    for observation in run.values():
        if is_trained(observation.judge):
            scores[observation.label] = float(observation.value)
            holds &= observation.judge(observation.value, None)
    return scores, holds


def study(exercise: Exercise, seeds: int, slow: int, mistake_seeds: int, pool: Any) -> dict[str, float]:
    """Pass rates of one exercise, and how far above its thresholds the reference lies."""
    figures: dict[str, float] = {}
    began = time.perf_counter()
    runs = [pool.apply(trained_scores, (exercise.name, None, 0))]
    if time.perf_counter() - began > LONG:
        seeds, mistake_seeds = min(seeds, slow), min(mistake_seeds, 1)
    runs += pool.starmap(trained_scores, [(exercise.name, None, seed) for seed in range(1, seeds)], chunksize=1)
    thresholds = [run.judge.threshold for run in outline(exercise, 0).values() if is_trained(run.judge)]
    figures[f"{exercise.name}_seeds"] = seeds
    figures[f"{exercise.name}_reference_pass_rate"] = float(np.mean([passed for _, passed in runs]))
    for place, label in enumerate(runs[0][0]):
        scores = [scored[label] for scored, _ in runs]
        figures[f"{exercise.name}_label_{place}_lowest"] = min(scores)
        figures[f"{exercise.name}_label_{place}_median"] = float(np.median(scores))
        above, spread = np.mean(scores) - thresholds[place], np.std(scores)
        if spread > 0:
            figures[f"{exercise.name}_label_{place}_margin"] = float(above / spread)
    for place, mistake in enumerate(exercise.mistakes):
        passed = pool.starmap(trained_scores, [(exercise.name, place, seed) for seed in range(mistake_seeds)])
        figures[f"{exercise.name}_{mistake.__name__}_pass_rate"] = float(np.mean([ok for _, ok in passed]))
    return figures


def main() -> None:
    """Measure, print, write."""
    asked = arguments(__doc__, seeds=300, slow=30, mistakes=3)
    figures: dict[str, float] = {}
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # the processes fill the cores already
    with multiprocessing.get_context("spawn").Pool() as pool:
        for exercise in exercises():
            if exercise.trains:
                figures |= study(exercise, asked.seeds, asked.slow, asked.mistakes, pool)
    report("thresholds of what is trained", figures, asked.json)


if __name__ == "__main__":
    main()
