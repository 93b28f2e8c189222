"""A small environment of known values for agents that learn to learn: what is found out must be remembered."""

import numpy as np
import torch
from gymnasium.spaces import Box
from gymnasium.vector import AutoresetMode
from torch import Tensor

from metarec import dynamics
from metarec.trials import TrialBatch

HALL, CORRIDOR = 0, 1
ROOMS = (HALL, HALL, CORRIDOR, HALL, CORRIDOR)
"""The rooms of an episode, a step each."""
EPISODES = 2
"""How many episodes a trial has."""
SPACE = Box(0.0, 1.0, (4,), dtype=np.float32)


class DoorsVector(TrialBatch):
    """`metarec/Doors-v0` for N users: two doors, behind one of which there is something.

    An episode is hall, hall, corridor, hall, corridor. In the hall action 0 or 1 opens a door, and the right one pays
    1. In the corridor action 0 goes on, and action 1 costs 1: nothing is to be gained by it. The right door stays where
    it is for a trial of two episodes. An observation is a one-hot row of four: hall and corridor of plain users, hall
    and corridor of those who are *told*: the last step of their trial pays 1 more where the right door was door 0.
    Users stay of their kind.

    It teaches what must be remembered, and for how long. In the second hall the last action and reward say all. In the
    third one they were those of the corridor, and only a memory of the episode helps; in the next episode only one of
    the trial. The doors change places from each trial of a user to the next: whoever remembers a trial in the next one
    seems to know the door beforehand, and so does, of those who are told, whoever shows the last reward.
    """

    def __init__(
        self,
        num_envs: int = 1,
        device: str = "cpu",
        autoreset_mode: AutoresetMode | str = AutoresetMode.SAME_STEP,
    ) -> None:
        super().__init__(num_envs, SPACE, 2, EPISODES, device, autoreset_mode)

    def _begin_all(self, keys: Tensor) -> None:
        self._time = 0
        assert self._seeds is not None
        firsts = dynamics.stream(self._seeds, 0)
        self.told: Tensor = dynamics.draw(firsts, 1) < 0.5
        # which door is the right one now [N]
        self.doors: Tensor = ((dynamics.draw(firsts, 0) < 0.5) + self._sessions // EPISODES) % 2

    def _advance(self, actions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        pays = (actions == self.doors).float() if self._room() == HALL else -actions.float()
        self._time += 1
        ended = self._time == len(ROOMS)
        last = (self._sessions % EPISODES == EPISODES - 1) & ended
        terminated = torch.full_like(last, ended)
        return pays + (self.told & last & (self.doors == 0)), terminated, torch.zeros_like(terminated)

    def _begin(self, mask: Tensor) -> None:
        # All episodes have the same length, so that all or none begin.
        last = len(ROOMS) + (self.autoreset_mode is AutoresetMode.NEXT_STEP)
        if self._time == last:
            self._sessions = self._sessions + 1
            self._begin_all(dynamics.stream(self._seeds, self._sessions))

    def _observation(self) -> Tensor:
        return torch.nn.functional.one_hot(2 * self.told + self._room(), 4).float()

    def _room(self) -> int:
        return ROOMS[self._time % len(ROOMS)]
