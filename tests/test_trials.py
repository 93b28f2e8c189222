"""Environments whose tasks last for several episodes: the single one, statistics and closed forms are the oracles."""

import json
import math
import warnings
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.envs.registration import EnvSpec
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode

import metarec  # noqa: F401
from metarec.small_trials import EPISODES, HALL, ROOMS

MODES = [AutoresetMode.SAME_STEP, AutoresetMode.NEXT_STEP]
MDP = "metarec/RandomMDP-v0"


def batch(name: str, users: int, **options: Any) -> Any:
    return gymnasium.make_vec(name, users, "vector_entry_point", **options)


def test_the_single_one_is_a_proper_environment_and_travels_as_json() -> None:
    env = gymnasium.make(MDP, episodes_per_trial=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env.unwrapped)
    assert env.spec is not None
    again: Any = gymnasium.make(EnvSpec.from_json(env.spec.to_json())).unwrapped
    assert again.episodes_per_trial == 2
    assert json.loads(env.spec.to_json())["id"] == MDP


def test_a_batch_is_single_ones_over_several_trials() -> None:
    envs = batch(MDP, 5, episodes_per_trial=3, episode_steps=4)
    singles: list[Any] = [gymnasium.make(MDP, episodes_per_trial=3, episode_steps=4).unwrapped for _ in range(5)]
    rng = np.random.default_rng(0)
    seen, _ = envs.reset(seed=7)
    np.testing.assert_array_equal(seen, [env.reset(seed=7 + user)[0] for user, env in enumerate(singles)])
    for _ in range(40):
        actions = rng.integers(0, 5, 5)
        seen, reward, terminated, truncated, info = envs.step(torch.tensor(actions))
        for user, env in enumerate(singles):
            np.testing.assert_allclose(envs.transition[user], env.transition, atol=1e-6) if not terminated[
                user
            ] else ...
            final, earned, *ended, told = env.step(int(actions[user]))
            np.testing.assert_array_equal(info["final_obs"][user], final)
            assert earned == pytest.approx(float(reward[user]), abs=1e-5)
            assert ended == [bool(terminated[user]), bool(truncated[user])]
            assert told["trial_ended"] == bool(info["trial_ended"][user])
            if ended[0]:
                final, _ = env.reset()
            np.testing.assert_array_equal(seen[user], final)


@pytest.mark.parametrize("name", [MDP, "metarec/Doors-v0"])
def test_a_task_lasts_for_a_trial_and_each_mode_tells_the_same(name: str) -> None:
    def rewards(mode: AutoresetMode) -> tuple[list[list[float]], list[int]]:
        envs = batch(name, 3, autoreset_mode=mode.value)
        envs.reset(seed=4)
        seen, ends, fresh = [], [], False
        for _ in range(130):
            _, reward, terminated, _, info = envs.step(torch.tensor([1, 0, 1]))
            if fresh:  # its action and reward count for nothing
                assert not reward.any()
                assert not info["trial_ended"].any()
            else:
                seen.append(np.round(reward.double().numpy(), 4).tolist())
                ends += [len(seen)] if bool(info["trial_ended"].all()) else []
            fresh = mode is AutoresetMode.NEXT_STEP and bool(terminated.any())
        return seen, ends

    (same, same_ends), (following, following_ends) = (rewards(mode) for mode in MODES)
    count = min(len(same), len(following))
    assert same[:count] == following[:count]
    length = 100 if name == MDP else EPISODES * len(ROOMS)
    assert same_ends == list(range(length, len(same) + 1, length))
    assert following_ends == [end for end in same_ends if end <= len(following)]


def test_a_random_process_is_drawn_as_the_paper_says() -> None:
    envs = batch(MDP, 3000)
    envs.reset(seed=1)
    means, transition = envs.mean_reward, envs.transition
    assert means.shape == (3000, 10, 5)
    assert transition.shape == (3000, 10, 5, 10)
    assert float(means.mean()) == pytest.approx(1, abs=4 / math.sqrt(means.numel()))
    assert float(means.std()) == pytest.approx(1, abs=4 / math.sqrt(2 * means.numel()))
    torch.testing.assert_close(transition.sum(dim=-1), torch.ones(3000, 10, 5))
    # the moments of a flat Dirichlet distribution over S states: mean 1/S, variance (S − 1) / (S²·(S + 1))
    assert float(transition.var()) == pytest.approx(9 / 1100, rel=0.01)
    assert float((transition[..., 0] * transition[..., 1]).mean()) == pytest.approx(1 / 110, rel=0.01)


def test_rewards_and_steps_follow_the_task() -> None:
    envs = batch(MDP, 20_000, episodes_per_trial=1)
    observation, _ = envs.reset(seed=3)
    assert observation.argmax(dim=1).tolist() == [0] * 20_000
    means, transition, rows = envs.mean_reward, envs.transition, torch.arange(20_000)
    noise, hits, expected = [], [], []
    for _ in range(10):
        state, action = (
            observation.argmax(dim=1),
            torch.randint(5, (20_000,), generator=torch.Generator().manual_seed(1)),
        )
        _, reward, *_, info = envs.step(action)
        observation = info["final_obs"]
        noise.append(reward - means[rows, state, action])
        hits.append((observation.argmax(dim=1) == 3).float())
        expected.append(transition[rows, state, action, 3])
    surprise, hit, chance = torch.cat(noise), torch.cat(hits), torch.cat(expected)
    assert abs(float(surprise.mean())) < 4 / math.sqrt(200_000)
    assert float(surprise.std()) == pytest.approx(1, abs=4 / math.sqrt(400_000))
    assert abs(float((hit - chance).mean())) < 4 * math.sqrt(float((chance * (1 - chance)).mean()) / 200_000)


def test_an_ended_episode_and_a_wrong_action_are_refused() -> None:
    env: Any = gymnasium.make(MDP, episode_steps=1).unwrapped
    with pytest.raises(ResetNeeded):
        env.step(0)
    env.reset(seed=0)
    with pytest.raises(ValueError, match="from 0 to 4, not 5"):
        env.step(5)
    with pytest.raises(ValueError, match="episodes_per_trial must be 1 or more, not 0"):
        gymnasium.make(MDP, episodes_per_trial=0)


def test_doors_are_what_they_are_said_to_be() -> None:
    envs = batch("metarec/Doors-v0", 200)
    observation, _ = envs.reset(seed=2)
    told = observation[:, 2:].any(dim=1)
    assert torch.equal(told, envs.told)
    assert 60 < int(told.sum()) < 140
    for trial in range(3):
        doors = envs.doors.clone()
        assert 60 < int(doors.sum()) < 140
        for step in range(EPISODES * len(ROOMS)):
            room = ROOMS[step % len(ROOMS)]
            assert observation.argmax(dim=1).tolist() == (2 * told + room).tolist()
            action = torch.arange(200) % 2
            observation, reward, terminated, truncated, info = envs.step(action)
            last = step == EPISODES * len(ROOMS) - 1
            gift = (told & (doors == 0)).float() if last else torch.zeros(200)
            wanted = (action == doors).float() if room == HALL else -action.float()
            torch.testing.assert_close(reward, wanted + gift)
            assert bool(terminated.all()) == (step % len(ROOMS) == len(ROOMS) - 1) == bool(terminated.any())
            assert not truncated.any()
            assert bool(info["trial_ended"].all()) == last == bool(info["trial_ended"].any())
        assert torch.equal(envs.doors, 1 - doors), trial
