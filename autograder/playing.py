"""A learnt network or policy acts in the grader's own environment."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import torch
from torch import Tensor

from autograder.beside import Fault
from autograder.proxy import derived, greedy
from metarec.interest import PARAMS, fields


def clicks_per_session(network: Any, users: int, seed: int) -> Any:
    """Mean clicks in the first session of so many users of Interest-v0, each shown the best item by the scores.

    `network(observation[B, n], items[K, D])` gives scores [B, K], alone or as the first of several. A Fault where it
    cannot act.
    """
    envs: Any = gymnasium.make_vec("metarec/Interest-v0", users, "vector_entry_point")
    return _clicks(envs, seed, lambda seen: greedy(network, seen, envs.item_features), lambda done: None)


def _items(chosen: Any, users: int) -> Tensor:
    found = torch.as_tensor(np.asarray(chosen))
    if found.shape != (users,):
        raise ValueError(f"an item for each of {users} users was expected")
    return found


def score_of_policy(policy: Any, *, item_seed: int, seed: int, users: int) -> Any:
    """Where a policy stands between the random one (0) and a planner that sees theta (1), in clicks of the same users.

    `policy.act(observations[B, n])` gives items [B] with theta hidden, `policy.reset(done[B])` tells whose session has
    ended. Users and catalogue are those of the seeds. A Fault where it cannot act.
    """
    envs: Any = gymnasium.make_vec(
        "metarec/Interest-v0", users, "vector_entry_point", observe="history", item_seed=item_seed
    )
    told = policy.reset(torch.ones(users, dtype=torch.bool))
    earned = told if isinstance(told, Fault) else _clicks(envs, seed, policy.act, policy.reset)
    low, high = yardsticks(item_seed, seed, users)
    return derived(lambda clicks: (clicks - low) / (high - low), earned)


@functools.lru_cache(maxsize=64)
def yardsticks(item_seed: int, seed: int, users: int) -> tuple[float, float]:
    """Clicks per session of the random policy and of the planner that sees theta, on these users."""
    envs: Any = gymnasium.make_vec("metarec/Interest-v0", users, "vector_entry_point", item_seed=item_seed)
    generator = torch.Generator().manual_seed(seed)

    def anything(observation: Tensor) -> Tensor:
        return torch.randint(len(envs.topics), (len(observation),), generator=generator)

    def planned(observation: Tensor) -> Tensor:
        parts = fields(observation)
        liking = PARAMS.alpha * (parts["theta"] + parts["drift"]) @ envs.item_vectors.T
        # satiation weighed fourfold, and what has not recovered spared: that is as far as plain planning gets
        burden = 4 * PARAMS.beta * parts["satiation"] + 2 * (parts["satiation"] > 0)
        return (liking - burden[:, envs.topics]).argmax(dim=1)

    low, high = (_clicks(envs, seed, act, lambda done: None) for act in (anything, planned))
    return low, high


def _clicks(envs: Any, seed: int, act: Callable[[Tensor], Any], reset: Callable[[Tensor], Any]) -> Any:
    """Mean clicks in the first session of each user; a Fault where one comes of acting or being reset."""
    users = envs.num_envs
    observation, _ = envs.reset(seed=seed)
    clicks, going_on = torch.zeros(users), torch.ones(users, dtype=torch.bool)
    while going_on.any():
        outcome = derived(lambda chosen: envs.step(_items(chosen, users)), act(observation))
        if not isinstance(outcome, tuple):
            return outcome
        observation, reward, terminated, truncated, _ = outcome
        told = reset(terminated | truncated)
        if isinstance(told, Fault):
            return told
        clicks += reward * going_on
        going_on &= ~(terminated | truncated)
    return float(clicks.mean())
