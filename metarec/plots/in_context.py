"""Figures of learning from context: what a transformer attends to and believes, and what size and tasks are worth."""

from collections.abc import Mapping

import numpy as np
from matplotlib.ticker import LogLocator
from numpy.typing import ArrayLike, NDArray

from metarec.plots.curves import COLOURS, STROKES, _number, name_ends
from metarec.style import BLUE, GREY, ORANGE, VERMILLION, Chart, style

Line = tuple[ArrayLike, ArrayLike]
"""x [P] and, for each seed, y [seeds, P]"""


def reading(
    actions: ArrayLike, rewards: ArrayLike, attention: ArrayLike, policy: ArrayLike, posterior: ArrayLike, *, step: int
) -> Chart:
    """What was seen before pull number `step` (from 0), how much of it is attended to, and what follows from it.

    actions, rewards [T]; attention [T + 1, T + 1], a row for each position, the start first; policy, posterior
    [T + 1, K]. Left: every pull so far, a full dot where it paid, a ring where it did not, on a bar as high as the
    attention on it. Right: the policy's probability of each arm beside the exact probability that it is the best.
    ValueError for other shapes or a step beyond T.
    """
    pulled, paid = np.asarray(actions, dtype=int), np.asarray(rewards, dtype=float)
    looks, said, exact = (np.asarray(x, dtype=float) for x in (attention, policy, posterior))
    T = len(pulled)
    if paid.shape != (T,) or looks.shape != (T + 1, T + 1) or said.shape != exact.shape or len(said) != T + 1:
        raise ValueError(f"for {T} pulls: rewards {paid.shape}, attention {looks.shape}, {said.shape}, {exact.shape}")
    if not 0 <= step <= T:
        raise ValueError(f"a step is from 0 to {T}, not {step}")
    arms = said.shape[1]
    row, seen = looks[step], np.arange(step)
    with style():
        figure = Chart(figsize=(10.5, 1.8 + 0.45 * arms), layout="constrained")
        left, right = figure.subplots(1, 2, width_ratios=(2, 1), sharey=True)
        left.set_title(f"before pull {step + 1}: what it reads, and how much it attends to each")
        most = max(float(row[: step + 1].max()), 1e-9)
        places = np.arange(step + 1)
        where = np.concatenate([[arms], pulled[:step]])
        # upwards from below its arm: the axis runs downwards
        left.bar(places, -0.8 * row[: step + 1] / most, width=0.8, bottom=where + 0.4, color=ORANGE, alpha=0.75)
        for full, colour in ((1, VERMILLION), (0, "none")):
            at = seen[(paid[:step] > 0.5) == bool(full)]
            left.plot(at + 1, pulled[at], "o", markersize=7, color=VERMILLION, markerfacecolor=colour, linestyle="none")
        left.plot(0, arms, "s", markersize=7, color=GREY)
        left.set(xlim=(-0.7, T + 0.7), ylim=(arms + 0.6, -0.6), xlabel="pull, after the start")
        left.set_xticks(range(0, T + 1, max(1, T // 4)))
        left.set_yticks(range(arms + 1), [*(f"arm {arm}" for arm in range(arms)), "start"])
        right.set_title("policy, and exact")
        for shift, values, colour, name in ((-0.2, said[step], BLUE, "policy"), (0.2, exact[step], GREY, "exact")):
            right.barh(np.arange(arms) + shift, values, height=0.36, color=colour)
            for arm, value in enumerate(values):
                right.annotate(
                    f"{value:.2f}" + (f" {name}" if arm == 0 else ""),
                    (value, arm + shift),
                    xytext=(4, 0),
                    textcoords="offset points",
                    va="center",
                    fontsize=9,
                    color=colour,
                )
        right.set(xlim=(0, 1.3), xlabel="probability of being the best")
        right.set_xticks([0, 0.5, 1])
        for axes in (left, right):
            axes.tick_params(axis="y", length=0)
    history = "; ".join(
        f"pull {t + 1} arm {pulled[t]} {'paid' if paid[t] > 0.5 else 'nothing'}, attention {row[t + 1]:.2f}"
        for t in seen
    )
    numbers = ", ".join(f"arm {arm} {said[step, arm]:.2f} and {exact[step, arm]:.2f}" for arm in range(arms))
    figure.alt = (
        f"Before pull {step + 1} of a bandit with {arms} arms. Read so far: {history or 'nothing but the start'}; "
        f"attention on the start {row[0]:.2f}. Policy and exact probability of being the best: {numbers}."
    )
    return figure


def scaling(
    lines: Mapping[str, Line],
    *,
    xlabel: str,
    ylabel: str,
    fit: tuple[float, float, float] | None = None,
    levels: Mapping[str, float] | None = None,
) -> Chart:
    """How something falls with size, on axes that count in powers of ten: mean over seeds, band from least to greatest.

    lines: by name x [P], rising, and y [seeds, P], NaN where a seed is missing. `fit` is a power law's (slope, offset,
    last x): exp(offset) · x^slope is drawn up to there. `levels` are known values. ValueError for none, for more than
    five, for other shapes, or for what is not above 0.
    """
    drawn: dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]] = {
        name: (np.asarray(x, dtype=float), np.atleast_2d(np.asarray(y, dtype=float))) for name, (x, y) in lines.items()
    }
    if not 1 <= len(drawn) <= len(COLOURS):
        raise ValueError(f"from 1 to {len(COLOURS)} lines can be told apart, not {len(drawn)}")
    for name, (x, y) in drawn.items():
        if x.ndim != 1 or y.ndim != 2 or y.shape[1] != len(x) or not np.all(np.diff(x) > 0):
            raise ValueError(f"{name}: x [P] that rises and y [seeds, P] are needed, not {x.shape} and {y.shape}")
        if not (x > 0).all() or not (y[np.isfinite(y)] > 0).all() or not np.isfinite(y).any(axis=0).all():
            raise ValueError(f"{name}: what is not above 0 has no place on an axis of powers")
    ends: list[tuple[str, float, str]] = []
    told = []
    with style():
        figure = Chart(figsize=(7.5, 4.2), layout="constrained")
        axes = figure.subplots()
        axes.set_xscale("log")
        axes.set_yscale("log")
        for name, value in (levels or {}).items():
            axes.axhline(value, color=GREY, linewidth=1.2, linestyle=(0, (5, 3)))
            ends.append((name, value, GREY))
        for (name, (x, y)), colour, stroke in zip(drawn.items(), COLOURS, STROKES, strict=False):
            mean = np.nanmean(y, axis=0)
            axes.fill_between(x, np.nanmin(y, axis=0), np.nanmax(y, axis=0), color=colour, alpha=0.18, linewidth=0)
            axes.plot(x, mean, marker="o", markersize=4, color=colour, linestyle=stroke)
            ends.append((name, float(mean[-1]), colour))
            told.append(f"{name}: " + ", ".join(f"{_number(v)} at {at:,.0f}" for at, v in zip(x, mean, strict=True)))
        if fit is not None:
            slope, offset, last = fit
            first = min(x[0] for x, _ in drawn.values())
            line = np.array([first, last])
            axes.plot(line, np.exp(offset) * line**slope, color=GREY, linewidth=1.5, linestyle=(0, (1, 2)))
            axes.set_title(f"dotted in grey: {xlabel} to the power {slope:.2f}".replace("-", "−"), loc="left")
            told.append(f"fitted: power {slope:.2f} up to {last:,.0f}")
        axes.set(xlabel=xlabel, ylabel=ylabel)
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.minorticks_off()
        axes.get_ylim()  # settles the limits, which the names are placed by
        name_ends(axes, ends)
    across = "".join(f" Line across: {name} {_number(value)}." for name, value in (levels or {}).items())
    figure.alt = f"{ylabel[:1].upper()}{ylabel[1:]} by {xlabel}, both in powers of ten. {'; '.join(told)}.{across}"
    return figure
