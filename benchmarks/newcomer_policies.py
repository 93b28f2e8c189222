"""Those who meet new users of metarec/Interest-v0 in `benchmarks/newcomers.py`: policies for its sessions."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.func import vmap

from benchmarks.simulator_values import Learnt, Oracle, Parts
from metarec.functional import Params, mlp
from metarec.interest import PARAMS, SIZE, fields
from metarec.transformer import Cache, CausalTransformer
from metarec.vector import InterestVector
from solutions.maml import adapt

RATE, STEPS = 0.3, 4
"""of MAML's inner loop"""


class Taste(Oracle):
    """Plans for an interest that it made up for each user."""

    def __init__(self, envs: InterestVector, seed: int) -> None:
        super().__init__(envs, weight=4, not_fresh=2)
        generator = torch.Generator().manual_seed(seed)
        self.made_up = envs.mu + torch.randn(envs.num_envs, SIZE, generator=generator)

    def liking(self, parts: Parts) -> Tensor:
        """As if the user were the one made up."""
        return super().liking({**parts, "theta": self.made_up})


class Posterior(Learnt):
    """Plans for the posterior mean, or for a draw from the posterior."""

    def __init__(self, envs: InterestVector, seed: int | None = None) -> None:
        super().__init__(envs, weight=4)
        self.not_fresh = 2
        self.generator = None if seed is None else torch.Generator().manual_seed(seed)

    def liking(self, parts: Parts) -> Tensor:
        """As if the user were the one drawn."""
        theta = self.mean
        if self.generator is not None:
            root = torch.linalg.cholesky(self.covariance + 1e-4 * torch.eye(SIZE))
            noise = torch.randn(*theta.shape, 1, generator=self.generator)
            theta = theta + (root @ noise)[:, :, 0]
        return Oracle.liking(self, {**parts, "theta": theta})


def token(features: Tensor, observation: Tensor) -> Tensor:
    """What the transformer reads at a step: item and click of the step before [..., 37], then the observation."""
    parts = fields(observation)
    seen = [parts["drift"], parts["satiation"] / PARAMS.S, parts["satiation"].sign(), parts["patience"] / PARAMS.P]
    return torch.cat([features, *(part if part.ndim == observation.ndim else part[..., None] for part in seen)], dim=-1)


class Reader:
    """The transformer: its answer holds weights of item features, then an interest.

    It shows the item that the weights score highest, or plans for the interest as the planner does for the true one.
    """

    def __init__(self, envs: InterestVector, policy: CausalTransformer, *, plans: bool) -> None:
        self.policy, self.items = policy, envs.item_features
        self.planner = Oracle(envs, weight=4, not_fresh=2) if plans else None
        self.last = torch.zeros(envs.num_envs, self.items.shape[1] + 1)
        self.cache: Cache = []

    def act(self, parts: Parts) -> Tensor:
        """The items of greatest score."""
        with torch.no_grad():
            answer, self.cache = self.policy.read(token(self.last, history_of(parts))[:, None], self.cache)
        weights, interest = answer[:, 0, :-SIZE], answer[:, 0, -SIZE:]
        if self.planner is not None:
            return self.planner.act({**parts, "theta": interest})
        return (weights @ self.items.T).argmax(dim=1)

    def learn(self, parts: Parts, actions: Tensor, clicks: Tensor) -> None:
        """Read what came of it."""
        self.last = torch.cat([self.items[actions], clicks[:, None]], dim=1)


class Adapting:
    """MAML: a click model for each user, adapted to all clicks of the session, from the meta-learnt start each time."""

    def __init__(self, envs: InterestVector, start: Params) -> None:
        self.start, self.items, self.topics = start, envs.item_vectors, envs.topics
        self.x, self.y = torch.zeros(envs.num_envs, 0, SIZE + 2), torch.zeros(envs.num_envs, 0, 1)

    def act(self, parts: Parts) -> Tensor:
        """The likeliest items, satiation weighed threefold."""
        users = len(self.x)
        x = described(self.items.expand(users, -1, -1), parts["drift"], torch.zeros(users, len(self.items)))
        params = {name: value.expand(users, *value.shape) for name, value in self.start.items()}
        if self.x.shape[1]:
            params = vmap(lambda x, y: adapt(self.start, x, y, RATE, STEPS, "logistic"))(self.x, self.y)
        liking = vmap(mlp)(params, x)[..., 0].detach()
        return (liking - 3 * PARAMS.beta * parts["satiation"][:, self.topics]).argmax(dim=1)

    def learn(self, parts: Parts, actions: Tensor, clicks: Tensor) -> None:
        """Write down what came of it."""
        level = parts["satiation"].gather(1, self.topics[actions][:, None])
        x = described(self.items[actions][:, None], parts["drift"], level)
        self.x, self.y = torch.cat([self.x, x], dim=1), torch.cat([self.y, clicks[:, None, None]], dim=1)


class Greedy:
    """The item of greatest value."""

    def __init__(self, values: Callable[[Tensor], Tensor]) -> None:
        self.values = values

    def act(self, parts: Parts) -> Tensor:
        """The items of greatest value."""
        with torch.no_grad():
            return self.values(history_of(parts)).argmax(dim=1)

    def learn(self, parts: Parts, actions: Tensor, clicks: Tensor) -> None:
        """Nothing."""


def history_of(parts: Parts) -> Tensor:
    """The observation [N, n] without the interest."""
    seen = [part if part.ndim == 2 else part[:, None] for name, part in parts.items() if name != "theta"]
    return torch.cat(seen, dim=1)


def described(items: Tensor, drift: Tensor, level: Tensor) -> Tensor:
    """What a click model sees of items [N, M, D]: vector, how it meets the short-term interest, satiation [N, M]."""
    return torch.cat([items, (items @ drift[:, :, None]), level[..., None]], dim=2)
