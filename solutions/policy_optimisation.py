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


def train_policy(env: VectorEnv, seconds: float, *, seed: int) -> Any:
    """Learn to serve users whom nobody knows yet, in at most so many `seconds` of training.

    `env` is a vector environment of Interest-v0 that hides theta (`observe="history"`, autoreset
    SAME_STEP), with `item_vectors` [K, D], `topics` [K], `item_features` [K, D + C] and `mu` [D].
    What is returned acts on any number of users of the same catalogue, whom it has never seen:

        policy.reset(done)          where done [B], the next observation is that of a new user
        policy.act(observations)    items [B] to show, from observations [B, n]; called at each step

    Before the first step `reset` is called for all. The policy may remember what it has seen of a
    user since. All randomness is from `seed`.
    """
    items, topics, mu = env.item_vectors, env.topics, env.mu

    class Adaptive:
        """A belief N(m, P) about each user's theta; shows what looks best if theta were m.

        score = alpha·⟨m + s, v⟩ − weight·satiation − spare·[satiation > 0]
        """

        def __init__(self, weight: float, spare: float) -> None:
            self.weight, self.spare = weight, spare
            self.mean = torch.empty(0, len(mu))
            self.before: dict[str, Tensor] = {}

        def reset(self, done: Tensor) -> None:
            done = torch.as_tensor(done, dtype=torch.bool)
            if len(done) != len(self.mean):
                self.mean = torch.empty(len(done), len(mu))
                self.covariance = torch.empty(len(done), len(mu), len(mu))
                self.known = torch.zeros_like(done)
            self.mean[done], self.covariance[done] = mu, torch.eye(len(mu))
            self.known &= ~done

        def act(self, observations: Tensor) -> Tensor:
            now = fields(torch.as_tensor(observations))
            if len(self.mean) != len(observations):
                self.reset(torch.ones(len(observations), dtype=torch.bool))
            if self.known.any():
                # a click gives patience back, and without one it falls
                self.learn(now["patience"] >= self.before["patience"])
            liking = PARAMS.alpha * (self.mean + now["drift"]) @ items.T
            sat = now["satiation"]
            price = self.weight * sat + self.spare * (sat > 0)
            self.shown = (liking - price[:, topics]).argmax(dim=1)
            self.before, self.known = now, torch.ones_like(self.known)
            return self.shown

        def learn(self, click: Tensor) -> None:
            # a step of logistic regression: the belief moves along what the item shown tells of
            x, then = PARAMS.alpha * items[self.shown], self.before
            sated = then["satiation"].gather(1, topics[self.shown][:, None])[:, 0]
            towards = (self.covariance @ x[:, :, None])[:, :, 0]
            variance = (x * towards).sum(dim=1)
            expected = (x * (self.mean + then["drift"])).sum(dim=1)
            expected += PARAMS.c - PARAMS.beta * sated
            logit = expected
            for _ in range(6):  # Newton's method on logit = expected + variance·(click − p)
                p = logit.sigmoid()
                error = logit - expected - variance * (click.float() - p)
                logit = logit - error / (1 + variance * p * (1 - p))
            p, known = logit.sigmoid(), self.known.float()
            self.mean += (known * (click.float() - p))[:, None] * towards
            shrinks = known * p * (1 - p) / (1 + p * (1 - p) * variance)
            self.covariance -= shrinks[:, None, None] * towards[:, :, None] * towards[:, None, :]

    began = time.perf_counter()
    draws = torch.quasirandom.SobolEngine(2, scramble=True, seed=seed)
    highest, chosen, trials = -1.0, (3.0, 1.0), 0
    while trials == 0 or (time.perf_counter() - began) * (trials + 1) / trials < 0.9 * seconds:
        # prices that leave a topic time to recover; the trials after the first search for better
        weight, spare = (draws.draw()[0] * torch.tensor([6.0, 4.0])).tolist()
        prices = (weight, spare) if trials else chosen
        policy = Adaptive(*prices)
        policy.reset(torch.ones(env.num_envs, dtype=torch.bool))
        observations, _ = env.reset(seed=seed)
        clicks = torch.zeros(env.num_envs)
        watching = torch.ones(env.num_envs, dtype=torch.bool)
        while watching.any():
            observations, reward, terminated, truncated, _ = env.step(policy.act(observations))
            policy.reset(terminated | truncated)
            clicks += reward * watching
            watching &= ~(terminated | truncated)
        # the same users each time: what differs is the policy
        if clicks.mean() > highest:
            highest, chosen = float(clicks.mean()), prices
        trials += 1
    return Adaptive(*chosen)
