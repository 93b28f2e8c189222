"""The recommender of lesson 04 in use: what it does with items that came after its training."""

import math
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from torch import Tensor

import metarec  # noqa: F401
from solutions.dqn import QNetwork, double_dqn_target, dqn_target, train_dqn

KNOWN, ALL, USERS = 500, 1000, 512


def make(users: int, **settings: Any) -> Any:
    return gym.make_vec("metarec/Interest-v0", num_envs=users, vectorization_mode="vector_entry_point", **settings)


@pytest.fixture(scope="module")
def network() -> QNetwork:
    """Trained on the first 500 items alone, for a third of the time that the exercise gives."""
    return train_dqn(make(1024), 350, seed=3)


@torch.no_grad()
def clicks(network: QNetwork | None, offered: Tensor, seed: int = 41_000) -> float:
    """Clicks per session where the items `offered` are shown: greedily, or at random without a network."""
    envs = make(USERS, n_items=ALL)
    observation, _ = envs.reset(seed=seed)
    total, watching = torch.zeros(USERS), torch.ones(USERS, dtype=torch.bool)
    generator = torch.Generator().manual_seed(seed)
    for _ in range(100):
        if network is None:
            chosen = torch.randint(len(offered), (USERS,), generator=generator)
        else:
            chosen = network(observation, envs.item_features[offered]).argmax(dim=1)
        observation, reward, terminated, truncated, _ = envs.step(offered[chosen])
        total += reward * watching
        watching &= ~(terminated | truncated)
    return float(total.mean())


@pytest.mark.parametrize("flags", [torch.bool, torch.float32, torch.int64])
def test_a_terminated_step_s_target_is_its_reward_whatever_its_next_values_are(flags: torch.dtype) -> None:
    rewards, terminated = torch.tensor([1.0, 2.0]), torch.tensor([True, False])
    after = torch.tensor([[math.inf, 0.0], [3.0, 4.0]])
    assert dqn_target(rewards, after, terminated.to(flags), 0.5).tolist() == [1.0, 4.0]
    assert double_dqn_target(rewards, -after, after, terminated.to(flags), 0.5).tolist() == [1.0, 3.5]


@pytest.mark.slow
def test_items_unseen_in_training_are_recommended_as_well_as_those_seen(network: QNetwork) -> None:
    seen, unseen = clicks(network, torch.arange(KNOWN)), clicks(network, torch.arange(KNOWN, ALL))
    by_chance = clicks(None, torch.arange(KNOWN, ALL))
    assert seen > 4 * by_chance
    assert unseen > 0.9 * seen


@pytest.mark.slow
def test_a_new_item_takes_its_place_among_the_old(network: QNetwork) -> None:
    """The oracle is the click probability, which the network has never seen: of new items it shows the likely ones."""
    envs = make(USERS, n_items=ALL)
    observation, _ = envs.reset(seed=7)
    with torch.no_grad():
        values = network(observation, envs.item_features)
    assert torch.allclose(values[:, :KNOWN], network(observation, envs.item_features[:KNOWN]), atol=1e-4)
    interest = observation[:, 38:] @ envs.item_vectors.T
    shown = values.argmax(dim=1)
    newcomers = shown >= KNOWN
    assert 0.3 < newcomers.float().mean() < 0.7
    better_than = (interest < interest.gather(1, shown[:, None])).float().mean(dim=1)
    assert better_than[newcomers].mean() > 0.9


def test_a_network_outlives_its_catalogue() -> None:
    """Values belong to features: a catalogue that is cut, extended or shuffled takes its values along."""
    rng = np.random.default_rng(0)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = QNetwork(54, 36, 64)
    envs = make(5, n_items=60)
    observation, _ = envs.reset(seed=1)
    with torch.no_grad():
        values = network(observation, envs.item_features)
        order = torch.as_tensor(rng.permutation(60)[:40])
        torch.testing.assert_close(network(observation, envs.item_features[order]), values[:, order])
