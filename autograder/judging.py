"""Judging: the same trial, with the same seed, on an implementation, on the reference and on every known mistake."""

from __future__ import annotations

import contextlib
import inspect
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from statistics import fmean
from typing import Any

import numpy as np

from autograder import beside, evidence
from autograder.beside import Fault
from autograder.diagnosing import diagnose
from autograder.exercise import Exercise, Implementation
from autograder.judges import Ranked, is_costly, is_trained
from autograder.observing import ARGUMENTS_LABEL, Run, holds, reference_run, round_seeds, run_trial
from autograder.proxy import Here, Side
from autograder.values import as_array
from autograder.verdict import Verdict

ROUNDS = 5
# a failure on a smaller input is looked for as long as an answer still comes at once
SEARCH_ROUNDS, SEARCH_SECONDS = 16, 0.1


def judge_on(
    exercise: Exercise,
    make_side: Callable[[], contextlib.AbstractContextManager[Side]],
    implementation: Any,
    seeds: list[int],
    *,
    needed_trained: int | None = None,
    trained: bool = True,
    race_once: bool = False,
) -> Verdict:
    """Judge an implementation that lives on a side, on every seed; without the costly labels if not `trained`.

    A label holds if it holds on all seeds; a trained one on `needed_trained` of them (all if None), and once that is
    decided, nothing more is trained. Races are run on every seed, or on the first alone if `race_once`.
    """
    began = time.perf_counter()
    runs: dict[int, Run] = {}
    held: dict[str, list[bool]] = {}
    judges: dict[str, Any] = {}

    def observe(seed: int, *, costly: bool) -> None:
        with make_side() as side:
            runs[seed] = run_trial(exercise, side, implementation, seed, costly=costly)

    def decided() -> bool:
        rounds = [held_so_far for label, held_so_far in held.items() if is_trained(judges[label])]
        left = len(seeds) - len(runs)
        return needed_trained is not None and all(
            sum(r) >= needed_trained or sum(r) + left < needed_trained for r in rounds
        )

    for seed in seeds:
        costly = trained and not (exercise.trains and bool(held) and decided()) and not (race_once and bool(held))
        observe(seed, costly=costly)
        by_label: defaultdict[str, bool] = defaultdict(lambda: True)
        for key, wanted in reference_run(exercise, seed).items():
            if not costly and is_costly(wanted.judge):
                continue
            by_label[wanted.label] &= holds(runs[seed].get(key), wanted)
            judges.setdefault(wanted.label, wanted.judge)
        for label, held_here in by_label.items():
            held.setdefault(label, []).append(held_here)
    labels = {}
    for label, rounds in held.items():
        needed = needed_trained if needed_trained is not None and is_trained(judges[label]) else len(rounds)
        labels[label] = sum(rounds) >= needed
    if not any(held_everywhere for label, held_everywhere in labels.items() if label != ARGUMENTS_LABEL):
        # to leave everything alone is no merit where nothing else is right
        labels.update(dict.fromkeys(labels, False))
    failed = [label for label, held_everywhere in labels.items() if not held_everywhere]
    unwritten = _unwritten(runs[seeds[0]])
    if failed and not exercise.trains and not unwritten:
        for seed in round_seeds(seeds[0], SEARCH_ROUNDS):
            if time.perf_counter() - began > SEARCH_SECONDS:
                break
            observe(seed, costly=False)
    share = (len(labels) - len(failed)) / len(labels)
    diagnoses = diagnose(exercise, runs, labels) if failed and not unwritten else []
    shown = evidence.smallest(exercise, runs, failed) if failed else None
    return Verdict(
        name=exercise.name,
        lesson=exercise.lesson,
        passed=not failed,
        score=float(exercise.points) if not failed else round(exercise.points * share, 4),
        points=exercise.points,
        labels=labels,
        diagnosis=diagnoses[0].__name__ if diagnoses else None,
        message=evidence.message(exercise, failed, shown, diagnoses),
        evidence=shown,
        diagnoses=tuple((mistake.__name__, inspect.getdoc(mistake) or "") for mistake in diagnoses),
        seconds=time.perf_counter() - began,
        measured=_measured(runs[seeds[0]], judges),
        reached=_reached(runs, judges),
    )


def _measured(run: Run, judges: dict[str, Any]) -> dict[str, str]:
    """What was measured for the labels whose judges say how to put it."""
    found = {}
    for observation in run.values():
        in_words = getattr(judges.get(observation.label), "measured", None)
        if in_words is not None and in_words(observation.value):
            found[observation.label] = in_words(observation.value)
    return found


def _reached(runs: dict[int, Run], judges: dict[str, Any]) -> float | None:
    """The mean over the seeds of the score that an exercise ranks by. Whoever cannot act on one of them has 0 there."""
    ranked = {label for label, judge in judges.items() if isinstance(judge, Ranked)}
    scores = {
        seed: as_array(observation.value)
        for seed, run in runs.items()
        for observation in run.values()
        if observation.label in ranked
    }
    reached = [
        None if score is None or score.ndim or not np.isfinite(score) else float(score) for score in scores.values()
    ]
    return None if all(score is None for score in reached) else fmean(score or 0.0 for score in reached)


def _unwritten(run: Run) -> bool:
    """Whether every call met a stub: then no input shows more than another, and no mistake was made."""
    faults = [observation.value for observation in run.values() if observation.label != ARGUMENTS_LABEL]
    return all(isinstance(fault, Fault) and fault.kind == "NotImplementedError" for fault in faults)


@contextlib.contextmanager
def here(on_progress: Callable[[str], None] | None = None) -> Iterator[Side]:
    """The side in this process, with everything that the implementation prints captured."""
    with beside.quiet() as printed:
        yield Here(printed, on_progress)


def judge_here(
    exercise: Exercise,
    implementation: Implementation,
    seed: int | None = None,
    on_progress: Callable[[str], None] | None = None,
    *,
    trained: bool = True,
) -> Verdict:
    """Judge in this process, on the rounds of one seed; without the labels that cost training if not `trained`."""
    seeds = round_seeds(seed, 1 if exercise.trains else ROUNDS)
    problem = signature_problem(exercise, implementation)
    if problem:
        return refusal(exercise, problem)
    return judge_on(exercise, lambda: here(on_progress), implementation, seeds, trained=trained, race_once=True)


def refusal(exercise: Exercise, problem: str) -> Verdict:
    """The verdict on what cannot even be called: no label holds."""
    labels = dict.fromkeys((label for label, _ in reference_run(exercise, round_seeds(None, 1)[0])), False)
    return Verdict(exercise.name, exercise.lesson, False, 0.0, exercise.points, labels, None, problem)


def signature_problem(exercise: Exercise, implementation: Any) -> str:
    """In one sentence why an implementation cannot be called as the exercise says; empty if it can."""
    kind = "class" if inspect.isclass(exercise.reference) else "function"
    if not callable(implementation) or (kind == "class") != inspect.isclass(implementation):
        return f"{exercise.name} must be a {kind}, and it is {beside.in_words(implementation)}."
    parameters = inspect.signature(exercise.reference).parameters.values()
    keywords = {p.name: None for p in parameters if p.kind is p.KEYWORD_ONLY}
    required = [p for p in parameters if p.kind is not p.KEYWORD_ONLY and p.default is p.empty]
    try:
        signature = inspect.signature(implementation)
    except (TypeError, ValueError):
        return ""
    try:
        signature.bind(*([None] * len(required)), **keywords)
    except TypeError:
        wanted = ", ".join([*(p.name for p in required), *(f"{name}=..." for name in keywords)])
        return f"{exercise.name} must take ({wanted}), and yours takes {_without_annotations(signature)}."
    return ""


def _without_annotations(signature: inspect.Signature) -> str:
    parameters = [p.replace(annotation=p.empty) for p in signature.parameters.values()]
    return str(signature.replace(parameters=parameters, return_annotation=signature.empty))
