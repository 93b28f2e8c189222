"""Exact linear algebra on the model is the oracle: none of it lives in metarec."""

import json
import math
import warnings
from itertools import product
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import check_env
from numpy.typing import NDArray

import metarec  # noqa: F401
from metarec.tabular import PARAMS, START, Tabular, decode, encode
from metarec.wrappers import DiscountedReturns

Floats = NDArray[np.float64]
GAMMA = 0.98
TYPES = range(4)
ROWS = np.arange(243)


def make(user_type: int = 0) -> Any:
    return gymnasium.make("metarec/Tabular-v0", user_type=user_type).unwrapped


def optimal_q(env: Any) -> Floats:
    """Value iteration on the dictionary of outcomes, to 1e-9."""
    outcomes = [[env.P[state][action] for action in range(4)] for state in range(243)]
    probability, following, reward, terminated = (
        np.array([[[outcome[k] for outcome in pair] for pair in row] for row in outcomes]) for k in range(4)
    )
    q = np.zeros((243, 4))
    for _ in range(math.ceil(math.log(1e-11) / math.log(GAMMA))):
        q = (probability * (reward + GAMMA * q.max(axis=1)[following.astype(int)] * (1 - terminated))).sum(axis=2)
    return q


def value(env: Any, policy: Floats, gamma: float = GAMMA) -> float:
    """The exact value, from the start, of a policy [S, A] of probabilities."""
    transition = np.einsum("sa,sat->st", policy, env.transition)
    reward = (policy * env.reward).sum(axis=1)
    return float(np.linalg.solve(np.eye(243) - gamma * transition, reward)[START])


def value_of_sequence(env: Any, topics: tuple[int, ...]) -> float:
    """The exact value of showing these topics again and again, on pairs of place and state."""
    places = len(topics)
    transition = np.zeros((places, 243, places, 243))
    for place, topic in enumerate(topics):
        transition[place, :, (place + 1) % places] = env.transition[:, topic]
    reward = np.concatenate([env.reward[:, topic] for topic in topics])
    flat = transition.reshape(places * 243, places * 243)
    return float(np.linalg.solve(np.eye(len(flat)) - GAMMA * flat, reward)[START])


@pytest.mark.parametrize("user_type", TYPES)
def test_the_known_values_of_each_type(user_type: int) -> None:
    env = make(user_type)
    choice = np.eye(4)
    assert optimal_q(env)[START].max() == pytest.approx(25.8, abs=0.05)
    assert value(env, choice[optimal_q(env).argmax(axis=1)]) == pytest.approx(25.8, abs=0.05)
    assert value(env, choice[env.reward.argmax(axis=1)]) == pytest.approx(15.3, abs=0.05)
    assert value(env, np.full((243, 4), 0.25)) == pytest.approx(2.75, abs=0.005)


def test_the_best_fixed_sequence_is_worth_8_9_over_the_types() -> None:
    """Of all sequences of up to 6 topics, shown again and again; it is also myopic on the mean user.

    By the symmetry of the types, those that start with another topic than 0 are worth as much rotated. Satiation
    follows from the sequence alone, so that only the patience of each type is uncertain.
    """
    envs = [make(user_type) for user_type in TYPES]
    reward = np.stack([env.reward for env in envs])
    sequences = [topics for length in range(1, 7) for topics in product(range(4), repeat=length) if topics[0] == 0]
    every = np.arange(len(sequences))
    shown = np.array([(topics * 60)[:60] for topics in sequences])  # 60 is a multiple of every length
    satiation = np.zeros((len(sequences), 4), dtype=int)
    patience = np.zeros((4, len(sequences), 3))
    patience[:, :, 2] = 1
    worth = np.zeros(len(sequences))
    for time in range(400):
        topic = shown[:, time % 60]
        first = satiation @ [81, 27, 9, 3]
        click = reward[:, first[:, None] + np.arange(3), topic[:, None]]
        worth += GAMMA**time * (patience * click).sum(axis=2).mean(axis=0)
        up, down = patience * click, patience * (1 - click)
        patience = np.stack([down[..., 1], up[..., 0] + down[..., 2], up[..., 1] + up[..., 2]], axis=2)
        level = satiation[every, topic]
        satiation = np.maximum(satiation - 1, 0)
        satiation[every, topic] = np.minimum(level + 1, 2)
    assert sequences[worth.argmax()][:2] == (0, 1)
    assert len(set(sequences[worth.argmax()])) == 2
    exact = np.mean([value_of_sequence(env, (0, 1)) for env in envs])
    assert exact == pytest.approx(8.9, abs=0.05)
    assert worth.max() == pytest.approx(exact, abs=0.01)
    myopic = np.eye(4)[np.mean(reward, axis=0).round(12).argmax(axis=1)]
    assert np.mean([value(env, myopic) for env in envs]) == pytest.approx(exact)


def test_the_time_limit_hardly_matters() -> None:
    env = make()
    policy = optimal_q(env).argmax(axis=1)
    alive, total = np.eye(243)[START], 0.0
    for time in range(PARAMS.T):
        total += GAMMA**time * float(alive @ env.reward[ROWS, policy])
        alive = alive @ env.transition[ROWS, policy]
    assert optimal_q(env)[START].max() - total < 1e-5
    assert gymnasium.spec("metarec/Tabular-v0").max_episode_steps == PARAMS.T


@pytest.mark.parametrize("user_type", TYPES)
def test_the_table_is_the_design_s_equations(user_type: int) -> None:
    """Written out once more, for integers, from the text of the design."""
    env = make(user_type)
    theta = [(2.5, 1.0, -1.0, -2.5)[(topic - user_type) % 4] for topic in range(4)]
    for satiation in product(range(3), repeat=4):
        for patience, topic in product((1, 2, 3), range(4)):
            p = 1 / (1 + math.exp(-(theta[topic] - satiation[topic] - 0.5)))
            after = tuple(min(level + 1, 2) if k == topic else max(level - 1, 0) for k, level in enumerate(satiation))
            click, none = env.P[encode(satiation, patience)][topic]
            assert click == pytest.approx((p, encode(after, min(3, patience + 1)), 1.0, False))
            assert none == pytest.approx((1 - p, encode(after, max(1, patience - 1)), 0.0, patience == 1))


def test_arrays_and_table_agree() -> None:
    env = make(2)
    for state, action in product(range(243), range(4)):
        row, reward = np.zeros(243), 0.0
        for probability, following, gain, terminated in env.P[state][action]:
            row[following] += probability * (not terminated)
            reward += probability * gain
        np.testing.assert_allclose(env.transition[state, action], row)
        assert env.reward[state, action] == pytest.approx(reward)


def test_steps_are_drawn_from_the_table() -> None:
    env = make()
    rng = np.random.default_rng(0)
    counts: dict[tuple[int, int], list[int]] = {}
    state, _ = env.reset(seed=5)
    for _ in range(60_000):
        action = int(rng.integers(4))
        following, reward, terminated, truncated, info = env.step(action)
        click, none = env.P[state][action]
        assert (following, reward, terminated) == (click if reward else none)[1:]
        assert (truncated, info) == (False, {})
        tried = counts.setdefault((state, action), [0, 0])
        tried[0] += 1
        tried[1] += int(reward)
        state = env.reset()[0] if terminated else following
    surprise = [
        (clicks - n * env.reward[pair]) / math.sqrt(n * env.reward[pair] * (1 - env.reward[pair]))
        for pair, (n, clicks) in counts.items()
        if n > 200
    ]
    assert len(surprise) > 20
    assert max(map(abs, surprise)) < 4


def test_a_seed_repeats_a_session_and_later_ones_differ() -> None:
    def sessions(seed: int) -> list[list[float]]:
        env = make()
        env.reset(seed=seed)
        played = []
        for _ in range(8):
            rewards, ended, time = [], False, 0
            while not ended and time < 50:
                _, reward, ended, _, _ = env.step(time % 2)
                rewards.append(reward)
                time += 1
            played.append(rewards)
            env.reset()
        return played

    assert sessions(1) == sessions(1) != sessions(2)
    assert len({tuple(rewards) for rewards in sessions(1)}) > 1


def test_state_codes_are_a_bijection() -> None:
    assert sorted(encode(*decode(state)) for state in range(243)) == list(range(243))
    env = make()
    assert env.decode(START) == ((0, 0, 0, 0), 3)
    assert env.encode((2, 1, 0, 2), 1) == encode((2, 1, 0, 2), 1)
    for satiation, patience in [((0, 0, 0), 1), ((0, 0, 0, 3), 1), ((0, 0, 0, 0), 0), ((0, 0, 0, 0), 4)]:
        with pytest.raises(ValueError, match="from"):
            encode(satiation, patience)
    with pytest.raises(ValueError, match="from 0 to 242"):
        decode(243)


def test_misuse_is_named() -> None:
    with pytest.raises(ValueError, match="user_type"):
        Tabular(user_type=4)
    env = Tabular()
    with pytest.raises(ResetNeeded):
        env.step(0)
    env.reset(seed=0)
    for action in (-1, 4):
        with pytest.raises(ValueError, match="action"):
            env.step(action)
    while not env.step(3)[2]:
        pass
    with pytest.raises(ResetNeeded):
        env.step(0)


@pytest.mark.parametrize("user_type", TYPES)
def test_the_environment_is_a_good_gymnasium_citizen(user_type: int) -> None:
    spec = gymnasium.make("metarec/Tabular-v0", user_type=user_type).spec
    assert spec is not None
    assert json.loads(spec.to_json())["kwargs"] == {"user_type": user_type}
    env = gymnasium.make(EnvSpec.from_json(spec.to_json()))
    np.testing.assert_array_equal(env.unwrapped.reward, make(user_type).reward)  # type: ignore[attr-defined]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env.unwrapped)


def test_discounted_returns_weigh_each_reward_by_when_it_came() -> None:
    env = DiscountedReturns(gymnasium.make("metarec/Tabular-v0"), gamma=0.5)
    for episode in range(3):
        env.reset(seed=episode)
        rewards, ended = [], False
        while not ended:
            _, reward, terminated, truncated, _ = env.step(0)
            rewards.append(float(reward))
            ended = terminated or truncated
        assert env.returns[-1] == pytest.approx(sum(reward / 2**t for t, reward in enumerate(rewards)))
    assert len(env.returns) == 3
