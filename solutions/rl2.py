"""Lesson 08: references for reinforcement learning that a network learns (Duan et al. 2016; Wang et al. 2016)."""

import torch
from gymnasium.vector import VectorEnv
from torch import Tensor, nn


def rl2_input(
    observation: Tensor, previous_action: Tensor, previous_reward: Tensor, episode_start: Tensor, n_actions: int
) -> Tensor:
    """What the network is shown at each step: [B, n + n_actions + 2] of float32, a row for each user.

    In this order: `observation` [B, n]; `previous_action` [B], integers from −1 to n_actions − 1, as
    one-hot rows [B, n_actions], of zeros alone where it is −1 (a trial begins, nothing was done yet);
    `previous_reward` [B], as it is; `episode_start` [B], bool, as 1 and 0. The last two have a column each.
    """
    taken = previous_action[:, None] == torch.arange(n_actions)  # −1 equals none of them
    parts = [observation, taken, previous_reward[:, None], episode_start[:, None]]
    return torch.cat([part.float() for part in parts], dim=1)


def carry_hidden(hidden: Tensor, episode_ended: Tensor, trial_ended: Tensor) -> Tensor:
    """The hidden state [B, H] that each user goes on with after a step.

    `hidden` [B, H] is what the step left. `episode_ended` and `trial_ended` [B] are bool; a trial ends with
    an episode of it. Where the trial has ended the next one begins at zeros, since its task is another one.
    Where only an episode has ended the task stays, and so does all that was learnt of it. Differentiable in
    `hidden`.
    """
    return torch.where(trial_ended[:, None], 0.0, hidden)


class RecurrentActorCritic(nn.Module):
    """A policy and a value that depend on all that has happened in a trial, by way of a hidden state.

    `RecurrentActorCritic(input_size, n_actions, hidden)`: a recurrent cell with a state of `hidden`
    numbers, and two layers that read the state. All that the network remembers is in the state that it is
    given: it keeps nothing itself, so that one network serves any number of users at once. Nothing in it is
    random once it is made.
    """

    def __init__(self, input_size: int, n_actions: int, hidden: int) -> None:
        """Make the layers, with their usual random weights."""
        super().__init__()
        self.memory = nn.GRUCell(input_size, hidden)
        self.actor = nn.Linear(hidden, n_actions)
        self.critic = nn.Linear(hidden, 1)

    def forward(self, inputs: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits [B, A], value [B] and the hidden state [B, H] after this step.

        `inputs` [B, F] are what is seen now, `hidden` [B, H] the state before: zeros at the beginning of a
        trial. Each answer depends on both, and is differentiable in both. Each user has a row of their own;
        any B of 1 or more.
        """
        state = self.memory(inputs, hidden)
        return self.actor(state), self.critic(state)[:, 0], state


def train_rl2(envs: VectorEnv, updates: int, *, seed: int) -> RecurrentActorCritic:
    """Learn a learner by PPO over many tasks at once, in `updates` updates.

    `envs` is a vector environment that resets in the same step (autoreset SAME_STEP): observations
    are float tensors [N, n], actions integers [N] below `envs.single_action_space.n`. Where
    `info["trial_ended"]` [N] is there it says whose trial has ended, so that the next episode is of a new
    task; where it is not, each episode is a trial. The input of each step is `rl2_input`'s, the reward at
    the beginning of a trial 0; the hidden state has 64 numbers. The policy learns to earn as much as it can
    in a whole *trial*: rewards are discounted by 0.99 a step, across the episodes of a trial, and nothing
    counts that comes after it. All randomness, the environment's too, comes from `seed`: equal seeds give
    equal networks.
    """
    gamma, lam, clip, horizon, epochs, parts = 0.99, 0.7, 0.2, 10, 5, 4
    users, actions, width = envs.num_envs, int(envs.single_action_space.n), 64
    observation, _ = envs.reset(seed=seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = RecurrentActorCritic(observation.shape[1] + actions + 2, actions, width)
    optimiser = torch.optim.Adam(network.parameters(), lr=0.01)
    nothing_done, hidden = torch.full((users,), -1), torch.zeros(users, width)
    inputs = rl2_input(observation, nothing_done, torch.zeros(users), torch.ones(users).bool(), actions)
    for update in range(updates):
        optimiser.param_groups[0]["lr"] = 0.01 * (1 - update / updates)
        rows, begun = [], hidden
        with torch.no_grad():
            for _ in range(horizon):
                logits, value, after = network(inputs, hidden)
                action = logits.softmax(dim=1).multinomial(1, generator=generator)[:, 0]
                old = logits.log_softmax(dim=1).gather(1, action[:, None])[:, 0]
                observation, reward, terminated, truncated, info = envs.step(action)
                ended = terminated | truncated
                over = info.get("trial_ended", ended)
                rows.append((inputs, action, old, reward, value, ended, over))
                hidden = carry_hidden(after, ended, over)
                inputs = rl2_input(
                    observation, torch.where(over, -1, action), torch.where(over, 0.0, reward), ended, actions
                )
            _, following, _ = network(inputs, hidden)  # the value of what comes after the last step
        seen, action, old, reward, value, ended, over = (torch.stack(column) for column in zip(*rows, strict=True))
        advantage, later = torch.zeros_like(reward), torch.zeros(users)
        for t in reversed(range(horizon)):
            error = reward[t] + gamma * following * ~over[t] - value[t]
            later = error + gamma * lam * ~over[t] * later
            advantage[t], following = later, value[t]
        target = advantage + value
        advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
        for _ in range(epochs):
            # whole users, since a step makes sense only after the steps before it
            for some in torch.randperm(users, generator=generator).chunk(parts):
                state, replayed = begun[some], []
                for t in range(horizon):
                    logits, value, after = network(seen[t, some], state)
                    replayed.append((logits, value))
                    state = carry_hidden(after, ended[t, some], over[t, some])
                logits, value = (torch.stack(column) for column in zip(*replayed, strict=True))
                log_prob = logits.log_softmax(dim=2)
                ratio = (log_prob.gather(2, action[:, some, None])[..., 0] - old[:, some]).exp()
                gain = torch.minimum(ratio * advantage[:, some], ratio.clamp(1 - clip, 1 + clip) * advantage[:, some])
                entropy = -(log_prob.exp() * log_prob).sum(dim=2)
                loss = 0.5 * nn.functional.mse_loss(value, target[:, some]) - gain.mean() - 0.003 * entropy.mean()
                optimiser.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(network.parameters(), 1.0)
                optimiser.step()
    return network
