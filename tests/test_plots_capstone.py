from typing import Any

import numpy as np
import pytest

from metarec.plots import around_jump, bounds_by_log, score_by_cost, scores


def test_a_score_is_a_dot_in_its_interval_and_the_first_is_on_top() -> None:
    figure = scores({"new users": (0.6, 0.05), "new catalogue": (0.5, 0.1)}, levels={"random": 0.0, "planner": 1.0})
    axes: Any = figure.axes[0]
    lines = [line.get_xdata() for line in axes.lines[2:]]
    np.testing.assert_allclose(np.concatenate(lines), [0.55, 0.65, 0.6, 0.4, 0.6, 0.5])
    low, high = axes.get_ylim()
    assert low > high
    assert [label.get_text() for label in axes.get_yticklabels()] == ["new users", "new catalogue"]
    assert figure.alt == (
        "Score with intervals: new users 0.60 ± 0.05; new catalogue 0.50 ± 0.10. "
        "Lines across: random 0.00, planner 1.00."
    )


def test_a_log_passes_where_its_bound_lies_above_the_baseline() -> None:
    figure = bounds_by_log([(0.5, 0.3), (0.4, 0.1), (0.3, 0.2)], 0.25, limits=(0.0, 1.0))
    axes: Any = figure.axes[0]
    drawn = [line.get_xydata().tolist() for line in axes.lines[1:]]
    assert drawn == [[[1, 0.3]], [[1, 0.5]], [[2, 0.1], [3, 0.2]], [[2, 0.4], [3, 0.3]]]
    assert axes.get_ylim() == pytest.approx((-0.05, 1.05))
    assert [text.get_text() for text in axes.texts] == ["● 1 pass", "× 2 are stopped", "running"]
    assert figure.alt == (
        "3 logs. The estimates lie from 0.300 to 0.500, the lower bounds from 0.100 to 0.300; the running policy is "
        "worth 0.250. 1 pass, 2 are stopped."
    )


def test_costs_are_drawn_by_powers_of_ten_each_curve_named_at_its_end() -> None:
    figure = score_by_cost({"DQN": [(1e3, 0.1, 0.02), (1e5, 0.3, 0.03)], "yours": [(5e4, 0.6, 0.02)]}, xlabel="steps")
    axes = figure.axes[0]
    assert axes.get_xscale() == "log"
    assert [text.get_text() for text in axes.texts] == ["DQN", "yours"]
    assert figure.alt == "Score by steps: DQN 0.10 ± 0.02 at 1e+03, 0.30 ± 0.03 at 1e+05; yours 0.60 ± 0.02 at 5e+04."


def test_the_jump_is_marked_and_told() -> None:
    clicks = np.r_[np.full(50, 0.5), np.full(10, 0.1), np.full(40, 0.4)]
    figure = around_jump({"adaptive": clicks}, 50, window=1)
    marks: Any = figure.axes[0].lines[-1]
    assert marks.get_xdata()[0] == 50
    assert figure.alt.endswith("adaptive 0.50 before, 0.10 just after and 0.40 at the end.")


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one score"):
        scores({}, levels={})
    with pytest.raises(ValueError, match="costs above 0"):
        score_by_cost({"DQN": [(0.0, 0.1, 0.1)]}, xlabel="steps")
    with pytest.raises(ValueError, match=r"\[N, 2\]"):
        bounds_by_log([0.5, 0.4], 0.3, limits=(0, 1))
    with pytest.raises(ValueError, match="from 1 to 5"):
        score_by_cost({}, xlabel="steps")
