"""A diagnosis is given for what was observed, and for nothing less."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from autograder.exercise import exercise
from autograder.judging import judge_here


def spread(x: Tensor, kept: Tensor) -> tuple[float, float, float, float]:
    """The sum, the number, the least and the greatest of those x [N] that are kept [N], bool."""
    some = x[kept]
    return float(some.sum()), float(len(some)), float(some.min()), float(some.max())


@exercise(spread, points=1, hints=["a nudge", "nearly the line"], afterword="That is all.")
def spreading(spread: Any, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
    x = torch.from_numpy(rng.normal(size=6))
    kept = torch.tensor([True, True, True, False, False, True])
    for place, label in enumerate(("the sum", "the number", "the least", "the greatest")):
        yield label, spread(x, kept)[place]


@spreading.mistake
def keeps_all(x: Tensor, kept: Tensor) -> tuple[float, float, float, float]:
    """It keeps all of them."""
    return spread(x, torch.ones_like(kept))


@spreading.mistake
def subtracts_the_mask(x: Tensor, kept: Tensor) -> tuple[float, float, float, float]:
    """One minus a mask is no mask."""
    raise RuntimeError(f"Subtraction of {len(x)} bools is not supported")


@spreading.mistake
def no_number(x: Tensor, kept: Tensor) -> tuple[float, float, float, float]:
    """It forgets the number."""
    total, _, least, greatest = spread(x, kept)
    return total, 0.0, least, greatest


@spreading.mistake
def all_of_the_ends(x: Tensor, kept: Tensor) -> tuple[float, float, float, float]:
    """The ends are turned round."""
    total, number, least, greatest = spread(x, kept)
    return total, number, greatest, least


def told(answer: Any) -> list[str]:
    return [name for name, _ in judge_here(spreading, answer).diagnoses]


@pytest.mark.parametrize(
    ("message", "diagnosis"),
    [
        ("Subtraction of 12 bools is not supported", ["subtracts_the_mask"]),
        ("mat1 and mat2 shapes cannot be multiplied (3x4 and 5x6)", []),
    ],
)
def test_a_crash_is_a_known_one_only_if_it_says_the_same(message: str, diagnosis: list[str]) -> None:
    def crashes(x: Tensor, kept: Tensor) -> Any:
        raise RuntimeError(message)

    assert told(crashes) == diagnosis


def test_a_mistake_that_would_have_most_lines_otherwise_is_not_named_for_a_whole_number() -> None:
    def one_of_four(x: Tensor, kept: Tensor) -> Any:
        total, _, least, greatest = spread(x, kept)
        return total + 1, float(len(x)), least - 1, greatest + 1  # the number alone is that of `keeps_all`

    assert told(one_of_four) == []


def test_a_mistake_is_named_for_a_number_that_nobody_meets_by_chance_whatever_the_other_lines_say() -> None:
    def one_of_four(x: Tensor, kept: Tensor) -> Any:
        _, number, least, greatest = spread(x, kept)
        return float(x.sum()), number + 3, least - 1, greatest + 1  # the sum is that of `keeps_all`

    assert told(one_of_four) == ["keeps_all"]


def test_two_mistakes_at_once_are_both_named() -> None:
    def both(x: Tensor, kept: Tensor) -> Any:
        total, _, least, greatest = spread(x, kept)
        return total, 0.0, greatest, least

    assert told(both) == ["all_of_the_ends", "no_number"]


def test_what_changes_a_mask_is_told_so() -> None:
    def changes(x: Tensor, kept: Tensor) -> Any:
        found = spread(x, kept)
        kept.logical_not_()
        return found

    assert told(changes) == ["changes_its_arguments"]


def test_the_line_of_a_fault_is_the_learner_s_or_none() -> None:
    def detached(x: Tensor, kept: Tensor) -> Any:
        return spread(x)  # type: ignore[call-arg]

    shown = judge_here(spreading, detached).evidence
    assert shown is not None
    assert "return spread(x)" in shown.line

    class Policy:
        """It has no `act`."""

    def acting(policy: Any) -> Any:
        return policy

    class Acts:
        def act(self) -> int:
            return 1

    def acts() -> Acts:
        return Acts()

    @exercise(acts, points=1, hints=["a nudge", "nearly the line"], afterword="")
    def acted(make: Any, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
        yield "acts", make().act()

    shown = judge_here(acted, lambda: acting(Policy())).evidence
    assert shown is not None
    assert "act" in shown.remark
    assert shown.line == ""
