"""User-steps per second of `metarec/Interest-v0` with random items, side by side with what else there is.

    python -m benchmarks.simulator [--rounds 7] [--threads 2] [--json FILE]

Ours, eager and compiled, at 1,024, 16,384 and 65,536 users; the same equations batched in NumPy, and in JAX (extra
`bench`); the one-user environment, Gymnasium's SyncVectorEnv of 64 and AsyncVectorEnv of 8 of it; and CartPole-v1,
for a sense of scale. All take turns, each for a fraction of a second in every round; a figure is the median over the
rounds, a ratio the median of the rounds' ratios. What compiles has done so before. JAX is checked to play as ours does.
It keeps the record `simulator`.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import torch

import metarec  # noqa: F401
from benchmarks.report import arguments, report
from metarec import dynamics, engine, interest, shipped
from metarec.interest import PARAMS, SIZE, TOPICS

USERS = (1024, 16384, 65536)
STEPS = 100
SECONDS = 0.25
SYNC, ASYNC = 64, 8
Contender = Callable[[], int]
"""Plays for a while; how many user-steps that were."""


def alone(name: str) -> Contender:
    """One environment, reset when it ends, with random actions that are drawn beforehand."""
    env = gym.make(name).unwrapped
    env.reset(seed=0)
    items = int(env.action_space.n)  # type: ignore[attr-defined]
    actions = [random.Random(0).randrange(items) for _ in range(2000)]

    def play() -> int:
        for action in actions:
            _, _, terminated, truncated, _ = env.step(action)
            if terminated or truncated:
                env.reset()
        return len(actions)

    return play


def many(mode: str, users: int) -> tuple[Contender, Any]:
    """Gymnasium's vector environment of the one-user environment."""
    envs = gym.make_vec("metarec/Interest-v0", users, mode)
    envs.reset(seed=0)
    actions = np.random.default_rng(0).integers(500, size=(2000 // users, users))

    def play() -> int:
        for chosen in actions:
            envs.step(chosen)
        return actions.size

    return play, envs


def ours(users: int, compiles: bool) -> Contender:
    """Rollouts of the vector environment."""
    envs: Any = gym.make_vec("metarec/Interest-v0", users, "vector_entry_point", compile=compiles)
    envs.reset(seed=0)

    def play() -> int:
        envs.rollout(STEPS)
        return users * STEPS

    return play


def in_numpy(users: int) -> Contender:
    """The shared dynamics on NumPy arrays; NumPy knows who has ended, and draws for these alone."""
    catalogue, seeds = interest.catalogue(), np.arange(users)
    sessions = np.zeros(users, dtype=np.int64)
    keys = dynamics.stream(seeds, sessions)
    state = {
        "theta": catalogue.mu + dynamics.normals(keys, SIZE),
        "drift": np.zeros((users, SIZE), dtype=np.float32),
        "satiation": np.zeros((users, TOPICS), dtype=np.float32),
        "patience": np.full(users, PARAMS.P, dtype=np.int32),
        "time": np.zeros(users, dtype=np.int64),
    }
    drawn = np.random.default_rng(0)

    def step() -> None:
        nonlocal state
        actions = drawn.integers(500, size=users, dtype=np.int32)
        uniforms = dynamics.draw(keys, state["time"])
        state, _, terminated = dynamics.step(state, actions, uniforms, catalogue.vectors, catalogue.topics, PARAMS)
        (ended,) = np.nonzero(terminated | (state["time"] >= PARAMS.T))
        if len(ended):
            sessions[ended] += 1
            keys[ended] = dynamics.stream(seeds[ended], sessions[ended])
            state["theta"][ended] = catalogue.mu + dynamics.normals(keys[ended], SIZE)
            state["drift"][ended] = state["satiation"][ended] = 0
            state["patience"][ended], state["time"][ended] = PARAMS.P, 0

    def play() -> int:
        for _ in range(10):
            step()
        return 10 * users

    return play


def in_jax(users: int) -> Contender:
    """`benchmarks.simulator_jax`."""
    from benchmarks.simulator_jax import Simulator

    simulator = Simulator(users)

    def play() -> int:
        simulator.rollout(STEPS)
        return users * STEPS

    return play


def jax_plays_as_ours() -> bool:
    """Whether both simulators do the same with the same users, but for clicks that rounding decides."""
    from benchmarks.simulator_jax import Simulator

    envs: Any = gym.make_vec("metarec/Interest-v0", 256, "vector_entry_point")
    envs.reset(seed=0)
    wanted = envs.rollout(STEPS)
    got = engine.Rollout(torch.tensor(np.asarray(Simulator(256).rollout(STEPS)).reshape(STEPS, 256)))
    same = (got.actions == wanted.actions) & (got.rewards == wanted.rewards) & (got.terminated == wanted.terminated)
    return bool(same.all(dim=0).float().mean() > 0.99)


def rate(play: Contender) -> float:
    """User-steps per second, over SECONDS or a little more."""
    began, played = time.perf_counter(), 0
    while (spent := time.perf_counter() - began) < SECONDS:
        played += play()
    return played / spent


def main() -> None:
    """Measure, keep, print, write."""
    asked = arguments(__doc__, rounds=7, threads=2)
    torch.set_num_threads(asked.threads)
    sync, sync_envs = many("sync", SYNC)
    separate, separate_envs = many("async", ASYNC)  # before JAX has threads, which must not be forked
    if not jax_plays_as_ours():
        raise SystemExit("the JAX version plays otherwise: its speed would say nothing")
    contenders: dict[str, Contender] = {"single": alone("metarec/Interest-v0"), "cartpole": alone("CartPole-v1")}
    contenders |= {f"sync_{SYNC}": sync, f"async_{ASYNC}": separate}
    compiles = not engine.why_no_compiler()
    for users in USERS:
        contenders |= {f"eager_{users}": ours(users, False), f"numpy_{users}": in_numpy(users)}
        contenders[f"jax_{users}"] = in_jax(users)
        if compiles:
            contenders[f"compiled_{users}"] = ours(users, True)
    for play in contenders.values():  # what compiles does so now
        play()
    rounds = [{name: rate(play) for name, play in contenders.items()} for _ in range(asked.rounds)]
    sync_envs.close()
    separate_envs.close()

    def median(of: Callable[[dict[str, float]], float]) -> float:
        return statistics.median(of(row) for row in rounds)

    figures = {f"{name}_steps_per_second": median(lambda row, name=name: row[name]) for name in contenders}
    for users in USERS:
        for name in ("eager", "compiled", "numpy", "jax"):
            if f"{name}_{users}" in contenders:
                figures[f"{name}_times_single_{users}"] = median(
                    lambda row, name=name, users=users: row[f"{name}_{users}"] / row["single"]
                )
        if compiles:
            figures[f"compiled_times_jax_{users}"] = median(
                lambda row, users=users: row[f"compiled_{users}"] / row[f"jax_{users}"]
            )
    figures["single_times_cartpole"] = median(lambda row: row["single"] / row["cartpole"])
    shipped.keep_record("simulator", {"figures": figures}, command="python -m benchmarks.simulator")
    report("metarec/Interest-v0: user-steps per second", figures, asked.json)


if __name__ == "__main__":
    main()
