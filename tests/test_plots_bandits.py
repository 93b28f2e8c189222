"""The figures of lesson 02: what they draw, what they say of it in words, and what they refuse."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from metarec.plots import beliefs, estimate_intervals, regret_curves
from metarec.style import BLUE, GREEN, Chart

PANELS: Any = {
    "men": {"on-policy": (0.0069, 0.0053, 0.0087), "IPS": (0.0057, 0.0032, 0.0086)},
    "women": {"on-policy": (0.0046, 0.0033, 0.0059), "IPS": (0.0058, 0.0037, 0.0082)},
}


def runs(seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {"greedy": rng.random((11, 50)).cumsum(axis=1), "Thompson": rng.random((7, 50)).cumsum(axis=1) / 9}


@pytest.fixture(params=["regret", "beliefs", "intervals"])
def figure(request: pytest.FixtureRequest) -> Chart:
    if request.param == "regret":
        return regret_curves(runs())
    if request.param == "beliefs":
        return beliefs({"after 9": ([3, 0], [5, 1]), "after 99": ([30, 9], [30, 30])}, [0.4, 0.2])
    return estimate_intervals(PANELS, reference="on-policy", truth={"men": 0.006, "women": 0.005})


def test_every_figure_says_in_words_what_it_shows_and_keeps_its_texts_inside(figure: Chart) -> None:
    data, metadata = figure._repr_mimebundle_()
    assert metadata["image/png"]["alt"] == figure.alt == data["text/plain"]
    assert len(figure.alt) > 100
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    for axes in figure.axes:
        for text in axes.texts:
            box = text.get_window_extent(renderer)
            assert box.x0 >= 0, text.get_text()
            assert box.x1 <= figure.bbox.x1, text.get_text()


def test_regret_is_the_mean_over_seeds_in_a_band_of_their_quantiles() -> None:
    regret = runs()
    figure = regret_curves(regret, spread=0.6)
    axes: Any = figure.axes[0]
    for line, band, values in zip(axes.lines, axes.collections, regret.values(), strict=True):
        np.testing.assert_allclose(line.get_xdata(), range(1, 51))
        np.testing.assert_allclose(line.get_ydata(), values.sum(axis=0) / len(values))
        drawn = band.get_paths()[0].vertices
        at_end = np.sort(drawn[drawn[:, 0] == 50, 1])
        ranked = np.sort(values[:, -1])
        # at 20 % and 80 % of eleven seeds lie the third and the ninth: no interpolation
        if len(values) == 11:
            np.testing.assert_allclose([at_end[0], at_end[-1]], [ranked[2], ranked[8]])
    greedy = regret["greedy"]
    assert f"greedy {greedy[:, 24].mean():.1f} half-way and {greedy[:, -1].mean():.1f} at the end" in figure.alt
    assert "holds 60% of them" in figure.alt


def test_the_names_at_the_lines_ends_do_not_overlap() -> None:
    values = runs()["greedy"]
    figure = regret_curves({"one": values, "two": values + 0.01, "three": values + 0.02})
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    boxes = sorted((text.get_window_extent(renderer) for text in figure.axes[0].texts), key=lambda box: box.y0)
    assert len(boxes) == 3
    assert all(lower.y1 <= upper.y0 for lower, upper in pairwise(boxes))


def test_a_belief_is_a_density_with_its_peak_where_the_clicks_say() -> None:
    figure = beliefs({"now": ([30, 2], [10, 6])}, [0.7, 0.3])
    axes: Any = figure.axes[0]
    curves = [line for line in axes.lines if len(line.get_xdata()) > 1]
    for curve, peak in zip(curves, (30 / 40, 2 / 8), strict=True):
        x, y = curve.get_data()
        assert np.trapezoid(y, x) == pytest.approx(1, abs=1e-3)
        assert x[np.argmax(y)] == pytest.approx(peak, abs=2e-3)
    marks = [float(line.get_xdata()[0]) for line in axes.lines if len(line.get_xdata()) == 1]
    assert marks == [0.7, 0.3]
    assert "A 0.74 from 40 pulls, B 0.30 from 8 pulls" in figure.alt


def test_an_interval_runs_from_its_lower_to_its_upper_end_and_the_reference_is_shaded() -> None:
    figure = estimate_intervals(PANELS, reference="on-policy")
    for axes, panel in zip(figure.axes, PANELS.values(), strict=True):
        bars = [line for line in axes.lines if len(line.get_xdata()) == 2]
        for row, (bar, (name, (_, low, high))) in enumerate(zip(bars, panel.items(), strict=True)):
            np.testing.assert_allclose(bar.get_xdata(), [1000 * low, 1000 * high])
            assert list(bar.get_ydata()) == [row, row]
            assert bar.get_color() == (GREEN if name == "on-policy" else BLUE)
        (shade,) = axes.patches
        _, low, high = panel["on-policy"]
        box = shade.get_extents().transformed(axes.transData.inverted())
        np.testing.assert_allclose([box.x0, box.x1], [1000 * low, 1000 * high])
        assert [text.get_text() for text in axes.texts] == [f"{1000 * value:.2f}" for value, _, _ in panel.values()]
    assert "women: on-policy 4.60 (3.30 to 5.90), IPS 5.80 (3.70 to 8.20)" in figure.alt


def test_the_truth_is_a_line_in_its_panel() -> None:
    figure = estimate_intervals(PANELS, truth={"men": 0.006, "women": 0.005}, scale=1, unit="clicks per row")
    assert [axes.lines[0].get_xdata()[0] for axes in figure.axes] == [0.006, 0.005]
    assert all(not axes.patches for axes in figure.axes)
    assert figure._supxlabel is not None
    assert "clicks per row" in figure.alt


@pytest.mark.parametrize(
    "draw",
    [
        lambda: regret_curves({}),
        lambda: regret_curves({str(k): np.ones((2, 3)) for k in range(7)}),
        lambda: regret_curves({"one": np.ones(3)}),
        lambda: regret_curves({"one": np.ones((2, 3)), "two": np.ones((2, 4))}),
        lambda: regret_curves({"one": np.ones((0, 3))}),
        lambda: beliefs({}, [0.5]),
        lambda: beliefs({"now": ([1, 2], [1, 2])}, [0.5]),
        lambda: beliefs({"now": ([1] * 7, [1] * 7)}, [0.5] * 7),
        lambda: estimate_intervals({}),
        lambda: estimate_intervals({"men": {}}),
        lambda: estimate_intervals({"men": PANELS["men"], "women": {"IPS": (1, 0, 2)}}),
        lambda: estimate_intervals(PANELS, reference="oracle"),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_what_was_given(draw: Any) -> None:
    with pytest.raises(ValueError, match=r"must be|can be drawn|must have|is none of"):
        draw()
