"""Diagnosing: which known mistakes do as the learner's implementation does."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import numpy as np

from autograder.beside import Fault
from autograder.exercise import Exercise, Implementation
from autograder.observing import Run, holds, mistake_run, reference_run
from autograder.racing import UNTIMED
from autograder.values import as_array

# faults whose kind tells the cause; any other may have several
TELLING = {"ZeroDivisionError", "RecursionError", "NotImplementedError"}
NUMBERS = re.compile(r"[\d.]+")


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
            if key[0] in failing[seed]
        )
    ][:2]
    agreements = {
        mistake: {label: _agreement(exercise, mistake, runs, telling, label) for label in labels}
        for mistake in exercise.mistakes
    }
    open_labels = {label for label, held_everywhere in labels.items() if not held_everywhere}
    ranked = []
    for place, (mistake, agrees) in enumerate(agreements.items()):
        explained = sum(agrees[label] is True for label in open_labels)
        contradicted = sum(agrees[label] is False for label in labels)
        ranked.append((-explained, contradicted, place, mistake))
    ranked.sort(key=lambda row: row[:3])
    # a second mistake is named only for labels that the ones before it do not explain; and none that would have more of
    # the others otherwise than it explains, unless it gives the very number that was given
    named: list[Implementation] = []
    settled: set[str] = set()
    for *_, mistake in ranked:
        agrees = agreements[mistake]
        explains = {label for label in open_labels if agrees[label]}
        against = [label for label, agreed in agrees.items() if agreed is False and label not in settled]
        if explains and (
            len(explains) >= len(against) or any(_to_the_digit(exercise, runs, telling, label) for label in explains)
        ):
            named.append(mistake)
            open_labels -= explains
            settled |= explains
    return named


def _agreement(
    exercise: Exercise, mistake: Implementation, runs: dict[int, Run], seeds: list[int], label: str
) -> bool | None:
    """Whether the observations of a label are the mistake's; None where neither differs from the reference."""
    differs = False
    for seed in seeds:
        theirs = mistake_run(exercise, mistake, seed)
        for key, wanted in reference_run(exercise, seed).items():
            if key[0] != label:
                continue
            if exercise.trains and key not in theirs:
                return None
            got, mistaken = runs[seed].get(key), theirs.get(key)
            right, mistaken_right = holds(got, wanted), holds(mistaken, wanted)
            if right and mistaken_right:
                continue
            if got is not None and isinstance(got.value, Fault) and got.value == UNTIMED:
                # it failed another line, and that tells which mistake it was
                continue
            differs = True
            if right != mistaken_right or got is None or mistaken is None:
                return False
            if not holds(got, dataclasses.replace(wanted, value=mistaken.value)):
                return False
            if isinstance(got.value, Fault) and not _same_cause(got.value, mistaken.value):
                return False
    return True if differs else None


def _to_the_digit(exercise: Exercise, runs: dict[int, Run], seeds: list[int], label: str) -> bool:
    """Whether what fails on a label is a number that nobody meets by chance: finite, and no whole one."""
    for seed in seeds:
        for key, wanted in reference_run(exercise, seed).items():
            if key[0] != label or holds(runs[seed].get(key), wanted):
                continue
            numbers = as_array(runs[seed][key].value)
            if numbers is not None and numbers.dtype.kind == "f" and (np.isfinite(numbers) & (numbers % 1 != 0)).any():
                return True
    return False


def _same_cause(fault: Fault, other: Any) -> bool:
    """Whether another fault of its kind has the same cause: where the kind may have any, by what both say."""
    if fault.kind in TELLING:
        return True
    return isinstance(other, Fault) and NUMBERS.sub("", fault.message) == NUMBERS.sub("", other.message)
