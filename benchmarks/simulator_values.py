"""What known policies earn on metarec/Interest-v0, in undiscounted clicks per session.

    python -m benchmarks.simulator_values [--geometries 40] [--users 256] [--seed 5000] [--json FILE]

Each figure stands once for the default geometry, ± 95 % over its users, and once over as many other item seeds as
asked for, ± 95 % over geometries, with their standard deviation. All policies see the same users. The policies take the
item of greatest score, where ⟨·, v⟩ is meant over all items, and

    random          draws uniformly
    impersonal      logit(mean over theta ~ N(mu, I) of sigmoid(alpha·⟨theta, v⟩ + c)) − 3·beta·sat
    learnt          alpha·⟨m + s, v⟩ − w·beta·sat, m the posterior mean of theta given the session's clicks: w = 1 is
                    myopic, w = 3 weighs satiation threefold
    myopic_oracle   alpha·⟨theta + s, v⟩ − beta·sat, the logit itself
    planner         alpha·⟨theta + s, v⟩ − 4·beta·sat − 2·[sat > 0]: sees theta, and spares what has not fully recovered

The posterior is the Gaussian one by Laplace's method, a click at a time: the mode is exact in the direction that the
item shown reveals, its curvature updates the covariance.
"""

from __future__ import annotations

import math
from typing import Protocol

import gymnasium as gym
import torch
from torch import Tensor

import metarec  # noqa: F401
from benchmarks.report import arguments, report
from metarec.interest import PARAMS, fields
from metarec.vector import InterestVector

Parts = dict[str, Tensor]


class Policy(Protocol):
    """What `play` asks of a policy."""

    def act(self, parts: Parts) -> Tensor:
        """Items [N] for users with these observations."""

    def learn(self, parts: Parts, actions: Tensor, clicks: Tensor) -> None:
        """What came of it."""


class Random:
    """Any item."""

    def __init__(self, envs: InterestVector, seed: int = 0) -> None:
        self.users, self.items = envs.num_envs, len(envs.topics)
        self.generator = torch.Generator().manual_seed(seed)

    def act(self, parts: Parts) -> Tensor:
        """Uniform draws."""
        return torch.randint(self.items, (self.users,), generator=self.generator)

    def learn(self, parts: Parts, actions: Tensor, clicks: Tensor) -> None:
        """Nothing."""


class Oracle:
    """The item of greatest logit where theta is seen, satiation weighed, topics that are not fresh spared."""

    def __init__(self, envs: InterestVector, weight: float = 1, not_fresh: float = 0) -> None:
        self.items, self.topics, self.weight, self.not_fresh = envs.item_vectors, envs.topics, weight, not_fresh

    def liking(self, parts: Parts) -> Tensor:
        """How much users like items [N, K], satiation apart."""
        return PARAMS.alpha * (parts["theta"] + parts["drift"]) @ self.items.T

    def act(self, parts: Parts) -> Tensor:
        """The items of greatest score."""
        burden = self.weight * PARAMS.beta * parts["satiation"] + self.not_fresh * (parts["satiation"] > 0)
        return (self.liking(parts) - burden[:, self.topics]).argmax(dim=1)

    def learn(self, parts: Parts, actions: Tensor, clicks: Tensor) -> None:
        """Nothing."""


class Impersonal(Oracle):
    """The same for all users but for their satiation: by the mean click probability of 1,000 users of its own."""

    def __init__(self, envs: InterestVector, weight: float = 3) -> None:
        super().__init__(envs, weight)
        theta = envs.mu + torch.randn(1000, len(envs.mu), generator=torch.Generator().manual_seed(0))
        self.mean_logit = torch.sigmoid(PARAMS.alpha * theta @ self.items.T + PARAMS.c).mean(dim=0).logit()

    def liking(self, parts: Parts) -> Tensor:
        """How much anybody likes items [K]."""
        return self.mean_logit


class Learnt(Oracle):
    """The posterior mean in theta's place."""

    def __init__(self, envs: InterestVector, weight: float = 1) -> None:
        super().__init__(envs, weight)
        size = len(envs.mu)
        self.mean = envs.mu.repeat(envs.num_envs, 1)
        self.covariance = torch.eye(size).repeat(envs.num_envs, 1, 1)

    def liking(self, parts: Parts) -> Tensor:
        """How much users are thought to like items [N, K]."""
        return super().liking({**parts, "theta": self.mean})

    def learn(self, parts: Parts, actions: Tensor, clicks: Tensor) -> None:
        """Condition the posterior on the clicks."""
        x = PARAMS.alpha * self.items[actions]
        level = parts["satiation"].gather(1, self.topics[actions][:, None])[:, 0]
        towards = (self.covariance @ x[:, :, None])[:, :, 0]
        variance = (x * towards).sum(dim=1)
        before = (x * (self.mean + parts["drift"])).sum(dim=1) - PARAMS.beta * level + PARAMS.c
        logit = before
        for _ in range(8):  # Newton's steps to the root of logit = before + variance·(click − sigmoid(logit)).
            p = logit.sigmoid()
            logit = logit - (logit - before - variance * (clicks - p)) / (1 + variance * p * (1 - p))
        p = logit.sigmoid()
        self.mean = self.mean + (clicks - p)[:, None] * towards
        shrinks = p * (1 - p) / (1 + p * (1 - p) * variance)
        self.covariance = self.covariance - shrinks[:, None, None] * towards[:, :, None] * towards[:, None, :]


POLICIES = {
    "random": Random,
    "impersonal": Impersonal,
    "learnt_myopic": Learnt,
    "learnt_threefold": lambda envs: Learnt(envs, weight=3),
    "myopic_oracle": Oracle,
    "planner": lambda envs: Oracle(envs, weight=4, not_fresh=2),
}


def make(users: int, **options: object) -> InterestVector:
    """The environment of that many users, with profile."""
    envs = gym.make_vec("metarec/Interest-v0", users, "vector_entry_point", observe="profile", **options)
    assert isinstance(envs, InterestVector)
    return envs


def play(envs: InterestVector, policy: Policy, seed: int) -> Tensor:
    """Clicks [N] in the first session of each user."""
    observation, _ = envs.reset(seed=seed)
    clicks, active = torch.zeros(envs.num_envs), torch.ones(envs.num_envs, dtype=torch.bool)
    for _ in range(PARAMS.T):
        parts = fields(observation)
        actions = policy.act(parts)
        observation, rewards, terminated, truncated, _ = envs.step(actions)
        policy.learn(parts, actions, rewards)
        clicks += rewards * active
        active &= ~(terminated | truncated)
    return clicks


def interval(values: Tensor) -> float:
    """Half the width of a 95 % interval of the mean."""
    return 1.96 * float(values.std()) / math.sqrt(len(values))


def main() -> None:
    """Measure, print, write."""
    asked = arguments(__doc__, geometries=40, users=256, seed=5000)
    figures: dict[str, float] = {}
    for name, policy in POLICIES.items():
        envs = make(asked.users * 8)
        clicks = play(envs, policy(envs), asked.seed)
        figures |= {name: float(clicks.mean()), f"{name}_interval": interval(clicks)}
        means = []
        for geometry in range(asked.geometries):
            envs = make(asked.users, item_seed=asked.seed + geometry)
            means.append(play(envs, policy(envs), asked.seed + geometry * asked.users).mean())
        over = torch.stack(means)
        figures |= {f"{name}_over_geometries": float(over.mean()), f"{name}_over_geometries_interval": interval(over)}
        figures[f"{name}_over_geometries_sd"] = float(over.std())
    report("metarec/Interest-v0: clicks per session", figures, asked.json)


if __name__ == "__main__":
    main()
