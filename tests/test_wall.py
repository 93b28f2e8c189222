"""What reaches through the wall: the same inputs as on this side, plain data back, and nothing that was forged."""

import contextlib
import dataclasses
import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import gymnasium
import numpy as np
import pytest

import metarec
from autograder import beside, registry
from autograder.beside import Fault, Opaque, same
from autograder.exercise import Exercise
from autograder.observing import Run, round_seeds, run_trial
from autograder.proxy import Here, Proxy, Side, gradient, observed, raced, repeated, traced
from autograder.racing import Times
from autograder.sandbox import bubblewrap
from autograder.sandbox.codec import Handle, Refused
from autograder.sandbox.crossing import Crossing
from autograder.sandbox.kernel import Kernel
from autograder.sandbox.limits import MIB, Limits
from autograder.sandbox.view import View, make_view
from autograder.sandbox.wall import Wall, judge_behind, likeness
from metarec import dynamics
from metarec.tasks import Stairs

LIMITS = Limits(call_seconds=1, exercise_seconds=6, memory=512 * MIB)
EXERCISES = [exercise for exercise in registry.exercises() if not exercise.trains]
(RATE,) = registry.of_lesson("welcome")
RIGHT = """
import math
def click_through_rate(clicks, impressions):
    return clicks / impressions if impressions else math.nan
"""


@pytest.fixture(scope="module", autouse=True)
def _available() -> None:
    reason = bubblewrap.available()
    if reason:
        pytest.skip(reason)


@pytest.fixture(scope="module")
def whole_view() -> Iterator[View]:
    """With the solutions of every lesson, so that the references themselves can be judged."""
    made = make_view(sorted({exercise.lesson for exercise in registry.exercises()}))
    yield made
    made.remove()


@pytest.fixture(scope="module")
def kernel(whole_view: View) -> Iterator[Kernel]:
    """A kernel that no test ends."""
    made = Kernel(whole_view, LIMITS)
    define(made, "import metarec.timing")  # as lesson 06 does, whose first trace would take longer than a call may
    yield made
    assert made.alive(), made.fault
    made.close()


@pytest.fixture
def own_kernel(whole_view: View) -> Iterator[Callable[..., Kernel]]:
    kernels = []

    def start(**limits: Any) -> Kernel:
        kernels.append(Kernel(whole_view, dataclasses.replace(LIMITS, **limits)))
        return kernels[-1]

    yield start
    for started in kernels:
        started.close()


def define(kernel: Kernel, source: str) -> None:
    run = kernel.run_cell(source)
    assert (run.outputs, run.fault) == ([], None)


@contextlib.contextmanager
def behind(kernel: Kernel, source: str, name: str = "f") -> Iterator[Any]:
    """A proxy for what a cell defines."""
    define(kernel, source)
    wall = Wall(kernel, 20, kernel.limits.call_seconds)
    held = wall.hold(name)
    try:
        with wall.entered() as side:
            yield Proxy(side, held["handle"], name, [])
    finally:
        wall.close()


# The same as on this side


def observations(exercise: Exercise, side: Side, implementation: Any, seed: int) -> list[Any]:
    run: Run = run_trial(exercise, side, implementation, seed)
    outcomes = [[(call.outcome.left, call.outcome.changed) for call in found.calls] for found in run.values()]
    # no two races take equally long
    values = [
        found.judge(found.value, None) if isinstance(found.judge, Times) else found.value for found in run.values()
    ]
    return [[*map(list, run)], values, outcomes]


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: f"{exercise.lesson}/{exercise.name}")
def test_the_reference_observes_the_same_on_both_sides(kernel: Kernel, exercise: Exercise) -> None:
    define(kernel, f"from solutions.{exercise.lesson} import {exercise.name}")
    wall = Wall(kernel, 60, 20)
    handle = wall.hold(exercise.name)["handle"]
    for seed in (1, 2, 3):
        with wall.entered() as side:
            there = observations(exercise, side, handle, seed)
        with beside.quiet() as printed:
            here = observations(exercise, Here(printed), exercise.reference, seed)
        assert same(without_handles(there), without_handles(here))
    wall.close()


def without_handles(value: Any) -> Any:
    """An object that stays where it is has another name on each side."""
    if isinstance(value, Proxy | Handle | Opaque):
        return "an object"
    if isinstance(value, Fault):
        return [value.kind, value.message]
    return type(value)(map(without_handles, value)) if isinstance(value, list | tuple) else value


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: f"{exercise.lesson}/{exercise.name}")
def test_the_reference_keeps_full_points_behind_the_wall(kernel: Kernel, exercise: Exercise) -> None:
    loud = f"import warnings, sys\nfrom solutions.{exercise.lesson} import {exercise.name} as right\n"
    noise = "print('x' * 9999); warnings.warn('w'); print('y', file=sys.stderr)"
    if isinstance(exercise.reference, type):
        loud += f"class {exercise.name}(right):\n    def __init__(self, *a, **k):\n        {noise}\n"
        define(kernel, loud + "        super().__init__(*a, **k)")
    else:
        define(kernel, f"{loud}def {exercise.name}(*a, **k):\n    {noise}\n    return right(*a, **k)")
    verdict = judge_behind(kernel, exercise, [11, 12, 13])
    assert verdict is not None
    assert (verdict.score, verdict.message) == (exercise.points, judge_here_message(exercise))


def judge_here_message(exercise: Exercise) -> str:
    from autograder import judge

    return judge(exercise.reference).message


def test_mistakes_are_diagnosed_behind_the_wall(kernel: Kernel) -> None:
    define(kernel, RIGHT.replace("math.nan", "0"))
    verdict = judge_behind(kernel, RATE, [1, 2, 3])
    assert verdict is not None
    assert verdict.diagnosis == "zero_for_none"
    assert verdict.evidence is not None
    assert "impressions=0" in verdict.evidence.given


def test_a_generator_is_one_twin_for_all_calls_of_a_side(kernel: Kernel) -> None:
    source = "def f(rng): return rng.random(2), rng.integers(9, size=3)"
    drawn = []
    with behind(kernel, source) as there:
        for proxy in (there, Proxy(Here(), lambda rng: (rng.random(2), rng.integers(9, size=3)), "f", [])):
            rng = np.random.default_rng(5)
            drawn.append([observed(proxy, rng), observed(proxy, rng), rng.random()])
    assert same([[d.result, d.left] for d in drawn[0][:2]], [[d.result, d.left] for d in drawn[1][:2]])
    assert drawn[0][2] == drawn[1][2]
    assert not same(drawn[0][0].result, drawn[0][1].result)


@pytest.mark.parametrize("bits", ["PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64"])
def test_every_kind_of_generator_crosses(kernel: Kernel, bits: str) -> None:
    made = [np.random.Generator(getattr(np.random, bits)(3)) for _ in range(2)]
    with behind(kernel, "def f(rng): return rng.normal(size=3)") as there:
        assert same(there(made[0]), made[1].spawn(1)[0].normal(size=3))


def test_the_seed_of_a_trial_does_not_cross(kernel: Kernel) -> None:
    with behind(kernel, "def f(rng): return repr(rng.bit_generator.seed_seq), rng.spawn(2)[1].random()") as there:
        told, spawned = there(np.random.default_rng([271828, 3]))
    assert "271828" not in told
    assert 0 <= spawned < 1


def test_arguments_of_many_kinds_arrive_as_they_are(kernel: Kernel) -> None:
    values: list[Any] = [None, True, 3, 2.5, "é", b"x", [1, [2]], (1, (2,)), {"a": 1}, {0: {1: [(0.5, 1)]}}, {3, 4}]
    values += [frozenset({1}), range(2, 9, 3), np.float32(1.5), np.bool_(True), np.arange(6).reshape(2, 3), 10**40]
    values += [np.zeros((0, 3), np.int8), np.array(2.0), np.random.default_rng, math.sqrt, float, np.maximum]
    with behind(kernel, "def f(x): return getattr(x, '__qualname__', repr(x)), type(x).__name__") as there:
        for value in values:
            assert there(value) == (getattr(value, "__qualname__", repr(value)), type(value).__name__)


def test_a_dataclass_of_the_library_crosses_by_its_name(kernel: Kernel) -> None:
    params = dynamics.Params(alpha=1, beta=1, c=-0.5, rho=0, eta=0, S=2, delta=1, g=1, P=3, T=500)
    with behind(kernel, "def f(p): return type(p).__module__, p.P, p.c") as there:
        assert there(params) == ("metarec.params", 3, -0.5)


def test_what_does_not_lie_behind_the_wall_is_refused_by_name() -> None:
    class Local:
        pass

    crossing = Crossing()
    for value in (RATE.reference, test_a_dataclass_of_the_library_crosses_by_its_name, lambda x: x, Exercise):
        with pytest.raises(Refused, match="does not lie behind the wall"):
            crossing.special(value)
    assert crossing.special(Local()) is None


def test_an_argument_changed_in_place_is_seen_and_the_host_s_own_is_not_touched(kernel: Kernel) -> None:
    array = np.zeros(3)
    with behind(kernel, "def f(x):\n    x += 1\n    return x.sum()") as there:
        found = observed(there, array)
        assert (found.result, found.left[0].tolist(), array.tolist()) == (3, [1, 1, 1], [0, 0, 0])
        assert there._record[0].outcome.changed == (0,)


def test_an_environment_crosses_by_its_specification(kernel: Kernel) -> None:
    source = """
def f(env):
    observation, _ = env.reset(seed=3)
    return env.spec.id, env.unwrapped.__class__.__module__, [env.step(0)[:3] for _ in range(3)]
"""
    assert metarec
    environment = gymnasium.make("metarec/Tabular-v0")
    environment.reset(seed=3)
    steps = [tuple(map(plain_number, environment.step(0)[:3])) for _ in range(3)]
    with behind(kernel, source) as there:
        assert there(environment) == ("metarec/Tabular-v0", "metarec.tabular", steps)


def plain_number(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


class Foreign(gymnasium.Env[int, int]):
    observation_space = action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, render_mode: str | None = None) -> None:
        self.render_mode = render_mode


@pytest.mark.parametrize("entry_point", [Foreign, f"{__name__}:Foreign"], ids=["object", "string"])
def test_an_environment_from_elsewhere_does_not_cross(entry_point: Any) -> None:
    spec = gymnasium.envs.registration.EnvSpec("Foreign-v0", entry_point=entry_point, disable_env_checker=True)
    with pytest.raises(Refused, match="a string within"):
        Crossing().special(gymnasium.make(spec))


def test_classes_are_built_and_their_methods_and_attributes_used(kernel: Kernel) -> None:
    source = """
class f:
    def __init__(self, weights): self.weights, self.calls = weights, 0
    def act(self, observations):
        self.calls += 1
        return (observations @ self.weights).argmax(axis=1)
    def __len__(self): return 7
    @property
    def broken(self): raise RuntimeError("no")
def act_of(policy, x): return policy.act(x)
"""
    with behind(kernel, source) as there:
        policy = there(np.eye(3))
        observations = np.array([[0.0, 1, 0], [0, 0, 1]])
        assert isinstance(policy, Proxy)
        assert policy.act(observations).tolist() == [1, 2]
        assert (policy.calls, len(policy), policy.weights.sum()) == (1, 7, 3)
        assert policy.broken.kind == "RuntimeError"
        assert policy.nothing.kind == "AttributeError"
        assert there._side.channel.is_open
        helper = Proxy(there._side, there._side.hold("act_of")["handle"], "act_of", [])
        assert helper(policy, observations).tolist() == [1, 2]


def test_a_result_of_an_earlier_side_is_gone(kernel: Kernel) -> None:
    define(kernel, "class f: pass")
    wall = Wall(kernel, 5, 1)
    held = wall.hold("f")["handle"]
    with wall.entered() as side:
        made = side.invoke(held, "", (), {}, "").result
        assert isinstance(side.attribute(made.held, "x"), Fault)
    with wall.entered() as side:
        assert side.invoke(made.held, "", (), {}, "").result.message == "what it stands for is gone"
        assert isinstance(side.invoke(held, "", (), {}, "").result, Opaque)
    wall.close()


def test_what_is_held_is_held_as_it_was(kernel: Kernel) -> None:
    define(kernel, "def f(): return 1")
    wall = Wall(kernel, 5, 1)
    held = wall.hold("f")["handle"]
    wall.close()
    define(kernel, "def f(): return 2")
    assert wall.invoke(held, "", (), {}, "").result == 1
    assert wall.hold("nonesuch") is None
    wall.close()


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("def f(): raise ValueError('no')", "ValueError"),
        ("import sys\ndef f(): sys.exit(3)", "SystemExit"),
        ("def f(): return f()", "RecursionError"),
        ("def f(): return bytearray(1 << 40)", "MemoryError"),
        ("class Wicked(BaseException):\n    def __str__(self): raise self\ndef f(): raise Wicked", "unusable"),
        ("def f(): raise KeyboardInterrupt", "timeout"),
    ],
)
def test_what_is_raised_is_a_fault(kernel: Kernel, source: str, kind: str) -> None:
    with behind(kernel, source) as there:
        assert there().kind == kind


def test_a_fault_tells_the_learner_s_own_line(kernel: Kernel) -> None:
    with behind(kernel, "def f(x):\n    y = 1\n    return y / x") as there:
        fault = there(0)
    assert (fault.kind, fault.line, fault.line_number) == ("ZeroDivisionError", "return y / x", 3)


def test_what_is_printed_is_kept_and_bounded(kernel: Kernel) -> None:
    with behind(kernel, "def f():\n    print('hello')\n    print('x' * 10**6)") as there:
        there()
    assert there._record[0].outcome.printed.startswith("hello\nxxx")
    assert len(there._record[0].outcome.printed) <= 4000


def test_calls_that_repeat_cross_once(kernel: Kernel) -> None:
    with behind(kernel, "n = 0\ndef f(x):\n    global n\n    n += x\n    return n") as there:
        assert repeated(there, 4, 2) == [2, 4, 6, 8]
        assert raced(there, 4, 2) == [10, 16]


def test_a_megabyte_crosses_both_ways(kernel: Kernel) -> None:
    array = np.random.default_rng(0).normal(size=(512, 512))
    with behind(kernel, "def f(x): return x.T") as there:
        assert same(there(array), array.T.copy())


@pytest.mark.slow
def test_tensors_cross_as_tensors_and_are_observed_inside(own_kernel: Callable[..., Kernel]) -> None:
    import torch

    tensor = torch.arange(6, dtype=torch.float32).reshape(2, 3)
    kernel = own_kernel(call_seconds=20, memory=1024 * MIB)
    with behind(kernel, "import torch\ndef f(x): return [str(x.dtype), list(x.shape), x.requires_grad]") as there:
        assert there(tensor) == ["torch.float32", [2, 3], False]
        assert there(tensor.to(torch.bfloat16).requires_grad_()) == ["torch.bfloat16", [2, 3], True]
        assert there(tensor > 2)[0] == "torch.bool"
    with behind(kernel, "def f(x): return (x ** 2).sum(dim=1)") as there:
        assert same(there(tensor), (tensor**2).sum(dim=1).numpy())
        expected = gradient(Proxy(Here(), lambda x: (x**2).sum(dim=1), "f", []), tensor)
        assert same(gradient(there, tensor), expected)
        assert traced(there, tensor)["devices"] == ["meta"]
    with behind(kernel, "def f(g): return torch.rand(3, generator=g)") as there:
        made = torch.Generator().manual_seed(3)
        assert same([there(made), there(made)], list(torch.rand(6, generator=made).numpy().reshape(2, 3)))
    with behind(kernel, "def f(p, x): return {'w': p['w'] * x.sum(), 'b': p['b'] ** 2}") as there:
        pair = {"b": tensor[0], "w": tensor[1]}
        expected = gradient(
            Proxy(Here(), lambda p, x: {"b": p["b"] ** 2, "w": p["w"] * x.sum()}, "f", []), pair, tensor
        )
        assert same(gradient(there, pair, tensor), expected)
    with behind(kernel, "def f(family, seed): return family(torch.Generator().manual_seed(seed))") as there:
        family = Stairs(right=-2.0, tasks=2)
        assert same(there(family, 5), tuple(part.numpy() for part in family(torch.Generator().manual_seed(5))))
    with behind(kernel, "def f(envs): return envs.num_envs, envs.reset(seed=3)[0]") as there:
        users = gymnasium.make_vec("metarec/Interest-v0", num_envs=4, vectorization_mode="vector_entry_point")
        assert same(there(users), (4, users.reset(seed=3)[0].numpy()))
    with behind(kernel, "def f(net, x):\n    with torch.no_grad(): net[0].bias += 1\n    return net(x)") as there:
        network = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1, bias=False))
        network.requires_grad_(False)
        before = network[0].bias.clone()
        once, twice = there(network, tensor), there(network, tensor)
        assert torch.equal(network[0].bias, before)
        for answer in (once, twice):
            network[0].bias += 1
            assert np.allclose(answer, network(tensor).numpy(), atol=1e-6)
    with pytest.raises(Refused, match="a GRU cannot cross the wall: it keeps _"):
        Crossing().special(torch.nn.GRU(2, 3))


# Returns of the worst kind


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ("np.zeros(1 << 24)", "refused"),
        ("[0.0] * 300_000", "refused"),
        ("[np.zeros(1)] * 20_000", "refused"),
        ("'x' * 10**8", "refused"),
        ("1 << 10**6", "refused"),
        ("Wide()", "timeout"),
        ("Endless()", "timeout"),
    ],
)
def test_a_giant_result_is_refused(kernel: Kernel, expression: str, kind: str) -> None:
    source = f"""
import numpy as np
class Endless(dict):
    def items(self):
        while True: yield 'a', 1
class Wide(list):
    def __iter__(self): return iter([self] * 9)
def f(): return {expression}
"""
    with behind(kernel, source) as there:
        fault = there()
        assert isinstance(fault, Fault)
        assert fault.kind == kind


def test_all_results_together_are_bounded(own_kernel: Callable[..., Kernel]) -> None:
    with behind(own_kernel(answers=20 * MIB), "import numpy as np\ndef f(): return np.zeros(1 << 20)") as there:
        results = [there() for _ in range(4)]
    assert [isinstance(result, Fault) for result in results] == [False, False, True, True]


def test_deep_and_cyclic_results_end_somewhere(kernel: Kernel) -> None:
    with behind(kernel, "def f():\n    x = []\n    x.append(x)\n    return x") as there:
        found = there()
    for _ in range(16):
        (found,) = found
    assert isinstance(found, list)


TRICKS = {
    "equal to all": "class T:\n    def __eq__(self, o): return True\n    __hash__ = None",
    "array of tricks": "class T:\n    def __array__(self, *a, **k): raise SystemExit",
    "array that lies": (
        "class T(np.ndarray):\n    def __new__(c): return np.zeros(3).view(c)\n"
        "    def __eq__(s, o): return True\n    shape = ()"
    ),
    "float that lies": (
        "class T(float):\n    def __new__(c): return float.__new__(c, 9)\n"
        "    def __eq__(s, o): return True\n    def __float__(s): raise SystemExit"
    ),
    "int that lies": "class T(int):\n    def __new__(c): return int.__new__(c, 9)\n    def __int__(s): return self",
    "str that lies": (
        "class T(str):\n    def __str__(self): return self\n    def __eq__(s, o): return True\n    __hash__ = None"
    ),
    "type that lies": "class T:\n    @property\n    def __class__(self): return float",
    "mapping of tricks": "class T(dict):\n    def items(self): return [(self, self)]",
    "a fault": "from autograder.beside import Fault\nT = lambda: Fault('nan', 'x')",
    "an outcome": "from autograder.beside import Outcome\nT = lambda: Outcome(float('nan'))",
    "a handle": "from autograder.sandbox.codec import Handle\nT = lambda: Handle(1)",
    "an object array": "T = lambda: np.array([lambda: 1, None], dtype=object)",
    "a void": "T = lambda: np.zeros(3, dtype=[('a', 'i4')])",
    "a pickle": "import pickle\nT = lambda: pickle.dumps(print)",
}


@pytest.mark.parametrize("name", TRICKS)
def test_no_trick_of_a_result_gains_a_point(kernel: Kernel, name: str) -> None:
    define(kernel, f"import numpy as np\n{TRICKS[name]}\ndef click_through_rate(clicks, impressions): return T()")
    verdict = judge_behind(kernel, RATE, [1, 2, 3])
    assert verdict is not None
    assert verdict.score == 0


def test_answers_learnt_by_heart_of_the_public_rounds_do_not_help(kernel: Kernel) -> None:
    known: dict[tuple[Any, ...], Any] = {}
    for seed in round_seeds(None, 5):
        for found in run_trial(RATE, Here(), RATE.reference, seed).values():
            known |= {call.arguments: call.outcome.result for call in found.calls}
    table = {pair: value for pair, value in known.items() if value == value}
    define(kernel, f"def click_through_rate(*counts): return {table!r}.get(counts, 0.123)")
    verdict = judge_behind(kernel, RATE, [101, 102, 103])
    assert verdict is not None
    assert not verdict.labels["is the share of impressions that were clicked"]


# Calls that do their worst


def test_a_call_that_hangs_is_interrupted_and_the_next_one_answers(kernel: Kernel) -> None:
    with behind(kernel, "def f(x):\n    while x: pass\n    return 1") as there:
        assert there(1).kind == "timeout"
        assert there(0) == 1


def test_calls_that_hang_share_one_allowance(own_kernel: Callable[..., Kernel]) -> None:
    kernel = own_kernel(exercise_seconds=1)
    define(kernel, "import time\ndef click_through_rate(a, b): time.sleep(60)")
    began = time.monotonic()
    verdict = judge_behind(kernel, RATE, [1, 2, 3])
    assert verdict is not None
    assert verdict.score == 0
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("import signal\ndef f():\n    signal.signal(2, signal.SIG_IGN)\n    while True: pass", "timeout"),
        ("import os\ndef f(): os._exit(0)", "crash"),
        ("import os\ndef f(): os.kill(os.getpid(), 9)", "crash"),
        ("def f():\n    x = []\n    while True: x.append(bytes(1 << 22) + b'x')", "memory"),
    ],
    ids=["endless", "exit", "kill", "memory"],
)
def test_a_call_that_ends_its_kernel_is_a_fault_and_so_is_every_one_after(
    own_kernel: Callable[..., Kernel], source: str, kind: str
) -> None:
    kernel = own_kernel(memory=200 * MIB, call_seconds=2 if kind == "memory" else 0.4)
    with behind(kernel, source) as there:
        assert there().kind == kind
        assert there().kind == kind
    assert not kernel.alive()


def test_a_thread_that_outlives_its_cell_disturbs_nobody(kernel: Kernel) -> None:
    spinning = "import threading, time\nstop = []\ndef spin():\n    while not stop: print('spam'); time.sleep(0.001)\n"
    define(kernel, "pass")
    kernel.run_cell(spinning + "threading.Thread(target=spin, daemon=True).start()")
    kernel.run_cell(RIGHT)
    verdict = judge_behind(kernel, RATE, [1, 2, 3])
    kernel.run_cell("stop.append(1)")
    assert verdict is not None
    assert verdict.score == 1


# Forgery

FIND = """
import gc, os, socket, struct, sys, threading, time, builtins, pickle
from autograder import beside
from autograder.sandbox import codec, inside
inner = next(o for o in gc.get_objects() if type(o) is inside.Inside)
wire = inner.connection
def click_through_rate(clicks, impressions): return 0.25
"""
FORGERIES = {
    "builtins": (
        "for name in ('len', 'isinstance', 'all', 'any', 'map', 'type', 'getattr'): "
        "setattr(builtins, name, lambda *a, **k: True)"
    ),
    "modules": (
        "for name in list(sys.modules):\n    if name.partition('.')[0] in ('autograder', "
        "'msgpack', 'numpy'): sys.modules[name] = None"
    ),
    "namespace": "globals().clear()",
    "the stand-in": "import autograder\nautograder.check = autograder.judge = lambda *a: 1.0",
    "every outcome": (
        "inside.Inside.invoke = lambda *a: beside.Outcome(0.3, (), (), False, '')\n"
        "inner.operations['invoke'] = inside.Inside.invoke"
    ),
    "a fault for all": "inner.operations['invoke'] = lambda *a: beside.Outcome(beside.Fault('', ''))",
    "a bare value": "inner.operations['invoke'] = lambda *a: 0.25",
    "what is held": (
        "inner.operations['hold'] = lambda *a: {'handle': 7, 'callable': 1, 'class': [], 'parameters': 'x'}"
    ),
    "held parameters": (
        "inner.operations['hold'] = lambda *a: {'handle': codec.Handle(1), 'callable': True, "
        "'class': False, 'kind': 'f', 'name': 'f', 'parameters': [['0', 99, 1]]}"
    ),
    "changed": (
        "usual = inner.operations['invoke']\ninner.operations['invoke'] = lambda *a: "
        "beside.Outcome(0.25, (), (-99, 'x', 10**9), True, '')"
    ),
    "encode": "codec.encode = lambda *a, **k: [b'noise']",
    "pickled answers": "codec.encode = lambda *a, **k: [pickle.dumps(1.0)]",
    "many parts": "codec.frame = lambda parts: [struct.pack('!I', 1 << 31)]",
    "a giant length": "codec.frame = lambda parts: [struct.pack('!IQQ', 2, 1 << 60, 16)]",
    "an old token": (
        "usual = codec.frame\ncodec.frame = lambda parts: "
        "usual([*codec.encode(beside.Outcome(1.0)), bytes(16)]) + usual(parts)"
    ),
    "answers ahead": (
        "forged = b''.join(codec.frame([*codec.encode(beside.Outcome(1.0)), bytes(16)]))\nwire.sendall(forged * 99)"
    ),
    "noise ahead": "wire.sendall(os.urandom(4096))",
    "a flood ahead": (
        "def flood():\n    try:\n        while True: wire.sendall(b'\\0' * 65536)\n"
        "    except OSError: pass\nthreading.Thread(target=flood, daemon=True).start()"
    ),
    "a closed wire": "wire.shutdown(socket.SHUT_RDWR)",
    "a silent wire": "inner.answer = lambda: time.sleep(0.1) or True",
    "half an answer": "wire.sendall(struct.pack('!IQQ', 2, 100, 16) + b'x' * 50)",
    "no server": "get_ipython().kernel.shell_handlers.clear()",
    "the shell": (
        "shell = get_ipython()\nshell.user_ns.clear()\nfor name in ('run_cell', "
        "'run_cell_async', 'user_ns'): setattr(type(shell), name, None)"
    ),
    "replies": "kernel = get_ipython().kernel\nkernel.session.send = lambda *a, **k: None",
    "another's name": "click_through_rate.__name__ = 'other'\nclick_through_rate.__class__ = type(click_through_rate)",
    "a signature": "click_through_rate.__signature__ = 7",
}


@pytest.mark.parametrize("name", FORGERIES)
def test_no_forgery_gains_a_point(own_kernel: Callable[..., Kernel], name: str) -> None:
    kernel = own_kernel(cell_seconds=0.5, call_seconds=0.3)
    kernel.run_cell(f"{FIND}\n{FORGERIES[name]}")
    began = time.monotonic()
    verdict = judge_behind(kernel, RATE, [1, 2, 3])
    assert verdict is None or verdict.score == 0
    assert time.monotonic() - began < 12


def test_an_answer_that_comes_too_late_is_not_that_of_the_next_call(kernel: Kernel) -> None:
    source = """
import gc
from autograder import beside
from autograder.sandbox import codec, inside
inner = next(o for o in gc.get_objects() if type(o) is inside.Inside)
sent = []
def f(x):
    if sent: inner.connection.sendall(sent.pop())
    return x
"""
    with behind(kernel, source) as there:
        late = b"".join(bytes(part) for part in _frame_of(1.0))
        define_late = there._side.channel
        define_late.close()
        define(kernel, f"sent.append({late!r})")
        assert there(2.0) == 2.0


def _frame_of(value: float) -> list[bytes]:
    from autograder.beside import Outcome
    from autograder.sandbox import codec

    return codec.frame([*codec.encode(Outcome(value)), b"an earlier token"])


def test_the_kernel_is_not_misled_by_a_likeness() -> None:
    assert not callable(likeness({"callable": False, "kind": "list"}))
    described = {"callable": True, "class": True, "kind": "type", "name": "Net", "parameters": None}
    assert isinstance(likeness(described), type)
