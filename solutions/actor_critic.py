"""Lesson 05: references for actor-critic methods (Schulman et al. 2016, 2017)."""

import torch
from gymnasium.vector import VectorEnv
from torch import Tensor, nn


class ActorCritic(nn.Module):
    """A policy over a catalogue and the value of a user: two answers to one observation.

    `ActorCritic(observation_size, item_size, hidden)`: the actor has two towers, one for the user
    and one for the items, joined by a scalar product, as in lesson 04; the critic looks at the
    user alone. Whether they share layers is yours to choose.
    """

    def __init__(self, observation_size: int, item_size: int, hidden: int) -> None:
        """Make the layers, as wide as `hidden`, with their usual random weights."""
        super().__init__()
        # observations are divided by it; whoever knows their bounds may set it
        self.scale = nn.Buffer(torch.ones(observation_size))
        inputs = 2 * observation_size

        def bend(outputs: int) -> nn.Module:
            first, second = nn.Linear(inputs, hidden), nn.Linear(hidden, hidden)
            return nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), nn.Linear(hidden, outputs))

        self.actor_bend, self.actor_straight = bend(hidden), nn.Linear(inputs, hidden)
        self.item_tower = nn.Linear(item_size, hidden)
        self.critic_bend, self.critic_straight = bend(1), nn.Linear(inputs, 1)

    def forward(self, observation: Tensor, items: Tensor) -> tuple[Tensor, Tensor]:
        """The logit [B, K] of showing each item, and the value [B] of each observation.

        `observation` [B, n] and `items` [K, D] are float tensors; any B and K of 1 or more. A logit depends on
        one observation and one item, so that new items can be added; the value on the observation alone.
        """
        # whether a topic has recovered at all matters more than how far: hence the signs
        inputs = torch.cat([observation / self.scale, observation.sign()], dim=1)
        user = self.actor_bend(inputs) + self.actor_straight(inputs)
        value = self.critic_bend(inputs) + self.critic_straight(inputs)
        return user @ self.item_tower(items).T, value[:, 0]


def log_prob_and_entropy(logits: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
    """The log-probability [B] of each action taken, and the entropy [B] of each row's distribution, in nats.

    `logits` [B, K] are unnormalised log-probabilities, of any size up to ±1000; `actions` [B] are integers.
    Both results are exact to float precision for such logits, and differentiable in them.
    """
    log_probs = torch.log_softmax(logits, dim=1)
    taken = log_probs.gather(1, actions[:, None])[:, 0]
    return taken, -(log_probs.exp() * log_probs).sum(dim=1)


def gae(
    rewards: Tensor,
    values: Tensor,
    next_values: Tensor,
    terminated: Tensor,
    ended: Tensor,
    gamma: float,
    lam: float,
) -> Tensor:
    """Advantages [T, B] by generalised advantage estimation (Schulman et al. 2016, equation 16).

    All tensors are [T, B], time first. `values` are of the observations that the actions were taken in,
    `next_values` of those that followed, before any reset. `terminated` and `ended` (terminated or truncated)
    are bool. Nothing follows a termination, so no next value is added; nothing is summed across an end of
    either kind. The last step is summed with nothing after it.
    """
    errors = rewards + gamma * next_values.masked_fill(terminated, 0.0) - values
    advantages = torch.zeros_like(errors)
    following = torch.zeros_like(errors[0])
    for t in reversed(range(len(errors))):
        following = errors[t] + gamma * lam * ~ended[t] * following
        advantages[t] = following
    return advantages


def ppo_loss(new_log_prob: Tensor, old_log_prob: Tensor, advantage: Tensor, clip: float) -> Tensor:
    """PPO's clipped loss of a batch, a scalar to be made small (Schulman et al. 2017, equation 7).

    `new_log_prob`, `old_log_prob` and `advantage` are [B]. The ratio is new over old probability; it is
    clipped to 1 − clip … 1 + clip, and of the two objectives the lesser counts. Mean over the batch; the
    advantages are taken as given. Differentiable in `new_log_prob`.
    """
    ratio = (new_log_prob - old_log_prob).exp()
    clipped = ratio.clamp(1 - clip, 1 + clip)
    return -torch.minimum(ratio * advantage, clipped * advantage).mean()


def train_ppo(envs: VectorEnv, updates: int, *, seed: int) -> ActorCritic:
    """Learn a policy and its values by PPO, on a vector environment, in `updates` updates.

    `envs` resets in the same step (autoreset SAME_STEP): `step` returns the first observation of
    the next session for those who ended, and `info["final_obs"]` [N, n] the next observations of
    all, before any reset. Observations are float tensors [N, n] within the bounds of
    `envs.single_observation_space`, actions integers [N], items `envs.item_features` [K, D], a row
    for each action. An update plays some steps with all users, going on where the one before
    stopped, and then learns from them. Values are discounted by 0.98 a step and count rewards as
    they are. All randomness, the environment's too, comes from `seed`: equal seeds give equal
    networks.
    """
    gamma, lam, clip, horizon, batch_size = 0.98, 0.9, 0.2, 16, 1024
    observation, _ = envs.reset(seed=seed)
    items, (users, observation_size) = envs.item_features, observation.shape
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = ActorCritic(observation_size, items.shape[1], hidden=64)
    bounds = envs.single_observation_space
    low, high = torch.as_tensor(bounds.low), torch.as_tensor(bounds.high)
    network.scale.copy_(torch.where(low < 0, 1.0, high / 2))
    optimiser = torch.optim.Adam(network.parameters(), lr=0.01)
    for update in range(updates):
        optimiser.param_groups[0]["lr"] = 0.01 * (1 - update / updates)
        rows = []
        with torch.no_grad():
            for _ in range(horizon):
                logits, value = network(observation, items)
                # one uniform number for each user is faster than torch.multinomial's one for each item
                below = logits.softmax(dim=1).cumsum(dim=1)
                drawn = torch.rand(users, 1, generator=generator) * below[:, -1:]
                action = torch.searchsorted(below, drawn)[:, 0]
                old, _ = log_prob_and_entropy(logits, action)
                following, reward, terminated, truncated, info = envs.step(action)
                _, next_value = network(info["final_obs"], items[:1])
                ended = terminated | truncated
                rows.append((observation, action, old, reward, value, next_value, terminated, ended))
                observation = following
        seen, action, old, reward, value, next_value, terminated, ended = (
            torch.stack(column) for column in zip(*rows, strict=True)
        )
        advantage = gae(reward, value, next_value, terminated, ended, gamma, lam)
        target = advantage + value  # before normalising: the critic learns rewards as they are
        advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
        # [T, B] becomes [T * B], in the same order for all
        seen, action, old, advantage, target = (part.flatten(0, 1) for part in (seen, action, old, advantage, target))
        for batch in torch.randperm(len(action), generator=generator).split(batch_size):
            logits, value = network(seen[batch], items)
            new, _ = log_prob_and_entropy(logits, action[batch])
            loss = ppo_loss(new, old[batch], advantage[batch], clip)
            loss = loss + 0.5 * nn.functional.mse_loss(value, target[batch])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return network
