"""Figures of learning within a trial: what is earned by step, and what one memory does in one task."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba, to_rgba_array
from numpy.typing import ArrayLike, NDArray

from metarec.plots.curves import COLOURS, STROKES, _number, name_ends
from metarec.plots.marks import squares
from metarec.style import BLUE, GREY, VERMILLION, Chart, style


def earned_by_step(
    curves: Mapping[str, tuple[ArrayLike, ArrayLike]],
    *,
    xlabel: str = "pull",
    ylabel: str = "probability that the arm pays",
    levels: Mapping[str, float] | None = None,
) -> Chart:
    """What each method earns by step of a trial, with a band for how sure that is.

    curves: by name the mean [T] over tasks and half the width of its interval [T]. `levels` are known values, drawn
    across. ValueError for none, for more than five, or where a mean and its interval differ in shape.
    """
    runs = {name: (np.asarray(mean, float), np.asarray(half, float)) for name, (mean, half) in curves.items()}
    if not 1 <= len(runs) <= len(COLOURS):
        raise ValueError(f"from 1 to {len(COLOURS)} methods can be told apart, not {len(runs)}")
    for name, (mean, half) in runs.items():
        if mean.ndim != 1 or mean.shape != half.shape or not len(mean):
            raise ValueError(f"{name}: a mean [T] and half of its interval [T], not {mean.shape} and {half.shape}")
    longest = max(len(mean) for mean, _ in runs.values())
    with style():
        figure = Chart(figsize=(7.5, 4), layout="constrained")
        axes = figure.subplots()
        ends: list[tuple[str, float, str]] = []
        for name, value in (levels or {}).items():
            axes.axhline(value, color=GREY, linewidth=1.2, linestyle=(0, (5, 3)))
            ends.append((name, value, GREY))
        for (name, (mean, half)), colour, stroke in zip(runs.items(), COLOURS, STROKES, strict=False):
            step = np.arange(1, len(mean) + 1)
            axes.fill_between(step, mean - half, mean + half, color=colour, alpha=0.18, linewidth=0)
            axes.plot(step, mean, color=colour, linestyle=stroke)
            ends.append((name, float(mean[-1]), colour))
        axes.set_xlim(1, max(longest, 2))
        axes.set_xlabel(xlabel)
        axes.set_ylabel(ylabel)
        name_ends(axes, ends)
    told = [
        f"{name} from {_number(float(mean[0]))} to {_number(float(mean[-1]))} (± {_number(float(half[-1]))})"
        for name, (mean, half) in runs.items()
    ]
    across = "".join(f" Line across: {name} {_number(value)}." for name, value in (levels or {}).items())
    figure.alt = f"{ylabel[:1].upper()}{ylabel[1:]} by {xlabel}, 1 to {longest}: {'; '.join(told)}.{across}"
    return figure


def one_trial(
    probabilities: ArrayLike, posterior: ArrayLike, arms: ArrayLike, paid: ArrayLike, means: ArrayLike
) -> Chart:
    """One trial of a bandit: the policy before each pull beside the posterior mean of each arm, row by row.

    probabilities, posterior [T, K] before each pull; arms [T] that were pulled; paid [T], 1 or 0; means [K], the
    truth, which stands at the right. The darker a cell, the higher its number. A pull that paid is a full dot, one that
    did not a ring. ValueError for other shapes.
    """
    policy, belief = np.asarray(probabilities, dtype=float), np.asarray(posterior, dtype=float)
    pulled, won, truth = np.asarray(arms, dtype=int), np.asarray(paid, dtype=float), np.asarray(means, dtype=float)
    if policy.ndim != 2 or belief.shape != policy.shape or pulled.shape != won.shape != policy.shape[:1]:
        raise ValueError(f"policy and posterior must be [T, K], not {policy.shape} and {belief.shape}")
    T, K = policy.shape
    if pulled.shape != (T,) or won.shape != (T,) or truth.shape != (K,):
        raise ValueError(f"for {T} pulls of {K} arms: not {pulled.shape}, {won.shape} and {truth.shape}")
    with style():
        figure = Chart(figsize=(10.5, 1.4 + 0.42 * K), layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True)
        for axes, title, table in (
            (left, "the policy: how likely each arm is", policy),
            (right, "what has been seen: posterior mean", belief),
        ):
            axes.set_title(title)
            _cells(axes, table)
            for full, colour in ((1, VERMILLION), (0, "none")):
                at = np.flatnonzero(won == full)
                axes.plot(at, pulled[at], "o", markersize=8, color=VERMILLION, markerfacecolor=colour, linestyle="none")
            axes.set(xlim=(-0.5, T - 0.5), ylim=(K - 0.5, -0.5), xlabel="pull")
            shown = [pull for pull in range(T) if T <= 12 or pull % 10 == 9]
            axes.set_xticks(shown, [str(pull + 1) for pull in shown])
            axes.set_yticks(range(K), [f"arm {arm}" for arm in range(K)])
            axes.tick_params(length=0)
            for side in ("left", "bottom"):
                axes.spines[side].set_visible(False)
        for arm, mean in enumerate(truth):
            right.annotate(
                f"pays {mean:.2f}",
                (1, arm),
                xycoords=("axes fraction", "data"),
                xytext=(6, 0),
                textcoords="offset points",
                va="center",
                color=GREY,
            )
    best = int(truth.argmax())
    pulls = "; ".join(
        f"pull {t + 1} arm {arm} {'paid' if hit else 'nothing'}"
        for t, (arm, hit) in enumerate(zip(pulled, won, strict=True))
    )
    figure.alt = (
        f"One trial of {T} pulls of {K} arms, which pay {', '.join(f'{mean:.2f}' for mean in truth)}. {pulls}. "
        f"Probability of the best arm, {best}, at the first pull {policy[0, best]:.2f} and at the last "
        f"{policy[-1, best]:.2f}; its posterior mean at the last {belief[-1, best]:.2f}."
    )
    return figure


def _cells(axes: Axes, table: NDArray[np.float64]) -> None:
    """A square for each pull and arm, as dark as its number is high."""
    pull, arm = np.indices(table.shape).reshape(2, -1)
    shades = to_rgba_array([BLUE] * table.size, 0.85 * np.clip(table.ravel(), 0, 1))
    squares(axes, pull, arm, 0.94, facecolors=shades, edgecolors=to_rgba(GREY, 0.4), linewidths=0.6)
