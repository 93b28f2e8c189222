"""How fast a function is: raced against the given loop over users, on the same machine, in the same seconds.

A machine may be slow or busy, so that seconds say nothing. What counts is how many times as fast a function serves a
user as the given loop does. Function, reference and loop run in turn, on fresh inputs, through the same wire. The
grader times them, by the computing that they took on both sides of the wall as the host counts it. Each is taken at its
best heat, since neighbours only ever make one slower. A race that is not clearly won gets more heats, and
what was answered while being timed must be right.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import Any

from autograder.beside import Fault
from autograder.observers import varied
from autograder.proxy import clock, raced, rival
from autograder.values import agree

Inputs = Callable[[int], tuple[Any, ...]]

USERS = 1024
"""Users in a heat. First come heats of a few, in which a loop is known at little cost."""
TIMES, FEW_TIMES = 16, 4
"""Calls in a heat, and in one of a few users, in one crossing of the wall: less of what is timed is the wire."""
CROWDED = 4
"""By how much others may slow a machine down before they count: what hides its computing gains no more than that."""
FEWEST, SLOW, MOST = 2, 6, 24
"""Heats of a race that is won clearly, of one that no more than a loop would run, and of any with those before."""
NO_LOOP, CLEAR = 2.0, 1.5
"""How many times as fast as the loop whoever goes on is; by how much a race is won that needs no more heats."""
UNTIMED = Fault("unusable", "what is not right is not timed")
PLAUSIBLE = 50e9
"""Bytes that memory gives in a second at the very most: nobody has read inputs faster."""


@dataclasses.dataclass(frozen=True)
class Times:
    """A race is passed where a user is served so many times as fast as by the given loop."""

    threshold: float
    raced: bool = True

    def __call__(self, got: Any, wanted: Any) -> bool:
        """Whether it is fast enough; what is compared with a slow mistake must be slow as well."""
        if isinstance(wanted, float) and wanted < self.threshold / 2:
            return bool(got < self.threshold)
        return bool(got >= self.threshold)

    def measured(self, got: Any) -> str:
        """What was measured, for the card; empty where nothing was."""
        return f"measured: {got:.3g} times" if isinstance(got, float) else ""


def times_as_fast(
    function: Any, reference: Callable[..., Any], loop: Callable[..., Any], inputs: Inputs, few: int, enough: float
) -> Any:
    """How many times as fast as `loop` the function serves a user, or a Fault where it does not answer as `reference`.

    `inputs(users)` gives fresh arguments, of which `loop` is run on those for a `few` users; `enough` is the highest
    ratio that is asked for.
    """
    right, slow = rival(function, reference), rival(function, loop)
    users, own, given, heats, ratio = few, float("inf"), float("inf"), 0, 0.0
    for _ in range(MOST):
        given = min(given, _seconds(slow, inputs(few), FEW_TIMES)[0] / few)
        arguments = inputs(users)
        times = TIMES if users == USERS else FEW_TIMES
        seconds, answers = _seconds(function, arguments, times)
        wanted = [right(*[varied(value, turn) for value in arguments]) for turn in (0, times - 1)]
        if isinstance(answers, Fault):
            return answers
        if not all(agree(answer, right_one) for answer, right_one in zip(answers, wanted, strict=True)):
            return UNTIMED
        if users == USERS and seconds * PLAUSIBLE < _bytes(arguments):
            return Fault("unusable", "it answered sooner than its inputs can be read")
        own, heats = min(own, seconds / users), heats + 1
        ratio = given / own
        if users < USERS and ratio > NO_LOOP:
            # step by step, since a loop that was lucky must not be given a thousand users
            users, own, heats = min(4 * users, USERS), float("inf"), 0
        elif (heats >= FEWEST and ratio > CLEAR * enough) or (heats >= SLOW and ratio < NO_LOOP):
            break
    return ratio


def _seconds(function: Any, arguments: tuple[Any, ...], times: int) -> tuple[float, Any]:
    """Seconds for each of so many calls in one crossing, and the first and the last answer."""
    began, computed = time.perf_counter(), clock(function)
    answers = raced(function, times, *arguments)
    computed, passed = clock(function) - computed, time.perf_counter() - began
    return max(computed, passed / CROWDED) / times, answers


def _bytes(value: Any) -> int:
    """The size of all tensors among arguments."""
    if isinstance(value, dict):
        return sum(map(_bytes, value.values()))
    if isinstance(value, list | tuple):
        return sum(map(_bytes, value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return 0  # one catalogue for all users: a small part of it is read
    return int(getattr(value, "nbytes", 0))
