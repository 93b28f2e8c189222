"""Lesson 06: right answers by other roads pass, loops earn their values alone, what leaves a device is named."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from autograder import judge
from autograder.beside import Fault
from autograder.lessons.vectorised import DEVICE, DTYPE, EXERCISES
from autograder.observers import traced
from autograder.proxy import Here, Proxy
from autograder.racing import Times, times_as_fast
from autograder.sandbox.wall import Rehearsal
from metarec import dynamics, loops
from metarec.params import INTEREST, World
from solutions import vectorised
from solutions.actor_critic import gae

SPEED = "times as fast as the given loop"


def users(count: int, seed: int = 0) -> tuple[dict[str, Tensor], Tensor, Tensor, World]:
    draw = torch.Generator().manual_seed(seed)
    world = World.of(INTEREST, torch.randn(9, 4, generator=draw), torch.randint(3, (9,), generator=draw))
    state = {
        "theta": torch.randn(count, 4, generator=draw),
        "drift": 0.3 * torch.randn(count, 4, generator=draw),
        "satiation": 6 * torch.rand(count, 3, generator=draw),
        "patience": torch.randint(1, 11, (count,), generator=draw).float(),
        "time": torch.zeros(count),
    }
    return state, torch.randint(9, (count,), generator=draw), torch.rand(count, generator=draw), world


@pytest.mark.parametrize("module", [vectorised, loops])
def test_a_step_is_that_of_the_simulator(module: Any) -> None:
    state, actions, uniforms, world = users(60)
    after, clicks, terminated = module.step(state, actions, uniforms, world)
    wanted = dynamics.step(state, actions, uniforms, world.items, world.topics, INTEREST)
    torch.testing.assert_close((after, clicks, terminated), wanted)
    assert clicks.any()
    assert terminated.any()


def test_lessons_05_and_06_estimate_the_same_advantages() -> None:
    draw = torch.Generator().manual_seed(1)
    rewards, values, following = torch.randn(3, 7, 20, generator=draw)
    kind = torch.rand(7, 20, generator=draw)
    arguments = (rewards, values, following, kind < 0.2, kind < 0.4, 0.9, 0.8)
    for ours in (vectorised.batched_gae, loops.batched_gae):
        torch.testing.assert_close(ours(*arguments), gae(*arguments))


def test_permuting_users_permutes_results() -> None:
    state, actions, uniforms, world = users(40)
    order = torch.randperm(40, generator=torch.Generator().manual_seed(0))
    after, clicks, terminated = vectorised.step(state, actions, uniforms, world)
    permuted = {name: part[order] for name, part in state.items()}
    other = vectorised.step(permuted, actions[order], uniforms[order], world)
    torch.testing.assert_close(other, ({n: p[order] for n, p in after.items()}, clicks[order], terminated[order]))


def by_einsum(theta, drift, satiation, items, topics, actions, params):  # type: ignore[no-untyped-def]
    like = torch.einsum("bd,bd->b", theta + drift, items[actions])
    level = torch.einsum("bc,bc->b", satiation, nn.functional.one_hot(topics[actions], satiation.shape[1]).to(theta))
    return (params.alpha * like - params.beta * level + params.c).sigmoid()


def by_indexing(theta, drift, satiation, items, topics, actions, params):  # type: ignore[no-untyped-def]
    every = torch.arange(len(actions), device=theta.device)
    like = torch.linalg.vecdot(theta + drift, items[actions])
    return 1 / (1 + torch.exp(-params.alpha * like + params.beta * satiation[every, topics[actions]] - params.c))


def by_vmap(theta, drift, satiation, items, topics, actions, params):  # type: ignore[no-untyped-def]
    def one(theta, drift, satiation, item, topic):  # type: ignore[no-untyped-def]
        level = satiation.gather(0, topic[None])[0]
        return torch.sigmoid(params.alpha * (theta + drift).dot(item) - params.beta * level + params.c)

    return torch.func.vmap(one)(theta, drift, satiation, items[actions], topics[actions])


def by_take_along_dim(theta, drift, satiation, items, topics, actions, params):  # type: ignore[no-untyped-def]
    like = torch.bmm((theta + drift)[:, None], items.index_select(0, actions)[:, :, None])[:, 0, 0]
    level = torch.take_along_dim(satiation, topics.index_select(0, actions)[:, None], dim=1).squeeze(1)
    return torch.sigmoid(params.alpha * like - params.beta * level + params.c)


def stepping_by_masks(state, actions, uniforms, params):  # type: ignore[no-untyped-def]
    chance = by_indexing(
        state["theta"], state["drift"], state["satiation"], params.items, params.topics, actions, params
    )
    clicks = (uniforms < chance).to(chance.dtype)
    after = {name: part.clone() for name, part in state.items()}
    after["drift"].mul_(params.rho).add_(params.eta * clicks[:, None] * params.items[actions])
    columns = torch.arange(state["satiation"].shape[1], device=chance.device)
    shown = columns == params.topics[actions][:, None]
    bored = torch.where(shown, state["satiation"] + 1, state["satiation"] - params.delta)
    after["satiation"] = bored.clip(0, params.S)
    after["patience"] = torch.minimum(
        state["patience"] + params.g * clicks - (1 - clicks), torch.full_like(chance, params.P)
    )
    after["time"] += 1
    return after, clicks, after["patience"] <= 0


def resetting_by_multiplication(state, done, fresh):  # type: ignore[no-untyped-def]
    after = {}
    for name, old in state.items():
        mask = (done if old.ndim == 1 else done.unsqueeze(1)).to(old.dtype)
        after[name] = old * (1 - mask) + fresh[name] * mask
    return after


def resetting_by_index(state, done, fresh):  # type: ignore[no-untyped-def]
    rows = torch.arange(len(done), device=done.device) + len(done) * done
    return {name: torch.cat([old, fresh[name]]).index_select(0, rows) for name, old in state.items()}


def topping_by_sort(scores, seen, k):  # type: ignore[no-untyped-def]
    return torch.where(seen, -torch.inf, scores).sort(dim=-1, descending=True, stable=True).indices[:, :k]


def topping_by_vmap(scores, seen, k):  # type: ignore[no-untyped-def]
    return torch.func.vmap(lambda row, old: row.masked_fill(old, -torch.inf).topk(k)[1])(scores, seen)


def summing_by_matrix(rewards, gamma):  # type: ignore[no-untyped-def]
    steps = torch.arange(len(rewards), device=rewards.device)
    ahead = (steps - steps[:, None]).clamp(min=0)
    weights = torch.triu(torch.full_like(ahead, 1, dtype=rewards.dtype)) * gamma**ahead
    return weights.to(rewards.dtype) @ rewards


def summing_into_a_list(rewards, gamma):  # type: ignore[no-untyped-def]
    sums = [rewards[-1]]
    for reward in rewards[:-1].flip(0):
        sums.append(reward + gamma * sums[-1])
    return torch.stack(sums[::-1])


def summing_by_vmap(rewards, gamma):  # type: ignore[no-untyped-def]
    return torch.func.vmap(lambda one: summing_into_a_list(one, gamma), in_dims=1, out_dims=1)(rewards)


def gae_by_list(rewards, values, next_values, terminated, ended, gamma, lam):  # type: ignore[no-untyped-def]
    errors = rewards + gamma * torch.where(terminated, 0.0, next_values) - values
    found = [torch.zeros_like(errors[0])]
    for error, end in zip(errors.flip(0), ended.flip(0), strict=True):
        found.append(error + torch.where(end, 0.0, gamma * lam * found[-1]))
    return torch.stack(found[:0:-1])


RIGHT: dict[str, list[Callable[..., Any]]] = {
    "click_probability": [by_einsum, by_indexing, by_vmap, by_take_along_dim],
    "step": [stepping_by_masks],
    "reset_where": [resetting_by_multiplication, resetting_by_index],
    "top_k_unseen": [topping_by_sort, topping_by_vmap],
    "discounted_sums": [summing_by_matrix, summing_into_a_list, summing_by_vmap],
    "batched_gae": [gae_by_list, gae],
}
ROADS = [(name, road) for name, roads in RIGHT.items() for road in roads]


@pytest.mark.parametrize(("name", "road"), ROADS, ids=[road.__name__ for _, road in ROADS])
def test_a_right_answer_by_another_road_gets_full_points(name: str, road: Callable[..., Any]) -> None:
    for seed in range(3):
        verdict = judge(road, seed=seed, name=name)
        assert verdict.passed, verdict.message


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.name)
def test_a_loop_over_users_gets_the_points_of_its_values_alone(exercise: Any) -> None:
    verdict = judge(getattr(loops, exercise.name), seed=5)
    failed = [label for label, holds in verdict.labels.items() if not holds]
    assert failed == [label for label in verdict.labels if label == DEVICE or SPEED in label]
    assert 0 < verdict.score < verdict.points
    assert verdict.diagnosis == "loop_over_users"


def with_lists(theta, drift, satiation, items, topics, actions, params):  # type: ignore[no-untyped-def]
    """The fastest loop that we could think of: Python's own numbers."""
    import math

    rows, topic_of = [], topics.tolist()
    vectors = items.tolist()
    interests, levels = (theta + drift).tolist(), satiation.tolist()
    for interest, level, item in zip(interests, levels, actions.tolist(), strict=True):
        like = sum(a * b for a, b in zip(interest, vectors[item], strict=True))
        rows.append(1 / (1 + math.exp(-params.alpha * like + params.beta * level[topic_of[item]] - params.c)))
    return torch.tensor(rows, dtype=theta.dtype)


def summing_with_lists(rewards, gamma):  # type: ignore[no-untyped-def]
    columns = []
    for column in rewards.T.tolist():
        total, sums = 0.0, []
        for reward in reversed(column):
            total = reward + gamma * total
            sums.append(total)
        columns.append(sums[::-1])
    return torch.tensor(columns, dtype=rewards.dtype).T


def topping_with_lists(scores, seen, k):  # type: ignore[no-untyped-def]
    rows = []
    for row, old in zip(scores.tolist(), seen.tolist(), strict=True):
        rows.append(sorted((i for i in range(len(row)) if not old[i]), key=row.__getitem__, reverse=True)[:k])
    return torch.tensor(rows)


@pytest.mark.parametrize(
    ("name", "loop"),
    [("click_probability", with_lists), ("discounted_sums", summing_with_lists), ("top_k_unseen", topping_with_lists)],
)
def test_the_fastest_loop_reaches_no_tier(name: str, loop: Callable[..., Any]) -> None:
    verdict = judge(loop, seed=3, name=name)
    failed = [label for label, holds in verdict.labels.items() if not holds]
    assert failed == [label for label in verdict.labels if label == DEVICE or SPEED in label]


def test_what_is_kept_of_an_earlier_call_wins_no_race() -> None:
    known: dict[tuple[int, int], Any] = {}
    alive: list[Tensor] = []

    def top_k_unseen(scores: Tensor, seen: Tensor, k: int) -> Tensor:
        if (id(scores), id(seen)) not in known:
            alive.extend((scores, seen))
            known[id(scores), id(seen)] = loops.top_k_unseen(scores, seen, k)
        return known[id(scores), id(seen)]

    verdict = judge(top_k_unseen, seed=3)
    assert not any(holds for label, holds in verdict.labels.items() if SPEED in label)


def test_a_card_shows_what_was_measured() -> None:
    verdict = judge(vectorised.discounted_sums)
    assert [label for label in verdict.measured if SPEED in label] == [x for x in verdict.labels if SPEED in x]
    assert "(measured: " in str(verdict)


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.name)
def test_the_reference_stays_where_it_is(exercise: Any) -> None:
    labels = judge(exercise.reference, seed=9).labels
    assert labels[DEVICE]
    assert labels.get(DTYPE, True)


LEAVING: dict[str, Callable[[Tensor], Any]] = {
    "`.item()` brings": lambda x: x[0].item(),
    "`.cpu()` brings": lambda x: x.cpu().numpy(),
    "`.to()` brings": lambda x: x.to("cpu"),
    "`.numpy()` brings": lambda x: x.numpy(),
    "`.tolist()` brings": lambda x: x.tolist(),
    "NumPy was given": lambda x: np.asarray(x),
    "`if`, `and`": lambda x: 1 if x.any() else 0,
    "`float` of a tensor": lambda x: float(x[0]),
    "`int` of a tensor": lambda x: int(x[0]),
    "counts or indexes in Python": lambda x: list(range(9))[x[0].long()],
    "a tensor of one number as an index": lambda x: x[x[0].long()],
    "whose size depends on values": lambda x: x[x > 0],
    "`arange` makes a tensor on the default": lambda x: x[torch.arange(3)],
    "`zeros` makes a tensor on the default": lambda x: torch.zeros(3).to(x) + x,
    "`tensor` makes a tensor on the default": lambda x: x * torch.tensor([1.0, 2.0, 3.0]),
}


@pytest.mark.parametrize("words", LEAVING)
def test_what_leaves_the_device_is_told_by_name(words: str) -> None:
    found = traced(LEAVING[words], torch.ones(3))
    assert words in found["left"][0]


ELSEWHERE = torch.zeros(3, dtype=torch.int64)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x[ELSEWHERE],
        lambda x: x.scatter(0, ELSEWHERE.to(x.device), ELSEWHERE.float()),
        lambda x: x.index_put((ELSEWHERE,), x),
    ],
)
def test_a_tensor_left_on_the_cpu_is_seen_where_the_meta_device_hides_it(function: Callable[[Tensor], Any]) -> None:
    left = traced(function, torch.ones(3))["left"]
    assert any("was given a tensor that lies on the CPU" in words for words in left)


def test_one_number_may_lie_anywhere() -> None:
    found = traced(lambda x: torch.where(x > 0, torch.tensor(2.0), x), torch.ones(3))
    assert found["left"] == []
    assert found["devices"] == ["meta"]


def test_what_raises_without_having_left_the_device_raises() -> None:
    with pytest.raises(ZeroDivisionError):
        traced(lambda x: 1 // 0, torch.ones(3))


def slowly(x: Tensor) -> Tensor:
    return torch.stack([2 * one for one in x])


def quickly(x: Tensor) -> Tensor:
    return 2 * x


@pytest.mark.parametrize("side", [Here(), Rehearsal()], ids=["here", "wire"])
def test_a_race_is_won_by_no_loop(side: Any) -> None:
    def raced(function: Callable[..., Any]) -> Any:
        proxy = Proxy(side, function, "raced", [])
        return times_as_fast(proxy, quickly, slowly, lambda count: (torch.ones(count),), 64, 10)

    assert raced(quickly) > 10
    assert raced(slowly) < 4
    assert isinstance(raced(lambda x: 3 * x), Fault)
    assert isinstance(raced(lambda x: [][0]), Fault)


def test_a_slow_mistake_is_recognised_by_being_slow() -> None:
    judges = Times(10)
    assert judges(12.0, 100.0)
    assert not judges(8.0, 100.0)
    assert judges(8.0, 1.0)
    assert not judges(12.0, 1.0)
