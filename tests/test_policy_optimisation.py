"""Lesson 11: laws of the bound and the gate, and what the reference earns with theta hidden."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from torch import Tensor

from autograder.playing import score_of_policy
from benchmarks.simulator_values import Learnt
from metarec.interest import fields
from solutions.policy_optimisation import lower_bound, safe_to_deploy, train_policy


def test_the_bound_falls_as_the_level_rises_and_lies_below_the_mean() -> None:
    values = np.random.default_rng(0).exponential(size=50)
    bounds = [lower_bound(values, level, np.random.default_rng(1)) for level in (0.6, 0.8, 0.95, 0.99)]
    assert values.mean() > bounds[0] > bounds[1] > bounds[2] > bounds[3] > values.min()


def test_of_equal_values_the_bound_is_that_value() -> None:
    assert lower_bound([2.5] * 7, 0.95, np.random.default_rng(0)) == 2.5
    assert lower_bound([3.0], 0.99, np.random.default_rng(0)) == 3.0


def test_the_bound_moves_and_stretches_with_the_values() -> None:
    values = np.random.default_rng(0).normal(size=30)
    plain, moved = (lower_bound(v, 0.9, np.random.default_rng(1)) for v in (values, 3 + 2 * values))
    assert moved == pytest.approx(3 + 2 * plain)


def test_whoever_is_not_surely_better_stays_out() -> None:
    values = np.random.default_rng(0).normal(size=100)
    bound = lower_bound(values, 0.95, np.random.default_rng(1))
    assert safe_to_deploy(values, bound - 1e-9, 0.95, np.random.default_rng(1))
    assert not safe_to_deploy(values, bound, 0.95, np.random.default_rng(1))


class Myopic:
    """The posterior mean of theta, and the likeliest click."""

    def __init__(self, envs: Any) -> None:
        self.belief, self.before, self.shown = Learnt(envs, weight=1), None, torch.empty(0)

    def reset(self, done: Tensor) -> None:
        """Only first sessions are played."""

    def act(self, observations: Tensor) -> Tensor:
        now = fields(observations)
        if self.before is not None:
            self.belief.learn(self.before, self.shown, (now["patience"] >= self.before["patience"]).float())
        self.before, self.shown = now, self.belief.act(now)
        return self.shown


@pytest.mark.slow
@pytest.mark.parametrize("cohort", range(3))
def test_the_reference_scores_above_what_a_myopic_one_does(cohort: int) -> None:
    seeds = {"item_seed": 31_000 + cohort, "seed": 8_000_000 + 10_000 * cohort, "users": 512}
    envs: Any = gym.make_vec(
        "metarec/Interest-v0", 512, "vector_entry_point", observe="history", item_seed=seeds["item_seed"]
    )
    score = score_of_policy(train_policy(envs, 2.0, seed=cohort), **seeds)
    assert score > 0.6
    assert score_of_policy(Myopic(envs), **seeds) < score - 0.15
