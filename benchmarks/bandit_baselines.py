"""What is known to do well on Bernoulli bandits whose means are uniform, on many tasks of metarec/Bandit-v0 at once.

A policy is a function of what has been seen, `policy(wins[N, K], losses[N, K], left, generator) -> arms[N]`, where
`left` is the number of pulls still to come, this one among them. `play` lets one act. All begin with the prior
Beta(1, 1) of each arm, that is as if each had won once and lost once; so nobody has to try every arm first, which
with 50 arms and 10 pulls nobody could.

    random              any arm
    gittins             the arm of greatest finite-horizon Gittins index (`gittins_indices`)
    thompson            the arm of greatest draw from the posteriors
    optimistic_thompson the same, no draw below the posterior's mean (May et al. 2012, "Optimistic Bayesian sampling")
    ucb1                posterior mean + c·sqrt(ln(pulls + 2) / (pulls of this arm + 2)) (after Auer et al. 2002)
    epsilon_greedy      with probability epsilon any arm, else the greatest posterior mean
    greedy              the greatest posterior mean

Ties are broken at random. `tuned` chooses c and epsilon by what they earn on tasks of their own.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import torch
from torch import Tensor

import metarec  # noqa: F401

Policy = Callable[[Tensor, Tensor, int, torch.Generator], Tensor]

TUNING = 50_000_000
"""The seed of the tasks that parameters are chosen on."""
WIDTHS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0)
EPSILONS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3)


def play(policy: Policy, n_arms: int, n_pulls: int, tasks: int, seed: int) -> Tensor:
    """The mean of the arm pulled at each pull [n_pulls, tasks]: what it earns on average, free of the pull's own luck.

    Task i is that of `metarec/Bandit-v0` reset with `seed + i`.
    """
    envs: Any = gym.make_vec(
        "metarec/Bandit-v0", tasks, "vector_entry_point", n_arms=n_arms, n_pulls=n_pulls, autoreset_mode="NextStep"
    )
    envs.reset(seed=seed)
    generator = torch.Generator().manual_seed(seed)
    wins, losses = torch.zeros(tasks, n_arms), torch.zeros(tasks, n_arms)
    earned = torch.empty(n_pulls, tasks)
    for pull in range(n_pulls):
        arms = policy(wins, losses, n_pulls - pull, generator)[:, None]
        earned[pull] = envs.means.gather(1, arms)[:, 0]
        _, reward, *_ = envs.step(arms[:, 0])
        wins.scatter_add_(1, arms, reward[:, None])
        losses.scatter_add_(1, arms, 1 - reward[:, None])
    return earned


def best(scores: Tensor, generator: torch.Generator) -> Tensor:
    """The greatest of each row [N], ties broken at random."""
    ties = scores == scores.amax(dim=1, keepdim=True)
    return (ties * torch.rand(scores.shape, generator=generator)).argmax(dim=1)


def posterior_mean(wins: Tensor, losses: Tensor) -> Tensor:
    """The mean of Beta(1 + wins, 1 + losses)."""
    return (1 + wins) / (2 + wins + losses)


def posterior_draw(wins: Tensor, losses: Tensor, generator: torch.Generator) -> Tensor:
    """A draw from Beta(1 + wins, 1 + losses)."""
    # torch's own Beta takes no generator; a ratio of gamma draws is a beta draw
    first, second = (torch._standard_gamma(1 + count, generator=generator) for count in (wins, losses))
    return first / (first + second)


def random(wins: Tensor, losses: Tensor, left: int, generator: torch.Generator) -> Tensor:
    """Any arm."""
    return torch.randint(wins.shape[1], (len(wins),), generator=generator)


def greedy(wins: Tensor, losses: Tensor, left: int, generator: torch.Generator) -> Tensor:
    """The greatest posterior mean."""
    return best(posterior_mean(wins, losses), generator)


def epsilon_greedy(epsilon: float) -> Policy:
    """Greedy, but for a share epsilon of pulls."""

    def policy(wins: Tensor, losses: Tensor, left: int, generator: torch.Generator) -> Tensor:
        explores = torch.rand(len(wins), generator=generator) < epsilon
        return torch.where(explores, random(wins, losses, left, generator), greedy(wins, losses, left, generator))

    return policy


def thompson(wins: Tensor, losses: Tensor, left: int, generator: torch.Generator) -> Tensor:
    """The greatest draw."""
    return posterior_draw(wins, losses, generator).argmax(dim=1)


def optimistic_thompson(wins: Tensor, losses: Tensor, left: int, generator: torch.Generator) -> Tensor:
    """The greatest draw, none below its mean."""
    return best(torch.maximum(posterior_draw(wins, losses, generator), posterior_mean(wins, losses)), generator)


def ucb1(width: float) -> Policy:
    """The greatest upper bound."""

    def policy(wins: Tensor, losses: Tensor, left: int, generator: torch.Generator) -> Tensor:
        pulls = wins + losses
        so_far = pulls.sum(dim=1, keepdim=True) + 2
        return best(posterior_mean(wins, losses) + width * (so_far.log() / (pulls + 2)).sqrt(), generator)

    return policy


def gittins(n_pulls: int) -> Policy:
    """The greatest index for as many pulls as are left."""
    table = gittins_indices(n_pulls)

    def policy(wins: Tensor, losses: Tensor, left: int, generator: torch.Generator) -> Tensor:
        return best(table[left][wins.long(), losses.long()], generator)

    return policy


@functools.cache
def gittins_indices(n_pulls: int, gamma: float = 1.0, prices: int = 501) -> list[Tensor]:
    """Gittins indices of an arm with prior Beta(1, 1), by pulls left, then wins and losses: `[left][wins, losses]`.

    The index is the price per pull at which pulling the arm is worth just nothing to somebody who may stop at any time
    and has so many pulls left (Gittins 1979, "Bandit processes and dynamic allocation indices"; with a finite horizon
    Kaufmann 2018, "On Bayesian index policies for sequential resource allocation"). Computed backwards for a grid of
    prices, and linearly between them. With gamma below 1 and many pulls left it is the discounted index of the
    literature. Entry 0 is empty; there may have been up to n_pulls - left pulls before.
    """
    price = torch.linspace(0, 1, prices, dtype=torch.float64)
    table, worth = [torch.empty(0, 0)], torch.zeros(n_pulls + 1, n_pulls + 1, prices, dtype=torch.float64)
    for left in range(1, n_pulls + 1):
        size = n_pulls - left + 1
        wins = torch.arange(size, dtype=torch.float64)[:, None]
        mean = ((1 + wins) / (2 + wins + wins.T))[..., None]
        after = mean * worth[1 : size + 1, :size] + (1 - mean) * worth[:size, 1 : size + 1]
        pulling = mean - price + gamma * after
        worth = pulling.clamp(min=0)
        # pulling falls with the price: the last price at which it is worth something, and the way from there to 0
        last = (pulling > 0).sum(dim=-1, keepdim=True).clamp(1, prices - 1) - 1
        high, low = pulling.gather(-1, last), pulling.gather(-1, last + 1)
        table.append(((last + high / (high - low)) / (prices - 1))[..., 0].float())
    return table


def tuned(n_arms: int, n_pulls: int, tasks: int = 2000) -> dict[str, float]:
    """The width of ucb1 and the epsilon of epsilon_greedy that earn most, on tasks of their own."""

    def earns(policy: Policy) -> float:
        return float(play(policy, n_arms, n_pulls, tasks, TUNING).sum(dim=0).mean())

    return {
        "ucb1": max(WIDTHS, key=lambda width: earns(ucb1(width))),
        "epsilon_greedy": max(EPSILONS, key=lambda epsilon: earns(epsilon_greedy(epsilon))),
    }


def policies(n_arms: int, n_pulls: int) -> dict[str, Policy]:
    """All of them by name, tuned for so many arms and pulls."""
    chosen = tuned(n_arms, n_pulls)
    return {
        "random": random,
        "gittins": gittins(n_pulls),
        "thompson": thompson,
        "optimistic_thompson": optimistic_thompson,
        "ucb1": ucb1(chosen["ucb1"]),
        "epsilon_greedy": epsilon_greedy(chosen["epsilon_greedy"]),
        "greedy": greedy,
    }
