"""What processes hold, read from the host's /proc without waiting for any lock that they could keep."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import itertools
import os
import signal
from collections.abc import Iterable
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


@dataclasses.dataclass(frozen=True)
class Usage:
    """What processes hold together: bytes, tasks, seconds of computing; and how many hide what they hold."""

    memory: int = 0
    tasks: int = 0
    seconds: float = 0.0
    unseen: int = 0


class Processes:
    """All processes under `root`, as their folders in a /proc.

    Where the first of them has a /proc of its own, as in a sandbox, that one lists them all and no others, orphans too;
    no more than one above `most` are looked for.
    """

    def __init__(self, root: int, most: int = 1000) -> None:
        self.root, self.most = root, most
        self._own: Path | None = None
        self._first = ""

    def folders(self) -> list[Path]:
        """Those that there are now."""
        if self._own is None:
            found = self._tree()
            self._own = _own_proc(found[0]) if found else None
            self._first = found[0].name if found else ""
            if self._own is None:
                return found
        # a list that grows while it is read may have no end
        with contextlib.suppress(OSError), os.scandir(self._own) as entries:
            return [Path(entry) for entry in itertools.islice((e for e in entries if e.name.isdigit()), self.most + 1)]
        return []

    def seconds(self) -> float:
        """Seconds that `root` and those under it have computed so far."""
        return _seconds(Path(f"/proc/{self.root}")) + sum(map(_seconds, self.folders()))

    def precise(self) -> float:
        """Seconds that those there are now have computed, to the microsecond; threads that have ended are left out."""
        found = [Path(f"/proc/{self.root}"), *self.folders()]
        return sum(_nanoseconds(thread) for process in found for thread in _threads(process)) / 1e9

    def end(self) -> None:
        """Kill them all. With the first of a sandbox all others end, and none can be made from then on."""
        root = str(self.root)
        for pid in (self._first, root):
            if pid and root in (pid, *_status(Path("/proc", pid))[1:2]):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)

    def _tree(self) -> list[Path]:
        children: dict[int, list[int]] = {}
        for name in _names(Path("/proc")):
            if name.isdigit() and (fields := _status(Path("/proc", name))):
                children.setdefault(int(fields[1]), []).append(int(name))
        found: list[Path] = []
        waiting = list(children.get(self.root, []))
        while waiting:
            pid = waiting.pop(0)
            found.append(Path(f"/proc/{pid}"))
            waiting += children.get(pid, [])
        return found


def _own_proc(first: Path) -> Path | None:
    """The /proc that the first process of a sandbox sees; None where it shares the host's, or shows none yet."""
    own = first / "root" / "proc"
    try:
        apart = os.readlink(first / "ns" / "pid") != os.readlink("/proc/self/ns/pid")  # noqa: PTH115
    except OSError:
        return None
    started = slice(19, 20)
    same = _status(own / "1")[started] == _status(first)[started] != []
    return own if apart and same else None


def usage(folders: Iterable[Path], *, scratch: bool = True, shares: bool = False) -> Usage:
    """What processes hold together, given their folders in /proc; with `scratch` what is in /tmp and /dev/shm too.

    Memory that several of them share counts for each, unless their `shares` are asked for. That takes a lock which a
    process that forks without end keeps for as long as it likes.
    """
    memory, mapped, tasks, seconds, unseen = 0, 0, 0, 0.0, 0
    files: dict[tuple[int, int], int] = {}
    mounted: dict[int, int] = {}
    for process in folders:
        status = _status(process)
        tasks += int(status[17]) if status else 0
        seconds += _seconds(process)
        try:
            private, common = _held(process, shares)
            memory += private
            mapped += common
            files.update(_memory_files(process))
            mounted.update(_scratch(process) if scratch else {})
        except (ProcessLookupError, FileNotFoundError):
            continue
        except PermissionError:
            unseen += 1
    # a file in memory that is mapped as well is counted once
    return Usage(memory + max(mapped, sum(files.values()) + sum(mounted.values())), tasks, seconds, unseen)


def _status(process: Path) -> list[str]:
    """The fields of /proc/PID/stat from the state on; empty if the process is gone. Its name may hold anything."""
    try:
        return (process / "stat").read_bytes().rpartition(b")")[2].decode().split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _seconds(process: Path) -> float:
    """Own time and that of children that have ended."""
    return sum(map(int, _status(process)[11:15])) / TICKS


def _threads(process: Path) -> list[Path]:
    return [process / "task" / name for name in _names(process / "task")]


def _nanoseconds(thread: Path) -> int:
    """What a thread has computed; 0 if it is gone."""
    try:
        return int((thread / "schedstat").read_bytes().split()[0])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def _held(process: Path, shares: bool) -> tuple[int, int]:
    """Bytes of a process that are its own, and those that belong to files in memory: whole, or its shares of them."""
    own, common = (("Pss_Anon", "SwapPss"), "Pss_Shmem") if shares else (("RssAnon", "VmSwap"), "RssShmem")
    private, mapped = 0, 0
    for line in (process / ("smaps_rollup" if shares else "status")).read_bytes().splitlines():
        name, _, rest = line.decode(errors="replace").partition(":")
        if name in own:
            private += int(rest.split()[0]) * 1024
        elif name == common:
            mapped += int(rest.split()[0]) * 1024
    return private, mapped


def _memory_files(process: Path) -> dict[tuple[int, int], int]:
    """The size of each memfd that a process has open, by its identity."""
    found = {}
    for name in os.listdir(process / "fd"):  # noqa: PTH208 - names alone, and its errors are meant
        path = process / "fd" / name
        with contextlib.suppress(FileNotFoundError):
            if os.readlink(path).startswith("/memfd:"):  # noqa: PTH115
                about = os.stat(path)  # noqa: PTH116
                found[about.st_dev, about.st_ino] = about.st_blocks * 512
    return found


def _scratch(process: Path) -> dict[int, int]:
    """What is written to /tmp and /dev/shm as a process sees them, by device.

    A sandbox that is just being made still sees the host's, which count for nobody.
    """
    found = {}
    for name in ("tmp", "dev/shm"):
        folder = process / "root" / name
        with contextlib.suppress(FileNotFoundError):
            device = os.stat(folder).st_dev  # noqa: PTH116
            if device not in _host_devices():
                space = os.statvfs(folder)
                found[device] = (space.f_blocks - space.f_bfree) * space.f_frsize
    return found


@functools.cache
def _host_devices() -> frozenset[int]:
    return frozenset(Path(name).stat().st_dev for name in ("/", "/tmp", "/dev", "/dev/shm") if Path(name).exists())


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - names alone
    except OSError:
        return []
