"""Diagnosing: which known mistakes do as the learner's implementation does."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import numpy as np

from autograder.beside import Fault
from autograder.exercise import Exercise, Implementation
from autograder.judges import is_costly
from autograder.observing import Observation, Run, holds, mistake_run, reference_run
from autograder.racing import UNTIMED
from autograder.values import as_array

# faults whose kind tells the cause; any other may have several
TELLING = {"ZeroDivisionError", "RecursionError", "NotImplementedError"}
NUMBERS = re.compile(r"[\d.]+")
# how many mistakes are compared on a second round as well
LIKELY = 5


def diagnose(exercise: Exercise, runs: dict[int, Run], labels: dict[str, bool]) -> list[Implementation]:
    """The mistakes whose observations are the learner's on a label that failed, the one that explains most first."""
    failing = {
        seed: {label for label, _ in reference_run(exercise, seed) if not labels.get(label, True)} for seed in runs
    }
    # the rounds that differ from the reference are the ones that tell; two of them tell enough
    telling = [
        seed
        for seed, run in runs.items()
        if any(
            not holds(run.get(key), wanted)
            for key, wanted in reference_run(exercise, seed).items()
            if key[0] in failing[seed] and not (is_costly(wanted.judge) and _says_nothing(run.get(key)))
        )
    ][:2]
    open_labels = {label for label, held_everywhere in labels.items() if not held_everywhere}

    def rank(mistakes: list[Implementation], *, closely: bool) -> dict[Implementation, dict[str, bool | None]]:
        seeds = telling if closely else telling[:1]
        agreements = {mistake: _agreements(exercise, mistake, runs, seeds, labels, closely) for mistake in mistakes}

        def place(mistake: Implementation) -> tuple[int, int]:
            agrees = agreements[mistake]
            explained = sum(agrees[label] is True for label in open_labels)
            return -explained, sum(agreed is False for agreed in agrees.values())

        ranked = sorted(mistakes, key=place)
        return {mistake: agreements[mistake] for mistake in ranked if place(mistake)[0]}

    # all of them on one round, and only those that may be it on the other, and raced
    likely = list(rank(exercise.mistakes, closely=False))[:LIKELY]
    agreements = rank(likely, closely=True)
    # a second mistake is named only for labels that the ones before it do not explain; and none that would have more of
    # the others otherwise than it explains, unless it gives the very number that was given
    named: list[Implementation] = []
    settled: set[str] = set()
    for mistake, agrees in agreements.items():
        explains = {label for label in open_labels if agrees[label]}
        against = [label for label, agreed in agrees.items() if agreed is False and label not in settled]
        if explains and (
            len(explains) >= len(against) or any(_to_the_digit(exercise, runs, telling, label) for label in explains)
        ):
            named.append(mistake)
            open_labels -= explains
            settled |= explains
    return named


def _agreements(
    exercise: Exercise,
    mistake: Implementation,
    runs: dict[int, Run],
    seeds: list[int],
    labels: dict[str, bool],
    closely: bool,
) -> dict[str, bool | None]:
    """For each label whether its observations are the mistake's; raced `closely`, or if nothing else tells it."""
    agrees: dict[str, bool | None] = {}
    for raced in (False, True):
        agrees = {label: _agreement(exercise, mistake, runs, seeds, label, raced) for label in labels}
        if False in agrees.values() or (any(agrees.values()) and not closely):
            break
    return agrees


def _agreement(
    exercise: Exercise, mistake: Implementation, runs: dict[int, Run], seeds: list[int], label: str, raced: bool
) -> bool | None:
    """Whether the observations of a label are the mistake's; None where neither differs from the reference."""
    differs = False
    for seed in seeds:
        # only some rounds of the learner's were raced
        raced_here = raced and any(is_costly(observation.judge) for observation in runs[seed].values())
        theirs = mistake_run(exercise, mistake, seed, raced_here)
        for key, wanted in reference_run(exercise, seed).items():
            if key[0] != label:
                continue
            got, mistaken = runs[seed].get(key), theirs.get(key)
            if is_costly(wanted.judge) and (_says_nothing(got) or mistaken is None):
                continue
            right, mistaken_right = holds(got, wanted), holds(mistaken, wanted)
            if right and mistaken_right:
                continue
            differs = True
            if right != mistaken_right or got is None or mistaken is None:
                return False
            if not holds(got, dataclasses.replace(wanted, value=mistaken.value)):
                return False
            if isinstance(got.value, Fault) and not _same_cause(got.value, mistaken.value):
                return False
    return True if differs else None


def _says_nothing(got: Observation | None) -> bool:
    """Whether what costs a race was not run, or not timed: another line failed, and that tells which mistake it was."""
    return got is None or (isinstance(got.value, Fault) and got.value == UNTIMED)


def _to_the_digit(exercise: Exercise, runs: dict[int, Run], seeds: list[int], label: str) -> bool:
    """Whether what fails on a label is a number that nobody meets by chance: finite, and no whole one."""
    for seed in seeds:
        for key, wanted in reference_run(exercise, seed).items():
            got = runs[seed].get(key)
            if key[0] != label or got is None or wanted.judge is not None or holds(got, wanted):
                continue
            numbers = as_array(got.value)
            if numbers is not None and numbers.dtype.kind == "f" and (np.isfinite(numbers) & (numbers % 1 != 0)).any():
                return True
    return False


def _same_cause(fault: Fault, other: Any) -> bool:
    """Whether another fault of its kind has the same cause: where the kind may have any, by what both say."""
    if fault.kind in TELLING:
        return True
    return isinstance(other, Fault) and NUMBERS.sub("", fault.message) == NUMBERS.sub("", other.message)
