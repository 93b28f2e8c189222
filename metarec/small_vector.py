"""A small environment of known values for agents with networks: each of its rooms shows some faults at once."""

from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium.error import ResetNeeded
from gymnasium.spaces import Box, Discrete
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray
from torch import Tensor

from metarec import dynamics
from metarec.vector import Batch

SHOP, CORRIDOR, CURTAIN, TREASURY, VOID = range(5)
NAMES = ("shop", "corridor", "curtain", "treasury", "void")
ITEMS = 3
BEGINNINGS = (SHOP, CORRIDOR, CURTAIN, TREASURY, VOID, VOID, VOID, VOID)
"""The rooms that a session begins in, all equally likely: half of them begin in the void."""

REWARD = np.array([[0.2, 0.9, 0.5], [0.0, 0.3, 0.1], [0.0, 0.2, 0.1], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
"""[S, A]: what an item earns in a room"""
FOLLOWING = np.array(
    [
        [TREASURY, TREASURY, TREASURY],
        [TREASURY, TREASURY, VOID],
        [TREASURY, TREASURY, TREASURY],
        [VOID, VOID, VOID],
        [VOID, VOID, VOID],
    ]
)
"""[S, A]: the room that is observed next"""
TERMINATED = np.array([[1, 1, 1], [0, 1, 0], [0, 0, 0], [1, 1, 1], [1, 1, 1]], dtype=bool)
TRUNCATED = np.array([[0, 0, 0], [0, 0, 0], [1, 1, 1], [0, 0, 0], [0, 0, 0]], dtype=bool)

SPACE = Box(0.0, 1.0, (len(NAMES),), dtype=np.float32)
Floats = NDArray[np.float32]


def optimal_q(gamma: float) -> NDArray[np.float64]:
    """The optimal values [5, 3] of the rooms at a discount gamma in [0, 1]."""
    # Two steps are the longest way, so that two sweeps are enough.
    once = REWARD + gamma * REWARD.max(axis=1)[FOLLOWING] * ~TERMINATED
    return np.asarray(REWARD + gamma * once.max(axis=1)[FOLLOWING] * ~TERMINATED)


class Rooms(gymnasium.Env[Floats, int]):
    """Five rooms, three items; an observation is the room as a one-hot row of float32.

    The numbers are what an item earns, then where it leads; † where the session is terminated, ‖ where it is truncated:

        shop       0.2 † treasury    0.9 † treasury    0.5 † treasury
        corridor   0   treasury      0.3 † treasury    0.1 void
        curtain    0   ‖ treasury    0.2 ‖ treasury    0.1 ‖ treasury
        treasury   0   † void        0   † void        1   † void
        void       0   † void        0   † void        0   † void

    `item_features` [3, 3] are one-hot rows too. It teaches what a target is made of. The best values are, in the shop
    what is earned there: who looks past an end adds the treasury. In the corridor item 0 is worth gamma: who looks no
    step ahead, or whose target network stays as it was, finds nothing there. Behind the curtain all items are worth
    gamma more than they earn: who takes a truncation for an end misses that, and who takes the first observation of
    the *next* session for the next one of this finds the mean of all beginnings there, half of which are void.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 (as the base class has it)

    def __init__(self, render_mode: str | None = None) -> None:
        self.render_mode = render_mode
        self.observation_space = SPACE
        self.action_space = Discrete(ITEMS)  # type: ignore[assignment]
        self.item_features = np.eye(ITEMS, dtype=np.float32)
        self._session = -1
        self._room: int | None = None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Floats, dict[str, Any]]:
        """The room that a session begins in and an empty info; the n-th session after a seed is always the same."""
        super().reset(seed=seed)
        self._session = 0 if seed is not None else self._session + 1
        drawn = dynamics.draw(dynamics.stream(self.np_random_seed, self._session), 0)
        self._room = BEGINNINGS[int(drawn * len(BEGINNINGS))]
        return self._observation(self._room), {}

    def step(self, action: int) -> tuple[Floats, float, bool, bool, dict[str, Any]]:
        """Observation, reward, terminated, truncated and an empty info."""
        if self._room is None:
            raise ResetNeeded("the session has ended: call reset() before step()")
        if not 0 <= action < ITEMS:
            raise ValueError(f"an action is from 0 to {ITEMS - 1}, not {action!r}")
        place = self._room, int(action)
        following, terminated, truncated = int(FOLLOWING[place]), bool(TERMINATED[place]), bool(TRUNCATED[place])
        self._room = None if terminated or truncated else following
        return self._observation(following), float(REWARD[place]), terminated, truncated, {}

    def _observation(self, room: int) -> Floats:
        return np.eye(len(NAMES), dtype=np.float32)[room]


class RoomsVector(Batch):
    """`metarec/Rooms-v0` for N users; `item_features` [3, 3] is a tensor on the device."""

    def __init__(
        self,
        num_envs: int = 1,
        device: str = "cpu",
        autoreset_mode: AutoresetMode | str = AutoresetMode.SAME_STEP,
    ) -> None:
        super().__init__(num_envs, SPACE, ITEMS, device, autoreset_mode)
        self.item_features = torch.eye(ITEMS, device=self.device)
        self._beginnings, self._reward, self._following, self._terminated, self._truncated = (
            torch.as_tensor(table, device=self.device)
            for table in (np.array(BEGINNINGS), REWARD.astype(np.float32), FOLLOWING, TERMINATED, TRUNCATED)
        )

    def _begin_all(self, keys: Tensor) -> None:
        self._rooms = self._begun(keys)

    def _begin(self, mask: Tensor) -> None:
        self._sessions = self._sessions + mask
        keys = dynamics.stream(self._seeds, self._sessions)
        self._rooms = torch.where(mask, self._begun(keys), self._rooms)

    def _begun(self, keys: Tensor) -> Tensor:
        return self._beginnings[(dynamics.draw(keys, 0) * len(BEGINNINGS)).long()]

    def _advance(self, actions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        place = self._rooms, actions.long()
        self._rooms = self._following[place]
        return self._reward[place], self._terminated[place], self._truncated[place]

    def _observation(self) -> Tensor:
        return torch.nn.functional.one_hot(self._rooms, len(NAMES)).float()
