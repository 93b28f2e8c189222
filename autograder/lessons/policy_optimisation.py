"""Lesson 11: a gate before deploying, and the capstone: one policy for users whom nobody knows."""

import time
from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from autograder.beside import Fault
from autograder.exercise import exercise
from autograder.judges import Close, Ranked, SameFrequencies
from autograder.playing import score_of_policy
from autograder.proxy import derived, observed
from solutions import policy_optimisation as reference

USERS, SECONDS = 512, 6.0


def _spread(rng: np.random.Generator, count: int) -> np.ndarray:
    """Values of mean about 5 and standard deviation 3, so that a test knows what is near."""
    values = rng.normal(5, 3, count)
    return np.asarray(np.round(5 + 3 * (values - values.mean()) / values.std(), 1))


@exercise(
    reference.lower_bound,
    points=2,
    minutes=8,
    hints=[
        "Only one side matters here: how low might the mean be? Lesson 02's interval leaves a share out on both sides.",
        "Resample as in lesson 02: N values with replacement, their mean, 1,000 times or more. Then a quantile.",
        "`np.quantile(means, 1 - level)`: in 1 − level of all logs the truth lies below.",
    ],
    afterword="At level 0.95 one deploys a policy that is no better in one case of twenty. That is a choice, no law. "
    "Ask what a bad deployment costs, and what a month of waiting.",
)
def lower_bound(bound: Any, rng: np.random.Generator) -> Iterator[tuple[Any, ...]]:
    """Values of some spread, at a high and a low level; one lone large value; equal ones."""
    n = int(rng.integers(12, 16))
    values = _spread(rng, n)
    near = Close(absolute=0.2 * 3 / np.sqrt(n))
    yield "leaves 1 − level of the resampled means below it", bound(values, 0.8, rng), near
    yield "leaves 1 − level of the resampled means below it", bound(values, 0.4, rng), near
    lone = np.zeros(6)
    lone[rng.integers(6)] = 12.0
    # a third of all resamples lack the lone value, and no mean lies below 0; the tolerance is for comparing mistakes
    yield "is a quantile of means, not a formula around them", bound(lone, 0.97, rng), Close(absolute=0.3)
    draws = int(rng.integers(1_000_000))
    high, low = (bound(values, level, np.random.default_rng(draws)) for level in (0.98, 0.02))
    yield "lies lower at a higher level", derived(lambda less, more: bool(less < more - 1e-6), high, low)
    level = float(np.round(rng.uniform(2, 9), 1))
    yield "is the value itself where all values are equal", bound(np.full(4, level), 0.9, rng)
    turns = [bound(values, 0.9, np.random.default_rng(draws)) for _ in range(2)]
    yield "draws from the generator that it is given", derived(lambda one, two: one == two, *turns)
    first, second = (observed(bound, values, 0.9, rng).left[2] for _ in range(2))
    yield "draws from the generator that it is given", derived(lambda one, two: one != two, first, second)


def _means(values: ArrayLike, rng: np.random.Generator, size: int | None = None) -> np.ndarray:
    seen = np.asarray(values, dtype=float)
    return np.asarray(seen[rng.integers(len(seen), size=(2000, size or len(seen)))].mean(axis=1))


@lower_bound.mistake
def of_both_sides(values: ArrayLike, level: float, rng: np.random.Generator) -> float:
    """It is the lower end of an interval with two sides: half of 1 − level lies below it. Too careful: nobody asks
    here whether the policy might be even better.
    """
    return float(np.quantile(_means(values, rng), (1 - level) / 2))


@lower_bound.mistake
def upper_for_lower(values: ArrayLike, level: float, rng: np.random.Generator) -> float:
    """It is the upper bound: the quantile at `level`, where 1 − level belongs. A bad policy would get through."""
    return float(np.quantile(_means(values, rng), level))


@lower_bound.mistake
def of_single_values(values: ArrayLike, level: float, rng: np.random.Generator) -> float:
    """It is a quantile of single values. The mean varies less, by the root of N: take the mean of each resample."""
    rng.random()
    return float(np.quantile(np.asarray(values, dtype=float), 1 - level))


@lower_bound.mistake
def the_mean_alone(values: ArrayLike, level: float, rng: np.random.Generator) -> float:
    """It returns the mean: as if the log could not have come out otherwise. The level plays no part in it."""
    return float(np.mean(np.asarray(values, dtype=float)))


@lower_bound.mistake
def without_replacement(values: ArrayLike, level: float, rng: np.random.Generator) -> float:
    """It draws without replacement: each resample is the log itself in another order, and has the log's mean. Draw with
    replacement, so that some values come twice and others not at all.
    """
    seen = np.asarray(values, dtype=float)
    return float(np.quantile(rng.permuted(np.tile(seen, (1000, 1)), axis=1).mean(axis=1), 1 - level))


@lower_bound.mistake
def means_of_a_thousand(values: ArrayLike, level: float, rng: np.random.Generator) -> float:
    """Its means hardly vary, since each is of 1,000 draws or more. A resample has N values, as many as the log, and
    1,000 is how many *resamples* there are. Their means go along each resample: in [1000, N] along axis 1, not 0.
    """
    return float(np.quantile(_means(values, rng, 1000), 1 - level))


@lower_bound.mistake
def mirrored(values: ArrayLike, level: float, rng: np.random.Generator) -> float:
    """It mirrors the upper quantile at the mean, 2 · mean − quantile(level), which is called the basic bootstrap. Asked
    for is the 1 − level quantile itself: of skewed values the two differ, and the mirrored one may lie below any mean.
    """
    seen = np.asarray(values, dtype=float)
    return float(2 * seen.mean() - np.quantile(_means(values, rng), level))


@lower_bound.mistake
def always_95_percent(values: ArrayLike, level: float, rng: np.random.Generator) -> float:
    """It takes the 5 % quantile whatever `level` says."""
    return float(np.quantile(_means(values, rng), 0.05))


@lower_bound.mistake
def normal_formula(values: ArrayLike, level: float, rng: np.random.Generator) -> float:
    """It subtracts a multiple of the standard error. A few large values make the means skewed, and the bootstrap sees
    it: terms of an off-policy estimate are of just that kind.
    """
    seen = np.asarray(values, dtype=float)
    share = np.quantile(rng.normal(size=20_000), level)
    return float(seen.mean() - share * seen.std() / np.sqrt(len(seen)))


@lower_bound.mistake
def half_of_the_values(values: ArrayLike, level: float, rng: np.random.Generator) -> float:
    """Its resamples are half as large as the log, and vary more than it: draw as many values as there are."""
    return float(np.quantile(_means(values, rng, max(1, len(np.asarray(values)) // 2)), 1 - level))


@lower_bound.mistake
def percent_for_share(values: ArrayLike, level: float, rng: np.random.Generator) -> float:
    """`np.percentile` counts in percent and `np.quantile` in shares: this is the very least of the means."""
    return float(np.percentile(_means(values, rng), 1 - level))


@lower_bound.mistake
def sums_for_means(values: ArrayLike, level: float, rng: np.random.Generator) -> float:
    """It bounds the sum of a resample, not its mean: divide by the number of values."""
    return float(np.quantile(_means(values, rng) * len(np.asarray(values)), 1 - level))


@lower_bound.mistake
def a_generator_of_its_own(values: ArrayLike, level: float, rng: np.random.Generator) -> float:
    """It makes a generator of its own: the same draws each time, and nobody can choose others. Draw from `rng`."""
    return float(np.quantile(_means(values, np.random.default_rng(0)), 1 - level))


@exercise(
    reference.safe_to_deploy,
    points=1,
    minutes=4,
    hints=[
        "What has to be above the baseline: the estimate, or how low the truth might be?",
        "One line: compare `lower_bound(values, level, rng)` with the baseline.",
    ],
    afterword="The gate answers one question, and only for the log's users: surely better, or not surely. What "
    "it stops may still be better. It then takes more rows, not a lower level.",
)
def safe_to_deploy(safe: Any, rng: np.random.Generator) -> Iterator[tuple[Any, ...]]:
    """A clear gain, a clear loss, a gain that might be luck, and the borders."""
    n = int(rng.integers(30, 40))
    values = _spread(rng, n)
    error = 3 / np.sqrt(n)
    yield "lets through what is surely better", safe(values, 5 - 4 * error, 0.9, rng)
    yield "stops what is surely worse", safe(values, 5 + 4 * error, 0.9, rng)
    yield "stops what is better only by its mean", safe(values, 5 - 0.5 * error, 0.95, rng)
    yield "stops what is worse only by its mean", safe(values, 5 + 0.5 * error, 0.95, rng)
    yield "lets more through at a lower level", [safe(values, 5 - error, level, rng) for level in (0.99, 0.6)]
    yield "stops what only equals the baseline", safe(np.full(4, 2.0), 2.0, 0.9, rng)


@safe_to_deploy.mistake
def compares_the_mean(values: ArrayLike, baseline: float, level: float, rng: np.random.Generator) -> bool:
    """It compares the mean with the baseline: half of all equally good policies would get through by luck."""
    return bool(np.mean(np.asarray(values, dtype=float)) > baseline)


@safe_to_deploy.mistake
def compares_the_other_way(values: ArrayLike, baseline: float, level: float, rng: np.random.Generator) -> bool:
    """It asks whether the bound lies *below* the baseline: then what is surely worse gets through."""
    return reference.lower_bound(values, level, rng) < baseline


@safe_to_deploy.mistake
def not_surely_worse(values: ArrayLike, baseline: float, level: float, rng: np.random.Generator) -> bool:
    """It lets through what is not surely worse: the upper bound in the lower one's place, as 1 − level for `level`
    gives it too. The burden of proof is the new policy's.
    """
    return float(np.quantile(_means(values, rng), level)) > baseline


@safe_to_deploy.mistake
def equal_is_enough(values: ArrayLike, baseline: float, level: float, rng: np.random.Generator) -> bool:
    """A bound that equals the baseline is no gain that is sure: compare by `>`."""
    return reference.lower_bound(values, level, rng) >= baseline


@safe_to_deploy.mistake
def ignores_the_level(values: ArrayLike, baseline: float, level: float, rng: np.random.Generator) -> bool:
    """It has a level of its own. How sure to be is the caller's choice."""
    return reference.lower_bound(values, 0.95, rng) > baseline


@exercise(
    reference.train_policy,
    points=6,
    minutes=60,
    hints=[
        "Theta is hidden, but each click tells of it, and the next observation says what came of the last item. "
        "Patience falls without a click; with one it rises, or stays at 10 where it is full, as at the start. So a "
        "click is where it did not fall.",
        "Keep a belief N(m, P) for each user. A click on an item is one step of a logistic regression: it moves m "
        "along P·v by the surprise, click − probability. Then act as if theta were m.",
        "That alone is myopic and earns about 0.36. A topic that was just shown bores: weigh satiation threefold, or "
        "let the training find the weight, by playing sessions with several and keeping the best.",
    ],
    afterword="Nothing here is a large network, and yet it is meta-learning in the plain sense: the prior and the "
    "prices are learnt across users, the belief is learnt within one. What a transformer or RL² adds is that nobody "
    "has to write the belief down.",
    trains=True,
)
def train_policy(train: Any, rng: np.random.Generator) -> Iterator[tuple[Any, ...]]:
    """What a policy has to be, on a short training; then what it earns, on a catalogue and users of the seed's own."""
    quick_items, item_seed, seed, fresh = (int(rng.integers(1_000, 1_000_000)) for _ in range(4))
    began = time.monotonic()
    policy = train(_users(64, quick_items), 1.0, seed=seed)
    took = time.monotonic() - began
    first, few, more = (_opening(policy, count, quick_items, fresh) for count in (64, 3, 200))
    yield "shows an item to each user", derived(_shown, first)
    yield "serves any number of users", derived(_shown, few, more)
    yield "ends in the seconds that it is given", derived(lambda _: bool(took < 20.0), first)
    yield (
        "meets the next user without what it knew of the last",
        derived(_strangers, _openings(policy, quick_items, seed)),
    )
    learnt = train(_users(USERS, item_seed), SECONDS, seed=seed)
    score = score_of_policy(learnt, item_seed=item_seed, seed=fresh, users=USERS)
    for threshold in (0.3, 0.45, 0.55):
        yield f"scores {threshold} or more, 0 being random and 1 a planner that sees theta", score, Ranked(threshold)


def _users(count: int, item_seed: int) -> Any:
    return gym.make_vec("metarec/Interest-v0", count, "vector_entry_point", observe="history", item_seed=item_seed)


def _shown(*shown: Any) -> list[Any]:
    found = [np.asarray(items) for items in shown]
    return [
        [*items.shape, bool(((items >= 0) & (items < 500) & (items == items.astype(int))).all())] for items in found
    ]


def _opening(policy: Any, count: int, item_seed: int, seed: int) -> Any:
    observation, _ = _users(count, item_seed).reset(seed=seed)
    told = policy.reset(torch.ones(count, dtype=torch.bool))
    return told if isinstance(told, Fault) else policy.act(observation)


def _openings(policy: Any, item_seed: int, seed: int) -> Any:
    """The items that 400 users are shown first: new ones, and others in the place of users who were known for long."""
    envs = _users(400, item_seed)
    observation, _ = envs.reset(seed=seed)
    beginning = observation.clone()
    policy.reset(torch.ones(400, dtype=torch.bool))
    before = shown = policy.act(observation)
    for _ in range(12):
        outcome = derived(lambda items: envs.step(torch.as_tensor(np.asarray(items))), shown)
        if not isinstance(outcome, tuple):
            return outcome
        shown = policy.act(outcome[0])
    policy.reset(torch.ones(400, dtype=torch.bool))
    return derived(lambda one, two: [np.asarray(one), np.asarray(two)], before, policy.act(beginning))


def _strangers(openings: Any) -> bool:
    before, after = (np.bincount(items, minlength=500) for items in openings)
    return SameFrequencies()(after, before)


class _Wrong:
    """The reference's policy after a short training, to be spoilt."""

    def __init__(self, env: Any) -> None:
        self.right, self.users = reference.train_policy(env, 0.0, seed=0), env.num_envs

    def reset(self, done: Tensor) -> None:
        self.right.reset(done)

    def act(self, observations: Tensor) -> Any:
        return self.right.act(observations)


class _NeverForgets(_Wrong):
    def reset(self, done: Tensor) -> None:
        if len(done) != len(self.right.mean):
            self.right.reset(done)


class _OneForAll(_Wrong):
    def act(self, observations: Tensor) -> Any:
        return super().act(observations)[0]


class _Scores(_Wrong):
    def act(self, observations: Tensor) -> Any:
        return super().act(observations)[:, None] + torch.linspace(0.1, 0.9, 500)


class _BestUsers(_Scores):
    def act(self, observations: Tensor) -> Any:
        return super().act(observations).argmax(dim=0)


class _GreatestScores(_Scores):
    def act(self, observations: Tensor) -> Any:
        return super().act(observations).max(dim=1).values


class _OneHot(_Wrong):
    def act(self, observations: Tensor) -> Any:
        return torch.nn.functional.one_hot(super().act(observations), 500)


class _AsManyAsInTraining(_Wrong):
    def act(self, observations: Tensor) -> Any:
        if len(observations) != self.users:
            raise RuntimeError(f"{len(observations)} users now, and {self.users} in training")
        return super().act(observations)


def _mistaken(name: str, diagnosis: str, kind: type[_Wrong]) -> None:
    def mistaken(env: Any, seconds: float, *, seed: int) -> Any:
        return kind(env)

    mistaken.__name__, mistaken.__doc__ = name, diagnosis
    train_policy.mistake(mistaken)


_mistaken(
    "never_forgets",
    "`reset` changes nothing: the next user is served by what was learnt about the last one. Put the beliefs of those "
    "who are done back to the prior.",
    _NeverForgets,
)
_mistaken(
    "one_item_for_all",
    "`act` returns one item: each user has a belief of their own, so that [B] items are asked for.",
    _OneForAll,
)
_mistaken(
    "scores_for_items",
    "`act` returns scores [B, K]: choose, by `argmax(dim=1)`.",
    _Scores,
)
_mistaken(
    "best_user_for_each_item",
    "`act` returns [K] numbers of users, one for each item: `argmax(dim=0)` goes over the users. An item for each user "
    "is `argmax(dim=1)`.",
    _BestUsers,
)
_mistaken(
    "greatest_scores",
    "`act` returns the greatest score of each user, and not the item that has it: `argmax(dim=1)`, or the `indices` of "
    "`max(dim=1)`.",
    _GreatestScores,
)
_mistaken(
    "rows_of_one",
    "`act` returns one-hot rows [B, K]: an action is the item's index.",
    _OneHot,
)
_mistaken(
    "as_many_as_in_training",
    "It only serves as many users as it was trained with. A class of users, or a single one: make its memory as long "
    "as `done` is, when `reset` is called.",
    _AsManyAsInTraining,
)
