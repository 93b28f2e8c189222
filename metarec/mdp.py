"""`metarec/RandomMDP-v0`: small random decision processes, each played for several episodes."""

from typing import Any

import gymnasium
import numpy as np
from array_api_compat import array_namespace
from gymnasium.error import ResetNeeded
from gymnasium.spaces import Box, Discrete
from numpy.typing import NDArray

from metarec import dynamics
from metarec.dynamics import Array

Floats = NDArray[np.float32]


class RandomMDP(gymnasium.Env[Floats, int]):
    """A decision process of a few states that nobody has seen before, played for `episodes_per_trial` episodes.

    A task is drawn, and with it what an action in a state earns on average, from N(1, 1), and where it leads with
    which probability, from a flat Dirichlet distribution over the states. A reward is normal with that mean and
    variance 1. An episode starts in state 0 and is terminated after `episode_steps` steps. An observation is the
    state as a one-hot row of float32.

    A trial is `episodes_per_trial` episodes in one task: `reset()` goes on to the next episode, and to a new task
    after the last one; `reset(seed=...)` begins a trial. `info["trial_ended"]` tells after each step whether the trial
    is over. `transition` [S, A, S] and `mean_reward` [S, A] are those of the task under way, for whoever judges.

    They are the tabular processes of RL² (Duan et al. 2016, section 3.2), with the prior of Osband et al. 2013, "(More)
    Efficient Reinforcement Learning via Posterior Sampling".
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 (as the base class has it)

    def __init__(
        self,
        episodes_per_trial: int = 10,
        n_states: int = 10,
        n_actions: int = 5,
        episode_steps: int = 10,
        render_mode: str | None = None,
    ) -> None:
        check_sizes(episodes_per_trial, n_states, n_actions, episode_steps)
        self.render_mode = render_mode
        self.episodes_per_trial, self.episode_steps = episodes_per_trial, episode_steps
        self.observation_space = observation_space(n_states)  # type: ignore[assignment]
        self.action_space = Discrete(n_actions)  # type: ignore[assignment]
        self._n_states, self._n_actions = n_states, n_actions
        self._session = -1
        self._state = 0
        self._time = episode_steps

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Floats, dict[str, Any]]:
        """State 0 and an empty info; the n-th episode after a seed is always the same."""
        super().reset(seed=seed)
        self._session = 0 if seed is not None else self._session + 1
        trial, self._episode = divmod(self._session, self.episodes_per_trial)
        if self._episode == 0:
            self._key = dynamics.stream(self.np_random_seed, trial)
            keys = np.asarray([self._key])
            transition, mean_reward = task(keys, self._n_states, self._n_actions)
            self.transition: Floats = transition[0]
            self.mean_reward: Floats = mean_reward[0]
            self._below = self.transition.cumsum(-1)
        self._state = self._time = 0
        return self._observation(), {}

    def step(self, action: int) -> tuple[Floats, float, bool, bool, dict[str, Any]]:
        """Observation, reward, whether the episode has ended, False, and whether the trial has."""
        if self._time >= self.episode_steps:
            raise ResetNeeded("the episode has ended: call reset() before step()")
        if not 0 <= action < self._n_actions:
            raise ValueError(f"an action is from 0 to {self._n_actions - 1}, not {action!r}")
        uniform, noise = chance(np.asarray([self._key]), self._episode * self.episode_steps + self._time)
        reward = float(self.mean_reward[self._state, action] + noise[0])
        self._state = int((uniform >= self._below[self._state, action][:-1]).sum())
        self._time += 1
        ended = self._time >= self.episode_steps
        last = self._episode == self.episodes_per_trial - 1
        return self._observation(), reward, ended, False, {"trial_ended": ended and last}

    def _observation(self) -> Floats:
        return np.eye(self._n_states, dtype=np.float32)[self._state]


def task(keys: Array, n_states: int, n_actions: int) -> tuple[Array, Array]:
    """Transition probabilities [N, S, A, S] and mean rewards [N, S, A] of the tasks with these keys [N]."""
    xp = array_namespace(keys)
    pairs = n_states * n_actions
    means = 1 + dynamics.normals(dynamics.stream(keys, 0), pairs + pairs % 2)[:, :pairs]
    steps = xp.arange(pairs * n_states, device=keys.device)
    # Independent exponential draws, divided by their sum, are a flat Dirichlet draw.
    shares = -xp.log1p(-dynamics.draw(dynamics.stream(keys, 1)[:, None], steps))
    shares = xp.reshape(shares, (-1, n_states, n_actions, n_states))
    return shares / xp.sum(shares, axis=-1, keepdims=True), xp.reshape(means, (-1, n_states, n_actions))


def chance(keys: Array, time: int | Array) -> tuple[Array, Array]:
    """The uniform draw [N] that chooses the next state and the normal one [N] in the reward, by steps of the trial."""
    noise = dynamics.normals(dynamics.stream(dynamics.stream(keys, 2), time), 2)[:, 0]
    return dynamics.draw(keys, time), noise


def observation_space(n_states: int) -> Box:
    """A one-hot row of the states."""
    return Box(0, 1, (n_states,), np.float32)


def check_sizes(episodes_per_trial: int, n_states: int, n_actions: int, episode_steps: int) -> None:
    """A ValueError unless there is one of each."""
    sizes = {"episodes_per_trial": episodes_per_trial, "n_states": n_states, "n_actions": n_actions}
    for name, value in (sizes | {"episode_steps": episode_steps}).items():
        if value < 1:
            raise ValueError(f"{name} must be 1 or more, not {value!r}")
