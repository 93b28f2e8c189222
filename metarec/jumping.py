"""`metarec/Jumping-v0`: users of Interest-v0 whose long-term interest changes in the middle of a session."""

import torch
from gymnasium.vector import AutoresetMode
from torch import Tensor

from metarec import dynamics, interest
from metarec.interest import SIZE
from metarec.vector import InterestVector


class JumpingVector(InterestVector):
    """Interest-v0 for N users, theta drawn anew from N(mu, I) when a session has lasted `jump_at` steps.

    Nothing tells of the jump but the clicks. Until then users are those of Interest-v0 with the same seed. It teaches
    that a belief which only ever narrows cannot follow: whoever was sure needs long to change their mind.
    """

    def __init__(
        self,
        num_envs: int = 1,
        jump_at: int = 50,
        observe: str = "profile",
        item_seed: int = interest.GEOMETRY,
        n_items: int = 500,
        device: str = "cpu",
        autoreset_mode: AutoresetMode | str = AutoresetMode.SAME_STEP,
    ) -> None:
        if jump_at < 1:
            raise ValueError(f"jump_at must be 1 or more, not {jump_at!r}")
        super().__init__(num_envs, observe, item_seed, n_items, device, autoreset_mode)
        self.jump_at = jump_at

    def _advance(self, actions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        outcome = super()._advance(actions)
        state = self._state
        jumps = state["time"] == self.jump_at
        # a stream of its own for each session, which no step of a session comes to
        other = self.mu + dynamics.normals(dynamics.stream(self._keys, -1), SIZE)
        state["theta"] = torch.where(jumps[:, None], other, state["theta"])
        return outcome
