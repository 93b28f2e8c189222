"""Judges `(got, wanted) -> bool` for observations that are random or learnt."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from autograder.values import as_array


@dataclasses.dataclass(frozen=True)
class Close:
    """Equal shapes, and values within an absolute and a relative tolerance: for what is learnt to a known value."""

    absolute: float = 0.0
    relative: float = 0.0

    def __call__(self, got: Any, wanted: Any) -> bool:
        """Whether every entry is near enough."""
        actual, expected = as_array(got), as_array(wanted)
        return (
            actual is not None
            and expected is not None
            and actual.shape == expected.shape
            and bool(np.allclose(actual, expected, rtol=self.relative, atol=self.absolute))
        )


@dataclasses.dataclass(frozen=True)
class SameFrequencies:
    """Counts per outcome, of equally many draws, that could come from one distribution.

    Outcome by outcome the two frequencies lie within five standard errors of each other: a right answer fails about
    once in a million outcomes.
    """

    standard_errors: float = 5.0

    def __call__(self, got: Any, wanted: Any) -> bool:
        """Whether the two counts could come from one distribution."""
        actual, expected = as_array(got), as_array(wanted)
        if actual is None or expected is None or actual.shape != expected.shape or actual.sum() != expected.sum():
            return False
        draws = expected.sum()
        pooled = (actual + expected) / (2 * draws)
        # one draw more than none may always occur: the normal approximation has no width at 0
        spread = np.sqrt(2 * draws * pooled * (1 - pooled))
        return bool((np.abs(actual - expected) <= self.standard_errors * spread).all())


@dataclasses.dataclass(frozen=True)
class AtLeast:
    """A learnt score that reaches a stated threshold. Mistakes are not trained again for such a label."""

    threshold: float
    trained: bool = True

    def __call__(self, got: Any, wanted: Any) -> bool:
        """Whether the score reaches the threshold, whatever the reference's."""
        score = as_array(got)
        return score is not None and score.ndim == 0 and bool(score >= self.threshold)


@dataclasses.dataclass(frozen=True)
class Ranked(AtLeast):
    """A learnt score that reaches a stated threshold, and by which the submissions of a class are ranked."""

    def measured(self, got: Any) -> str:
        """The score, for the card; empty where there is none."""
        score = as_array(got)
        return f"scored {score:.2f}" if score is not None and score.ndim == 0 and np.isfinite(score) else ""


def is_trained(judge: Any) -> bool:
    """Whether the observation cost training, so that mistakes are not rerun for it."""
    return bool(getattr(judge, "trained", False))


def is_costly(judge: Any) -> bool:
    """Whether it cost training or a race: then it comes last in a trial, and is observed no more often than needed."""
    return is_trained(judge) or bool(getattr(judge, "raced", False))
