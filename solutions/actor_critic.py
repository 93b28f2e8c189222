"""Lesson 05: references for actor-critic methods (Schulman et al. 2016, 2017)."""

import gymnasium as gym
import torch
from torch import Tensor, nn


class ActorCritic(nn.Module):
    """A policy over a catalogue and a value of the user: two networks that share nothing but the observation.

    `ActorCritic(observation_size, item_size, hidden)`; `hidden` is the width of the inner layers.
    """

    scale: Tensor

    def __init__(self, observation_size: int, item_size: int, hidden: int) -> None:
        """Make the layers, as wide as `hidden`, with their usual random weights."""
        super().__init__()
        # observations are divided by it; whoever knows their bounds may set it
        self.register_buffer("scale", torch.ones(observation_size))
        inputs = 2 * observation_size
        self.straight = nn.Linear(inputs, hidden)
        self.bend = nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, hidden))
        self.item_tower = nn.Linear(item_size, hidden)
        self.critic = nn.Sequential(nn.Linear(inputs, hidden), nn.Tanh(), nn.Linear(hidden, 1))

    def forward(self, observation: Tensor, items: Tensor) -> tuple[Tensor, Tensor]:
        """The logit [B, K] of showing each item, and the value [B] of each observation.

        `observation` [B, n] and `items` [K, D] are float tensors; any B and K of 1 or more. A logit depends on
        one observation and one item, so that new items can be added; the value on the observation alone.
        """
        # whether a topic has recovered at all matters more than how far: hence the signs
        inputs = torch.cat([observation / self.scale, observation.sign()], dim=1)
        user = self.straight(inputs) + self.bend(inputs)
        logits = user @ self.item_tower(items).T
        return logits, self.critic(inputs)[:, 0]


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
    errors = rewards + gamma * next_values * ~terminated - values
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


def train_ppo(envs: gym.vector.VectorEnv, updates: int, *, seed: int) -> ActorCritic:
    """Learn a policy and its values by PPO, on a vector environment, in `updates` updates.

    `envs` is autoreset in the same step (SAME_STEP): `step` returns the first observation of the next session
    for those who ended, and `info["final_obs"]` [N, n] holds the next observations of all, before any reset.
    Observations are float tensors [N, n], actions integers [N], `envs.item_features` [K, D]. An update plays a
    number of steps with all users, going on where the one before it stopped, and then learns from them in
    some epochs of minibatches. Rewards are discounted by 0.95 a step, and the values are of the rewards as
    they come. All randomness, the environment's too, comes from `seed`: equal seeds give equal networks.
    """
    gamma, lam, clip, horizon, epochs, minibatches = 0.95, 0.9, 0.2, 16, 4, 8
    items = envs.item_features
    generator = torch.Generator().manual_seed(seed)
    observation, _ = envs.reset(seed=seed)
    users, observation_size = observation.shape
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = ActorCritic(observation_size, items.shape[1], hidden=64)
    low, high = (torch.as_tensor(getattr(envs.single_observation_space, bound)) for bound in ("low", "high"))
    network.scale.copy_(torch.where(low < 0, 1.0, high / 2))
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)
    for update in range(updates):
        for group in optimiser.param_groups:
            group["lr"] = 5e-3 * (1 - update / updates)
        steps = []
        with torch.no_grad():
            for _ in range(horizon):
                logits, value = network(observation, items)
                noise = torch.empty_like(logits).exponential_(generator=generator)
                action = (logits - noise.log()).argmax(dim=1)
                log_prob, _ = log_prob_and_entropy(logits, action)
                following, reward, terminated, truncated, info = envs.step(action)
                _, next_value = network(info["final_obs"], items[:1])
                steps.append(
                    (observation, action, log_prob, reward, value, next_value, terminated, terminated | truncated)
                )
                observation = following
            seen, action, log_prob, reward, value, next_value, terminated, ended = (
                torch.stack(part) for part in zip(*steps, strict=True)
            )
            advantage = gae(reward, value, next_value, terminated, ended, gamma, lam)
            target = (advantage + value).flatten()
            advantage = ((advantage - advantage.mean()) / (advantage.std() + 1e-8)).flatten()
        seen, action, log_prob = seen.flatten(0, 1), action.flatten(), log_prob.flatten()
        for _ in range(epochs):
            for batch in torch.randperm(horizon * users, generator=generator).chunk(minibatches):
                logits, value = network(seen[batch], items)
                new_log_prob, entropy = log_prob_and_entropy(logits, action[batch])
                policy_loss = ppo_loss(new_log_prob, log_prob[batch], advantage[batch], clip)
                value_loss = nn.functional.huber_loss(value, target[batch])
                loss = policy_loss + 0.5 * value_loss - 0.003 * entropy.mean()
                optimiser.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(network.parameters(), 0.5)
                optimiser.step()
    return network
