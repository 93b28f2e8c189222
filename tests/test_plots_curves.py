from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from metarec.plots import objective_by_ratio, training_curves
from metarec.plots.curves import COLOURS, STROKES
from metarec.style import Chart


def names(figure: Chart) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def test_a_line_is_the_mean_of_the_seeds_and_the_band_holds_all_of_them() -> None:
    run = np.random.default_rng(0).uniform(1, 9, (3, 20))
    axes: Any = training_curves({"full": run}).axes[0]
    np.testing.assert_allclose(axes.lines[0].get_ydata(), run.mean(axis=0))
    np.testing.assert_allclose(axes.lines[0].get_xdata(), range(1, 21))
    band = axes.collections[0].get_paths()[0].vertices
    assert (band[:, 1].min(), band[:, 1].max()) == pytest.approx((run.min(), run.max()))


def test_a_window_is_the_mean_of_the_last_updates_that_have_a_number() -> None:
    run = [np.nan, np.nan, 2.0, 4.0, np.nan, 9.0]
    axes: Any = training_curves({"full": run}, window=3).axes[0]
    np.testing.assert_allclose(axes.lines[0].get_ydata(), [np.nan, np.nan, 2, 3, 3, 6.5])


def test_every_line_and_level_is_named_at_its_end_and_no_names_overlap() -> None:
    ends = {"full": 5.0, "without clipping": 4.99, "without a value": 0.1}
    for logarithmic in (False, True):
        figure = training_curves(
            {name: np.full((2, 30), value) for name, value in ends.items()},
            levels={"possible at most": 5.01},
            logarithmic=logarithmic,
        )
        assert set(names(figure)) == {
            "full 5.00",
            "without clipping 4.99",
            "without a value 0.10",
            "possible at most 5.01",
        }
        renderer = FigureCanvasAgg(figure).get_renderer()
        figure.draw(renderer)
        boxes = sorted((text.get_window_extent(renderer) for text in figure.axes[0].texts), key=lambda box: box.y0)
        assert all(lower.y1 <= upper.y0 for lower, upper in pairwise(boxes))
        assert all(0 <= box.x0 < box.x1 <= figure.bbox.x1 for box in boxes)


def test_lines_differ_by_stroke_as_well_as_by_colour() -> None:
    axes: Any = training_curves({name: [1.0, 2.0] for name in "abcde"}).axes[0]
    assert len({line.get_color() for line in axes.lines}) == len({str(stroke) for stroke in STROKES}) == len(COLOURS)


def test_a_logarithmic_axis_leaves_out_what_is_not_above_zero() -> None:
    axes: Any = training_curves({"q": [-1.0, 0.0, 10.0, 1000.0]}, logarithmic=True).axes[0]
    assert axes.get_yscale() == "log"
    np.testing.assert_allclose(axes.lines[0].get_ydata(), [np.nan, np.nan, 10, 1000])


def test_methods_may_be_of_different_lengths() -> None:
    figure = training_curves({"short": [1.0] * 5, "long": [2.0] * 50})
    assert figure.axes[0].get_xlim() == (0, 50)


def test_the_text_says_what_the_figure_shows() -> None:
    figure = training_curves(
        {"full": [[1.0, 20.0], [3.0, 24.0]], "without clipping": [5.0, 2.0]}, levels={"random": 7.7}, ylabel="clicks"
    )
    assert figure.alt == (
        "Clicks by update, for 2 methods: full ends at 22.0 (seeds from 20.0 to 24.0), its highest mean 22.0; "
        "without clipping ends at 2.00, its highest mean 5.00. Line across: random 7.70."
    )
    assert figure._repr_mimebundle_()[1]["image/png"]["alt"] == figure.alt


@pytest.mark.parametrize(
    ("curves", "window", "said"),
    [
        ({}, 1, "from 1 to 5 methods"),
        ({str(k): [1.0] for k in range(6)}, 1, "from 1 to 5 methods"),
        ({"full": np.zeros((2, 2, 2))}, 1, "full: a curve is"),
        ({"full": [np.nan]}, 1, "with a number in it"),
        ({"full": [1.0]}, 2, "window must be"),
        ({"full": [1.0]}, 0, "window must be"),
    ],
)
def test_what_cannot_be_drawn_is_refused(curves: Any, window: int, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        training_curves(curves, window=window)


def test_an_objective_is_drawn_as_given_between_the_ends_of_the_clip() -> None:
    ratio = np.linspace(0.5, 1.5, 11)
    figure = objective_by_ratio(ratio, {"well": np.minimum(ratio, 1.2), "badly": -np.maximum(ratio, 0.8)}, clip=0.2)
    well, badly = figure.axes
    drawn: Any = well.lines[2]
    np.testing.assert_allclose(drawn.get_ydata(), np.minimum(ratio, 1.2))
    ends: Any = badly.lines[:2]
    assert [line.get_xdata()[0] for line in ends] == pytest.approx([0.8, 1.2])
    assert "well: flat from 1.20 to 1.40; badly: flat from 0.50 to 0.70" in figure.alt


@pytest.mark.parametrize(
    ("ratio", "objectives"),
    [([1.0, 2.0], {}), ([2.0, 1.0], {"a": [0, 0]}), ([0, 1], {"a": [0, 0]}), ([1, 2], {"a": [1]})],
)
def test_an_objective_of_nothing_is_refused(ratio: Any, objectives: Any) -> None:
    with pytest.raises(ValueError, match=r"ratio"):
        objective_by_ratio(ratio, objectives, clip=0.2)
