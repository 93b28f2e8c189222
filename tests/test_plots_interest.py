"""The figures of Interest-v0 show what they are given: read back from the drawing, against a session played here."""

from typing import Any

import gymnasium
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from pictures import signs

import metarec  # noqa: F401
from metarec.interest import fields
from metarec.plots import filmstrip, q_heatmap
from metarec.style import GREY, TOPICS, mimebundle


@pytest.fixture(scope="module")
def session() -> dict[str, Any]:
    """A session at random: what was found, shown and clicked, and the topics of the catalogue."""
    env: Any = gymnasium.make("metarec/Interest-v0").unwrapped
    rng = np.random.default_rng(0)
    observation, _ = env.reset(seed=4)
    observations, actions, clicks, ended = [], [], [], False
    while not ended:
        action = int(rng.integers(0, 60))
        observations.append(observation)
        actions.append(action)
        observation, click, terminated, truncated, _ = env.step(action)
        clicks.append(click)
        ended = terminated or truncated
    return {"observations": observations, "actions": actions, "clicks": clicks, "topics": env.topics}


def drawn_topics(figure: Any) -> list[str]:
    return [topic for _, y, topic in signs(figure.axes[0]) if y == 0]


def test_a_filmstrip_shows_what_happened(session: dict[str, Any]) -> None:
    figure = filmstrip(**session)
    top, middle, bottom = figure.axes
    steps = len(session["actions"])
    assert 10 <= steps <= 40
    topics = [int(session["topics"][action]) for action in session["actions"]]
    assert drawn_topics(figure) == [str(topic) for topic in topics]
    assert [sign for _, y, sign in signs(top) if y == 1] == ["✓" if click else "✗" for click in session["clicks"]]
    parts = fields(np.array(session["observations"]))
    assert [bar.get_height() for bar in middle.patches] == parts["patience"].tolist()  # type: ignore[attr-defined]
    rows = [int(label.get_text().split()[1]) for label in bottom.get_yticklabels()]
    assert sorted(rows) == sorted(set(topics))
    counts = [topics.count(row) for row in rows]
    assert counts == sorted(counts, reverse=True)
    satiation = parts["satiation"][:, rows].T.ravel()
    full = int(bottom.get_ylabel().strip(")").split()[-1])
    assert full - 1 < satiation.max() <= full
    heights = [-bar.get_height() / 0.9 * full for bar in bottom.patches]  # type: ignore[attr-defined]
    np.testing.assert_allclose(heights, satiation, atol=1e-6)


def test_the_topics_shown_most_often_have_colours_and_the_others_are_grey(session: dict[str, Any]) -> None:
    actions = [0, 0, 0, 1, 1, 2, 2, 3, 4, 25]
    part = {name: session[name][:10] for name in ("observations", "clicks")}
    figure = filmstrip(**part, actions=actions, topics=session["topics"])
    found = [tuple(colour[:3]) for colour in figure.axes[0].collections[0].get_facecolors()]
    wanted = [*[TOPICS[0]] * 3, *[TOPICS[1]] * 2, *[TOPICS[2]] * 2, TOPICS[3], GREY, GREY]
    assert found == [to_rgb(colour) for colour in wanted]


def test_a_long_session_is_cut_and_says_so(session: dict[str, Any]) -> None:
    long = {name: list(session[name]) * 8 for name in ("observations", "actions", "clicks")}
    figure = filmstrip(**long, topics=session["topics"])
    steps = len(long["actions"])
    assert len(drawn_topics(figure)) == 40
    assert f"the first 40 of {steps}" in figure.axes[2].get_xlabel()
    assert f"A session of {steps} steps, the first 40 drawn, {int(sum(long['clicks']))} clicks" in figure.alt


def test_a_heat_map_has_the_best_item_of_each_topic() -> None:
    rng = np.random.default_rng(1)
    values, topics = rng.normal(size=(7, 12)), np.arange(12) % 5
    actions = rng.integers(0, 12, 7)
    top, axes, _ = q_heatmap(values, actions, topics).axes
    greatest = [max(row) for row in values]
    np.testing.assert_allclose(np.asarray(top.lines[0].get_ydata(), dtype=float), greatest)
    rows = [int(label.get_text()) for label in axes.get_yticklabels()]
    assert sorted(rows) == list(range(5))
    image = np.asarray(axes.images[0].get_array())
    for row, topic in enumerate(rows):
        wanted = [max(values[step][item] for item in range(12) if item % 5 == topic) for step in range(7)]
        np.testing.assert_allclose(image[row], np.subtract(wanted, greatest))
    means = [float(row.mean()) for row in image]
    assert means == sorted(means, reverse=True)
    dots = np.asarray(axes.collections[0].get_offsets())
    assert [rows[int(y)] for _, y in dots] == [action % 5 for action in actions]
    assert [int(x) for x, _ in dots] == list(range(7))


def test_figures_carry_a_text_alternative_and_fit_their_paper(session: dict[str, Any]) -> None:
    values = np.random.default_rng(2).normal(size=(30, 500))
    heat = q_heatmap(values, values.argmax(axis=1), session["topics"])
    assert "30 steps" in heat.alt
    assert "20 topics" in heat.alt
    assert "At 30 steps it was the topic of greatest value" in heat.alt
    for figure in (heat, filmstrip(**session)):
        data, metadata = mimebundle(figure, figure.alt)
        assert metadata["image/png"]["alt"] == figure.alt == data["text/plain"]
        renderer = FigureCanvasAgg(figure).get_renderer()
        figure.draw(renderer)
        for axes in figure.axes:
            box = axes.get_tightbbox(renderer)
            assert box is not None
            assert box.x0 >= 0
            assert box.y0 >= 0
            assert box.x1 <= figure.bbox.x1
            assert box.y1 <= figure.bbox.y1


@pytest.mark.parametrize(
    ("values", "actions", "topics"),
    [
        (np.zeros((0, 3)), [], [0, 1, 2]),
        (np.zeros((2, 3)), [0], [0, 1, 2]),
        (np.zeros((2, 3)), [0, 1], [0, 1]),
        (np.zeros((2, 3)), [0, 3], [0, 1, 2]),
    ],
)
def test_a_heat_map_of_what_does_not_fit_is_refused(values: Any, actions: Any, topics: Any) -> None:
    with pytest.raises(ValueError, match="actions"):
        q_heatmap(values, actions, topics)


def test_a_filmstrip_of_nothing_or_of_unequal_lengths_is_refused(session: dict[str, Any]) -> None:
    for cut in (0, 3):
        with pytest.raises(ValueError, match="one length"):
            filmstrip(session["observations"][:cut], session["actions"][:cut], session["clicks"][:0], session["topics"])
    with pytest.raises(ValueError, match="items 0 to 499"):
        filmstrip(session["observations"][:1], [500], [1], session["topics"])
