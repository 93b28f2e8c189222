"""One decision with a shortlist of items, for many users in mid-session: the smallest log that is off-policy.

Users of Interest-v0 have been shown some of the items already, so that some topics bore them. The policy that runs goes
by what most people like. It teaches what a gate before deploying sees, since here each policy's true worth is known.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from metarec import dynamics
from metarec.interest import GEOMETRY, PARAMS, TOPICS, fields
from metarec.vector import InterestVector

Floats = NDArray[np.float64]
STEPS = 9
"""shown before; nobody has left by then"""


@dataclass(frozen=True)
class Shortlist:
    """Users [U] who are to be shown one of C items."""

    rates: Floats
    """[U, C]: the true click probabilities, which no policy sees"""
    policies: Mapping[str, Floats]
    """[U, C] by name: with what probability each policy shows the item. "running" made the log; "spares what bores" and
    "more of the same" are new; "no better" is that mixture of the new ones which is worth what the running one is"""

    def worth(self, name: str) -> float:
        """Clicks per decision of a policy, over all users."""
        return float((self.policies[name] * self.rates).sum(axis=1).mean())

    def log(self, rows: int, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
        """What the running policy writes down: users [N], the items they were shown [N] and clicks [N], 0 or 1."""
        users = rng.integers(len(self.rates), size=rows)
        below = self.policies["running"][users].cumsum(axis=1)
        items = (rng.random((rows, 1)) > below[:, :-1]).sum(axis=1)
        clicks = (rng.random(rows) < self.rates[users, items]).astype(float)
        return users, items, clicks


def shortlist(users: int, seed: int, item_seed: int = GEOMETRY, items: int = 10) -> Shortlist:
    """So many users, and a shortlist of the catalogue's first items, of a topic each. ValueError for more than 20."""
    if not 2 <= items <= TOPICS:
        raise ValueError(f"a shortlist has from 2 to {TOPICS} items, not {items}")
    envs = InterestVector(users, item_seed=item_seed)
    popularity = PARAMS.alpha * envs.item_vectors[:items] @ envs.mu
    running = popularity.softmax(dim=0).expand(users, -1)
    generator = torch.Generator().manual_seed(seed)
    observation, _ = envs.reset(seed=seed)
    for _ in range(STEPS):
        observation, *_ = envs.step(running.multinomial(1, generator=generator)[:, 0])
    now = fields(observation)
    each = [
        dynamics.click_probability(
            now["theta"],
            now["drift"],
            now["satiation"],
            envs.item_vectors,
            envs.topics,
            torch.full((users,), item),
            PARAMS,
        )
        for item in range(items)
    ]
    rates = torch.stack(each, dim=1).double().numpy()
    bored = now["satiation"][:, envs.topics[:items]]
    policies = {
        "running": running.double().numpy(),
        "spares what bores": (2 * (popularity - PARAMS.beta * bored)).double().softmax(dim=1).numpy(),
        "more of the same": bored.double().softmax(dim=1).numpy(),
    }
    worth = {name: float((policy * rates).sum(axis=1).mean()) for name, policy in policies.items()}
    low, high = worth["more of the same"], worth["spares what bores"]
    share = (worth["running"] - low) / (high - low)
    policies["no better"] = share * policies["spares what bores"] + (1 - share) * policies["more of the same"]
    return Shortlist(rates, policies)
