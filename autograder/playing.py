"""A learnt network acts in the grader's own environment."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import torch
from torch import Tensor

from autograder.proxy import derived, greedy


def clicks_per_session(network: Any, users: int, seed: int) -> Any:
    """Mean clicks in the first session of so many users of Interest-v0, each shown the best item by the scores.

    `network(observation[B, n], items[K, D])` gives scores [B, K], alone or as the first of several. A Fault where it
    cannot act.
    """
    envs: Any = gymnasium.make_vec("metarec/Interest-v0", users, "vector_entry_point")
    observation, _ = envs.reset(seed=seed)
    clicks, going_on = torch.zeros(users), torch.ones(users, dtype=torch.bool)
    while going_on.any():
        outcome = derived(
            lambda chosen: envs.step(_items(chosen, users)), greedy(network, observation, envs.item_features)
        )
        if not isinstance(outcome, tuple):
            return outcome
        observation, reward, terminated, truncated, _ = outcome
        clicks += reward * going_on
        going_on &= ~(terminated | truncated)
    return float(clicks.mean())


def _items(chosen: Any, users: int) -> Tensor:
    found = torch.as_tensor(np.asarray(chosen))
    if found.shape != (users,):
        raise ValueError(f"one score for each of {users} users and each item was expected")
    return found
