"""The equations written out again, statistics of many draws, and the design's own figures are the oracles."""

import copy
import json
import math
import pickle
import subprocess
import sys
import time
import warnings
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.envs.registration import EnvSpec
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import check_env

import metarec  # noqa: F401
from benchmarks.simulator_values import POLICIES, make, play
from metarec import dynamics
from metarec.interest import BOUNDS, PARAMS, Interest, catalogue, fields


def env_of(**options: Any) -> Any:
    return gymnasium.make("metarec/Interest-v0", **options).unwrapped


def session(env: Any, seed: int | None, choose: Any) -> list[tuple[Any, int, Any, float, bool, bool]]:
    """(observation, action, next observation, reward, terminated, truncated) of one session."""
    before, _ = env.reset(seed=seed)
    steps = []
    while not steps or not (steps[-1][4] or steps[-1][5]):
        action = choose(before)
        after, reward, terminated, truncated, info = env.step(action)
        assert info == {}
        steps.append((before, action, after, reward, terminated, truncated))
        before = after
    return steps


def test_one_user_alone_is_a_batch_of_one() -> None:
    """In all kinds of states, the ends of every range among them."""
    rng = np.random.default_rng(0)
    users, items = 500, catalogue()
    state = {
        "theta": rng.normal(size=(users, 16)).astype("f4"),
        "drift": rng.uniform(-1, 1, (users, 16)).astype("f4"),
        "satiation": (rng.integers(0, 49, (users, 20)) / 8).astype("f4"),
        "patience": rng.integers(1, 11, users),
        "time": np.zeros(users),
    }
    actions, draws = rng.integers(0, 500, users), rng.random(users, dtype="f4")
    after, clicks, terminated = dynamics.step(state, actions, draws, items.vectors, items.topics, PARAMS)
    assert 20 < clicks.sum() < 480
    assert {1, 10} <= set(state["patience"].tolist())
    for user in range(users):
        theta, drift, satiation = (state[name][user].copy() for name in ("theta", "drift", "satiation"))
        shown = items.vectors[actions[user]], int(items.topics[actions[user]])
        click, patience = dynamics.step_alone(
            theta, drift, satiation, int(state["patience"][user]), *shown, float(draws[user]), PARAMS
        )
        assert (click, patience, patience <= 0) == (clicks[user], after["patience"][user], terminated[user])
        np.testing.assert_array_equal(theta, after["theta"][user])
        np.testing.assert_array_equal(drift, after["drift"][user])
        np.testing.assert_array_equal(satiation, after["satiation"][user])


def test_a_session_obeys_the_equations() -> None:
    env = env_of()
    rng = np.random.default_rng(1)
    surprise = variance = 0.0
    for seed in range(30):
        steps = session(env, seed, lambda _: int(rng.integers(500)) if rng.random() < 0.5 else int(rng.integers(3)))
        for t, (before, action, after, reward, terminated, truncated) in enumerate(steps):
            old, new, v, topic = fields(before), fields(after), env.item_vectors[action], action % 20
            p = 1 / (1 + math.exp(-(1.5 * float((old["theta"] + old["drift"]) @ v) - old["satiation"][topic] - 1)))
            surprise, variance = surprise + reward - p, variance + p * (1 - p)
            shown = np.arange(20) == topic
            sated = np.clip(old["satiation"] + shown - 0.125 * ~shown, 0, 6)
            patience = min(10, old["patience"] + (1 if reward else -1))
            assert (old["time"], new["time"], new["patience"]) == (t, t + 1, patience)
            assert (terminated, truncated) == (patience == 0, patience > 0 and t == 99)
            np.testing.assert_allclose(new["drift"], 0.9 * old["drift"] + 0.1 * reward * v, atol=1e-6)
            np.testing.assert_array_equal(new["satiation"], sated)
            np.testing.assert_array_equal(new["theta"], old["theta"])
    assert abs(surprise) < 4 * math.sqrt(variance)


def test_a_session_starts_afresh_and_ends_by_itself() -> None:
    env = env_of()
    ends = set()
    for seed in range(40):

        def best(observation: Any) -> int:
            parts = fields(observation)
            liking = 1.5 * env.item_vectors @ (parts["theta"] + parts["drift"]) - 4 * parts["satiation"][env.topics]
            return int(liking.argmax())

        steps = session(env, seed, best if seed % 2 else lambda _: 7)
        first = fields(steps[0][0])
        assert (first["patience"], first["time"], first["drift"].any(), first["satiation"].any()) == (
            10,
            0,
            False,
            False,
        )
        ends.add(steps[-1][4:])
        with pytest.raises(ResetNeeded):
            env.step(0)
    assert ends == {(True, False), (False, True)}


def test_history_hides_theta_and_nothing_else() -> None:
    seen, hidden = env_of(observe="profile"), env_of(observe="history")
    assert (seen.observation_space.shape, hidden.observation_space.shape) == ((54,), (38,))
    for ours, theirs in zip(session(seen, 3, lambda _: 11), session(hidden, 3, lambda _: 11), strict=True):
        np.testing.assert_array_equal(ours[2][:38], theirs[2])
        assert ours[3:] == theirs[3:]
    assert list(fields(seen.reset()[0])) == ["drift", "satiation", "patience", "time", "theta"]
    assert list(fields(hidden.reset()[0])) == ["drift", "satiation", "patience", "time"]
    assert {name: part.shape for name, part in fields(torch.zeros(7, 54)).items()} == {
        "drift": (7, 16), "satiation": (7, 20), "patience": (7,), "time": (7,), "theta": (7, 16)
    }  # fmt: skip
    with pytest.raises(ValueError, match="54 or 38 numbers, not 37"):
        fields(np.zeros(37))


def test_a_seed_repeats_the_users_and_each_reset_brings_another() -> None:
    def users(seed: int) -> list[tuple[float, ...]]:
        env = env_of()
        env.reset(seed=seed)
        return [tuple(fields(env.reset()[0])["theta"].tolist()) for _ in range(5)]

    assert users(1) == users(1)
    assert len({*users(1), *users(2)}) == 10
    assert not np.array_equal(env_of().reset()[0], env_of().reset()[0])


def test_a_user_does_not_depend_on_how_long_the_one_before_stayed() -> None:
    env, other = env_of(), env_of()
    session(env, 4, lambda _: 1)
    other.reset(seed=4)
    np.testing.assert_array_equal(env.reset()[0], other.reset()[0])


def test_users_and_items_are_drawn_apart() -> None:
    one, other = env_of(item_seed=1), env_of(item_seed=2)
    ours, theirs = (fields(env.reset(seed=0)[0])["theta"] - env.mu for env in (one, other))
    np.testing.assert_allclose(ours, theirs, atol=1e-6)
    assert abs(one.item_vectors - other.item_vectors).max() > 0.5
    assert abs(one.mu - other.mu).max() > 0.1


def test_the_geometry_is_the_preset_s() -> None:
    """The cosine of two items of a topic is that of vectors made here by the same recipe; centres are independent."""
    recipe = np.eye(16)[0] + 0.3 * np.random.default_rng(0).normal(0, 1 / 4, (100_000, 16))
    recipe /= np.linalg.norm(recipe, axis=1, keepdims=True)
    within, across = [], []
    for seed in range(40):
        items = catalogue(seed)
        np.testing.assert_allclose(np.linalg.norm(items.vectors, axis=1), 1, rtol=1e-5)
        assert np.linalg.norm(items.mu) == pytest.approx(1, rel=1e-5)
        np.testing.assert_array_equal(items.topics, np.arange(500) % 20)
        np.testing.assert_array_equal(items.features[:, :16], items.vectors)
        np.testing.assert_array_equal(items.features[:, 16:], np.eye(20)[items.topics])
        cosine = items.vectors @ items.vectors.T
        same = items.topics[:, None] == items.topics
        within.append(cosine[same & ~np.eye(500, dtype=bool)].mean())
        across.append((cosine[~same] ** 2).mean())
    assert np.mean(within) == pytest.approx((recipe.mean(axis=0) ** 2).sum(), abs=0.001)
    assert np.mean(across) == pytest.approx(1 / 16, abs=0.004)


def test_more_items_leave_the_first_as_they_were() -> None:
    few, many = catalogue(3, 500), catalogue(3, 520)
    np.testing.assert_array_equal(few.vectors, many.vectors[:500])
    np.testing.assert_array_equal(few.features, many.features[:500])
    np.testing.assert_array_equal(few.mu, many.mu)
    assert env_of(item_seed=3, n_items=520).action_space.n == 520
    with pytest.raises(ValueError, match="read-only"):
        few.vectors[0] = 0


def test_normals_are_normal_and_alike_everywhere() -> None:
    keys = dynamics.stream(5, np.arange(20_000))
    draws = np.asarray(dynamics.normals(keys, 16))
    assert draws.shape == (20_000, 16)
    assert draws.dtype == np.float32
    covariance = draws.T.astype(float) @ draws / len(draws)
    assert abs(draws.mean(axis=0)).max() < 5 / math.sqrt(20_000)
    assert abs(covariance - np.eye(16)).max() < 5 * math.sqrt(2 / 20_000)
    # Shares below these values, from a table of the normal distribution.
    for value, share in ((-1.6449, 0.05), (-0.6745, 0.25), (0, 0.5), (1.2816, 0.9), (2.3263, 0.99)):
        assert (draws < value).mean() == pytest.approx(share, abs=5 * math.sqrt(share * (1 - share) / draws.size))
    np.testing.assert_allclose(dynamics.normals(torch.tensor(keys), 16).numpy(), draws, atol=2e-6)
    np.testing.assert_array_equal(dynamics.normals(int(keys[3]), 16), draws[3])


def test_no_observation_can_leave_the_space() -> None:
    """The greatest normal draw is that of the greatest uniform one; the drift's bound is a geometric series."""
    assert math.sqrt(-2 * math.log(2**-24)) + 1 < BOUNDS["theta"][1]
    assert PARAMS.eta / (1 - PARAMS.rho) <= BOUNDS["drift"][1] + 1e-9
    env = env_of()
    for seed in range(20):
        assert all(after in env.observation_space for _, _, after, *_ in session(env, seed, lambda _: 7))


@pytest.mark.parametrize("observe", ["profile", "history"])
def test_the_environment_is_a_good_gymnasium_citizen(observe: str) -> None:
    spec = gymnasium.make("metarec/Interest-v0", observe=observe, item_seed=4).spec
    assert spec is not None
    assert json.loads(spec.to_json())["kwargs"] == {"observe": observe, "item_seed": 4}
    env: Any = gymnasium.make(EnvSpec.from_json(spec.to_json())).unwrapped
    np.testing.assert_array_equal(env.item_vectors, catalogue(4).vectors)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_a_copy_goes_on_as_the_original_does_and_apart_from_it(copied: Any) -> None:
    env = gymnasium.make("metarec/Interest-v0").unwrapped
    new = copied(env)
    assert np.array_equal(new.reset(seed=4)[0], env.reset(seed=4)[0])
    env.step(7)
    other = copied(env)
    for action in (7, 27, 8, 7):
        step = other.step(action)
        assert all(np.array_equal(one, two) for one, two in zip(env.step(action), step, strict=True))
    assert np.array_equal(new.step(7)[0][-16:], step[0][-16:])


def test_misuse_is_named() -> None:
    with pytest.raises(ValueError, match='"profile" or "history"'):
        Interest(observe="theta")
    with pytest.raises(ValueError, match="n_items"):
        Interest(n_items=0)
    env = Interest()
    with pytest.raises(ResetNeeded):
        env.step(0)
    env.reset(seed=0)
    for action in (-1, 500):
        with pytest.raises(ValueError, match="from 0 to 499"):
            env.step(action)


def test_a_single_user_needs_no_torch() -> None:
    code = (
        "import sys, gymnasium, metarec\n"
        "for name in ('Interest', 'Bandit'): gymnasium.make(f'metarec/{name}-v0').reset(seed=0)\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]


def test_a_step_takes_no_more_than_five_of_cartpole() -> None:
    """The quickest of interleaved rounds, in processor time."""
    quickest = {}
    for _ in range(5):
        for name in ("CartPole-v1", "metarec/Interest-v0"):
            env = gymnasium.make(name)
            env.reset(seed=0)
            began = time.process_time()
            for step in range(1000):
                _, _, terminated, truncated, _ = env.step(step % 2)
                if terminated or truncated:
                    env.reset()
            quickest[name] = min(quickest.get(name, math.inf), time.process_time() - began)
    assert quickest["metarec/Interest-v0"] < 5 * quickest["CartPole-v1"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["metarec/Interest-v0", "metarec/Bandit-v0"])
@pytest.mark.parametrize("agent", ["DQN", "PPO"])
def test_a_stranger_s_agent_trains_on_it(name: str, agent: str) -> None:
    agents = pytest.importorskip("stable_baselines3", reason="stable-baselines3 comes with the extra bench")
    short: dict[str, int] = {"learning_starts": 50} if agent == "DQN" else {"n_steps": 64}
    env = gymnasium.make(name)
    model = getattr(agents, agent)("MlpPolicy", env, seed=0, device="cpu", **short)
    before = [parameter.clone() for parameter in model.policy.parameters()]
    model.learn(300)
    assert any(not torch.equal(old, new) for old, new in zip(before, model.policy.parameters(), strict=True))
    action, _ = model.predict(env.reset(seed=0)[0])
    assert action in env.action_space


FIGURES = {
    "random": (7.9, 0.3),
    "impersonal": (28.5, 1.5),
    "learnt_myopic": (34.7, 1.4),
    "learnt_threefold": (50.9, 1.5),
    "myopic_oracle": (57.6, 0.7),
    "planner": (75.3, 0.4),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FIGURES)
def test_the_default_geometry_has_the_design_s_figures(name: str) -> None:
    envs = make(4096)
    mean, width = FIGURES[name]
    assert float(play(envs, POLICIES[name](envs), seed=77_000).mean()) == pytest.approx(mean, abs=width)


@pytest.mark.slow
@pytest.mark.parametrize("item_seed", range(500, 506))
def test_planning_and_knowing_the_user_pay_in_any_geometry(item_seed: int) -> None:
    envs = make(512, item_seed=item_seed)
    worth = {
        name: float(play(envs, POLICIES[name](envs), seed=88_000).mean())
        for name in ("impersonal", "myopic_oracle", "planner")
    }
    assert worth["planner"] > 1.2 * worth["myopic_oracle"]
    assert worth["myopic_oracle"] > 1.5 * worth["impersonal"]
