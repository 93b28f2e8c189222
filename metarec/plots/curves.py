"""Curves of several methods while they train: what is left when one part is taken away."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray

from metarec.style import BLUE, GREEN, GREY, ORANGE, PURPLE, VERMILLION, Chart, style

COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE)
STROKES: tuple[Any, ...] = ("-", (0, (6, 2)), (0, (2, 1.5)), (0, (6, 2, 1.5, 2)), (0, (1, 1)))
"""one for each colour, so that lines are told apart without it"""
GAP = 0.07
"""least distance of two names beside the axes, as a share of their height"""

Ends = Sequence[tuple[str, float, str]]


def training_curves(
    curves: Mapping[str, ArrayLike],
    *,
    xlabel: str = "update",
    ylabel: str = "clicks per session",
    levels: Mapping[str, float] | None = None,
    window: int = 1,
    logarithmic: bool = False,
) -> Chart:
    """For each method its mean over seeds at each update, and a band from the least to the greatest seed.

    curves: by name [seeds, updates], or [updates] of one seed; lengths may differ, and where all seeds are NaN
    nothing is drawn. Each point is the mean of the last `window` updates. `levels` are known values, drawn as lines
    across. On a `logarithmic` axis what is not above 0 is left out. ValueError for no method or more than five, for
    another shape, or for a method without a number.
    """
    runs = {name: _smooth(name, values, window) for name, values in curves.items()}
    if not 1 <= len(runs) <= len(COLOURS):
        raise ValueError(f"from 1 to {len(COLOURS)} methods can be told apart, not {len(runs)}")
    longest = max(run.shape[1] for run in runs.values())
    ends: list[tuple[str, float, str]] = []
    with style():
        figure = Chart(figsize=(7.5, 4), layout="constrained")
        axes = figure.subplots()
        for name, value in (levels or {}).items():
            axes.axhline(value, color=GREY, linewidth=1.2, linestyle=(0, (5, 3)))
            ends.append((name, value, GREY))
        for (name, run), colour, stroke in zip(runs.items(), COLOURS, STROKES, strict=False):
            drawn = np.where(run > 0, run, np.nan) if logarithmic else run
            mean, least, greatest = (_over_seeds(how, drawn) for how in (np.mean, np.min, np.max))
            update = np.arange(1, run.shape[1] + 1)
            if len(run) > 1:
                axes.fill_between(update, least, greatest, color=colour, alpha=0.18, linewidth=0)
            axes.plot(update, mean, color=colour, linestyle=stroke)
            ends.append((name, _last(mean), colour))
        if logarithmic:
            axes.set_yscale("log")
        axes.set_xlim(0, longest)
        axes.set_xlabel(xlabel)
        axes.set_ylabel(ylabel)
        name_ends(axes, ends)
    figure.alt = _told(runs, levels or {}, xlabel, ylabel)
    return figure


def objective_by_ratio(ratio: ArrayLike, objectives: Mapping[str, ArrayLike], *, clip: float) -> Chart:
    """What an action counts in PPO's objective by the ratio of its probabilities, new over old, a panel for each name.

    ratio [R], rising and above 0; objectives [R] by name. The clip's two ends are drawn as lines, the start at ratio
    1 as a dot. ValueError for none, for another shape, or for a ratio that does not rise.
    """
    x = np.asarray(ratio, dtype=float)
    panels = {name: np.asarray(values, dtype=float) for name, values in objectives.items()}
    if not panels or x.ndim != 1 or len(x) < 2 or not np.all(np.diff(x) > 0) or x[0] <= 0:
        raise ValueError("a ratio that rises from above 0 and at least one objective are needed")
    if any(values.shape != x.shape for values in panels.values()):
        raise ValueError(f"objectives must be of the ratio's shape {x.shape}: {[v.shape for v in panels.values()]}")
    told = []
    with style():
        figure = Chart(figsize=(3.75 * len(panels), 3.2), layout="constrained")
        row = figure.subplots(1, len(panels), squeeze=False)[0]
        for axes, (name, values) in zip(row, panels.items(), strict=True):
            for end in (1 - clip, 1 + clip):
                axes.axvline(end, color=GREY, linewidth=1.2, linestyle=(0, (5, 3)))
            axes.plot(x, values, color=BLUE)
            axes.plot(1, np.interp(1, x, values), "o", color=BLUE)
            axes.set_title(name)
            axes.set_xlabel("ratio, new over old")
            # the clip can be moved: what stays is the room of the objective without one
            ends = np.sign(np.interp(1, x, values)) * x[[0, -1]]
            low, high = min(values.min(), *ends), max(values.max(), *ends)
            axes.set_ylim(low - 0.05 * (high - low), high + 0.05 * (high - low))
            flat = x[:-1][np.abs(np.diff(values)) < 1e-6]
            told.append(f"{name}: flat " + (f"from {flat[0]:.2f} to {flat[-1]:.2f}" if len(flat) else "nowhere"))
        row[0].set_ylabel("objective")
    figure.alt = (
        f"PPO's objective by the ratio from {x[0]:.2f} to {x[-1]:.2f}, lines at {1 - clip:.2f} and {1 + clip:.2f}. "
        f"{'; '.join(told)}."
    )
    return figure


def _smooth(name: str, values: ArrayLike, window: int) -> NDArray[np.float64]:
    """The mean [seeds, updates] of the last `window` updates that have a number."""
    run = np.atleast_2d(np.asarray(values, dtype=float))
    if run.ndim != 2 or not np.isfinite(run).any():
        shape = np.shape(values)
        raise ValueError(f"{name}: a curve is [seeds, updates] or [updates] with a number in it, not {shape}")
    if not 1 <= window <= run.shape[1]:
        raise ValueError(f"window must be from 1 to the {run.shape[1]} updates of {name}, not {window}")
    known = np.isfinite(run)

    def summed(array: NDArray[Any]) -> NDArray[np.float64]:
        total = np.cumsum(np.pad(array.astype(float), ((0, 0), (window, 0))), axis=1)
        return np.asarray(total[:, window:] - total[:, :-window])

    count = summed(known)
    return np.divide(summed(np.where(known, run, 0)), count, out=np.full(run.shape, np.nan), where=count > 0)


def _over_seeds(how: Any, run: NDArray[np.float64]) -> NDArray[np.float64]:
    """`how` over the seeds that have a number, NaN where none has."""
    if np.isfinite(run).all():
        return np.asarray(how(run, axis=0))
    return np.array([how(column[np.isfinite(column)]) if np.isfinite(column).any() else np.nan for column in run.T])


def _last(mean: NDArray[np.float64]) -> float:
    return float(mean[np.isfinite(mean)][-1])


def name_ends(axes: Axes, ends: Ends, number: Callable[[float], str] | None = None) -> None:
    """Name each line and its value, as `number` writes it, beside its right end; moved apart to not overlap."""
    to_share = axes.transData + axes.transAxes.inverted()
    shares = [(float(to_share.transform((0, value))[1]), name, value, colour) for name, value, colour in ends]
    place = -np.inf
    for share, name, value, colour in sorted(shares):
        place = max(share, place + GAP)
        axes.annotate(
            f"{name} {(number or _number)(value)}",
            (1, place),
            xycoords="axes fraction",
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            color=colour,
            annotation_clip=False,
        )


def _told(runs: Mapping[str, NDArray[np.float64]], levels: Mapping[str, float], xlabel: str, ylabel: str) -> str:
    told = []
    for name, run in runs.items():
        mean = _over_seeds(np.mean, run)
        final = [_last(row) for row in run if np.isfinite(row).any()]
        seeds = f" (seeds from {_number(min(final))} to {_number(max(final))})" if len(final) > 1 else ""
        highest = float(np.nanmax(mean))
        told.append(f"{name} ends at {_number(_last(mean))}{seeds}, its highest mean {_number(highest)}")
    across = "".join(f" Line across: {name} {_number(value)}." for name, value in levels.items())
    return f"{ylabel[:1].upper()}{ylabel[1:]} by {xlabel}, for {len(runs)} methods: {'; '.join(told)}.{across}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
