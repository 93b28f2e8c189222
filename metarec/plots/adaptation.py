"""Adapting to a task: how a curve moves step by step, and what a ranking is worth by how much was shown."""

from collections.abc import Mapping

import numpy as np
from matplotlib import colors
from numpy.typing import ArrayLike, NDArray

from metarec.plots.curves import STROKES, name_ends
from metarec.style import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILLION, Chart, style

METHODS = (GREY, SKY, PURPLE, ORANGE, GREEN, BLUE, VERMILLION)
"""the last is the one to look at"""
MARKS = "sv^P*Do"
Pairs = Mapping[int, tuple[float, float]]
"""by k: the score, and half the width of its interval"""


def adaptation_steps(
    x: ArrayLike, truth: ArrayLike, support: tuple[ArrayLike, ArrayLike], curves: Mapping[str, ArrayLike]
) -> Chart:
    """How the answers to one task change with each gradient step, a panel for each start.

    x [n], rising, and truth [n]; support: the points x, y adapted to; curves: by name [steps + 1, n], the start first.
    Later steps are drawn stronger, the start dotted. ValueError for no start, or for another shape.
    """
    grid, true = (np.asarray(values, dtype=float).ravel() for values in (x, truth))
    panels = {name: np.atleast_2d(np.asarray(values, dtype=float)) for name, values in curves.items()}
    shapes = [values.shape for values in panels.values()]
    if not panels or true.shape != grid.shape or any(shape[1:] != grid.shape for shape in shapes):
        raise ValueError(f"truth must be of x's shape {grid.shape}, curves [steps + 1, {len(grid)}]: {shapes}")
    told = []
    with style():
        figure = Chart(figsize=(5.2 * len(panels), 3.6), layout="constrained")
        row = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for axes, (name, drawn) in zip(row, panels.items(), strict=True):
            axes.plot(grid, true, color=GREY, linewidth=1.5, linestyle=(0, (5, 3)))
            steps = len(drawn) - 1
            for step, curve in enumerate(drawn):
                strength = 1.0 if step == steps else 0.25 + 0.45 * step / max(steps, 1)
                stroke = ":" if step == 0 and steps > 0 else "-"
                axes.plot(grid, curve, color=colors.to_rgba(BLUE, strength), linestyle=stroke)
            axes.plot(*(np.asarray(part, dtype=float).ravel() for part in support), "o", color=VERMILLION)
            axes.set_title(f"{name}, {steps} step{'' if steps == 1 else 's'}")
            axes.set_xlabel("x")
            misses = [f"{np.mean((curve - true) ** 2):.2f}" for curve in drawn]
            told.append(f"{name}: " + ", ".join(misses))
        row[0].set_ylabel("y")
    count = np.size(np.asarray(support[0]))
    figure.alt = (
        f"The true curve dashed, {count} points to adapt to as dots, and what is answered after each gradient step, "
        f"the start dotted. Mean squared distance from the truth, from the start on; {'; '.join(told)}."
    )
    return figure


def scores_by_shots(scores: Mapping[str, Pairs], *, ylabel: str = "nDCG@10", xlabel: str = "films shown, k") -> Chart:
    """What each method's rankings are worth by how many films were shown, with intervals.

    scores: by method and k (score, half the width of its interval), the method to look at last. All have the same k.
    ValueError for none, for more than seven, or where the k differ.
    """
    shots = [list(pairs) for pairs in scores.values()]
    if not 1 <= len(scores) <= len(METHODS) or not shots[0] or any(other != shots[0] for other in shots):
        raise ValueError(f"from 1 to {len(METHODS)} methods with the same k can be drawn, not {len(scores)}: {shots}")
    colours, marks = METHODS[-len(scores) :], MARKS[-len(scores) :]
    place = np.arange(len(shots[0]))
    shift = 0.06 * (np.arange(len(scores)) - (len(scores) - 1) / 2)
    told, ends = [], []
    with style():
        figure = Chart(figsize=(8.5, 4.6), layout="constrained")
        axes = figure.subplots()
        for number, (name, pairs) in enumerate(scores.items()):
            middle, half = _columns(pairs)
            colour, stroke = colours[number], STROKES[number % len(STROKES)]
            at = place + shift[number]
            axes.errorbar(at, middle, half, color=colour, fmt="none", elinewidth=1.2, alpha=0.6)
            axes.plot(at, middle, color=colour, marker=marks[number], linestyle=stroke)
            ends.append((name, float(middle[-1]), colour))
            told.append(
                f"{name} " + ", ".join(f"{m:.3f} ± {h:.3f} at {k}" for k, m, h in zip(pairs, middle, half, strict=True))
            )
        axes.set_xticks(place, [str(k) for k in shots[0]])
        axes.set_xlim(-0.3, place[-1] + 0.3)
        axes.set_xlabel(xlabel)
        axes.set_ylabel(ylabel)
        name_ends(axes, ends)
    figure.alt = f"{ylabel} by {xlabel}, with 95 % intervals: {'; '.join(told)}."
    return figure


def _columns(pairs: Pairs) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    both = np.array(list(pairs.values()), dtype=float)
    return both[:, 0], both[:, 1]
