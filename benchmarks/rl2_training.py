"""RL² for long: PPO on whole trials, a curriculum of lengths, and a critic that may look behind the curtain.

The policy sees what the lesson's does: observation, last action, last reward, start of an episode. What differs from
`solutions.rl2.train_rl2` serves to need fewer trials. It touches the learning alone, not what is played:

- a simulator knows what an action earns on average, and the advantages are made of that, not of the reward drawn;
- the critic sees the task as well (the arms' means; a decision process's optimal values): a baseline may know anything
  but the action (asymmetric actor and critic, Pinto et al. 2018);
- a third reader of the state is asked what the task is, and its squared error is a part of the loss: so the state
  learns to hold a belief (Humplik et al. 2019, "Meta reinforcement learning as task inference");
- trials grow in stages, and the weights go on from stage to stage.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import gymnasium as gym
import torch
from torch import Tensor, nn

import metarec  # noqa: F401
from metarec.recurrent import ArmsPolicy, RecurrentPolicy
from solutions.rl2 import carry_hidden, rl2_input

Policy = RecurrentPolicy | ArmsPolicy


@dataclasses.dataclass(frozen=True)
class Stage:
    """So many updates on trials of one length; `options` are the environment's."""

    options: dict[str, int]
    steps: int
    """of a trial"""
    tasks: int
    updates: int
    learning_rate: float


@dataclasses.dataclass(frozen=True)
class Recipe:
    """What is trained on, and how."""

    name: str
    """of the environment"""
    stages: tuple[Stage, ...]
    hidden: int = 64
    """of the state, or of each arm's part of it where they share a GRU"""
    shared: bool = False
    """whether the arms share a GRU"""
    gamma: float = 1.0
    lam: float = 0.9
    clip: float = 0.2
    belief: float = 1.0
    """weight of the error in telling the task"""
    entropy: float = 0.01
    """weight of the entropy at the beginning; it falls to 0 with the updates"""
    epochs: int = 4
    parts: int = 4


def make(recipe: Recipe, stage: Stage, tasks: int) -> Any:
    """The vectorised environment of a stage."""
    return gym.make_vec(recipe.name, tasks, "vector_entry_point", **stage.options)


class Seer:
    """What the simulator knows of the tasks under way: expected rewards, and what tells the critic the task."""

    def __init__(self, envs: Any, steps: int) -> None:
        self.envs, self.steps = envs, steps
        self.is_bandit = hasattr(envs, "means")
        if self.is_bandit:
            self.means, self.size = envs.means, envs.means.shape[1] + 1
            # a mean and a second moment: what is believed of an arm, and how surely
            self.truth = torch.cat([envs.means, envs.means**2], dim=1) * 12**0.5
        else:
            self.truth = envs.mean_reward.flatten(1)
            self.values, self.size = optimal_values(envs.transition, envs.mean_reward, envs.episode_steps), 3
            self.rows = torch.arange(envs.num_envs)

    def expected(self, observation: Tensor, action: Tensor) -> Tensor:
        """What the actions earn on average [N]."""
        if self.is_bandit:
            return self.means.gather(1, action[:, None])[:, 0]
        return self.envs.mean_reward[self.rows, observation.argmax(dim=1), action]

    def facts(self, observation: Tensor, time: int) -> Tensor:
        """For the critic [N, size]: the task, and the time that is left."""
        left = torch.full((len(observation), 1), 1 - time / self.steps)
        if self.is_bandit:
            return torch.cat([self.means, left], dim=1)
        horizon = self.envs.episode_steps
        now = self.values[horizon - time % horizon][self.rows, observation.argmax(dim=1)]
        whole = self.values[horizon][:, 0]
        return torch.cat([torch.stack([now, whole], dim=1) / horizon, left], dim=1)


class Critic(nn.Module):
    """Values [T, B] of states [T, B, H] and facts [T, B, size]: a baseline that sees the task."""

    def __init__(self, policy: Policy, facts: int) -> None:
        super().__init__()
        self.reader = nn.Sequential(nn.Linear(policy.hidden + facts, 64), nn.Tanh(), nn.Linear(64, 1))

    def forward(self, states: Tensor, facts: Tensor) -> Tensor:
        """All facts beside the whole state."""
        return self.reader(torch.cat([states, facts], dim=2))[..., 0]


class ArmsCritic(nn.Module):
    """The same for arms that are interchangeable: what is read of each arm and its mean is pooled."""

    def __init__(self, policy: ArmsPolicy) -> None:
        super().__init__()
        self.shape = policy.n_arms, policy.width
        self.reader = nn.Sequential(nn.Linear(policy.width + 2, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh())
        self.valuer = nn.Linear(128, 1)

    def forward(self, states: Tensor, facts: Tensor) -> Tensor:
        """Each arm's mean beside its part of the state."""
        arms = states.unflatten(-1, self.shape)
        means, left = facts[..., :-1, None], facts[..., -1:, None].expand(*arms.shape[:-1], 1)
        read = self.reader(torch.cat([arms, means, left], dim=-1))
        return self.valuer(torch.cat([read.mean(dim=-2), read.amax(dim=-2)], dim=-1))[..., 0]


class ArmsTeller(nn.Linear):
    """What each arm's part of a state says of it [..., 2 K]: its mean, then its second moment."""

    def forward(self, states: Tensor) -> Tensor:
        """The same reader for all arms."""
        arms = states.unflatten(-1, (-1, self.in_features))
        return super().forward(arms).transpose(-1, -2).flatten(-2)


def optimal_values(transition: Tensor, mean_reward: Tensor, horizon: int) -> list[Tensor]:
    """The best that can be earned from each state [N, S] with 0, 1, ... `horizon` steps left."""
    values = [torch.zeros_like(mean_reward[..., 0])]
    for _ in range(horizon):
        following = torch.einsum("nsat,nt->nsa", transition, values[-1])
        values.append((mean_reward + following).amax(dim=2))
    return values


def draw(logits: Tensor, generator: torch.Generator) -> Tensor:
    """An action [N] from each row of logits [N, A]."""
    noise = torch.rand(logits.shape, generator=generator).clamp(min=1e-20)
    return (logits - (-noise.log()).log()).argmax(dim=1)


@torch.no_grad()
def play(
    policy: Any, envs: Any, observation: Tensor, steps: int, generator: torch.Generator | None
) -> dict[str, Tensor]:
    """A trial of each task, which begins with this observation: [T, N, ...] by name, and `following`, the next one's.

    Actions are drawn with the generator, or the likeliest without one. `expected` is what the actions earn on average.
    """
    users, actions = envs.num_envs, int(envs.single_action_space.n)
    seer = Seer(envs, steps)
    state = torch.zeros(users, policy.hidden)
    none, begins = torch.zeros(users), torch.ones(users, dtype=torch.bool)
    inputs = rl2_input(observation, none.long() - 1, none, begins, actions)
    rows = []
    for time in range(steps):
        logits, _, state = policy(inputs, state)
        action = logits.argmax(dim=1) if generator is None else draw(logits, generator)
        log_prob = logits.log_softmax(dim=1).gather(1, action[:, None])[:, 0]
        rows.append((inputs, action, log_prob, seer.expected(observation, action), seer.facts(observation, time)))
        observation, reward, terminated, truncated, _ = envs.step(action)
        ended = terminated | truncated
        state = carry_hidden(state, ended, torch.zeros_like(ended))  # the trial ends with the last step
        inputs = rl2_input(observation, action, reward, ended, actions)
    names = ("inputs", "action", "log_prob", "expected", "facts")
    columns = (torch.stack(column) for column in zip(*rows, strict=True))
    return dict(zip(names, columns, strict=True)) | {"truth": seer.truth, "following": observation}


def train(recipe: Recipe, seed: int) -> Policy:
    """A policy for the tasks of the recipe's last stage; equal seeds give equal policies."""
    generator = torch.Generator().manual_seed(seed)
    first = make(recipe, recipe.stages[0], 1)
    actions = int(first.single_action_space.n)
    inputs = int(first.single_observation_space.shape[0]) + actions + 2
    first.reset(seed=0)
    facts, truths = Seer(first, 1).size, Seer(first, 1).truth.shape[1]
    policy: Policy
    critic: nn.Module
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        if recipe.shared:
            policy = ArmsPolicy(actions, recipe.hidden)
            critic, teller = ArmsCritic(policy), ArmsTeller(recipe.hidden, 2)
        else:
            policy = RecurrentPolicy(inputs, actions, recipe.hidden)
            critic, teller = Critic(policy, facts), nn.Linear(recipe.hidden, truths)
    last = policy.reader[-1] if isinstance(policy, ArmsPolicy) else policy.actor
    with torch.no_grad():
        last.weight *= 0.1  # nearly uniform at the beginning
    parameters = [*policy.parameters(), *critic.parameters(), *teller.parameters()]
    total, done = sum(stage.updates for stage in recipe.stages), 0
    for number, stage in enumerate(recipe.stages):
        optimiser = torch.optim.Adam(parameters, lr=stage.learning_rate, eps=1e-5)
        envs = make(recipe, stage, stage.tasks)
        observation, _ = envs.reset(seed=1_000_000 * (seed + 1) + 100_000 * number)
        for update in range(stage.updates):
            optimiser.param_groups[0]["lr"] = stage.learning_rate * (1 - update / stage.updates)
            trial = play(policy, envs, observation, stage.steps, generator)
            observation = trial["following"]
            learn(policy, critic, teller, optimiser, recipe, trial, recipe.entropy * (1 - done / total), generator)
            done += 1
    return policy


def learn(
    policy: Policy,
    critic: nn.Module,
    teller: nn.Module,
    optimiser: torch.optim.Optimizer,
    recipe: Recipe,
    trial: dict[str, Tensor],
    entropy_weight: float,
    generator: torch.Generator,
) -> None:
    """Some epochs of PPO on one batch of whole trials."""
    earned, (steps, users) = trial["expected"], trial["action"].shape
    scale = steps**0.5

    def values(states: Tensor, facts: Tensor) -> Tensor:
        return critic(states, facts) * scale

    def beginning(some: Tensor) -> Tensor:
        return torch.zeros(len(some), policy.hidden)

    with torch.no_grad():
        everybody = torch.arange(users)
        value = values(policy.unroll(trial["inputs"], beginning(everybody)), trial["facts"])
        advantage, later, following = torch.zeros_like(value), torch.zeros(users), torch.zeros(users)
        for t in reversed(range(steps)):
            later = earned[t] + recipe.gamma * following - value[t] + recipe.gamma * recipe.lam * later
            advantage[t], following = later, value[t]
        target = advantage + value
        advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
    for _ in range(recipe.epochs):
        for some in torch.randperm(users, generator=generator).chunk(recipe.parts):
            states = policy.unroll(trial["inputs"][:, some], beginning(some))
            log_prob = policy.actor(states).log_softmax(dim=2)
            new = log_prob.gather(2, trial["action"][:, some, None])[..., 0]
            ratio, gain = (new - trial["log_prob"][:, some]).exp(), advantage[:, some]
            objective = torch.minimum(ratio * gain, ratio.clamp(1 - recipe.clip, 1 + recipe.clip) * gain).mean()
            entropy = -(log_prob.exp() * log_prob).sum(dim=2).mean()
            wanted = target[:, some] / scale
            miss = nn.functional.mse_loss(values(states, trial["facts"][:, some]) / scale, wanted)
            # the critic that is kept sees what the policy sees; it learns beside, and changes nothing
            aside = nn.functional.mse_loss(policy.critic(states.detach())[..., 0] / scale, wanted)
            untold = nn.functional.mse_loss(teller(states), trial["truth"][some].expand(steps, -1, -1))
            loss = 0.5 * miss + 0.5 * aside + recipe.belief * untold - objective - entropy_weight * entropy
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(optimiser.param_groups[0]["params"], 1.0)
            optimiser.step()
