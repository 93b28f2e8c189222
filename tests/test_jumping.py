from typing import Any

import gymnasium as gym
import pytest
import torch
from torch import Tensor

import metarec  # noqa: F401
from metarec.interest import fields


def make(name: str, users: int, **settings: Any) -> Any:
    return gym.make_vec(f"metarec/{name}", num_envs=users, vectorization_mode="vector_entry_point", **settings)


def thetas(envs: Any, steps: int, seed: int = 3) -> Tensor:
    """Theta by step [steps + 1, N, D], each user shown items in turn."""
    observation, _ = envs.reset(seed=seed)
    seen = [fields(observation)["theta"]]
    for step in range(steps):
        observation, *_, info = envs.step((torch.arange(envs.num_envs) + step) % 500)
        seen.append(fields(info["final_obs"])["theta"])
    return torch.stack(seen)


def test_theta_is_interest_v0_s_until_the_jump_and_another_one_after_it() -> None:
    jumping, usual = thetas(make("Jumping-v0", 6, jump_at=4), 8), thetas(make("Interest-v0", 6), 8)
    torch.testing.assert_close(jumping[:4], usual[:4])
    assert (jumping[4] != usual[4]).all()
    torch.testing.assert_close(jumping[4:], jumping[4].expand(5, -1, -1))


def test_the_new_interests_are_drawn_like_the_old() -> None:
    envs = make("Jumping-v0", 4000, jump_at=1)
    after = thetas(envs, 1)[1]
    torch.testing.assert_close(after.mean(dim=0), envs.mu, atol=0.08, rtol=0)
    torch.testing.assert_close(torch.cov(after.T), torch.eye(16), atol=0.1, rtol=0)


def test_the_next_session_jumps_too_to_somewhere_else() -> None:
    envs = make("Jumping-v0", 3, jump_at=2)
    first, again = thetas(envs, 3), thetas(envs, 3)
    torch.testing.assert_close(first, again)
    envs.reset()
    observation, *_ = envs.step(torch.zeros(3, dtype=torch.int64))
    observation, *_ = envs.step(torch.zeros(3, dtype=torch.int64))
    assert (fields(observation)["theta"] != first[2]).all()


def test_a_jump_before_the_first_step_is_refused() -> None:
    with pytest.raises(ValueError, match="1 or more, not 0"):
        make("Jumping-v0", 2, jump_at=0)
