"""Lesson 02: exploring on Bernoulli arms, regret, and what a policy would earn by another policy's log."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from autograder.exercise import Exercise, exercise
from autograder.judges import Close, SameFrequencies
from autograder.proxy import derived, observed, repeated
from solutions import bandits as reference


@exercise(
    reference.incremental_mean,
    points=1,
    minutes=4,
    hints=[
        "Write the mean of three rewards out, then of four. What of the old mean is still in the new one?",
        "The old mean stands for count − 1 rewards: their sum is mean · (count − 1). Add the reward, divide by count.",
        "Rearranged that is a step towards the reward: `mean + (reward - mean) / count`.",
    ],
    afterword="New = old + step · (reward − old). With the step 1 / count it is the mean; with a constant step it "
    "forgets the past, which is what you want where click rates drift, and what Q-learning does in lesson 03.",
)
def incremental_mean(update: Any, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """The first reward, later ones, negative ones, and a run of them."""
    mean, reward = float(np.round(rng.uniform(1, 5), 1)), float(np.round(rng.uniform(6, 9), 1))
    yield "is the reward itself at count 1", update(0.0, 1, reward)
    for count in (int(rng.integers(3, 6)), int(rng.integers(6, 10))):
        yield "moves the mean towards the reward by the share 1 / count", update(mean, count, reward)
    yield "moves it down where the reward is below it, negative ones too", update(-mean, 3, -reward)
    running: Any = 0.0
    for count, earned in enumerate(np.round(rng.uniform(1, 9, 4), 1), start=1):
        running = update(running, count, float(earned))
    yield "gives the mean of all rewards when it is run over them", running


@incremental_mean.mistake
def counts_the_rewards_before(mean: float, count: int, reward: float) -> float:
    """It takes `count` for the number of rewards before this one and divides by count + 1: this reward is the
    count-th, it is counted already.
    """
    return mean + (reward - mean) / (count + 1)


@incremental_mean.mistake
def divides_by_the_rewards_before(mean: float, count: int, reward: float) -> float:
    """It divides by count − 1: the new mean is over `count` rewards, and at count 1 there would be nothing to divide
    by.
    """
    return mean + (reward - mean) / (count - 1)


@incremental_mean.mistake
def mean_of_two(mean: float, count: int, reward: float) -> float:
    """It takes the middle of the old mean and the new reward: the old mean stands for count − 1 rewards, and must
    weigh that much.
    """
    return (mean + reward) / 2


@incremental_mean.mistake
def old_mean_counted_once(mean: float, count: int, reward: float) -> float:
    """It divides mean + reward by `count`: the old mean has to be multiplied by count − 1 first, to be a sum again."""
    return (mean + reward) / count


@incremental_mean.mistake
def old_mean_counted_too_often(mean: float, count: int, reward: float) -> float:
    """It adds reward / count to the whole old mean: the old mean must shrink, to (count − 1) / count of itself, or
    the result only grows.
    """
    return mean + reward / count


@incremental_mean.mistake
def weights_swapped(mean: float, count: int, reward: float) -> float:
    """The weights are swapped: the one new reward gets 1 / count, and the old mean the rest."""
    return mean / count + reward * (count - 1) / count


@incremental_mean.mistake
def constant_step(mean: float, count: int, reward: float) -> float:
    """Its step is constant, whatever `count` is: that is a mean which forgets. The plain mean needs the step
    1 / count.
    """
    return mean + 0.1 * (reward - mean)


@incremental_mean.mistake
def steps_away(mean: float, count: int, reward: float) -> float:
    """It moves away from the reward: the difference is reward − mean, not mean − reward."""
    return mean + (mean - reward) / count


@incremental_mean.mistake
def adds_up(mean: float, count: int, reward: float) -> float:
    """It returns the sum of all rewards: divide by `count`."""
    return mean * (count - 1) + reward


@incremental_mean.mistake
def whole_numbers(mean: float, count: int, reward: float) -> float:
    """`//` throws the fraction away, and a click rate is nothing but fraction: use `/`."""
    return mean + (reward - mean) // count


def _scores(means: np.ndarray, counts: np.ndarray, t: float) -> np.ndarray:
    return np.asarray(means + np.sqrt(2 * np.log(t) / counts))


Rule = Callable[[np.ndarray, np.ndarray, int], np.ndarray]


WRONG_SCORES: dict[str, tuple[str, Rule]] = {
    "greedy": (
        "There is no bonus: it takes the best mean so far, and an arm that was unlucky at first is never pulled again.",
        lambda means, counts, t: means,
    ),
    "least_pulled": (
        "It pulls the arm that was pulled least, whatever it pays: that is only exploring. The means count too.",
        lambda means, counts, t: -counts / 10,
    ),
    "bonus_too_small": (
        "The bonus is too small: there is a 2 under the root, and ln is the natural logarithm, `np.log`, not `log10`.",
        lambda means, counts, t: means + np.sqrt(np.log(t) / counts),
    ),
    "logarithm_of_base_two": (
        "It takes the logarithm of base 2: ln is the natural one, `np.log`.",
        lambda means, counts, t: means + np.sqrt(2 * np.log2(t) / counts),
    ),
    "two_outside_the_root": (
        "The 2 stands before the root: it belongs under it, sqrt(2 ln t / count).",
        lambda means, counts, t: means + 2 * np.sqrt(np.log(t) / counts),
    ),
    "two_in_the_denominator": (
        "The 2 stands below: the bonus is sqrt(2 ln t / count), four times as much under the root.",
        lambda means, counts, t: means + np.sqrt(np.log(t) / (2 * counts)),
    ),
    "bonus_doubled": (
        "The bonus is too large: the 2 stands under the root, once, and nothing else multiplies it.",
        lambda means, counts, t: means + 2 * np.sqrt(2 * np.log(t) / counts),
    ),
    "without_the_logarithm": (
        "The logarithm is missing: with `t` itself the bonus grows so fast that it never stops exploring.",
        lambda means, counts, t: means + np.sqrt(2 * t / counts),
    ),
    "without_the_root": (
        "The root is missing: the width of an interval falls with the root of the count.",
        lambda means, counts, t: means + 2 * np.log(t) / counts,
    ),
    "root_of_the_numerator_alone": (
        "The root covers 2 ln t alone: the count stands under it too. An interval narrows with the root of the count.",
        lambda means, counts, t: means + np.sqrt(2 * np.log(t)) / counts,
    ),
    "without_time": (
        "Time is missing from the bonus: without ln t it stops growing for arms that are left alone, and a good arm "
        "can be given up for ever.",
        lambda means, counts, t: means + np.sqrt(2 / counts),
    ),
    "count_and_time_swapped": (
        "Count and time are swapped: the bonus grows with time and shrinks with the arm's own count.",
        lambda means, counts, t: means + np.sqrt(2 * np.log(counts) / t),
    ),
    "mean_divided_again": (
        "It divides the means by the counts: they are means already.",
        lambda means, counts, t: means / counts + np.sqrt(2 * np.log(t) / counts),
    ),
    "lower_bound": (
        "It subtracts the bonus: that avoids what is uncertain. Optimism is the idea, so add it.",
        lambda means, counts, t: means - np.sqrt(2 * np.log(t) / counts),
    ),
}
"""What is written in the place of UCB1's score; each has arms of its own, on which it chooses wrongly."""


def _guarded_scores(means: np.ndarray, counts: np.ndarray, t: Any) -> np.ndarray:
    return np.asarray(means + np.sqrt(2 * np.log(t) / (np.asarray(counts) + 1)))


def _telling_arms(rng: np.random.Generator) -> list[tuple[np.ndarray, np.ndarray, int]]:
    """Arms that tell all scores apart, right and wrong: for each two of them some on which they choose differently."""
    rules = [_scores, _guarded_scores, *(rule for _, rule in WRONG_SCORES.values())]
    told: list[tuple[np.ndarray, np.ndarray, int]] = []
    open_pairs = np.triu(np.ones((len(rules), len(rules)), dtype=bool), 1)
    while open_pairs.any():
        means, counts = np.round(rng.uniform(0.05, 0.95, (400, 3)), 2), rng.integers(1, 30, (400, 3))
        t = counts.sum(axis=1, keepdims=True) + 1
        scores = np.stack([rule(means, counts, t) for rule in rules])
        ranked = np.sort(scores, axis=2)
        # the best stands out by every rule, so that rounding decides nothing
        clear = (ranked[..., 2] - ranked[..., 1] > 0.02).all(axis=0)
        chosen = scores.argmax(axis=2)
        differ = (chosen[:, None] != chosen[None]) & clear
        while (gained := (differ & open_pairs[..., None]).sum(axis=(0, 1))).any():
            best = int(gained.argmax())
            told.append((means[best], counts[best], int(t[best, 0])))
            open_pairs &= ~differ[..., best]
    return told


@exercise(
    reference.ucb1,
    points=2,
    minutes=8,
    hints=[
        "Two cases: an arm that was never pulled, and the rest. Which one has to be asked for first, and why?",
        "The bonus is large where `count` is small, and grows slowly with `t`: `np.sqrt(2 * np.log(t) / counts)`.",
        "`untried = np.flatnonzero(counts == 0)`: if it holds any, return `int(untried[0])`; else the `argmax` of "
        "means + bonus.",
    ],
    afterword="The bonus is half the width of a confidence interval (Hoeffding) whose coverage grows with t: the arm "
    "whose mean could still be the greatest is pulled. No random number is drawn: exploration needs none.",
)
def ucb1(choose: Any, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """Untried arms, equal means, equal counts, and arms on which other rules choose otherwise."""
    K = int(rng.integers(3, 6))
    means, counts = np.round(rng.uniform(0.4, 0.9, K), 2), rng.integers(1, 9, K)
    first, second = np.sort(rng.choice(np.arange(1, K), 2, replace=False))
    counts[[first, second]] = 0
    means[[first, second]] = 0
    # a good arm that was pulled once: no bonus for the untried ones would be enough
    counts[0] = 1
    yield "pulls an untried arm first, the lowest index first", choose(means, counts, int(counts.sum()) + 1)
    yield "pulls an untried arm first, the lowest index first", choose(np.zeros(K), np.zeros(K, dtype=int), 1)
    # ln 1 is 0: no bonus, however large, is left
    yield "pulls an untried arm first, the lowest index first", choose(means, counts, 1)
    # index 0 is no truth value: the only untried arm is the first
    worse = np.array([0.0, 0.9])
    yield "pulls an untried arm first, the lowest index first", choose(worse, np.array([0, 1]), 2)
    for arms in _telling_arms(rng):
        yield "takes the arm of greatest mean + sqrt(2 ln t / count)", choose(*arms)
    tried = rng.permutation(np.arange(1, K + 1) * 3)
    equal = np.full(K, float(np.round(rng.uniform(0.2, 0.8), 1)))
    yield "prefers the arm that was pulled less where means are equal", choose(equal, tried, int(tried.sum()) + 1)
    ordered = np.round(rng.permutation(K) / 5 + 0.1, 1)
    tried = np.full(K, int(rng.integers(2, 9)))
    yield "prefers the better arm where all were pulled equally often", choose(ordered, tried, int(tried.sum()) + 1)
    # a greatest mean that was pulled most: any bonus at all would choose another
    means, counts = np.round(0.5 + 0.02 * rng.permutation(K), 2), np.full(K, 2)
    counts[means.argmax()] = 50
    yield "adds nothing at t = 1, where ln t is 0", choose(means, counts, 1)
    means[means.argmax()] = 1.4
    yield "adds nothing at t = 1, where ln t is 0", choose(means, counts, 1)


def _ucb1_by(rule: Rule, name: str, diagnosis: str) -> None:
    """A mistake of UCB1: another score, untried arms first."""

    def mistaken(means: np.ndarray, counts: np.ndarray, t: int) -> int:
        means, counts = np.asarray(means, dtype=float), np.asarray(counts)
        return int(np.argmin(counts) if (counts == 0).any() else np.argmax(rule(means, counts, t)))

    mistaken.__name__ = mistaken.__qualname__ = name
    mistaken.__doc__ = diagnosis
    ucb1.mistake(mistaken)


for _name, (_diagnosis, _rule) in WRONG_SCORES.items():
    _ucb1_by(_rule, _name, _diagnosis)


@ucb1.mistake
def last_untried(means: np.ndarray, counts: np.ndarray, t: int) -> int:
    """Of several untried arms it takes the last: the lowest index is to come first."""
    untried = np.flatnonzero(np.asarray(counts) == 0)
    return int(untried[-1]) if len(untried) else reference.ucb1(means, counts, t)


@ucb1.mistake
def misses_the_first_arm(means: np.ndarray, counts: np.ndarray, t: int) -> int:
    """`untried.any()` asks whether some *index* is not 0: if arm 0 alone is untried it says no. Ask `len(untried)`."""
    means, counts = np.asarray(means), np.asarray(counts)
    untried = np.flatnonzero(counts == 0)
    return int(untried[0]) if untried.any() else int(np.argmax(_scores(means, np.maximum(counts, 1), t)))


@ucb1.mistake
def untried_as_if_pulled_once(means: np.ndarray, counts: np.ndarray, t: int) -> int:
    """It treats an untried arm as if it had been pulled once, `max(count, 1)`: others may then be pulled before it. An
    arm of which nothing is known comes first.
    """
    return int(np.argmax(_scores(np.asarray(means), np.maximum(counts, 1), t)))


@ucb1.mistake
def adds_one_to_the_counts(means: np.ndarray, counts: np.ndarray, t: int) -> int:
    """It adds 1 to the counts so as not to divide by zero: that makes every bonus smaller, and an untried arm may have
    to wait. Ask for untried arms first.
    """
    return int(np.argmax(_guarded_scores(np.asarray(means), counts, t)))


@ucb1.mistake
def tiny_count_for_the_untried(means: np.ndarray, counts: np.ndarray, t: int) -> int:
    """It gives untried arms a tiny count instead of asking for them first: at t = 1, where ln t is 0, no bonus is left
    to lift them.
    """
    return int(np.argmax(_scores(np.asarray(means), np.maximum(counts, 1e-9), t)))


@ucb1.mistake
def counts_for_itself(means: np.ndarray, counts: np.ndarray, t: int) -> int:
    """It puts the sum of the counts in the place of `t`: use the time that you are given."""
    untried = np.flatnonzero(np.asarray(counts) == 0)
    return int(untried[0]) if len(untried) else int(np.argmax(_scores(np.asarray(means), counts, np.sum(counts))))


@ucb1.mistake
def time_plus_one(means: np.ndarray, counts: np.ndarray, t: int) -> int:
    """It takes ln(t + 1): t starts at 1 already, where ln t is 0 and the bonus with it."""
    untried = np.flatnonzero(np.asarray(counts) == 0)
    return int(untried[0]) if len(untried) else int(np.argmax(_scores(np.asarray(means), counts, t + 1)))


@ucb1.mistake
def counts_arms_from_one(means: np.ndarray, counts: np.ndarray, t: int) -> int:
    """It counts arms from 1: an index starts at 0."""
    return reference.ucb1(means, counts, t) + 1


@ucb1.mistake
def returns_the_score(means: np.ndarray, counts: np.ndarray, t: int) -> float:
    """It returns the greatest score, `max`: the arm that has it is asked for, `argmax`."""
    counts = np.asarray(counts)
    return 0.0 if (counts == 0).any() else float(np.max(_scores(np.asarray(means), counts, t)))


DRAWS = 200


def _counts(K: int, draws: int) -> Callable[[list[Any]], np.ndarray]:
    def count(chosen: list[Any]) -> np.ndarray:
        arms = np.asarray(chosen)
        if arms.shape != (draws,) or (arms != np.round(arms)).any():
            raise ValueError("an arm is a whole number")
        if arms.min() < 0 or arms.max() >= K:
            raise ValueError(f"there are arms 0 to {K - 1}, and it chose {int(arms.max())}")
        return np.bincount(arms.astype(int), minlength=K)

    return count


@exercise(
    reference.thompson,
    points=2,
    minutes=6,
    hints=[
        "What do you believe of an arm after some successes and failures? A whole distribution: draw from it.",
        "`rng.beta(a, b)` takes arrays: one call draws for all arms. Nothing seen yet means Beta(1, 1), which is "
        "uniform.",
        "`draws = rng.beta(1 + successes, 1 + failures)`, then the index of the greatest draw.",
    ],
    afterword="Each arm is pulled as often as it is believed to be the best (probability matching). It explores where "
    "it is unsure, stops by itself, and needs no parameter. It is what «bts» in the logs below stands for.",
)
def thompson(choose: Any, rng: np.random.Generator) -> Iterator[tuple[Any, ...]]:
    """How often each arm is chosen: before anything is seen, with doubt, with certainty."""
    K = int(rng.integers(3, 5))

    def often(successes: Any, failures: Any, draws: int = DRAWS) -> Any:
        order = rng.permutation(len(successes))
        made = np.array(successes)[order], np.array(failures)[order]
        return derived(_counts(len(successes), draws), repeated(choose, draws, *made, rng))

    yield (
        "chooses all arms equally often before anything is seen",
        often([0] * K, [0] * K),
        SameFrequencies(),
    )
    more = int(rng.integers(0, 3))
    yield (
        "chooses each arm as often as it is believed to be the best",
        often([3 + more, 5 + more], [1, 4]),
        SameFrequencies(),
    )
    yield (
        "chooses each arm as often as it is believed to be the best",
        often([4, 2, 1], [4, 3, 3 + more]),
        SameFrequencies(),
    )
    # one pull each: 1 more weighs most here, and 2/3 of the draws are the first arm's
    yield (
        "chooses each arm as often as it is believed to be the best",
        often([1, 0, 0, 0], [0, 1, 1, 1], 900),
        SameFrequencies(),
    )
    yield (
        "hardly ever chooses an arm that is known to be worse",
        often([90 + more, 30], [30, 90]),
        SameFrequencies(),
    )
    yield (
        "hardly ever chooses an arm that is known to be worse",
        often([6 + more, 0], [54, 60]),
        SameFrequencies(),
    )
    yield (
        "still tries arms of which little is known",
        often([90 + more, 0, 0, 0, 0], [10, 0, 0, 0, 0]),
        SameFrequencies(),
    )
    successes = failures = np.zeros(K, dtype=int)
    seed = int(rng.integers(2**31))
    turns = [repeated(choose, 50, successes, failures, np.random.default_rng(seed)) for _ in range(2)]
    yield "draws from the generator that it is given", derived(np.array_equal, *turns)
    first, second = (observed(choose, successes, failures, rng).left[2] for _ in range(2))
    yield "draws from the generator that it is given", derived(lambda one, two: one != two, first, second)


@thompson.mistake
def successes_and_failures_swapped(successes: np.ndarray, failures: np.ndarray, rng: np.random.Generator) -> int:
    """It prefers arms that fail: successes come first, Beta(1 + successes, 1 + failures), and the greatest draw
    wins.
    """
    return reference.thompson(failures, successes, rng)


@thompson.mistake
def without_the_prior(successes: np.ndarray, failures: np.ndarray, rng: np.random.Generator) -> int:
    """The 1s are missing: Beta(0, 0) does not exist, so an arm that never paid, or never failed, cannot be drawn."""
    return int(np.argmax(rng.beta(np.asarray(successes), np.asarray(failures))))


@thompson.mistake
def almost_no_prior(successes: np.ndarray, failures: np.ndarray, rng: np.random.Generator) -> int:
    """It adds a tiny number where a 1 belongs: the draw of an untried arm is then almost exactly 0 or 1. Beta(1, 1) is
    uniform.
    """
    return int(np.argmax(rng.beta(np.asarray(successes) + 1e-3, np.asarray(failures) + 1e-3)))


@thompson.mistake
def at_least_one(successes: np.ndarray, failures: np.ndarray, rng: np.random.Generator) -> int:
    """It replaces a count of 0 by 1 where 1 is to be *added*: an arm that paid once is then believed to be no better
    than one never tried.
    """
    return int(np.argmax(rng.beta(np.maximum(successes, 1), np.maximum(failures, 1))))


@thompson.mistake
def failures_at_least_one(successes: np.ndarray, failures: np.ndarray, rng: np.random.Generator) -> int:
    """It replaces failures of 0 by 1 where 1 is to be *added*, as to the successes: an arm that failed once is then
    believed to be no worse than one that never did.
    """
    return int(np.argmax(rng.beta(1 + np.asarray(successes), np.maximum(failures, 1))))


@thompson.mistake
def mean_of_two_draws(successes: np.ndarray, failures: np.ndarray, rng: np.random.Generator) -> int:
    """It takes the mean of several draws for each arm: that has less doubt in it than there is. Draw once."""
    draws = rng.beta(1 + np.asarray(successes), 1 + np.asarray(failures), (2, len(successes)))
    return int(np.argmax(draws.mean(axis=0)))


@thompson.mistake
def pulls_for_failures(successes: np.ndarray, failures: np.ndarray, rng: np.random.Generator) -> int:
    """Its second parameter counts all pulls: that is Beta(1 + successes, 1 + pulls), and successes count against the
    arm as well. Failures alone belong there.
    """
    successes, failures = np.asarray(successes), np.asarray(failures)
    return int(np.argmax(rng.beta(1 + successes, 1 + successes + failures)))


@thompson.mistake
def pulls_for_successes(successes: np.ndarray, failures: np.ndarray, rng: np.random.Generator) -> int:
    """Its first parameter counts all pulls: an arm that only ever failed would look half as good as it could be.
    Successes alone belong there.
    """
    successes, failures = np.asarray(successes), np.asarray(failures)
    return int(np.argmax(rng.beta(1 + successes + failures, 1 + failures)))


@thompson.mistake
def noise_of_one_width(successes: np.ndarray, failures: np.ndarray, rng: np.random.Generator) -> int:
    """It adds the same noise to each mean, however often the arm was pulled: doubt has to shrink with what was seen,
    as the Beta distribution's does.
    """
    successes, failures = np.asarray(successes), np.asarray(failures)
    return int(np.argmax(rng.normal((1 + successes) / (2 + successes + failures), 0.1)))


@thompson.mistake
def mean_of_the_belief(successes: np.ndarray, failures: np.ndarray, rng: np.random.Generator) -> int:
    """It takes the arm of greatest mean belief and draws nothing: that is greedy. A draw from the whole
    distribution is what explores.
    """
    successes, failures = np.asarray(successes), np.asarray(failures)
    return int(np.argmax((1 + successes) / (2 + successes + failures)))


@thompson.mistake
def proportional_to_the_mean(successes: np.ndarray, failures: np.ndarray, rng: np.random.Generator) -> int:
    """It chooses an arm in proportion to its mean: a bad arm is then pulled for ever. Draw a rate for each arm, and
    take the greatest.
    """
    means = (1 + np.asarray(successes)) / (2 + np.asarray(successes) + np.asarray(failures))
    return int(rng.choice(len(means), p=means / means.sum()))


@thompson.mistake
def uniform_draws(successes: np.ndarray, failures: np.ndarray, rng: np.random.Generator) -> int:
    """It chooses at random, whatever was seen: what each arm paid has to shape its draw."""
    return int(rng.integers(len(successes)))


@thompson.mistake
def generator_of_its_own(successes: np.ndarray, failures: np.ndarray, rng: np.random.Generator) -> int:
    """It draws from another generator than `rng`: nobody can repeat what it did, and seeds are of no use."""
    return reference.thompson(successes, failures, np.random.default_rng())


@thompson.mistake
def generator_in_part(successes: np.ndarray, failures: np.ndarray, rng: np.random.Generator) -> int:
    """A part of its draws comes from elsewhere, `np.random` or the module `random`: nobody can repeat what it did. Draw
    all of them from `rng`.
    """
    drawn = [
        source.beta(1 + np.asarray(successes), 1 + np.asarray(failures)) for source in (np.random.default_rng(), rng)
    ]
    return int(np.argmax(np.where(np.arange(len(successes)) == 0, *drawn)))


@thompson.mistake
def returns_the_draw(successes: np.ndarray, failures: np.ndarray, rng: np.random.Generator) -> float:
    """It returns the greatest draw, `max`: the arm that has it is asked for, `argmax`."""
    return float(np.max(rng.beta(1 + np.asarray(successes), 1 + np.asarray(failures))))


@exercise(
    reference.cumulative_regret,
    points=1,
    minutes=4,
    hints=[
        "What does one step cost, against always taking the best arm? And ten steps?",
        "A step costs best_rate − chosen rate. The regret at step t is the sum of all costs up to it: `np.cumsum`.",
        "`np.cumsum(best_rate - np.asarray(chosen_rates))`.",
    ],
    afterword="Regret is computed from true rates, so luck is not in it: it judges the choices. A line that keeps "
    "rising straight has not learnt; one that bends has. Good methods grow like ln T (Lai and Robbins 1985).",
)
def cumulative_regret(regret: Any, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """A first step, some steps, the best all along, none at all."""
    T = int(rng.integers(3, 6))
    best = float(np.round(rng.uniform(0.7, 0.9), 2))
    chosen = np.round(rng.permutation(5)[:T] / 10 + rng.uniform(0.05, 0.15), 2)
    yield "starts with the cost of the first step", derived(lambda result: result[0], regret(best, chosen))
    yield "adds up what each step cost against the best arm", regret(best, chosen)
    # the best arm in between, and not at the end
    mixed = np.array([chosen[0], best, best, chosen[1]])
    yield "stays where it is while the best arm is chosen", regret(best, mixed)
    yield "is 0 all along for the best arm", regret(best, np.full(T, best))
    yield "is empty for no steps", regret(best, np.zeros(0))


@cumulative_regret.mistake
def not_added_up(best_rate: float, chosen_rates: np.ndarray) -> np.ndarray:
    """It gives the cost of each step alone: cumulative means all steps up to this one together."""
    return best_rate - np.asarray(chosen_rates)


@cumulative_regret.mistake
def total_alone(best_rate: float, chosen_rates: np.ndarray) -> float:
    """It gives the last number alone: the regret at every step is asked for, [T]."""
    return float(np.sum(best_rate - np.asarray(chosen_rates)))


@cumulative_regret.mistake
def turned_round(best_rate: float, chosen_rates: np.ndarray) -> np.ndarray:
    """The difference is turned round: a cost is best − chosen, never below 0."""
    return np.asarray(np.cumsum(np.asarray(chosen_rates) - best_rate))


@cumulative_regret.mistake
def best_of_the_chosen(best_rate: float, chosen_rates: np.ndarray) -> np.ndarray:
    """It compares with the best arm that was chosen: the best arm there is, `best_rate`, may never have been."""
    chosen = np.asarray(chosen_rates)
    return np.asarray(np.cumsum(np.max(chosen, initial=0.0) - chosen))


@cumulative_regret.mistake
def mean_regret(best_rate: float, chosen_rates: np.ndarray) -> np.ndarray:
    """It divides by the number of steps: that is regret per step. Cumulative regret is the sum."""
    chosen = np.asarray(chosen_rates)
    return np.asarray(np.cumsum(best_rate - chosen) / np.arange(1, len(chosen) + 1))


@cumulative_regret.mistake
def best_counted_once(best_rate: float, chosen_rates: np.ndarray) -> np.ndarray:
    """It subtracts the sum of the chosen rates from one `best_rate`: after t steps the best arm would have had t of
    them.
    """
    return best_rate - np.cumsum(chosen_rates)


@cumulative_regret.mistake
def a_step_late(best_rate: float, chosen_rates: np.ndarray) -> np.ndarray:
    """It is a step behind: the regret at a step has that step's own cost in it."""
    cost = best_rate - np.asarray(chosen_rates)
    return np.asarray(np.cumsum(cost) - cost)


@cumulative_regret.mistake
def with_a_zero_in_front(best_rate: float, chosen_rates: np.ndarray) -> np.ndarray:
    """It puts a 0 in front and has one entry too many: the first entry is the cost of the first step."""
    return np.concatenate([[0.0], np.cumsum(best_rate - np.asarray(chosen_rates))])


@cumulative_regret.mistake
def from_the_end(best_rate: float, chosen_rates: np.ndarray) -> np.ndarray:
    """It adds up from the end, what is still to be lost: regret is what choosing has cost so far."""
    return np.asarray(np.cumsum((best_rate - np.asarray(chosen_rates))[::-1])[::-1])


@cumulative_regret.mistake
def adds_up_the_rates(best_rate: float, chosen_rates: np.ndarray) -> np.ndarray:
    """It adds up the chosen rates themselves: that is what was earned. Regret is what was missed, best − chosen."""
    return np.cumsum(chosen_rates)


@cumulative_regret.mistake
def zero_for_no_steps(best_rate: float, chosen_rates: np.ndarray) -> Any:
    """For no steps it answers with a number, 0: there is an entry for each step, and so none."""
    return reference.cumulative_regret(best_rate, chosen_rates) if len(chosen_rates) else 0.0


@cumulative_regret.mistake
def compares_the_first_step(best_rate: float, chosen_rates: np.ndarray) -> np.ndarray:
    """It starts from `chosen_rates[0]` before it knows that there is one: for no steps the answer is empty."""
    total = best_rate - chosen_rates[0]
    result: list[float] = []
    for rate in chosen_rates:
        result.append(total if not result else result[-1] + best_rate - rate)
    return np.array(result)


Rows = tuple[np.ndarray, np.ndarray, np.ndarray]


def _rows(rng: np.random.Generator, n: int) -> Rows:
    """Rewards, logged and target propensities of n rows; rewards above 0, weights far from 1 and from each other."""
    rewards = np.round(rng.permutation(np.arange(1, n + 1)) + rng.uniform(0, 0.4, n), 1)
    logged = np.round(rng.uniform(0.15, 0.45, n), 2)
    weights = rng.permutation(np.array([0.4, 2.2, 0.6, 1.7, 0.3])[:n]) * rng.uniform(0.95, 1.05)
    return rewards, logged, np.round(weights * logged, 3)


def _estimator(made: Exercise, name: str, diagnosis: str, formula: Callable[..., Any]) -> None:
    """A mistake of an estimator, written as a formula of r (rewards), b (logged), e (target) and the predictions."""

    def mistaken(rewards: np.ndarray, logged_propensity: np.ndarray, target_propensity: np.ndarray) -> Any:
        with np.errstate(all="ignore"):
            return formula(*map(np.asarray, (rewards, logged_propensity, target_propensity)))

    def mistaken_with_model(
        rewards: np.ndarray,
        logged_propensity: np.ndarray,
        target_propensity: np.ndarray,
        predicted_logged: np.ndarray,
        predicted_target: np.ndarray,
    ) -> Any:
        given = (rewards, logged_propensity, target_propensity, predicted_logged, predicted_target)
        with np.errstate(all="ignore"):
            return formula(*map(np.asarray, given))

    mistake: Callable[..., Any] = mistaken if len(made.parameters()) == 3 else mistaken_with_model
    mistake.__name__ = mistake.__qualname__ = name
    mistake.__doc__ = diagnosis
    made.mistake(mistake)


@exercise(
    reference.ips,
    points=2,
    minutes=8,
    hints=[
        "A row that the target would log twice as often as this log does must count twice. Which number says so?",
        "The weight of a row is target / logged. Multiply the reward by it, and take the mean over all rows.",
        "`np.mean(target / logged * rewards)`, with each made an array first.",
    ],
    afterword="Its mean is right whatever the target is, as long as the log's propensities are right and above 0 "
    "wherever the target's are. What it pays is variance: one row of weight 50 is 50 rows that agree with each other.",
)
def ips(estimate: Any, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """One row, several, rows that the target never takes, equal policies, rewards below 0."""
    yield "weighs a reward by target / logged", estimate(*_rows(rng, 1))
    for n in (2, int(rng.integers(3, 6))):
        yield "is the mean of weight times reward over all rows", estimate(*_rows(rng, n))
    rewards, logged, target = _rows(rng, 4)
    target[rng.integers(4)] = 0.0
    yield "counts rows of weight 0 among the rows", estimate(rewards, logged, target)
    rewards, logged, _ = _rows(rng, 3)
    yield "is the mean reward where the two policies agree", estimate(rewards, logged, logged)
    rewards, logged, _ = _rows(rng, 2)
    yield "keeps a large weight as it is", estimate(rewards, np.array([0.02, 0.4]), np.array([0.5, 0.3]))
    rewards, logged, target = _rows(rng, 3)
    rewards[0] = 0.0
    yield "takes rewards of 0 and below 0 as they are", estimate(-rewards, logged, target)


for _name, _diagnosis, _formula in (
    (
        "weights_inverted",
        "The weight is turned round: it is target / logged. A row that the log has too often must count less.",
        lambda r, b, e: np.mean(b / e * r),
    ),
    (
        "self_normalised",
        "It divides by the sum of the weights: that is SNIPS, the next exercise. IPS divides by the number of rows.",
        lambda r, b, e: np.sum(e / b * r) / np.sum(e / b),
    ),
    (
        "sum_of_terms",
        "It adds the terms up: the value of a policy is per row, so take the mean.",
        lambda r, b, e: np.sum(e / b * r),
    ),
    (
        "unweighted",
        "There are no weights: the plain mean of the log says what the logging policy earned, not the target.",
        lambda r, b, e: np.mean(r),
    ),
    (
        "logged_alone",
        "It divides by the logged propensity and forgets the target: that is the value of a policy which takes every "
        "action with probability 1.",
        lambda r, b, e: np.mean(r / b),
    ),
    (
        "target_alone",
        "It weighs by the target's propensity and does not divide by the logged one: how often the log took the "
        "action has to be taken out.",
        lambda r, b, e: np.mean(e * r),
    ),
    (
        "multiplied",
        "It multiplies the two propensities: divide by the logged one.",
        lambda r, b, e: np.mean(e * b * r),
    ),
    (
        "ratio_of_means",
        "It divides the means, one ratio for all rows: each row has a weight of its own.",
        lambda r, b, e: np.mean(e) / np.mean(b) * np.mean(r),
    ),
    (
        "clipped",
        "It cuts weights off at a limit: that buys less variance with bias, and has a name of its own, clipped IPS. "
        "Here each weight stays as it is.",
        lambda r, b, e: np.mean(np.minimum(e / b, 10) * r),
    ),
    (
        "clipped_at_one",
        "It lets no weight exceed 1: rows that the log has too rarely must count more than once.",
        lambda r, b, e: np.mean(np.minimum(e / b, 1) * r),
    ),
    (
        "rows_of_weight_zero_left_out",
        "It leaves out rows that the target would never log, and divides by the rest: they are rows of the log, and "
        "count with weight 0.",
        lambda r, b, e: np.sum(e / b * r) / np.sum(e > 0),
    ),
    (
        "rows_without_reward_left_out",
        "It averages over rows with a reward only: rows without a click are what makes a click rate.",
        lambda r, b, e: np.sum(e / b * r) / np.sum(r > 0),
    ),
    (
        "difference",
        "It weighs by target − logged: how much more often is a ratio.",
        lambda r, b, e: np.mean((e - b) * r),
    ),
    (
        "terms_of_the_rows",
        "It returns the terms one by one: take their mean.",
        lambda r, b, e: e / b * r,
    ),
):
    _estimator(ips, _name, _diagnosis, _formula)


@exercise(
    reference.snips,
    points=1,
    minutes=5,
    hints=[
        "In a weighted mean, what does one divide by?",
        "The same weights as in IPS, used twice: once times the rewards, once alone.",
        "`np.sum(weights * rewards) / np.sum(weights)` with `weights = target / logged`.",
    ],
    afterword="The weights average 1 only in expectation. Dividing by what they really sum to takes that chance out: a "
    "little bias, which vanishes as N grows, for often much less variance (Swaminathan and Joachims 2015).",
)
def snips(estimate: Any, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """Several rows, equal rewards, scaled weights, zero weights, one row."""
    for n in (2, int(rng.integers(3, 6))):
        yield "is the weighted mean of the rewards", estimate(*_rows(rng, n))
    rewards, logged, target = _rows(rng, 3)
    yield "is the reward itself where all rewards are equal", estimate(np.full(3, rewards[0]), logged, target)
    yield "does not change where all weights are halved", estimate(rewards, logged, target / 2)
    rewards, logged, target = _rows(rng, 4)
    target[rng.integers(4)] = 0.0
    yield "gives no say to a row that the target never takes", estimate(rewards, logged, target)
    rewards, logged, target = _rows(rng, 3)
    yield "takes rewards of 0 and below 0 as they are", estimate(rewards - rewards[0] - 0.5, logged, target)
    rewards[0] = 0.0
    yield "takes rewards of 0 and below 0 as they are", estimate(rewards, logged, target)


for _name, _diagnosis, _formula in (
    (
        "not_normalised",
        "It divides by the number of rows: that is IPS. Self-normalised means divided by the sum of the weights.",
        lambda r, b, e: np.mean(e / b * r),
    ),
    (
        "weights_inverted",
        "The weight is turned round: it is target / logged. A row that the log has too often must count less.",
        lambda r, b, e: np.sum(b / e * r) / np.sum(b / e),
    ),
    (
        "divided_twice",
        "It divides by the sum of the weights and by the number of rows: the sum of the weights stands in the place "
        "of the number.",
        lambda r, b, e: np.mean(e / b * r) / np.sum(e / b),
    ),
    (
        "sum_not_normalised",
        "It adds weighted rewards up and divides by nothing: divide by the sum of the weights.",
        lambda r, b, e: np.sum(e / b * r),
    ),
    (
        "normalised_by_the_target",
        "It divides by the sum of the target's propensities: divide by the sum of what you have multiplied by, "
        "target / logged.",
        lambda r, b, e: np.sum(e / b * r) / np.sum(e),
    ),
    (
        "target_alone",
        "It weighs by the target's propensity alone: how often the log took the action has to be divided out.",
        lambda r, b, e: np.sum(e * r) / np.sum(e),
    ),
    (
        "logged_alone",
        "It weighs by 1 / logged and forgets the target: that is the value of a policy that takes all actions alike.",
        lambda r, b, e: np.sum(r / b) / np.sum(1 / b),
    ),
    (
        "normalised_over_rewarded_rows",
        "It sums the weights of rows with a reward only: rows without a click are what makes a click rate.",
        lambda r, b, e: np.sum(e / b * r) / np.sum((e / b)[r > 0]),
    ),
    (
        "normalised_by_the_greatest",
        "It divides by the greatest weight: a weighted mean divides by the sum of the weights.",
        lambda r, b, e: np.mean(e / b * r) / np.max(e / b),
    ),
    (
        "unweighted",
        "There are no weights: the plain mean of the log says what the logging policy earned, not the target.",
        lambda r, b, e: np.mean(r),
    ),
    (
        "weights_squared",
        "It weighs twice: the weights are normalised and then multiplied by target / logged once more.",
        lambda r, b, e: np.sum((e / b) ** 2 * r) / np.sum(e / b),
    ),
    (
        "terms_of_the_rows",
        "It returns the terms one by one: add them up.",
        lambda r, b, e: e / b * r / np.sum(e / b),
    ),
):
    _estimator(snips, _name, _diagnosis, _formula)


@exercise(
    reference.doubly_robust,
    points=2,
    minutes=8,
    hints=[
        "Start from what the model says of the target policy. Where was the model wrong, and how much does it count?",
        "The surprise of a row is reward − predicted_logged; it is weighed by target / logged, as in IPS.",
        "The mean of `predicted_target + target / logged * (rewards - predicted_logged)`.",
    ],
    afterword="Right if either the propensities or the model are right, hence the name (Dudík, Langford, Li 2011). A "
    "good model leaves small surprises, so the large weights have little to multiply; with a model of zeros it is IPS.",
)
def doubly_robust(estimate: Any, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """A model that is right, one that knows nothing, one in between."""

    def predictions(n: int) -> tuple[np.ndarray, np.ndarray]:
        away = rng.choice([-1.0, 1.0], n) * rng.uniform(0.3, 0.6, n)
        return np.round(away + 0.8, 1), np.round(rng.uniform(2, 4, n), 1)

    rewards, logged, target = _rows(rng, 3)
    _, predicted_target = predictions(3)
    yield (
        "is what the model says where the model is right",
        estimate(rewards, logged, target, rewards, predicted_target),
    )
    rewards, logged, target = _rows(rng, 3)
    yield "is IPS where the model predicts 0", estimate(rewards, logged, target, np.zeros(3), np.zeros(3))
    for n in (1, 2, int(rng.integers(3, 6))):
        yield "adds the weighted surprise to what the model says", estimate(*_rows(rng, n), *predictions(n))
    rewards, logged, target = _rows(rng, 4)
    target[rng.integers(4)] = 0.0
    yield "keeps the model's word where the weight is 0", estimate(rewards, logged, target, *predictions(4))


for _name, _diagnosis, _corrected in (
    (
        "unweighted_correction",
        "The surprise is not weighed: the log has its rows as the logging policy chose them, so each surprise counts "
        "target / logged times.",
        lambda r, b, e, p, q: np.mean(q + r - p),
    ),
    (
        "weights_inverted",
        "The weight is turned round: it is target / logged.",
        lambda r, b, e, p, q: np.mean(q + b / e * (r - p)),
    ),
    (
        "model_alone",
        "There is no correction: that is the direct method, as wrong as its model is.",
        lambda r, b, e, p, q: np.mean(q),
    ),
    (
        "ips_alone",
        "The model plays no part: that is IPS.",
        lambda r, b, e, p, q: np.mean(e / b * r),
    ),
    (
        "surprise_against_the_target",
        "The surprise is taken against predicted_target: what came back belongs to the logged action, so compare it "
        "with the model at that action.",
        lambda r, b, e, p, q: np.mean(q + e / b * (r - q)),
    ),
    (
        "predictions_swapped",
        "The two predictions are swapped: predicted_target stands alone, predicted_logged is compared with the reward.",
        lambda r, b, e, p, q: np.mean(p + e / b * (r - q)),
    ),
    (
        "starts_from_the_logged_action",
        "It starts from predicted_logged, the model at the action that the log took: what the target would earn is "
        "predicted_target.",
        lambda r, b, e, p, q: np.mean(p + e / b * (r - p)),
    ),
    (
        "counts_the_reward_twice",
        "It adds the weighted reward to the model's answer and takes nothing away: predicted_logged must be "
        "subtracted first, or all is counted twice.",
        lambda r, b, e, p, q: np.mean(q + e / b * r),
    ),
    (
        "surprise_turned_round",
        "The surprise is turned round: reward − predicted. More than was predicted must move the estimate up.",
        lambda r, b, e, p, q: np.mean(q + e / b * (p - r)),
    ),
    (
        "weighs_everything",
        "The weight stands before the whole bracket: the model's answer for the target needs no weight, it is about "
        "the target already.",
        lambda r, b, e, p, q: np.mean(e / b * (q + r - p)),
    ),
    (
        "weighs_the_reward_alone",
        "The weight stands before the reward alone: the prediction that is taken away needs the same weight.",
        lambda r, b, e, p, q: np.mean(q + e / b * r - p),
    ),
    (
        "sum_of_terms",
        "It adds the terms up: the value of a policy is per row, so take the mean.",
        lambda r, b, e, p, q: np.sum(q + e / b * (r - p)),
    ),
    (
        "self_normalised",
        "It divides the correction by the sum of the weights: here it is divided by the number of rows, as in IPS.",
        lambda r, b, e, p, q: np.mean(q) + np.sum(e / b * (r - p)) / np.sum(e / b),
    ),
    (
        "terms_of_the_rows",
        "It returns the terms one by one: take their mean.",
        lambda r, b, e, p, q: q + e / b * (r - p),
    ),
):
    _estimator(doubly_robust, _name, _diagnosis, _corrected)


RESAMPLES = 2000


@exercise(
    reference.bootstrap_interval,
    points=2,
    minutes=10,
    hints=[
        "If the log were drawn anew, how would the mean vary? The values themselves are the best picture there is of "
        "where they came from: draw from them.",
        "One resample is `values[rng.integers(n, size=n)]`, with n the number of values: some come twice, some not at "
        "all. Keep its mean, `resamples` times.",
        "The ends are quantiles of those means, at (1 − level) / 2 and (1 + level) / 2: `np.quantile(means, [...])`.",
    ],
    afterword="It needs no formula for the variance. What it cannot know is what the sample does not hold: from 10,000 "
    "rows without a click it would promise exactly 0.",
)
def bootstrap_interval(interval: Any, rng: np.random.Generator) -> Iterator[tuple[Any, ...]]:
    """Values of some spread; two values and a lone large one, of which the exact ends are known; equal ones."""
    n = int(rng.integers(12, 16))
    values = np.round(rng.normal(5, 3, n), 1)
    # as wide as the seed pleases: the spread decides what is near
    values = np.round(5 + 3 * (values - values.mean()) / values.std(), 1)
    yield (
        "holds the middle share `level` of the resampled means",
        interval(values, 0.7, RESAMPLES, rng),
        Close(absolute=0.3 * 3 / np.sqrt(n)),
    )
    low = float(np.round(rng.uniform(0, 4), 1))
    high = low + 5
    two = np.array([low, high])
    yield "resamples as many values as there are, with replacement", interval(two, 0.8, 400, rng)
    lone = np.full(5, low)
    lone[rng.integers(5)] = high
    yield "takes its ends from the means, not from a formula around them", interval(lone, 0.96, RESAMPLES, rng)
    yield "has no width where all values are equal", interval(np.full(3, low), 0.9, 50, rng)
    seed = int(rng.integers(2**31))
    turns = [interval(values, 0.9, 5, np.random.default_rng(seed)) for _ in range(2)]
    yield "draws from the generator that it is given", derived(np.array_equal, *turns)
    first, second = (observed(interval, values, 0.9, 5, rng).left[3] for _ in range(2))
    yield "draws from the generator that it is given", derived(lambda one, two: one != two, first, second)


def _means(values: Any, resamples: int, rng: np.random.Generator, size: int | None = None) -> np.ndarray:
    values = np.asarray(values, dtype=float)
    drawn = rng.integers(len(values), size=(resamples, size or len(values)))
    return np.asarray(values[drawn].mean(axis=1))


def _ends(means: np.ndarray, low: float, high: float) -> tuple[float, float]:
    return float(np.quantile(means, low)), float(np.quantile(means, high))


@bootstrap_interval.mistake
def interval_of_single_values(
    values: np.ndarray, level: float, resamples: int, rng: np.random.Generator
) -> tuple[float, float]:
    """It is an interval of single values: means vary less, by the root of N. Take the mean of each resample first."""
    values = np.asarray(values, dtype=float)
    drawn = values[rng.integers(len(values), size=(resamples, len(values)))]
    return _ends(drawn.ravel(), (1 - level) / 2, (1 + level) / 2)


@bootstrap_interval.mistake
def nothing_resampled(
    values: np.ndarray, level: float, resamples: int, rng: np.random.Generator
) -> tuple[float, float]:
    """It takes the quantiles of the values as they are: that says where single values lie. Resample them, take the mean
    of each resample, and the quantiles of those means.
    """
    return _ends(np.asarray(values, dtype=float), (1 - level) / 2, (1 + level) / 2)


@bootstrap_interval.mistake
def without_replacement(
    values: np.ndarray, level: float, resamples: int, rng: np.random.Generator
) -> tuple[float, float]:
    """It draws without replacement: all N values in another order have the same mean each time. Some must come twice,
    and others not at all.
    """
    values = np.asarray(values, dtype=float)
    means = rng.permuted(np.tile(values, (resamples, 1)), axis=1).mean(axis=1)
    return _ends(means, (1 - level) / 2, (1 + level) / 2)


@bootstrap_interval.mistake
def half_of_the_values(
    values: np.ndarray, level: float, resamples: int, rng: np.random.Generator
) -> tuple[float, float]:
    """Its resamples are smaller than the sample, and their means vary more: draw as many values as there are."""
    means = _means(values, resamples, rng, size=max(1, len(values) // 2))
    return _ends(means, (1 - level) / 2, (1 + level) / 2)


@bootstrap_interval.mistake
def axes_swapped(values: np.ndarray, level: float, resamples: int, rng: np.random.Generator) -> tuple[float, float]:
    """It averages over the wrong axis: N means of `resamples` values each, far too narrow. It should be `resamples`
    means of N values.
    """
    means = _means(values, len(values), rng, size=resamples)
    return _ends(means, (1 - level) / 2, (1 + level) / 2)


@bootstrap_interval.mistake
def level_outside(values: np.ndarray, level: float, resamples: int, rng: np.random.Generator) -> tuple[float, float]:
    """It leaves the share `level` outside: level is the coverage, what lies within."""
    return _ends(_means(values, resamples, rng), level / 2, 1 - level / 2)


@bootstrap_interval.mistake
def all_of_it_on_each_side(
    values: np.ndarray, level: float, resamples: int, rng: np.random.Generator
) -> tuple[float, float]:
    """It leaves 1 − level out on each side: half of it belongs below and half above."""
    means = _means(values, resamples, rng)
    return _ends(means, min(level, 1 - level), max(level, 1 - level))


@bootstrap_interval.mistake
def always_95_percent(
    values: np.ndarray, level: float, resamples: int, rng: np.random.Generator
) -> tuple[float, float]:
    """It takes the quantiles of a 95 % interval whatever `level` says."""
    return _ends(_means(values, resamples, rng), 0.025, 0.975)


@bootstrap_interval.mistake
def percent_for_share(
    values: np.ndarray, level: float, resamples: int, rng: np.random.Generator
) -> tuple[float, float]:
    """`np.percentile` counts in percent and `np.quantile` in shares: both ends come out among the very least means."""
    low, high = np.percentile(_means(values, resamples, rng), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


@bootstrap_interval.mistake
def normal_approximation(
    values: np.ndarray, level: float, resamples: int, rng: np.random.Generator
) -> tuple[float, float]:
    """It makes a symmetric interval, mean ± a multiple of the standard error: a few large values make the means
    skewed, and percentiles show it.
    """
    means = _means(values, resamples, rng)
    share = _ends(rng.normal(size=4000), (1 - level) / 2, (1 + level) / 2)[1]
    return float(np.mean(values) - share * means.std()), float(np.mean(values) + share * means.std())


@bootstrap_interval.mistake
def mirrored(values: np.ndarray, level: float, resamples: int, rng: np.random.Generator) -> tuple[float, float]:
    """It mirrors the quantiles at the mean: that is the «basic» bootstrap, another interval. The percentile interval
    takes them as they are.
    """
    low, high = _ends(_means(values, resamples, rng), (1 - level) / 2, (1 + level) / 2)
    centre = float(np.mean(values))
    return 2 * centre - high, 2 * centre - low


@bootstrap_interval.mistake
def ends_swapped(values: np.ndarray, level: float, resamples: int, rng: np.random.Generator) -> tuple[float, float]:
    """The ends are swapped: the lower one comes first."""
    low, high = _ends(_means(values, resamples, rng), (1 - level) / 2, (1 + level) / 2)
    return high, low


@bootstrap_interval.mistake
def mean_and_half_width(
    values: np.ndarray, level: float, resamples: int, rng: np.random.Generator
) -> tuple[float, float]:
    """It returns the mean and half the width: the two ends are asked for."""
    low, high = _ends(_means(values, resamples, rng), (1 - level) / 2, (1 + level) / 2)
    return float(np.mean(values)), (high - low) / 2


@bootstrap_interval.mistake
def medians(values: np.ndarray, level: float, resamples: int, rng: np.random.Generator) -> tuple[float, float]:
    """It takes the median of each resample: the interval of the mean is asked for. Where clicks are rare the median
    is 0.
    """
    values = np.asarray(values, dtype=float)
    drawn = values[rng.integers(len(values), size=(resamples, len(values)))]
    return _ends(np.median(drawn, axis=1), (1 - level) / 2, (1 + level) / 2)


@bootstrap_interval.mistake
def sums(values: np.ndarray, level: float, resamples: int, rng: np.random.Generator) -> tuple[float, float]:
    """It adds each resample up: the interval of the mean is asked for, so divide by N."""
    return _ends(_means(values, resamples, rng) * len(values), (1 - level) / 2, (1 + level) / 2)


@bootstrap_interval.mistake
def never_draws_the_last(
    values: np.ndarray, level: float, resamples: int, rng: np.random.Generator
) -> tuple[float, float]:
    """The upper end of `rng.integers` is already left out: with `len(values) - 1` the last value is never drawn."""
    values = np.asarray(values, dtype=float)
    return _ends(
        values[rng.integers(len(values) - 1, size=(resamples, len(values)))].mean(axis=1),
        (1 - level) / 2,
        (1 + level) / 2,
    )


@bootstrap_interval.mistake
def seeds_itself(values: np.ndarray, level: float, resamples: int, rng: np.random.Generator) -> tuple[float, float]:
    """It draws from another generator than `rng`: nobody can repeat what it did, and seeds are of no use."""
    return _ends(_means(values, resamples, np.random.default_rng()), (1 - level) / 2, (1 + level) / 2)


@bootstrap_interval.mistake
def seeds_itself_in_part(
    values: np.ndarray, level: float, resamples: int, rng: np.random.Generator
) -> tuple[float, float]:
    """A part of its draws comes from elsewhere, `np.random` or the module `random`: nobody can repeat what it did. Draw
    all of them from `rng`.
    """
    means = [_means(values, resamples, source) for source in (np.random.default_rng(), rng)]
    return _ends(np.where(np.arange(resamples) % 2, *means), (1 - level) / 2, (1 + level) / 2)
