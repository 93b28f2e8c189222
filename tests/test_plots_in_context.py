"""The figures of lesson 09: what they draw, what they say of it in words, and what they refuse."""

from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from metarec.plots import reading, scaling
from metarec.style import BLUE, GREY, Chart

ACTIONS, REWARDS = [0, 2, 1, 2], [1, 0, 1, 1]
ATTENTION = np.tril(np.ones((5, 5))) / np.arange(1, 6)[:, None]
SAID = np.linspace(0.1, 0.9, 15).reshape(5, 3)
LINES: Any = {
    "10 tasks": ([1e3, 1e4, 1e5], [[2.0, 1.5, 1.4], [2.2, 1.6, np.nan]]),
    "ever new": ([1e3, 1e4, 1e5], [1.0, 0.1, 0.01]),
}


def shown(step: int = 3) -> Chart:
    return reading(ACTIONS, REWARDS, ATTENTION, SAID, SAID[::-1], step=step)


@pytest.mark.parametrize(
    "figure", [shown(), shown(0), scaling(LINES, xlabel="weights", ylabel="regret", levels={"Bayes": 0.5})]
)
def test_every_figure_says_in_words_what_it_shows_and_keeps_its_texts_inside(figure: Chart) -> None:
    assert figure._repr_mimebundle_()[0]["text/plain"] == figure.alt
    assert len(figure.alt) > 100
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    for axes in figure.axes:
        for text in axes.texts:
            box = text.get_window_extent(renderer)
            assert box.x0 >= 0
            assert box.x1 <= figure.bbox.x1 + 1


def test_a_reading_shows_what_was_seen_before_the_step_and_nothing_later() -> None:
    left, right = shown(step=3).axes
    dots = [tuple(point) for line in left.lines[:2] for point in zip(line.get_xdata(), line.get_ydata(), strict=True)]  # type: ignore[arg-type]
    assert sorted(dots) == [(1, 0), (2, 2), (3, 1)]
    bars: Any = right.patches
    np.testing.assert_allclose([bar.get_width() for bar in bars[:3]], SAID[3])
    np.testing.assert_allclose([bar.get_width() for bar in bars[3:]], SAID[1])
    assert {bar.get_facecolor() for bar in bars} == {bars[0].get_facecolor(), bars[3].get_facecolor()}


def test_a_reading_at_the_start_has_read_nothing() -> None:
    assert "nothing but the start" in shown(step=0).alt
    assert "pull 1 arm 0 paid, attention 0.50" in shown(step=1).alt


def test_lines_are_means_over_the_seeds_that_there_are() -> None:
    axes: Any = scaling(LINES, xlabel="weights", ylabel="regret", fit=(-1.0, np.log(1e3), 1e4)).axes[0]
    np.testing.assert_allclose(axes.lines[0].get_ydata(), [2.1, 1.55, 1.4])
    assert axes.get_xscale() == axes.get_yscale() == "log"
    fitted = axes.lines[-1]
    assert fitted.get_color() == GREY
    np.testing.assert_allclose(fitted.get_ydata(), [1.0, 0.1])
    assert axes.lines[0].get_color() == BLUE


@pytest.mark.parametrize("step", [-1, 5])
def test_a_step_that_there_is_not_is_refused(step: int) -> None:
    with pytest.raises(ValueError, match="a step is from 0 to 4"):
        shown(step)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ({}, "from 1 to 5 lines"),
        ({"a": ([1.0, 2.0], [1.0])}, "x \\[P\\] that rises"),
        ({"a": ([2.0, 1.0], [1.0, 1.0])}, "x \\[P\\] that rises"),
        ({"a": ([1.0, 2.0], [1.0, 0.0])}, "above 0"),
        ({"a": ([1.0, 2.0], [1.0, np.nan])}, "above 0"),
    ],
)
def test_what_has_no_place_on_such_axes_is_refused(lines: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        scaling(lines, xlabel="x", ylabel="y")


def test_shapes_that_do_not_belong_together_are_refused() -> None:
    with pytest.raises(ValueError, match="for 4 pulls"):
        reading(ACTIONS, REWARDS, ATTENTION[:4], SAID, SAID, step=1)
