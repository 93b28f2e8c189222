"""Small environments of known optimal values, each of which shows one fault of a learner at once."""

from typing import Any

import gymnasium
import numpy as np
from gymnasium.error import ResetNeeded
from gymnasium.spaces import Discrete
from numpy.typing import NDArray

from metarec import dynamics

Table = dict[int, dict[int, list[tuple[float, int, float, bool]]]]


class Small(gymnasium.Env[int, int]):
    """What the small environments share: a deterministic table `P`, played from state 0.

    `P[state][action] = [(1.0, next state, reward, terminated)]` as in Gymnasium's toy-text environments;
    where an episode terminates the next state is the one left, so that only `terminated` tells that nothing
    is to come.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 (as the base class has it)

    def __init__(self, table: Table, render_mode: str | None = None) -> None:
        self.P = table
        self.render_mode = render_mode
        self.observation_space = Discrete(len(table))  # type: ignore[assignment]
        self.action_space = Discrete(len(table[0]))  # type: ignore[assignment]
        self._state: int | None = None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
        """The first state of an episode and an empty info."""
        super().reset(seed=seed)
        self._state = self._start()
        return self._state, {}

    def step(self, action: int) -> tuple[int, float, bool, bool, dict[str, Any]]:
        """State, reward, terminated, truncated and an empty info."""
        if self._state is None:
            raise ResetNeeded("the episode has ended: call reset() before step()")
        if not 0 <= action < len(self.P[0]):
            raise ValueError(f"an action is from 0 to {len(self.P[0]) - 1}, not {action!r}")
        _, following, reward, terminated = self.P[self._state][int(action)][0]
        self._state = None if terminated else following
        return following, reward, terminated, False, {}

    def optimal_q(self, gamma: float) -> NDArray[np.float64]:
        """The optimal values [S, A] at a discount gamma in [0, 1), in closed form."""
        raise NotImplementedError

    def _start(self) -> int:
        return 0


class Endless(Small):
    """One state for ever: action 0 earns 1, action 1 nothing; truncated after `n_steps` and never terminated.

    It teaches that a time limit is not an end: the optimal value is 1 / (1 − gamma), whatever `n_steps`. An
    agent that takes truncation for termination settles lower (with gamma 0.9 and 5 steps at 3.6 instead of
    10), since one target in `n_steps` then lacks its future.
    """

    def __init__(self, n_steps: int = 5, render_mode: str | None = None) -> None:
        if n_steps < 1:
            raise ValueError(f"n_steps must be 1 or more, not {n_steps!r}")
        super().__init__({0: {0: [(1.0, 0, 1.0, False)], 1: [(1.0, 0, 0.0, False)]}}, render_mode)
        self.n_steps = n_steps

    def step(self, action: int) -> tuple[int, float, bool, bool, dict[str, Any]]:
        """State, reward, False, whether `n_steps` are over, and an empty info.

        Whoever takes no notice of the truncation is stopped after 20 times as many steps.
        """
        if self._state is not None and self._time >= 20 * self.n_steps:
            raise ResetNeeded("the episode was truncated: call reset() before step()")
        observation, reward, terminated, _, info = super().step(action)
        self._time += 1
        return observation, reward, terminated, self._time >= self.n_steps, info

    def optimal_q(self, gamma: float) -> NDArray[np.float64]:
        """The optimal values [1, 2]: 1 / (1 − gamma), and one step later."""
        value = 1 / (1 - gamma)
        return np.array([[value, gamma * value]])

    def _start(self) -> int:
        self._time = 0
        return 0


class Cliff(Small):
    """A ledge of 4 states: action 0 walks on and earns 1 at its end, action 1 falls and loses 1.

    It teaches what the greatest next value in the target is for. Q-learning values the ledge as one who
    will not fall, gamma to the steps that remain, however much it explores meanwhile. An agent whose target
    is the value of the action that it will explore next (SARSA) values its own stumbling: with epsilon 0.5
    and gamma 0.9 the first step is worth −0.2 to it instead of 0.7.
    """

    LENGTH = 4

    def __init__(self, render_mode: str | None = None) -> None:
        last = self.LENGTH - 1
        table: Table = {
            state: {0: [(1.0, state + 1, 0.0, False)], 1: [(1.0, state, -1.0, True)]} for state in range(last)
        }
        table[last] = {0: [(1.0, last, 1.0, True)], 1: [(1.0, last, -1.0, True)]}
        super().__init__(table, render_mode)

    def optimal_q(self, gamma: float) -> NDArray[np.float64]:
        """The optimal values [4, 2]: gamma to the steps that remain, and −1."""
        remaining = np.arange(self.LENGTH)[::-1]
        return np.stack([np.power(float(gamma), remaining), np.full(self.LENGTH, -1.0)], axis=1)


class Varying(Small):
    """One of 6 states at random, one action, the end: in each state one action earns 1 and the other 0.5.

    It teaches that a seed is given once: `reset(seed=...)` starts the environment's random numbers anew. An
    agent that gives its seed in every episode always starts in the same state and learns nothing of the
    other five.
    """

    BEST = (0, 1, 1, 0, 1, 0)

    def __init__(self, render_mode: str | None = None) -> None:
        table: Table = {
            state: {action: [(1.0, state, 1.0 if action == best else 0.5, True)] for action in (0, 1)}
            for state, best in enumerate(self.BEST)
        }
        super().__init__(table, render_mode)

    def optimal_q(self, gamma: float) -> NDArray[np.float64]:
        """The optimal values [6, 2]: the rewards, whatever gamma."""
        return np.where(np.arange(2) == np.array(self.BEST)[:, None], 1.0, 0.5)

    def _start(self) -> int:
        # not `np_random` itself: an agent's generator of the same seed would draw the same numbers
        key = dynamics.stream(int(self.np_random.integers(1 << 63)), 0)
        return int(len(self.BEST) * dynamics.draw(key, 0))


class Corridor(Small):
    """A corridor of 5 states: action 0 leaves with 0.1, action 1 goes on for nothing and earns 1 at the end.

    It teaches that one must explore: the first reward that an agent finds is mostly the small one, and a
    greedy agent then takes it for ever. To learn the way out without exploring, from values of zero, it
    would have to win 15 even ties in a row. It also shows a target taken from the state left instead of the
    state entered: no reward then ever travels back along the corridor.
    """

    LENGTH = 5

    def __init__(self, render_mode: str | None = None) -> None:
        last = self.LENGTH - 1
        table: Table = {
            state: {0: [(1.0, state, 0.1, True)], 1: [(1.0, state + 1, 0.0, False)]} for state in range(last)
        }
        table[last] = {0: [(1.0, last, 0.1, True)], 1: [(1.0, last, 1.0, True)]}
        super().__init__(table, render_mode)

    def optimal_q(self, gamma: float) -> NDArray[np.float64]:
        """The optimal values [5, 2]: 0.1, and the better of going to the end and of leaving one step on."""
        to_the_end = np.power(float(gamma), np.arange(self.LENGTH)[::-1])
        return np.stack([np.full(self.LENGTH, 0.1), np.maximum(to_the_end, 0.1 * gamma)], axis=1)
