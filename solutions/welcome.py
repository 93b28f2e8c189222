"""Lesson 00: the reference for the first exercise."""

import math


def click_through_rate(clicks: int, impressions: int) -> float:
    """The share of impressions that were clicked.

    `clicks` and `impressions` are counts, 0 <= clicks <= impressions.
    Where nothing was shown there is no rate: return NaN (`math.nan`), not 0.
    """
    if impressions == 0:
        return math.nan
    return clicks / impressions
