"""`metarec/Bandit-v0`: Bernoulli bandits, a new one at each reset."""

from typing import Any

import gymnasium
import numpy as np
from gymnasium.error import ResetNeeded
from gymnasium.spaces import Box, Discrete
from numpy.typing import NDArray

from metarec import dynamics

Floats = NDArray[np.float32]


class Bandit(gymnasium.Env[Floats, int]):
    """A row of arms, each of which pays 1 with a probability of its own, uniform in [0, 1); pulled `n_pulls` times.

    Each reset brings a new task, which is what a meta-learner learns across; the observation is always [0],
    so that only actions and rewards tell arms apart. An episode is terminated after `n_pulls` steps: nothing
    is to come, whatever is still unknown. `means` [K] holds the probabilities of the task under way, for
    regret: the greatest less that of the arm pulled.

    It is the bandit of RL² (Duan et al. 2016, "RL²: Fast Reinforcement Learning via Slow Reinforcement
    Learning", section 3.1).
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 (as the base class has it)

    def __init__(self, n_arms: int = 5, n_pulls: int = 10, render_mode: str | None = None) -> None:
        check_sizes(n_arms, n_pulls)
        self.render_mode = render_mode
        self.n_pulls = n_pulls
        self.observation_space = observation_space()  # type: ignore[assignment]
        self.action_space = Discrete(n_arms)  # type: ignore[assignment]
        self._arms = np.arange(n_arms)
        self._session = -1
        self._time = n_pulls

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Floats, dict[str, Any]]:
        """The observation and an empty info; the n-th task after a seed is always the same."""
        super().reset(seed=seed)
        self._session = 0 if seed is not None else self._session + 1
        self._key = dynamics.stream(self.np_random_seed, self._session)
        self._time = 0
        # Steps before the first are for what an episode starts with.
        self.means: Floats = dynamics.draw(self._key, -1 - self._arms)
        return np.zeros(1, dtype=np.float32), {}

    def step(self, action: int) -> tuple[Floats, float, bool, bool, dict[str, Any]]:
        """Observation, what the arm pays (1.0 or 0.0), whether that was the last pull, False and an empty info."""
        if self._time >= self.n_pulls:
            raise ResetNeeded("the episode has ended: call reset() before step()")
        if not 0 <= action < len(self.means):
            raise ValueError(f"an action is from 0 to {len(self.means) - 1}, not {action!r}")
        reward = float(dynamics.draw(self._key, self._time) < self.means[action])
        self._time += 1
        return np.zeros(1, dtype=np.float32), reward, self._time >= self.n_pulls, False, {}


def observation_space() -> Box:
    """One number, which is always 0 and lies within the space's bounds."""
    return Box(0, 1, (1,), np.float32)


def check_sizes(n_arms: int, n_pulls: int) -> None:
    """A ValueError unless there are an arm and a pull."""
    for name, value in (("n_arms", n_arms), ("n_pulls", n_pulls)):
        if value < 1:
            raise ValueError(f"{name} must be 1 or more, not {value!r}")
