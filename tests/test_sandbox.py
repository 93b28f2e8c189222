"""What a submission can reach and use up, and what becomes of a notebook whose cells do their worst."""

import os
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbclient
import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpecManager
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from autograder import registry
from autograder.course import ROOT
from autograder.errors import UsageError
from autograder.sandbox import bubblewrap, outputs, processes, provisioner, seccomp, view
from autograder.sandbox.kernel import Kernel
from autograder.sandbox.limits import MIB, Limits
from autograder.sandbox.session import Run, Sandbox, grade_places
from autograder.sandbox.view import View, installed_packages, make_view

QUICK = Limits(cell_seconds=0.4, call_seconds=0.4, memory=256 * MIB, scratch=16 * MIB, tasks=48)
RIGHT = (
    "import math\ndef click_through_rate(clicks, impressions):\n    return clicks / "
    "impressions if impressions else math.nan"
)
WRONG = "def click_through_rate(clicks, impressions):\n    return 0.25"
EXERCISES = registry.of_lesson("welcome")
SEEDS = [1, 2, 3]


@pytest.fixture(scope="module", autouse=True)
def _available() -> None:
    reason = bubblewrap.available()
    if reason:
        pytest.skip(reason)


@pytest.fixture(scope="module")
def small_view() -> Iterator[View]:
    made = make_view(["welcome"])
    yield made
    made.remove()


@pytest.fixture(scope="module")
def probe(small_view: View) -> Iterator[Kernel]:
    """A kernel for looking around, which no test ends."""
    os.environ["SECRET_OF_THE_HOST"] = "unspeakable"
    kernel = Kernel(small_view, Limits())
    del os.environ["SECRET_OF_THE_HOST"]
    yield kernel
    kernel.close()


def said(kernel: Kernel, source: str) -> str:
    """What a cell prints; it must not fail."""
    run = kernel.run_cell(source)
    assert run.fault is None
    assert not [output for output in run.outputs if output["output_type"] == "error"], run.outputs
    return "".join(output["text"] for output in run.outputs if output["output_type"] == "stream").strip()


def attempts(kernel: Kernel, *statements: str) -> list[str]:
    """The exception that each statement raises, or what it is worth."""
    source = (
        "def attempt(code):\n    try: return repr(eval(code))\n    except Exception as error: "
        "return type(error).__name__\n"
    )
    return said(
        kernel, source + f"import os, socket, ctypes\nfor code in {list(statements)!r}: print(attempt(code))"
    ).split("\n")


# What it can read


def test_a_cell_runs(probe: Kernel) -> None:
    assert probe.run_cell("6 * 7").outputs[0]["data"] == {"text/plain": "42"}


def test_files_of_the_host_cannot_be_read(probe: Kernel, tmp_path: Path) -> None:
    secret = tmp_path / "gradebook.db"
    secret.write_text("scores")
    paths = [
        secret,
        ROOT / "pyproject.toml",
        ROOT / "notebooks",
        ROOT / "autograder",
        Path("/etc/passwd"),
        Path("/var"),
    ]
    paths += [Path.home() / ".bashrc", Path("/home"), Path("/sys"), Path("/run"), Path("/proc/1/root/etc/passwd")]
    assert set(attempts(probe, *(f"os.stat({str(path)!r})" for path in paths))) == {"FileNotFoundError"}


def test_the_course_inside_has_earlier_solutions_and_no_checks(probe: Kernel) -> None:
    source = """
import autograder, metarec, solutions, os
for package in (autograder, solutions):
    print(sorted(name for name in os.listdir(package.__path__[0]) if not name.startswith("__")))
"""
    carried = "['beside.py', 'observers.py', 'sandbox', 'tracing.py']"
    assert said(probe, source).split("\n") == [carried, "['welcome.py']"]
    assert (
        attempts(probe, "__import__('autograder.lessons')", "__import__('solutions.concepts')")
        == ["ModuleNotFoundError"] * 2
    )
    assert (
        said(probe, "import sys, pathlib\nprint([p for p in sys.path if pathlib.Path(p, 'notebooks').exists()])")
        == "[]"
    )


def test_the_stand_in_says_nothing(probe: Kernel) -> None:
    source = "from autograder import check, hint, reveal, judge, exercises, CheckFailed\n"
    assert (
        said(probe, source + "print(check(print), hint(print), reveal('x'), judge(print), exercises())")
        == "None None None None []"
    )


def test_a_view_hides_what_it_is_told_to() -> None:
    made = make_view([], hidden=("dynamics.py",))
    try:
        found = [
            path.name for path in made.course.rglob("*") if "dynamics" in path.name or path.parent.name == "solutions"
        ]
        assert sorted(name for name in found if name != "__pycache__") == ["__init__.py"]
        assert (made.course / "metarec" / "tabular.py").exists()
    finally:
        made.remove()


def test_a_view_is_of_a_lesson_that_there_is() -> None:
    with pytest.raises(UsageError, match="no lesson 'nonesuch'"):
        view.view_of("nonesuch")


def test_the_environment_is_built_from_nothing(probe: Kernel) -> None:
    assert said(probe, "import os; print('SECRET_OF_THE_HOST' in os.environ)") == "False"
    source = (
        "import glob\nprint(any(b'unspeakable' in open(name, 'rb').read() for name in glob.glob('/proc/*/environ')))"
    )
    assert said(probe, source) == "False"


def test_processes_of_the_host_are_out_of_sight(probe: Kernel) -> None:
    pids = said(probe, "import os; print(*sorted(int(name) for name in os.listdir('/proc') if name.isdigit()))").split()
    assert pids == ["1", "2"]
    assert attempts(probe, f"os.kill({os.getpid()}, 0)") == ["ProcessLookupError"]


def test_no_descriptor_is_inherited(probe: Kernel) -> None:
    source = (
        "import os\nfor name in os.listdir('/proc/self/fd'):\n    try: "
        "print(os.readlink(f'/proc/self/fd/{name}'))\n    except OSError: pass"
    )
    kinds = {line.partition(":")[0] for line in said(probe, source).split("\n")}
    assert kinds <= {"/dev/null", "pipe", "socket", "anon_inode", "/proc/2/fd"}


def test_the_machine_has_no_name(probe: Kernel) -> None:
    assert said(probe, "import socket, getpass, os; print(socket.gethostname(), os.getuid())") == "sandbox 1000"


# What it can reach


def test_loopback_and_unix_sockets_of_the_host_are_out_of_reach(probe: Kernel, tmp_path: Path) -> None:
    with socket.socket() as tcp, socket.socket(socket.AF_UNIX) as named, socket.socket(socket.AF_UNIX) as abstract:
        tcp.bind(("127.0.0.1", 0))
        os.chdir(tmp_path)
        named.bind("door")
        os.chdir(ROOT)
        abstract.bind("\0learning-to-recommend-door")
        for listener in (tcp, named, abstract):
            listener.listen()
        connect = "socket.socket(socket.AF_UNIX).connect({!r})"
        assert attempts(
            probe,
            f"socket.create_connection(('127.0.0.1', {tcp.getsockname()[1]}), 1)",
            connect.format("\0learning-to-recommend-door"),
            connect.format(str(tmp_path / "door")[:100]),
            "socket.create_connection(('192.0.2.1', 53), 1)",
        ) == ["ConnectionRefusedError", "ConnectionRefusedError", "FileNotFoundError", "OSError"]


def test_nothing_can_be_written_but_scratch(probe: Kernel) -> None:
    places = ["/x", "/etc/x", "/usr/bin/x", "/dev/x", str(installed_packages()[0] / "x"), "/proc/self/oom_score_adj"]
    places += ["/proc/sys/kernel/core_pattern", "/proc/sys/kernel/shmmax"]
    assert set(attempts(probe, *(f"open({place!r}, 'w')" for place in places))) == {"OSError"}
    assert attempts(probe, "open('/tmp/x', 'w').write('x')", "open('/dev/shm/x', 'w').write('x')") == ["1", "1"]


def test_the_course_inside_cannot_be_changed(probe: Kernel) -> None:
    assert (
        attempts(probe, "open(__import__('metarec').__file__, 'w')", "os.unlink(__import__('autograder').__file__)")
        == ["OSError"] * 2
    )


def test_devices_of_the_host_keep_their_modes(probe: Kernel) -> None:
    """Where root grades, it is the devices' owner inside as well."""
    before = {name: Path("/dev", name).stat().st_mode for name in ("null", "zero", "full", "random", "urandom", "tty")}
    attempts(probe, *(f"os.chmod('/dev/{name}', 0)" for name in before))
    attempts(probe, *(f"os.chown('/dev/{name}', 1000, 1000)" for name in before))
    access_list = "b'\\2\\0\\0\\0' + b''.join(t + b'\\0\\0\\0' + b'\\xff' * 4 for t in (b'\\1', b'\\4', b'\\x20'))"
    attempts(probe, f"os.setxattr('/dev/null', 'system.posix_acl_access', {access_list})")
    assert {
        name: Path("/dev", name).stat().st_mode for name in ("null", "zero", "full", "random", "urandom", "tty")
    } == before


def test_the_devices_work(probe: Kernel) -> None:
    assert attempts(probe, "open('/dev/null', 'w').write('x')", "len(open('/dev/urandom', 'rb').read(4))") == ["1", "4"]
    assert (
        said(probe, "import subprocess\nprint(subprocess.run(['true'], stdout=subprocess.DEVNULL).returncode)") == "0"
    )


def test_no_privilege_is_left_and_none_can_be_had(probe: Kernel) -> None:
    source = "print(*(line.split()[1] for line in open('/proc/self/status') if line.startswith(('Cap', 'NoNewPrivs'))))"
    assert said(probe, source) == " ".join(["0000000000000000"] * 5 + ["1"])
    new_user, new_mount = 0x10000000, 0x00020000
    assert attempts(probe, *(f"ctypes.CDLL(None).unshare({flag})" for flag in (new_user, new_mount))) == ["-1", "-1"]


@pytest.mark.skipif(seccomp.program() is None, reason="the system-call filter is not written for this machine")
def test_memory_that_nobody_is_seen_to_hold_is_not_given(probe: Kernel) -> None:
    segments = (
        "ctypes.CDLL(None).shmget(0, 4096, 0o1600), ctypes.CDLL(None).msgget(0, 0o1600), "
        "ctypes.CDLL(None).semget(0, 1, 0o1600)"
    )
    assert attempts(probe, "os.memfd_create('x')", segments) == ["OSError", "(-1, -1, -1)"]


def test_the_filter_denies_what_it_lists_and_a_foreign_architecture() -> None:
    for machine in seccomp.NUMBERS:
        program = seccomp.program(machine)
        assert program is not None
        denied, ignored = seccomp.NUMBERS[machine]
        assert len(program) == 8 * (len(denied) + len(ignored) + 7)
        assert len(denied) == len(seccomp.DENIED)
        assert len(ignored) == len(seccomp.IGNORED) - (3 if machine == "aarch64" else 0)
    assert seccomp.program("pdp11") is None


# What it can use up


@pytest.fixture
def attack(small_view: View) -> Iterator[Any]:
    """Runs a cell in a kernel of its own; gives the cell's run and the kernel."""
    kernels = []

    def run(source: str, **limits: Any) -> tuple[Any, Kernel]:
        import dataclasses

        kernels.append(Kernel(small_view, dataclasses.replace(QUICK, **limits)))
        return kernels[-1].run_cell(source), kernels[-1]

    yield run
    for kernel in kernels:
        kernel.close()


def first_error(run: Any) -> str:
    return next(output["ename"] for output in run.outputs if output["output_type"] == "error")


def test_one_process_that_takes_too_much_memory_is_told_so(attack: Any) -> None:
    run, kernel = attack("bytearray(1 << 31)", address_space=1 << 30)
    assert first_error(run) == "MemoryError"
    assert kernel.alive()


def test_processes_that_take_too_much_memory_together_end_their_kernel(attack: Any) -> None:
    source = (
        "import os, time\nfor _ in range(4):\n    if not os.fork():\n        held = b'x' * (100 "
        "<< 20)\n        time.sleep(60)\ntime.sleep(60)"
    )
    run, kernel = attack(source, cell_seconds=20)
    assert run.fault[0] == "memory"
    assert "256 are allowed" in run.fault[1]
    assert not kernel.alive()


def test_a_full_scratch_is_an_error_inside(attack: Any) -> None:
    for folder in ("/tmp", "/dev/shm"):
        run, kernel = attack(f"for i in range(100): open(f'{folder}/{{i}}', 'wb').write(bytes(1 << 20))")
        assert (first_error(run), run.fault) == ("OSError", None)
        assert kernel.watchdog.peak < QUICK.memory


def test_scratch_counts_as_memory(attack: Any) -> None:
    source = "for i in range(60): open(f'/tmp/{i}', 'wb').write(bytes(1 << 20))\nimport time; time.sleep(30)"
    run, _ = attack(source, memory=90 * MIB, scratch=128 * MIB, cell_seconds=20)
    assert run.fault is not None
    assert run.fault[0] == "memory"


def test_a_file_too_large_is_an_error_inside(attack: Any) -> None:
    run, _ = attack("open('/tmp/x', 'wb').write(bytes(8 << 20))", file_size=4 * MIB)
    assert (first_error(run), run.fault) == ("OSError", None)


def test_the_shared_folder_is_no_place_to_fill_the_disk(attack: Any) -> None:
    source = (
        "where = next(l.split()[4] for l in open('/proc/self/mountinfo') if '/wall-' in l)\n"
        "n = 0\nwhile True:\n    open(f'{where}/{n}', 'wb').write(bytes(1 << 18)); n += 1"
    )
    run, kernel = attack(source, cell_seconds=20)
    assert run.fault[0] == "memory"
    kernel.close()
    assert not kernel.exchange.exists()


def test_open_files_are_bounded(attack: Any) -> None:
    run, _ = attack("files = [open('/dev/null') for _ in range(1000)]", open_files=200)
    assert first_error(run) == "OSError"


def test_a_fork_bomb_ends_its_kernel(attack: Any) -> None:
    source = "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass"
    run, kernel = attack(source, cell_seconds=30, memory=4096 * MIB)
    assert run.fault[0] == "memory"
    assert "48 are allowed" in run.fault[1]
    kernel.close()
    assert processes.Processes(kernel.provisioner.pid).folders() == []


def test_a_thread_bomb_ends_its_kernel(attack: Any) -> None:
    run, _ = attack(
        "import threading, time\nwhile True: threading.Thread(target=time.sleep, args=(99,)).start()", cell_seconds=30
    )
    assert run.fault[0] == "memory"


def test_memfds_are_counted_by_the_watchdog() -> None:
    """Where no filter denies them. They are seen only among a process's descriptors."""
    source = (
        "import os, sys\nd = os.memfd_create('x')\nos.write(d, bytes(64 << 20))\nprint(flush=True)\nsys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", source], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        counted = processes.usage([Path("/proc", str(child.pid))], scratch=False)
        child.communicate()
    assert 64 * MIB <= counted.memory < 100 * MIB


def test_computing_is_counted_with_that_of_children_that_ended() -> None:
    source = (
        "import subprocess, sys, time\nsubprocess.run([sys.executable, '-S', '-c', 'for _ in "
        "range(9_000_000): pass'])\nprint(flush=True)\nsys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", source], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        assert processes.Processes(child.pid).seconds() > 0.1
        child.communicate()


def test_an_endless_loop_is_interrupted_and_its_kernel_goes_on(attack: Any) -> None:
    run, kernel = attack("x = 1\nwhile True: pass")
    assert run.fault == ("timeout", "A cell ran for more than 0.4 seconds and was interrupted.")
    assert first_error(run) == "KeyboardInterrupt"
    assert said(kernel, "print(x)") == "1"


def test_a_loop_that_cannot_be_interrupted_ends_its_kernel(attack: Any) -> None:
    run, kernel = attack("import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass")
    assert run.fault is not None
    assert run.fault[0] == "timeout"
    assert not kernel.alive()


def test_waiting_is_allowed_three_times_as_long_as_computing(attack: Any) -> None:
    run, _ = attack("import time\ntime.sleep(0.6)\nprint('done')")
    assert run.fault is None
    began = time.monotonic()
    run, _ = attack("import time\ntime.sleep(60)")
    assert run.fault is not None
    assert time.monotonic() - began < 10


def test_a_flood_of_small_outputs_is_stopped(attack: Any) -> None:
    run, _ = attack("while True: display('x' * 10_000)", cell_seconds=30, output=1 * MIB)
    assert run.fault[0] == "refused"
    assert sum(len(str(output)) for output in run.outputs) < 2 * MIB


def test_one_output_that_is_too_large_is_stopped(attack: Any) -> None:
    run, kernel = attack("print('x' * 20_000_000)", cell_seconds=30, message=4 * MIB)
    assert run.fault[0] == "refused"
    assert not kernel.alive()


@pytest.mark.parametrize(
    "source",
    ["import os\nos._exit(0)", "import os\nos.kill(os.getpid(), 9)", "import ctypes\nctypes.string_at(0)", "exit()"],
    ids=["exit", "kill", "fault", "quit"],
)
def test_a_kernel_that_ends_itself_is_a_crash(attack: Any, source: str) -> None:
    _, kernel = attack(source)
    deadline = time.monotonic() + 10
    while kernel.alive() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert kernel.fault == ("crash", "The submission ended its own kernel.")


def test_the_sandbox_s_first_process_cannot_be_ended_from_inside(attack: Any) -> None:
    _, kernel = attack(
        "import os\nfor pid in (1, os.getppid(), -1):\n    try: os.kill(pid, 9)\n    except OSError: pass"
    )
    assert said(kernel, "print('alive')") == "alive"


def test_forged_messages_of_the_kernel_neither_stop_nor_mislead_the_host(attack: Any) -> None:
    source = """
import ipykernel, json
kernel = get_ipython().kernel
torn = [b"kernel", b"<IDS|MSG>", b"", b"{}", b"[]", b"7", b"{"]
for noise in ([b"x"], [b"a", b"<IDS|MSG>"], torn, [b"<IDS|MSG>"] * 9):
    kernel.iopub_socket.send_multipart(noise)
kernel.session.send(kernel.iopub_socket, "stream", {"name": 1, "text": ["not a text"]}, parent=kernel.get_parent())
kernel.session.send(kernel.iopub_socket, "stream", {"name": "stdout", "text": "of another"}, parent={"msg_id": "other"})
kernel.session.send(kernel.iopub_socket, "error", {"traceback": {"a": 1}}, parent=kernel.get_parent())
print("done")
"""
    run, kernel = attack(source, cell_seconds=10)
    assert run.fault is None
    texts = [output.get("text", "") for output in run.outputs]
    assert "done\n" in "".join(texts)
    assert "of another" not in "".join(texts)
    assert said(kernel, "print(2)") == "2"


# What is shown of it


def test_outputs_are_plain_text_and_pictures() -> None:
    picture = "iVBORw0KGgo="
    data = {"text/plain": "\x1b[31mred\x1b[0m \u202eturned\x07", "text/html": "<script>", "image/png": picture + "\n"}
    data |= {"image/svg+xml": "<svg onload=x>", "application/javascript": "x", "image/jpeg": picture}
    found = outputs.sanitised("display_data", {"data": data})
    assert found is not None
    assert found["data"] == {"text/plain": "red turned", "image/png": picture}
    assert outputs.sanitised("display_data", {"data": {"text/html": "<b>"}}) is None
    assert outputs.sanitised("comm_open", {"data": {"text/plain": "x"}}) is None
    assert outputs.sanitised("stream", {"name": 3, "text": 4}) == {
        "output_type": "stream",
        "name": "stdout",
        "text": "",
    }
    error = outputs.sanitised("error", {"ename": "\x1b[1mE", "evalue": None, "traceback": "x"})
    assert error == {"output_type": "error", "ename": "E", "evalue": "", "traceback": []}


# A whole notebook


@pytest.fixture(scope="module")
def sandbox(small_view: View) -> Sandbox:
    return Sandbox("welcome", QUICK, view=small_view)


def notebook(*sources: str) -> Any:
    """Code cells; one that says GRADE is the grade cell, one that says DEMO a demo."""
    made = new_notebook(metadata={"kernelspec": {"name": "evil", "display_name": "x", "language": "python"}})
    for source in sources:
        cell = new_code_cell("check(click_through_rate)" if source == "GRADE" else source)
        if source == "GRADE":
            cell.metadata["nbgrader"] = {"grade_id": "click_through_rate", "grade": True, "solution": False}
        if "DEMO" in source:
            cell.metadata["tags"] = ["demo"]
        made.cells.append(cell)
    return made


def judged(sandbox: Sandbox, *sources: str) -> Run:
    return sandbox.run(notebook(*sources), EXERCISES, SEEDS)


def test_a_right_solution_gets_its_points(sandbox: Sandbox) -> None:
    run = judged(sandbox, RIGHT, "GRADE", "print('end')")
    assert (run.score, run.faults, run.sandboxed) == (1, [], True)
    assert {place: found[0]["text"] for place, found in run.outputs.items() if found} == {2: "end\n"}
    assert run.memory > 10 * MIB
    assert run.seconds > 0


def test_a_wrong_solution_gets_its_diagnosis(sandbox: Sandbox) -> None:
    run = judged(sandbox, RIGHT.replace("math.nan", "0.0"), "GRADE")
    verdict = run.verdicts["click_through_rate"]
    assert (verdict.passed, verdict.diagnosis) == (False, "zero_for_none")
    assert 0 < verdict.score < 1


def test_the_definition_before_the_grade_cell_counts(sandbox: Sandbox) -> None:
    assert judged(sandbox, RIGHT, "GRADE", WRONG).score == 1
    assert judged(sandbox, WRONG, "GRADE", RIGHT).score < 1


def test_without_a_grade_cell_or_before_the_definition_it_is_judged_at_the_end(sandbox: Sandbox) -> None:
    assert judged(sandbox, RIGHT).score == 1
    assert judged(sandbox, "GRADE", RIGHT).score == 1


def test_copies_of_a_grade_cell_are_one(sandbox: Sandbox) -> None:
    assert judged(sandbox, WRONG, "GRADE", RIGHT, "GRADE").score == 1
    assert grade_places(notebook("GRADE", "1", "GRADE").cells, ["click_through_rate"]) == {2: ["click_through_rate"]}


def test_a_function_that_is_nowhere_scores_nothing(sandbox: Sandbox) -> None:
    verdict = judged(sandbox, "x = 1").verdicts["click_through_rate"]
    assert (verdict.score, verdict.message) == (0, "There is no click_through_rate in the notebook.")


@pytest.mark.parametrize(
    ("source", "said_of_it"),
    [
        ("click_through_rate = 3", "must be a function, and it is an int"),
        ("class click_through_rate: pass", "must be a function, and it is the class"),
        ("def click_through_rate(clicks): return 1", "must take (clicks, impressions), and yours takes (clicks)"),
    ],
)
def test_what_cannot_be_called_is_told_so(sandbox: Sandbox, source: str, said_of_it: str) -> None:
    verdict = judged(sandbox, source, "GRADE").verdicts["click_through_rate"]
    assert verdict.score == 0
    assert said_of_it in verdict.message


def test_demos_text_and_empty_cells_are_not_run(sandbox: Sandbox) -> None:
    made = notebook("print('DEMO')", "", "print(1)")
    made.cells.append(new_markdown_cell("print(2)"))
    assert [*sandbox.run(made, [], []).outputs] == [2]


def test_a_cell_that_fails_costs_only_itself(sandbox: Sandbox) -> None:
    run = judged(sandbox, "1 / 0", "def (", "input()", "while True: pass", RIGHT, "GRADE")
    assert run.score == 1
    assert [kind for kind, _ in run.faults] == ["timeout"]


@pytest.mark.parametrize(
    "worst",
    ["import os\nos._exit(1)", "import signal\nsignal.signal(2, signal.SIG_IGN)\nwhile True: pass"],
    ids=["exit", "endless"],
)
def test_a_cell_that_ends_its_kernel_is_left_out_and_the_others_run_again(sandbox: Sandbox, worst: str) -> None:
    run = judged(sandbox, RIGHT, "mark = 1", worst, "print(mark)", "GRADE")
    assert run.score == 1
    assert run.outputs[3][0]["text"] == "1\n"
    assert len(run.faults) == 1


def test_a_call_that_ends_its_kernel_costs_its_own_exercise(sandbox: Sandbox) -> None:
    run = judged(
        sandbox, "import os\ndef click_through_rate(clicks, impressions): os._exit(0)", "GRADE", "print('after')"
    )
    assert run.score == 0
    assert [kind for kind, _ in run.faults] == ["crash"]
    assert run.outputs[2][0]["text"] == "after\n"


def test_a_submission_that_ends_every_kernel_is_given_up(small_view: View) -> None:
    import dataclasses

    stubborn = Sandbox("welcome", dataclasses.replace(QUICK, restarts=1), view=small_view)
    run = judged(stubborn, *["import os\nos._exit(0)"] * 4, RIGHT, "GRADE")
    assert run.score == 0
    assert "ended its kernel too often" in run.verdicts["click_through_rate"].message


def test_a_submission_that_takes_too_long_altogether_is_given_up(small_view: View) -> None:
    import dataclasses

    hurried = Sandbox("welcome", dataclasses.replace(QUICK, run_seconds=3, cell_seconds=5), view=small_view)
    run = judged(hurried, "import time\ntime.sleep(3)", "print('not run')", RIGHT)
    assert run.score == 0
    assert [kind for kind, _ in run.faults] == ["timeout"]
    assert [*run.outputs] == [0]


@pytest.mark.parametrize(
    "metadata",
    [
        {"nbgrader": {"grade_id": "click_through_rate", "grade": "yes"}},
        {"nbgrader": 7},
        {"tags": 3},
        {"tags": [["demo"]]},
        5,
    ],
    ids=repr,
)
def test_metadata_of_any_shape_is_survived(sandbox: Sandbox, metadata: Any) -> None:
    cell = {"cell_type": "code", "metadata": metadata, "source": RIGHT.splitlines(keepends=True)}
    run = sandbox.run({"cells": [cell, 3, {"cell_type": "code"}, {}]}, EXERCISES, SEEDS)
    assert run.score == 1


# Where there is no sandbox


def test_without_user_namespaces_grading_refuses_and_says_the_way_out(
    monkeypatch: pytest.MonkeyPatch, small_view: View
) -> None:
    monkeypatch.setattr(bubblewrap, "_chosen", lambda: ("", "bwrap cannot make a sandbox here: no permission"))
    assert "--unsafe-no-sandbox" in bubblewrap.available()
    with pytest.raises(provisioner.SandboxUnavailable, match="no permission"):
        Sandbox("welcome", view=small_view)
    with pytest.raises(provisioner.SandboxUnavailable, match="no permission"):
        Kernel(small_view, Limits())


def test_the_unsafe_way_is_asked_for_and_marked(monkeypatch: pytest.MonkeyPatch, small_view: View) -> None:
    monkeypatch.setattr(bubblewrap, "_chosen", lambda: ("", "no"))
    run = judged(
        Sandbox("welcome", QUICK, view=small_view, unsafe=True), RIGHT, "GRADE", "while True: pass", "print(3)"
    )
    assert (run.score, run.sandboxed) == (1, False)
    assert run.outputs[3][0]["text"] == "3\n"


def test_a_bwrap_that_is_too_old_or_does_not_work_is_passed_over(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    old, broken = tmp_path / "old", tmp_path / "broken"
    old.write_text("#!/bin/sh\necho --unshare-user")
    broken.write_text(
        f"#!/bin/sh\n[ \"$1\" = --help ] && echo '{' '.join(bubblewrap.NEEDED)}' || {{ echo No "
        f"permissions >&2; exit 1; }}"
    )
    for script in (old, broken):
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
    bubblewrap._chosen.cache_clear()
    monkeypatch.setattr(bubblewrap, "candidates", lambda: [str(old), str(broken)])
    try:
        assert "is too old (it lacks --disable-userns" in bubblewrap.available()
        assert "No permissions" in bubblewrap.available()
    finally:
        bubblewrap._chosen.cache_clear()


# Other tools


def test_any_jupyter_tool_can_use_the_sandboxed_kernel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stanza = {"provisioner_name": provisioner.NAME, "config": {"lesson": "welcome"}}
    spec = {
        "argv": ["never-run", "{connection_file}"],
        "display_name": "sandboxed",
        "language": "python",
        "metadata": {"kernel_provisioner": stanza},
    }
    folder = tmp_path / "kernels" / "sandboxed"
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text(__import__("json").dumps(spec))
    monkeypatch.setattr(KernelSpecManager, "kernel_dirs", [str(tmp_path / "kernels")], raising=False)
    provisioner.register()
    made = new_notebook(cells=[new_code_cell("import socket; print(socket.gethostname())")])
    nbclient.NotebookClient(made, kernel_name="sandboxed", timeout=60).execute()
    assert nbformat.validate(made) is None
    assert made.cells[0].outputs[0].text == "sandbox\n"
