"""Lesson 08: laws of the networks, and what is known of the tasks that they are set beside."""

import itertools
from functools import cache
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

import metarec  # noqa: F401
from benchmarks import bandit_baselines
from solutions.rl2 import RecurrentActorCritic, carry_hidden, rl2_input, train_rl2


def made(*sizes: int) -> RecurrentActorCritic:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return RecurrentActorCritic(*sizes)


def test_users_permuted_are_answers_permuted_over_a_whole_trial() -> None:
    network, order = made(6, 3, 8), torch.tensor([2, 0, 3, 1])
    draw = torch.Generator().manual_seed(0)
    observation, reward = torch.randn(5, 4, 1, generator=draw), torch.randn(5, 4, generator=draw)
    action = torch.randint(3, (5, 4), generator=draw)
    over = torch.rand(5, 4, generator=draw) < 0.3

    def answers(users: torch.Tensor) -> list[torch.Tensor]:
        hidden, seen = torch.zeros(4, 8), []
        for t in range(5):
            inputs = rl2_input(observation[t, users], action[t, users], reward[t, users], over[t, users], 3)
            logits, value, hidden = network(inputs, hidden)
            seen += [logits, value, hidden]
            hidden = carry_hidden(hidden, over[t, users], over[t, users])
        return seen

    for moved, usual in zip(answers(order), answers(torch.arange(4)), strict=True):
        torch.testing.assert_close(moved, usual[order])


def test_training_leaves_torch_s_own_generator_alone() -> None:
    envs: Any = gym.make_vec("metarec/Doors-v0", 8, "vector_entry_point")
    state = torch.get_rng_state()
    train_rl2(envs, 1, seed=1)
    assert torch.equal(torch.get_rng_state(), state)


def test_where_no_trial_is_announced_each_episode_is_one() -> None:
    envs: Any = gym.make_vec("metarec/Bandit-v0", 8, "vector_entry_point", n_pulls=3)
    assert "trial_ended" not in envs.step(torch.zeros(8, dtype=torch.int64))[4] if envs.reset(seed=0) else True
    inputs = []

    def noted(network: RecurrentActorCritic, arguments: tuple[torch.Tensor, ...]) -> None:
        inputs.append(arguments)

    handle = torch.nn.modules.module.register_module_forward_pre_hook(
        lambda module, arguments: noted(module, arguments) if isinstance(module, RecurrentActorCritic) else None
    )
    try:
        train_rl2(envs, 1, seed=0)
    finally:
        handle.remove()
    for t in (0, 3, 6):
        seen, hidden = inputs[t]
        assert not hidden.any()
        assert seen.tolist() == [[0, 0, 0, 0, 0, 0, 0, 1]] * 8
    assert inputs[4][1].any(dim=1).all()


# Gittins, Glazebrook and Weber 2011, "Multi-armed bandit allocation indices", table 8.2: discount 0.9, Beta(1, 1)
PUBLISHED = 0.7029


def test_gittins_indices_are_the_published_ones() -> None:
    indices = bandit_baselines.gittins_indices(60, gamma=0.9, prices=101)
    assert float(indices[60][0, 0]) == pytest.approx(PUBLISHED, abs=5e-4)


def test_gittins_indices_with_few_pulls_left_are_known_by_hand() -> None:
    one, two = bandit_baselines.gittins_indices(2)[1], bandit_baselines.gittins_indices(2)[2]
    # with one pull left the index is the mean; with two 1/2 − p + (2/3 − p)/2 = 0, since one goes on after a win alone
    np.testing.assert_allclose(one, [[1 / 2, 1 / 3], [2 / 3, 1 / 2]], atol=1e-6)
    assert float(two[0, 0]) == pytest.approx(5 / 9, abs=1e-5)


def best_possible(n_arms: int, n_pulls: int) -> float:
    """What the Bayes-optimal policy earns, by dynamic programming over all that can be seen."""

    @cache
    def worth(seen: tuple[tuple[int, int], ...], left: int) -> float:
        if left == 0:
            return 0.0
        values = []
        for arm, (wins, losses) in enumerate(seen):
            mean = (1 + wins) / (2 + wins + losses)
            won, lost = ((*seen[:arm], pair, *seen[arm + 1 :]) for pair in ((wins + 1, losses), (wins, losses + 1)))
            values.append(mean * (1 + worth(won, left - 1)) + (1 - mean) * worth(lost, left - 1))
        return max(values)

    return worth(((0, 0),) * n_arms, n_pulls)


@pytest.mark.parametrize(("n_arms", "n_pulls"), [(2, 3), (2, 8), (3, 6)])
def test_gittins_earns_what_the_best_policy_earns_and_nobody_more(n_arms: int, n_pulls: int) -> None:
    best = best_possible(n_arms, n_pulls)
    earned = {
        name: bandit_baselines.play(policy, n_arms, n_pulls, 20_000, seed=5).sum(dim=0)
        for name, policy in {
            "gittins": bandit_baselines.gittins(n_pulls),
            "thompson": bandit_baselines.thompson,
            "greedy": bandit_baselines.greedy,
            "random": bandit_baselines.random,
        }.items()
    }
    for name, values in earned.items():
        error = float(values.std()) / 20_000**0.5
        assert float(values.mean()) < best + 4 * error, name
        if name == "gittins":
            assert float(values.mean()) > best - 4 * error - 0.01
        if name == "random":
            assert float(values.mean()) == pytest.approx(n_pulls / 2, abs=4 * error)


def test_each_baseline_pulls_one_arm_and_looks_at_the_counts() -> None:
    generator = torch.Generator().manual_seed(0)
    wins = torch.tensor([[9.0, 0.0, 0.0], [0.0, 0.0, 9.0]])
    losses = torch.tensor([[0.0, 9.0, 9.0], [9.0, 9.0, 0.0]])
    policies = [bandit_baselines.gittins(20), bandit_baselines.thompson, bandit_baselines.optimistic_thompson]
    policies += [bandit_baselines.ucb1(0.2), bandit_baselines.epsilon_greedy(0.0), bandit_baselines.greedy]
    for policy, _ in itertools.product(policies, range(5)):
        assert policy(wins, losses, 2, generator).tolist() == [0, 2]
