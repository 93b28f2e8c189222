"""What of the machine itself the course needs: Python, environment, disk, cores, port, workspace, sandbox."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shlex
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

OLDEST, NEWEST = (3, 11), (3, 13)
GIGABYTE = 10**9
LEAST_DISK, LEAST_MEMORY, LEAST_CORES = 2 * GIGABYTE, 4 * GIGABYTE, 2
FIRST_PORT, IN_ORDER = 8888, 5
REMAKE = "rm -r .venv && make env PYTHON=python3.13"
# Kernel switches that forbid user namespaces: file, the value that forbids, whose it is, the value that allows.
SWITCHES = (
    ("kernel/apparmor_restrict_unprivileged_userns", "1", "AppArmor (Ubuntu's default since 23.10)", 0),
    ("kernel/unprivileged_userns_clone", "0", "The kernel's switch (Debian's default before 11)", 1),
    ("user/max_user_namespaces", "0", "The kernel's limit", 15000),
)


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing looked at: `ok` is True, False for a fault, None for a warning; `remedy` is a command or a sentence."""

    name: str
    ok: bool | None
    message: str
    remedy: str = ""


def python(version: tuple[int, ...] = sys.version_info[:3]) -> Finding:
    """Whether the course runs on this Python."""
    said = ".".join(map(str, version))
    if version < OLDEST:
        return Finding("Python", False, f"{said}, and 3.11 is the oldest that will do.", REMAKE)
    if version[:2] > NEWEST:
        message = f"{said} is newer than the course was tried with (3.11 to 3.13)."
        return Finding("Python", None, message, REMAKE)
    return Finding("Python", True, f"{said}.")


def environment(root: Path, prefix: str = sys.prefix, conda: str = os.environ.get("CONDA_PREFIX", "")) -> Finding:
    """Whether this is the course's own environment, or one made by conda."""
    own = root / ".venv"
    if Path(prefix).resolve() == own.resolve():
        return Finding("environment", True, "the course's own, .venv.")
    if conda and Path(prefix).resolve() == Path(conda).resolve():
        return Finding("environment", True, f"conda's {Path(conda).name}.")
    remedy = f"cd {shlex.quote(str(root))} && make env && .venv/bin/autograder doctor"
    return Finding("environment", None, f"{prefix}, which is not the course's .venv.", remedy)


def disk(folder: Path, free: int | None = None) -> Finding:
    """Whether there is room."""
    free = shutil.disk_usage(folder).free if free is None else free
    if free < LEAST_DISK:
        message = f"{free / GIGABYTE:.1f} GB free where the course lies, and 2 GB are needed."
        return Finding("disk", False, message, f"{python_m('pip cache purge')}, or move files away from this disk")
    return Finding("disk", True, f"{free / GIGABYTE:.1f} GB free.")


def machine(cores: int | None = None, memory: int | None = None) -> Finding:
    """How many cores this process may use, and how much memory."""
    if cores is None:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    memory = _memory() if memory is None else memory
    said = f"{cores} {'core' if cores == 1 else 'cores'}, {memory / GIGABYTE:.1f} GB of memory"
    if cores < LEAST_CORES or memory < LEAST_MEMORY:
        return Finding("machine", None, f"{said}: checks that train will be slow, and 2 cores and 4 GB are better.")
    return Finding("machine", True, f"{said}.")


def port(first: int = FIRST_PORT) -> Finding:
    """The port that JupyterLab will take: the first or one of the four after it, else another at random."""
    free = next((number for number in range(first, first + IN_ORDER) if _is_free(number)), None)
    if free is None:
        message = f"{first} to {first + IN_ORDER - 1} are taken, and JupyterLab will look for another."
        return Finding("port", None, message, 'make lab LAB_ARGS="--port 9999"')
    if free == first:
        return Finding("port", True, f"{first} is free.")
    return Finding("port", True, f"{first} is taken (by another JupyterLab?), and JupyterLab will take {free}.")


def workspace(folder: Path) -> Finding:
    """Whether a learner's work can be saved."""
    existing = folder
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as fault:
        remedy = f"sudo chown -R $USER {shlex.quote(str(folder))}, or autograder start --workspace DIR"
        return Finding("workspace", False, f"{existing} cannot be written ({fault.strerror}).", remedy)
    if existing != folder:
        return Finding("workspace", True, "not made yet; autograder start makes it.")
    return Finding("workspace", True, "can be written.")


def sandbox(available: Callable[[], str] | None = None, switches: Path = Path("/proc/sys")) -> Finding:
    """Whether submissions can be graded behind the wall; checks in notebooks work without."""
    from autograder.sandbox import bubblewrap

    reason = (available or bubblewrap.available)()
    if not reason:
        return Finding("sandbox", True, f"works ({bubblewrap.executable()}).")
    message = f"grading refuses (checks work): {reason.removesuffix(bubblewrap.WAY_OUT).strip()}"
    for name, forbids, whose, allows in SWITCHES:
        with contextlib.suppress(OSError):
            if (switches / name).read_text().strip() == forbids:
                setting = f"{name.replace('/', '.')}={allows}"
                remedy = f"echo {setting} | sudo tee /etc/sysctl.d/60-userns.conf && sudo sysctl --system"
                return Finding("sandbox", False, f"{message} {whose} forbids user namespaces.", remedy)
    # Linux alone has the sandbox: elsewhere there is nothing to mend
    return Finding("sandbox", False if sys.platform == "linux" else None, message, bubblewrap.WAY_OUT)


def _memory() -> int:
    """The bytes of memory that this process may use: the machine's, or less in a container."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with contextlib.suppress(OSError, ValueError):
        memory = min(memory, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return memory


def _is_free(number: int) -> bool:
    with socket.socket() as attempt:
        # as servers do: a port that was closed a moment ago is free
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind(("127.0.0.1", number))
        except OSError:
            return False
    return True


def python_m(arguments: str) -> str:
    """A command that runs a module with this Python."""
    return f"{shlex.quote(sys.executable)} -m {arguments}"
