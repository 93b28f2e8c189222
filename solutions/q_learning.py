"""Lesson 03: references for tabular Q-learning (Watkins and Dayan 1992; Sutton and Barto 2018, section 6.5)."""

import gymnasium as gym
import numpy as np


def value_iteration(
    transition: np.ndarray,
    reward: np.ndarray,
    gamma: float,
    tolerance: float,
) -> np.ndarray:
    """The optimal action values [S, A] of a known model.

    `transition` [S, A, S] holds probabilities of the next state; a row of zeros ends the episode.
    `reward` [S, A] is the expected reward. Sweep until no entry changes by more than `tolerance`;
    gamma < 1, tolerance > 0.
    """
    q_values = np.zeros_like(reward, dtype=float)
    while True:
        updated = reward + gamma * (np.asarray(transition) @ q_values.max(axis=1))
        change = np.abs(updated - q_values).max()
        q_values = updated
        if change <= tolerance:
            return q_values


def epsilon_greedy(q_values: np.ndarray, epsilon: float, rng: np.random.Generator) -> int:
    """An action: with probability `epsilon` any action, all equally likely; else a best one.

    `q_values` [A] holds the value of each action. Ties among the best are broken uniformly.
    Draw from `rng` alone.
    """
    if rng.random() < epsilon:
        return int(rng.integers(len(q_values)))
    q_values = np.asarray(q_values)
    best = np.flatnonzero(q_values == q_values.max())
    return int(best[rng.integers(len(best))])


def linear_schedule(step: int, start: float, end: float, duration: int) -> float:
    """A value that goes in a straight line from `start` at step 0 to `end` at step `duration`,
    and stays there.

    `duration` is at least 1. The value may fall or rise.
    """
    share = min(step / duration, 1.0)
    return (1 - share) * start + share * end


def td_target(reward: float, next_q_values: np.ndarray, terminated: bool, gamma: float) -> float:
    """What one step says the value should be: the reward, plus the discounted best value of what
    follows.

    `next_q_values` [A] are the action values of the next state. A terminated episode has no next
    value.
    """
    if terminated:
        return float(reward)
    return float(reward + gamma * np.max(next_q_values))


def q_update(
    q_table: np.ndarray,
    state: int,
    action: int,
    target: float,
    learning_rate: float,
) -> float:
    """Move one entry of `q_table` [S, A] towards `target` by the share `learning_rate`, in place.

    Returns the TD error, target less entry, as it was before the update.
    """
    error = target - q_table[state, action]
    q_table[state, action] += learning_rate * error
    return float(error)


def q_learning(
    env: gym.Env,
    episodes: int,
    *,
    learning_rate: float,
    gamma: float,
    epsilon_start: float,
    epsilon_end: float,
    seed: int,
) -> np.ndarray:
    """Learn the action values [S, A] of an environment with Discrete spaces, starting from zeros.

    Acts epsilon-greedily; epsilon falls linearly from `epsilon_start` to `epsilon_end` over the
    episodes (over all of them or over a first share). An episode goes on until it is terminated
    or truncated. All randomness, the environment's too, comes from `seed`: equal seeds give equal
    tables.
    """
    rng = np.random.default_rng(seed)
    q_table = np.zeros((env.observation_space.n, env.action_space.n))
    for episode in range(episodes):
        epsilon = linear_schedule(episode, epsilon_start, epsilon_end, max(1, episodes // 2))
        # one seed at the start: a seed at every reset would replay the same episode for ever
        state, _ = env.reset(seed=seed if episode == 0 else None)
        ended = False
        while not ended:
            action = epsilon_greedy(q_table[state], epsilon, rng)
            next_state, reward, terminated, truncated, _ = env.step(action)
            target = td_target(float(reward), q_table[next_state], terminated, gamma)
            q_update(q_table, state, action, target, learning_rate)
            state, ended = next_state, terminated or truncated
    return q_table


def q_learning_faults() -> dict[str, str]:
    """What is wrong with each line of the interview answer above, if anything: one letter for
    each key.

    Keys: "line_3", "line_4", "line_14", "line_15", "line_18", "missing".
    """
    return {
        "line_3": "b",
        "line_4": "c",
        "line_14": "a",
        "line_15": "d",
        "line_18": "b",
        "missing": "c",
    }
