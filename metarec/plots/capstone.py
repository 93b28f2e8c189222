"""Policies on one scale: scores with their intervals, by what they cost, and around a jump of the interest."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from metarec.plots.curves import COLOURS, STROKES, training_curves
from metarec.style import BLUE, GREY, VERMILLION, Chart, style

OFFSET: dict[str, Any] = {"textcoords": "offset points"}


def scores(measured: Mapping[str, tuple[float, float]], *, levels: Mapping[str, float], xlabel: str = "score") -> Chart:
    """A row for each name: its score as a dot, and a line as far as its interval goes.

    `measured` are the score and half the width of its interval, by name; `levels` known scores, drawn as lines
    across. ValueError for nothing measured.
    """
    if not measured:
        raise ValueError("at least one score is needed")
    with style():
        figure = Chart(figsize=(7.5, 1.2 + 0.4 * len(measured)), layout="constrained")
        axes = figure.subplots()
        for name, level in levels.items():
            axes.axvline(level, color=GREY, linewidth=1.2, linestyle=(0, (5, 3)))
            axes.annotate(name, (level, 1), xycoords=("data", "axes fraction"), xytext=(0, 4), ha="center", **OFFSET)
        for row, (score, half) in enumerate(measured.values()):
            axes.plot([score - half, score + half], [row, row], color=BLUE, linewidth=3)
            axes.plot(score, row, "o", color=BLUE, markersize=7)
            axes.annotate(f"{score:.2f}", (score, row), xytext=(0, 6), ha="center", color=BLUE, **OFFSET)
        axes.set_yticks(range(len(measured)), list(measured))
        axes.set(ylim=(len(measured) - 0.5, -0.7), xlabel=xlabel)
        axes.tick_params(axis="y", length=0)
    told = "; ".join(f"{name} {score:.2f} ± {half:.2f}" for name, (score, half) in measured.items())
    across = ", ".join(f"{name} {level:.2f}" for name, level in levels.items())
    figure.alt = f"{xlabel.capitalize()} with intervals: {told}. Lines across: {across}."
    return figure


def bounds_by_log(pairs: ArrayLike, baseline: float, *, limits: tuple[float, float]) -> Chart:
    """A line for each log, from its lower bound up to its estimate; those whose bound lies above the baseline pass.

    pairs [N, 2] are estimate and bound; limits are the least and the greatest value that the axis shows, the same for
    charts that are to be compared. ValueError for another shape or no log.
    """
    each = np.asarray(pairs, dtype=float)
    if each.ndim != 2 or each.shape[1] != 2 or not len(each):
        raise ValueError(f"an estimate and a bound are needed for each log, [N, 2], not {list(each.shape)}")
    passes = each[:, 1] > baseline
    with style():
        figure = Chart(figsize=(7.5, 3.6), layout="constrained")
        axes = figure.subplots()
        axes.axhline(baseline, color=GREY, linewidth=1.2, linestyle=(0, (5, 3)))
        numbers = np.arange(1, len(each) + 1)
        for these, colour, mark in ((passes, BLUE, "o"), (~passes, VERMILLION, "x")):
            estimate, bound = each[these].T
            axes.vlines(numbers[these], bound, estimate, color=colour, linewidth=2)
            axes.plot(numbers[these], bound, "_", color=colour, markersize=9, markeredgewidth=2)
            axes.plot(numbers[these], estimate, mark, color=colour, markersize=6)
        room = 0.05 * (limits[1] - limits[0])
        axes.set(xlim=(0, len(each) + 1), ylim=(limits[0] - room, limits[1] + room), ylabel="clicks per decision")
        axes.set_xticks([])
        axes.set_xlabel(f"{len(each)} logs: the estimate of each, and its lower bound")
        told = {f"● {passes.sum()} pass": BLUE, f"× {(~passes).sum()} are stopped": VERMILLION}
        for column, (text, colour) in enumerate(told.items()):
            axes.annotate(text, (0.2 * column, 1), xycoords="axes fraction", xytext=(0, 6), color=colour, **OFFSET)
        axes.annotate("running", (1, baseline), xycoords=("axes fraction", "data"), xytext=(8, -4), **OFFSET)
    estimates, bounds = each.T
    figure.alt = (
        f"{len(each)} logs. The estimates lie from {estimates.min():.3f} to {estimates.max():.3f}, the lower bounds "
        f"from {bounds.min():.3f} to {bounds.max():.3f}; the running policy is worth {baseline:.3f}. "
        f"{passes.sum()} pass, {(~passes).sum()} are stopped."
    )
    return figure


def score_by_cost(curves: Mapping[str, Sequence[tuple[float, float, float]]], *, xlabel: str) -> Chart:
    """Scores by what was paid for them, on an axis of powers of ten, with their intervals.

    `curves` by name: (cost, score, half the width of its interval), cost above 0. ValueError for none, more than five
    or a cost of 0.
    """
    if not 1 <= len(curves) <= len(COLOURS) or any(cost <= 0 for points in curves.values() for cost, *_ in points):
        raise ValueError(f"from 1 to {len(COLOURS)} curves with costs above 0 are drawn")
    told = []
    with style():
        figure = Chart(figsize=(7.5, 4), layout="constrained")
        axes = figure.subplots()
        for (name, points), colour, stroke in zip(curves.items(), COLOURS, STROKES, strict=False):
            cost, score, half = np.array(points, dtype=float).T
            axes.errorbar(cost, score, half, color=colour, linestyle=stroke, marker="o", capsize=3)
            axes.annotate(name, (cost[-1], score[-1]), xytext=(8, 8), va="center", color=colour, **OFFSET)
            each = ", ".join(f"{y:.2f} ± {h:.2f} at {x:,.3g}" for x, y, h in zip(cost, score, half, strict=True))
            told.append(f"{name} {each}")
        axes.set_xscale("log")
        axes.margins(x=0.18)
        axes.set(xlabel=xlabel, ylabel="score")
    figure.alt = f"Score by {xlabel}: {'; '.join(told)}."
    return figure


def around_jump(clicks: Mapping[str, ArrayLike], jump: int, *, window: int = 5) -> Chart:
    """Clicks by step, [T] or [cohorts, T] for each policy, a mean over the last steps; a line at the jump."""
    figure = training_curves(clicks, xlabel="step", ylabel="clicks per step", window=window)
    axes = figure.axes[0]
    axes.axvline(jump, color=GREY, linewidth=1.2, linestyle=(0, (5, 3)))
    axes.annotate("the jump", (jump, 0), xycoords=("data", "axes fraction"), xytext=(5, 6), color=GREY, **OFFSET)
    means = {name: np.atleast_2d(np.asarray(run, dtype=float)).mean(axis=0) for name, run in clicks.items()}
    told = "; ".join(
        f"{name} {run[jump - 10 : jump].mean():.2f} before, {run[jump : jump + 10].mean():.2f} just after and "
        f"{run[-10:].mean():.2f} at the end"
        for name, run in means.items()
    )
    figure.alt += f" Clicks per step in the ten steps around the jump at step {jump}: {told}."
    return figure
