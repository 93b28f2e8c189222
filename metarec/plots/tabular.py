"""Figures of `metarec/Tabular-v0`: what was learnt, the policy as a map, one session."""

from collections import Counter
from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from metarec.plots.marks import signs, squares
from metarec.style import BLUE, GREEN, GREY, INK, TOPICS, VERMILLION, Chart, style

LETTERS = "ABCD"
LONGEST = 30
"""steps of a session that are drawn"""


def learning_curve(
    returns: ArrayLike, *, optimal: float, myopic: float, random: float, window: int | None = None
) -> Chart:
    """The mean return of the last `window` episodes (default: a fiftieth of all), between three known values.

    returns [episodes], or [seeds, episodes]: then a line for the seeds' mean and a band from the least to the
    greatest. ValueError for another shape, or a window that is not from 1 to the number of episodes.
    """
    runs = np.atleast_2d(np.asarray(returns, dtype=float))
    if runs.ndim != 2 or runs.size == 0:
        raise ValueError(f"returns must be [episodes] or [seeds, episodes], not of shape {np.shape(returns)}")
    seeds, episodes = runs.shape
    window = max(1, episodes // 50) if window is None else window
    if not 1 <= window <= episodes:
        raise ValueError(f"window must be from 1 to the {episodes} episodes, not {window}")
    total = np.cumsum(np.pad(runs, ((0, 0), (1, 0))), axis=1)
    smooth = (total[:, window:] - total[:, :-window]) / window
    episode = np.arange(window, episodes + 1)
    mean = smooth.mean(axis=0)

    with style():
        figure = Chart(figsize=(7.5, 4), layout="constrained")
        axes = figure.subplots()
        ends = [("optimal", optimal, GREEN), ("myopic", myopic, VERMILLION), ("random", random, GREY)]
        for _, value, colour in ends:
            axes.axhline(value, color=colour, linewidth=1.2, linestyle=(0, (5, 3)))
        if seeds > 1:
            least, greatest = smooth.min(axis=0), smooth.max(axis=0)
            axes.fill_between(episode, least, greatest, color=BLUE, alpha=0.25, linewidth=0)
        axes.plot(episode, mean, color=BLUE)
        axes.set_xlim(0, episodes)
        axes.set_xlabel("episode")
        axes.set_ylabel(f"return, mean of {window} episodes" if window > 1 else "return")
        _label_right_ends(axes, [*ends, ("learnt", float(mean[-1]), BLUE)])
    band = f" over {seeds} seeds, at the end from {smooth[:, -1].min():.1f} to {smooth[:, -1].max():.1f}"
    figure.alt = (
        f"Learning curve over {episodes} episodes: the mean return of {window} episodes goes from "
        f"{mean[0]:.1f} to {mean[-1]:.1f}{band if seeds > 1 else ''}. Horizontal lines: "
        f"optimal {_number(optimal)}, myopic {_number(myopic)}, random {_number(random)}."
    )
    return figure


def policy_map(policy_or_q: ArrayLike, env: Any, *, topics: Sequence[str] = LETTERS) -> Chart:
    """The topic that a policy shows in each of the 243 states of `metarec/Tabular-v0`, by colour and letter.

    policy_or_q: topics [S], or values [S, A], of which the greatest is shown; a state whose values are all
    equal, as where it was never visited, has a dot. A panel for each patience, the start outlined. ValueError
    for another shape, or for what is not a topic.
    """
    tabular = env.unwrapped
    shown = _shown(policy_or_q, int(tabular.observation_space.n), len(topics))
    start = tabular.encode((0, 0, 0, 0), 3)
    pairs = list(product(range(3), repeat=2))
    places, codes = [_place(*pair) for pair in pairs], [f"{first}{second}" for first, second in pairs]
    with style():
        figure = Chart(figsize=(10.5, 4.2), layout="constrained")
        panels = figure.subplots(1, 3, sharey=True)
        for patience, axes in enumerate(panels, start=1):
            axes.set_title(f"patience {patience}")
            axes.set_xticks(places, codes)
            axes.set_yticks(places, codes)
            axes.set_xlabel(f"satiation with {topics[2]}, {topics[3]}")
            axes.tick_params(length=0)
            axes.spines[:].set_visible(False)
            axes.set(xlim=(-0.6, 9.2), ylim=(9.2, -0.6), aspect="equal")
        panels[0].set_ylabel(f"satiation with {topics[0]}, {topics[1]}")
        x, y, left = np.transpose([_stand(*tabular.decode(state)) for state in range(len(shown))])
        for patience, axes in enumerate(panels, start=1):
            panel = left == patience
            for topic in set(shown):
                at = np.flatnonzero(panel & np.equal(shown, topic))
                if topic >= 0:
                    squares(axes, x[at], y[at], 0.88, facecolors=TOPICS[topic])
                    signs(axes, x[at], y[at], topics[topic], color=INK, size=9)
                else:
                    signs(axes, x[at], y[at], "·", color=GREY, size=11)
        squares(
            panels[int(left[start]) - 1], x[start], y[start], 1.08, facecolors="none", edgecolors=GREY, linewidths=2
        )
    counts = Counter(topics[topic] if topic >= 0 else "none" for topic in shown)
    figure.alt = (
        f"Map of a policy over {len(shown)} states, a panel for each patience from 1 to 3, satiation with "
        f"{topics[0]} and {topics[1]} down and with {topics[2]} and {topics[3]} across. States by topic: "
        + ", ".join(f"{name} {counts[name]}" for name in [*topics, "none"] if counts[name])
        + f". At the start: {topics[shown[start]] if shown[start] >= 0 else 'none'}."
    )
    return figure


def session_strip(
    states: ArrayLike,
    actions: ArrayLike,
    rewards: ArrayLike,
    env: Any,
    *,
    topics: Sequence[str] = LETTERS,
    until: int | None = None,
) -> Chart:
    """One session on `metarec/Tabular-v0`: the topic shown at each step, whether clicked, patience and satiation.

    states, actions, rewards [T]: the state that each step found, what was shown in it and what that earned.
    The first 30 steps are drawn, or the first `until`, which leaves room for the others. ValueError for no steps, or
    for unequal lengths.
    """
    lengths = {len(np.atleast_1d(np.asarray(x))) for x in (states, actions, rewards)}
    if len(lengths) != 1 or lengths == {0}:
        raise ValueError(f"states, actions and rewards must have one length, at least 1, not {sorted(lengths)}")
    length = lengths.pop()
    room = min(length, LONGEST)
    steps = room if until is None else min(max(1, until), room)
    width = max(room, 12)
    decoded = [env.unwrapped.decode(int(state)) for state in np.asarray(states)[:steps]]
    shown = [int(topic) for topic in np.asarray(actions)[:steps]]
    clicked = np.asarray(rewards)[:steps] > 0

    with style():
        figure = Chart(figsize=(1.6 + 0.3 * width, 3.6), layout="constrained")
        top, middle, bottom = figure.subplots(3, 1, sharex=True, height_ratios=[2, 2, 4])
        squares(top, range(steps), 0, 0.88, facecolors=[TOPICS[topic] for topic in shown])
        for topic in set(shown):
            signs(top, np.flatnonzero(np.equal(shown, topic)), 0, topics[topic], color=INK, size=9)
        signs(top, np.flatnonzero(clicked), 1, "✓", color=GREEN, size=11)
        signs(top, np.flatnonzero(~clicked), 1, "✗", color=VERMILLION, size=11)
        top.set_yticks([0, 1], ["shown", "clicked"])
        top.set(xlim=(-0.6, width - 0.4), ylim=(1.6, -0.6))
        middle.bar(range(steps), [patience for _, patience in decoded], width=0.88, color=GREY)
        middle.set(ylim=(0, 3), yticks=[0, 3], ylabel="patience")
        tired = [
            (step, topic, level)
            for step, (satiation, _) in enumerate(decoded)
            for topic, level in enumerate(satiation)
            if level
        ]
        if tired:
            step, topic, level = np.transpose(tired)
            squares(bottom, step, topic, 0.44 * level, facecolors=[TOPICS[each] for each in topic])
            for each in set(level):
                signs(bottom, step[level == each], topic[level == each], str(each), color=INK, size=9)
        bottom.set_yticks(range(len(topics)), topics)
        bottom.set_xticks(range(0, room, 5))
        bottom.set(
            ylim=(len(topics) - 0.4, -0.6),
            xlabel="step" if room == length else f"step (the first {room} of {length})",
            ylabel="satiation",
        )
        for axes in (top, middle, bottom):
            axes.tick_params(length=0)
            axes.spines[:].set_visible(False)
    sequence = " ".join(f"{topics[topic]} {'✓' if click else '✗'}" for topic, click in zip(shown, clicked, strict=True))
    drawn = "" if steps == length else f", the first {steps} drawn"
    figure.alt = (
        f"A session of {length} steps{drawn}, {int(np.sum(np.asarray(rewards) > 0))} clicks. Shown, ✓ where clicked: "
        f"{sequence}. Patience by step: {' '.join(str(patience) for _, patience in decoded)}."
    )
    return figure


def _shown(policy_or_q: ArrayLike, n_states: int, n_topics: int) -> list[int]:
    """The topic of each state, −1 where all values are equal."""
    given = np.asarray(policy_or_q)
    if given.shape == (n_states,) and np.all((given >= 0) & (given < n_topics)):
        return [int(topic) for topic in given]
    if given.shape == (n_states, n_topics):
        undecided = given.max(axis=1) == given.min(axis=1)
        return [int(topic) for topic in np.where(undecided, -1, given.argmax(axis=1))]
    raise ValueError(
        f"a policy is topics 0 to {n_topics - 1} of shape ({n_states},) or values of shape "
        f"({n_states}, {n_topics}), not of shape {given.shape}"
    )


def _stand(satiation: tuple[int, ...], patience: int) -> tuple[float, float, int]:
    """Where a state stands on the map: x, y and its panel, by patience."""
    a, b, c, d = satiation
    return _place(c, d), _place(a, b), patience


def _place(first: int, second: int) -> float:
    """Where a pair of satiation levels stands on an axis of nine, in groups of three."""
    return 3.3 * first + second


def _number(value: float) -> str:
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _label_right_ends(axes: Axes, ends: Sequence[tuple[str, float, str]]) -> None:
    """Name each line and its value beside its right end, moved apart where they would overlap."""
    low, high = axes.get_ylim()
    gap = 0.065 * (high - low)
    place = -np.inf
    for name, value, colour in sorted(ends, key=lambda end: end[1]):
        place = max(value, place + gap)
        axes.annotate(
            f"{name} {_number(value)}",
            (1, place),
            xycoords=("axes fraction", "data"),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            color=colour,
            annotation_clip=False,
        )
