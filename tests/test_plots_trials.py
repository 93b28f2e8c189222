from typing import Any

import numpy as np
import pytest

from metarec.plots import earned_by_step, one_trial

RNG = np.random.default_rng(0)


def test_a_curve_is_the_mean_with_its_band_and_its_name_at_the_end() -> None:
    mean, half = RNG.uniform(0.4, 0.8, 10), RNG.uniform(0.01, 0.1, 10)
    figure = earned_by_step({"RL²": (mean, half)}, levels={"any arm": 0.5})
    axes: Any = figure.axes[0]
    np.testing.assert_allclose(axes.lines[1].get_ydata(), mean)
    np.testing.assert_allclose(axes.lines[1].get_xdata(), range(1, 11))
    band = axes.collections[0].get_paths()[0].vertices[:, 1]
    assert (band.min(), band.max()) == pytest.approx(((mean - half).min(), (mean + half).max()))
    assert {text.get_text() for text in axes.texts} == {f"RL² {mean[-1]:.2f}", "any arm 0.50"}
    assert f"RL² from {mean[0]:.2f} to {mean[-1]:.2f} (± {half[-1]:.2f})" in figure.alt
    assert "any arm 0.50" in figure.alt


def test_curves_of_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="from 1 to 5 methods"):
        earned_by_step({})
    with pytest.raises(ValueError, match=r"Gittins: a mean \[T\] and half of its interval"):
        earned_by_step({"Gittins": (np.ones(3), np.ones(4))})


def trial(T: int = 4, K: int = 3) -> tuple[Any, ...]:
    policy = RNG.dirichlet(np.ones(K), T)
    return policy, RNG.uniform(0.1, 0.9, (T, K)), policy.argmax(axis=1), np.arange(T) % 2, RNG.uniform(0, 1, K)


def test_a_cell_is_as_dark_as_its_number_and_each_pull_has_its_dot_or_ring() -> None:
    policy, belief, arms, paid, means = trial()
    figure = one_trial(policy, belief, arms, paid, means)
    for axes, table in zip(figure.axes, (policy, belief), strict=True):
        (cells,) = axes.collections
        middles = [path.get_extents().get_points().mean(axis=0) for path in cells.get_paths()]
        dark = np.array(cells.get_facecolors())[:, 3]
        at = np.array(middles).round().astype(int)
        assert np.corrcoef(dark, table[at[:, 0], at[:, 1]])[0, 1] == pytest.approx(1)
        assert len({*map(tuple, at)}) == table.size
        for line, full in zip(axes.lines, (1, 0), strict=True):
            at = np.flatnonzero(paid == full)
            np.testing.assert_array_equal(line.get_xdata(), at)
            np.testing.assert_array_equal(line.get_ydata(), arms[at])
            assert (line.get_markerfacecolor() == "none") == (full == 0)
    assert [text.get_text() for text in figure.axes[1].texts] == [f"pays {mean:.2f}" for mean in means]


def test_the_alternative_tells_each_pull_and_what_became_of_the_best_arm() -> None:
    policy, belief, arms, paid, means = trial()
    figure = one_trial(policy, belief, arms, paid, means)
    best = int(means.argmax())
    for t in range(4):
        assert f"pull {t + 1} arm {arms[t]} {'paid' if paid[t] else 'nothing'}" in figure.alt
    assert f"at the first pull {policy[0, best]:.2f} and at the last {policy[-1, best]:.2f}" in figure.alt


def test_a_trial_of_other_shapes_is_refused() -> None:
    policy, belief, arms, paid, means = trial()
    with pytest.raises(ValueError, match=r"must be \[T, K\]"):
        one_trial(policy, belief[:, :2], arms, paid, means)
    with pytest.raises(ValueError, match="for 4 pulls of 3 arms"):
        one_trial(policy, belief, arms, paid, means[:2])
