"""Lesson 00: how the course works, in one exercise."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from autograder.exercise import exercise
from solutions import welcome as reference


@exercise(
    reference.click_through_rate,
    points=1,
    minutes=3,
    hints=[
        "A rate is a share of something. Of what: of what was shown, or of what was clicked?",
        "Nothing shown is a case of its own. A rate of 0 would say that people saw the item and did not like it.",
        "`if impressions == 0: return math.nan`, then clicks divided by impressions.",
    ],
    afterword="NaN keeps «never shown» apart from «shown and never clicked». Lesson 02 lives on that difference: "
    "an item that nobody has seen is one to explore, not one to drop.",
)
def click_through_rate(rate: Any, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """Any counts, then the three borders: none clicked, all clicked, none shown."""
    impressions = int(rng.integers(3, 12))
    clicks = int(rng.integers(1, impressions))
    yield "is the share of impressions that were clicked", rate(clicks, impressions)
    yield "is 0 where nobody clicked", rate(0, impressions)
    yield "is 1 where everybody clicked", rate(impressions, impressions)
    yield "is NaN where nothing was shown", rate(0, 0)


@click_through_rate.mistake
def zero_for_none(clicks: int, impressions: int) -> float:
    """Nothing was shown, and the answer is 0: that says «shown and never clicked», which nobody has observed."""
    return clicks / impressions if impressions else 0.0


@click_through_rate.mistake
def one_for_none(clicks: int, impressions: int) -> float:
    """Nothing was shown, and the answer is 1: an item would look perfect before anybody has seen it."""
    return clicks / impressions if impressions else 1.0


@click_through_rate.mistake
def inverted(clicks: int, impressions: int) -> float:
    """The fraction is upside down: impressions per click, where clicks per impression are asked for."""
    if impressions == 0:
        return float("nan")
    return impressions / clicks if clicks else 0.0


@click_through_rate.mistake
def crashes_on_none(clicks: int, impressions: int) -> float:
    """It divides by zero where nothing was shown: treat that case before you divide."""
    return clicks / impressions


@click_through_rate.mistake
def whole_numbers(clicks: int, impressions: int) -> float:
    """`//` divides whole numbers and drops what is behind the point: almost every rate becomes 0. Use `/`."""
    return clicks // impressions if impressions else float("nan")


@click_through_rate.mistake
def per_cent(clicks: int, impressions: int) -> float:
    """It answers in per cent: a rate is a number from 0 to 1."""
    return 100 * clicks / impressions if impressions else float("nan")


@click_through_rate.mistake
def odds(clicks: int, impressions: int) -> float:
    """It divides by the impressions that were *not* clicked: those are odds, and they can exceed 1."""
    if impressions == 0:
        return float("nan")
    return clicks / (impressions - clicks) if impressions > clicks else float("inf")


@click_through_rate.mistake
def imagined_clicks(clicks: int, impressions: int) -> float:
    """It adds clicks and impressions that nobody made: smoothing has its place, but a rate is what was counted."""
    return (clicks + 1) / (impressions + 2)
