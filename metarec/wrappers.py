"""Wrappers around single-user environments."""

from typing import Any

import gymnasium


class DiscountedReturns(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Notes the discounted return of each episode in `returns`, the one under way last.

    Gymnasium's RecordEpisodeStatistics adds rewards up undiscounted, which is another number than the values learnt.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], gamma: float) -> None:
        super().__init__(env)
        self.gamma = gamma
        self.returns: list[float] = []

    def reset(self, **keywords: Any) -> Any:
        """Begin a new return."""
        self.returns.append(0.0)
        self._weight = 1.0
        return self.env.reset(**keywords)

    def step(self, action: Any) -> Any:
        """Add the reward at its discount."""
        outcome = self.env.step(action)
        self.returns[-1] += self._weight * float(outcome[1])
        self._weight *= self.gamma
        return outcome
