"""Lesson 02: references for bandits (Auer, Cesa-Bianchi, Fischer 2002; Thompson 1933) and off-policy evaluation."""

import numpy as np


def incremental_mean(mean: float, count: int, reward: float) -> float:
    """The mean after the `count`-th reward, from the mean of the `count` − 1 rewards before it.

    `count` is at least 1. At count 1 nothing came before: `mean` is 0, and the answer is the reward
    itself. Rewards may be any numbers.
    """
    return float(mean + (reward - mean) / count)


def ucb1(means: np.ndarray, counts: np.ndarray, t: int) -> int:
    """The arm that UCB1 pulls, counted from 0.

    `means` [K] holds the mean reward of each arm so far, `counts` [K] how often it was pulled; `t` ≥ 1
    is the time. An arm that was never pulled comes first, the lowest index first, whatever its mean
    says. If all were pulled: the arm of greatest mean + sqrt(2 ln t / count). Other ties may be broken
    in any way.
    """
    means, counts = np.asarray(means, dtype=float), np.asarray(counts)
    untried = np.flatnonzero(counts == 0)
    if len(untried):
        return int(untried[0])
    return int(np.argmax(means + np.sqrt(2 * np.log(t) / counts)))


def thompson(successes: np.ndarray, failures: np.ndarray, rng: np.random.Generator) -> int:
    """The arm that Thompson sampling pulls, counted from 0.

    `successes` [K] and `failures` [K] count what each arm paid so far: 1 or 0. Draw a click rate for
    each arm from Beta(1 + successes, 1 + failures), and take the arm whose draw is greatest. Draw
    from `rng` alone.
    """
    draws = rng.beta(1 + np.asarray(successes), 1 + np.asarray(failures))
    return int(np.argmax(draws))


def cumulative_regret(best_rate: float, chosen_rates: np.ndarray) -> np.ndarray:
    """What choosing has cost up to and including each step [T].

    `best_rate` is the mean reward of the best arm, `chosen_rates` [T] that of the arm chosen at each
    step: true means, not rewards. A step costs best_rate − chosen rate. Empty for no steps.
    """
    return np.cumsum(best_rate - np.asarray(chosen_rates, dtype=float))


def ips(rewards: np.ndarray, logged_propensity: np.ndarray, target_propensity: np.ndarray) -> float:
    """Inverse propensity scoring: what the target policy would earn per row, from another policy's log.

    For each of the N ≥ 1 rows: `rewards` [N], any numbers; `logged_propensity` [N], the probability with
    which the policy that made the log took the logged action, above 0; `target_propensity` [N], the one
    with which the target policy would take that same action, 0 or more. The mean of
    target / logged · reward.
    """
    weights = np.asarray(target_propensity) / np.asarray(logged_propensity)
    return float(np.mean(weights * np.asarray(rewards)))


def snips(rewards: np.ndarray, logged_propensity: np.ndarray, target_propensity: np.ndarray) -> float:
    """Self-normalised inverse propensity scoring: the weighted mean of the rewards.

    Arguments [N] as for `ips`; the weights are target / logged, and some weight is positive. The sum of
    weight · reward, divided by the sum of the weights.
    """
    weights = np.asarray(target_propensity) / np.asarray(logged_propensity)
    return float(np.sum(weights * np.asarray(rewards)) / np.sum(weights))


def doubly_robust(
    rewards: np.ndarray,
    logged_propensity: np.ndarray,
    target_propensity: np.ndarray,
    predicted_logged: np.ndarray,
    predicted_target: np.ndarray,
) -> float:
    """Doubly robust: a reward model's answer, corrected by weighted surprises.

    `rewards` [N], `logged_propensity` [N] and `target_propensity` [N] as for `ips`, N ≥ 1.
    `predicted_logged` [N] is the reward that a model predicts for the logged action, `predicted_target`
    [N] its mean prediction under the target policy. The mean of
    predicted_target + target / logged · (reward − predicted_logged).
    """
    weights = np.asarray(target_propensity) / np.asarray(logged_propensity)
    surprise = np.asarray(rewards) - np.asarray(predicted_logged)
    return float(np.mean(np.asarray(predicted_target) + weights * surprise))


def bootstrap_interval(
    values: np.ndarray,
    level: float,
    resamples: int,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """A percentile interval of the mean of `values` [N], N ≥ 1: its lower and its upper end.

    Draw N of the values with replacement and take their mean; do so `resamples` ≥ 1 times. The
    interval is what holds the middle share `level` of these means, say 0.95, with equal shares left out
    below and above. Any rule for quantiles between two values will do. Draw from `rng` alone.
    """
    values = np.asarray(values, dtype=float)
    means = [values[rng.integers(len(values), size=len(values))].mean() for _ in range(resamples)]
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
