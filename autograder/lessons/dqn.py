"""Lesson 04: deep Q-learning, from a memory of transitions to a recommender that takes new items."""

import copy
from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium.vector import VectorEnv
from torch import Tensor, nn
from torch.nn import functional

import metarec  # noqa: F401  (registers the environments)
from autograder.exercise import Exercise, exercise, quiz
from autograder.judges import AtLeast, Close, SameFrequencies
from autograder.playing import clicks_per_session
from autograder.proxy import derived, flows, gradient, observed
from metarec.small_vector import CORRIDOR, CURTAIN, SHOP
from solutions import dqn as reference

KEYS = ("observation", "action", "reward", "next_observation", "terminated")


def tensor(values: Any) -> Tensor:
    """What a trial draws, in torch's own precision."""
    return torch.as_tensor(np.asarray(values, dtype=np.float32))


def transitions(first: int, batch: int, size: int) -> tuple[Tensor, ...]:
    """Transitions that are told apart by each of their parts: number `first` and those that follow it."""
    number = torch.arange(first, first + batch)
    observation = number[:, None] + torch.arange(size) / 10
    return observation, number, number * 0.5, observation + 1, number % 2 == 1


def rows(sample: dict[str, np.ndarray]) -> np.ndarray:
    """A sample as rows [B, n + n + 3], all parts of a transition beside each other."""
    columns = [np.asarray(sample[key], dtype=float) for key in KEYS]
    return np.concatenate([column.reshape(len(columns[1]), -1) for column in columns], axis=1)


def _everything(*samples: dict[str, np.ndarray]) -> np.ndarray:
    return np.unique(np.concatenate([rows(sample) for sample in samples]), axis=0)


def _numbers(*samples: dict[str, np.ndarray]) -> np.ndarray:
    return np.stack([np.asarray(sample["action"]).reshape(-1) for sample in samples])


@exercise(
    reference.ReplayBuffer,
    points=2,
    minutes=15,
    hints=[
        "Make five tensors with `capacity` rows, and two numbers: where the next transition goes, and how many are "
        "held.",
        "`places = (self.next + torch.arange(batch)) % self.capacity` runs on at the beginning where the end is "
        "reached. Write every part at the same `places`.",
        "`rows = torch.randint(self.held, (batch_size,), generator=self.generator)`: not up to the capacity, and from "
        "a generator that was seeded once, in `__init__`.",
    ],
    afterword="A batch of 512 now holds 512 different moments of as many users, where the steps of one session hardly "
    "differ from each other. And each transition is learnt from many times.",
)
def replay_buffer(make: Any, rng: np.random.Generator) -> Iterator[tuple[Any, ...]]:
    """Small memories, filled in batches that do and do not fit."""
    size, seed = int(rng.integers(1, 4)), int(rng.integers(1, 1000))
    capacity = int(rng.integers(5, 7))
    first = int(rng.integers(1, 5))

    def filled(room: int, *batches: int, seeded: int = seed) -> Any:
        buffer, number = make(room, size, seeded), first
        for batch in batches:
            buffer.add(*transitions(number, batch, size))
            number += batch
        return buffer

    def length(buffer: Any) -> Any:
        return derived(len, buffer)

    yield (
        "counts what it holds, up to its capacity",
        [length(filled(capacity)), length(filled(capacity, 2)), length(filled(capacity, 3, 3, 3))],
    )
    partly = filled(capacity, 2, 1)
    yield (
        "gives back whole transitions, and only such as were added",
        derived(_everything, *(partly.sample(3) for _ in range(12))),
    )
    exact = filled(capacity, 3, capacity - 3, 3)
    yield (
        "overwrites the oldest when it is full",
        derived(_everything, *(exact.sample(capacity) for _ in range(20))),
    )
    around = filled(capacity, 3, capacity - 3, capacity - 1, 3)
    yield (
        "runs on at the beginning where a batch does not fit at the end",
        derived(_everything, *(around.sample(capacity) for _ in range(20))),
    )
    many = filled(40, 20, 20)
    drawn = [many.sample(20) for _ in range(20)]
    yield (
        "draws uniformly",
        derived(lambda *s: np.bincount((_numbers(*s).ravel() - first) // 10, minlength=4), *drawn),
        SameFrequencies(),
    )
    stretches = [many.sample(3) for _ in range(30)]
    yield (
        "draws each transition by itself, and not a stretch of them",
        derived(lambda *s: np.bincount(np.ptp(_numbers(*s), axis=1) == 2, minlength=2), *stretches),
        SameFrequencies(),
    )
    seeds = (seed, seed, seed + 1)
    mine, theirs, others = ([b.sample(10) for _ in range(3)] for b in (filled(40, 40, seeded=s) for s in seeds))
    yield (
        "draws from its seed: equal seeds, equal samples",
        derived(
            lambda *s: [bool((rows(a) == rows(b)).all()) for a, b in ((s[0], s[3]), (s[0], s[6]))],
            *mine,
            *theirs,
            *others,
        ),
    )
    pair = filled(40, 40), filled(40, 40)
    turns = [buffer.sample(10) for _ in range(3) for buffer in pair]
    yield (
        "draws from its seed: equal seeds, equal samples",
        derived(lambda *s: [bool((rows(s[i]) == rows(s[i + 1])).all()) for i in (0, 2, 4)], *turns),
    )
    yield "draws anew in each call", derived(lambda a, b: bool((rows(a) == rows(b)).all()), *mine[:2])
    yield (
        "keeps actions integers and terminated bool",
        derived(lambda s: [s["action"].dtype.kind in "iu", s["terminated"].dtype.kind == "b"], partly.sample(2)),
    )


class _Buffer(reference.ReplayBuffer):
    """A memory whose parts can be replaced one by one."""

    def places(self, batch: int) -> Tensor:
        """Where a batch goes."""
        return (self.next + torch.arange(batch)) % self.capacity

    def add(self, *parts: Tensor) -> None:
        """As the reference."""
        batch = len(parts[1])
        places = self.places(batch)
        for column, values in zip(self.memory.values(), parts, strict=True):
            column[places] = values[: len(places)].to(column.dtype)
        self.next = (self.next + batch) % self.capacity
        self.held = min(self.held + batch, self.capacity)

    def rows(self, batch_size: int) -> Tensor:
        """Which rows are drawn."""
        return torch.randint(self.held, (batch_size,), generator=self.generator)

    def sample(self, batch_size: int) -> dict[str, Tensor]:
        """As the reference."""
        rows = self.rows(batch_size)
        return {name: column[rows] for name, column in self.memory.items()}


def _variant(made: Exercise, base: type, name: str, diagnosis: str, **parts: Any) -> None:
    """Add the mistake of a class that differs from `base` in these methods or attributes."""
    made.mistake(type(name, (base,), {"__doc__": diagnosis, **parts}))


def _zeroed(self: _Buffer, capacity: int, observation_size: int, seed: int) -> None:
    _Buffer.__init__(self, capacity, observation_size, seed)
    for column in self.memory.values():
        column.zero_()


_variant(
    replay_buffer,
    _Buffer,
    "draws_from_the_whole_room",
    "It draws from all places, the empty ones too: only the first `len(buffer)` have been written.",
    __init__=_zeroed,
    rows=lambda self, batch_size: torch.randint(self.capacity, (batch_size,), generator=self.generator),
)
_variant(
    replay_buffer,
    _Buffer,
    "stops_when_full",
    "It takes nothing more once it is full: the oldest must give way, or it learns for ever from its first steps.",
    add=lambda self, *parts: (
        _Buffer.add(self, *(part[: self.capacity - self.held] for part in parts)) if self.held < self.capacity else None
    ),
)


def _from_the_beginning(self: _Buffer, *parts: Tensor) -> None:
    if self.next + len(parts[1]) > self.capacity:
        self.next = 0
    _Buffer.add(self, *parts)


_variant(
    replay_buffer,
    _Buffer,
    "begins_anew_when_a_batch_does_not_fit",
    "A batch that does not fit at the end goes to the beginning as a whole: what it overwrites there is not the "
    "oldest alone, and the last places keep what they had. Let the batch run on, by `% capacity`.",
    add=_from_the_beginning,
)
_variant(
    replay_buffer,
    _Buffer,
    "drops_what_does_not_fit",
    "What of a batch does not fit at the end is lost: it belongs at the beginning, over the oldest.",
    places=lambda self, batch: torch.arange(self.next, min(self.next + batch, self.capacity)),
)


def _add_and_count(self: Any, *parts: Tensor) -> None:
    _Buffer.add(self, *parts)
    self.calls, self.added = self.calls + 1, self.added + len(parts[1])


_variant(
    replay_buffer,
    _Buffer,
    "counts_without_end",
    "`len` goes on growing: it holds no more than its capacity, however much was added.",
    calls=0,
    added=0,
    add=_add_and_count,
    __len__=lambda self: self.added,
)
_variant(
    replay_buffer,
    _Buffer,
    "counts_batches",
    "It counts calls of `add`: each brings a transition of every user.",
    calls=0,
    added=0,
    add=_add_and_count,
    __len__=lambda self: min(self.calls, self.capacity),
)
_variant(
    replay_buffer,
    _Buffer,
    "parts_from_different_rows",
    "It draws for each part anew: then the reward is that of another step than the action. Draw the rows once.",
    sample=lambda self, size: {name: column[self.rows(size)] for name, column in self.memory.items()},
)


def _with_the_row_after(self: _Buffer, batch_size: int) -> dict[str, Tensor]:
    rows = self.rows(batch_size)
    found = {name: column[rows] for name, column in self.memory.items()}
    return {**found, "next_observation": self.memory["observation"][(rows + 1) % self.held]}


_variant(
    replay_buffer,
    _Buffer,
    "next_is_the_row_after",
    "It takes the observation in the next row for the next observation: that row is another user's.",
    sample=_with_the_row_after,
)
_variant(
    replay_buffer,
    _Buffer,
    "draws_the_newest",
    "It gives back the newest transitions: that is no memory. Draw uniformly from all that it holds.",
    rows=lambda self, batch_size: (self.next - 1 - torch.arange(batch_size)) % self.held,
)
_variant(
    replay_buffer,
    _Buffer,
    "draws_a_stretch",
    "It draws one place and takes what follows it: neighbours are alike, and a batch of them is hardly more than one. "
    "Draw every row by itself.",
    rows=lambda self, batch_size: (_Buffer.rows(self, 1) + torch.arange(batch_size)) % self.held,
)
_variant(
    replay_buffer,
    _Buffer,
    "never_draws_the_last",
    "The upper end of `torch.randint` is left out already: with `held - 1` the last place is never drawn.",
    rows=lambda self, size: torch.randint(max(1, self.held - 1), (size,), generator=self.generator),
)
_variant(
    replay_buffer,
    _Buffer,
    "unseeded",
    "It draws from a generator that `seed` does not reach: two runs with one seed differ.",
    rows=lambda self, batch_size: torch.from_numpy(np.random.default_rng().integers(self.held, size=batch_size)),
)


def _from_one_for_all(self: Any, capacity: int, observation_size: int, seed: int) -> None:
    _Buffer.__init__(self, capacity, observation_size, seed)
    type(self).shared = self.generator


_variant(
    replay_buffer,
    _Buffer,
    "seeds_what_others_draw_from",
    "`torch.manual_seed` seeds the generator that everybody draws from: whoever else draws, a second memory too, "
    "changes the samples. Keep a `torch.Generator` of its own.",
    __init__=_from_one_for_all,
    rows=lambda self, batch_size: torch.randint(self.held, (batch_size,), generator=type(self).shared),
)


def _reseeded(self: Any, batch_size: int) -> Tensor:
    self.generator.manual_seed(self.generator.initial_seed())
    return _Buffer.rows(self, batch_size)


_variant(
    replay_buffer,
    _Buffer,
    "seeds_in_each_call",
    "It seeds its generator in `sample`: each call then draws the same rows. Seed it once, in `__init__`.",
    rows=_reseeded,
)
_variant(
    replay_buffer,
    _Buffer,
    "everything_float",
    "Actions and flags come back as floats: an index must be an integer, and `~terminated` needs bool.",
    sample=lambda self, size: {name: part.float() for name, part in _Buffer.sample(self, size).items()},
)


@exercise(
    reference.QNetwork,
    points=3,
    minutes=15,
    hints=[
        "Two towers that end in vectors of the same length. Nothing in them may know how many items there are.",
        "The items need no more than one `nn.Linear(item_size, hidden)`. The state deserves more: two or three layers "
        "with ReLU between them, and beside them one straight `nn.Linear`, added at the end.",
        "`state @ self.item_tower(items).T` is [B, hidden] times [hidden, K]: all dot products at once.",
    ],
    afterword="The last layer of an ordinary DQN has one output for each item, and a new item means a new network. "
    "Here an item is a row of features that comes in from outside.",
)
def q_network(make: Any, rng: np.random.Generator) -> Iterator[tuple[Any, ...]]:
    """Fresh networks on random users and items: nobody knows their values, but much about how they hang together."""
    n, d = int(rng.integers(2, 5)), int(rng.integers(2, 5))
    users, items = tensor(rng.normal(size=(8, n)).round(2)), tensor(rng.normal(size=(6, d)).round(2))
    order = torch.as_tensor(rng.permutation(6))
    network = make(n, d, 16)
    values = network(users, items)
    yield "gives a value to each item for each user: [B, K]", derived(np.shape, values)
    yield "gives the same answer to the same call", derived(_equal, values, network(users, items))
    yield (
        "values as many items, for as many users, as it is given",
        [derived(np.shape, network(users[:b], items[:k])) for b, k in ((1, 6), (8, 1), (2, 2))],
    )
    yield (
        "values each item by itself: others may come, go and change places",
        derived(
            lambda all_, few, turned: [_equal(all_[:, :2], few), _equal(all_[:, order.numpy()], turned)],
            values,
            network(users, items[:2]),
            network(users, items[order]),
        ),
    )
    yield (
        "values for each user by itself",
        derived(lambda all_, few: _equal(all_[:2], few), values, network(users[:2], items)),
    )
    yield (
        "likes different items for different users",
        derived(lambda q: _equal(q - q[:, :1], (q - q[:, :1])[:1]), values),
    )
    far = network(1000 * users, 1000 * items)
    yield "gives values without bounds, of either sign", derived(lambda q: [bool(q.min() < -1), bool(q.max() > 1)], far)
    yield (
        "lets the gradient reach observation and items",
        [flows(network, users, items, wrt=argument) for argument in (0, 1)],
    )
    # several: of one, what bends the products may bend nothing here
    crowd, shelf = tensor(rng.normal(size=(32, n)).round(2)), tensor(rng.normal(size=(24, d)).round(2))
    narrow = [make(n, d, 2)(crowd, shelf) for _ in range(8)]
    yield "joins the two towers by a dot product", derived(lambda *all_: all(map(_of_low_rank, all_)), *narrow)
    wider = make(n, d, 32)
    yield (
        "registers its parameters, and has more of them where `hidden` is larger",
        derived(lambda few, more: [few > 0, more > few], _parameters(network), _parameters(wider)),
    )


def _equal(one: np.ndarray, other: np.ndarray) -> bool:
    return bool(np.allclose(one, other, rtol=1e-4, atol=1e-5))


def _of_low_rank(values: np.ndarray) -> bool:
    """Whether values [B, K] can be dot products of vectors of length 2, plus a number for each user and each item."""
    sizes = np.linalg.svd(np.asarray(values, dtype=float), compute_uv=False)
    return bool(sizes[4] <= 1e-4 * sizes[0])


def _parameters(network: Any) -> Any:
    return derived(lambda state: sum(np.size(part) for part in state.values()), network.state_dict())


class _Network(reference.QNetwork):
    """A network whose way from towers to values can be replaced."""

    def state(self, observation: Tensor) -> Tensor:
        """The users' vectors [B, hidden]."""
        seen = torch.cat([observation, observation.sign()], dim=1)
        return self.straight(seen) + self.bent(seen)


def _values(network: _Network, observation: Tensor, items: Tensor) -> Tensor:
    return reference.QNetwork.forward(network, observation, items)


_variant(
    q_network,
    _Network,
    "probabilities",
    "A softmax makes the values of a user sum to 1, so that each depends on all the others. A value is a number of "
    "clicks to come: let it be what it is.",
    forward=lambda self, observation, items: _values(self, observation, items).softmax(dim=1),
)
_variant(
    q_network,
    _Network,
    "squeezed",
    "A sigmoid (or tanh) at the end keeps the values between fixed bounds: what a whole session earns is more than one "
    "click.",
    forward=lambda self, observation, items: _values(self, observation, items).sigmoid(),
)
_variant(
    q_network,
    _Network,
    "never_negative",
    "A ReLU at the end cuts off what is below 0, and with it the gradient: the last layer is to stay linear.",
    forward=lambda self, observation, items: _values(self, observation, items).relu(),
)
_variant(
    q_network,
    _Network,
    "item_and_user_added",
    "It adds a number for the user and a number for the item: then one item is the best for everybody. The towers must "
    "be multiplied.",
    forward=lambda self, observation, items: (
        self.state(observation).sum(dim=1, keepdim=True) + self.item_tower(items).sum(dim=1)
    ),
)
_variant(
    q_network,
    _Network,
    "ignores_the_user",
    "The values do not depend on the observation: everybody is shown the same.",
    forward=lambda self, observation, items: self.item_tower(items).sum(dim=1).expand(len(observation), -1),
)


def _with_places(self: Any, observation_size: int, item_size: int, hidden: int) -> None:
    _Network.__init__(self, observation_size, item_size, hidden)
    self.place = nn.Embedding(1000, hidden)


_variant(
    q_network,
    _Network,
    "a_row_for_each_place",
    "It learns a vector for each *place* in the catalogue and never looks at the features: an item that moves to "
    "another place, or is new, gets a value that has nothing to do with it.",
    __init__=_with_places,
    forward=lambda self, observation, items: self.state(observation) @ self.place.weight[: len(items)].T,
)
_variant(
    q_network,
    _Network,
    "one_user_at_a_time",
    "It has no batch axis: it sums over the users, as if there were one. B users are valued at once, [B, K].",
    forward=lambda self, observation, items: _values(self, observation, items).sum(dim=0),
)
_variant(
    q_network,
    _Network,
    "axes_swapped",
    "It returns [K, B]: users are the rows, items the columns.",
    forward=lambda self, observation, items: _values(self, observation, items).T,
)
_variant(
    q_network,
    _Network,
    "drops_out",
    "Dropout makes every call another answer: values are aimed at and compared, so leave it out of a Q-network.",
    forward=lambda self, observation, items: (
        functional.dropout(self.state(observation), 0.5) @ self.item_tower(items).T
    ),
)


def _joined(self: Any, observation_size: int, item_size: int, hidden: int) -> None:
    nn.Module.__init__(self)
    layers = nn.Linear(observation_size + item_size, hidden), nn.Tanh(), nn.Linear(hidden, 1)
    self.joint = nn.Sequential(*layers)
    with torch.no_grad():
        self.joint[-1].weight.copy_(100 * torch.linspace(1, 2, hidden))


def _for_each_pair(self: Any, observation: Tensor, items: Tensor) -> Tensor:
    shape = len(observation), len(items), -1
    pairs = torch.cat([observation[:, None].expand(*shape), items[None].expand(*shape)], dim=2)
    values: Tensor = self.joint(pairs)[..., 0]
    return values


_variant(
    q_network,
    _Network,
    "one_network_for_each_pair",
    "It feeds user and item into one network, pair by pair: that gives values, and costs a forward pass for each of "
    "B·K pairs. Two towers and a dot product cost B + K.",
    __init__=_joined,
    forward=_for_each_pair,
)
_variant(
    q_network,
    _Network,
    "batch_statistics",
    "It normalises over the batch: what is good for one user then depends on who else is there. Scale by constants, or "
    "within the row.",
    forward=lambda self, observation, items: _values(
        self, (observation - observation.mean(dim=0)) / (observation.var(dim=0, correction=0) + 1), items
    ),
)
_variant(
    q_network,
    _Network,
    "catalogue_statistics",
    "It normalises over the items: a new item then changes the values of all the others.",
    forward=lambda self, observation, items: _values(
        self, observation, (items - items.mean(dim=0)) / (items.var(dim=0, correction=0) + 1)
    ),
)
_variant(
    q_network,
    _Network,
    "out_of_the_gradient_s_reach",
    "It computes under `no_grad` (or detaches, or goes by way of NumPy): no gradient comes back, and nothing is ever "
    "learnt.",
    forward=lambda self, observation, items: _values(self, observation, items).detach(),
)


def _unregistered(self: Any, observation_size: int, item_size: int, hidden: int) -> None:
    nn.Module.__init__(self)
    self.layers = [nn.Linear(observation_size, hidden), nn.Linear(item_size, hidden)]


_variant(
    q_network,
    _Network,
    "layers_in_a_list",
    "Layers in a Python list are not registered: the optimiser and `state_dict` do not find them. Use `nn.ModuleList` "
    "or `nn.Sequential`.",
    __init__=_unregistered,
    forward=lambda self, observation, items: self.layers[0](observation) @ self.layers[1](items).T,
)
_variant(
    q_network,
    _Network,
    "as_wide_as_it_likes",
    "It takes no notice of `hidden`: the towers are to be as wide as it says.",
    __init__=lambda self, observation_size, item_size, hidden: _Network.__init__(self, observation_size, item_size, 16),
)


def _step_ends(rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor, float]:
    """Rewards [B], next values [B, K], terminated [B] of a few users, some of whom have left, and a discount.

    Values lie apart by 1 or more, the best ones are not equal, and the sizes of the batch and the catalogue differ.
    """
    batch, n_items = int(rng.integers(3, 5)), 2
    rewards = tensor(rng.integers(0, 2, batch) + rng.integers(1, 5, batch) / 10)
    q = rng.permuted(np.tile([1.0, 3.0], (batch, 1)), axis=1) + np.arange(batch)[:, None] + 1
    terminated = rng.permutation(np.arange(batch) < 2)
    gamma = float(np.round(rng.uniform(0.6, 0.9), 2))
    return rewards, tensor(q + rng.uniform(0, 0.5, (batch, n_items)).round(1)), torch.as_tensor(terminated), gamma


@exercise(
    reference.dqn_target,
    points=1,
    minutes=5,
    hints=[
        "It is lesson 03's `td_target` for a whole batch: the best of each *row* of `next_q`.",
        "`next_q.max(dim=1).values` or `next_q.amax(dim=1)` is [B]. Multiply by `~terminated`, which is 1 where the "
        "session goes on.",
        "`return rewards + gamma * next_q.detach().amax(dim=1) * ~terminated`",
    ],
    afterword="A target is a number to aim at. If a gradient flowed into it, the network could lower its loss by "
    "moving the target to itself.",
)
def dqn_target(target: Any, rng: np.random.Generator) -> Iterator[tuple[Any, ...]]:
    """A batch that goes on, one of which some have ended, and what a gradient makes of it."""
    rewards, next_q, terminated, gamma = _step_ends(rng)
    nobody = torch.zeros_like(terminated)
    yield "adds the discounted best next value", target(rewards, next_q, nobody, gamma)
    yield "adds the discounted best next value", target(rewards, -next_q, nobody, gamma)
    yield "adds nothing after a termination", target(rewards, next_q, terminated, gamma)
    yield "lets no gradient through", gradient(target, rewards, next_q, terminated, gamma, wrt=1)


@dqn_target.mistake
def bootstraps_past_the_end(rewards: Tensor, next_q: Tensor, terminated: Tensor, gamma: float) -> Tensor:
    """A terminated session has no next value: the target is the reward alone."""
    return reference.dqn_target(rewards, next_q, torch.zeros_like(terminated), gamma)


@dqn_target.mistake
def gradient_flows(rewards: Tensor, next_q: Tensor, terminated: Tensor, gamma: float) -> Tensor:
    """A gradient flows into the target: then the target moves towards the value as well as the value towards it.
    Detach it, or compute under `torch.no_grad()`.
    """
    return rewards + gamma * next_q.amax(dim=1) * ~terminated


@dqn_target.mistake
def every_pair(rewards: Tensor, next_q: Tensor, terminated: Tensor, gamma: float) -> Tensor:
    """With `keepdim=True` the best values are [B, 1], and added to [B] they make [B, B]: every reward with every
    user's future. A target is [B].
    """
    return rewards + gamma * next_q.detach().amax(dim=1, keepdim=True) * ~terminated[:, None]


@dqn_target.mistake
def best_of_the_batch(rewards: Tensor, next_q: Tensor, terminated: Tensor, gamma: float) -> Tensor:
    """`next_q.max()` is the largest of the *whole batch*, another user's value: take the best of each row, `dim=1`."""
    return rewards + gamma * next_q.detach().max() * ~terminated


@dqn_target.mistake
def masked_the_wrong_way(rewards: Tensor, next_q: Tensor, terminated: Tensor, gamma: float) -> Tensor:
    """The mask is turned round: it adds a next value where the session has *ended*, and nowhere else."""
    return reference.dqn_target(rewards, next_q, ~terminated, gamma)


@dqn_target.mistake
def nothing_where_it_ends(rewards: Tensor, next_q: Tensor, terminated: Tensor, gamma: float) -> Tensor:
    """It sets the whole target to 0 at an end: the last reward was earned and counts."""
    return reference.dqn_target(rewards, next_q, terminated, gamma) * ~terminated


@dqn_target.mistake
def never_below_zero(rewards: Tensor, next_q: Tensor, terminated: Tensor, gamma: float) -> Tensor:
    """It cuts next values off at 0: a value below 0 is one too, where rewards can be negative or the network is new."""
    return reference.dqn_target(rewards, next_q.clamp(min=0), terminated, gamma)


@dqn_target.mistake
def mean_of_the_next(rewards: Tensor, next_q: Tensor, terminated: Tensor, gamma: float) -> Tensor:
    """It takes the mean of the next values: that is the value of recommending at random from then on."""
    return rewards + gamma * next_q.detach().mean(dim=1) * ~terminated


@dqn_target.mistake
def the_item_and_not_its_value(rewards: Tensor, next_q: Tensor, terminated: Tensor, gamma: float) -> Tensor:
    """It adds which item is best, an index, and not what that item is worth: `max`, not `argmax`."""
    return rewards + gamma * next_q.argmax(dim=1) * ~terminated


@dqn_target.mistake
def discount_missing(rewards: Tensor, next_q: Tensor, terminated: Tensor, gamma: float) -> Tensor:
    """Gamma is missing: what comes later counts less."""
    return reference.dqn_target(rewards, next_q, terminated, 1.0)


@dqn_target.mistake
def discounts_the_reward(rewards: Tensor, next_q: Tensor, terminated: Tensor, gamma: float) -> Tensor:
    """It discounts the reward of the step itself: that one comes now and counts whole."""
    return gamma * reference.dqn_target(rewards, next_q, terminated, 1.0)


@exercise(
    reference.double_dqn_target,
    points=2,
    minutes=8,
    hints=[
        "Two questions, two networks. Which item? The online network says. What is it worth? The target network says.",
        "`next_q_online.argmax(dim=1, keepdim=True)` is [B, 1], as `gather(1, ...)` wants it.",
        "`next_q_target.detach().gather(1, chosen)[:, 0]`, and the rest is as in `dqn_target`.",
    ],
    afterword="The largest of many noisy values is too large on average. A second network that did not choose has no "
    "reason to be wrong in the same place.",
)
def double_dqn_target(target: Any, rng: np.random.Generator) -> Iterator[tuple[Any, ...]]:
    """Two networks that agree, then two that do not."""
    rewards, next_q, terminated, gamma = _step_ends(rng)
    nobody = torch.zeros_like(terminated)
    # the online network prefers the item that the target network thinks less of, for all but one user
    online = next_q.flip(1) + 0.3
    online[0] = next_q[0] + 5
    yield (
        "is plain DQN's where the two networks agree",
        target(rewards, next_q, next_q, nobody, gamma),
    )
    yield (
        "chooses with the online network and values with the target network",
        target(rewards, online, next_q, nobody, gamma),
    )
    yield "adds nothing after a termination", target(rewards, online, next_q, terminated, gamma)
    yield (
        "lets no gradient through",
        [gradient(target, rewards, online, next_q, terminated, gamma, wrt=i) for i in (1, 2)],
    )


@double_dqn_target.mistake
def roles_swapped(
    rewards: Tensor, next_q_online: Tensor, next_q_target: Tensor, terminated: Tensor, gamma: float
) -> Tensor:
    """The roles are swapped: the *online* network chooses the item, the *target* network says what it is worth."""
    return reference.double_dqn_target(rewards, next_q_target, next_q_online, terminated, gamma)


@double_dqn_target.mistake
def plain_dqn(
    rewards: Tensor, next_q_online: Tensor, next_q_target: Tensor, terminated: Tensor, gamma: float
) -> Tensor:
    """The target network both chooses and values: that is plain DQN, and the online network is not asked."""
    return reference.dqn_target(rewards, next_q_target, terminated, gamma)


@double_dqn_target.mistake
def online_alone(
    rewards: Tensor, next_q_online: Tensor, next_q_target: Tensor, terminated: Tensor, gamma: float
) -> Tensor:
    """The online network both chooses and values: the target network is not asked, and the largest value is taken
    at its word.
    """
    return reference.dqn_target(rewards, next_q_online, terminated, gamma)


@double_dqn_target.mistake
def smaller_of_both(
    rewards: Tensor, next_q_online: Tensor, next_q_target: Tensor, terminated: Tensor, gamma: float
) -> Tensor:
    """It takes the best of the smaller of the two values, item by item: that is another remedy (Fujimoto and others
    2018). Here one network chooses and the other values.
    """
    return reference.dqn_target(rewards, torch.minimum(next_q_online, next_q_target), terminated, gamma)


@double_dqn_target.mistake
def past_the_end(
    rewards: Tensor, next_q_online: Tensor, next_q_target: Tensor, terminated: Tensor, gamma: float
) -> Tensor:
    """A terminated session has no next value: the target is the reward alone."""
    return reference.double_dqn_target(rewards, next_q_online, next_q_target, torch.zeros_like(terminated), gamma)


@double_dqn_target.mistake
def gradient_into_the_target(
    rewards: Tensor, next_q_online: Tensor, next_q_target: Tensor, terminated: Tensor, gamma: float
) -> Tensor:
    """A gradient flows into the values of the target network: detach them, or compute under `torch.no_grad()`."""
    chosen = next_q_online.argmax(dim=1, keepdim=True)
    return rewards + gamma * next_q_target.gather(1, chosen)[:, 0] * ~terminated


@double_dqn_target.mistake
def every_pair_of_users(
    rewards: Tensor, next_q_online: Tensor, next_q_target: Tensor, terminated: Tensor, gamma: float
) -> Tensor:
    """`next_q_target[:, chosen]` takes the items of *all* users for each user, [B, B]: `gather(1, chosen[:, None])`
    takes each user's own.
    """
    following = next_q_target.detach()[:, next_q_online.argmax(dim=1)]
    return rewards[:, None] + gamma * following * ~terminated[:, None]


@double_dqn_target.mistake
def undiscounted(
    rewards: Tensor, next_q_online: Tensor, next_q_target: Tensor, terminated: Tensor, gamma: float
) -> Tensor:
    """Gamma is missing: what comes later counts less."""
    return reference.double_dqn_target(rewards, next_q_online, next_q_target, terminated, 1.0)


def _errors(rng: np.random.Generator, smallest: float, largest: float) -> tuple[Tensor, Tensor, Tensor]:
    """Values [B, 2], the actions taken and targets that lie between `smallest` and `largest` away from their values.

    The action taken is not always the best one, and what was not taken is further from the target.
    """
    batch = int(rng.integers(2, 4))
    actions = rng.permutation(np.arange(batch) % 2)
    taken = rng.integers(0, 4, batch) + rng.integers(1, 9, batch) / 10
    targets = taken + rng.choice([-1, 1], batch) * rng.uniform(smallest, largest, batch).round(1)
    q = np.empty((batch, 2))
    q[np.arange(batch), actions] = taken
    q[np.arange(batch), 1 - actions] = taken + rng.permutation([-1, 1, 1][:batch]) * rng.uniform(5, 8, batch).round(1)
    return tensor(q), torch.as_tensor(actions), tensor(targets)


@exercise(
    reference.dqn_loss,
    points=1,
    minutes=6,
    hints=[
        "First [B, K] becomes [B]: the value of each user's own action. Then a loss that torch has.",
        "`q.gather(1, actions[:, None])` is [B, 1]; take its column.",
        "`torch.nn.functional.huber_loss(taken, targets)` has delta 1 and the mean by default.",
    ],
    afterword="Beyond 1 the gradient of the Huber loss stays at ±1: one surprising session cannot throw the network "
    "far off.",
)
def dqn_loss(loss: Any, rng: np.random.Generator) -> Iterator[tuple[Any, ...]]:
    """Small errors, large ones, both, and where the gradient goes."""
    small, large = _errors(rng, 0.3, 0.8), _errors(rng, 2.0, 4.0)
    yield "is half the square of an error up to 1", loss(*small)
    yield "grows by the size of an error beyond 1", loss(*large)
    yield "is the mean over the batch", loss(*(torch.cat(parts * 2) for parts in zip(small, large, strict=True)))
    yield "sends its gradient to the values of the actions taken, and to no other", gradient(loss, *large, wrt=0)


def _taken(q: Tensor, actions: Tensor) -> Tensor:
    return q.gather(1, actions[:, None])[:, 0]


@dqn_loss.mistake
def squared(q: Tensor, actions: Tensor, targets: Tensor) -> Tensor:
    """It is the squared error: the Huber loss is half of that up to 1, and beyond 1 it grows in a straight line."""
    return functional.mse_loss(_taken(q, actions), targets)


@dqn_loss.mistake
def half_squared(q: Tensor, actions: Tensor, targets: Tensor) -> Tensor:
    """It is half the square of large errors too: beyond 1 the Huber loss is the size of the error less one half."""
    return functional.mse_loss(_taken(q, actions), targets) / 2


@dqn_loss.mistake
def absolute(q: Tensor, actions: Tensor, targets: Tensor) -> Tensor:
    """It is the size of the error, however small: up to 1 the Huber loss is half the square."""
    return functional.l1_loss(_taken(q, actions), targets)


@dqn_loss.mistake
def error_clipped(q: Tensor, actions: Tensor, targets: Tensor) -> Tensor:
    """It clips the *error* to ±1 before it squares it: a large error then has no gradient at all. What is to be
    clipped is the gradient, as the Huber loss does.
    """
    return ((targets - _taken(q, actions)).clamp(-1, 1) ** 2).mean() / 2


@dqn_loss.mistake
def half_left_out(q: Tensor, actions: Tensor, targets: Tensor) -> Tensor:
    """Beyond 1 it is the size of the error without the one half less: at 1 the two branches must meet."""
    error = (_taken(q, actions) - targets).abs()
    return torch.where(error <= 1, error**2 / 2, error).mean()


@dqn_loss.mistake
def summed(q: Tensor, actions: Tensor, targets: Tensor) -> Tensor:
    """It sums over the batch: a batch twice as large would step twice as far. Take the mean."""
    return functional.huber_loss(_taken(q, actions), targets, reduction="sum")


@dqn_loss.mistake
def one_for_each_user(q: Tensor, actions: Tensor, targets: Tensor) -> Tensor:
    """It returns a loss for each user, [B]: one number is asked for, their mean."""
    return functional.huber_loss(_taken(q, actions), targets, reduction="none")


@dqn_loss.mistake
def every_item(q: Tensor, actions: Tensor, targets: Tensor) -> Tensor:
    """It draws all items of a user to the target: only the item that was shown has been tried."""
    return functional.huber_loss(q, targets[:, None].expand_as(q))


@dqn_loss.mistake
def best_item(q: Tensor, actions: Tensor, targets: Tensor) -> Tensor:
    """It takes the value of the best item: the target belongs to the item that was *shown*."""
    return functional.huber_loss(q.amax(dim=1), targets)


@dqn_loss.mistake
def all_pairs(q: Tensor, actions: Tensor, targets: Tensor) -> Tensor:
    """`gather` gives [B, 1], and beside targets [B] that makes [B, B]: each value against everybody's target. Take the
    column first.
    """
    pairs = q.gather(1, actions[:, None]).expand(-1, len(targets))
    return functional.huber_loss(pairs, targets.expand(len(targets), -1))


@dqn_loss.mistake
def cross_entropy(q: Tensor, actions: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy makes what was shown more likely, whatever came of it: the targets are not even used."""
    return functional.cross_entropy(q, actions)


@dqn_loss.mistake
def cut_from_the_gradient(q: Tensor, actions: Tensor, targets: Tensor) -> Tensor:
    """The loss is right, and no gradient comes back from it: it was computed under `no_grad`, or detached."""
    return reference.dqn_loss(q.detach(), actions, targets)


def _two_networks(rng: np.random.Generator) -> tuple[nn.Module, nn.Module]:
    """A target and an online network of one small shape, all of whose parameters differ."""
    n = int(rng.integers(1, 3))
    with torch.random.fork_rng():
        target, online = (nn.Sequential(nn.Linear(n, 2), nn.ReLU(), nn.Linear(2, 1)) for _ in range(2))
    with torch.no_grad():
        for mine, theirs in zip(target.parameters(), online.parameters(), strict=True):
            mine.copy_(tensor(rng.integers(-9, 10, mine.shape) / 10))
            theirs.copy_(mine + tensor(rng.integers(10, 20, mine.shape) / 10))
    return target, online


@exercise(
    reference.soft_update,
    points=1,
    minutes=6,
    hints=[
        "Walk through the parameters of both networks at once, with `zip`. No gradient is wanted: `torch.no_grad()`.",
        "`mine = ...` gives a name to a new tensor and leaves the network as it was. Use what changes a tensor itself: "
        "`copy_`, `mul_`, `add_`, `lerp_`.",
        "`mine.lerp_(theirs, tau)` for `mine, theirs in zip(target.parameters(), online.parameters())`",
    ],
    afterword="With tau 0.03 the target network is a mean over about the last thirty updates. It follows slowly "
    "enough to be aimed at.",
)
def soft_update(update: Any, rng: np.random.Generator) -> Iterator[tuple[Any, ...]]:
    """Two networks, before and after."""
    tau = float(np.round(rng.uniform(0.1, 0.3), 2))
    target, online = _two_networks(rng)
    after = observed(update, target, online, tau)
    yield "moves the target by the share tau towards the online network", after.left[0]
    yield "leaves the online network as it was", after.left[1]
    yield "goes on from where the target is, call after call", observed(update, target, online, tau).left[0]
    yield "copies the online network at tau 1", observed(update, *_two_networks(rng), 1.0).left[0]


@soft_update.mistake
def moves_the_online_network(target: nn.Module, online: nn.Module, tau: float) -> None:
    """The roles are swapped: it moves the *online* network, so that what was learnt is undone bit by bit."""
    reference.soft_update(online, target, tau)


@soft_update.mistake
def moves_both(target: nn.Module, online: nn.Module, tau: float) -> None:
    """It moves both networks towards each other: the online one is moved by its gradient alone."""
    before = copy.deepcopy(target)
    reference.soft_update(target, online, tau)
    reference.soft_update(online, before, tau)


@soft_update.mistake
def tau_inverted(target: nn.Module, online: nn.Module, tau: float) -> None:
    """Tau is turned round: it keeps the share tau of the target, which with 0.03 is as good as a copy."""
    reference.soft_update(target, online, 1 - tau)


@soft_update.mistake
def rebinds(target: nn.Module, online: nn.Module, tau: float) -> None:
    """`mine = (1 - tau) * mine + tau * theirs` gives the name to a new tensor: the network still holds the old one."""


@soft_update.mistake
def copies(target: nn.Module, online: nn.Module, tau: float) -> None:
    """It copies the online network whatever tau is: the target is then no slower than what is learnt."""
    reference.soft_update(target, online, 1.0)


@soft_update.mistake
def adds_on(target: nn.Module, online: nn.Module, tau: float) -> None:
    """It adds tau·online and keeps the whole of the target: the two shares must come to 1, or it grows for ever."""
    with torch.no_grad():
        for mine, theirs in zip(target.parameters(), online.parameters(), strict=True):
            mine.add_(tau * theirs)


@soft_update.mistake
def forgets_the_target(target: nn.Module, online: nn.Module, tau: float) -> None:
    """It leaves the target's own share out: tau·online alone is close to nothing."""
    with torch.no_grad():
        for mine, theirs in zip(target.parameters(), online.parameters(), strict=True):
            mine.copy_(tau * theirs)


@soft_update.mistake
def weights_alone(target: nn.Module, online: nn.Module, tau: float) -> None:
    """It moves the weights and not the biases: every parameter belongs to the network."""
    with torch.no_grad():
        for mine, theirs in zip(target.parameters(), online.parameters(), strict=True):
            if mine.ndim > 1:
                mine.lerp_(theirs, tau)


@soft_update.mistake
def first_layer_alone(target: nn.Module, online: nn.Module, tau: float) -> None:
    """It moves the first layer alone: walk through `parameters()`, which has those of all layers."""
    reference.soft_update(next(target.children()), next(online.children()), tau)


GAMMA = 0.98
"""the discount of `train_dqn`, which its text states"""
ROOMS_USERS, ROOMS_UPDATES = 256, 300
USERS, UPDATES = 1024, 1000
JUDGED = 2048
THRESHOLD = 60.0
# what the rooms are worth is known; a right learner is within 0.03 of it by then, and a fault is off by 0.3 or more
NEAR = Close(absolute=0.12)


def make(name: str, users: int) -> Any:
    """A vector environment of torch tensors."""
    return gym.make_vec(name, num_envs=users, vectorization_mode="vector_entry_point")


@exercise(
    reference.train_dqn,
    points=5,
    minutes=30,
    trains=True,
    hints=[
        "Everything is there: memory, network, target, loss, slow copy. What remains is the loop. Each round takes one "
        "step with all users, adds what happened, and makes one update from a batch.",
        "With autoreset the step that ends a session already returns the first observation of the next one. The next "
        'observation that belongs into the memory is `info["final_obs"]`, of all users.',
        "Only `terminated` goes into the memory. A truncated session has a next value.",
        "An update: sample, `dqn_target` from the *target* network, `dqn_loss` from the *online* network, "
        "`optimiser.zero_grad()`, `loss.backward()`, `optimiser.step()`, `soft_update(target, online, tau)`.",
    ],
    afterword="It was told nothing of satiation or patience, and beats a policy that knows every click probability and "
    "looks no step ahead.",
)
def train_dqn(train: Any, rng: np.random.Generator) -> Iterator[tuple[Any, ...]]:
    """Rooms whose values are known, each of which shows some faults; then the catalogue."""
    seed, users_seed = (int(rng.integers(1, 100_000)) for _ in range(2))
    rooms = make("metarec/Rooms-v0", ROOMS_USERS)
    network = train(rooms, ROOMS_UPDATES, seed=seed)
    every_room = torch.eye(5)

    def learnt(room: int) -> Any:
        return network(every_room[room : room + 1], rooms.item_features)

    yield "values what is earned at once, and adds nothing after a termination", learnt(SHOP), NEAR
    yield "carries back the value of the room entered", learnt(CORRIDOR), NEAR
    yield "looks beyond a truncation, at the room before the reset", learnt(CURTAIN), NEAR

    def after(updates: int, with_seed: int) -> Any:
        return train(rooms, updates, seed=with_seed)(every_room, rooms.item_features)

    once, again, other = after(20, seed), after(20, seed), after(20, seed + 1)
    yield (
        "draws everything from the seed",
        derived(lambda a, b, c: [_equal(a, b), _equal(a, c)], once, again, other),
    )
    yield "goes on learning", derived(lambda few, more: _equal(few, more), once, after(60, seed))
    yield (
        f"reaches {THRESHOLD} clicks a session on Interest-v0",
        clicks_per_session(train(make("metarec/Interest-v0", USERS), UPDATES, seed=seed), JUDGED, users_seed),
        AtLeast(THRESHOLD),
    )


def _trainer(
    *,
    ends: Any = lambda terminated, truncated: terminated,
    follows: Any = lambda observation, final, fresh: final,
    target: Any = reference.dqn_target,
    loss: Any = reference.dqn_loss,
    follow: bool = True,
    explores: bool = True,
    learns: bool = True,
    seeded: bool = True,
) -> Any:
    """A learner that differs from the reference in one place. What it gets wrong shows early: it does not go on."""

    def train(envs: VectorEnv, updates: int, *, seed: int) -> nn.Module:
        updates = min(updates, ROOMS_UPDATES)
        seed = seed if seeded else int(np.random.default_rng().integers(2**31))
        items = envs.item_features  # type: ignore[attr-defined]
        generator = torch.Generator().manual_seed(seed)
        observation, _ = envs.reset(seed=seed)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            online = reference.QNetwork(observation.shape[1], items.shape[1], 64)
        space: Any = envs.single_observation_space
        online.scale.copy_(torch.where(torch.as_tensor(space.low) < 0, 1.0, torch.as_tensor(space.high) / 2))
        slow = copy.deepcopy(online)
        memory = reference.ReplayBuffer(200_000, observation.shape[1], seed)
        optimiser = torch.optim.Adam(online.parameters(), lr=0.006)
        for update in range(updates):
            left = 1 - update / updates
            epsilon = max(0.02, 0.3 - 0.56 * (1 - left)) if explores else 0.0
            optimiser.param_groups[0]["lr"] = 0.006 * left
            with torch.no_grad():
                action = online(observation, items).argmax(dim=1)
            random = torch.rand(len(action), generator=generator) < epsilon
            action = torch.where(random, torch.randint(len(items), action.shape, generator=generator), action)
            fresh, reward, terminated, truncated, info = envs.step(action)
            following = follows(observation, info["final_obs"], fresh)
            memory.add(observation, action, reward, following, ends(terminated, truncated))
            observation = fresh
            batch = memory.sample(min(1024, len(memory)))
            aim = target(batch["reward"], slow(batch["next_observation"], items), batch["terminated"], GAMMA)
            error = loss(online(batch["observation"], items), batch["action"], aim)
            optimiser.zero_grad()
            error.backward()
            if learns:
                optimiser.step()
            if follow:
                reference.soft_update(slow, online, 0.03)
        return online

    return train


def _mistaken(name: str, diagnosis: str, **differs: Any) -> None:
    mistake = _trainer(**differs)
    mistake.__name__, mistake.__doc__ = name, diagnosis
    train_dqn.mistake(mistake)


_mistaken(
    "looks_past_the_end",
    "It adds a next value after a termination too: what was observed last is no beginning. `terminated` belongs into "
    "the memory and from there into `dqn_target`.",
    ends=lambda terminated, truncated: torch.zeros_like(terminated),
)
_mistaken(
    "truncation_ends",
    "It treats truncation as termination: watching stopped, but the user would have gone on. Put `terminated` alone "
    "into the memory.",
    ends=lambda terminated, truncated: terminated | truncated,
)
_mistaken(
    "looks_at_the_next_session",
    "It takes the observation that `step` returns for the next one: where a session ended that is already the first of "
    'another. What this session came to is `info["final_obs"]`.',
    follows=lambda observation, final, fresh: fresh,
)
_mistaken(
    "target_from_the_state_left",
    "The target looks at the observation that was *left*: what follows is the value of the one entered.",
    follows=lambda observation, final, fresh: observation,
)
_mistaken(
    "looks_no_step_ahead",
    "Nothing that comes later reaches its values. Either gamma is 0, or the target network stays as it was made: it "
    "must follow the online one, `soft_update(target, online, tau)` after every update.",
    follow=False,
)
_mistaken(
    "mean_of_what_follows",
    "The target takes the mean of the next values: that is the value of recommending at random from then on.",
    target=mean_of_the_next,
)
_mistaken(
    "never_explores",
    "It always shows what it thinks best: of what it has never shown it learns nothing. Show any item with probability "
    "epsilon.",
    explores=False,
)
_mistaken(
    "imitates_itself",
    "It learns by cross-entropy to show again what it has shown, whatever that earned: its outputs are no values, and "
    "the targets are not even used.",
    loss=cross_entropy,
)
_mistaken(
    "nothing_is_learnt",
    "The network stays as it was made: no gradient reaches its parameters, or the optimiser holds those of another "
    "network, or never steps.",
    learns=False,
)
_mistaken(
    "not_from_the_seed",
    "Two runs with one seed differ. The first weights, the exploring, the memory and `envs.reset(seed=seed)` must all "
    "take it.",
    seeded=False,
)


dqn_faults = quiz(
    reference.dqn_faults,
    {
        "line_7": (
            "Line 7: `return torch.softmax(self.layers(observation), dim=0)`",
            {
                "a": "What comes out sums to 1, and the values of 500 items with ten clicks ahead do not. Run it with "
                "two users and look at the columns, too.",
                "b": "With `dim=-1` each user's row sums to 1. It is still no value: a session is worth more than one "
                "click.",
                "d": "A sigmoid keeps each value below 1. A session is worth more than one click.",
            },
        ),
        "line_13": (
            "Lines 13 and 14: `with torch.no_grad(): q = network(...)`",
            {
                "a": "To choose an item no gradient is needed. But what does line 21 do with the very same `q`?",
                "c": "One user is a batch of one: that is wasteful, and no error is raised for it.",
                "d": "Dropout and batch normalisation care about `eval()`. There is neither here.",
            },
        ),
        "line_20": (
            "Line 20: `target = reward + gamma * network(...).max()`",
            {
                "a": "Look for `target` in the lines below. The cell sets all rewards to 0, and the weights come out "
                "the same.",
                "b": "Gamma stands where it should: it discounts what comes one step later.",
                "c": "`max` is right: the best that can follow. Ask what the line is *for*.",
            },
        ),
        "line_21": (
            "Line 21: `loss = cross_entropy(q, action)`",
            {
                "b": "Cross-entropy wants an index: that is what it is given.",
                "c": "With logits in place of probabilities it would be a better classifier of what was shown. What "
                "was *clicked* it would still not know.",
                "d": "A mean over a batch changes the step's size, and not what is learnt.",
            },
        ),
        "line_25": (
            "Line 25: `epsilon = max(0.01, epsilon * 0.99)`",
            {
                "a": "Work it out: 0.99 to the power 460 is 0.01, and a short session has ten steps.",
                "b": "Exploring must become less. The question is by what.",
                "d": "A floor above 0 is good: some exploring goes on.",
            },
        ),
        "line_27": (
            "Line 27: `if terminated or truncated:` begin a new session",
            {
                "b": "Without `truncated` it would step on after the time limit, which Gymnasium forbids.",
                "c": "After a termination there is nobody there: the next session must begin.",
                "d": "A seed at every reset would replay the same user for ever.",
            },
        ),
        "missing": (
            "What is missing altogether?",
            {
                "a": "A schedule for the learning rate helps. DQN is none the less DQN without it.",
                "c": "A larger network does not help one that learns from neighbouring steps and aims at itself.",
                "d": "Double DQN is a refinement of the target. Two things must be there before it.",
            },
        ),
    },
    points=2,
    minutes=10,
    hints=[
        "Do not read, run: each cell above takes one line and shows what becomes of it.",
        "Follow one number: the reward. In which line does it come in, and where does it go from there? Then follow "
        "the gradient back from `loss`.",
    ],
    afterword="Softmax and cross-entropy answer the question «which item was shown?». A Q-learner answers «what comes "
    "of it?». Whoever says that first has answered the interview question.",
)
