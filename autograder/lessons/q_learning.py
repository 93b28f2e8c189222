"""Lesson 03: tabular Q-learning, from one action to a whole learner."""

from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Discrete

from autograder.exercise import exercise, quiz
from autograder.judges import AtLeast, Close, SameFrequencies
from autograder.proxy import derived, observed, repeated
from metarec.tabular import Tabular
from solutions import q_learning as reference

TOLERANCE = 1e-7


@exercise(
    reference.value_iteration,
    points=2,
    minutes=10,
    hints=[
        "The model is known, so no sampling: Bellman's optimality equation, put in the place of the table again and "
        "again.",
        "The value of a state is its best action's: `q_values.max(axis=1)`. `transition @ values` is the expectation.",
        "`updated = reward + gamma * (transition @ q_values.max(axis=1))`; stop when no entry moved by more than "
        "`tolerance`.",
    ],
    afterword="A row of zeros needs no special case: nothing follows, so nothing is added. Each sweep brings the "
    "table at "
    "least the factor gamma closer; at gamma 0.98 that takes some 400 sweeps for three digits.",
)
def value_iteration(solve: Any, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """Small random models, one of them with ends, one with little discount."""
    states, actions = int(rng.integers(2, 4)), 2
    model = np.round(rng.dirichlet(np.ones(states), (states, actions)), 2)
    model[..., -1] = np.round(1 - model[..., :-1].sum(axis=-1), 2)
    reward = np.round(rng.uniform(0, 2, (states, actions)), 1)
    # the second action is plainly better in one state and worse in another, so that the best differs from the mean
    reward[0] += (0, 1.5)
    reward[1] += (1.5, 0)
    gamma = float(np.round(rng.uniform(0.6, 0.8), 2))
    yield "solves Bellman's optimality equation", solve(model, reward, gamma, TOLERANCE)
    ending = model.copy()
    ending[0, 0] = ending[-1, 1] = 0
    yield "adds nothing after a row of zeros", solve(ending, reward, gamma, TOLERANCE)
    yield "sweeps until nothing changes, however little is discounted", solve(model, reward, 0.97, TOLERANCE)
    yield "is the reward alone at gamma 0", solve(model, reward, 0.0, TOLERANCE)
    # below 0 the values fall from sweep to sweep: no change is above the tolerance unless its size is taken
    yield "sweeps until nothing changes, rewards below 0 too", solve(model, reward - 5, gamma, TOLERANCE)


@value_iteration.mistake
def one_sweep(transition: np.ndarray, reward: np.ndarray, gamma: float, tolerance: float) -> np.ndarray:
    """It sweeps once: after one sweep only the next reward has been seen. Sweep until nothing changes."""
    return reward + gamma * (transition @ reward.max(axis=1))


@value_iteration.mistake
def ten_sweeps(transition: np.ndarray, reward: np.ndarray, gamma: float, tolerance: float) -> np.ndarray:
    """It sweeps a fixed number of times: how many are needed depends on gamma and the tolerance."""
    q_values = np.zeros_like(reward)
    for _ in range(10):
        q_values = reward + gamma * (transition @ q_values.max(axis=1))
    return q_values


@value_iteration.mistake
def values_a_random_policy(transition: np.ndarray, reward: np.ndarray, gamma: float, tolerance: float) -> np.ndarray:
    """It takes the mean over the next actions: that is the value of acting at random, not of acting best."""
    q_values = np.zeros_like(reward)
    for _ in range(800):
        q_values = reward + gamma * (transition @ q_values.mean(axis=1))
    return q_values


@value_iteration.mistake
def takes_the_worst_action(transition: np.ndarray, reward: np.ndarray, gamma: float, tolerance: float) -> np.ndarray:
    """It takes the *least* value of the next state: rewards are to be made large, not small."""
    q_values = np.zeros_like(reward)
    for _ in range(800):
        q_values = reward + gamma * (transition @ q_values.min(axis=1))
    return q_values


@value_iteration.mistake
def no_discounting(transition: np.ndarray, reward: np.ndarray, gamma: float, tolerance: float) -> np.ndarray:
    """Gamma is missing: without it the values of an endless episode grow with every sweep."""
    q_values = np.zeros_like(reward)
    for _ in range(60):
        q_values = reward + transition @ q_values.max(axis=1)
    return q_values


@value_iteration.mistake
def states_only(transition: np.ndarray, reward: np.ndarray, gamma: float, tolerance: float) -> np.ndarray:
    """It returns the values of the states, [S]: the values of the actions are asked for, [S, A]."""
    return reference.value_iteration(transition, reward, gamma, tolerance).max(axis=1)


@value_iteration.mistake
def stays_at_the_end(transition: np.ndarray, reward: np.ndarray, gamma: float, tolerance: float) -> np.ndarray:
    """It takes a row of zeros for staying where one is: the episode has ended, nothing follows."""
    going_on = np.array(transition, dtype=float)
    for state, action in np.argwhere(going_on.sum(axis=-1) == 0):
        going_on[state, action, state] = 1
    return reference.value_iteration(going_on, reward, gamma, tolerance)


@value_iteration.mistake
def discounts_the_reward(transition: np.ndarray, reward: np.ndarray, gamma: float, tolerance: float) -> np.ndarray:
    """It discounts the reward of the step itself: that one comes now and counts whole."""
    q_values = np.zeros_like(reward)
    for _ in range(800):
        q_values = gamma * (reward + transition @ q_values.max(axis=1))
    return q_values


@value_iteration.mistake
def stops_while_values_fall(transition: np.ndarray, reward: np.ndarray, gamma: float, tolerance: float) -> np.ndarray:
    """It compares the change itself with `tolerance`: where values fall every change is below 0, and it stops at once.
    Take the size, `np.abs`.
    """
    q_values = np.zeros_like(reward)
    while True:
        updated = reward + gamma * (transition @ q_values.max(axis=1))
        change = (updated - q_values).max()
        q_values = updated
        if change <= tolerance:
            return q_values


@value_iteration.mistake
def stops_at_a_loose_tolerance(
    transition: np.ndarray, reward: np.ndarray, gamma: float, tolerance: float
) -> np.ndarray:
    """It stops before the changes are within `tolerance`: a small change per sweep can still add up to a lot."""
    return reference.value_iteration(transition, reward, gamma, 1e-2)


DRAWS = 400


def _counts(actions: int) -> Any:
    def count(chosen: list[int]) -> np.ndarray:
        indices = np.asarray(chosen)
        if indices.shape != (DRAWS,) or (indices != np.round(indices)).any():
            raise ValueError("an action is a whole number")
        if indices.min() < 0 or indices.max() >= actions:
            raise ValueError(f"there are actions 0 to {actions - 1}, and it chose {int(indices.max())}")
        return np.bincount(indices.astype(int), minlength=actions)

    return count


@exercise(
    reference.epsilon_greedy,
    points=2,
    minutes=8,
    hints=[
        "Toss one coin first: explore or not? Then there are two ways of choosing an action.",
        "Exploring means any action, the best one included. `rng.integers(n)` draws one of n equally.",
        "`np.argmax` always takes the first of several best. `best = np.flatnonzero(q_values == q_values.max())` has "
        "them "
        "all, and `rng.choice(best)` or `best[rng.integers(len(best))]` takes one.",
    ],
    afterword="Before anything is learnt all values are equal. With `np.argmax` alone the first action would be tried "
    "again and again; ties broken at random make even a greedy start explore.",
)
def epsilon_greedy(act: Any, rng: np.random.Generator) -> Iterator[tuple[Any, ...]]:
    """Counts of many choices: greedy, tied, mixed, purely exploring."""
    actions = int(rng.integers(3, 5))
    count = _counts(actions)
    q_values = np.round(rng.permutation(actions) + rng.uniform(0, 0.5, actions) - 2, 1)
    yield (
        "takes the best action when epsilon is 0",
        derived(count, repeated(act, DRAWS, q_values, 0.0, rng)),
        SameFrequencies(),
    )
    tied = q_values.copy()
    tied[np.argsort(tied)[-2]] = tied.max()
    yield (
        "breaks ties among the best uniformly",
        derived(count, repeated(act, DRAWS, tied, 0.0, rng)),
        SameFrequencies(),
    )
    epsilon = float(np.round(rng.uniform(0.55, 0.7), 2))
    yield (
        "takes the best with probability 1 − epsilon, and else any action",
        derived(count, repeated(act, DRAWS, q_values, epsilon, rng)),
        SameFrequencies(),
    )
    yield (
        "takes every action equally often when epsilon is 1",
        derived(count, repeated(act, DRAWS, q_values, 1.0, rng)),
        SameFrequencies(),
    )
    # the coin, the exploring and the ties: each of them may be drawn from elsewhere
    seed = int(rng.integers(2**31))
    turns = [repeated(act, 50, tied, 0.5, np.random.default_rng(seed)) for _ in range(2)]
    yield "draws from the generator that it is given", derived(np.array_equal, *turns)
    first, second = observed(act, q_values, 1.0, rng).left[2], observed(act, q_values, 1.0, rng).left[2]
    yield "draws from the generator that it is given", derived(lambda one, two: one != two, first, second)


@epsilon_greedy.mistake
def never_explores(q_values: np.ndarray, epsilon: float, rng: np.random.Generator) -> int:
    """It always takes the best action and ignores epsilon: what it has never tried it will never learn about."""
    q_values = np.asarray(q_values)
    return int(rng.choice(np.flatnonzero(q_values == q_values.max())))


@epsilon_greedy.mistake
def epsilon_inverted(q_values: np.ndarray, epsilon: float, rng: np.random.Generator) -> int:
    """Epsilon is turned round: it is the probability of exploring, and here of being greedy."""
    return reference.epsilon_greedy(q_values, 1 - epsilon, rng)


@epsilon_greedy.mistake
def first_of_ties(q_values: np.ndarray, epsilon: float, rng: np.random.Generator) -> int:
    """`argmax` takes the first of several best actions: while all values are still 0 it never tries another."""
    return int(rng.integers(len(q_values))) if rng.random() < epsilon else int(np.argmax(q_values))


@epsilon_greedy.mistake
def last_of_ties(q_values: np.ndarray, epsilon: float, rng: np.random.Generator) -> int:
    """Of several best actions it always takes the last: ties must be broken at random."""
    if rng.random() < epsilon:
        return int(rng.integers(len(q_values)))
    return int(np.flatnonzero(np.asarray(q_values) == np.max(q_values))[-1])


@epsilon_greedy.mistake
def explores_only_the_others(q_values: np.ndarray, epsilon: float, rng: np.random.Generator) -> int:
    """When it explores it leaves the best action out: then epsilon 1 means «never the best», not «any action»."""
    q_values = np.asarray(q_values)
    best = int(rng.choice(np.flatnonzero(q_values == q_values.max())))
    if rng.random() >= epsilon:
        return best
    return int(rng.choice([action for action in range(len(q_values)) if action != best]))


@epsilon_greedy.mistake
def never_explores_the_last(q_values: np.ndarray, epsilon: float, rng: np.random.Generator) -> int:
    """The upper end of `rng.integers` is already left out: with `len(q_values) - 1` the last action is never
    explored.
    """
    return (
        int(rng.integers(len(q_values) - 1)) if rng.random() < epsilon else reference.epsilon_greedy(q_values, 0, rng)
    )


@epsilon_greedy.mistake
def takes_the_worst(q_values: np.ndarray, epsilon: float, rng: np.random.Generator) -> int:
    """It takes the action of *least* value: values are rewards to come, and more is better."""
    return reference.epsilon_greedy(-np.asarray(q_values), epsilon, rng)


@epsilon_greedy.mistake
def generator_of_its_own(q_values: np.ndarray, epsilon: float, rng: np.random.Generator) -> int:
    """It draws from another generator than `rng`: nobody can repeat what it did, and seeds are of no use."""
    return reference.epsilon_greedy(q_values, epsilon, np.random.default_rng())


@epsilon_greedy.mistake
def generator_in_part(q_values: np.ndarray, epsilon: float, rng: np.random.Generator) -> int:
    """A part of its draws comes from elsewhere, `np.random` or the module `random`: nobody can repeat what it did. The
    coin, the exploring and the ties all draw from `rng`.
    """
    if np.random.default_rng().random() < epsilon:
        return int(rng.integers(len(q_values)))
    return reference.epsilon_greedy(q_values, 0.0, rng)


@epsilon_greedy.mistake
def always_random(q_values: np.ndarray, epsilon: float, rng: np.random.Generator) -> int:
    """It chooses at random whatever the values say: that is epsilon 1 for ever."""
    return int(rng.integers(len(q_values)))


@epsilon_greedy.mistake
def returns_the_value(q_values: np.ndarray, epsilon: float, rng: np.random.Generator) -> float:
    """It returns the value of the best action, `max`, where the action itself is asked for, `argmax`."""
    return float(np.max(q_values)) + 0 * rng.random()


@exercise(
    reference.linear_schedule,
    points=1,
    minutes=4,
    hints=[
        "What share of the way has been gone at this step? Start there.",
        "The share is step / duration, and never more than 1. The value goes that share of the way from start to end.",
        "`start + min(step / duration, 1) * (end - start)` is right for falling and for rising values.",
    ],
    afterword="The same line serves epsilon, learning rates and PPO's clip. A schedule that is not stopped at its end "
    "makes epsilon negative, and nobody notices: it only stops exploring.",
)
def linear_schedule(schedule: Any, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """A falling and a rising line, at the borders, between and beyond."""
    start, end = float(np.round(rng.uniform(0.6, 1), 1)), float(np.round(rng.uniform(0.1, 0.4), 1))
    duration = int(rng.integers(4, 10))
    between = int(rng.integers(1, duration))
    yield "is `start` at step 0", schedule(0, start, end, duration)
    yield "lies on the straight line in between", schedule(between, start, end, duration)
    yield "is `end` at step `duration`", schedule(duration, start, end, duration)
    yield "stays at `end` afterwards", schedule(duration + int(rng.integers(1, 20)), start, end, duration)
    yield (
        "may rise as well as fall",
        [schedule(step, end, start, duration) for step in (0, between, duration, 3 * duration)],
    )


@linear_schedule.mistake
def never_stops(step: int, start: float, end: float, duration: int) -> float:
    """After `duration` the line goes on: epsilon falls below its end, even below 0. Hold it there."""
    return start + step / duration * (end - start)


@linear_schedule.mistake
def multiplies(step: int, start: float, end: float, duration: int) -> float:
    """It multiplies by the same factor at every step: that is an exponential decay, steep first and flat later."""
    return start * (end / start) ** min(step / duration, 1.0)


@linear_schedule.mistake
def turned_round(step: int, start: float, end: float, duration: int) -> float:
    """It goes from `end` to `start`: exploration would grow while the agent learns."""
    return end + min(step / duration, 1.0) * (start - end)


@linear_schedule.mistake
def arrives_a_step_early(step: int, start: float, end: float, duration: int) -> float:
    """It divides by `duration - 1` and arrives one step too early: the end is due at step `duration`."""
    return start + min(step / max(1, duration - 1), 1.0) * (end - start)


@linear_schedule.mistake
def only_falls(step: int, start: float, end: float, duration: int) -> float:
    """`max(end, ...)` holds a falling value, and throws a rising one to its end at once. Limit the share, not the
    value.
    """
    return max(end, start + step / duration * (end - start))


@linear_schedule.mistake
def only_rises(step: int, start: float, end: float, duration: int) -> float:
    """`min(end, ...)` holds a rising value, and throws a falling one to its end at once. Limit the share, not the
    value.
    """
    return min(end, start + step / duration * (end - start))


@linear_schedule.mistake
def falls_to_zero(step: int, start: float, end: float, duration: int) -> float:
    """It falls from `start` towards 0, and `end` counts only as a floor: the slope must aim at `end`."""
    return max(end, start * (1 - step / duration)) if end < start else start + min(step / duration, 1) * (end - start)


@linear_schedule.mistake
def whole_steps(step: int, start: float, end: float, duration: int) -> float:
    """`//` makes the share 0 until the very end: the value jumps from `start` to `end`. Use `/`."""
    return start + min(step // duration, 1) * (end - start)


@linear_schedule.mistake
def adds_up(step: int, start: float, end: float, duration: int) -> float:
    """It adds the share of `end` where the share of the *difference* `end - start` is due."""
    return start + min(step / duration, 1.0) * end


@exercise(
    reference.td_target,
    points=1,
    minutes=5,
    hints=[
        "What is known after one step? The reward, for sure. What else, and when is there nothing else?",
        "The rest is estimated: the best of `next_q_values`, discounted once. After a termination the rest is 0.",
        "`reward` if terminated, else `reward + gamma * max(next_q_values)`.",
    ],
    afterword="This one line is Bellman's optimality equation with a sample in the place of the expectation. Leaving "
    "out "
    "the terminal case is the most frequent fault in interview answers: the agent then values what never comes.",
)
def td_target(target: Any, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """A step that goes on and one that ends, with values of any sign."""
    actions = int(rng.integers(2, 5))
    reward = float(np.round(rng.uniform(0.5, 2), 1))
    gamma = float(np.round(rng.uniform(0.5, 0.95), 2))
    # distinct values of some size, so that best, mean, first and last all differ
    next_q_values = np.round(rng.permutation(actions) + 1 + rng.uniform(0, 0.4, actions), 1)
    yield "adds the discounted best next value", target(reward, next_q_values, False, gamma)
    yield "is the reward alone where the episode has terminated", target(reward, next_q_values, True, gamma)
    yield "works with values below 0 too", target(-reward, -next_q_values, False, gamma)
    yield "does not look ahead at gamma 0", target(reward, next_q_values, False, 0.0)


@td_target.mistake
def bootstraps_past_the_end(reward: float, next_q_values: np.ndarray, terminated: bool, gamma: float) -> float:
    """A terminated episode has no next value: the target is the reward alone."""
    return float(reward + gamma * np.max(next_q_values))


@td_target.mistake
def mask_inverted(reward: float, next_q_values: np.ndarray, terminated: bool, gamma: float) -> float:
    """The terminal case is turned round: the next value counts while the episode goes on, not where it has ended."""
    return float(reward + gamma * np.max(next_q_values) * terminated)


@td_target.mistake
def no_discount(reward: float, next_q_values: np.ndarray, terminated: bool, gamma: float) -> float:
    """Gamma is missing: what comes a step later counts gamma times as much."""
    return float(reward + (0 if terminated else np.max(next_q_values)))


@td_target.mistake
def discounts_the_reward_too(reward: float, next_q_values: np.ndarray, terminated: bool, gamma: float) -> float:
    """It discounts the reward as well: the reward comes now and counts whole, only the next value is a step away."""
    return float(gamma * (reward + (0 if terminated else np.max(next_q_values))))


@td_target.mistake
def mean_of_next(reward: float, next_q_values: np.ndarray, terminated: bool, gamma: float) -> float:
    """It takes the mean of the next values: that is the value of acting at random from then on, not of the best
    action.
    """
    return float(reward + (0 if terminated else gamma * np.mean(next_q_values)))


@td_target.mistake
def index_of_best(reward: float, next_q_values: np.ndarray, terminated: bool, gamma: float) -> float:
    """`argmax` is the number of the best action, and `max` is its value: the target needs the value."""
    return float(reward + (0 if terminated else gamma * np.argmax(next_q_values)))


@td_target.mistake
def nothing_at_the_end(reward: float, next_q_values: np.ndarray, terminated: bool, gamma: float) -> float:
    """After a termination it answers 0: the next value is gone, but the last reward was earned."""
    return 0.0 if terminated else float(reward + gamma * np.max(next_q_values))


@td_target.mistake
def best_is_never_below_zero(reward: float, next_q_values: np.ndarray, terminated: bool, gamma: float) -> float:
    """Its search for the best starts at 0: where all values are below 0 it finds none of them. Start from the first
    value.
    """
    return float(reward + (0 if terminated else gamma * max(0.0, float(np.max(next_q_values)))))


@td_target.mistake
def bits_inverted(reward: float, next_q_values: np.ndarray, terminated: bool, gamma: float) -> float:
    """`~` turns the bits of a number round: on a Python bool `~True` is −2 and `~False` is −1. Write `not`."""
    return float(reward + gamma * np.max(next_q_values) * -(int(terminated) + 1))


@td_target.mistake
def worst_at_negative(reward: float, next_q_values: np.ndarray, terminated: bool, gamma: float) -> float:
    """It takes the value that is largest in size, whatever its sign: the best of −1 and −3 is −1."""
    best = next_q_values[int(np.argmax(np.abs(next_q_values)))]
    return float(reward + (0 if terminated else gamma * best))


@exercise(
    reference.q_update,
    points=1,
    minutes=5,
    in_place=("q_table",),
    hints=[
        "How far is the entry from the target? That number is both the answer and the step's direction.",
        "Keep the error *before* you change the entry; then add the share `learning_rate` of it.",
        "`error = target - q_table[state, action]`, then `q_table[state, action] += learning_rate * error`.",
    ],
    afterword="With learning rate 1 the entry jumps to the latest sample; with 1/n it is the mean of all of them. A "
    "small "
    "constant rate forgets slowly, which is what a user whose interest drifts asks for.",
)
def q_update(update: Any, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """One update, seen by what it returns and by the table that it leaves."""
    states, actions = int(rng.integers(2, 4)), int(rng.integers(2, 4))
    table = np.round(rng.normal(size=(states, actions)), 1)
    state, action = int(rng.integers(states)), int(rng.integers(actions))
    target = float(table[state, action] + rng.choice([-1, 1]) * np.round(rng.uniform(1, 3), 1))
    rate = float(np.round(rng.uniform(0.15, 0.4), 2))
    call = observed(update, table, state, action, target, rate)
    yield "returns the TD error as it was before the update", call.result
    yield "moves the entry towards the target by the learning rate", derived(lambda t: t[state, action], call.left[0])

    def others(left: np.ndarray) -> np.ndarray:
        entries = np.array(left)
        entries[state, action] = 0
        return entries

    yield "leaves every other entry alone", derived(others, call.left[0])
    # the same step on the other side of the entry: an error has a sign
    aside = observed(update, table, state, action, 2 * float(table[state, action]) - target, rate)
    yield "returns the TD error as it was before the update", aside.result
    yield "moves the entry towards the target by the learning rate", derived(lambda t: t[state, action], aside.left[0])
    yield (
        "puts the target itself into the table at learning rate 1",
        derived(lambda t: t[state, action], observed(update, table, state, action, target, 1.0).left[0]),
    )


@q_update.mistake
def error_after(q_table: np.ndarray, state: int, action: int, target: float, learning_rate: float) -> float:
    """It takes the TD error after the update, where a part of it is already gone: keep it before you change the
    entry.
    """
    q_table[state, action] += learning_rate * (target - q_table[state, action])
    return float(target - q_table[state, action])


@q_update.mistake
def returns_the_entry(q_table: np.ndarray, state: int, action: int, target: float, learning_rate: float) -> float:
    """It returns the new entry, where the TD error is asked for: how wrong the table was."""
    q_table[state, action] += learning_rate * (target - q_table[state, action])
    return float(q_table[state, action])


@q_update.mistake
def returns_nothing(q_table: np.ndarray, state: int, action: int, target: float, learning_rate: float) -> None:
    """The table is right, and nothing is returned: whoever watches the learning needs the TD error."""
    q_table[state, action] += learning_rate * (target - q_table[state, action])


@q_update.mistake
def returns_the_step(q_table: np.ndarray, state: int, action: int, target: float, learning_rate: float) -> float:
    """It returns the step that it took, learning rate times error, where the whole error is asked for."""
    step = learning_rate * (target - q_table[state, action])
    q_table[state, action] += step
    return float(step)


@q_update.mistake
def works_on_a_copy(q_table: np.ndarray, state: int, action: int, target: float, learning_rate: float) -> float:
    """It changes a copy, and the caller's table stays as it was: the agent never learns. Change it in place."""
    q_table = q_table.copy()
    return reference.q_update(q_table, state, action, target, learning_rate)


@q_update.mistake
def wrong_direction(q_table: np.ndarray, state: int, action: int, target: float, learning_rate: float) -> float:
    """The sign is turned round: the entry moves away from the target. The error is target less entry."""
    error = q_table[state, action] - target
    q_table[state, action] += learning_rate * error
    return float(error)


@q_update.mistake
def error_without_sign(q_table: np.ndarray, state: int, action: int, target: float, learning_rate: float) -> float:
    """It takes the size of the error, `abs`: the error has a sign, and where the target is lower the entry must go
    down.
    """
    error = abs(target - q_table[state, action])
    q_table[state, action] += learning_rate * error
    return float(error)


@q_update.mistake
def replaces_the_entry(q_table: np.ndarray, state: int, action: int, target: float, learning_rate: float) -> float:
    """It puts the target in the place of the entry: one noisy sample wipes out all that was learnt before."""
    return reference.q_update(q_table, state, action, target, 1.0)


@q_update.mistake
def adds_the_target(q_table: np.ndarray, state: int, action: int, target: float, learning_rate: float) -> float:
    """It adds a share of the target, where a share of the *error* is due: the entry grows without end."""
    error = target - q_table[state, action]
    q_table[state, action] += learning_rate * target
    return float(error)


@q_update.mistake
def rate_inverted(q_table: np.ndarray, state: int, action: int, target: float, learning_rate: float) -> float:
    """The learning rate is turned round: it is the weight of what is new, and here of what is old."""
    error = reference.q_update(q_table, state, action, target, 1 - learning_rate)
    if learning_rate == 1:
        q_table[state, action] = target
    return error


@q_update.mistake
def whole_row(q_table: np.ndarray, state: int, action: int, target: float, learning_rate: float) -> float:
    """It moves the whole row: only the action that was taken has been seen."""
    error = float(target - q_table[state, action])
    q_table[state] += learning_rate * error
    return error


@q_update.mistake
def axes_swapped(q_table: np.ndarray, state: int, action: int, target: float, learning_rate: float) -> float:
    """State and action are swapped: rows are states and columns actions."""
    return reference.q_update(q_table.T, state % q_table.shape[1], action % q_table.shape[0], target, learning_rate)


# what the small environments converge to is known, and a mistake misses it by 0.1 or more
NEAR = Close(absolute=0.04)
OPTIMAL_VALUE = 25.8
TRIED_LESS = 0.32
# Many short looks teach more than few long ones. What is judged is the table, and not what is earned on the way, so
# epsilon may stay high. With an end of 0.1, a right learner whose epsilon falls over the first fifth ends below the
# threshold on a quarter of the seeds.
TABULAR_STEPS = 20
TABULAR = {"learning_rate": 0.02, "gamma": 0.98, "epsilon_start": 1.0, "epsilon_end": 0.8}
TABULAR_EPISODES = 6_000
LAKE = {"learning_rate": 0.5, "gamma": 0.95, "epsilon_start": 1.0, "epsilon_end": 0.5}
LAKE_EPISODES = 1_500


def make(name: str, **settings: Any) -> gym.Env:
    """An environment without the checks that slow every step down."""
    return gym.make(name, disable_env_checker=True, **settings)


def greedy_value(q_table: np.ndarray) -> float:
    """What a session on Tabular-v0 is worth, discounted, to the policy that is greedy in `q_table` [S, A]; exact."""
    env = make("metarec/Tabular-v0").unwrapped
    assert isinstance(env, Tabular)
    transition, reward = env.transition, env.reward
    table = np.asarray(q_table, dtype=float)
    if table.shape != reward.shape:
        raise ValueError(f"a table of shape {reward.shape} was expected, and it is {table.shape}")
    states = np.arange(len(table))
    actions = table.argmax(axis=1)
    value = np.linalg.solve(
        np.eye(len(table)) - TABULAR["gamma"] * transition[states, actions], reward[states, actions]
    )
    return float(value[env.reset()[0]])


def lake_success(q_table: np.ndarray) -> float:
    """Whether (1 or 0) the policy that is greedy in `q_table` reaches the goal of FrozenLake without slipping."""
    env = make("FrozenLake-v1", is_slippery=False)
    state, _ = env.reset(seed=0)
    ended = False
    while not ended:
        state, reward, terminated, truncated, _ = env.step(int(np.argmax(np.asarray(q_table)[state])))
        ended = terminated or truncated
    return float(reward)


@exercise(
    reference.q_learning,
    points=4,
    minutes=20,
    trains=True,
    hints=[
        "Everything is there already: a schedule, a rule for acting, a target, an update. What remains is the loop.",
        "Two ends, two meanings: the loop stops when the episode is terminated *or* truncated, and the target leaves "
        "out the next value only when it is *terminated*.",
        "Give `seed` to `np.random.default_rng` and to the first `env.reset(seed=seed)`; every later reset goes "
        "without. Compute epsilon once an episode: `linear_schedule(episode, ...)`.",
        "In the loop: `action = epsilon_greedy(q_table[state], epsilon, rng)`, then `env.step(action)`, then "
        "`q_update(q_table, state, action, td_target(...), learning_rate)`, and only then `state = next_state`.",
    ],
    afterword="Nobody told it the equations of the user, and it comes within 10 % of the best that there is. The "
    "price: 6,000 sessions with one user, and no real user stays that long. The rest of the course is about it.",
)
def q_learning(learn: Any, rng: np.random.Generator) -> Iterator[tuple[Any, ...]]:
    """Small environments that show one fault each, then the two that are learnt for real."""
    seed = int(rng.integers(1, 1000))
    gamma = float(np.round(rng.uniform(0.6, 0.75), 2))
    exploring = {"gamma": gamma, "epsilon_start": 1.0, "epsilon_end": 1.0}

    corridor = make("metarec/Corridor-v0")
    yield (
        "learns nothing at learning rate 0",
        learn(corridor, 10, learning_rate=0.0, seed=seed, **exploring),
    )
    yield (
        "adds nothing after a termination, and carries values back from the state entered",
        learn(corridor, 1500, learning_rate=0.9, seed=seed, **exploring),
        NEAR,
    )
    yield (
        "explores as epsilon says",
        learn(corridor, 1500, learning_rate=0.9, seed=seed, gamma=0.9, epsilon_start=1.0, epsilon_end=0.2),
        NEAR,
    )
    yield (
        "looks beyond a truncation, which is no end",
        learn(make("metarec/Endless-v0", n_steps=5), 80, learning_rate=0.5, seed=seed, **exploring),
        NEAR,
    )
    yield (
        "takes the best next value, whatever it explores",
        learn(
            make("metarec/Cliff-v0"), 800, learning_rate=0.5, seed=seed, gamma=0.9, epsilon_start=0.5, epsilon_end=0.5
        ),
        NEAR,
    )
    yield (
        "seeds the environment once, and not in every episode",
        learn(make("metarec/Varying-v0"), 300, learning_rate=0.5, seed=seed, **exploring),
        NEAR,
    )

    def falling(learning_rate: float) -> Any:
        falls = {"epsilon_start": 1.0, "epsilon_end": 0.001}
        return learn(
            make("metarec/Endless-v0", n_steps=50), 40, learning_rate=learning_rate, seed=seed, gamma=0.5, **falls
        )

    yield "lets epsilon fall over the episodes, and not over the steps", falling(0.1), Close(absolute=0.15)
    # where steps are short the worse action's value says how often it was tried, and so whether epsilon fell at all
    yield (
        "lets epsilon fall over the episodes, and not over the steps",
        derived(lambda table: bool(np.asarray(table)[0, 1] < TRIED_LESS), falling(0.002)),
    )

    def repeats(env: gym.Env) -> Any:
        # half greedy: the coin and the ties come from the seed as well as what is explored
        halves = {"gamma": gamma, "epsilon_start": 0.5, "epsilon_end": 0.5}
        once, again = (learn(env, 40, learning_rate=0.5, seed=seed, **halves) for _ in range(2))
        return derived(lambda one, two: bool(np.array_equal(one, two)), once, again)

    user = make("metarec/Tabular-v0", max_episode_steps=TABULAR_STEPS)
    yield "draws its actions from the seed", repeats(corridor)
    yield "draws everything from the seed, the environment's randomness too", repeats(user)
    yield (
        "comes within 10 % of the optimal value on Tabular-v0",
        derived(greedy_value, learn(user, TABULAR_EPISODES, seed=seed, **TABULAR)),
        AtLeast(0.9 * OPTIMAL_VALUE),
    )
    yield (
        "reaches the goal of FrozenLake",
        derived(lake_success, learn(make("FrozenLake-v1", is_slippery=False), LAKE_EPISODES, seed=seed, **LAKE)),
        AtLeast(1.0),
    )


def _learner(
    *,
    acts: Any = reference.epsilon_greedy,
    target: Any = lambda q, state, entered, reward, terminated, truncated, gamma, epsilon, rng: reference.td_target(
        reward, q[entered], terminated, gamma
    ),
    now: Any = lambda episode, steps: episode,
    seeds: Any = lambda seed, episode: seed if episode == 0 else None,
    generator: Any = np.random.default_rng,
    entry: Any = lambda state, entered: state,
    until: Any = lambda terminated, truncated: terminated or truncated,
    rate: Any = lambda learning_rate: learning_rate,
) -> Any:
    """A learner that differs from the reference in one place."""

    def learn(
        env: gym.Env,
        episodes: int,
        *,
        learning_rate: float,
        gamma: float,
        epsilon_start: float,
        epsilon_end: float,
        seed: int,
    ) -> np.ndarray:
        rng = generator(seed)
        assert isinstance(env.observation_space, Discrete)
        assert isinstance(env.action_space, Discrete)
        q_table = np.zeros((env.observation_space.n, env.action_space.n))
        steps = 0
        for episode in range(episodes):
            state, _ = env.reset(seed=seeds(seed, episode))
            ended = False
            while not ended:
                epsilon = reference.linear_schedule(
                    now(episode, steps), epsilon_start, epsilon_end, max(1, episodes // 2)
                )
                action = acts(q_table[state], epsilon, rng)
                entered, reward, terminated, truncated, _ = env.step(action)
                value = target(q_table, state, entered, reward, terminated, truncated, gamma, epsilon, rng)
                reference.q_update(q_table, entry(state, entered), action, value, rate(learning_rate))
                state, ended, steps = entered, until(terminated, truncated), steps + 1
        return q_table

    return learn


def _mistaken(name: str, diagnosis: str, **differs: Any) -> None:
    mistake = _learner(**differs)
    mistake.__name__, mistake.__doc__ = name, diagnosis
    q_learning.mistake(mistake)


_mistaken(
    "truncation_ends",
    "It treats truncation as termination: the time limit cut the episode off, but the user would have gone on, and so "
    "does the value. Only `terminated` removes the next value.",
    target=lambda q, state, entered, reward, terminated, truncated, gamma, epsilon, rng: reference.td_target(
        reward, q[entered], terminated or truncated, gamma
    ),
)
_mistaken(
    "goes_on_after_a_truncation",
    "Its loop does not stop where the episode is truncated: after the time limit comes a reset. It ends at either, "
    "`terminated or truncated`; the target alone tells them apart.",
    until=lambda terminated, truncated: terminated,
)
_mistaken(
    "bootstraps_past_the_end",
    "The target takes a next value after a termination too: nothing comes after the end. Give `terminated` to "
    "`td_target`.",
    target=lambda q, state, entered, reward, terminated, truncated, gamma, epsilon, rng: reference.td_target(
        reward, q[entered], False, gamma
    ),
)
_mistaken(
    "target_from_the_state_left",
    "The target looks at the state that was left: what follows is the value of the state *entered*, `next_state`.",
    target=lambda q, state, entered, reward, terminated, truncated, gamma, epsilon, rng: reference.td_target(
        reward, q[state], terminated, gamma
    ),
)
_mistaken(
    "updates_the_state_entered",
    "It updates the row of the state entered: `state = next_state` must come after the update, not before.",
    entry=lambda state, entered: entered,
)
_mistaken(
    "sarsa_target",
    "The target takes the value of the next action that it would *explore*: that is SARSA, which values its own "
    "stumbling. Q-learning takes the best next value.",
    target=lambda q, state, entered, reward, terminated, truncated, gamma, epsilon, rng: reference.td_target(
        reward, q[entered][[reference.epsilon_greedy(q[entered], epsilon, rng)]], terminated, gamma
    ),
)
_mistaken(
    "mean_target",
    "The target takes the mean of the next values: that is the value of acting at random from then on.",
    target=lambda q, state, entered, reward, terminated, truncated, gamma, epsilon, rng: reference.td_target(
        reward, q[entered].mean(keepdims=True), terminated, gamma
    ),
)
_mistaken(
    "never_explores",
    "It acts greedily from the start: the first reward that it finds, however small, is the one it stays with.",
    acts=lambda q_values, epsilon, rng: reference.epsilon_greedy(q_values, 0.0, rng),
)
_mistaken(
    "always_the_first_of_the_best",
    "It never explores: `argmax` alone takes the best so far, and the first action where all are equal, so that others "
    "are never tried. Ask `epsilon_greedy`.",
    acts=lambda q_values, epsilon, rng: int(np.argmax(q_values)),
)
_mistaken(
    "decays_per_step",
    "Epsilon falls with every *step*: it is at its end after a few episodes, before most of the states have been seen. "
    "Let it fall over the episodes.",
    now=lambda episode, steps: steps,
)
_mistaken(
    "epsilon_stays",
    "Epsilon stays about where it starts, and `epsilon_end` is not reached: let it fall in a straight line over the "
    "episodes that are given, however few they are. A factor such as 0.995 for each episode takes hundreds.",
    now=lambda episode, steps: 0,
)
_mistaken(
    "rate_of_its_own",
    "It learns at a fixed rate whatever `learning_rate` says: use the one that is given.",
    rate=lambda learning_rate: 0.1,
)
_mistaken(
    "one_seed_for_ever",
    "It gives the seed to every `reset`: each episode then replays the first one. Seed the first reset only.",
    seeds=lambda seed, episode: seed,
)
_mistaken(
    "environment_unseeded",
    "The environment's random numbers do not come from `seed`: two runs with one seed differ. Give it to the first "
    "`env.reset(seed=seed)`.",
    seeds=lambda seed, episode: None,
)
_mistaken(
    "actions_unseeded",
    "The actions do not come from `seed`, or not all that is drawn for them: make one generator by "
    "`np.random.default_rng(seed)` and draw from it alone.",
    generator=lambda seed: np.random.default_rng(),
)


q_learning_faults = quiz(
    reference.q_learning_faults,
    {
        "line_3": (
            "Line 3: `return env.action_space.sample()`",
            {
                "a": "It is no matter of style: run with another environment, it samples the actions of the *global* "
                "`env`. The cell above shows an action that the corridor does not have.",
                "c": "`sample()` is uniform over the actions, as exploring should be. Look at *whose* actions.",
                "d": "Leaving the best action out is a mistake of its own, and here it is not made.",
            },
        ),
        "line_4": (
            "Line 4: `return int(np.argmax(q_table[state]))`",
            {
                "a": "It is not right yet: while all values are 0, `argmax` answers 0 every time.",
                "b": "The largest value is the right one to take: rewards are good.",
                "d": "`argmax` of a row [A] is one number already: nothing is out of shape.",
            },
        ),
        "line_14": (
            "Line 14: `ended = terminated or truncated`",
            {
                "b": "Without `truncated` the loop would go on after the time limit, in the cell above for ever.",
                "c": "An episode that has terminated must be reset; the loop has to end at either.",
                "d": "The order matters nowhere: `or` of two flags is the same both ways.",
            },
        ),
        "line_15": (
            "Line 15: `target = reward + gamma * q_table[next_state].max()`",
            {
                "a": "Compare with `td_target`: one case is missing, and the values grow where nothing follows.",
                "b": "`max` is Q-learning; the value of the action to be explored would be SARSA.",
                "c": "Gamma stands where it should: it discounts what comes one step later.",
            },
        ),
        "line_18": (
            "Line 18: `epsilon = max(0.01, epsilon * 0.01)`",
            {
                "a": "Print it: 1.0, 0.01, 0.01, ... Exploring is over after one episode.",
                "c": "Epsilon is meant to fall. The question is how fast.",
                "d": "A floor above 0 is good: some exploring goes on. Look at the factor.",
            },
        ),
        "missing": (
            "What is missing, so that nobody can repeat the result?",
            {
                "a": "A learning rate that falls helps convergence, but its absence makes nothing unrepeatable.",
                "b": "A replay buffer belongs to DQN (lesson 04); a table learns well without.",
                "d": "Saving the table keeps the result. Repeating it is another matter.",
            },
        ),
    },
    points=2,
    minutes=8,
    hints=[
        "Do not read, run: each cell above changes one line and shows what becomes of it.",
        "Ask of each line: which variables come from outside? What happens at the end of an episode? What does the "
        "number do if you repeat the line three times?",
    ],
    afterword="Interviewers give such code on purpose. Say what you would run to show each fault: that is the part "
    "of the "
    "answer which they remember.",
)
