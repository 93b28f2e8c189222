"""Families of small regression tasks to learn to learn from.

Each is a callable `family(generator) -> (support_x, support_y, query_x, query_y)`, stacked over tasks: [T, k, 1] each.
"""

import dataclasses
import math

import torch
from torch import Tensor

Tasks = tuple[Tensor, Tensor, Tensor, Tensor]


@dataclasses.dataclass(frozen=True)
class Sinusoids:
    """Sine waves of one period, amplitude 0.1 to 5 and phase 0 to π, seen at x in −5 to 5 (Finn et al. 2017, 5.1)."""

    tasks: int = 25
    support: int = 10
    query: int = 10

    def __call__(self, generator: torch.Generator) -> Tasks:
        """Draw so many tasks, with so many points each to adapt to and to be judged on."""
        amplitude = 0.1 + 4.9 * torch.rand(self.tasks, 1, 1, generator=generator)
        phase = math.pi * torch.rand(self.tasks, 1, 1, generator=generator)
        x = 10 * torch.rand(self.tasks, self.support + self.query, 1, generator=generator) - 5
        y = amplitude * torch.sin(x - phase)
        return x[:, : self.support], y[:, : self.support], x[:, self.support :], y[:, self.support :]


@dataclasses.dataclass(frozen=True)
class Stairs:
    """Stairs of one step at x = 0: `left` + c before it and `right` + 2·c behind, with a c in −2 to 2 for each task.

    The support lies before the step, the query behind it. What the one says about the other can only be learnt from
    other tasks, so that it is known what a learner answers who has learnt it: `right` + 2·c.
    """

    left: float = 1.0
    right: float = 3.0
    tasks: int = 1
    support: int = 4
    query: int = 4

    def __call__(self, generator: torch.Generator) -> Tasks:
        """Draw so many tasks, with so many points on either side."""
        c = 4 * torch.rand(self.tasks, 1, 1, generator=generator) - 2
        before = -torch.rand(self.tasks, self.support, 1, generator=generator)
        behind = torch.rand(self.tasks, self.query, 1, generator=generator)
        return before, (self.left + c).expand_as(before), behind, (self.right + 2 * c).expand_as(behind)
