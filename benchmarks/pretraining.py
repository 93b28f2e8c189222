"""What the studies of lesson 09 share: logged contexts of bandits, a decision-pretraining, and the test of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from solutions.in_context import InContextPolicy, dpt_loss, sample_action

Rates = NDArray[np.float64]
"""[B, K]: what the arms of each task pay on average"""
Tasks = Callable[[int, np.random.Generator], Rates]


def logged(rates: Rates, pulls: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Actions and rewards [B, pulls] of a crowd of logging policies, none of which sees the rates or learns.

    Each has a taste of its own, from none (any arm) to one favourite, as in the lesson's `pretrain`. A logger that
    learnt from its rewards would be a shortcut: what it pulled most is likely the best, so that a policy first learns
    to do what was done, and then does for ever what it did first.
    """
    tasks, arms = rates.shape
    taste = 4 * rng.random((tasks, 1)) * rng.standard_normal((tasks, arms))
    # the greatest of scores with Gumbel noise is a draw from their softmax
    chosen = (taste[:, None] + rng.gumbel(size=(tasks, pulls, arms))).argmax(axis=2)
    pays = rng.random((tasks, pulls)) < np.take_along_axis(rates, chosen, axis=1)
    return torch.from_numpy(chosen), torch.from_numpy(pays).float()


def uniform(arms: int) -> Tasks:
    """Tasks without end, every rate uniform from 0 to 1."""
    return lambda count, rng: rng.random((count, arms))


def pool(tasks: int, arms: int, seed: int) -> Tasks:
    """As many tasks and no more, drawn again and again."""
    held = np.random.default_rng([seed, tasks, arms]).random((tasks, arms))
    return lambda count, rng: held[rng.integers(tasks, size=count)]


def pretrained(
    sizes: tuple[int, int, int],
    tasks: Tasks,
    *,
    pulls: int,
    updates: int,
    batch: int,
    seed: int,
) -> InContextPolicy:
    """A policy of width, layers and heads after so many updates, each on fresh contexts of `batch` tasks."""
    rng = np.random.default_rng(seed)
    arms = tasks(1, rng).shape[1]
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        policy = InContextPolicy(arms, *sizes)
    # wider networks want smaller steps
    rate = 0.003 * (32 / sizes[0]) ** 0.75
    optimiser = torch.optim.Adam(policy.parameters(), lr=rate)
    for update in range(updates):
        optimiser.param_groups[0]["lr"] = rate * min(1.0, (update + 1) / 50) * (1 - update / updates)
        rates = tasks(batch, rng)
        actions, rewards = logged(rates, pulls, rng)
        loss = dpt_loss(policy(actions, rewards), torch.from_numpy(rates.argmax(axis=1)))
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(policy.parameters(), 1.0)
        optimiser.step()
    return policy


def earned(policy: InContextPolicy, rates: Rates, pulls: int, temperature: float, seed: int) -> Tensor:
    """What the arms pulled pay on average [B, pulls], where the policy acts for itself, with a cache.

    `rates` are [B, K], or [B, pulls, K] where they change from pull to pull.
    """
    generator = torch.Generator().manual_seed(seed)
    pays = torch.as_tensor(rates, dtype=torch.float32)
    drifting = pays if pays.ndim == 3 else pays[:, None].expand(-1, pulls, -1)
    token = torch.zeros(len(pays), 1, policy.n_actions + 1)
    cache: list[tuple[Tensor, Tensor]] = []
    means = torch.zeros(len(pays), pulls)
    with torch.no_grad():
        for t in range(pulls):
            logits, cache = policy.read(token, cache)
            action = sample_action(logits[:, -1], temperature, generator)
            means[:, t] = drifting[:, t].gather(1, action[:, None])[:, 0]
            reward = (torch.rand(len(pays), generator=generator) < means[:, t]).float()
            token = torch.cat([nn.functional.one_hot(action, policy.n_actions).float(), reward[:, None]], dim=1)
            token = token[:, None]
    return means
