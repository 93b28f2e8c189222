"""A kernel provisioner for Jupyter that starts the kernel in a sandbox.

A kernelspec asks for it by its name:

"metadata": {"kernel_provisioner": {"provisioner_name": "bubblewrap-provisioner", "config": {"lesson": "welcome"}}}
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning.factory import KernelProvisionerFactory
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from traitlets import Any as AnyTrait
from traitlets import Unicode

from autograder.errors import CourseError
from autograder.sandbox import bubblewrap
from autograder.sandbox.limits import Limits
from autograder.sandbox.view import View, view_of
from autograder.sandbox.watchdog import Watchdog

NAME = "bubblewrap-provisioner"
# an ipc path of more than about a hundred characters fails
LONGEST_FOLDER = 60


class SandboxUnavailable(CourseError):
    """A sandbox cannot be made on this machine."""


class BubblewrapProvisioner(LocalProvisioner):
    """Starts an IPython kernel in bubblewrap, for the submissions of one lesson. The kernelspec's program is not used.

    `limits` and `view` may be given as objects by a caller in this process, else they are the usual ones.
    """

    lesson = Unicode("", config=True, help="Slug of the lesson: earlier lessons' solutions can be imported.")
    limits = AnyTrait(None, allow_none=True)
    view = AnyTrait(None, allow_none=True)
    wall = Unicode("", help="Path of the socket on which the host waits for the wall's inner side; none if empty.")
    exchange = AnyTrait(None, allow_none=True)
    watchdog: Watchdog | None = None
    _own_view: View | None = None

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Make the folder for the sockets, and have the kernel's manager use it."""
        reason = bubblewrap.available()
        if reason:
            raise SandboxUnavailable(reason)
        if self.view is None:
            self.view = self._own_view = view_of(self.lesson)
        if self.exchange is None:
            self.exchange = short_folder()
        manager: Any = self.parent
        manager.transport = "ipc"
        manager.ip = str(self.exchange / "k")
        manager.cache_ports = False
        self.kernel_spec.interrupt_mode = "message"
        kwargs["env"] = {}
        return await super().pre_launch(**kwargs)

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Start the sandbox; whatever command the kernelspec names, it is our kernel that runs."""
        assert self.exchange is not None
        limits = self.limits or Limits()
        manager: Any = self.parent
        connection_file = Path(manager.connection_file).resolve()
        filter_descriptor = bubblewrap.filter_descriptor()
        passed = () if filter_descriptor is None else (filter_descriptor,)
        command = bubblewrap.command(self.view, self.exchange, connection_file, limits, filter_descriptor)
        command += program(self.view, limits, str(connection_file), self.wall)
        try:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env={},
                pass_fds=passed,
                start_new_session=True,
            )
        finally:
            for descriptor in passed:
                os.close(descriptor)
        assert self.process.stderr is not None
        os.set_blocking(self.process.stderr.fileno(), False)
        self.pid = self.pgid = self.process.pid
        self.watchdog = Watchdog(self.process.pid, limits, self.exchange)
        self.watchdog.start()
        return self.connection_info

    async def wait(self) -> int | None:
        """Wait for the sandbox's end; what it was killed for needs no patience."""
        while self.process is not None and self.process.poll() is None:
            await asyncio.sleep(0.005)
        self._close()
        return 0

    async def cleanup(self, restart: bool = False) -> None:
        """Take the folders away."""
        self._close()
        if not restart:
            if self.exchange is not None:
                shutil.rmtree(self.exchange, ignore_errors=True)
                self.exchange = None
            if self._own_view is not None:
                self._own_view.remove()
                self.view = self._own_view = None

    def said(self) -> str:
        """What the sandbox wrote to its error stream before the kernel took that over."""
        stream = self.process.stderr if self.process is not None else None
        return (stream.read(4096) or b"").decode(errors="replace").strip() if stream else ""

    def _close(self) -> None:
        if self.watchdog is not None:
            self.watchdog.stop()
        if self.process is not None and self.process.poll() is not None:
            if self.process.stderr:
                self.process.stderr.close()
            self.process = None


def program(view: View, limits: Limits, connection_file: str, wall: str) -> list[str]:
    """The command of a kernel that sees a view, within or (unsafely) without a sandbox."""
    most = {"AS": limits.address_space, "FSIZE": limits.file_size, "NOFILE": limits.open_files, "CORE": 0}
    if _counts_tasks_apart():
        # a ceiling above what the watchdog allows, so that it is the watchdog that ends the sandbox
        most["NPROC"] = 2 * limits.tasks
    config = {
        "path": view.import_path,
        "rlimits": most,
        "caches": {"MPLCONFIGDIR": str(view.folder / "fonts")},
        "wall": wall,
    }
    return [sys.executable, "-I", "-S", str(view.boot), json.dumps(config), "-f", connection_file]


def _counts_tasks_apart() -> bool:
    """Whether Linux counts the tasks of each sandbox by itself (from 5.14 on), and bounds this user's at all."""
    release = tuple(int(part) for part in re.findall(r"\d+", os.uname().release)[:2])
    return release >= (5, 14) and os.getuid() != 0


def short_folder() -> Path:
    """A new private folder whose path leaves room for the names of sockets."""
    for parent in (os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), "/tmp"):
        if parent and len(parent) < LONGEST_FOLDER - 16 and os.access(parent, os.W_OK):
            return Path(tempfile.mkdtemp(prefix="wall-", dir=parent))
    raise SandboxUnavailable("There is no folder with a short path for the sandbox's sockets: set TMPDIR to one.")


def register() -> None:
    """Make the provisioner known in this process, for a course that was not installed anew since it has it."""
    KernelProvisionerFactory.provisioners.setdefault(
        NAME, EntryPoint(NAME, f"{__name__}:BubblewrapProvisioner", KernelProvisionerFactory.GROUP_NAME)
    )
