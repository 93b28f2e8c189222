"""Statistics of many pulls are the oracle."""

import json
import math
import warnings
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import check_env

import metarec  # noqa: F401
from metarec.bandit import Bandit


def env_of(**options: Any) -> Any:
    return gymnasium.make("metarec/Bandit-v0", **options).unwrapped


def test_arms_pay_as_often_as_their_means_say() -> None:
    env = env_of(n_arms=3, n_pulls=6000)
    env.reset(seed=1)
    paid = np.zeros(3)
    for pull in range(6000):
        observation, reward, terminated, truncated, info = env.step(pull % 3)
        assert reward in (0.0, 1.0)
        assert observation.tolist() == [0]
        assert (terminated, truncated, info) == (pull == 5999, False, {})
        paid[pull % 3] += reward
    surprise = (paid - 2000 * env.means) / np.sqrt(2000 * env.means * (1 - env.means))
    assert abs(surprise).max() < 4


def test_means_are_uniform_and_new_at_each_reset() -> None:
    env = env_of()
    env.reset(seed=0)
    means = []
    for _ in range(4000):
        means.append(env.means)
        env.reset()
    tasks = np.array(means, dtype=float)
    assert tasks.shape == (4000, 5)
    assert tasks.min() >= 0
    assert tasks.max() < 1
    counts = np.bincount((tasks.ravel() * 20).astype(int), minlength=20)
    surprise = ((counts - 1000) ** 2 / 1000).sum()
    assert abs(surprise - 19) < 4 * math.sqrt(2 * 19)
    assert abs(np.corrcoef(tasks.T) - np.eye(5)).max() < 5 / math.sqrt(4000)
    assert abs(np.corrcoef(tasks[:-1, 0], tasks[1:, 0])[0, 1]) < 5 / math.sqrt(4000)


def test_a_seed_repeats_the_tasks() -> None:
    def rewards(seed: int) -> list[float]:
        env = env_of(n_pulls=4)
        env.reset(seed=seed)
        seen = []
        for _ in range(10):
            seen += [float(env.means[0])] + [env.step(arm)[1] for arm in range(4)]
            env.reset()
        return seen

    assert rewards(1) == rewards(1) != rewards(2)


def test_the_first_reward_is_no_function_of_the_means() -> None:
    """Arms are drawn at other steps than rewards: a task's first reward exceeds its mean as often as it should."""
    env = env_of(n_arms=1)
    env.reset(seed=0)
    residuals = []
    for _ in range(4000):
        mean = float(env.means[0])
        residuals.append(env.step(0)[1] - mean)
        env.reset()
    assert abs(np.mean(residuals)) < 4 * math.sqrt(1 / 6 / 4000)
    assert np.var(residuals) == pytest.approx(1 / 6, abs=0.02)


def test_the_environment_is_a_good_gymnasium_citizen() -> None:
    spec = gymnasium.make("metarec/Bandit-v0", n_arms=7, n_pulls=3).spec
    assert spec is not None
    assert json.loads(spec.to_json())["kwargs"] == {"n_arms": 7, "n_pulls": 3}
    env: Any = gymnasium.make(EnvSpec.from_json(spec.to_json())).unwrapped
    assert (env.action_space.n, env.n_pulls) == (7, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env)


def test_misuse_is_named() -> None:
    for name in ("n_arms", "n_pulls"):
        with pytest.raises(ValueError, match=name):
            Bandit(**{name: 0})
    env = Bandit(n_pulls=1)
    with pytest.raises(ResetNeeded):
        env.step(0)
    env.reset(seed=0)
    for action in (-1, 5):
        with pytest.raises(ValueError, match="from 0 to 4"):
            env.step(action)
    assert env.step(0)[2]
    with pytest.raises(ResetNeeded):
        env.step(0)
