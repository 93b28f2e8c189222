"""Rollouts of `metarec/Interest-v0`: the laws that hold them to single steps, to single users, and to themselves."""

from typing import Any

import gymnasium
import pytest
import torch
from gymnasium.error import ResetNeeded
from torch import Tensor

import metarec  # noqa: F401
from metarec import dynamics, engine
from metarec.interest import fields

STEPS = 120


def batch(users: int, **options: Any) -> Any:
    return gymnasium.make_vec("metarec/Interest-v0", users, "vector_entry_point", **options)


def started(users: int, seed: Any = 3, **options: Any) -> Any:
    envs = batch(users, **options)
    envs.reset(seed=seed)
    return envs


def likes_what_rests(observation: Tensor) -> Tensor:
    """A policy that needs every part of an observation."""
    parts = fields(observation)
    topic = parts["satiation"].argmin(dim=1)
    return topic + 20 * ((parts["theta"].sum(dim=1) + parts["drift"].sum(dim=1)) > parts["time"] - parts["patience"])


def parts(rollout: engine.Rollout) -> list[Tensor]:
    return [rollout.actions, rollout.rewards, rollout.terminated, rollout.truncated]


def by_steps(envs: Any, actions: Tensor) -> list[Tensor]:
    taken = [envs.step(chosen)[1:4] for chosen in actions]
    return [torch.stack(column) for column in zip(*taken, strict=True)]


@pytest.mark.parametrize("steps", [1, 5, 7, STEPS])
def test_a_rollout_is_as_many_steps(steps: int) -> None:
    envs = started(40)
    actions, *happened = parts(envs.rollout(steps))
    same = started(40)
    for got, wanted in zip(happened, by_steps(same, actions), strict=True):
        torch.testing.assert_close(got, wanted, rtol=0, atol=0)
    # and they go on alike
    further = torch.randint(500, (40,), generator=torch.Generator().manual_seed(0))
    for _ in range(25):
        one, other = envs.step(further), same.step(further)
        torch.testing.assert_close(one[0], other[0], rtol=0, atol=2e-6)
        torch.testing.assert_close(one[1:4], other[1:4], rtol=0, atol=0)


def test_all_kinds_of_ends_come_up() -> None:
    _, rewards, terminated, truncated = parts(started(40).rollout(150, likes_what_rests))
    assert 0.1 < rewards.mean() < 0.9
    assert terminated.sum() > 40
    assert truncated.any()
    assert not (terminated & truncated).any()


def test_a_batch_of_one_is_the_single_user() -> None:
    envs, env = started(1, seed=8), gymnasium.make("metarec/Interest-v0").unwrapped
    env.reset(seed=8)
    for action, *happened in zip(*(part[:, 0].tolist() for part in parts(envs.rollout(STEPS))), strict=True):
        _, *wanted, _ = env.step(action)
        assert happened == wanted
        if wanted[1] or wanted[2]:
            env.reset()


def test_permuting_users_permutes_rollouts() -> None:
    order = torch.randperm(30, generator=torch.Generator().manual_seed(1))
    seeds = [5 * user - 40 for user in range(30)]
    straight = started(30, seed=seeds).rollout(STEPS)
    shuffled = started(30, seed=[seeds[user] for user in order]).rollout(STEPS)
    assert torch.equal(straight.codes[:, order], shuffled.codes)


def test_rollouts_go_on_where_the_last_one_stopped() -> None:
    whole, parted = started(25).rollout(60), started(25)
    assert torch.equal(whole.codes, torch.cat([parted.rollout(steps).codes for steps in (13, 7, 40)]))


def test_blocks_of_users_do_not_know_of_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = started(50).rollout(30)
    monkeypatch.setattr(engine, "BLOCK", 16)
    monkeypatch.setattr(engine, "SMALLEST", 8)
    assert torch.equal(whole.codes, started(50).rollout(30).codes)


def test_a_policy_acts_as_it_would_step_by_step() -> None:
    envs = started(30)
    observation, _ = envs.reset(seed=3)
    taken = []
    for _ in range(STEPS):
        actions = likes_what_rests(observation)
        observation, *happened, _ = envs.step(actions)
        taken.append((actions, *happened))
    rollout = started(30).rollout(STEPS, likes_what_rests)
    for got, wanted in zip(parts(rollout), zip(*taken, strict=True), strict=True):
        torch.testing.assert_close(got, torch.stack(wanted).to(got.dtype), rtol=0, atol=0)


def test_a_history_hides_theta_from_a_policy() -> None:
    sizes = set()

    def looks(observation: Tensor) -> Tensor:
        sizes.add(observation.shape[1])
        return observation[:, 0].long()

    started(4, observe="history").rollout(3, looks)
    assert sizes == {38}


def test_random_items_are_uniform_and_independent_of_clicks() -> None:
    actions, rewards, *_ = parts(started(4000).rollout(50))
    counts = torch.bincount(actions.flatten(), minlength=500).float()
    expected = actions.numel() / 500
    assert len(counts) == 500
    assert ((counts - expected).abs() < 5 * expected**0.5).all()
    # what a click is drawn from has no part in the item of the same step
    centred = actions.float() - actions.float().mean()
    assert (
        centred * (rewards - rewards.mean())
    ).mean().abs() < 5 * centred.std() * rewards.std() / actions.numel() ** 0.5


def test_satiation_is_kept_in_bits() -> None:
    levels = torch.randint(49, (200, 20), generator=torch.Generator().manual_seed(0))
    assert torch.equal(engine.unpack(engine.pack(levels / 8)), levels / 8)
    places = engine.place_of(torch.arange(20))
    words = engine.pack(levels / 8)
    for topic in range(20):
        word, shift = divmod(int(places[topic]), 32)
        assert torch.equal(words[word] >> shift & engine.MASK, levels[:, topic].int())


def test_no_rollout_waits_for_the_device() -> None:
    envs = started(4, seed=0, device="meta")
    rollout = parts(envs.rollout(25))
    assert {part.device.type for part in rollout} == {"meta"}
    assert [part.dtype for part in rollout] == [torch.int32, torch.float32, torch.bool, torch.bool]
    assert {tuple(part.shape) for part in rollout} == {(25, 4)}


def test_misuse_is_named() -> None:
    with pytest.raises(ResetNeeded):
        batch(2).rollout(3)
    with pytest.raises(ValueError, match="not 0 steps"):
        started(2).rollout(0)
    with pytest.raises(ValueError, match="autoreset SAME_STEP"):
        started(2, autoreset_mode="NextStep").rollout(3)


def test_without_a_compiler_it_is_said_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    from torch._inductor import cpp_builder

    def none() -> str:
        raise RuntimeError("no compiler")

    monkeypatch.setattr(cpp_builder, "get_cpp_compiler", none)
    assert engine.why_no_compiler() == (
        "There is no C++ compiler here, so torch.compile cannot be used: everything runs uncompiled."
    )
    with pytest.raises(RuntimeError, match=r"^There is no C\+\+ compiler here"):
        batch(2, compile=True)


@pytest.mark.slow
@pytest.mark.skipif(bool(engine.why_no_compiler()), reason=engine.why_no_compiler())
@pytest.mark.parametrize("policy", [None, likes_what_rests], ids=["random", "policy"])
def test_compiled_and_eager_rollouts_are_the_same(policy: Any) -> None:
    eager, compiled = started(64).rollout(60, policy), started(64, compile=True).rollout(60, policy)
    assert torch.equal(eager.codes, compiled.codes)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
@pytest.mark.parametrize("compiles", [False, True])
def test_a_gpu_has_the_same_rollouts_and_never_waits(compiles: bool) -> None:
    envs = started(64, device="cuda", compile=compiles)
    envs.rollout(20)
    envs.reset(seed=3)
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        rollout = envs.rollout(60)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert torch.equal(rollout.codes.cpu(), started(64).rollout(60).codes)


def test_a_draw_is_the_mixed_position() -> None:
    keys = torch.arange(-4, 9) * 12345
    steps = torch.arange(13)
    mixed = dynamics.mixed(keys + (steps + 1) * dynamics.INCREMENT)
    assert torch.equal(engine._uniform(mixed), dynamics.draw(keys, steps))
