"""The vectorised environments: thousands of users at once as torch tensors, with the numbers of the single-user ones.

User i of an environment reset with `seed` is the user of the single-user environment reset with `seed + i`, as in
Gymnasium's SyncVectorEnv; a list of seeds has one for each. The n-th session after a seed is always the same.
"""

from collections.abc import Sequence
from typing import Any

import torch
from gymnasium.error import ResetNeeded
from gymnasium.spaces import Box, Discrete
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from torch import Tensor

from metarec import bandit, dynamics, engine, interest
from metarec.interest import PARAMS, SIZE, TOPICS

Outcome = tuple[Tensor, Tensor, Tensor, Tensor, dict[str, Any]]


class Batch(VectorEnv[Tensor, Tensor, Tensor]):
    """What the vectorised environments share: spaces, device, seeds, and when a new session begins.

    With `autoreset_mode` SAME_STEP, the default, the step that ends a session already shows the first observation of
    the next one, and `info["final_obs"]` [N, n] the observations before any reset: of all users, so that they are the
    next observations of the step, while the mask `info["_final_obs"]` [N] marks those who ended. With NEXT_STEP a
    session begins in the step after the end, whose action and reward count for nothing.

    All tensors stay on the device, and no step waits for it; actions are therefore checked on the CPU alone.
    """

    def __init__(
        self, num_envs: int, observation_space: Box, n_actions: int, device: str, autoreset_mode: AutoresetMode | str
    ) -> None:
        if num_envs < 1:
            raise ValueError(f"num_envs must be 1 or more, not {num_envs!r}")
        self.autoreset_mode = AutoresetMode(autoreset_mode)
        if self.autoreset_mode is AutoresetMode.DISABLED:
            raise ValueError("autoreset_mode must be SAME_STEP or NEXT_STEP: users end at different times")
        self.metadata = {"render_modes": [], "autoreset_mode": self.autoreset_mode}
        self.num_envs = num_envs
        self.device = torch.device(device)
        self.single_observation_space = observation_space
        self.single_action_space = Discrete(n_actions)
        self.observation_space = batch_space(observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._n_actions = n_actions
        self._seeds: Tensor | None = None

    def reset(
        self, *, seed: int | Sequence[int] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Tensor, dict[str, Any]]:
        """The first observations [N, n] of new sessions for all and an empty info."""
        single = seed if seed is None or isinstance(seed, int) else None
        super().reset(seed=single)
        if seed is not None or self._seeds is None:
            self._seeds = self._seed_each(self.np_random_seed if seed is None else seed)  # type: ignore[arg-type]
            self._sessions = torch.zeros_like(self._seeds)
        else:
            self._sessions = self._sessions + 1
        self._pending = torch.zeros(self.num_envs, dtype=torch.bool, device=self.device)
        self._begin_all(dynamics.stream(self._seeds, self._sessions))
        return self._observation(), {}

    def step(self, actions: Tensor) -> Outcome:
        """Observations [N, n], rewards [N] (float32), terminations and truncations [N] (bool) and an info."""
        if self._seeds is None:
            raise ResetNeeded("call reset() before step()")
        rewards, terminated, truncated = self._advance(self._checked(actions))
        ended = terminated | truncated
        info: dict[str, Any] = {}
        if self.autoreset_mode is AutoresetMode.SAME_STEP:
            info = {"final_obs": self._observation(), "_final_obs": ended, "final_info": {}, "_final_info": ended}
            self._begin(ended)
        else:
            fresh, stays = self._pending, ~self._pending
            rewards, terminated, truncated = rewards * stays, terminated & stays, truncated & stays
            self._begin(fresh)
            self._pending = terminated | truncated
        return self._observation(), rewards, terminated, truncated, info

    def _seed_each(self, seed: int | Sequence[int]) -> Tensor:
        """A seed [N] for each user."""
        if isinstance(seed, int):
            seeds = [seed + user for user in range(self.num_envs)]
        elif len(seed) == self.num_envs:
            seeds = [int(one) for one in seed]
        else:
            raise ValueError(f"a list of seeds has one for each of the {self.num_envs} users, not {len(seed)}")
        return torch.tensor([dynamics.wrap(one) for one in seeds], device=self.device)

    def _checked(self, actions: Tensor) -> Tensor:
        actions = torch.as_tensor(actions, device=self.device)
        if actions.shape != (self.num_envs,) or actions.is_floating_point() or actions.dtype == torch.bool:
            raise ValueError(
                f"actions are {self.num_envs} integers, not of shape {tuple(actions.shape)} and {actions.dtype}"
            )
        if self.device.type == "cpu" and not 0 <= int(actions.min()) <= int(actions.max()) < self._n_actions:
            raise ValueError(f"an action is from 0 to {self._n_actions - 1}, not {actions.min()} or {actions.max()}")
        return actions

    def _begin_all(self, keys: Tensor) -> None:
        """Begin the session of each user with these keys [N]."""
        raise NotImplementedError

    def _begin(self, mask: Tensor) -> None:
        """Begin the next session of those in the mask [N]."""
        raise NotImplementedError

    def _advance(self, actions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Take a step; rewards, terminations and truncations [N]."""
        raise NotImplementedError

    def _observation(self) -> Tensor:
        """A new tensor [N, n]."""
        raise NotImplementedError


class InterestVector(Batch):
    """`metarec/Interest-v0` for N users.

    `item_vectors` [K, D], `topics` [K], `item_features` [K, D + C] and `mu` [D] are tensors on the device. With
    `compile` rollouts run compiled, by CUDA graphs on a CUDA device; RuntimeError where there is no compiler.
    """

    def __init__(
        self,
        num_envs: int = 1,
        observe: str = "profile",
        item_seed: int = interest.GEOMETRY,
        n_items: int = 500,
        device: str = "cpu",
        autoreset_mode: AutoresetMode | str = AutoresetMode.SAME_STEP,
        compile: bool = False,  # noqa: A002 (as everybody calls it)
    ) -> None:
        items = interest.catalogue(item_seed, n_items)
        super().__init__(num_envs, interest.observation_space(observe), n_items, device, autoreset_mode)
        self.item_vectors, self.topics, self.item_features, self.mu = (
            torch.tensor(x, device=self.device) for x in (items.vectors, items.topics, items.features, items.mu)
        )
        self._names = ["drift", "satiation", "patience", "time", "theta"][: 5 if observe == "profile" else 4]
        self._packed: engine.Parts | None = None
        self._engine = engine.Engine(self.item_vectors, self.topics, self.mu, observe == "profile", compile)

    _state: dynamics.State
    _keys: Tensor
    _steps: int

    def rollout(self, steps: int, policy: engine.Policy | None = None) -> engine.Rollout:
        """So many steps at once of all users, who go on from where they are: as many calls of `step`, and faster.

        `policy` takes observations [N, n] to items [N], each row on its own, in torch operations alone; it is compiled
        along. For None everybody is shown random items, drawn from the streams of their own sessions. Nothing waits for
        the device. Autoreset is in the same step, ValueError otherwise.
        """
        if self._seeds is None:
            raise ResetNeeded("call reset() before rollout()")
        if self.autoreset_mode is not AutoresetMode.SAME_STEP or steps < 1:
            raise ValueError(f"a rollout is of 1 step or more, with autoreset SAME_STEP, not {steps} steps")
        parts, self._sessions, happened = self._engine.play(
            self._packed or self._pack(), self._seeds, self._sessions, steps, policy
        )
        self._packed = parts
        return happened

    def _pack(self) -> engine.Parts:
        """The state as the engine has it."""
        state = self._state
        parts = {name: state[name].to(torch.int32) for name in ("patience", "time")}
        parts |= {"theta": state["theta"], "drift": state["drift"], "boredom": engine.pack(state["satiation"])}
        return parts | {"position": self._keys + (state["time"].long() + 1) * dynamics.INCREMENT}

    def _unpack(self) -> None:
        """After a rollout, what single steps need."""
        if self._packed is None:
            return
        parts, self._packed = self._packed, None
        self._keys = dynamics.stream(self._seeds, self._sessions)
        self._state = {"theta": parts["theta"], "drift": parts["drift"], "satiation": engine.unpack(parts["boredom"])}
        self._state |= {name: parts[name].float() for name in ("patience", "time")}
        # the next step draws who comes next, as it does every 10 steps
        self._steps = -1
        self._draw_ahead()

    def _begin_all(self, keys: Tensor) -> None:
        self._keys = keys
        theta = self.mu + dynamics.normals(keys, SIZE)
        self._state = {
            "theta": theta,
            "drift": torch.zeros_like(theta),
            "satiation": theta.new_zeros(self.num_envs, TOPICS),
            "patience": theta.new_full((self.num_envs,), PARAMS.P),
            "time": theta.new_zeros(self.num_envs),
        }
        self._next_keys, self._next_theta, self._steps = keys, theta, 0
        self._packed = None

    def _advance(self, actions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        self._unpack()
        uniforms = dynamics.draw(self._keys, self._state["time"])
        self._state, clicks, terminated = dynamics.step(
            self._state, actions, uniforms, self.item_vectors, self.topics, PARAMS
        )
        self._draw_ahead()
        return clicks.float(), terminated, (self._state["time"] >= PARAMS.T) & ~terminated

    def _draw_ahead(self) -> None:
        """Draw the next user of everybody, every 10 steps.

        No session is shorter than its first patience of 10, so that each next user is there in time: without asking
        the device who has ended, and without drawing a user for everybody in every step.
        """
        self._steps += 1
        if self._steps % PARAMS.P == 0:
            self._next_keys = dynamics.stream(self._seeds, self._sessions + 1)
            self._next_theta = self.mu + dynamics.normals(self._next_keys, SIZE)

    def _begin(self, mask: Tensor) -> None:
        state, stays = self._state, ~mask
        self._sessions += mask
        torch.where(mask, self._next_keys, self._keys, out=self._keys)
        torch.where(mask[:, None], self._next_theta, state["theta"], out=state["theta"])
        state["drift"] *= stays[:, None]
        state["satiation"] *= stays[:, None]
        state["patience"].masked_fill_(mask, PARAMS.P)
        state["time"] *= stays

    def _observation(self) -> Tensor:
        parts = [self._state[name] for name in self._names]
        return torch.cat([part if part.ndim == 2 else part[:, None] for part in parts], dim=1)


class BanditVector(Batch):
    """`metarec/Bandit-v0` for N tasks; `means` [N, K] are those of the tasks under way."""

    def __init__(
        self,
        num_envs: int = 1,
        n_arms: int = 5,
        n_pulls: int = 10,
        device: str = "cpu",
        autoreset_mode: AutoresetMode | str = AutoresetMode.SAME_STEP,
    ) -> None:
        bandit.check_sizes(n_arms, n_pulls)
        super().__init__(num_envs, bandit.observation_space(), n_arms, device, autoreset_mode)
        self.n_pulls = n_pulls

    def _begin_all(self, keys: Tensor) -> None:
        self._keys, self._time = keys, 0
        arms = torch.arange(self._n_actions, device=self.device)
        self.means: Tensor = dynamics.draw(keys[:, None], -1 - arms)

    def _advance(self, actions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        pays = dynamics.draw(self._keys, self._time) < self.means.gather(1, actions.long()[:, None])[:, 0]
        self._time += 1
        terminated = torch.full_like(pays, self._time == self.n_pulls)
        return pays.float(), terminated, torch.zeros_like(pays)

    def _begin(self, mask: Tensor) -> None:
        # All tasks have the same length, so that all or none begin, and the mask need not be read.
        last = self.n_pulls + (self.autoreset_mode is AutoresetMode.NEXT_STEP)
        if self._time == last:
            self._sessions = self._sessions + 1
            self._begin_all(dynamics.stream(self._seeds, self._sessions))

    def _observation(self) -> Tensor:
        return torch.zeros(self.num_envs, 1, device=self.device)
