"""What the bandit studies of lesson 09 share: logged contexts, a decision-pretraining, and who plays for comparison."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmarks.bandit_baselines import gittins
from metarec.posterior import best_arm, counts
from metarec.transformer import ArmsAlike, Cache, CausalTransformer, transformer
from solutions.in_context import InContextPolicy, dpt_loss, interaction_tokens, sample_action

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


def improved(
    says: Callable[[Tensor, Tensor], Tensor],
    parameters: list[nn.Parameter],
    tasks: Tasks,
    rng: np.random.Generator,
    *,
    rate: float,
    pulls: int,
    updates: int,
    batch: int,
) -> None:
    """Decision-pretrain, in place, what says logits of actions and rewards: each update on fresh contexts."""
    optimiser = torch.optim.Adam(parameters, betas=(0.9, 0.95))
    for update in range(updates):
        optimiser.param_groups[0]["lr"] = rate * min(1.0, (update + 1) / 50) * (1 - update / updates)
        rates = tasks(batch, rng)
        actions, rewards = logged(rates, pulls, rng)
        loss = dpt_loss(says(actions, rewards), torch.from_numpy(rates.argmax(axis=1)))
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()


def pretrained(
    sizes: tuple[int, int, int],
    tasks: Tasks,
    *,
    pulls: int,
    updates: int,
    batch: int,
    seed: int,
    start: CausalTransformer | None = None,
) -> CausalTransformer:
    """A policy of width, layers and heads after so many updates; it goes on from `start`, if there is one."""
    rng = np.random.default_rng(seed)
    arms = tasks(1, rng).shape[1]
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        policy = InContextPolicy(arms, *sizes)
    if start is not None:
        policy.load_state_dict(start.state_dict())
    # wider networks want smaller steps
    rate = min(0.006, 0.004 * (64 / sizes[0]) ** 0.75)
    improved(policy, list(policy.parameters()), tasks, rng, rate=rate, pulls=pulls, updates=updates, batch=batch)
    return transformer(policy.state_dict(), policy.heads)


def pretrained_alike(
    sizes: tuple[int, int, int], tasks: Tasks, stages: tuple[tuple[int, int], ...], *, batch: int, seed: int
) -> ArmsAlike:
    """One network for all arms, of width, layers and heads, after stages of so many pulls and updates."""
    rng = np.random.default_rng(seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        each = CausalTransformer(3, 1, *sizes)
    policy, parameters, arms = ArmsAlike(each), list(each.parameters()), tasks(1, rng).shape[1]
    for pulls, updates in stages:
        improved(
            lambda actions, rewards: policy(begun(actions, rewards, arms)),
            parameters,
            tasks,
            rng,
            rate=0.006,
            pulls=pulls,
            updates=updates,
            batch=batch,
        )
    return ArmsAlike(transformer(each.state_dict(), each.heads))


def begun(actions: Tensor, rewards: Tensor, arms: int) -> Tensor:
    """The tokens [B, T + 1, K + 1] of T interactions, after one for the start."""
    return nn.functional.pad(interaction_tokens(actions, rewards, arms), (0, 0, 1, 0))


Policy = CausalTransformer | ArmsAlike


class Reader:
    """A pretrained policy that acts in as many tasks at once, sampled at a temperature, with a key-value cache."""

    def __init__(self, policy: Policy, tasks: int, arms: int, temperature: float) -> None:
        self.policy, self.temperature, self.arms = policy, temperature, arms
        self.token = torch.zeros(tasks, 1, self.arms + 1)
        self.cache: Cache = []

    def act(self, left: int, generator: torch.Generator) -> Tensor:
        """Arms [B]."""
        with torch.no_grad():
            logits, self.cache = self.policy.read(self.token, self.cache)
        return sample_action(logits[:, -1], self.temperature, generator)

    def learn(self, arms: Tensor, rewards: Tensor) -> None:
        """Read what came of it."""
        self.token = interaction_tokens(arms[:, None], rewards[:, None], self.arms)


class Bayes:
    """Arms by their posterior probability of being the best, to a power: 1 is Thompson sampling, 4 a quarter's.

    The prior of each arm is Beta(won, lost); what was seen loses the share `forgets` of its weight with each pull.
    """

    def __init__(
        self, shape: tuple[int, int], power: float = 1, prior: tuple[float, float] = (1, 1), forgets: float = 0
    ) -> None:
        self.won, self.lost = torch.zeros(shape), torch.zeros(shape)
        self.power, self.prior, self.forgets = power, prior, forgets

    def act(self, left: int, generator: torch.Generator) -> Tensor:
        """Arms [B]."""
        won, lost = self.won + self.prior[0], self.lost + self.prior[1]
        if self.power == 1:
            # torch's own Beta takes no generator; a ratio of gamma draws is a beta draw
            first, second = (torch._standard_gamma(count, generator=generator) for count in (won, lost))
            return (first / (first + second)).argmax(dim=1)
        best = torch.from_numpy(best_arm(won - 1, lost - 1))
        return (best**self.power).multinomial(1, generator=generator)[:, 0]

    def learn(self, arms: Tensor, rewards: Tensor) -> None:
        """Count it."""
        self.won *= 1 - self.forgets
        self.lost *= 1 - self.forgets
        rows = torch.arange(len(arms))
        self.won[rows, arms] += rewards
        self.lost[rows, arms] += 1 - rewards


class Indexed(Bayes):
    """The arm of greatest finite-horizon Gittins index: nobody earns more who knows the prior, but for a trifle."""

    def __init__(self, shape: tuple[int, int], pulls: int) -> None:
        super().__init__(shape)
        self.rule = gittins(pulls)

    def act(self, left: int, generator: torch.Generator) -> Tensor:
        """Arms [B]."""
        return self.rule(self.won, self.lost, left, generator)


def earned(agent: Reader | Bayes, rates: Rates, pulls: int, seed: int) -> Tensor:
    """What the arms pulled pay on average [B, pulls]; `rates` are [B, K], or [B, pulls, K] where they change."""
    generator = torch.Generator().manual_seed(seed)
    pays = torch.as_tensor(rates, dtype=torch.float32)
    by_pull = pays if pays.ndim == 3 else pays[:, None].expand(-1, pulls, -1)
    means = torch.zeros(len(pays), pulls)
    for t in range(pulls):
        arms = agent.act(pulls - t, generator)
        means[:, t] = by_pull[:, t].gather(1, arms[:, None])[:, 0]
        agent.learn(arms, (torch.rand(len(pays), generator=generator) < means[:, t]).float())
    return means


def from_bayes(policy: Policy, arms: int, pulls: int, contexts: int = 200) -> float:
    """How far the policy is from the posterior, in nats per decision: KL(posterior ‖ policy) over logged contexts.

    At 21 prefixes of each, from nothing to all of it.
    """
    rng = np.random.default_rng(77)
    actions, rewards = logged(rng.random((contexts, arms)), pulls, rng)
    places = np.linspace(0, pulls, 21).astype(int)
    won, lost = (table[:, places] for table in counts(actions, rewards, arms))
    posterior = torch.from_numpy(best_arm(won, lost)).clamp_min(1e-9)
    with torch.no_grad():
        said = policy(begun(actions, rewards, arms))[:, torch.from_numpy(places)].log_softmax(dim=-1)
    return float((posterior * (posterior.log() - said)).sum(dim=-1).mean())
