"""Value iteration over the single-user environment, and Gymnasium's SyncVectorEnv of it, are the oracles."""

import warnings
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.envs.registration import EnvSpec
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import check_env
from numpy.typing import NDArray

import metarec  # noqa: F401
from metarec.small_vector import BEGINNINGS, CORRIDOR, CURTAIN, NAMES, SHOP, optimal_q

GAMMA = 0.9
Observed = tuple[int, float, bool, bool]


def played() -> dict[tuple[int, int], Observed]:
    """What each item does in each room, as a player finds out: next room, reward, terminated, truncated."""
    env: Any = gymnasium.make("metarec/Rooms-v0").unwrapped
    found: dict[tuple[int, int], Observed] = {}
    observation, _ = env.reset(seed=0)
    for step in range(3000):
        room, item = int(observation.argmax()), step % 3
        observation, reward, terminated, truncated, _ = env.step(item)
        seen = int(observation.argmax()), reward, terminated, truncated
        assert found.setdefault((room, item), seen) == seen
        if terminated or truncated:
            observation, _ = env.reset()
    assert len(found) == 15
    return found


def values(fault: str = "", gamma: float = GAMMA) -> NDArray[np.float64]:
    """What sweeps converge to, with the fault named or none."""
    model, q = played(), np.zeros((5, 3))
    for _ in range(300):
        v = q.max(axis=1)
        afresh = np.mean([v[room] for room in BEGINNINGS])
        for place, (following, reward, terminated, truncated) in model.items():
            ahead = {"reset": afresh if truncated else v[following], "myopic": 0.0, "left": v[place[0]]}
            goes_on = {"mask": True, "truncation": not (terminated or truncated)}.get(fault, not terminated)
            q[place] = reward + gamma * ahead.get(fault, v[following]) * goes_on
    return q


@pytest.mark.parametrize("gamma", [0.0, 0.5, GAMMA, 1.0])
def test_optimal_values_are_those_of_value_iteration(gamma: float) -> None:
    np.testing.assert_allclose(optimal_q(gamma), values(gamma=gamma), atol=1e-9)


FAULTS = [("mask", SHOP), ("myopic", CORRIDOR), ("left", CORRIDOR), ("truncation", CURTAIN), ("reset", CURTAIN)]


@pytest.mark.parametrize(("fault", "room"), FAULTS)
def test_a_fault_shows_in_its_room(fault: str, room: int) -> None:
    assert np.abs(values(fault) - optimal_q(GAMMA))[room].max() > 0.3


def test_what_faults_come_to_differs_from_fault_to_fault() -> None:
    found = [values(fault) for fault, _ in FAULTS]
    for place, one in enumerate(found):
        assert all(np.abs(one - other).max() > 0.3 for other in found[:place])


@pytest.mark.parametrize("mode", ["SameStep", "NextStep"])
def test_a_batch_is_gymnasium_s_batch_of_single_ones(mode: str) -> None:
    envs: Any = gymnasium.make_vec("metarec/Rooms-v0", 6, "vector_entry_point", autoreset_mode=mode)
    single = gymnasium.make_vec(
        "metarec/Rooms-v0", 6, "sync", vector_kwargs={"autoreset_mode": gymnasium.vector.AutoresetMode(mode)}
    )
    assert envs.single_observation_space == single.single_observation_space
    assert envs.single_action_space == single.single_action_space
    np.testing.assert_array_equal(envs.reset(seed=9)[0], single.reset(seed=9)[0])
    rng = np.random.default_rng(0)
    truncations = 0
    for _ in range(60):
        actions = rng.integers(0, 3, 6)
        *ours, info = envs.step(torch.tensor(actions))
        *theirs, their_info = single.step(actions)
        for got, wanted in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(got, wanted)
        for user in np.flatnonzero(their_info.get("_final_obs", ())):
            np.testing.assert_array_equal(info["final_obs"][user], their_info["final_obs"][user])
        truncations += int(theirs[3].sum())
    assert truncations > 5


def test_sessions_begin_everywhere_and_half_of_them_in_the_void() -> None:
    envs: Any = gymnasium.make_vec("metarec/Rooms-v0", 4000, "vector_entry_point")
    counts = envs.reset(seed=1)[0].sum(dim=0) / 4000
    np.testing.assert_allclose(counts, [BEGINNINGS.count(room) / 8 for room in range(len(NAMES))], atol=0.03)


def test_specs_travel_as_json_and_pass_gymnasium_s_checker() -> None:
    spec = gymnasium.make_vec("metarec/Rooms-v0", 3, "vector_entry_point").spec
    assert spec is not None
    envs: Any = gymnasium.make_vec(EnvSpec.from_json(spec.to_json()))
    assert envs.item_features.shape == (3, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gymnasium.make("metarec/Rooms-v0").unwrapped)


def test_misuse_is_named() -> None:
    env = gymnasium.make("metarec/Rooms-v0").unwrapped
    with pytest.raises(ResetNeeded):
        env.step(0)
    env.reset(seed=0)
    for action in (-1, 3):
        with pytest.raises(ValueError, match="action"):
            env.step(action)
