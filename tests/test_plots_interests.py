"""The figures of lesson 10: what they draw, what they say of it in words, and what they refuse."""

from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from metarec.plots import attention_bars, gate_path, interest_paths, item_map
from metarec.style import BLUE, ORANGE, Chart

SHARES = np.array([[0.5, 0.1], [0.4, 0.2], [0.1, 0.7]])
PLACED: Any = {"Alien": ([0.1, 0.2, 0.0], [1.0, 0.5, 0.0]), "Babe": ([0.0, 0.0, 0.1], [-1.0, 0.0, 0.5])}


def cloud() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(40, 3)) * [3, 2, 0.5]


@pytest.fixture(params=["paths", "bars", "gate", "map"])
def figure(request: pytest.FixtureRequest) -> Chart:
    if request.param == "paths":
        return interest_paths([0, 1, 9], {"short": SHARES, "long": SHARES / 2}, ["Drama", "Film-Noir"])
    if request.param == "bars":
        return attention_bars([0.7, 0.2, 0.1], ["Alien", "Babe", "Casablanca"], "Aliens")
    if request.param == "gate":
        return gate_path([0.9, 0.2, 0.8], ["film", "clip", "film"])
    return item_map(cloud(), PLACED)


def test_every_figure_says_in_words_what_it_shows_and_keeps_its_texts_inside(figure: Chart) -> None:
    data, metadata = figure._repr_mimebundle_()
    assert metadata["image/png"]["alt"] == figure.alt == data["text/plain"]
    assert len(figure.alt) > 90
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    for axes in figure.axes:
        for text in axes.texts:
            box = text.get_window_extent(renderer)
            assert box.x0 >= 0, text.get_text()
            assert box.x1 <= figure.bbox.x1, text.get_text()


def test_a_path_is_a_step_for_each_rating_in_a_panel_for_each_memory() -> None:
    figure = interest_paths([0, 1, 9], {"short": SHARES, "long": SHARES / 2}, ["Drama", "Film-Noir"])
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["short", "long"]
    for axes, scale in zip(figure.axes, (1, 2), strict=True):
        for line, values in zip(axes.lines, SHARES.T / scale, strict=False):
            np.testing.assert_allclose(line.get_xdata(), [0, 1, 9])
            np.testing.assert_allclose(line.get_ydata(), values)
    assert "short: Drama from 0.10 to 0.50, 0.10 at the end" in figure.alt
    assert "moves by 0.500 with each rating" in figure.alt


def test_bars_are_the_weights_and_the_greatest_is_told() -> None:
    figure = attention_bars([0.1, 0.6, 0.3], ["Alien", "Babe", "Casablanca"], "Aliens")
    bars: Any = figure.axes[0].patches
    np.testing.assert_allclose([bar.get_width() for bar in bars], [0.1, 0.6, 0.3])
    assert "Most goes to Babe. In time order: Alien 10%, Babe 60%, Casablanca 30%." in figure.alt


def test_a_gate_is_coloured_by_the_kind_of_the_last_item() -> None:
    figure = gate_path([0.9, 0.2, 0.8], ["film", "clip", "film"])
    bars: Any = figure.axes[0].patches
    by_place = {round(bar.get_x() + bar.get_width() / 2): bar for bar in bars}
    assert [by_place[place].get_height() for place in range(3)] == [0.9, 0.2, 0.8]
    assert "after a clip 0.20 on average (1 times); after a film 0.85 on average (2 times)" in figure.alt
    colours = {text.get_text(): text.get_color() for text in figure.axes[0].texts}
    assert colours == {"after a clip": BLUE, "after a film": ORANGE}


def test_a_map_keeps_distances_within_its_plane() -> None:
    vectors = np.zeros((5, 4))
    vectors[:, :2] = [[0, 0], [4, 0], [0, 2], [-4, 0], [0, -2]]
    pair = (np.array([0, 0, 0, 0]), np.array([4.0, 2, 0, 0]))
    figure = item_map(vectors, {"one": pair})
    points = [np.column_stack(line.get_data()) for line in figure.axes[0].lines]
    assert np.linalg.norm(points[0][1] - points[0][3]) == pytest.approx(8)
    assert np.linalg.norm(points[1][0] - points[2][0]) == pytest.approx(20**0.5)


@pytest.mark.parametrize(
    "draw",
    [
        lambda: interest_paths([0, 1], {}, ["a"]),
        lambda: interest_paths([1, 0], {"one": np.ones((2, 1))}, ["a"]),
        lambda: interest_paths([0, 1], {"one": np.ones((2, 2))}, ["a"]),
        lambda: interest_paths([0, 1], {"one": np.ones((2, 6))}, list("abcdef")),
        lambda: attention_bars([], [], "c"),
        lambda: attention_bars([0.5, 0.5], ["a"], "c"),
        lambda: gate_path([0.5], ["a", "b"]),
        lambda: gate_path([0.5] * 3, ["a", "b", "c"]),
        lambda: gate_path([1.5], ["a"]),
        lambda: item_map(np.ones((2, 3)), PLACED),
        lambda: item_map(cloud(), {}),
        lambda: item_map(cloud(), {"one": ([1, 2], [1, 2])}),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_what_was_given(draw: Any) -> None:
    with pytest.raises(ValueError, match=r"must be|is needed|can be placed"):
        draw()
