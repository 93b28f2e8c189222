"""What lesson 08 keeps: policies that play as their record says, and that can be trained again from nothing."""

import math
from typing import Any

import gymnasium as gym
import pytest
import torch

import metarec  # noqa: F401
from benchmarks import mdp_baselines, rl2, rl2_interest, rl2_training, simulator_values
from benchmarks.rl2_recipes import RECIPES
from metarec import recurrent, shipped

FIGURES = shipped.record("rl2")["figures"]
TASKS = 500


def test_every_setting_has_its_policy_and_its_figures() -> None:
    for name in RECIPES:
        assert FIGURES[f"{name}_interval"] > 0
        assert shipped.weights(f"rl2_{name}")
    for file in shipped.KEPT.glob("rl2*"):
        assert file.stat().st_size < 300_000, file


@pytest.mark.parametrize("name", ["bandit_n10_k5", "bandit_n10_k50"])
def test_a_kept_policy_earns_what_the_record_says(name: str) -> None:
    earned = rl2.judged(RECIPES[name], shipped.weights(f"rl2_{name}")).sum(dim=0)
    apart = 3 * FIGURES.get(f"{name}_seeds_sd", 0.0) + 0.01  # the record is the mean of several seeds
    assert float(earned.mean()) == pytest.approx(FIGURES[name], abs=apart)


def test_a_step_at_a_time_a_policy_says_what_it_says_of_a_whole_trial() -> None:
    policy = recurrent.bandit_policy(10, 5)
    inputs = torch.randn(6, 3, 8, generator=torch.Generator().manual_seed(0))
    state, whole = torch.zeros(3, policy.hidden), policy.unroll(inputs, torch.zeros(3, policy.hidden))
    for t in range(6):
        logits, value, state = policy(inputs[t], state)
        torch.testing.assert_close(state, whole[t])
        torch.testing.assert_close(logits, policy.actor(whole[t]))
        assert value.shape == (3,)


def test_the_kept_recommender_earns_what_the_record_says() -> None:
    envs = simulator_values.make(TASKS)
    clicks = simulator_values.play(envs, rl2_interest.Recurrent(recurrent.recommender(), envs), 77_000)
    wanted = shipped.record("rl2_interest")["figures"]["rl2"]
    assert float(clicks.mean()) == pytest.approx(wanted, abs=4 * float(clicks.std()) / math.sqrt(TASKS))


def test_a_new_item_is_scored_as_its_features_say_and_a_user_by_their_own_row() -> None:
    policy, envs = recurrent.recommender(), simulator_values.make(4)
    observation = envs.reset(seed=0)[0][:, :38]
    items, last = envs.item_features, torch.tensor([-1, 3, 7, 3])
    click, begins = torch.tensor([0.0, 1.0, 0.0, 0.0]), torch.tensor([True, False, False, False])
    inputs = recurrent.recommender_input(observation, last, click, begins, items)
    state = torch.randn(4, policy.hidden, generator=torch.Generator().manual_seed(0))
    logits, after = policy(inputs, state, items)
    more, _ = policy(inputs, state, torch.cat([items, items[7:8]]))
    torch.testing.assert_close(more[:, 500], logits[:, 7])
    one, one_after = policy(inputs[2:3], state[2:3], items)
    torch.testing.assert_close(one, logits[2:3])
    torch.testing.assert_close(one_after, after[2:3])
    assert not inputs[0, :72].any()
    assert inputs[1, :36].any()
    assert not inputs[1, 36:72].any()
    assert not inputs[2, :36].any()


def test_optimal_values_are_those_of_the_best_plan_and_a_bonus_of_none_is_greedy() -> None:
    envs: Any = gym.make_vec("metarec/RandomMDP-v0", TASKS, "vector_entry_point", episodes_per_trial=1)
    envs.reset(seed=9)
    best = rl2_training.optimal_values(envs.transition, envs.mean_reward, 10)[10][:, 0]
    known = (envs.transition, envs.mean_reward)
    earned = mdp_baselines.play(lambda *_: known, 1, TASKS, seed=9).sum(dim=0)
    assert abs(float((earned - best).mean())) < 4 * float((earned - best).std()) / math.sqrt(TASKS)
    visits, sums = torch.ones(2, 3, 2, 3), torch.zeros(2, 3, 2)
    generator = torch.Generator()
    for ours, theirs in zip(
        mdp_baselines.beb(0.0)(visits, sums, generator), mdp_baselines.greedy(visits, sums, generator), strict=True
    ):
        torch.testing.assert_close(ours, theirs)


def test_psrl_draws_from_the_posterior() -> None:
    visits, sums = torch.zeros(20_000, 1, 1, 2), torch.full((20_000, 1, 1), 6.0)
    visits[..., 0] = 3
    transition, mean = mdp_baselines.psrl(visits, sums, torch.Generator().manual_seed(0))
    # Beta(4, 1) has mean 4/5; after three rewards that sum to 6 the mean is N((1 + 6) / 4, 1/4)
    assert float(transition[..., 0].mean()) == pytest.approx(4 / 5, abs=0.01)
    assert float(mean.mean()) == pytest.approx(7 / 4, abs=0.02)
    assert float(mean.std()) == pytest.approx(1 / 2, abs=0.02)


@pytest.mark.slow
def test_the_smallest_can_be_trained_again_from_nothing() -> None:
    setting = RECIPES["bandit_n10_k5"]
    policy = rl2_training.train(setting.recipe, seed=1)
    earned = rl2.judged(setting, policy.state_dict()).sum(dim=0).mean()
    assert float(earned) > FIGURES["bandit_n10_k5"] - 0.05
