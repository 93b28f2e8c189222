"""What is known to do well on metarec/RandomMDP-v0, on many tasks at once.

An agent keeps counts and sums of what it has seen, plans once before each episode, and then follows its plan, as in
the paper. `play` lets one act.

    random  any action
    greedy  plans in the posterior's mean: transitions Dirichlet(1), mean rewards N(1, 1), rewards of variance 1
    psrl    plans in one draw from the posterior (Strens 2000; Osband et al. 2013)
    beb     plans in the posterior's mean with a bonus of beta / (1 + n) for what was tried n times (Kolter and Ng 2009)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import torch
from torch import Tensor

import metarec  # noqa: F401

Plan = Callable[[Tensor, Tensor, torch.Generator], tuple[Tensor, Tensor]]
"""Of visits [N, S, A, S] and sums of rewards [N, S, A]: the transitions and mean rewards to plan in."""

TUNING = 50_000_000
BETAS = (0.3, 1.0, 2.0, 3.0, 5.0)


def play(plan: Plan | None, episodes: int, tasks: int, seed: int) -> Tensor:
    """What each step of a trial earns on average [T, N]; random where there is no plan.

    Task i is that of `metarec/RandomMDP-v0` reset with `seed + i`.
    """
    envs: Any = gym.make_vec("metarec/RandomMDP-v0", tasks, "vector_entry_point", episodes_per_trial=episodes)
    observation, _ = envs.reset(seed=seed)
    generator = torch.Generator().manual_seed(seed)
    rows, (_, S, A) = torch.arange(tasks), envs.mean_reward.shape
    mean_reward = envs.mean_reward
    visits, sums = torch.zeros(tasks, S, A, S), torch.zeros(tasks, S, A)
    earned = []
    for _ in range(episodes):
        policy = None if plan is None else best_actions(*plan(visits, sums, generator), envs.episode_steps)
        for step in range(envs.episode_steps):
            state = observation.argmax(dim=1)
            drawn = torch.randint(A, (tasks,), generator=generator)
            action = drawn if policy is None else policy[step][rows, state]
            earned.append(mean_reward[rows, state, action])
            observation, reward, *_, info = envs.step(action)
            visits[rows, state, action, info["final_obs"].argmax(dim=1)] += 1
            sums[rows, state, action] += reward
    return torch.stack(earned)


def best_actions(transition: Tensor, mean_reward: Tensor, steps: int) -> list[Tensor]:
    """The best action in each state [N, S], for each step of an episode."""
    values, policy = torch.zeros_like(mean_reward[..., 0]), []
    for _ in range(steps):
        q = mean_reward + (transition @ values[:, None, :, None])[..., 0]
        values, actions = q.max(dim=2)
        policy.insert(0, actions)
    return policy


def posterior(visits: Tensor, sums: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Parameters of the Dirichlet posterior [N, S, A, S], and mean and variance of the rewards' means [N, S, A]."""
    count = visits.sum(dim=3)
    return visits + 1, (1 + sums) / (1 + count), 1 / (1 + count)


def greedy(visits: Tensor, sums: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """The posterior's mean."""
    concentration, mean, _ = posterior(visits, sums)
    return concentration / concentration.sum(dim=3, keepdim=True), mean


def psrl(visits: Tensor, sums: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """A draw from the posterior."""
    concentration, mean, variance = posterior(visits, sums)
    shares = torch._standard_gamma(concentration, generator=generator)
    noise = torch.randn(mean.shape, generator=generator)
    return shares / shares.sum(dim=3, keepdim=True), mean + variance.sqrt() * noise


def beb(beta: float) -> Plan:
    """The posterior's mean with a bonus for what is little known."""

    def plan(visits: Tensor, sums: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        transition, mean = greedy(visits, sums, generator)
        return transition, mean + beta / (1 + visits.sum(dim=3))

    return plan


def tuned_beta(episodes: int, tasks: int = 500) -> float:
    """The bonus that earns most on tasks of its own."""
    return max(BETAS, key=lambda beta: float(play(beb(beta), episodes, tasks, TUNING).sum(dim=0).mean()))


def plans(episodes: int) -> dict[str, Plan | None]:
    """All of them by name, tuned for trials of so many episodes."""
    return {"random": None, "greedy": greedy, "psrl": psrl, "beb": beb(tuned_beta(episodes))}
