"""The course's DQN and PPO beside stable-baselines3's on metarec/Interest-v0: clicks per session, steps per second.

    python -m benchmarks.agents [--seeds 5] [--users 2048] [--json FILE]

For each seed ours learn with 1,024 users, and each peer learns for as long as ours of the same name took, on as many
cores, in the same process: seeds, and so rounds, are interleaved. The returns are those of the greedy policies on the
same fresh users, undiscounted; NAME_interval is half the width of a 95 % interval over seeds (Student's t), for the
oracle and the random policy over users.

    sb3_dqn, sb3_ppo                    as its documentation has it: 16 single-user environments in a DummyVecEnv
    sb3_dqn_batched, sb3_ppo_batched    on our simulator of 1,024 users, through an adapter: not a line of it is theirs

The peers have MLPs of 2 layers of 64 and one output for each item, our gamma, observations divided by their upper
bounds, and the settings below. `times_NAME` is our steps per second over theirs, the median over seeds; a step is one
of one user. It keeps the record `agents`, and goes on where it was stopped. Needs the extra `bench`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from stable_baselines3 import DQN, PPO
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv
from torch import Tensor

from benchmarks import simulator_values
from benchmarks.pieces import Key, Pieces, Result
from benchmarks.report import arguments, over_seeds, report
from benchmarks.simulator_values import Oracle, Parts, Random, interval, make, play
from metarec import shipped
from metarec.vector import InterestVector
from solutions import actor_critic, dqn
from solutions.actor_critic import train_ppo
from solutions.dqn import train_dqn

USERS = 1024
DQN_UPDATES = 1500
PPO_UPDATES = 100
FRESH = 1_000_000
"""The seed of those on whom all are judged: far from every seed of training."""
SHARED = {"gamma": 0.98, "policy_kwargs": {"net_arch": [64, 64]}, "device": "cpu"}
REPLAY = {"buffer_size": 200_000, "learning_starts": 2000, "train_freq": 1, "exploration_initial_eps": 0.3}
REPLAY |= {"exploration_final_eps": 0.02, "exploration_fraction": 0.5}
PEERS: dict[str, tuple[type[BaseAlgorithm], dict[str, Any]]] = {
    "sb3_dqn": (DQN, REPLAY | {"learning_rate": 1e-3, "batch_size": 256, "target_update_interval": 1000}),
    "sb3_ppo": (PPO, {"learning_rate": 1e-3, "n_steps": 128, "batch_size": 256, "n_epochs": 4, "gae_lambda": 0.9}),
    "sb3_dqn_batched": (
        DQN,
        REPLAY | {"learning_rate": 3e-3, "batch_size": 1024, "tau": 0.03, "target_update_interval": USERS},
    ),
    "sb3_ppo_batched": (
        PPO,
        {"learning_rate": 3e-3, "n_steps": 16, "batch_size": 2048, "n_epochs": 2, "gae_lambda": 0.9},
    ),
}


class Scaled(gym.ObservationWrapper[np.ndarray, int, np.ndarray]):
    """Observations divided by their upper bounds."""

    def __init__(self, env: gym.Env[np.ndarray, int]) -> None:
        super().__init__(env)
        self.observation_space = scaled_space(env.observation_space)
        self.high = env.observation_space.high  # type: ignore[attr-defined]

    def observation(self, observation: np.ndarray) -> np.ndarray:
        """The same, divided."""
        return observation / self.high


class Batched(VecEnv):
    """Our batched simulator as a VecEnv of stable-baselines3, observations divided by their upper bounds."""

    def __init__(self, envs: InterestVector) -> None:
        self.envs, self.high = envs, envs.single_observation_space.high  # The base class reads attributes of envs.
        super().__init__(envs.num_envs, scaled_space(envs.single_observation_space), envs.single_action_space)

    def reset(self) -> np.ndarray:
        """The first observations [N, n]."""
        seed = None if self._seeds[0] is None else self._seeds
        self._reset_seeds()
        return self.envs.reset(seed=seed)[0].numpy() / self.high

    def step_async(self, actions: np.ndarray) -> None:
        """Note the actions [N]."""
        self.actions = torch.as_tensor(actions)

    def step_wait(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        """Observations, rewards, who has ended, and the infos that tell truncation and the last observation."""
        observation, rewards, terminated, truncated, info = self.envs.step(self.actions)
        ended = terminated | truncated
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        last = info["final_obs"].numpy() / self.high
        for user in ended.nonzero()[:, 0].tolist():
            infos[user] = {"terminal_observation": last[user], "TimeLimit.truncated": bool(truncated[user])}
        return observation.numpy() / self.high, rewards.numpy(), ended.numpy(), infos

    def close(self) -> None:
        """Nothing is held."""

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """The attribute, for each user asked for."""
        return [getattr(self.envs, attr_name, None) for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Not supported."""
        raise NotImplementedError

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        """Not supported."""
        raise NotImplementedError

    def env_is_wrapped(self, wrapper_class: type[Any], indices: Any = None) -> list[bool]:
        """No user is."""
        return [False for _ in self._get_indices(indices)]


class Until(BaseCallback):
    """Stops learning when the time is over; a PPO then leaves the rollout under way unused."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.end = time.perf_counter() + seconds

    def _on_step(self) -> bool:
        return time.perf_counter() < self.end


class Greedy:
    """A policy for `play` that takes the item of greatest score [N, K]."""

    def __init__(self, scores: Callable[[Tensor], Tensor]) -> None:
        self.scores = scores

    def act(self, parts: Parts) -> Tensor:
        """The items of greatest score."""
        observation = [part if part.ndim == 2 else part[:, None] for part in parts.values()]
        with torch.no_grad():
            return self.scores(torch.cat(observation, dim=1)).argmax(dim=1)

    def learn(self, parts: Parts, actions: Tensor, clicks: Tensor) -> None:
        """Nothing."""


def scaled_space(space: Any) -> gym.spaces.Box:
    """The space of observations divided by their upper bounds."""
    return gym.spaces.Box(space.low / space.high, 1, dtype=np.float32)


def ours(name: str, seed: int) -> tuple[Callable[[Tensor], Tensor], float, int]:
    """The scores that ours gives to items, the seconds it took to learn and the steps that it took."""
    envs = make(USERS)
    step, taken = envs.step, 0

    def counted(actions: Tensor) -> Any:
        nonlocal taken
        taken += USERS
        return step(actions)

    envs.step = counted  # type: ignore[method-assign]
    began = time.perf_counter()
    if name == "dqn":
        q_network = train_dqn(envs, DQN_UPDATES, seed=seed)
        return lambda x: q_network(x, envs.item_features), time.perf_counter() - began, taken
    network = train_ppo(envs, PPO_UPDATES, seed=seed)
    return lambda x: network(x, envs.item_features)[0], time.perf_counter() - began, taken


def peer(name: str, seed: int, seconds: float) -> tuple[Callable[[Tensor], Tensor], float]:
    """The scores that a peer gives to items after so many seconds, and its steps per second."""
    algorithm, settings = PEERS[name]
    envs: VecEnv
    if name.endswith("_batched"):
        envs = Batched(make(USERS))
    else:
        envs = DummyVecEnv([lambda: Scaled(gym.make("metarec/Interest-v0"))] * 16)

    def learn(steps: int, limit: float) -> tuple[BaseAlgorithm, float]:
        model = algorithm("MlpPolicy", envs, seed=seed, **SHARED, **settings)
        began = time.perf_counter()
        model.learn(steps, callback=Until(limit))
        return model, model.num_timesteps / (time.perf_counter() - began)

    # Its exploration falls with the steps asked for, so that their number must be known: a tenth of the time says it.
    _, rate = learn(10**9, seconds / 10)
    model, rate = learn(int(rate * seconds), seconds)
    high = torch.as_tensor(make(1).single_observation_space.high)
    policy: Any = model.policy

    def scores(observation: Tensor) -> Tensor:
        scaled = observation / high
        return policy.q_net(scaled) if algorithm is DQN else policy.get_distribution(scaled).distribution.logits

    return scores, rate


def measured(key: Key) -> Result:
    """One seed: clicks per session and steps per second of each agent, seconds that ours took."""
    torch.set_num_threads(1)
    judged = make(key["users"])
    found: Result = {"returns": {}, "rates": {}, "seconds": {}}

    def note(name: str, scores: Callable[[Tensor], Tensor], rate: float) -> None:
        found["returns"][name] = float(play(judged, Greedy(scores), FRESH).mean())
        found["rates"][name] = rate

    for name in ("dqn", "ppo"):
        scores, elapsed, steps = ours(name, key["seed"])
        found["seconds"][name] = elapsed
        note(name, scores, steps / elapsed)
        for other in (f"sb3_{name}", f"sb3_{name}_batched"):
            note(other, *peer(other, key["seed"], elapsed))
    return found


def main() -> None:
    """Measure, keep, print, write."""
    asked = arguments(__doc__, seeds=5, users=2048)
    keys: list[Key] = [{"seed": seed, "users": asked.users} for seed in range(asked.seeds)]
    modules = (simulator_values, dqn, actor_critic, sys.modules[__name__])
    runs = [run for _, run in Pieces("agents", *modules).over(keys, measured)]
    figures: dict[str, float] = {}
    for name in runs[0]["returns"]:
        values, rates = ([run[part][name] for run in runs] for part in ("returns", "rates"))
        figures |= {f"{name}_return": float(np.mean(values)), f"{name}_return_interval": over_seeds(values)}
        figures |= {f"{name}_return_lowest": min(values), f"{name}_steps_per_second": median(rates)}
    judged = make(asked.users)
    for name, policy in (("myopic_oracle", Oracle(judged)), ("random", Random(judged))):
        clicks = play(judged, policy, FRESH)
        figures |= {f"{name}_return": float(clicks.mean()), f"{name}_return_interval": interval(clicks)}
    for name in PEERS:
        figures[f"times_{name}"] = median(run["rates"][name.split("_")[1]] / run["rates"][name] for run in runs)
    figures |= {f"{name}_seconds": median(run["seconds"][name] for run in runs) for name in ("dqn", "ppo")}
    figures["seeds"] = asked.seeds
    shipped.keep_record("agents", {"figures": figures}, command="python -m benchmarks.agents")
    report("agents on metarec/Interest-v0", figures, asked.json)


if __name__ == "__main__":
    main()
