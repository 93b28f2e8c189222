"""Figures of interests: how one moves over time, what it attends to, which of two counts, and where new items lie."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from metarec.plots.curves import COLOURS, STROKES, name_ends
from metarec.style import BLUE, GREY, ORANGE, VERMILLION, Chart, style


def interest_paths(days: ArrayLike, panels: Mapping[str, ArrayLike], names: Sequence[str]) -> Chart:
    """How an interest moves over the days, a panel for each memory: a line for each genre, a mark for each rating.

    days [N], in order; panels by title [N, G], the share of each genre after each rating; names [G], at most five.
    ValueError for another shape.
    """
    x = np.asarray(days, dtype=float)
    shares = {title: np.asarray(values, dtype=float) for title, values in panels.items()}
    if not shares or not 1 <= len(names) <= len(COLOURS) or len(x) < 2 or np.any(np.diff(x) < 0):
        raise ValueError(f"days must be in order, two at least, with from 1 to {len(COLOURS)} names and a panel")
    for title, values in shares.items():
        if values.shape != (len(x), len(names)):
            raise ValueError(f"{title}: shares must be [{len(x)}, {len(names)}], not {list(values.shape)}")
    top = max(float(values.max()) for values in shares.values())
    told = []
    with style():
        figure = Chart(figsize=(8.5, 2.5 * len(shares) + 0.4), layout="constrained")
        rows = figure.subplots(len(shares), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
        for axes, (title, values) in zip(rows, shares.items(), strict=True):
            axes.set_title(title)
            for genre, (colour, stroke) in enumerate(zip(COLOURS[: len(names)], STROKES, strict=False)):
                axes.step(x, values[:, genre], where="post", color=colour, linestyle=stroke, linewidth=1.6)
            axes.plot(x, np.full(len(x), -0.05 * top), "|", color=GREY, markersize=5, markeredgewidth=0.6)
            axes.set(xlim=(x[0], x[-1]), ylim=(-0.1 * top, 1.05 * top), ylabel="share")
            ends = zip(names, values[-1].tolist(), COLOURS, strict=False)
            name_ends(axes, list(ends))
            moved = float(np.abs(np.diff(values, axis=0)).sum(axis=1).mean())
            told.append(
                f"{title}: "
                + ", ".join(
                    f"{name} from {low:.2f} to {high:.2f}, {last:.2f} at the end"
                    for name, low, high, last in zip(names, values.min(0), values.max(0), values[-1], strict=True)
                )
                + f"; it moves by {moved:.3f} with each rating"
            )
        rows[-1].set_xlabel("days since the first rating")
    figure.alt = (
        f"The share of {len(names)} genres in an interest over {x[-1] - x[0]:.0f} days and {len(x)} ratings. "
        f"{'. '.join(told)}."
    )
    return figure


def attention_bars(weights: ArrayLike, history: Sequence[str], candidate: str) -> Chart:
    """What a candidate attends to in a history: a bar for each item, the latest at the bottom.

    weights [T] sum to 1; history [T] are names, in time order. ValueError for unequal lengths or none.
    """
    share = np.asarray(weights, dtype=float)
    if share.ndim != 1 or len(share) != len(history) or not len(share):
        raise ValueError(f"one weight for each of {len(history)} items, at least 1, is needed, not {share.shape}")
    most = int(share.argmax())
    with style():
        figure = Chart(figsize=(7.5, 0.9 + 0.27 * len(share)), layout="constrained")
        axes = figure.subplots()
        axes.barh(range(len(share)), share, color=BLUE, height=0.7)
        axes.axvline(1 / len(share), color=GREY, linewidth=1.2, linestyle=(0, (5, 3)))
        for row, value in enumerate(share):
            axes.text(value + 0.01 * share.max(), row, f"{value:.0%}", va="center_baseline", fontsize=9)
        axes.set_yticks(range(len(share)), history)
        axes.set_xticks([])
        axes.set(ylim=(len(share) - 0.4, -0.6), xlim=(0, 1.15 * max(share.max(), 1 / len(share))))
        # beside the names, and not above the bars alone: titles of films are long
        figure.suptitle(f"{candidate} is on offer (dashed: the plain mean)", x=0.01, ha="left", fontsize=11)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
    figure.alt = (
        f"Attention over a history of {len(share)} items when {candidate} is on offer; the plain mean would give each "
        f"{1 / len(share):.0%}. Most goes to {history[most]}. In time order: "
        + ", ".join(f"{name} {value:.0%}" for name, value in zip(history, share, strict=True))
        + "."
    )
    return figure


def gate_path(gate: ArrayLike, kinds: Sequence[str]) -> Chart:
    """The share of the long-term interest after each item of a history, coloured by the kind of that item.

    gate [T], from 0 to 1; kinds [T], of at most two different ones. ValueError otherwise.
    """
    share = np.asarray(gate, dtype=float)
    if share.ndim != 1 or len(share) != len(kinds) or not len(share) or len(set(kinds)) > 2:
        raise ValueError(f"one share for each of {len(kinds)} items, at least 1, of at most two kinds, is needed")
    if share.min() < 0 or share.max() > 1:
        raise ValueError(f"shares must be from 0 to 1, not from {share.min():.2f} to {share.max():.2f}")
    told: list[str] = []
    with style():
        figure = Chart(figsize=(8.5, 2.6), layout="constrained")
        axes = figure.subplots()
        kept = np.asarray(kinds)
        for kind, colour, hatch in zip(sorted(set(kinds)), (BLUE, ORANGE), (None, "///"), strict=False):
            place = np.flatnonzero(kept == kind)
            axes.bar(place, share[place], color=colour, hatch=hatch, edgecolor="white", linewidth=0, width=0.85)
            axes.plot(place, np.full(len(place), -0.06), "s", color=colour, markersize=5, clip_on=False)
            axes.text(
                1.01, 0.85 - 0.2 * len(told), f"after a {kind}", color=colour, transform=axes.transAxes, va="center"
            )
            told.append(f"after a {kind} {share[place].mean():.2f} on average ({len(place)} times)")
        axes.axhline(0.5, color=GREY, linewidth=1.2, linestyle=(0, (5, 3)))
        axes.set(ylim=(-0.1, 1.02), xlim=(-0.6, len(share) - 0.4), xlabel="items seen", ylabel="long-term share")
        axes.set_yticks([0, 0.5, 1])
    figure.alt = f"The gate's share of the long-term interest over {len(share)} items: {'; '.join(told)}."
    return figure


def item_map(vectors: ArrayLike, placed: Mapping[str, tuple[ArrayLike, ArrayLike]]) -> Chart:
    """Items in the plane of their two main directions, and some of them twice: where features put them, and where
    they came to lie once people had seen them.

    vectors [K, D] of all items; placed by name (by its features [D], learnt [D]), from 1 to 12 items. ValueError
    otherwise.
    """
    cloud = np.asarray(vectors, dtype=float)
    pairs = {name: np.asarray(pair, dtype=float) for name, pair in placed.items()}
    if cloud.ndim != 2 or len(cloud) < 3 or cloud.shape[1] < 2:
        raise ValueError(f"vectors must be [K, D], K 3 and D 2 at least, not {list(cloud.shape)}")
    if not 1 <= len(pairs) <= 12 or any(pair.shape != (2, cloud.shape[1]) for pair in pairs.values()):
        raise ValueError(f"from 1 to 12 items, a pair of [{cloud.shape[1]}] each, can be placed")
    middle = cloud.mean(axis=0)
    _, _, directions = np.linalg.svd(cloud - middle, full_matrices=False)
    plane = directions[:2].T
    flat = (cloud - middle) @ plane
    spread = float(np.linalg.norm(cloud - middle, axis=1).mean())
    told = []
    with style():
        figure = Chart(figsize=(8, 5.5), layout="constrained")
        axes = figure.subplots()
        axes.plot(*flat.T, ".", color=GREY, markersize=3, alpha=0.5)
        for name, pair in pairs.items():
            start, end = (pair - middle) @ plane
            axes.annotate("", end, start, arrowprops={"arrowstyle": "->", "color": GREY, "linewidth": 1})
            axes.plot(*start, "D", color=VERMILLION, markersize=6)
            axes.plot(*end, "o", color=BLUE, markersize=6)
            axes.annotate(name, end, xytext=(5, 3), textcoords="offset points", fontsize=8, color=BLUE)
            told.append(f"{name} {np.linalg.norm(pair[0] - pair[1]) / spread:.2f}")
        axes.text(0, 1.02, "◆ placed by features", color=VERMILLION, transform=axes.transAxes)
        axes.text(0.3, 1.02, "● learnt from views", color=BLUE, transform=axes.transAxes)
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    figure.alt = (
        f"A map of {len(cloud)} items in the plane of their two main directions. {len(pairs)} of them twice, joined by "
        "an arrow: placed by their features, and learnt. The distance between the two, in mean distances of an item "
        f"from the middle: {', '.join(told)}."
    )
    return figure
