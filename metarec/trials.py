"""Vectorised environments in which a task lasts for several episodes: together they are a trial."""

import torch
from gymnasium.spaces import Box
from gymnasium.vector import AutoresetMode
from torch import Tensor

from metarec import dynamics, mdp
from metarec.vector import Batch, Outcome


class TrialBatch(Batch):
    """A batch whose tasks last for `episodes_per_trial` episodes of equally many steps.

    Sessions are counted as everywhere: the n-th episode after a seed belongs to the n // episodes_per_trial-th task.
    `info["trial_ended"]` [N] marks those whose trial has ended with this step, so that their next episode is of
    another task.
    """

    def __init__(
        self,
        num_envs: int,
        observation_space: Box,
        n_actions: int,
        episodes_per_trial: int,
        device: str,
        autoreset_mode: AutoresetMode | str,
    ) -> None:
        super().__init__(num_envs, observation_space, n_actions, device, autoreset_mode)
        self.episodes_per_trial = episodes_per_trial

    def step(self, actions: Tensor) -> Outcome:
        """As in every batch, and who has come to the end of a trial."""
        observation, rewards, terminated, truncated, info = super().step(actions)
        # episodes done by those who have ended: in the same step their next one has been counted already
        done = self._sessions + (self.autoreset_mode is AutoresetMode.NEXT_STEP)
        info["trial_ended"] = (terminated | truncated) & (done % self.episodes_per_trial == 0)
        return observation, rewards, terminated, truncated, info


class RandomMDPVector(TrialBatch):
    """`metarec/RandomMDP-v0` for N tasks; `transition` [N, S, A, S], `mean_reward` [N, S, A] are of those under way."""

    def __init__(
        self,
        num_envs: int = 1,
        episodes_per_trial: int = 10,
        n_states: int = 10,
        n_actions: int = 5,
        episode_steps: int = 10,
        device: str = "cpu",
        autoreset_mode: AutoresetMode | str = AutoresetMode.SAME_STEP,
    ) -> None:
        mdp.check_sizes(episodes_per_trial, n_states, n_actions, episode_steps)
        super().__init__(
            num_envs, mdp.observation_space(n_states), n_actions, episodes_per_trial, device, autoreset_mode
        )
        self.n_states, self.episode_steps = n_states, episode_steps
        self._users = torch.arange(num_envs, device=self.device)

    def _begin_all(self, keys: Tensor) -> None:
        # All episodes have the same length, so that all begin together.
        self._time = 0
        self._states = torch.zeros_like(keys)
        trials, episodes = self._sessions // self.episodes_per_trial, self._sessions % self.episodes_per_trial
        self._past = episodes * self.episode_steps
        if int(episodes[0]) == 0:
            self._keys = dynamics.stream(self._seeds, trials)
            self.transition, self.mean_reward = mdp.task(self._keys, self.n_states, self._n_actions)
            self._below = self.transition.cumsum(-1)

    def _advance(self, actions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        place = self._users, self._states, actions.long()
        uniform, noise = mdp.chance(self._keys, self._past + self._time)
        rewards = self.mean_reward[place] + noise
        self._states = (uniform[:, None] >= self._below[place][:, :-1]).sum(-1)
        self._time += 1
        terminated = torch.full_like(rewards, self._time == self.episode_steps, dtype=torch.bool)
        return rewards, terminated, torch.zeros_like(terminated)

    def _begin(self, mask: Tensor) -> None:
        last = self.episode_steps + (self.autoreset_mode is AutoresetMode.NEXT_STEP)
        if self._time == last:
            self._sessions = self._sessions + 1
            self._begin_all(self._keys)

    def _observation(self) -> Tensor:
        return torch.nn.functional.one_hot(self._states, self.n_states).float()
