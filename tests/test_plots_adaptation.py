from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from metarec.plots import adaptation_steps, scores_by_shots

X = np.linspace(-1, 1, 9)
SUPPORT = ([0.0, 0.5], [0.0, 0.25])
SCORES = {
    "popularity": {1: (0.39, 0.02), 3: (0.39, 0.02)},
    "item-kNN": {1: (0.34, 0.03), 3: (0.45, 0.03)},
    "MAML": {1: (0.41, 0.03), 3: (0.449, 0.03)},
}


def test_a_panel_holds_the_truth_a_curve_for_each_step_and_the_support() -> None:
    curves = np.stack([X * 0, X * 0.5, X**2])
    figure = adaptation_steps(X, X**2, SUPPORT, {"MAML": curves, "all at once": curves[:1]})
    axes: Any = figure.axes[0]
    truth, *steps, dots = axes.lines
    np.testing.assert_allclose(truth.get_ydata(), X**2)
    np.testing.assert_allclose([line.get_ydata() for line in steps], curves)
    np.testing.assert_allclose(dots.get_xydata(), np.column_stack(SUPPORT))
    assert [panel.get_title(loc="left") for panel in figure.axes] == ["MAML, 2 steps", "all at once, 0 steps"]
    strengths = [line.get_color()[3] for line in steps]
    assert strengths == sorted(strengths)
    assert steps[0].get_linestyle() == ":"


def test_the_text_tells_how_far_each_step_is_from_the_truth() -> None:
    figure = adaptation_steps(X, X * 0, SUPPORT, {"MAML": [X * 0 + 2, X * 0 + 1]})
    assert "MAML: 4.00, 1.00" in figure.alt
    assert "2 points" in figure.alt


def test_scores_are_drawn_with_their_intervals_and_named_apart() -> None:
    figure = scores_by_shots(SCORES)
    axes: Any = figure.axes[0]
    drawn = [line for line in axes.lines if len(line.get_ydata()) == 2]
    np.testing.assert_allclose([line.get_ydata() for line in drawn], [[0.39, 0.39], [0.34, 0.45], [0.41, 0.449]])
    bars = axes.collections[2].get_segments()
    np.testing.assert_allclose([bar[:, 1] for bar in bars], [[0.38, 0.44], [0.419, 0.479]])
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "3"]
    assert len({line.get_color() for line in drawn}) == len({line.get_marker() for line in drawn}) == 3
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    boxes = sorted((text.get_window_extent(renderer) for text in axes.texts), key=lambda box: box.y0)
    assert all(lower.y1 <= upper.y0 for lower, upper in pairwise(boxes))
    assert all(box.x1 <= figure.bbox.x1 for box in boxes)
    assert "MAML 0.410 ± 0.030 at 1, 0.449 ± 0.030 at 3" in figure.alt


@pytest.mark.parametrize(
    "draw",
    [
        lambda: adaptation_steps(X, X, SUPPORT, {}),
        lambda: adaptation_steps(X, X[1:], SUPPORT, {"MAML": [X]}),
        lambda: adaptation_steps(X, X, SUPPORT, {"MAML": [X[1:]]}),
        lambda: scores_by_shots({}),
        lambda: scores_by_shots({"MAML": {}}),
        lambda: scores_by_shots({str(n): {1: (0.1, 0.1)} for n in range(8)}),
        lambda: scores_by_shots({"one": {1: (0.1, 0.1)}, "other": {3: (0.1, 0.1)}}),
    ],
)
def test_what_cannot_be_drawn_is_refused(draw: Any) -> None:
    with pytest.raises(ValueError, match=r"must be|can be drawn"):
        draw()
