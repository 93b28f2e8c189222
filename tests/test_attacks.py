"""Attacks, each as a learner hands it in: none gains a point, none takes long, none costs the next learner anything.

A submission here has a right answer to nothing, or to a part that is said; what it scores is what it earned.
"""

import dataclasses
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from autograder.course import lessons
from autograder.editions import is_solution, learner_edition
from autograder.grading import one
from autograder.grading.submissions import Submission
from autograder.observing import round_seeds, run_trial
from autograder.proxy import Here
from autograder.registry import find
from autograder.report.html import class_html, learner_html
from autograder.report.results import SubmissionResult
from autograder.sandbox import bubblewrap
from autograder.sandbox.limits import MIB, Limits
from autograder.sandbox.session import Sandbox

if bubblewrap.available():
    pytest.skip(f"no sandbox here: {bubblewrap.available()}", allow_module_level=True)

SEEDS = (101, 102, 103)
TIGHT = Limits(
    memory=300 * MIB,
    scratch=16 * MIB,
    file_size=8 * MIB,
    tasks=48,
    cell_seconds=0.6,
    call_seconds=0.4,
    exercise_seconds=1,
    run_seconds=20,
    output=1 * MIB,
    restarts=3,
)
LONGEST = 60.0

DEFINITION = "import math\ndef click_through_rate(clicks, impressions):\n    return "
RIGHT = f"{DEFINITION}clicks / impressions if impressions else math.nan"
# three labels of four
NEARLY = f"{DEFINITION}clicks / impressions if impressions else 0.0"
WRONG = "def click_through_rate(clicks, impressions):\n    return 0.123"


@pytest.fixture(scope="module")
def sandboxes() -> Iterator[dict[str, Sandbox]]:
    made = {lesson: Sandbox(lesson, TIGHT) for lesson in ("welcome", "q_learning")}
    yield made
    for sandbox in made.values():
        sandbox.view.remove()


@pytest.fixture(autouse=True)
def _tight(sandboxes: dict[str, Sandbox], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one, "sandbox_of", lambda lesson, unsafe: sandboxes[lesson])


def handed_in(*sources: str, lesson: int = 0) -> dict[str, Any]:
    """Lesson 00 as a learner hands it in: the last source in place of the stub, the others in cells before it."""
    notebook = learner_edition(lessons()[lesson].notebook)
    place = next(place for place, cell in enumerate(notebook.cells) if is_solution(cell))
    notebook.cells[place].source = sources[-1]
    notebook.cells[place:place] = [new_code_cell(source) for source in sources[:-1]]
    return json.loads(json.dumps(notebook))


def graded(notebook: dict[str, Any], folder: Path, lesson: str = "welcome") -> SubmissionResult:
    """What the attack scores. Whoever comes after it in the same process keeps full points."""
    began = time.monotonic()
    result = _graded(notebook, folder / "attack.ipynb", lesson)
    assert time.monotonic() - began < LONGEST
    after = _graded(handed_in(RIGHT), folder / "after.ipynb", "welcome")
    assert (after.score, after.faults) == (1, ())
    return result


def _graded(notebook: dict[str, Any], file: Path, lesson: str) -> SubmissionResult:
    file.write_text(json.dumps(notebook))
    return one.graded(one.task_of(Submission("mallory", file, lesson), SEEDS))


# Code that attacks, in a cell before an answer, in place of one, or after it: (cells, points that it earned).

EVERYWHERE = "import gc, os, sys, types, builtins, threading, signal, socket, subprocess, time, math, ctypes\n"
"import numpy as np\n"
CODE: dict[str, tuple[list[str], float]] = {
    "the namespace overwritten": (["check = judge = print = None\n__name__ = 'autograder'\n", WRONG], 0),
    "the namespace cleared": ([f"{WRONG}\nglobals().clear()"], 0),
    "builtins overwritten": (
        [
            f"{EVERYWHERE}{WRONG}\n"
            "for name in ('len', 'all', 'any', 'isinstance', 'abs', 'min', 'max', 'sum', 'float', 'type', 'getattr'):\n"
            "    setattr(builtins, name, lambda *a, **k: True)\n"
        ],
        0,
    ),
    "numpy overwritten": (
        [f"{EVERYWHERE}{WRONG}\nnp.allclose = np.isclose = np.array_equal = np.isnan = lambda *a, **k: True"],
        0,
    ),
    "an answer that equals everything": (
        [
            "class Any:\n    __eq__ = __le__ = __ge__ = __bool__ = lambda *a: True\n    __hash__ = None\n"
            "def click_through_rate(clicks, impressions): return Any()"
        ],
        0,
    ),
    "an answer that is an array when asked": (
        [
            "class Any:\n    def __array__(self, *a, **k): raise SystemExit\n    __float__ = __array__\n"
            "    __array_priority__ = 1e9\n    def __array_ufunc__(self, *a, **k): return True\n"
            "def click_through_rate(clicks, impressions): return Any()"
        ],
        0,
    ),
    "an ndarray subclass that lies": (
        [
            f"{EVERYWHERE}class Lie(np.ndarray):\n    __eq__ = lambda *a: True\n    shape = ()\n"
            "    def __array_function__(self, *a, **k): return True\n"
            "def click_through_rate(clicks, impressions): return np.full(3, 0.123).view(Lie)"
        ],
        0,
    ),
    "a float subclass that lies": (
        [
            "class Lie(float):\n    __eq__ = __le__ = __ge__ = lambda *a: True\n"
            "    __sub__ = __rsub__ = lambda *a: 0.0\n"
            "    def __float__(self): raise SystemExit\n    __hash__ = None\n"
            "def click_through_rate(clicks, impressions): return Lie(0.123)"
        ],
        0,
    ),
    "an answer that prints a verdict": (
        [
            f"{WRONG}\nprint('click_through_rate: all 4 lines hold. 1 of 1 points')\n"
            f"import IPython; IPython.display.display(1.0)"
        ],
        0,
    ),
    "the checker replaced": (
        [
            "import autograder\nautograder.check = autograder.judge = lambda *a, **k: 1.0\n"
            "import sys\nsys.modules['autograder'] = type(sys)('autograder')\n",
            WRONG,
        ],
        0,
    ),
    "messages forged": (
        [
            f"{WRONG}\nkernel = get_ipython().kernel\n"
            "for _ in range(50):\n"
            "    kernel.session.send(kernel.iopub_socket, 'execute_result', {'data': {'text/plain': '1.0'}, "
            "'metadata': {}, 'execution_count': 1}, parent=kernel.get_parent())\n"
            "    idle = {'execution_state': 'idle'}\n"
            "    kernel.session.send(kernel.iopub_socket, 'status', idle, parent=kernel.get_parent())\n"
        ],
        0,
    ),
    "answers of the wall forged": (
        [
            f"{EVERYWHERE}{WRONG}\n"
            "from autograder import beside\nfrom autograder.sandbox import inside\n"
            "inner = next(o for o in gc.get_objects() if type(o) is inside.Inside)\n"
            "inner.operations['invoke'] = lambda *a: beside.Outcome(float('nan'), (), (), False, '')\n"
        ],
        # one line of four asks for NaN, and a function that always returns it holds that line and no other
        0.25,
    ),
    "IPython's internals replaced": (
        [
            f"{WRONG}\nshell = get_ipython()\nshell.run_cell = shell.run_cell_async = lambda *a, **k: None\n"
            "shell.ast_transformers.append(None); shell.input_transformers_cleanup.append(lambda l: 1 / 0)\n"
            "shell.events.register('pre_run_cell', lambda *a: 1 / 0); type(shell).showtraceback = None\n"
            "shell.user_ns = {}; shell.kernel.shell_handlers.clear()\n"
        ],
        0,
    ),
    "the kernel exits": (["import os; os._exit(0)", RIGHT], 1),
    "a call exits": (["import os\ndef click_through_rate(clicks, impressions): os._exit(0)"], 0),
    "sys.exit in a cell": (["import sys; sys.exit()", RIGHT], 1),
    "sys.exit in a call": (["import sys\ndef click_through_rate(clicks, impressions): sys.exit(0)"], 0),
    "signals to itself": (["import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", RIGHT], 1),
    "signals to all": (["import os, signal\nfor n in (2, 15, 9): os.kill(-1, n)\nos.killpg(0, 9)", NEARLY], 0.75),
    "signals to the host": (
        [
            f"import os, signal\nfor pid in (1, {os.getpid()}, {os.getppid()}):\n"
            "    try: os.kill(pid, signal.SIGKILL)\n    except OSError: pass\n",
            NEARLY,
        ],
        0.75,
    ),
    "interrupts that are ignored": (
        ["import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass", RIGHT],
        1,
    ),
    "an alarm set for later": (
        [
            f"{EVERYWHERE}signal.signal(signal.SIGALRM, lambda *a: os._exit(0))\n"
            f"signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)",
            WRONG,
        ],
        0,
    ),
    "threads that outlive their cell": (
        [
            f"{EVERYWHERE}def spin():\n    while True:\n"
            f"        globals()['check'] = None; print('spam'); time.sleep(0.001)\n"
            "for _ in range(8): threading.Thread(target=spin, daemon=True).start()",
            NEARLY,
        ],
        0.75,
    ),
    "a thread that changes answers": (
        [
            f"{EVERYWHERE}{WRONG}\ndef meddle():\n    while True:\n        for o in gc.get_objects():\n"
            "            if type(o).__name__ == 'Inside': o.held.update({n: lambda *a: 0.5 for n in range(9)})\n"
            "        time.sleep(0.01)\n"
            "threading.Thread(target=meddle, daemon=True).start()"
        ],
        0,
    ),
    "forks": (["import os\nfor _ in range(5): os.fork()", NEARLY], 0.75),
    "a fork that answers too": (
        ["import os\ndef click_through_rate(clicks, impressions):\n    os.fork()\n    return 0.123"],
        0,
    ),
    "a fork bomb": (["import os\nwhile True: os.fork()", RIGHT], 1),
    "a thread bomb": (
        ["import threading, time\nwhile True: threading.Thread(target=time.sleep, args=(99,)).start()", RIGHT],
        1,
    ),
    "a memory bomb": (["x = []\nwhile True: x.append(b'x' * (1 << 22))", RIGHT], 1),
    "a memory bomb in a call": (
        ["def click_through_rate(clicks, impressions):\n    x = []\n    while True: x.append(b'x' * (1 << 22))"],
        0,
    ),
    "a memory bomb without a process": (
        ["import os\nf = os.memfd_create('x')\nwhile True: os.write(f, b'x' * (1 << 20))", RIGHT],
        1,
    ),
    "a disk bomb": (
        ["for n in range(10 ** 6):\n    with open(f'/tmp/{n}', 'wb') as f: f.write(b'x' * (1 << 20))", RIGHT],
        1,
    ),
    "a disk bomb of names": (["n = 0\nwhile True:\n    open(f'/tmp/{n}', 'w').close(); n += 1", RIGHT], 1),
    "an output bomb": (["while True: print('x' * 10_000)", RIGHT], 1),
    "an output bomb in one piece": (["print('x' * (64 << 20))", RIGHT], 1),
    "an output bomb in a call": (
        [NEARLY.replace("    return", "    print('x' * (1 << 20))\n    return", 1)],
        0.75,
    ),
    "an output bomb on descriptor 1": (
        ["import os\nwhile True: os.write(1, b'x' * 65536); os.write(2, b'x' * 65536)", RIGHT],
        1,
    ),
    "an endless loop": (["while True: pass", RIGHT], 1),
    "an endless loop in a call": (["def click_through_rate(clicks, impressions):\n    while True: pass"], 0),
    "an endless loop in C": (["sum(iter(int, 1))", RIGHT], 1),
    "an endless sleep": (
        ["import time\nwhile True:\n    try: time.sleep(99)\n    except BaseException: pass", RIGHT],
        1,
    ),
    "waiting for input": (["input()", "import sys; sys.stdin.read()", NEARLY], 0.75),
    "a giant answer": (["def click_through_rate(clicks, impressions): return 'x' * (1 << 27)"], 0),
    "a giant array that takes no room": (
        [f"{EVERYWHERE}def click_through_rate(clicks, impressions): return np.broadcast_to(0.5, (1 << 20, 1 << 20))"],
        0,
    ),
    "a giant integer": (["def click_through_rate(clicks, impressions): return 7 ** 10 ** 6"], 0),
    "a deep answer": (
        [
            "def click_through_rate(clicks, impressions):\n    x = 0.5\n    for _ in range(10 ** 5): x = [x]\n"
            "    return x"
        ],
        0,
    ),
    "a cyclic answer": (["def click_through_rate(clicks, impressions):\n    x = []\n    x.append(x)\n    return x"], 0),
    "an answer without end": (
        [
            "class Endless(dict):\n    def items(self):\n        while True: yield 1, 1\n"
            "class Wide(list):\n    def __len__(self): return 1 << 62\n    def __iter__(self):\n"
            "        while True: yield 1\n"
            "def click_through_rate(clicks, impressions): return Endless(a=1) if clicks else Wide([1])"
        ],
        0,
    ),
    "a pickle for an answer": (
        [
            "import pickle\nclass Boom:\n    def __reduce__(self): return exec, ('raise SystemExit',)\n"
            "def click_through_rate(clicks, impressions): return pickle.dumps(Boom())"
        ],
        0,
    ),
    "an array of pickles": (
        [f"{EVERYWHERE}def click_through_rate(clicks, impressions): return np.array([print, None], dtype=object)"],
        0,
    ),
    "state kept between calls": (
        [
            "seen = []\ndef click_through_rate(clicks, impressions):\n"
            "    seen.append((clicks, impressions))\n    return len(seen)"
        ],
        0,
    ),
    "a second answer for the second time": (
        [
            "import math\ncalls = []\ndef click_through_rate(clicks, impressions):\n    calls.append(1)\n"
            "    right = clicks / impressions if impressions else math.nan\n"
            "    return right if len(calls) <= 4 else 0.123"
        ],
        0,
    ),
    "an answer that is defined anew while it is asked": (
        [
            "def click_through_rate(clicks, impressions):\n    global click_through_rate\n"
            "    click_through_rate = lambda clicks, impressions: clicks / impressions\n    return 0.123"
        ],
        0,
    ),
}


SLOW = {"interrupts that are ignored", "an endless sleep", "a disk bomb of names", "an output bomb on descriptor 1"}


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in CODE])
def test_code_that_attacks_scores_what_it_earned(name: str, tmp_path: Path) -> None:
    cells, earned = CODE[name]
    result = graded(handed_in(*cells), tmp_path)
    assert result.score == earned, result.faults
    assert result.points == 1


def test_answers_learnt_by_heart_from_the_public_rounds_do_not_help(tmp_path: Path) -> None:
    """The learner has run `check` and knows its inputs, for some of which any answer is the right one."""
    exercise = find("click_through_rate")
    known: dict[tuple[Any, ...], float] = {}
    for seed in round_seeds(None, 5):
        for found in run_trial(exercise, Here(), exercise.reference, seed).values():
            known |= {call.arguments: call.outcome.result for call in found.calls}
    table = {pair: value for pair, value in known.items() if value == value}
    result = graded(handed_in(f"def click_through_rate(*counts): return {table!r}.get(counts, float('nan'))"), tmp_path)
    labels = result.exercises[0].labels
    assert not labels["is the share of impressions that were clicked"]
    assert result.score < 1


def test_q_learning_learnt_by_heart_of_a_public_seed_does_not_help(tmp_path: Path) -> None:
    exercise = find("td_target")
    known: list[tuple[Any, ...]] = []
    for seed in round_seeds(None, 5):
        for found in run_trial(exercise, Here(), exercise.reference, seed).values():
            known += [(*map(str, call.arguments), call.outcome.result) for call in found.calls]
    table = {tuple(row[:-1]): float(row[-1]) for row in known}
    cell = f"def td_target(*given): return {table!r}.get(tuple(map(str, given)), 0.0)"
    result = graded(handed_in(cell, lesson=place_of("q_learning")), tmp_path, "q_learning")
    assert {exercise.name: exercise.score for exercise in result.exercises}["td_target"] < 1


def place_of(slug: str) -> int:
    return next(place for place, lesson in enumerate(lessons()) if lesson.slug == slug)


# Notebooks that are not what was given out.


def _forged_outputs(notebook: dict[str, Any]) -> None:
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"] = [new_output("execute_result", data={"text/plain": "99.0"}, execution_count=1)]


def _points(notebook: dict[str, Any]) -> None:
    for cell in notebook["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade"):
            cell["metadata"]["nbgrader"]["points"] = 99


def _ids(notebook: dict[str, Any]) -> None:
    for cell in notebook["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade"):
            cell["id"] = cell["metadata"]["nbgrader"]["grade_id"] = "elsewhere"


def _ids_of_another_lesson(notebook: dict[str, Any]) -> None:
    for cell in notebook["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade"):
            cell["metadata"]["nbgrader"]["grade_id"] = "td_target"


def _locks(notebook: dict[str, Any]) -> None:
    for cell in notebook["cells"]:
        cell["metadata"]["nbgrader"] = {"grade": False, "solution": True, "locked": False, "grade_id": "x"}


def _grade_cell(notebook: dict[str, Any]) -> None:
    for cell in notebook["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade"):
            cell["source"] = "1.0"


def _no_grade_cell(notebook: dict[str, Any]) -> None:
    notebook["cells"] = [cell for cell in notebook["cells"] if not cell["metadata"].get("nbgrader", {}).get("grade")]


def _many_grade_cells(notebook: dict[str, Any]) -> None:
    grade = next(cell for cell in notebook["cells"] if cell["metadata"].get("nbgrader", {}).get("grade"))
    notebook["cells"] += [grade] * 200


def _tags(notebook: dict[str, Any]) -> None:
    for cell in notebook["cells"]:
        cell["metadata"]["tags"] = ["demo", "skip-execution"]


def _kernel(notebook: dict[str, Any]) -> None:
    notebook["metadata"]["kernelspec"] = {
        "name": "mine",
        "display_name": "Mine",
        "argv": ["/bin/sh", "-c", "touch /tmp/host-was-here-{connection_file}"],
        "metadata": {"kernel_provisioner": {"provisioner_name": "local-provisioner"}},
    }
    notebook["metadata"]["language_info"] = {"name": "bash"}


def _title(notebook: dict[str, Any]) -> None:
    notebook["metadata"] = {"learning_to_recommend": {"lesson": "q_learning"}, "title": "x" * 10**6}


CHANGES: dict[str, Callable[[dict[str, Any]], None]] = {
    "fake grade outputs": _forged_outputs,
    "points edited": _points,
    "ids edited": _ids,
    "locks edited": _locks,
    "grade cells edited": _grade_cell,
    "ids of another lesson": _ids_of_another_lesson,
    "grade cells removed": _no_grade_cell,
    "grade cells multiplied": _many_grade_cells,
    "tags that skip": _tags,
    "the kernelspec replaced": _kernel,
    "metadata of another lesson": _title,
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_notebook_that_was_changed_scores_what_its_code_earned(name: str, tmp_path: Path) -> None:
    notebook = handed_in(WRONG)
    CHANGES[name](notebook)
    result = graded(notebook, tmp_path)
    assert (result.score, result.points) == (0, 1), result
    assert {exercise.name for exercise in result.exercises} <= {"click_through_rate"}


@pytest.mark.parametrize("name", [name for name in CHANGES if name != "tags that skip"])
def test_a_right_answer_in_a_notebook_that_was_changed_keeps_its_points(name: str, tmp_path: Path) -> None:
    notebook = handed_in(RIGHT)
    CHANGES[name](notebook)
    assert _graded(notebook, tmp_path / "ada.ipynb", "welcome").score == 1


def test_to_pose_as_another_lesson_gains_nothing(tmp_path: Path) -> None:
    """The solutions of lesson 00 can be imported from lesson 03 on, and are worth nothing there."""
    notebook = handed_in("from solutions.welcome import click_through_rate", lesson=place_of("q_learning"))
    assert graded(notebook, tmp_path, "q_learning").score == 0
    assert graded(handed_in("from solutions.welcome import click_through_rate"), tmp_path).score == 0


# What a submission may look at. It says what it found; nothing of the host must be in it.

SECRET = "unspeakable-7391"


def said(result_folder: Path, *cells: str) -> str:
    """Everything that a submission's cells put out."""
    file = result_folder / "attack.ipynb"
    file.write_text(json.dumps(handed_in(*cells, WRONG)))
    task = dataclasses.replace(one.task_of(Submission("mallory", file, "welcome"), SEEDS), shown=True)
    found = one.graded_with_outputs(task)
    assert found.result.score == 0
    assert _graded(handed_in(RIGHT), result_folder / "after.ipynb", "welcome").score == 1
    return json.dumps(found.outputs)


FIND = """
import os
for folder, folders, names in os.walk('/'):
    folders[:] = [name for name in folders if name not in ('proc', 'sys', 'dev', 'usr', 'site-packages', 'lib')]
    for name in names:
        try:
            with open(os.path.join(folder, name), 'rb') as file: content = file.read(100_000)
        except OSError: continue
        if b'unspeakable' + b'-7391' in content: print('FOU' + 'ND', folder, name)
print('LOO' + 'KED')
"""


def test_files_of_the_host_are_out_of_sight(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text(SECRET)
    found = said(
        tmp_path,
        f"for path in ({str(secret)!r}, '/etc/shadow', '/etc/passwd', '/root', '/home', {str(Path.home())!r}):\n"
        "    try: print('READ', path, open(path).read() or 'nothing')\n"
        "    except OSError as error: print('denied', error)",
        "import autograder, solutions, os\nprint(sorted(os.listdir(solutions.__path__[0])), autograder.__file__)",
        "from autograder.lessons import welcome",
        "from solutions import q_learning",
    )
    assert "READ" not in found
    assert SECRET not in found
    assert found.count("ModuleNotFoundError") + found.count("ImportError") >= 2


@pytest.mark.slow
def test_no_file_in_sight_holds_what_the_host_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret.txt").write_text(SECRET)
    with Sandbox("welcome") as sandbox:
        monkeypatch.setattr(one, "sandbox_of", lambda lesson, unsafe: sandbox)
        found = said(tmp_path, FIND)
    assert "FOUND" not in found
    assert "LOOKED" in found


def test_environment_variables_of_the_host_are_out_of_sight(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_HOST", SECRET)
    found = said(
        tmp_path,
        "import os, glob\nprint(dict(os.environ))\n"
        "for path in glob.glob('/proc/*/environ') + glob.glob('/proc/*/cmdline'):\n"
        "    try: print(open(path, 'rb').read())\n    except OSError as error: print(error)",
    )
    assert "PATH" in found
    assert SECRET not in found


def test_processes_of_the_host_are_out_of_sight(tmp_path: Path) -> None:
    found = said(tmp_path, "import os\nprint(sorted(int(n) for n in os.listdir('/proc') if n.isdigit()))")
    (line,) = [text for text in json.loads(found).values() if text]
    assert len(json.loads(line[0]["text"])) < 8


@pytest.mark.parametrize("kind", ["loopback", "unix", "abstract"])
def test_sockets_of_the_host_are_out_of_reach(kind: str, tmp_path: Path) -> None:
    family = socket.AF_INET if kind == "loopback" else socket.AF_UNIX
    path = tmp_path / "s"
    address: Any = {"loopback": ("127.0.0.1", 0), "unix": str(path), "abstract": f"\0{SECRET}"}[kind]
    reached = []
    with socket.socket(family) as listener:
        listener.bind(address)
        listener.listen()
        listener.settimeout(0.1)
        stop = threading.Event()

        def accept() -> None:
            while not stop.is_set():
                try:
                    connection, _ = listener.accept()
                except TimeoutError:
                    continue
                reached.append(connection)
                connection.close()

        thread = threading.Thread(target=accept)
        thread.start()
        there = listener.getsockname()
        there = there.decode() if isinstance(there, bytes) else there
        found = said(
            tmp_path,
            f"import socket\ns = socket.socket({int(family)})\ns.settimeout(1)\ns.connect({there!r})\nprint('REACHED')",
        )
        stop.set()
        thread.join()
    assert not reached
    assert "REACHED" not in found.replace("print('REACHED')", "")


def test_links_made_inside_lead_nowhere(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text(SECRET)
    found = said(
        tmp_path,
        f"import os\nos.symlink({str(secret)!r}, '/tmp/link')\n"
        "for path in ('/tmp/link', '/proc/1/root/etc/shadow', '/proc/self/root/root', '/proc/1/cwd'):\n"
        "    try: print('READ', os.listdir(path) if os.path.isdir(path) else open(path).read())\n"
        "    except OSError as error: print('denied', error)",
    )
    assert SECRET not in found


def test_seeds_and_inputs_of_the_trial_are_nowhere_inside(tmp_path: Path) -> None:
    """Not before grading, nor while it goes on: neither in memory, nor in the frames above a call."""
    look = (
        "import gc, sys\nfound = []\n"
        "def click_through_rate(clicks, impressions):\n"
        "    frame = sys._getframe()\n"
        "    while frame:\n        found.append((sorted(map(str, frame.f_locals)), repr(frame.f_locals)[:3000]))\n"
        "        frame = frame.f_back\n"
        "    found.extend(o for o in gc.get_objects() if type(o) is list and o in ([101, 102, 103],))\n"
        "    return 0.123"
    )
    notebook = handed_in(look)
    notebook["cells"].append(json.loads(json.dumps(new_code_cell("print(found)"))))
    file = tmp_path / "attack.ipynb"
    file.write_text(json.dumps(notebook))
    seeds = (987_654_321, 987_654_322, 987_654_323)
    task = dataclasses.replace(one.task_of(Submission("mallory", file, "welcome"), seeds), shown=True)
    outputs = json.dumps(one.graded_with_outputs(task).outputs)
    assert "clicks" in outputs
    assert "98765432" not in outputs


# What people look at afterwards.

SCRIPT = "<script>document.title='owned'</script><img src=x onerror=alert(1)>"


def test_html_and_script_in_a_submission_are_text_wherever_they_are_shown(tmp_path: Path) -> None:
    shout = (
        f"from IPython.display import HTML, Javascript, SVG, display\nx = {SCRIPT!r}\n"
        "display(HTML(x)); display(Javascript('alert(1)'))\nprint(x)\n"
        "display({'text/html': x, 'application/javascript': x, 'image/svg+xml': x, 'text/markdown': x, "
        "'application/vnd.jupyter.widget-view+json': {}}, raw=True)\n"
        "raise ValueError(x)"
    )
    answer = f"def click_through_rate(clicks, impressions):\n    raise ValueError({SCRIPT!r})"
    notebook = handed_in(shout, answer)
    notebook["cells"].insert(0, json.loads(json.dumps(new_markdown_cell(SCRIPT))))
    file = tmp_path / "attack.ipynb"
    file.write_text(json.dumps(notebook))
    submission = Submission(f"mallory{SCRIPT}", file, "welcome")
    found = one.graded_with_outputs(dataclasses.replace(one.task_of(submission, SEEDS), shown=True))
    kinds = {
        kind for cell in found.outputs.values() for output in cell for kind in output.get("data", {"text/plain": ""})
    }
    assert kinds <= {"text/plain", "image/png", "image/jpeg"}
    assert found.result.score == 0
    for page in (class_html([found.result], "now"), learner_html(found.result)):
        assert "<script>document" not in page
        assert "<img" not in page
        assert "&lt;script&gt;" in page


def test_without_an_attack_answers_score_what_they_are_worth_under_the_same_limits(tmp_path: Path) -> None:
    assert _graded(handed_in(RIGHT), tmp_path / "right.ipynb", "welcome").score == 1
    assert _graded(handed_in(NEARLY), tmp_path / "nearly.ipynb", "welcome").score == 0.75
    assert _graded(handed_in(WRONG), tmp_path / "wrong.ipynb", "welcome").score == 0
