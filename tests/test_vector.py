"""Gymnasium's own SyncVectorEnv over the single-user environments is the oracle."""

import json
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode

import metarec  # noqa: F401
from metarec.dynamics import normals, stream
from metarec.interest import fields

SETTINGS = [
    ("metarec/Interest-v0", {"observe": "profile"}, 500),
    ("metarec/Interest-v0", {"observe": "history", "item_seed": 3, "n_items": 60}, 60),
    ("metarec/Bandit-v0", {}, 5),
    ("metarec/Bandit-v0", {"n_arms": 3, "n_pulls": 1}, 3),
]
MODES = [AutoresetMode.SAME_STEP, AutoresetMode.NEXT_STEP]
each_setting = pytest.mark.parametrize(("name", "options", "items"), SETTINGS)


def batch(name: str, users: int, **options: Any) -> Any:
    return gymnasium.make_vec(name, users, "vector_entry_point", **options)


def rollout(envs: Any, seed: Any, actions: torch.Tensor) -> list[torch.Tensor]:
    """Everything that a user of the environment sees, each [T, N, ...]."""
    envs.reset(seed=seed)
    steps = [envs.step(chosen) for chosen in actions]
    seen = [torch.stack([step[part] for step in steps]) for part in range(4)]
    return [*seen, torch.stack([step[4]["final_obs"] for step in steps])]


@pytest.mark.parametrize("mode", MODES)
@each_setting
def test_a_batch_is_gymnasium_s_batch_of_single_ones(
    name: str, options: dict[str, Any], items: int, mode: AutoresetMode
) -> None:
    envs = batch(name, 6, autoreset_mode=mode.value, **options)
    single = gymnasium.make_vec(name, 6, "sync", vector_kwargs={"autoreset_mode": mode}, **options)
    assert envs.metadata["autoreset_mode"] is mode
    assert envs.single_observation_space == single.single_observation_space
    assert envs.observation_space == single.observation_space
    assert envs.action_space == single.action_space
    rng = np.random.default_rng(0)
    np.testing.assert_allclose(envs.reset(seed=9)[0], single.reset(seed=9)[0], atol=2e-6)
    ends = 0
    for _ in range(150):
        actions = rng.integers(0, items, 6)
        *ours, info = envs.step(torch.tensor(actions))
        *theirs, their_info = single.step(actions)
        for got, wanted in zip(ours, theirs, strict=True):
            assert got.shape == wanted.shape
            np.testing.assert_allclose(got, wanted, atol=2e-6)
        ended = np.asarray(theirs[2] | theirs[3])
        ends += ended.sum()
        if mode is AutoresetMode.SAME_STEP:
            np.testing.assert_array_equal(info["_final_obs"], ended)
            if ended.any():
                np.testing.assert_allclose(
                    info["final_obs"][ended], np.stack(their_info["final_obs"][ended]), atol=2e-6
                )
            # Of those who go on, the observation before any reset is the observation.
            np.testing.assert_array_equal(info["final_obs"][~ended], ours[0][~ended])
    assert ends > 12


@each_setting
def test_a_batch_of_one_is_the_single_environment_over_many_sessions(
    name: str, options: dict[str, Any], items: int
) -> None:
    envs, env = batch(name, 1, **options), gymnasium.make(name, **options).unwrapped
    rng = np.random.default_rng(1)
    np.testing.assert_allclose(envs.reset(seed=3)[0][0], env.reset(seed=3)[0], atol=2e-6)
    ends = 0
    for _ in range(200):
        action = int(rng.integers(items))
        observation, reward, terminated, truncated, info = envs.step(torch.tensor([action]))
        wanted, *others = env.step(action)[:4]
        np.testing.assert_allclose(info["final_obs"][0], wanted, atol=2e-6)
        assert [reward.item(), terminated.item(), truncated.item()] == others
        if terminated or truncated:
            ends += 1
            np.testing.assert_allclose(observation[0], env.reset()[0], atol=2e-6)
    assert ends > 3


@each_setting
def test_permuting_users_permutes_results(name: str, options: dict[str, Any], items: int) -> None:
    users = 33
    seeds, order = [7 * user - 50 for user in range(users)], torch.randperm(users, generator=torch.Generator())
    actions = torch.randint(items, (120, users), generator=torch.Generator().manual_seed(0))
    straight = rollout(batch(name, users, **options), seeds, actions)
    shuffled = rollout(batch(name, users, **options), [seeds[user] for user in order], actions[:, order])
    for one, other in zip(straight, shuffled, strict=True):
        torch.testing.assert_close(one[:, order], other, rtol=0, atol=1e-6)


def test_users_do_not_depend_on_how_many_there_are() -> None:
    actions = torch.randint(500, (60, 40), generator=torch.Generator().manual_seed(0))
    many = rollout(batch("metarec/Interest-v0", 40), 5, actions)
    few = rollout(batch("metarec/Interest-v0", 3), 5, actions[:, :3])
    for one, other in zip(many, few, strict=True):
        torch.testing.assert_close(one[:, :3], other, rtol=0, atol=1e-6)


@each_setting
def test_a_seed_repeats_and_a_reset_without_one_goes_on(name: str, options: dict[str, Any], items: int) -> None:
    actions = torch.zeros(60, 8, dtype=torch.long)
    envs = batch(name, 8, **options)
    first, going_on, again = (rollout(envs, seed, actions) for seed in (2, None, 2))
    for one, other in zip(first, again, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)
    assert not torch.equal(first[1], going_on[1])
    assert not torch.equal(rollout(batch(name, 8), None, actions)[1], rollout(batch(name, 8), None, actions)[1])


def test_users_are_n_mu_i() -> None:
    envs = batch("metarec/Interest-v0", 20_000, item_seed=8)
    theta = fields(envs.reset(seed=0)[0])["theta"]
    torch.testing.assert_close(theta, envs.mu + normals(stream(torch.arange(20_000), 0), 16))
    assert (theta.mean(dim=0) - envs.mu).abs().max() < 5 / 20_000**0.5
    assert (torch.cov(theta.T) - torch.eye(16)).abs().max() < 5 * (2 / 20_000) ** 0.5


@each_setting
def test_a_returned_tensor_is_the_caller_s_to_change(name: str, options: dict[str, Any], items: int) -> None:
    actions = torch.randint(items, (60, 9), generator=torch.Generator().manual_seed(0))
    wanted = rollout(batch(name, 9, **options), 1, actions)
    envs = batch(name, 9, **options)
    envs.reset(seed=1)[0].fill_(99)
    for t, chosen in enumerate(actions):
        mine = chosen.clone()
        *seen, info = envs.step(mine)
        mine.fill_(99)
        for part, tensor in enumerate([*seen, info["final_obs"]]):
            torch.testing.assert_close(tensor, wanted[part][t], rtol=0, atol=0)
            tensor.fill_(1)


@pytest.mark.parametrize("mode", MODES)
@each_setting
def test_no_step_waits_for_the_device(name: str, options: dict[str, Any], items: int, mode: AutoresetMode) -> None:
    """The meta device has no values: whatever asks for one raises, and whatever is made elsewhere does not fit."""
    envs = batch(name, 4, device="meta", autoreset_mode=mode.value, **options)
    envs.reset(seed=0)
    for _ in range(25):
        *seen, info = envs.step(torch.zeros(4, dtype=torch.long, device="meta"))
    tensors = [*seen, *(value for value in info.values() if isinstance(value, torch.Tensor))]
    assert {tensor.device.type for tensor in tensors} == {"meta"}
    assert [tensor.dtype for tensor in seen] == [torch.float32, torch.float32, torch.bool, torch.bool]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
@each_setting
def test_a_gpu_has_the_same_users(name: str, options: dict[str, Any], items: int) -> None:
    actions = torch.randint(items, (40, 64), generator=torch.Generator().manual_seed(0))
    on_gpu = rollout(batch(name, 64, device="cuda", **options), 1, actions.cuda())
    for one, other in zip(on_gpu, rollout(batch(name, 64, **options), 1, actions), strict=True):
        assert one.device.type == "cuda"
        torch.testing.assert_close(one.cpu(), other, rtol=0, atol=1e-5)


def test_items_and_means_are_public_tensors() -> None:
    envs, env = batch("metarec/Interest-v0", 2), gymnasium.make("metarec/Interest-v0").unwrapped
    for name in ("item_vectors", "topics", "item_features", "mu"):
        np.testing.assert_array_equal(getattr(envs, name), getattr(env, name))
    tasks, task = batch("metarec/Bandit-v0", 2), gymnasium.make("metarec/Bandit-v0").unwrapped
    tasks.reset(seed=4)
    for user in range(2):
        task.reset(seed=4 + user)
        np.testing.assert_array_equal(tasks.means[user], task.means)  # type: ignore[attr-defined]


@each_setting
def test_specs_travel_as_json(name: str, options: dict[str, Any], items: int) -> None:
    envs = batch(name, 3, autoreset_mode="NextStep", **options)
    kwargs = json.loads(envs.spec.to_json())["kwargs"]
    assert {**options, "autoreset_mode": "NextStep", "num_envs": 3}.items() <= kwargs.items()


@each_setting
def test_misuse_is_named(name: str, options: dict[str, Any], items: int) -> None:
    with pytest.raises(ValueError, match="num_envs"):
        batch(name, 0)
    with pytest.raises(ValueError, match="SAME_STEP or NEXT_STEP"):
        batch(name, 1, autoreset_mode=AutoresetMode.DISABLED)
    envs = batch(name, 3, **options)
    with pytest.raises(ResetNeeded):
        envs.step(torch.zeros(3, dtype=torch.long))
    with pytest.raises(ValueError, match="3 users, not 2"):
        envs.reset(seed=[1, 2])
    envs.reset(seed=0)
    for wrong in (torch.zeros(3), torch.zeros(2, dtype=torch.long), torch.zeros(3, dtype=torch.bool)):
        with pytest.raises(ValueError, match="actions are 3 integers"):
            envs.step(wrong)
    for action in (-1, items):
        with pytest.raises(ValueError, match=f"from 0 to {items - 1}"):
            envs.step(torch.tensor([0, action, 0]))
