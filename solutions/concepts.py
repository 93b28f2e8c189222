"""Lesson 01: references for returns, foresight and adaptation, and for the quizzes on meta-RL."""

import numpy as np


def discounted_return(rewards: np.ndarray, gamma: float) -> float:
    """What a session is worth at its start: r_0 + gamma·r_1 + gamma²·r_2 + ...

    `rewards` [T] holds the reward of each step in order, whole numbers or fractions; `gamma` lies
    in [0, 1]. The first reward counts in full. A session without rewards is worth 0.
    """
    rewards = np.asarray(rewards)
    return float(np.sum(rewards * gamma ** np.arange(len(rewards))))


def rewards_to_go(rewards: np.ndarray, gamma: float) -> np.ndarray:
    """What is still to come at each step [T]: r_t + gamma·r_(t+1) + gamma²·r_(t+2) + ...

    `rewards` [T] holds the reward of each step in order, whole numbers or fractions; `gamma` lies
    in [0, 1]. Discounting starts anew at each step: its own reward counts in full. Empty for no
    rewards.
    """
    result = np.zeros(len(rewards))
    following = 0.0
    for t in reversed(range(len(rewards))):
        following = rewards[t] + gamma * following
        result[t] = following
    return result


def myopic_and_farsighted(
    click_probability: np.ndarray,
    future_value: np.ndarray,
    gamma: float,
) -> tuple[int, int]:
    """Two choices from one catalogue: the item that only looks at the click, and the one that
    looks past it.

    `click_probability` [K] is the chance of a click now; `future_value` [K] what the rest of the
    session is expected to be worth after the item was shown, clicked or not; `gamma` lies
    in [0, 1]. Returns two indices, counted from 0: the item of greatest click probability, and the item
    of greatest click probability + gamma · future value. There are no ties.
    """
    myopic = np.argmax(click_probability)
    farsighted = np.argmax(np.asarray(click_probability) + gamma * np.asarray(future_value))
    return int(myopic), int(farsighted)


def adaptation_gain(returns: np.ndarray) -> np.ndarray:
    """How much better each episode went than the first, in the mean over the tasks.

    `returns` [tasks, episodes]: row i holds what was earned on task i in each episode, in order,
    whole numbers or fractions; at least one task and one episode. The result has shape
    [episodes]: the mean of each episode over the tasks, less that of the first. So it starts with
    0, and it is negative where episodes go worse than the first.
    """
    learning_curve = np.mean(returns, axis=0)
    return np.asarray(learning_curve - learning_curve[0])


def what_is_meta_rl() -> dict[str, str]:
    """Your answers: the letter of the right option under each key of the questions above,
    {"objective": "a", ...}.
    """
    return {"objective": "c", "inner_loop": "a", "outer_loop": "d", "hidden_task": "b", "evaluation": "c"}


def core_components() -> dict[str, str]:
    """Your answers: the letter of the right option under each key of the questions above,
    {"policy": "a", ...}.
    """
    return {"policy": "b", "value": "d", "target": "a", "without_target": "c", "rl2_learner": "b"}


def meta_rl_or_deep_rl() -> dict[str, str]:
    """Your answers: the letter of the right option under each key of the questions above,
    {"static": "a", ...}.
    """
    return {"static": "d", "difference": "b", "model_size": "a", "one_task": "c", "choice": "b"}


def applications() -> dict[str, str]:
    """Your answers: the letter of the right option under each key of the questions above,
    {"policy": "a", ...}.
    """
    return {"policy": "a", "interests": "c", "new_user": "d", "new_item": "b", "baselines": "c"}
