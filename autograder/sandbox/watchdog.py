"""Counts, from the host, what a whole sandbox holds, and ends it when that is too much.

What a process may take by itself is bounded by its own limits (RLIMIT_AS and others). Those do not see many processes
together, nor memory that belongs to a file: a memfd, /tmp, /dev/shm.
"""

from __future__ import annotations

import contextlib
import os
import stat
import threading
from pathlib import Path

from autograder.sandbox.limits import MIB, Limits
from autograder.sandbox.processes import Processes, Usage, usage

INTERVAL = 0.05
MOST_SHARED = 8 * MIB
# a process that has just started another program cannot be looked into for a moment; one that stays so is hiding
MOST_UNSEEN = 20
LONGEST_LOOK = 0.3


class Watchdog:
    """A thread that looks at the processes under `root` and ends them once one of the limits is passed.

    `breach` then says which, as a kind of fault and a sentence; `last` is the last count and `peak` the most memory.
    `exchange` is the folder shared with the sandbox.
    """

    def __init__(self, root: int, limits: Limits, exchange: Path) -> None:
        self.processes = Processes(root, limits.tasks)
        self.limits, self.exchange = limits, exchange
        self.breach: tuple[str, str] | None = None
        self.last, self.peak = Usage(), 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stop.set()
        if self._thread is not threading.current_thread():
            self._thread.join()

    def _watch(self) -> None:
        unseen = 0
        while not self._stop.wait(INTERVAL):
            folders = self.processes.folders()
            if len(folders) > self.limits.tasks:
                # said at once: while they are measured there would be more
                self.breach = self._too_many(len(folders))
            else:
                found = usage(folders)
                unseen = unseen + 1 if found.unseen else 0
                self.last = self._without_doubles(found, folders)
                self.peak = max(self.peak, self.last.memory)
                self.breach = self._breach(self.last, unseen)
            if self.breach:
                self.processes.end()
                return

    def _without_doubles(self, found: Usage, folders: list[Path]) -> Usage:
        """Only where it matters is memory that processes share counted once; who keeps that from being done, twice."""
        if found.memory <= self.limits.memory:
            return found
        exact: list[Usage] = []
        look = threading.Thread(target=lambda: exact.append(usage(folders, shares=True)), daemon=True)
        look.start()
        look.join(LONGEST_LOOK)
        return exact[0] if exact else found

    def _breach(self, found: Usage, unseen: int) -> tuple[str, str] | None:
        if found.memory > self.limits.memory:
            return "memory", f"The submission held {found.memory // MIB} MiB; {self.limits.memory // MIB} are allowed."
        if found.tasks > self.limits.tasks:
            return self._too_many(found.tasks)
        if unseen > MOST_UNSEEN:
            return "memory", "The submission hid how much memory it holds."
        shared = folder_size(self.exchange)
        if shared > MOST_SHARED:
            return "memory", f"The submission wrote {shared // MIB} MiB where only its sockets belong."
        return None

    def _too_many(self, tasks: int) -> tuple[str, str]:
        return "memory", f"The submission ran {tasks} processes and threads; {self.limits.tasks} are allowed."


def folder_size(folder: Path) -> int:
    """What the files of a folder take on the disk, a few kilobytes for each name."""
    total = 0
    waiting = [folder]
    while waiting:
        with contextlib.suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    found = entry.stat(follow_symlinks=False)
                    total += found.st_blocks * 512 + 4096
                    if stat.S_ISDIR(found.st_mode):
                        waiting.append(Path(entry.path))
    return total
