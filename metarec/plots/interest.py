"""Figures of `metarec/Interest-v0`: what a network thinks of the catalogue over a session, and the session itself."""

from collections import Counter

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metarec.interest import PARAMS, fields
from metarec.plots.marks import signs, squares
from metarec.style import BLUE, GREEN, GREY, INK, TOPICS, VERMILLION, Chart, style

LONGEST = 40
"""steps of a session that the filmstrip draws"""


def q_heatmap(q_values: ArrayLike, actions: ArrayLike, topics: ArrayLike) -> Chart:
    """What the catalogue is worth at each step of one session: the best value, and how far each topic lies below it.

    q_values [T, K], actions [T] items, topics [K]. A topic stands for its best item. Topics are rows, the one that is
    worth most over the session on top; a dot marks the topic shown. ValueError for no steps, or shapes that do not fit.
    """
    values, shown, kinds = np.asarray(q_values, dtype=float), _whole(actions), _whole(topics)
    if values.ndim != 2 or len(values) == 0 or shown.shape != values.shape[:1] or kinds.shape != values.shape[1:]:
        raise ValueError(
            f"q_values are [T, K], actions [T] and topics [K], T at least 1, not {np.shape(q_values)}, "
            f"{np.shape(actions)} and {np.shape(topics)}"
        )
    _check_items(shown, len(kinds))
    names = np.unique(kinds)
    by_topic = np.stack([values[:, kinds == name].max(axis=1) for name in names])
    best = values.max(axis=1)
    below = by_topic - best
    order = np.argsort(-below.mean(axis=1), kind="stable")
    steps = len(values)
    rows = [int(np.flatnonzero(names[order] == kinds[item])[0]) for item in shown]
    with style():
        figure = Chart(figsize=(9, 2.3 + 0.2 * len(names)), layout="constrained")
        top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[1, max(1.5, 0.2 * len(names))])
        top.plot(range(steps), best, color=BLUE)
        top.set_ylabel("best value")
        top.tick_params(axis="x", length=0)
        # few topics are worth far less than all others: they are not to take the colours from the rest
        image = bottom.imshow(
            below[order],
            aspect="auto",
            cmap="cividis",
            interpolation="nearest",
            vmin=min(float(np.quantile(below, 0.1)), -1e-6),
            vmax=0,
        )
        # a white heart in a dark rim is seen on every colour of the map
        bottom.scatter(range(steps), rows, s=16, facecolor="white", edgecolor=INK, linewidth=1, zorder=3)
        bottom.set_yticks(range(len(names)), [str(name) for name in names[order]])
        bottom.tick_params(axis="y", length=0, labelsize=8)
        bottom.set(xlabel="step (dot: the topic shown)", ylabel="topic", xlim=(-0.6, steps - 0.4))
        bottom.spines[:].set_visible(False)
        bar = figure.colorbar(image, ax=bottom, pad=0.02, extend="min")
        bar.set_label("below the best")
        bar.outline.set_visible(False)
    often = ", ".join(f"{name} {count} times" for name, count in Counter(kinds[shown].tolist()).most_common(3))
    greedy = int(np.sum(kinds[np.argmax(values, axis=1)] == kinds[shown]))
    figure.alt = (
        f"The best value over {steps} steps goes from {best[0]:.1f} to {best[-1]:.1f}. Below it a heat map of how far "
        f"the best item of each of {len(names)} topics lies below that, {-below.mean():.1f} on average. Worth most "
        f"over the session: topic {names[order][0]}. Shown most often: topic {often}. At {greedy} steps it was the "
        "topic of greatest value."
    )
    return figure


def filmstrip(observations: ArrayLike, actions: ArrayLike, clicks: ArrayLike, topics: ArrayLike) -> Chart:
    """One session on `metarec/Interest-v0`: topic shown, whether clicked, patience and satiation, step by step.

    observations [T, n]: what each step found; actions [T] items; clicks [T]; topics [K]. The first 40 steps are drawn,
    and of the satiations those of the topics shown in them. ValueError for no steps, or unequal lengths.
    """
    seen, shown, clicked = np.asarray(observations, dtype=float), _whole(actions), np.asarray(clicks) > 0
    kinds = _whole(topics)
    lengths = sorted({len(seen), len(shown), len(clicked)})
    if len(lengths) != 1 or lengths == [0] or seen.ndim != 2:
        raise ValueError(f"observations, actions and clicks must have one length, at least 1, not {lengths}")
    _check_items(shown, len(kinds))
    steps = min(len(shown), LONGEST)
    width = max(steps, 16)
    parts = fields(seen[:steps])
    patience, satiation = parts["patience"], parts["satiation"]
    kind = kinds[shown[:steps]].tolist()
    ranked = [name for name, _ in Counter(kind).most_common()]
    colours = {name: TOPICS[place] if place < len(TOPICS) else GREY for place, name in enumerate(ranked)}
    with style():
        figure = Chart(figsize=(1.6 + 0.25 * width, 2.2 + 0.2 * len(ranked)), layout="constrained")
        top, middle, bottom = figure.subplots(3, 1, sharex=True, height_ratios=[2, 2, max(2, 0.85 * len(ranked))])
        squares(top, range(steps), 0, 0.88, facecolors=[colours[name] for name in kind])
        for name in ranked:
            signs(top, np.flatnonzero(np.equal(kind, name)), 0, str(name), color=INK, size=8)
        signs(top, np.flatnonzero(clicked[:steps]), 1, "✓", color=GREEN, size=11)
        signs(top, np.flatnonzero(~clicked[:steps]), 1, "✗", color=VERMILLION, size=11)
        top.set_yticks([0, 1], ["topic shown", "clicked"])
        top.set(xlim=(-0.6, width - 0.4), ylim=(1.6, -0.6))
        middle.bar(range(steps), patience, width=0.88, color=GREY)
        middle.set(ylim=(0, PARAMS.P), yticks=[0, PARAMS.P], ylabel="patience")
        full = max(1, int(np.ceil(satiation[:, ranked].max())))
        for row, name in enumerate(ranked):
            heights = 0.9 * satiation[:, name] / full
            bottom.bar(range(steps), -heights, bottom=row + 0.45, width=0.88, color=colours[name])
        bottom.set_yticks(range(len(ranked)), [f"topic {name}" for name in ranked])
        bottom.tick_params(axis="y", labelsize=8)
        bottom.set_xticks(range(0, steps, 5))
        drawn = "step" if steps == len(shown) else f"step (the first {steps} of {len(shown)})"
        bottom.set(ylim=(len(ranked) - 0.4, -0.6), xlabel=drawn, ylabel=f"satiation (a full row: {full})")
        for axes in (top, middle, bottom):
            axes.tick_params(length=0)
            axes.spines[:].set_visible(False)
        figure.align_ylabels()
    sequence = " ".join(f"{name} {'✓' if click else '✗'}" for name, click in zip(kind, clicked, strict=False))
    cut = "" if steps == len(shown) else f", the first {steps} drawn"
    figure.alt = (
        f"A session of {len(shown)} steps{cut}, {int(clicked.sum())} clicks. Topics shown, ✓ where clicked: "
        f"{sequence}. Patience by step: {' '.join(f'{left:.0f}' for left in patience)}. "
        f"Greatest satiation: {satiation.max():.1f}."
    )
    return figure


def _whole(values: ArrayLike) -> NDArray[np.int64]:
    return np.asarray(values).astype(np.int64)


def _check_items(shown: NDArray[np.int64], n_items: int) -> None:
    if shown.min() < 0 or shown.max() >= n_items:
        raise ValueError(f"actions are items 0 to {n_items - 1}, not {shown.min()} to {shown.max()}")
