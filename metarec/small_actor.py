"""A small environment of known values for agents that learn a policy."""

import torch
from gymnasium.vector import AutoresetMode

from metarec.small_vector import CORRIDOR, TREASURY, RoomsVector


class OpenRoomsVector(RoomsVector):
    """`metarec/OpenRooms-v0`: the rooms of `metarec/Rooms-v0` with a treasury that pays 1 whatever is shown there.

    In the corridor item 1 earns 0.1 and item 2 nothing. So item 0, which leads to the treasury, is plainly best from
    the first step on, however little is known yet. In `Rooms-v0` a policy that learns fast and on its own actions
    alone may settle for less, before it has found out what to show in the treasury: that is no fault of the learner's.
    """

    def __init__(
        self,
        num_envs: int = 1,
        device: str = "cpu",
        autoreset_mode: AutoresetMode | str = AutoresetMode.SAME_STEP,
    ) -> None:
        super().__init__(num_envs, device, autoreset_mode)
        self._reward = self._reward.clone()
        self._reward[TREASURY] = 1.0
        self._reward[CORRIDOR] = torch.tensor([0.0, 0.1, 0.0])
