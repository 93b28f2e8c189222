"""Running a trial: what it observes of an implementation, of the reference and of a known mistake."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any
from zlib import crc32

import numpy as np

from autograder import beside
from autograder.beside import Fault, Outcome
from autograder.exercise import Exercise, Implementation
from autograder.judges import is_costly
from autograder.proxy import Call, Here, Proxy, Side, as_observation
from autograder.values import agree

ARGUMENTS_LABEL = "leaves its arguments as they were"


@dataclasses.dataclass(frozen=True)
class Observation:
    """One line of specification with what was observed, its judge if it has one, and the calls that led to it."""

    label: str
    value: Any
    judge: Any = None
    calls: tuple[Call, ...] = ()


Run = dict[tuple[str, int], Observation]
"""Observations by label and by how often the label came before."""


def round_seeds(seed: int | None, rounds: int) -> list[int]:
    """The seeds of the rounds that `seed` stands for; None is a fixed public one, so that a card can be shown again."""
    return [int(s) for s in np.random.SeedSequence([0 if seed is None else seed, 8128]).generate_state(rounds)]


def run_trial(
    exercise: Exercise, side: Side, implementation: Any, seed: int, *, costly: bool = True, known: bool = False
) -> Run:
    """Everything that the trial observes; without training and races, which come last, if `costly` is false.

    Networks of a known implementation have other first weights than those that they are compared with: nobody is to be
    recognised by chance.
    """
    record: list[Call] = []
    rng = np.random.default_rng([seed, crc32(exercise.name.encode())])
    proxy = Proxy(side, implementation, exercise.name, record)
    last = None if costly or not has_costly(exercise) else _before_costly(exercise, seed)
    observations: list[Observation] = []
    start = 0
    try:
        with _first_weights(2 * seed + known):
            for label, value, *judges in exercise.trial(proxy, rng):
                calls = tuple(record[start:])
                start = len(record)
                observations.append(Observation(label, as_observation(value), judges[0] if judges else None, calls))
                if len(observations) == last:
                    break
    except Exception as error:
        if implementation is exercise.reference:
            raise
        unusable = Fault("unusable", f"the rest of the check could not use what it returned ({error})")
        observations.append(Observation("", unusable, calls=tuple(record[start:])))
    if exercise.guards_arguments:
        observations.append(_arguments_observation(exercise, record))
    return _numbered(observations)


@contextlib.contextmanager
def _first_weights(seed: int) -> Iterator[None]:
    """Whoever makes a network in this process draws its weights anew from `seed`: the same check has the same result.

    Afterwards torch draws on as if nothing had been drawn. Behind the wall each submission has a process to itself.
    """
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield


class Nobody:
    """The side on which nothing is: every call is a fault, at no cost."""

    ABSENT = Fault("absent", "there is no implementation")

    def invoke(self, *_: Any) -> Outcome:
        """A fault."""
        return Outcome(self.ABSENT)

    def attribute(self, *_: Any) -> Fault:
        """A fault."""
        return self.ABSENT

    def rehearsal(self) -> Side:
        """Nobody else."""
        return self

    def clock(self) -> float:
        """Nothing takes any time."""
        return 0.0


@functools.lru_cache(maxsize=4096)
def outline(exercise: Exercise, seed: int) -> Run:
    """The labels of an exercise and their judges, without any training or race: its trial on nobody."""
    return run_trial(exercise, Nobody(), None, seed)


@functools.cache
def has_costly(exercise: Exercise) -> bool:
    """Whether some line of it costs training or a race."""
    return any(is_costly(observation.judge) for observation in outline(exercise, 0).values())


def _before_costly(exercise: Exercise, seed: int) -> int:
    """How many observations of its trial come before the first that is costly."""
    return sum(not is_costly(o.judge) and o.label != ARGUMENTS_LABEL for o in outline(exercise, seed).values())


def _arguments_observation(exercise: Exercise, record: list[Call]) -> Observation:
    names = exercise.parameters()
    for call in record:
        changed = changed_names(names, call)
        if any(name not in exercise.in_place for name in changed):
            return Observation(ARGUMENTS_LABEL, False, calls=(call,))
    return Observation(ARGUMENTS_LABEL, True, calls=tuple(call for call in record if call.outcome.mutable)[:1])


def changed_names(names: list[str], call: Call) -> list[str]:
    """The parameters whose arguments a call left changed."""
    return [names[key] if isinstance(key, int) and 0 <= key < len(names) else str(key) for key in call.outcome.changed]


def _numbered(observations: list[Observation]) -> Run:
    counts: Counter[str] = Counter()
    run: Run = {}
    for observation in observations:
        run[observation.label, counts[observation.label]] = observation
        counts[observation.label] += 1
    return run


@functools.lru_cache(maxsize=4096)
def reference_run(exercise: Exercise, seed: int) -> Run:
    """What the trial observes of the reference; of what is costly the labels alone: they have thresholds."""
    with beside.quiet():
        run = run_trial(exercise, Here(), exercise.reference, seed, costly=False, known=True)
    return {**outline(exercise, seed), **run} if has_costly(exercise) else run


@functools.lru_cache(maxsize=16384)
def mistake_run(exercise: Exercise, mistake: Implementation, seed: int, raced: bool = False) -> Run:
    """What it observes of a known mistake, without training, and without races unless `raced`."""
    with beside.quiet():
        return run_trial(exercise, Here(), mistake, seed, costly=raced and not exercise.trains, known=True)


def holds(got: Observation | None, wanted: Observation) -> bool:
    """Whether an observation is what the reference's says it should be. What cannot be compared does not hold."""
    if got is None or isinstance(got.value, Fault):
        return got is not None and agree(got.value, wanted.value)
    if wanted.judge is None:
        return agree(got.value, wanted.value)
    try:
        return bool(wanted.judge(got.value, wanted.value))
    except Exception:  # a judge that cannot read what it was given has not been satisfied
        return False
