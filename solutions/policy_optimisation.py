"""Lesson 11: references for the capstone: a gate before deploying, and a policy that learns whom it serves."""

import time
from typing import Any

import numpy as np
import torch
from gymnasium.vector import VectorEnv
from numpy.typing import ArrayLike
from torch import Tensor

from metarec.interest import PARAMS, fields


def lower_bound(values: ArrayLike, level: float, rng: np.random.Generator) -> float:
    """The one-sided lower confidence bound of the mean of `values` [N], by the bootstrap.

    `level` is the coverage, say 0.95: the true mean lies below the bound in 1 − level of all logs.
    The bound is the (1 − level) quantile of the means of resamples, 1,000 of them or more, each of
    N values drawn from `rng` with replacement. N is 1 or more.
    """
    seen = np.asarray(values, dtype=float)
    rows = rng.integers(len(seen), size=(2000, len(seen)))
    return float(np.quantile(seen[rows].mean(axis=1), 1 - level))


def safe_to_deploy(values: ArrayLike, baseline: float, level: float, rng: np.random.Generator) -> bool:
    """Whether a new policy is surely better than the one that runs: its lower bound lies above.

    `values` [N] are the terms of an estimate of the new policy from the log, `baseline` is what the
    policy that runs earns, `level` the coverage of the bound. What is not surely better stays out.
    """
    return lower_bound(values, level, rng) > baseline


class Adaptive:
    """Believes something about each user's theta, learns from each click, shows what looks best.

    An item's score is alpha·⟨m + s, v⟩ − weight·satiation − spare·[satiation > 0], with the mean m
    of a Gaussian belief in theta's place and the observed drift s.
    """

    def __init__(self, items: Tensor, topics: Tensor, mu: Tensor, weight: float, spare: float):
        """Items [K, D] with their topics [K], users' mean interest [D], and two prices."""
        self.items, self.topics, self.mu, self.weight, self.spare = items, topics, mu, weight, spare
        self.mean = torch.empty(0, len(mu))

    def reset(self, done: Tensor) -> None:
        """Forget whom it knew where `done` [B]: the next observation is another user's."""
        done = torch.as_tensor(done, dtype=torch.bool)
        self.mean[done], self.covariance[done] = self.mu, torch.eye(len(self.mu))
        self.known &= ~done

    def act(self, observations: Tensor) -> Tensor:
        """The items [B] to show to users with these observations [B, n], a step after the last."""
        now = fields(torch.as_tensor(observations))
        if len(self.mean) != len(now["patience"]):
            users = len(now["patience"])
            self.mean = self.mu.repeat(users, 1)
            self.covariance = torch.eye(len(self.mu)).repeat(users, 1, 1)
            self.known = torch.zeros(users, dtype=torch.bool)
        if self.known.any():
            self._learn(now["patience"] >= self.before["patience"])
        liking = PARAMS.alpha * (self.mean + now["drift"]) @ self.items.T
        sat = now["satiation"]
        price = self.weight * sat + self.spare * (sat > 0)
        self.shown = (liking - price[:, self.topics]).argmax(dim=1)
        self.before, self.known = now, torch.ones_like(self.known)
        return self.shown

    def _learn(self, click: Tensor) -> None:
        # one step of a logistic regression on theta: the belief moves along what the item shows
        x = PARAMS.alpha * self.items[self.shown]
        level = self.before["satiation"].gather(1, self.topics[self.shown][:, None])[:, 0]
        towards = (self.covariance @ x[:, :, None])[:, :, 0]
        variance = (x * towards).sum(dim=1)
        before = (x * (self.mean + self.before["drift"])).sum(dim=1) - PARAMS.beta * level + PARAMS.c
        logit = before
        for _ in range(6):  # Newton's method: logit = before + variance·(click − sigmoid(logit))
            p = logit.sigmoid()
            logit = logit - (logit - before - variance * (click.float() - p)) / (1 + variance * p * (1 - p))
        p = logit.sigmoid()
        known = self.known.float()
        self.mean += (known * (click.float() - p))[:, None] * towards
        shrinks = known * p * (1 - p) / (1 + p * (1 - p) * variance)
        self.covariance -= shrinks[:, None, None] * towards[:, :, None] * towards[:, None, :]


def train_policy(env: VectorEnv, seconds: float, *, seed: int) -> Any:
    """Learn to serve users whom nobody knows yet, in at most so many `seconds` of training.

    `env` is a vector environment of Interest-v0 that hides theta (`observe="history"`, autoreset
    SAME_STEP), with `item_vectors` [K, D], `topics` [K], `item_features` [K, D + C] and `mu` [D].
    What is returned acts on any number of users of the same catalogue, whom it has never seen:

        policy.act(observations)    items [B] to show, from observations [B, n]; called at each step
        policy.reset(done)          where done [B], the next observation is that of a new user

    It may remember what it has seen of a user since its last reset. All randomness is from `seed`.
    """
    began = time.perf_counter()
    draws = torch.quasirandom.SobolEngine(2, scramble=True, seed=seed)
    highest, chosen, trials = -1.0, (1.0, 0.0), 0
    while trials == 0 or (time.perf_counter() - began) * (trials + 1) / trials < 0.9 * seconds:
        # the first trial is myopic, the others search for prices that leave topics time to recover
        prices = chosen if trials == 0 else tuple((draws.draw()[0] * torch.tensor([6.0, 4.0])).tolist())
        policy = Adaptive(env.item_vectors, env.topics, env.mu, *prices)
        observations, _ = env.reset(seed=seed)
        clicks, watching = torch.zeros(env.num_envs), torch.ones(env.num_envs, dtype=torch.bool)
        while watching.any():
            observations, reward, terminated, truncated, _ = env.step(policy.act(observations))
            policy.reset(terminated | truncated)
            clicks += reward * watching
            watching &= ~(terminated | truncated)
        # the same users each time: what differs is the policy
        if clicks.mean() > highest:
            highest, chosen = float(clicks.mean()), prices
        trials += 1
    return Adaptive(env.item_vectors, env.topics, env.mu, *chosen)
