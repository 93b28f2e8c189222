"""Lesson 04: references for deep Q-learning (Mnih et al. 2015; van Hasselt, Guez and Silver 2016)."""

import copy

import torch
from gymnasium.vector import VectorEnv
from torch import Tensor, nn


class ReplayBuffer:
    """The last `capacity` transitions, from which to learn in any order.

    `ReplayBuffer(capacity, observation_size, seed)`. It overwrites the oldest. `len(buffer)` is the
    number of transitions that it holds.
    """

    def __init__(self, capacity: int, observation_size: int, seed: int) -> None:
        """Make room for `capacity` transitions. All randomness comes from `seed`."""
        self.capacity = capacity
        self.generator = torch.Generator().manual_seed(seed)
        self.held = self.next = 0
        self.memory = {
            "observation": torch.empty(capacity, observation_size),
            "action": torch.empty(capacity, dtype=torch.int64),
            "reward": torch.empty(capacity),
            "next_observation": torch.empty(capacity, observation_size),
            "terminated": torch.empty(capacity, dtype=torch.bool),
        }

    def add(
        self,
        observation: Tensor,
        action: Tensor,
        reward: Tensor,
        next_observation: Tensor,
        terminated: Tensor,
    ) -> None:
        """Add a transition of each of B users, B no more than the capacity.

        observation, next_observation [B, n]; action, reward, terminated [B]. Where the end of the
        memory is reached, go on at its beginning.
        """
        batch = len(action)
        places = (self.next + torch.arange(batch)) % self.capacity
        new = (observation, action, reward, next_observation, terminated)
        for column, values in zip(self.memory.values(), new, strict=True):
            column[places] = values.to(column.dtype)
        self.next = (self.next + batch) % self.capacity
        self.held = min(self.held + batch, self.capacity)

    def sample(self, batch_size: int) -> dict[str, Tensor]:
        """Transitions drawn uniformly from those held, with or without putting them back.

        `batch_size` is at most `len(buffer)`. The keys are the names of add's arguments, each
        tensor has a first axis of `batch_size`. `action` holds integers and `terminated` bools.
        Equal seeds give equal samples; each call draws anew.
        """
        rows = torch.randint(self.held, (batch_size,), generator=self.generator)
        return {name: column[rows] for name, column in self.memory.items()}

    def __len__(self) -> int:
        """How many transitions it holds."""
        return self.held


class QNetwork(nn.Module):
    """Action values by two towers: one for the state, one for the items, joined by a dot product.

    `QNetwork(observation_size, item_size, hidden)`: the state tower turns an observation [n] into a
    vector [hidden], the item tower the features [D] of an item. The value of an item is the dot
    product of the two. Whatever the number of items: nothing in it may depend on K.
    """

    scale: Tensor

    def __init__(self, observation_size: int, item_size: int, hidden: int) -> None:
        """Make the towers, as wide as `hidden`, from random weights (so that values differ)."""
        super().__init__()
        # observations are divided by it; whoever knows their bounds may set it
        self.register_buffer("scale", torch.ones(observation_size))
        self.bend = nn.Sequential(
            nn.Linear(observation_size, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
        )
        self.straight = nn.Linear(observation_size, hidden)
        self.item_tower = nn.Linear(item_size, hidden)

    def forward(self, observation: Tensor, items: Tensor) -> Tensor:
        """The value [B, K] of each item to each user: any real number, not a probability.

        observation [B, n], items [K, D]. A user's values do not depend on the others in the batch,
        nor an item's on the others in the catalogue.
        """
        scaled = observation / self.scale
        state = self.bend(scaled) + self.straight(scaled)
        return state @ self.item_tower(items).T


def dqn_target(rewards: Tensor, next_q: Tensor, terminated: Tensor, gamma: float) -> Tensor:
    """What each step says its value should be [B]: reward plus discounted best next value.

    rewards [B], next_q [B, K] of the target network, terminated [B] bool. A terminated session has
    no next value. No gradient flows into the target.
    """
    return rewards + gamma * next_q.detach().amax(dim=1) * ~terminated


def double_dqn_target(
    rewards: Tensor,
    next_q_online: Tensor,
    next_q_target: Tensor,
    terminated: Tensor,
    gamma: float,
) -> Tensor:
    """The target [B] of double DQN: the online network chooses the next item, the target network
    values it.

    rewards [B], next_q_online and next_q_target [B, K], terminated [B] bool. A terminated session
    has no next value. No gradient flows into the target.
    """
    chosen = next_q_online.argmax(dim=1, keepdim=True)
    following = next_q_target.detach().gather(1, chosen)[:, 0]
    return rewards + gamma * following * ~terminated


def dqn_loss(q: Tensor, actions: Tensor, targets: Tensor) -> Tensor:
    """How far the values of the actions taken are from their targets: one number.

    q [B, K], actions [B] integers, targets [B]. The Huber loss with delta 1 of each difference,
    half its square up to 1 and its size less one half beyond, and the mean over the batch.
    """
    taken = q.gather(1, actions[:, None])[:, 0]
    return nn.functional.huber_loss(taken, targets)


def soft_update(target: nn.Module, online: nn.Module, tau: float) -> None:
    """Move every parameter of `target` towards that of `online` by the share `tau`, in place.

    target ← (1 − tau)·target + tau·online. Both have the same shape, `online` stays as it is.
    """
    with torch.no_grad():
        for mine, theirs in zip(target.parameters(), online.parameters(), strict=True):
            mine.lerp_(theirs, tau)


def train_dqn(envs: VectorEnv, updates: int, *, seed: int) -> QNetwork:
    """TO BE MERGED."""
    tau, gamma, batch, n_items = 0.01, 0.95, 512, len(envs.item_features)
    items = envs.item_features
    generator = torch.Generator().manual_seed(seed)
    observation, _ = envs.reset(seed=seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        online = QNetwork(observation.shape[1], items.shape[1], 64)
    online.scale.copy_(torch.as_tensor(envs.single_observation_space.high))
    target = copy.deepcopy(online)
    buffer = ReplayBuffer(500_000, observation.shape[1], seed)
    optimiser = torch.optim.Adam(online.parameters(), lr=6e-3)
    for update in range(updates):
        share = update / updates
        epsilon = max(0.02, 0.3 - 0.28 * 2 * share)
        for group in optimiser.param_groups:
            group["lr"] = 6e-3 * min(1.0, 2 * (1 - share))
        with torch.no_grad():
            action = online(observation, items).argmax(dim=1)
        explore = torch.rand(envs.num_envs, generator=generator) < epsilon
        anything = torch.randint(n_items, (envs.num_envs,), generator=generator)
        action = torch.where(explore, anything, action)
        following, reward, terminated, _, info = envs.step(action)
        buffer.add(observation, action, reward, info["final_obs"], terminated)
        observation = following
        drawn = buffer.sample(min(batch, len(buffer)))
        next_q = target(drawn["next_observation"], items)
        aim = dqn_target(drawn["reward"], next_q, drawn["terminated"], gamma)
        loss = dqn_loss(online(drawn["observation"], items), drawn["action"], aim)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        soft_update(target, online, tau)
    return online


def dqn_faults() -> dict[str, str]:
    """What is wrong with each line of the interview answer above, if anything: one letter for
    each key.

    Keys: "line_7", "line_13", "line_20", "line_21", "line_25", "line_27", "missing".
    """
    return {
        "line_7": "c",
        "line_13": "b",
        "line_20": "d",
        "line_21": "a",
        "line_25": "c",
        "line_27": "a",
        "missing": "b",
    }
