import math
import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from metarec import dynamics
from metarec.dynamics import Params, click_probability, draw, step, stream, uniforms

PARAMS = Params(alpha=1.5, beta=0.8, c=-1.0, rho=0.9, eta=0.1, S=6, delta=0.125, g=2, P=5, T=100)
USERS, ITEMS, TOPICS, SIZE = 64, 12, 5, 3


def batch(dtype: str = "float64") -> tuple[dynamics.State, dict[str, Any]]:
    """Users in all kinds of states, and the other arguments of a step."""
    rng = np.random.default_rng(0)
    state = {
        "theta": rng.normal(size=(USERS, SIZE)),
        "drift": rng.normal(size=(USERS, SIZE)),
        "satiation": rng.integers(0, 49, (USERS, TOPICS)) / 8,
        "patience": rng.integers(1, PARAMS.P + 1, USERS),
        "time": rng.integers(0, 50, USERS),
    }
    arguments = {
        "actions": rng.integers(0, ITEMS, USERS),
        "uniforms": rng.random(USERS),
        "items": rng.normal(size=(ITEMS, SIZE)),
        "topics": rng.integers(0, TOPICS, ITEMS),
    }
    return tuple(  # type: ignore[return-value]
        {name: x.astype(dtype) if x.dtype.kind == "f" else x for name, x in arrays.items()}
        for arrays in (state, arguments)
    )


def as_torch(arrays: dict[str, Any]) -> dict[str, Any]:
    return {name: torch.from_numpy(x) for name, x in arrays.items()}


def one_user(
    state: dict[str, Any], action: int, uniform: float, items: Any, topics: Any, p: Params
) -> tuple[float, dict[str, Any], bool, bool]:
    """The equations of the design, one user and one number at a time."""
    topic, item = topics[action], items[action]
    interest = sum((t + s) * v for t, s, v in zip(state["theta"], state["drift"], item, strict=True))
    probability = 1 / (1 + math.exp(-(p.alpha * interest - p.beta * state["satiation"][topic] + p.c)))
    click = uniform < probability
    after = {
        "theta": state["theta"],
        "drift": [p.rho * s + p.eta * click * v for s, v in zip(state["drift"], item, strict=True)],
        "satiation": [
            min(max(level + 1 if k == topic else level - p.delta, 0), p.S) for k, level in enumerate(state["satiation"])
        ],
        "patience": min(p.P, state["patience"] + (p.g if click else -1)),
        "time": state["time"] + 1,
    }
    return probability, after, click, after["patience"] <= 0


@pytest.mark.parametrize("library", [dict, as_torch])
def test_a_batch_obeys_the_equations_user_by_user(library: Any) -> None:
    state, arguments = batch()
    batch_state, batch_arguments = library(state), library(arguments)
    after, clicks, terminated = step(batch_state, **batch_arguments, params=PARAMS)
    interests = [batch_state[name] for name in ("theta", "drift", "satiation")]
    shown = [batch_arguments[name] for name in ("items", "topics", "actions")]
    probability = click_probability(*interests, *shown, PARAMS)  # type: ignore[call-arg]
    assert 5 < sum(clicks.tolist()) < USERS - 5
    assert any(terminated.tolist())
    for user in range(USERS):
        alone = {name: x[user].tolist() for name, x in state.items()}
        action, uniform = int(arguments["actions"][user]), float(arguments["uniforms"][user])
        wanted = one_user(alone, action, uniform, arguments["items"].tolist(), arguments["topics"].tolist(), PARAMS)
        assert probability[user].item() == pytest.approx(wanted[0])
        for name, value in wanted[1].items():
            assert after[name][user].tolist() == pytest.approx(value), name
        assert (clicks[user].item(), terminated[user].item()) == wanted[2:]


def test_a_step_leaves_its_arguments_as_they_were() -> None:
    state, arguments = batch()
    before = {name: x.copy() for name, x in (state | arguments).items()}
    step(state, **arguments, params=PARAMS)
    for name, x in (state | arguments).items():
        np.testing.assert_array_equal(x, before[name], err_msg=name)


def test_users_do_not_see_one_another() -> None:
    state, arguments = batch()
    order = np.random.default_rng(1).permutation(USERS)
    per_user = {"actions", "uniforms"}
    shuffled = {name: x[order] if name in per_user else x for name, x in arguments.items()}
    after, clicks, _ = step(state, **arguments, params=PARAMS)
    after_shuffled, clicks_shuffled, _ = step({k: x[order] for k, x in state.items()}, **shuffled, params=PARAMS)
    np.testing.assert_array_equal(clicks[order], clicks_shuffled)
    for name, x in after.items():
        np.testing.assert_allclose(x[order], after_shuffled[name], rtol=1e-12, err_msg=name)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numpy_and_torch_agree_and_keep_dtypes(dtype: str) -> None:
    state, arguments = batch(dtype)
    after, clicks, terminated = step(state, **arguments, params=PARAMS)
    torch_after, torch_clicks, torch_terminated = step(as_torch(state), **as_torch(arguments), params=PARAMS)
    np.testing.assert_array_equal(clicks, torch_clicks.numpy())
    np.testing.assert_array_equal(terminated, torch_terminated.numpy())
    for name, x in after.items():
        assert x.dtype == torch_after[name].numpy().dtype == state[name].dtype, name
        np.testing.assert_allclose(x, torch_after[name].numpy(), rtol=1e-5, atol=1e-6, err_msg=name)


def test_narrow_dtypes_stay_narrow() -> None:
    state, arguments = (as_torch(arrays) for arrays in batch("float32"))
    state = {name: x.half() if x.is_floating_point() else x.to(torch.int8) for name, x in state.items()}
    arguments["items"] = arguments["items"].half()
    after, _, _ = step(state, **arguments, params=PARAMS)
    assert {name: x.dtype for name, x in after.items()} == {name: x.dtype for name, x in state.items()}


def test_no_logit_overflows() -> None:
    theta = np.array([[1e4], [-1e4], [0.0]])
    zeros, one = np.zeros((3, 1)), np.zeros(3, dtype=int)
    params = replace(PARAMS, c=0.0)
    got = click_probability(theta, zeros, zeros, np.ones((1, 1)), np.zeros(1, dtype=int), one, params)
    assert got.tolist() == [1.0, 0.0, 0.5]


def test_the_dynamics_compile_into_one_graph() -> None:
    """`fullgraph` fails on whatever would break the graph; the backend costs no compiler."""
    state, arguments = (as_torch(arrays) for arrays in batch())
    arguments.pop("uniforms")

    def drawn_step(state: dynamics.State, users: torch.Tensor, arguments: dict[str, Any]) -> Any:
        return step(state, uniforms=uniforms(3, users, state["time"]), **arguments, params=PARAMS)

    users = torch.arange(USERS)
    compiled = torch.compile(drawn_step, fullgraph=True, backend="aot_eager")
    for got, wanted in zip(compiled(state, users, arguments), drawn_step(state, users, arguments), strict=True):
        torch.testing.assert_close(got, wanted)


def test_a_stream_is_splitmix64() -> None:
    """The published outputs for the seed 1234567 (rosettacode.org, Pseudo-random numbers/Splitmix64)."""
    published = [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
    assert [stream(1234567, n) % 2**64 for n in range(5)] == published
    assert [draw(1234567, n) for n in range(5)] == [(x >> 40) / 2**24 for x in published]


@pytest.mark.parametrize("seed", [0, 1, 2**63 + 5, 2**64 - 1, 2**70 + 3, -7])
def test_python_numpy_and_torch_draw_the_same(seed: int) -> None:
    users, steps = np.meshgrid([0, 1, 2, 65_535, 2**40], [0, 1, 99, 2**31 - 1], indexing="ij")
    from_python = [[uniforms(seed, user, time) for time in steps[0].tolist()] for user in users[:, 0].tolist()]
    assert all(isinstance(x, float) for row in from_python for x in row)
    np.testing.assert_array_equal(uniforms(seed, users, steps), from_python)
    np.testing.assert_array_equal(uniforms(seed, torch.tensor(users), torch.tensor(steps)).numpy(), from_python)
    np.testing.assert_array_equal(uniforms(seed, users.astype("uint64"), steps.astype("int32")), from_python)
    assert uniforms(seed, users[1, 2], np.int32(99)) == from_python[1][2]
    np.testing.assert_array_equal(uniforms(seed, 1, steps[0]), from_python[1])
    np.testing.assert_array_equal(uniforms(seed, users[:, 2], 99), [row[2] for row in from_python])


GRID = {
    "seed": lambda n: (np.arange(n), 3, 5),
    "user": lambda n: (3, np.arange(n), 5),
    "step": lambda n: (3, 5, np.arange(n)),
}


@pytest.mark.parametrize("along", GRID)
def test_draws_are_uniform_and_independent_along(along: str) -> None:
    draws = np.asarray(uniforms(*GRID[along](1_000_000)), dtype=float)
    assert draws.min() >= 0
    assert draws.max() < 1

    def surprise(counts: Any) -> float:
        """Chi-squared of equal expectations, in its standard deviations from its mean."""
        expected, freedom = counts.mean(), counts.size - 1
        return float((((counts - expected) ** 2 / expected).sum() - freedom) / math.sqrt(2 * freedom))

    assert abs(surprise(np.bincount((draws * 1000).astype(int), minlength=1000))) < 4
    for lag in (1, 2, 64):
        pairs = (draws[:-lag] * 32).astype(int) * 32 + (draws[lag:] * 32).astype(int)
        assert abs(surprise(np.bincount(pairs, minlength=1024))) < 4
        assert abs(np.corrcoef(draws[:-lag], draws[lag:])[0, 1]) < 4 / 1000


def test_users_share_no_stretch_of_their_streams() -> None:
    users, steps = np.meshgrid(np.arange(1000), np.arange(100), indexing="ij")
    rows = uniforms(0, users, steps)
    triples = {tuple(x) for row in rows.tolist() for x in zip(row[:-2], row[1:-1], row[2:], strict=True)}
    assert len(triples) == 1000 * 98


@pytest.mark.parametrize("argument", [0, 1, 2])
def test_every_bit_of_every_argument_changes_half_of_the_bits(argument: int) -> None:
    rng = np.random.default_rng(0)
    arguments = [rng.integers(0, 2**62, 20_000) for _ in range(3)]
    bits = np.asarray(uniforms(*arguments), dtype=float) * 2**24
    for bit in range(62):
        other = list(arguments)
        other[argument] = arguments[argument] ^ (1 << bit)
        flipped = bits.astype(int) ^ (np.asarray(uniforms(*other), dtype=float) * 2**24).astype(int)
        share = (flipped[:, None] >> np.arange(24) & 1).mean(axis=0)
        assert np.abs(share - 0.5).max() < 5 * 0.5 / math.sqrt(20_000), bit


def test_importing_the_library_is_quick_and_brings_no_torch() -> None:
    code = (
        "import sys, time, gymnasium; start = time.perf_counter()\n"
        "import metarec, metarec.dynamics, metarec.tabular\n"
        "print(time.perf_counter() - start, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    seconds, torch_came_along = done.stdout.split()
    assert float(seconds) < 0.5
    assert torch_came_along == "False"
