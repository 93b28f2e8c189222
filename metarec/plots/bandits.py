"""Figures of exploring and of evaluating from logs: beliefs, regret over seeds, estimates as intervals."""

from collections.abc import Mapping
from math import lgamma

import numpy as np
from numpy.typing import ArrayLike

from metarec.plots.tabular import LETTERS, _label_right_ends, _number
from metarec.style import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILLION, Chart, style

LINES = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)
"""told apart by the name at each line's end as well"""
Interval = tuple[float, float, float]
"""estimate, lower end, upper end"""


def regret_curves(regret: Mapping[str, ArrayLike], *, spread: float = 0.8) -> Chart:
    """Cumulative regret by step: for each method the mean over seeds, and a band that holds the share `spread` of them.

    regret: by name [seeds, T], all of one T. ValueError for another shape, for none, or for more than six methods.
    """
    runs = {name: np.asarray(values, dtype=float) for name, values in regret.items()}
    shapes = {name: values.shape for name, values in runs.items()}
    if not 1 <= len(runs) <= len(LINES):
        raise ValueError(f"from 1 to {len(LINES)} methods can be drawn, not {len(runs)}")
    if any(len(shape) != 2 or 0 in shape for shape in shapes.values()) or len({s[-1] for s in shapes.values()}) > 1:
        raise ValueError(f"regret must be [seeds, T] for each method, with one T: not {shapes}")
    T = next(iter(shapes.values()))[1]
    step = np.arange(1, T + 1)
    with style():
        figure = Chart(figsize=(7.5, 4), layout="constrained")
        axes = figure.subplots()
        for (_, values), colour in zip(runs.items(), LINES, strict=False):
            low, high = np.quantile(values, [(1 - spread) / 2, (1 + spread) / 2], axis=0)
            axes.fill_between(step, low, high, color=colour, alpha=0.15, linewidth=0)
        for (_, values), colour in zip(runs.items(), LINES, strict=False):
            axes.plot(step, values.mean(axis=0), color=colour)
        axes.set_xlim(0, T)
        axes.set_ylim(bottom=0)
        axes.set_xlabel("step")
        axes.set_ylabel("cumulative regret")
        ends = zip(runs.items(), LINES, strict=False)
        _label_right_ends(axes, [(name, float(values[:, -1].mean()), colour) for (name, values), colour in ends])
    told = []
    for name, values in runs.items():
        low, high = np.quantile(values[:, -1], [(1 - spread) / 2, (1 + spread) / 2])
        half = values[:, (T - 1) // 2].mean()
        told.append(f"{name} {half:.1f} half-way and {values[:, -1].mean():.1f} at the end ({low:.1f} to {high:.1f})")
    figure.alt = (
        f"Cumulative regret over {T} steps, mean over seeds with a band that holds {spread:.0%} of them: "
        + "; ".join(told)
        + "."
    )
    return figure


def beliefs(
    snapshots: Mapping[str, tuple[ArrayLike, ArrayLike]], rates: ArrayLike, *, names: str = LETTERS + "EF"
) -> Chart:
    """What is believed of each arm's rate, a panel for each snapshot: the densities of Beta(1 + s, 1 + f).

    snapshots: by title, successes [K] and failures [K]. rates [K]: the true ones, drawn as marks below. ValueError
    for another shape or more than six arms.
    """
    truth = np.asarray(rates, dtype=float)
    counts = {title: np.asarray(pair, dtype=float) for title, pair in snapshots.items()}
    if truth.ndim != 1 or not 1 <= len(truth) <= len(LINES) or not counts:
        raise ValueError(f"from 1 to {len(LINES)} arms and at least one snapshot can be drawn")
    for title, pair in counts.items():
        if pair.shape != (2, len(truth)):
            raise ValueError(f"{title}: successes and failures must be [{len(truth)}] each, not {pair.shape[1:]}")
    grid = np.linspace(0.0005, 0.9995, 800)
    with style():
        figure = Chart(figsize=(10.5, 3.2), layout="constrained")
        panels = figure.subplots(1, len(counts), sharex=True, squeeze=False)[0]
        for axes, (title, (successes, failures)) in zip(panels, counts.items(), strict=True):
            axes.set_title(title)
            heights = [_beta_density(grid, 1 + s, 1 + f) for s, f in zip(successes, failures, strict=True)]
            top = max(height.max() for height in heights)
            tops: list[tuple[float, float]] = []
            for arm, height in enumerate(heights):
                colour = LINES[arm]
                axes.plot(grid, height, color=colour)
                axes.plot([truth[arm]], [-0.06 * top], marker="^", color=colour, clip_on=False, markersize=8)
                if height.max() > 1.01:
                    # names of peaks at one place stand above each other
                    x, y = float(grid[height.argmax()]), float(height.max()) + 0.02 * top
                    while any(abs(x - u) < 0.05 and abs(y - v) < 0.1 * top for u, v in tops):
                        y += 0.1 * top
                    tops.append((x, y))
                    axes.text(x, y, names[arm], ha="center", va="bottom", color=colour)
            axes.set(xlim=(0, 1), ylim=(-0.12 * top, 1.25 * top), xticks=[0, 0.5, 1], yticks=[], xlabel="rate")
            axes.spines["left"].set_visible(False)
        panels[0].set_ylabel("belief")
    told = []
    for title, (successes, failures) in counts.items():
        means = (1 + successes) / (2 + successes + failures)
        pulls = (successes + failures).astype(int)
        told.append(
            f"{title}: "
            + ", ".join(f"{n} {m:.2f} from {p} pulls" for n, m, p in zip(names, means, pulls, strict=False))
        )
    figure.alt = (
        "Beliefs about the rate of each arm, as curves that narrow where an arm is pulled. True rates: "
        + ", ".join(f"{name} {rate:.2f}" for name, rate in zip(names, truth, strict=False))
        + ". Mean beliefs, "
        + "; ".join(told)
        + "."
    )
    return figure


def estimate_intervals(
    panels: Mapping[str, Mapping[str, Interval]],
    *,
    reference: str | None = None,
    truth: Mapping[str, float] | None = None,
    unit: str = "clicks per 1,000 rows",
    scale: float = 1000,
) -> Chart:
    """Estimates with their intervals, a panel for each case and a row for each estimator.

    panels: by title and estimator (estimate, lower end, upper end). `reference` names the estimator, such as
    on-policy, whose interval is shaded over all rows; `truth` by title is a line. Values are multiplied by `scale`,
    which `unit` names. ValueError where panels differ in their estimators, or `reference` is none of them.
    """
    rows = [list(panel) for panel in panels.values()]
    if not rows or not rows[0] or any(row != rows[0] for row in rows):
        raise ValueError(f"each panel must have the same estimators, in one order, not {rows}")
    names = rows[0]
    if reference is not None and reference not in names:
        raise ValueError(f"{reference!r} is none of the estimators {names}")
    ends = np.array([scale * value for panel in panels.values() for interval in panel.values() for value in interval])
    low_end, high_end = ends.min(), ends.max()
    width = high_end - low_end or 1.0
    with style():
        figure = Chart(figsize=(10.5, 1.2 + 0.45 * len(names)), layout="constrained")
        drawn = figure.subplots(1, len(panels), sharex=True, sharey=True, squeeze=False)[0]
        for axes, (title, panel) in zip(drawn, panels.items(), strict=True):
            axes.set_title(title)
            if reference is not None:
                _, low, high = (scale * value for value in panel[reference])
                axes.axvspan(low, high, color=GREEN, alpha=0.18, linewidth=0)
            if truth is not None:
                axes.axvline(scale * truth[title], color=GREY, linewidth=1.2, linestyle=(0, (5, 3)))
            for row, name in enumerate(names):
                value, low, high = (scale * number for number in panel[name])
                colour = GREEN if name == reference else BLUE
                axes.plot([low, high], [row, row], color=colour, solid_capstyle="butt")
                axes.plot([value], [row], marker="o", color=colour, markersize=7)
                axes.text(high_end + 0.04 * width, row, _number(value), va="center_baseline", color=colour)
            axes.set_yticks(range(len(names)), names)
            axes.set_ylim(len(names) - 0.5, -0.5)
            # room for the values, in a column of their own
            axes.set_xlim(low_end - 0.06 * width, high_end + 0.25 * width)
            axes.spines["left"].set_visible(False)
            axes.tick_params(axis="y", length=0)
        figure.supxlabel(unit, fontsize=11)
    told = []
    for title, panel in panels.items():
        known = "" if truth is None else f", truth {_number(scale * truth[title])}"
        values = (
            f"{name} {_number(scale * v)} ({_number(scale * low)} to {_number(scale * high)})"
            for name, (v, low, high) in panel.items()
        )
        told.append(f"{title}{known}: " + ", ".join(values))
    figure.alt = f"Estimates with intervals, in {unit}. " + "; ".join(told) + "."
    return figure


def _beta_density(x: np.ndarray, a: float, b: float) -> np.ndarray:
    log_norm = lgamma(a + b) - lgamma(a) - lgamma(b)
    return np.asarray(np.exp(log_norm + (a - 1) * np.log(x) + (b - 1) * np.log1p(-x)))
