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
    vector [hidden], the item tower does so with the features [D] of an item. The value of an item
    is the dot product of the two. Nothing in it may depend on the number of items.

    What `train_dqn` needs on Interest-v0: an item tower of one linear layer; a state tower that is
    the sum of a linear layer and an MLP with two hidden layers of `hidden` ReLUs. Both see the
    observation twice: divided by the buffer `scale` [n], ones until somebody sets it, and its sign.
    """

    scale: Tensor

    def __init__(self, observation_size: int, item_size: int, hidden: int) -> None:
        """Make the towers, as wide as `hidden`, from random weights, so that values differ."""
        super().__init__()
        self.register_buffer("scale", torch.ones(observation_size))
        inputs = 2 * observation_size
        self.straight = nn.Linear(inputs, hidden)
        self.bent = nn.Sequential(
            nn.Linear(inputs, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
        )
        self.item_tower = nn.Linear(item_size, hidden)

    def forward(self, observation: Tensor, items: Tensor) -> Tensor:
        """The value [B, K] of each item to each user: any real number, not a probability.

        observation [B, n], items [K, D]. A user's values do not depend on the others in the batch,
        nor an item's on the others in the catalogue.
        """
        seen = torch.cat([observation / self.scale, observation.sign()], dim=1)  # [B, 2n]
        state = self.straight(seen) + self.bent(seen)  # [B, hidden]
        values: Tensor = state @ self.item_tower(items).T  # [B, K]
        return values


def dqn_target(rewards: Tensor, next_q: Tensor, terminated: Tensor, gamma: float) -> Tensor:
    """What each step says its value should be [B]: reward plus discounted best next value.

    rewards [B], next_q [B, K] of the target network, terminated [B] bool. A terminated session has
    no next value. No gradient flows into the target.
    """
    following = next_q.detach().amax(dim=1)
    return rewards + gamma * torch.where(terminated.bool(), 0.0, following)


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
    return rewards + gamma * torch.where(terminated.bool(), 0.0, following)


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
    """Learn to recommend: `updates` times one step with all users, then one update from memory.

    `envs` is a vector environment of torch tensors: bounded Box observations [N, n], K Discrete
    actions with `item_features` [K, D], autoreset SAME_STEP. The next observation of every user,
    before any reset, is `info["final_obs"]` [N, n]. Truncation is no end. Returns the network that
    was learnt (online or target), with values at gamma 0.98.

    All randomness comes from `seed`, the environment's and the first weights' too: equal seeds give
    equal networks, and others other ones.

        memory    200,000 transitions, batches of 1,024 (or of all it holds, while those are fewer)
        network   hidden 64; `scale` half an observation's upper bound where it is never negative,
                  else 1
        update    Adam, learning rate 0.006, falling linearly to 0 over the updates; tau 0.03
        epsilon   0.3, falling linearly to 0.02 over the first half of the updates
    """
    items = envs.item_features
    generator = torch.Generator().manual_seed(seed)
    observation, _ = envs.reset(seed=seed)
    users, observation_size = observation.shape
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        online = QNetwork(observation_size, items.shape[1], hidden=64)
    space = envs.single_observation_space
    low, high = torch.as_tensor(space.low), torch.as_tensor(space.high)
    online.scale.copy_(torch.where(low < 0, 1.0, high / 2))
    target = copy.deepcopy(online)
    memory = ReplayBuffer(200_000, observation_size, seed)
    optimiser = torch.optim.Adam(online.parameters(), lr=0.006)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.0, total_iters=updates)

    for update in range(updates):
        epsilon = max(0.02, 0.3 - 0.28 * update / (updates / 2))
        with torch.no_grad():
            greedy = online(observation, items).argmax(dim=1)
        explores = torch.rand(users, generator=generator) < epsilon
        anything = torch.randint(len(items), (users,), generator=generator)
        action = torch.where(explores, anything, greedy)
        following, reward, terminated, _, info = envs.step(action)
        memory.add(observation, action, reward, info["final_obs"], terminated)
        observation = following

        batch = memory.sample(min(1024, len(memory)))
        next_q = target(batch["next_observation"], items)
        aim = dqn_target(batch["reward"], next_q, batch["terminated"], 0.98)
        loss = dqn_loss(online(batch["observation"], items), batch["action"], aim)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        soft_update(target, online, 0.03)
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
