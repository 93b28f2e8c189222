"""Lesson 01: returns, foresight and adaptation in code; what meta-RL is, and is not, in four quizzes."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from autograder.exercise import exercise, quiz
from autograder.proxy import derived
from solutions import concepts as reference


def some_rewards(rng: np.random.Generator, steps: int) -> np.ndarray:
    """Rewards with halves, none of them 0 and no two the same."""
    return rng.permutation(np.arange(1, 10))[:steps] + 0.5 * rng.integers(0, 2, steps)


def some_gamma(rng: np.random.Generator) -> float:
    """A discount factor that is neither 0, 1 nor 1/2, where gamma and 1 − gamma could not be told apart."""
    return float(rng.choice([0.2, 0.3, 0.4, 0.6, 0.7, 0.8, 0.9]))


@exercise(
    reference.discounted_return,
    points=2,
    minutes=5,
    hints=[
        "Write the sum out for three rewards on paper. Which power of gamma stands before the first one?",
        "The weights are gamma⁰, gamma¹, gamma², ..., and gamma⁰ is 1 even at gamma 0. A sum over nothing is 0.",
        "With `t = np.arange(len(rewards))` the weights are `gamma**t`. Multiply by the rewards and add up.",
    ],
    afterword="Gamma says how far a policy looks ahead, about 1 / (1 − gamma) steps. At gamma 0.98 a click 35 steps "
    "from now counts half: 0.98³⁵ ≈ 0.49.",
)
def discounted_return(worth: Any, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """Single steps, then a session; the two borders of gamma; no step at all; whole numbers."""
    gamma = some_gamma(rng)
    yield "counts the first reward in full", worth(some_rewards(rng, 1), gamma)
    for steps in (2, 3, 4):
        yield (
            "discounts each later reward by gamma once more",
            worth(some_rewards(rng, steps), some_gamma(rng)),
        )
    yield "is the plain sum at gamma 1", worth(some_rewards(rng, 3), 1.0)
    yield "is the first reward alone at gamma 0", worth(some_rewards(rng, 3), 0.0)
    yield "is 0 for no rewards", worth(np.zeros(0), gamma)
    for steps in (2, 3):
        whole = rng.integers(1, 10, steps)
        yield "takes whole-number rewards as well", worth(whole, some_gamma(rng))


@discounted_return.mistake
def discounts_the_first(rewards: np.ndarray, gamma: float) -> float:
    """It discounts the first reward too. What comes now counts in full: its weight is gamma⁰ = 1, so count
    from 0.
    """
    return float(np.sum(rewards * gamma ** np.arange(1, len(rewards) + 1)))


@discounted_return.mistake
def counts_from_the_end(rewards: np.ndarray, gamma: float) -> float:
    """The powers run backwards: the last reward counts in full and the first one least. What is far off must
    weigh less.
    """
    return float(np.sum(rewards * gamma ** np.arange(len(rewards))[::-1]))


@discounted_return.mistake
def discounts_once(rewards: np.ndarray, gamma: float) -> float:
    """Every later reward is multiplied by gamma once, however late it is: a reward t steps away needs gamma
    to the power t.
    """
    return float(np.sum(rewards[:1]) + gamma * np.sum(rewards[1:]))


@discounted_return.mistake
def discounts_twice_a_step(rewards: np.ndarray, gamma: float) -> float:
    """The power grows too fast: it multiplies gamma**t into a weight that has the earlier powers in it
    already.
    """
    return float(np.sum(rewards * np.cumprod(gamma ** np.arange(len(rewards)))))


@discounted_return.mistake
def gamma_times_t(rewards: np.ndarray, gamma: float) -> float:
    """It multiplies by gamma · t. The weight is gamma to the power t (`**`), which is 1 at t = 0."""
    return float(np.sum(rewards * gamma * np.arange(len(rewards))))


@discounted_return.mistake
def base_and_power_swapped(rewards: np.ndarray, gamma: float) -> float:
    """It takes `t**gamma`, which grows with t: the weight is gamma to the power t, `gamma**t`."""
    return float(np.sum(rewards * np.arange(len(rewards)) ** float(gamma)))


@discounted_return.mistake
def returns_inside_the_loop(rewards: np.ndarray, gamma: float) -> float | None:
    """Its `return` stands inside the loop, which ends it after the first reward. Move it out, to the left."""
    return float(rewards[0]) if len(rewards) else None


@discounted_return.mistake
def mean(rewards: np.ndarray, gamma: float) -> float:
    """It divides by the number of rewards. A return is a sum: a session twice as long may be worth twice as
    much.
    """
    return float(np.sum(rewards * gamma ** np.arange(len(rewards))) / max(len(rewards), 1))


@discounted_return.mistake
def mean_of_nothing(rewards: np.ndarray, gamma: float) -> float:
    """It takes a mean, which a return is not, and for no rewards that is 0/0. A return is a sum, and a sum of
    nothing is 0.
    """
    return float(np.mean(rewards * gamma ** np.arange(len(rewards))))


@discounted_return.mistake
def weighted_mean(rewards: np.ndarray, gamma: float) -> float:
    """It divides by the sum of the weights, which makes a weighted mean of the rewards. A return is the sum
    alone.
    """
    weights = gamma ** np.arange(len(rewards))
    return float(np.sum(rewards * weights) / max(np.sum(weights), 1.0))


@discounted_return.mistake
def undiscounted(rewards: np.ndarray, gamma: float) -> float:
    """It adds the rewards up as they are, and gamma plays no part."""
    return float(np.sum(rewards))


@discounted_return.mistake
def rate_for_factor(rewards: np.ndarray, gamma: float) -> float:
    """It uses 1 − gamma. Gamma is the factor that a step multiplies by, not the share that a step takes away."""
    return float(np.sum(rewards * (1 - gamma) ** np.arange(len(rewards))))


@discounted_return.mistake
def interest_rate(rewards: np.ndarray, gamma: float) -> float:
    """It divides by (1 + gamma)**t, as finance does with an interest rate. Here gamma is itself the factor of
    a step.
    """
    return float(np.sum(rewards / (1 + gamma) ** np.arange(len(rewards))))


@discounted_return.mistake
def forgets_the_last(rewards: np.ndarray, gamma: float) -> float:
    """The last reward is left out: `range(len(rewards))` already stops before len(rewards)."""
    return float(sum(rewards[t] * gamma**t for t in range(len(rewards) - 1)))


@discounted_return.mistake
def starts_from_the_first(rewards: np.ndarray, gamma: float) -> float:
    """It reads `rewards[0]` before it knows that there is one. Start from a total of 0, and an empty session
    needs no case.
    """
    total = float(rewards[0])
    for t in range(1, len(rewards)):
        total += float(rewards[t]) * gamma**t
    return total


@discounted_return.mistake
def takes_a_logarithm(rewards: np.ndarray, gamma: float) -> float:
    """It writes gamma**t as exp(t · log(gamma)), and log(0) is −infinity: at gamma 0 that makes 0 ·
    (−infinity), NaN.
    """
    with np.errstate(all="ignore"):
        return float(np.sum(rewards * np.exp(np.arange(len(rewards)) * np.log(gamma))))


@discounted_return.mistake
def whole_number_weights(rewards: np.ndarray, gamma: float) -> float:
    """Its weights have the dtype of the rewards. Where those are whole numbers, gamma is cut down to 0: make
    floats.
    """
    weights = np.ones_like(rewards)
    for t in range(1, len(rewards)):
        weights[t] = gamma**t
    return float(np.sum(rewards * weights))


@discounted_return.mistake
def one_term_each(rewards: np.ndarray, gamma: float) -> np.ndarray:
    """It returns the discounted rewards one by one: add them up to one number."""
    return np.asarray(rewards * gamma ** np.arange(len(rewards)))


@exercise(
    reference.rewards_to_go,
    points=2,
    minutes=8,
    hints=[
        "Begin at the end. What is still to come at the last step? And at the one before it?",
        "Each entry is its own reward plus gamma times the entry after it: G_t = r_t + gamma · G_(t+1). After the end "
        "G is 0.",
        "Make `result = np.zeros(len(rewards))`, which are floats. Go through `t` in `reversed(range(len(rewards)))` "
        "and carry `following = rewards[t] + gamma * following` along.",
    ],
    afterword="One pass from the end does it; adding up anew at each step takes T²/2 additions. The recursion comes "
    "back as Bellman's equation in lesson 03, as GAE in lesson 05 and for thousands of users at once in lesson 06.",
)
def rewards_to_go(to_go: Any, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """The last entry, the first, all of them; the two borders of gamma; no step at all; whole numbers."""
    for steps in (2, 3):
        session = some_rewards(rng, steps), some_gamma(rng)
        yield "gives the last step its own reward", derived(lambda result: result[-1], to_go(*session))
        session = some_rewards(rng, steps), some_gamma(rng)
        yield (
            "gives the first step the discounted return of the session",
            derived(lambda result: result[0], to_go(*session)),
        )
    for steps in (3, 4):
        yield (
            "gives each step its reward and the discounted ones after it",
            to_go(some_rewards(rng, steps), some_gamma(rng)),
        )
    yield "is the plain sum of what is to come at gamma 1", to_go(some_rewards(rng, 3), 1.0)
    yield "is each step's own reward at gamma 0", to_go(some_rewards(rng, 3), 0.0)
    yield "is empty for no rewards", to_go(np.zeros(0), some_gamma(rng))
    yield "keeps fractions where rewards are whole numbers", to_go(rng.integers(1, 10, 3), some_gamma(rng))


@rewards_to_go.mistake
def from_the_start(rewards: np.ndarray, gamma: float) -> np.ndarray:
    """It adds up what has come so far. To go means from this step on: what is past cannot be changed by this
    action.
    """
    return np.asarray(np.cumsum(rewards * gamma ** np.arange(len(rewards))))


@rewards_to_go.mistake
def forwards(rewards: np.ndarray, gamma: float) -> np.ndarray:
    """The recursion runs from the start, so that each step holds what came before it. Go through the steps
    from the end.
    """
    result, before = np.zeros(len(rewards)), 0.0
    for t in range(len(rewards)):
        before = rewards[t] + gamma * before
        result[t] = before
    return result


@rewards_to_go.mistake
def not_discounted(rewards: np.ndarray, gamma: float) -> np.ndarray:
    """It adds up what is to come without gamma."""
    return np.cumsum(np.asarray(rewards)[::-1])[::-1].astype(float)


@rewards_to_go.mistake
def discounts_to_the_start(rewards: np.ndarray, gamma: float) -> np.ndarray:
    """It discounts to the start of the session, so that late steps look worthless. Discounting starts anew at
    each step.
    """
    return np.asarray(np.cumsum((rewards * gamma ** np.arange(len(rewards)))[::-1])[::-1])


@rewards_to_go.mistake
def divides_discounts_out(rewards: np.ndarray, gamma: float) -> np.ndarray:
    """It discounts to the start and divides by gamma**t afterwards: at gamma 0 that is 0/0, and for long
    sessions it overflows.
    """
    weights = gamma ** np.arange(len(rewards))
    with np.errstate(all="ignore"):
        return np.asarray(np.cumsum((rewards * weights)[::-1])[::-1] / weights)


@rewards_to_go.mistake
def without_its_own(rewards: np.ndarray, gamma: float) -> np.ndarray:
    """It leaves out the step's own reward: what an action earns at once is part of what it is worth."""
    result, following = np.zeros(len(rewards)), 0.0
    for t in reversed(range(len(rewards))):
        result[t] = following
        following = rewards[t] + gamma * following
    return result


@rewards_to_go.mistake
def discounts_its_own(rewards: np.ndarray, gamma: float) -> np.ndarray:
    """It discounts the step's own reward too: gamma belongs to what comes after this step only."""
    return gamma * reference.rewards_to_go(rewards, gamma)


@rewards_to_go.mistake
def left_reversed(rewards: np.ndarray, gamma: float) -> np.ndarray:
    """The values are right and their order is not: built from the end, the list must be turned round once
    more.
    """
    return reference.rewards_to_go(rewards, gamma)[::-1].copy()


@rewards_to_go.mistake
def same_for_all(rewards: np.ndarray, gamma: float) -> np.ndarray:
    """Every step gets the return of the whole session. Each should get only what was still to come."""
    return np.full(len(rewards), reference.discounted_return(rewards, gamma))


@rewards_to_go.mistake
def one_number(rewards: np.ndarray, gamma: float) -> float:
    """It is one number, the return of the whole session. One a step is asked for: what is still to come there."""
    return reference.discounted_return(rewards, gamma)


@rewards_to_go.mistake
def next_reward_only(rewards: np.ndarray, gamma: float) -> np.ndarray:
    """It looks one step ahead: it adds gamma times the next *reward*, where the next entry of the *result* is
    needed.
    """
    result = np.array(rewards, dtype=float)
    result[:-1] += gamma * rewards[1:]
    return result


@rewards_to_go.mistake
def whole_number_result(rewards: np.ndarray, gamma: float) -> np.ndarray:
    """The result has the dtype of the rewards (`zeros_like`): with whole numbers each entry is cut down. Make
    an array of floats.
    """
    result, following = np.zeros_like(rewards), 0.0
    for t in reversed(range(len(rewards))):
        following = rewards[t] + gamma * following
        result[t] = following
    return result


@rewards_to_go.mistake
def starts_from_the_last(rewards: np.ndarray, gamma: float) -> np.ndarray:
    """It reads the last reward before it knows that there is one. Start from 0, what comes after the end."""
    following = float(rewards[-1])
    result = [following]
    for reward in rewards[-2::-1]:
        following = float(reward) + gamma * following
        result.append(following)
    return np.array(result[::-1])


@rewards_to_go.mistake
def zero_for_none(rewards: np.ndarray, gamma: float) -> np.ndarray:
    """For no rewards it answers 0, a step that there never was: no steps, no entries."""
    return reference.rewards_to_go(rewards, gamma) if len(rewards) else np.zeros(1)


def a_choice(rng: np.random.Generator, items: int) -> tuple[np.ndarray, np.ndarray, float]:
    """A catalogue where looking ahead changes the choice and nothing is nearly a tie."""
    while True:
        click = rng.permutation(np.arange(1, 20))[:items] / 20
        future = rng.permutation(np.arange(0, 20))[:items] / 10
        gamma = some_gamma(rng)
        worth = click + gamma * future
        if np.argmax(click) != np.argmax(worth) and np.diff(np.sort(worth))[-1] > 0.02:
            return click, future, gamma


def a_choice_by_gamma(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, float]:
    """Four items: best by the click, with gamma, with the future in full, and by the future alone."""
    gamma = float(rng.choice([0.3, 0.4, 0.6, 0.7]))
    click = np.array([0.95, 0.75, 0.45, 0.1]) - rng.integers(0, 4, 4) / 100
    drops = -np.diff(click)
    second = (drops[0] + 0.1) / gamma
    third = second + drops[1] * (1 + 1 / gamma) / 2
    future = np.array([0.0, second, third, third + 0.15]).round(2)
    order = rng.permutation(4)
    return click[order], future[order], gamma


def first(pair: Any) -> Any:
    """The first of two."""
    return _two(pair)[0]


def second(pair: Any) -> Any:
    """The second of two."""
    return _two(pair)[1]


def _two(pair: Any) -> Any:
    if not isinstance(pair, list | tuple | np.ndarray) or len(pair) != 2:
        raise TypeError("two indices are asked for, the myopic item and the farsighted one")
    return pair


@exercise(
    reference.myopic_and_farsighted,
    points=2,
    minutes=5,
    hints=[
        "Both choices are «the item for which some number is greatest». Which number is it for each?",
        "`np.argmax` gives the index of the greatest entry; `np.max` would give the entry itself.",
        "`int(np.argmax(click_probability))`, and the same with `click_probability + gamma * future_value`.",
    ],
    afterword="A click model answers the first question only. Where the future value comes from is what the rest of "
    "the course is about: Q-learning (lesson 03) learns the whole sum, click and future together, from experience.",
)
def myopic_and_farsighted(choose: Any, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """Catalogues of two to five items where foresight changes the choice, then some where it cannot."""
    for items in (2, 3, 4, 5):
        yield "first: the item of greatest click probability", derived(first, choose(*a_choice(rng, items)))
        yield (
            "second: the item of greatest click probability + gamma · future value",
            derived(second, choose(*a_choice(rng, items))),
        )
    for _ in range(2):
        yield "weighs the future by gamma", derived(second, choose(*a_choice_by_gamma(rng)))
    for _ in range(2):
        click, future, _ = a_choice_by_gamma(rng)
        # argmax of nothing but zeros is 0, so that neither the right item nor the one without gamma may stand there
        while 0 in (np.argmax(click), np.argmax(click + future)):
            click, future = np.roll(click, 1), np.roll(future, 1)
        yield "names one item twice at gamma 0", choose(click, future, 0.0)
    for items in (2, 3):
        yield "returns the two as a pair", choose(*a_choice(rng, items))


@myopic_and_farsighted.mistake
def swapped(click_probability: np.ndarray, future_value: np.ndarray, gamma: float) -> tuple[int, int]:
    """The two are in the other order: first the myopic item, then the farsighted one."""
    myopic, farsighted = reference.myopic_and_farsighted(click_probability, future_value, gamma)
    return farsighted, myopic


@myopic_and_farsighted.mistake
def values_for_indices(click_probability: np.ndarray, future_value: np.ndarray, gamma: float) -> tuple[float, float]:
    """It returns how good the best items are, not which ones they are: `np.argmax` gives the index, `np.max`
    the value.
    """
    return float(np.max(click_probability)), float(np.max(click_probability + gamma * future_value))


@myopic_and_farsighted.mistake
def ignores_gamma(click_probability: np.ndarray, future_value: np.ndarray, gamma: float) -> tuple[int, int]:
    """The future counts in full, where gamma must weigh it."""
    return int(np.argmax(click_probability)), int(np.argmax(click_probability + future_value))


@myopic_and_farsighted.mistake
def discounts_the_click_too(click_probability: np.ndarray, future_value: np.ndarray, gamma: float) -> tuple[int, int]:
    """Gamma stands before both terms and so decides nothing. The click counts in full; gamma weighs the future."""
    return int(np.argmax(click_probability)), int(np.argmax(gamma * (click_probability + future_value)))


@myopic_and_farsighted.mistake
def multiplies(click_probability: np.ndarray, future_value: np.ndarray, gamma: float) -> tuple[int, int]:
    """It multiplies the click by the future. Both are clicks, now and later: add them up."""
    return int(np.argmax(click_probability)), int(np.argmax(click_probability * gamma * future_value))


@myopic_and_farsighted.mistake
def only_the_future(click_probability: np.ndarray, future_value: np.ndarray, gamma: float) -> tuple[int, int]:
    """The farsighted choice forgets the click: looking ahead means the click *and* what comes after it."""
    return int(np.argmax(click_probability)), int(np.argmax(future_value))


@myopic_and_farsighted.mistake
def only_after_a_click(click_probability: np.ndarray, future_value: np.ndarray, gamma: float) -> tuple[int, int]:
    """It multiplies the future by the click probability. The session goes on without a click too: the value
    given covers both.
    """
    farsighted = np.argmax(click_probability + gamma * click_probability * future_value)
    return int(np.argmax(click_probability)), int(farsighted)


@myopic_and_farsighted.mistake
def shares_the_weight(click_probability: np.ndarray, future_value: np.ndarray, gamma: float) -> tuple[int, int]:
    """It weighs the click by 1 − gamma. The click counts in full; gamma weighs the future alone."""
    farsighted = np.argmax((1 - gamma) * click_probability + gamma * future_value)
    return int(np.argmax(click_probability)), int(farsighted)


@myopic_and_farsighted.mistake
def never_looks_ahead(click_probability: np.ndarray, future_value: np.ndarray, gamma: float) -> tuple[int, int]:
    """It never looks ahead: the myopic item is named twice. Add gamma · future value before you look for the
    second.
    """
    myopic = int(np.argmax(click_probability))
    return myopic, myopic


@myopic_and_farsighted.mistake
def smallest(click_probability: np.ndarray, future_value: np.ndarray, gamma: float) -> tuple[int, int]:
    """It takes the smallest, `argmin`, where the greatest is asked for."""
    return int(np.argmin(click_probability)), int(np.argmin(click_probability + gamma * future_value))


@myopic_and_farsighted.mistake
def counts_from_one(click_probability: np.ndarray, future_value: np.ndarray, gamma: float) -> tuple[int, int]:
    """It counts items from 1. An index counts from 0, so that `items[index]` is the item chosen."""
    myopic, farsighted = reference.myopic_and_farsighted(click_probability, future_value, gamma)
    return myopic + 1, farsighted + 1


@myopic_and_farsighted.mistake
def one_answer(click_probability: np.ndarray, future_value: np.ndarray, gamma: float) -> int:
    """Two items are asked for, as a pair: `return myopic, farsighted`."""
    return int(np.argmax(click_probability + gamma * future_value))


def some_returns(rng: np.random.Generator, tasks: int, episodes: int) -> np.ndarray:
    """Returns [tasks, episodes] with halves, of tasks that differ in level; the first episode is neither best
    nor 0.
    """
    level = rng.permutation(np.arange(2, 9))[:tasks, None]
    steps = rng.permutation(np.arange(1, 9))[:episodes]
    returns = level + steps + 0.5 * rng.integers(0, 5, (tasks, episodes))
    return np.asarray(returns)


@exercise(
    reference.adaptation_gain,
    points=2,
    minutes=6,
    hints=[
        "There are two axes, tasks and episodes. Over which one is a mean taken, and which one is left in the answer?",
        "Average the tasks away (`axis=0`): that is the learning curve, one number an episode. Then compare it with "
        "its own start.",
        "`curve = returns.mean(axis=0)`, and the answer is `curve - curve[0]`.",
    ],
    afterword="A policy that does not adapt gains nothing, however good it is. Gain is not level, so always show both. "
    "And a gain on training tasks proves nothing: meta-RL is judged on tasks that it never saw.",
)
def adaptation_gain(gain: Any, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """The start, the curve, a curve that falls, a flat one, one task, one episode, whole numbers."""
    for tasks, episodes in ((2, 2), (3, 4)):
        yield (
            "is 0 for the first episode",
            derived(lambda result: result[0], gain(some_returns(rng, tasks, episodes))),
        )
    for tasks, episodes in ((2, 3), (3, 2), (4, 3)):
        yield (
            "is what each episode gained over the first, in the mean over the tasks",
            gain(some_returns(rng, tasks, episodes)),
        )
    falling = np.sort(some_returns(rng, 2, 3), axis=1)[:, ::-1]
    yield "falls below 0 where episodes go worse than the first", gain(np.array(falling))
    level = rng.permutation(np.arange(1, 10))[:2] / 2
    yield "is 0 throughout for a policy that never adapts", gain(np.repeat(level[:, None], 3, axis=1))
    yield "has one entry for a single episode", gain(some_returns(rng, 2, 1))
    yield "takes a single task", gain(some_returns(rng, 1, 3))
    whole = rng.integers(1, 10, (2, 3))
    whole[0, 1] += 1 - (whole[:, 1].sum() - whole[:, 0].sum()) % 2
    yield "keeps fractions where returns are whole numbers", gain(whole)


@adaptation_gain.mistake
def learning_curve(returns: np.ndarray) -> np.ndarray:
    """It is the learning curve itself. A gain is measured from the first episode: subtract that one's mean."""
    return np.asarray(np.mean(returns, axis=0))


@adaptation_gain.mistake
def over_the_episodes(returns: np.ndarray) -> np.ndarray:
    """The mean runs over the episodes, so that one number a task is left. The tasks are what is averaged
    away: axis 0.
    """
    means = np.mean(returns, axis=1)
    return np.asarray(means - means[0])


@adaptation_gain.mistake
def over_the_previous(returns: np.ndarray) -> np.ndarray:
    """It compares each episode with the one before it. The gain is over the first: what has been learnt in
    all.
    """
    curve = np.mean(returns, axis=0)
    return np.diff(curve, prepend=curve[0])


@adaptation_gain.mistake
def over_the_first_task(returns: np.ndarray) -> np.ndarray:
    """It subtracts the first *task* (a row). The first *episode* is a column: `returns[:, :1]`."""
    return np.asarray(np.mean(returns - returns[0], axis=0))


@adaptation_gain.mistake
def over_the_mean(returns: np.ndarray) -> np.ndarray:
    """It subtracts the mean of all episodes, which have learnt already. Compare with the first, before
    anything was learnt.
    """
    return np.asarray(np.mean(returns, axis=0) - np.mean(returns))


@adaptation_gain.mistake
def over_the_worst(returns: np.ndarray) -> np.ndarray:
    """It subtracts the worst episode, so that nothing can ever fall below 0. Subtract the first one."""
    curve = np.mean(returns, axis=0)
    return np.asarray(curve - np.min(curve))


@adaptation_gain.mistake
def for_each_task(returns: np.ndarray) -> np.ndarray:
    """The gains of the single tasks are still there: average them over the tasks, so that one number an
    episode is left.
    """
    return np.asarray(returns - returns[:, :1])


@adaptation_gain.mistake
def sum_over_tasks(returns: np.ndarray) -> np.ndarray:
    """It adds the tasks up: twice as many tasks would look like twice the gain. Take their mean."""
    return np.asarray(np.sum(returns - returns[:, :1], axis=0))


@adaptation_gain.mistake
def last_only(returns: np.ndarray) -> float:
    """It is one number, and one an episode is asked for: how fast a policy adapts shows only in all of them."""
    return float(np.mean(returns[:, -1] - returns[:, 0]))


@adaptation_gain.mistake
def drops_the_first(returns: np.ndarray) -> np.ndarray:
    """The first episode is missing: its gain is 0 and stands first, so that entry k belongs to episode k."""
    return reference.adaptation_gain(returns)[1:]


@adaptation_gain.mistake
def never_negative(returns: np.ndarray) -> np.ndarray:
    """It cuts losses off at 0. A policy that gets worse must be seen to get worse."""
    return np.asarray(np.maximum(reference.adaptation_gain(returns), 0))


@adaptation_gain.mistake
def absolute(returns: np.ndarray) -> np.ndarray:
    """It drops the sign: a loss would look like a gain."""
    return np.abs(reference.adaptation_gain(returns))


@adaptation_gain.mistake
def sign_turned(returns: np.ndarray) -> np.ndarray:
    """The difference is the wrong way round: the episode less the first, not the first less the episode."""
    return -reference.adaptation_gain(returns)


@adaptation_gain.mistake
def relative(returns: np.ndarray) -> np.ndarray:
    """It divides by the first episode's mean, and that is a share. A difference is asked for, in units of
    return.
    """
    curve = np.mean(returns, axis=0)
    return np.asarray(curve / curve[0] - 1)


@adaptation_gain.mistake
def median(returns: np.ndarray) -> np.ndarray:
    """It takes the median over the tasks. The objective of meta-RL is an expectation, so the mean is what it
    moves.
    """
    curve = np.median(returns, axis=0)
    return np.asarray(curve - curve[0])


@adaptation_gain.mistake
def whole_number_gain(returns: np.ndarray) -> np.ndarray:
    """The result has the dtype of the returns: with whole numbers the means lose their fractions. Keep
    floats.
    """
    return reference.adaptation_gain(returns).astype(returns.dtype)


@adaptation_gain.mistake
def squeezed(returns: np.ndarray) -> np.ndarray:
    """`squeeze` drops every axis of length 1, also the tasks or episodes when there is only one. Average over
    axis 0 alone.
    """
    rows = np.squeeze(returns)
    curve = np.mean(rows, axis=0)
    return np.asarray(curve - curve[0] if np.ndim(curve) else np.zeros(()))


what_is_meta_rl = quiz(
    reference.what_is_meta_rl,
    {
        "objective": (
            "objective: what meta-RL maximises",
            {
                "a": (
                    "That is ordinary RL: one task, and the best policy for it. Meta-RL learns a procedure "
                    "that does well on many."
                ),
                "b": (
                    "That is one policy for the average task, as multi-task training or domain "
                    "randomisation gives. It need not adapt at all."
                ),
                "d": (
                    "Size appears nowhere in the objective. The prior that this lesson meta-learns has twenty numbers."
                ),
            },
        ),
        "inner_loop": (
            "inner_loop: what the inner loop does in a recommender",
            {
                "b": "That is the outer loop: it changes the start that all users share.",
                "c": ("That is tuning. It may surround all of meta-training, and it is neither of the two loops."),
                "d": (
                    "A session has steps in every RL method, also in one that never adapts. The inner loop "
                    "is what is *learnt* from them of this user."
                ),
            },
        ),
        "outer_loop": (
            "outer_loop: what the outer loop does",
            {
                "a": (
                    "That is the inner loop, however many sessions it takes: what is learnt of one user "
                    "stays with that user."
                ),
                "b": (
                    "Serving comes after meta-training, and then the *inner* loop runs. The outer loop has "
                    "made the learner that serves."
                ),
                "c": "A restart forgets everything. The outer loop is what gathers experience over tasks.",
            },
        ),
        "hidden_task": (
            "hidden_task: how meta-RL and POMDPs are related",
            {
                "a": "They are closely related: not to know which task it is *is* partial observation.",
                "c": (
                    "A POMDP hides part of the *state*. In both the rewards are seen, and they are evidence "
                    "of what is hidden."
                ),
                "d": (
                    "A task that is observed needs no adaptation: then it is an MDP again, with the task in its state."
                ),
            },
        ),
        "evaluation": (
            "evaluation: how to tell whether meta-learning worked",
            {
                "a": "Training tasks can be remembered. They say nothing of a user who is new.",
                "b": (
                    "One task says nothing of a distribution, and after long training the start no longer "
                    "matters: it is the first episodes that count."
                ),
                "d": "That says that the optimisation ended, not that what was learnt serves on other tasks.",
            },
        ),
    },
    points=2,
    minutes=6,
    hints=[
        "Cross out first what speaks of one task, of one model or of one method only.",
        (
            "A task is a user here. The inner loop stays with one task; the outer loop runs over many, "
            "before the user whom you serve arrives."
        ),
    ],
    afterword=(
        "In one sentence: meta-RL learns, over a distribution of tasks, a procedure that learns a new task "
        "from that distribution fast."
    ),
)


core_components = quiz(
    reference.core_components,
    {
        "policy": (
            "policy: what a policy network gives",
            {
                "a": "That is a value network: how much, not what to show.",
                "c": "That is a model of the environment. Most methods of this course have none.",
                "d": "That is a click model: supervised, one step long, and it decides nothing by itself.",
            },
        ),
        "value": (
            "value: what a value network is for",
            {
                "a": "The click now is only the first term of what it predicts.",
                "b": (
                    "A value network as such takes no action. Exploration comes from epsilon, from entropy "
                    "or from uncertainty."
                ),
                "c": (
                    "A delayed copy of weights is the target network, and what it is for is another "
                    "question of this quiz."
                ),
            },
        ),
        "target": (
            "target: what a target network stabilises",
            {
                "b": (
                    "This is the most frequent slip. Small policy updates are what PPO's clipping is for; a "
                    "target network holds the *regression target* of the values still."
                ),
                "c": "That is the inner loop's. A target network slows learning down, on purpose.",
                "d": "A schedule of epsilon or an entropy bonus does that: a delayed copy explores nothing.",
            },
        ),
        "without_target": (
            "without_target: which methods have no target network",
            {
                "a": "DQN is the method that made the target network known (Mnih et al. 2015).",
                "b": (
                    "It needs both networks: the online one picks the next action, the target one values it "
                    "(van Hasselt et al. 2016)."
                ),
                "d": (
                    "PPO, RL² trained by PPO and the decision-pretrained transformer do without. A list of "
                    "«core components» is a list for one method."
                ),
            },
        ),
        "rl2_learner": (
            "rl2_learner: where the inner loop of RL² runs",
            {
                "a": "That is MAML. In RL² no weight changes while it acts.",
                "c": "RL² has one network. What it learns of a task is in that network's activations.",
                "d": (
                    "RL² keeps no clicks to train on later: what it has seen of this user is summed up in "
                    "its hidden state."
                ),
            },
        ),
    },
    points=2,
    minutes=6,
    hints=[
        (
            "Cross out first what belongs to another component: what to show, how much is still to come, "
            "what is held still, what adapts."
        ),
        (
            "Ask of each option which line of which algorithm it would be. A target network is a delayed "
            "copy of a network that is bootstrapped from."
        ),
    ],
    afterword=(
        "Asked for «the four core components», name them and say whose they are: a target network is DQN's, "
        "a learnt initialisation is MAML's, and RL² has neither: its learner is its hidden state."
    ),
)


meta_rl_or_deep_rl = quiz(
    reference.meta_rl_or_deep_rl,
    {
        "static": (
            "static: «deep RL is for static, deterministic problems»",
            {
                "a": (
                    "Q-learning and policy gradients learn *expectations*: nothing in them asks for certain outcomes."
                ),
                "b": (
                    "A changing state is what an MDP is about. The user of this lesson changes with each impression."
                ),
                "c": (
                    "Size has nothing to do with it: a table of 243 states copes with this lesson's user, "
                    "who is random and changes."
                ),
            },
        ),
        "difference": (
            "difference: what truly tells the two apart",
            {
                "a": (
                    "Both use the same networks. A GRU can be trained on one task too, and MAML's network "
                    "may be feed-forward."
                ),
                "c": ("Chance within a task is in both. What meta-RL adds is that the *task* is drawn at random."),
                "d": "Either can do either. That is another axis.",
            },
        ),
        "model_size": (
            "model_size: what a large model adds",
            {
                "b": (
                    "The prior that was meta-learnt above has twenty numbers. What makes it meta-learnt is "
                    "what it was trained over."
                ),
                "c": (
                    "That overstates it the other way: size may help a lot where tasks are many and varied. "
                    "Lesson 09 measures it."
                ),
                "d": ("A model that has seen one task has seen nothing that it could have learnt to adapt from."),
            },
        ),
        "one_task": (
            "one_task: meta-training on a single user",
            {
                "a": (
                    "More steps on one user teach that user by heart. «By heart» in the figure above is "
                    "such a learner, and its line is flat."
                ),
                "b": ("How one user's clicks vary is not how users differ, and the prior must know the latter."),
                "d": "It converges well, to a good policy for that user: it is plain RL.",
            },
        ),
        "choice": (
            "choice: when plain deep RL is the better choice",
            {
                "a": (
                    "Certainty is no reason: the hidden-favourite tasks above are deterministic, and memory "
                    "gains on them."
                ),
                "c": "That is the case *for* meta-RL: many users, little data from each.",
                "d": "Many items ask for a model that shares what it learns over items. Both can have one.",
            },
        ),
    },
    points=2,
    minutes=6,
    hints=[
        (
            "Take the claim apart: which word of it is about the environment, which about the model, and "
            "which about the tasks?"
        ),
        (
            "Two things in this lesson decide: plain RL did well on a user who is random and changes, and a "
            "learner with memory gained on tasks where nothing is random."
        ),
    ],
    afterword=(
        "Answer such a claim in three steps: what is right in it, what is wrong, and a number. Both handle "
        "chance and change; they differ in the distribution of tasks and in how fast they adapt."
    ),
)


applications = quiz(
    reference.applications,
    {
        "policy": (
            "policy: what policy optimisation adds to a click model",
            {
                "b": ("The myopic policy of this lesson knew each click probability exactly, and earned 15.3 of 25.8."),
                "c": ("Variety came out of it here, and no rule was added: it pays because a topic shown again bores."),
                "d": "A policy is deployed on evidence, by off-policy evaluation (lesson 02) or an A/B test.",
            },
        ),
        "interests": (
            "interests: long- and short-term interest together",
            {
                "a": "A mean forgets the order: a click a minute ago weighs as much as one a year ago.",
                "b": "One click is noisy, and a taste that has held for years is thrown away.",
                "d": "Those are context. Interest, long or short, is read from what the user does.",
            },
        ),
        "new_user": (
            "new_user: what meta-RL does for a new user",
            {
                "a": "That is popularity: a strong start that never adapts, and the baseline to beat.",
                "b": ("From a handful of clicks that learns next to nothing, and the user is gone before it does."),
                "c": ("Without a click there are no neighbours yet: they can be found only after the first few."),
            },
        ),
        "new_item": (
            "new_item: how to place a new item",
            {
                "a": ("Ranking by a random vector is noise, and an item that is ranked by noise is clicked rarely."),
                "c": (
                    "There is nothing yet to adapt from. Content-based it is, and it should be called so, not meta-RL."
                ),
                "d": "That is a circle: what is not shown is not clicked.",
            },
        ),
        "baselines": (
            "baselines: «traditional methods cannot cope»",
            {
                "a": ("Popularity needs no data of the user at all: above, it earned most in the first session."),
                "b": (
                    "Not always either: from the second session on, the one that adapts is ahead. It "
                    "depends, so measure."
                ),
                "d": (
                    "Age says nothing. Of 7 neural recommenders that could be reproduced, 6 were often "
                    "beaten by simple ones (Ferrari Dacrema et al. 2019)."
                ),
            },
        ),
    },
    points=2,
    minutes=6,
    hints=[
        (
            "Ask what is known at the moment of the decision: which clicks are there, whose, and what is "
            "known of the item?"
        ),
        "Who has no click yet, the user or the item? Only from clicks can anything be adapted.",
    ],
    afterword=("Each application has its lessons: policies 03–06 and 11, new users 07–09, interests and new items 10."),
)
