"""Value iteration on the tables, and learners with one fault each, are the oracles."""

import warnings
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import check_env
from numpy.typing import NDArray

import metarec  # noqa: F401

Floats = NDArray[np.float64]
NAMES = ["Endless", "Cliff", "Varying", "Corridor"]
GAMMA = 0.9


def make(name: str, **options: Any) -> Any:
    return gymnasium.make(f"metarec/{name}-v0", **options).unwrapped


def value_iteration(env: Any, gamma: float) -> Floats:
    q = np.zeros((env.observation_space.n, env.action_space.n))
    for _ in range(2000):
        best = q.max(axis=1)
        q = np.array(
            [
                [sum(p * (r + gamma * best[s] * (not end)) for p, s, r, end in outcomes) for outcomes in row.values()]
                for row in env.P.values()
            ]
        )
    return q


def learnt(name: str, fault: str = "", epsilon: tuple[float, float] = (1.0, 0.1), seed: int = 0) -> Floats:
    """Tabular Q-learning over 2,000 episodes, with the fault named or none."""
    env, rng = make(name), np.random.default_rng(seed)
    q = np.zeros((env.observation_space.n, env.action_space.n))

    def choose(state: int, explore: float) -> int:
        if rng.random() < explore:
            return int(rng.integers(q.shape[1]))
        return int(rng.choice(np.flatnonzero(q[state] == q[state].max())))

    for episode in range(2000):
        explore = 0.0 if fault == "greedy" else epsilon[0] + (epsilon[1] - epsilon[0]) * episode / 2000
        state, _ = env.reset(seed=seed if episode == 0 or fault == "seed" else None)
        action, ended = choose(state, explore), False
        while not ended:
            following, reward, terminated, truncated, _ = env.step(action)
            next_action = choose(following, explore)
            ended = terminated or truncated
            future = {"sarsa": q[following, next_action], "left": q[state].max()}.get(fault, q[following].max())
            bootstraps = {"truncation": not ended, "termination": True}.get(fault, not terminated)
            q[state, action] += 0.1 * (reward + GAMMA * future * bootstraps - q[state, action])
            state, action = following, next_action
    return q


@pytest.mark.parametrize("gamma", [0.0, 0.5, 0.9, 0.98])
@pytest.mark.parametrize("name", NAMES)
def test_optimal_values_are_those_of_value_iteration(name: str, gamma: float) -> None:
    env = make(name)
    np.testing.assert_allclose(env.optimal_q(gamma), value_iteration(env, gamma), atol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_a_right_learner_finds_the_optimal_values(name: str) -> None:
    np.testing.assert_allclose(learnt(name), make(name).optimal_q(GAMMA), atol=0.01)


def test_a_right_learner_s_values_do_not_depend_on_how_much_it_explores() -> None:
    np.testing.assert_allclose(learnt("Cliff", epsilon=(0.5, 0.5)), make("Cliff").optimal_q(GAMMA), atol=0.01)


FAULTS = [
    ("Endless", "truncation", (0, 0), 10.0, (3.0, 4.5)),
    ("Cliff", "sarsa", (0, 0), 0.73, (-0.6, 0.2)),
    ("Cliff", "termination", (3, 0), 1.0, (9.0, 11.0)),
    ("Corridor", "greedy", (0, 1), 0.66, (0.0, 0.1)),
    ("Corridor", "left", (0, 1), 0.66, (0.0, 0.1)),
]


@pytest.mark.parametrize(("name", "fault", "pair", "right", "wrong"), FAULTS)
def test_a_fault_shows(name: str, fault: str, pair: tuple[int, int], right: float, wrong: tuple[float, float]) -> None:
    assert make(name).optimal_q(GAMMA)[pair] == pytest.approx(right, abs=0.01)
    q = learnt(name, fault, (0.5, 0.5) if fault == "sarsa" else (1.0, 0.1))
    assert wrong[0] <= q[pair] <= wrong[1]


def test_a_learner_that_repeats_its_seed_knows_one_state_of_varying() -> None:
    q, optimal = learnt("Varying", "seed"), make("Varying").optimal_q(GAMMA)
    known = np.isclose(q, optimal, atol=0.01).all(axis=1)
    assert known.sum() == 1
    assert np.all(q[~known] == 0)


def test_truncation_taken_for_termination_settles_where_the_docstring_says() -> None:
    """The fixed point of q = 1 + gamma (1 − 1/n) q."""
    settled = 1 / (1 - GAMMA * 4 / 5)
    assert settled == pytest.approx(3.6, abs=0.05)


def test_exploring_values_at_the_cliff_are_those_of_the_docstring() -> None:
    """The exact values of walking on in 3 steps of 4, as epsilon 0.5 between two actions has it."""
    ahead = 1.0
    for _ in range(3):
        ahead = GAMMA * (0.75 * ahead - 0.25)
    assert ahead == pytest.approx(-0.2, abs=0.05)


def test_an_endless_episode_is_truncated_after_n_steps() -> None:
    env = make("Endless", n_steps=3)
    for _ in range(2):
        env.reset(seed=0)
        assert [env.step(0)[2:4] for _ in range(3)] == [(False, False), (False, False), (False, True)]
    with pytest.raises(ValueError, match="n_steps"):
        make("Endless", n_steps=0)


def test_varying_starts_everywhere_unless_reseeded() -> None:
    env = make("Varying")
    assert {env.reset(seed=3)[0] for _ in range(100)} == {env.reset(seed=3)[0]}
    assert {env.reset()[0] for _ in range(100)} == set(range(6))


@pytest.mark.parametrize("name", NAMES)
def test_specs_travel_as_json_and_pass_gymnasium_s_checker(name: str) -> None:
    options: dict[str, Any] = {"n_steps": 7} if name == "Endless" else {}
    spec = gymnasium.make(f"metarec/{name}-v0", **options).spec
    assert spec is not None
    env: Any = gymnasium.make(EnvSpec.from_json(spec.to_json())).unwrapped
    assert env.P == make(name, **options).P
    assert getattr(env, "n_steps", 7) == 7
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env)


@pytest.mark.parametrize("name", NAMES)
def test_misuse_is_named(name: str) -> None:
    env = make(name)
    with pytest.raises(ResetNeeded):
        env.step(0)
    env.reset(seed=0)
    for action in (-1, 2):
        with pytest.raises(ValueError, match="action"):
            env.step(action)
