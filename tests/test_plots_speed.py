from typing import Any

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from metarec.plots import time_bars, time_growth

TIMES = {"loop": {1024: 0.04, 4096: 0.16}, "all at once": {1024: 80e-6, 4096: 150e-6}}


def test_each_method_is_a_named_line_of_its_times() -> None:
    figure = time_growth(TIMES)
    axes: Any = figure.axes[0]
    assert [list(line.get_ydata()) for line in axes.lines] == [list(seconds.values()) for seconds in TIMES.values()]
    assert {text.get_text() for text in axes.texts} == {"loop 160 ms", "all at once 150 µs"}
    assert "loop from 40 ms at 1,024 to 160 ms at 4,096 users" in figure.alt
    assert axes.get_xscale() == axes.get_yscale() == "log"


def test_the_longest_bars_come_first_and_the_rest_is_one() -> None:
    figure = time_bars({"a": 1.0, "b": 6.0, "c": 2.0, "d": 1.0}, most=2)
    axes: Any = figure.axes[0]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["b", "c", "others"]
    assert [bar.get_width() for bar in axes.patches] == [6, 2, 2]
    assert "b 6 (60%), c 2 (20%), others 2 (20%)" in figure.alt


@pytest.mark.parametrize("wrong", [{}, {str(i): {1: 1.0} for i in range(6)}, {"a": {}}, {"a": {1: 0.0}}])
def test_what_cannot_be_drawn_is_named(wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"methods|times above 0"):
        time_growth(wrong)


@pytest.mark.parametrize("wrong", [{}, {"a": 0.0}, {"a": 1.0, "b": -1.0}])
def test_bars_need_amounts(wrong: Any) -> None:
    with pytest.raises(ValueError, match="not negative"):
        time_bars(wrong)


def test_figures_draw_without_a_warning() -> None:
    for figure in (time_growth(TIMES), time_bars({"a": 1.0, "b": 0.5})):
        FigureCanvasAgg(figure).draw()
