"""One sandboxed kernel as the host sees it: cells are run, calls are made, and nothing that it says is believed."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
import shutil
import socket
import tempfile
import time
from pathlib import Path
from typing import Any

import zmq
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager
from jupyter_core.utils import run_sync

from autograder.errors import CourseError
from autograder.sandbox import bubblewrap, outputs, provisioner
from autograder.sandbox.limits import WAITING, Limits
from autograder.sandbox.processes import Processes
from autograder.sandbox.provisioner import BubblewrapProvisioner
from autograder.sandbox.view import View

TICK = 0.05
# how long an interrupted cell or call may take to stop, and the last outputs to arrive
GRACE, LAST_OUTPUTS = 2.0, 0.5
SOCKETS = 5


class KernelFailed(CourseError):
    """A kernel did not start."""


@dataclasses.dataclass
class CellRun:
    """A cell that was run: its outputs, sanitised, and what went wrong as a kind of fault and a sentence."""

    outputs: list[dict[str, Any]]
    fault: tuple[str, str] | None = None


@functools.cache
def _shared_context(process: int) -> zmq.Context[Any]:
    """One for all kernels of this process: to end one can take a second."""
    return zmq.Context()


class Clock:
    """Whether something has taken too long: seconds of computing, or three times as many of waiting."""

    def __init__(self, kernel: Kernel, seconds: float) -> None:
        self.kernel, self.limit = kernel, seconds
        self.began = time.monotonic()
        self.computed = kernel.computed()

    def over(self) -> bool:
        """Looks at the processes only once the time has passed on the wall."""
        passed = time.monotonic() - self.began
        if passed < self.limit:
            return False
        return passed > WAITING * self.limit or self.kernel.computed() - self.computed > self.limit


class Kernel:
    """A kernel that is started at once. `unsafe` starts it without a sandbox."""

    def __init__(self, view: View, limits: Limits, *, unsafe: bool = False) -> None:
        self.limits = limits
        self.fault: tuple[str, str] | None = None
        self.private = Path(tempfile.mkdtemp(prefix="kernel-"))
        self.exchange = provisioner.short_folder()
        self.context: zmq.Context[Any] = zmq.Context(_shared_context(os.getpid()))
        for option, value in ((zmq.MAXMSGSIZE, limits.message), (zmq.RCVHWM, 32), (zmq.LINGER, 0)):
            self.context.setsockopt(option, value)
        self.sockets: dict[str, Any] = {}
        self.lost: Any = None
        self.channel: Any = None
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(str(self.exchange / "w"))
        self.listener.listen(1)
        try:
            self._launch(view, unsafe)
            self._connect()
        except BaseException:
            self.close()
            raise

    def _launch(self, view: View, unsafe: bool) -> None:
        provisioner.register()
        reason = "" if unsafe else bubblewrap.available()
        if reason:
            raise provisioner.SandboxUnavailable(reason)
        connection_file = self.private / "connection.json"
        wall = str(self.exchange / "w")
        config = {"limits": self.limits, "view": view, "wall": wall, "exchange": self.exchange}
        chosen = {"provisioner_name": provisioner.NAME, "config": config}
        spec = KernelSpec(
            argv=provisioner.program(view, self.limits, str(connection_file), wall),
            display_name="Python 3",
            language="python",
            interrupt_mode="message",
            metadata={} if unsafe else {"kernel_provisioner": chosen},
        )
        self.manager = KernelManager(context=self.context, connection_file=str(connection_file), transport="ipc")
        self.manager.ip = str(self.exchange / "k")
        self.manager._kernel_spec = spec
        environment = {"PATH": os.defpath, "HOME": str(self.private), "MPLCONFIGDIR": str(self.private / "fonts")}
        self.manager.start_kernel(env=environment, cwd=str(self.private))
        started = self.manager.provisioner
        self.provisioner: Any = started
        self.watchdog = started.watchdog if isinstance(started, BubblewrapProvisioner) else None

    def _connect(self) -> None:
        """Take the wall's connection, then connect to the kernel's sockets: once, since it may replace them later."""
        deadline = time.monotonic() + self.limits.start_seconds
        self.listener.settimeout(TICK)
        while self.channel is None:
            with contextlib.suppress(TimeoutError):
                self.channel, _ = self.listener.accept()
            self._check_start(deadline)
        self.channel.settimeout(TICK)
        self.listener.close()
        while len([name for name in os.listdir(self.exchange) if name.startswith("k-")]) < SOCKETS:  # noqa: PTH208
            self._check_start(deadline)
            time.sleep(0.005)
        # the manager's own connection would be made again and again
        self.manager._close_control_socket()
        self.context.setsockopt(zmq.RECONNECT_IVL, -1)
        self.sockets = {
            "shell": self.manager.connect_shell(),
            "control": self.manager.connect_control(),
            "iopub": self.manager.connect_iopub(),
        }
        self.poller = zmq.Poller()
        # a message that is too large costs the connection, which is not made again
        self.lost = self.sockets["iopub"].get_monitor_socket(zmq.EVENT_DISCONNECTED)
        for waited_for in (self.sockets["shell"], self.sockets["iopub"], self.lost):
            self.poller.register(waited_for, zmq.POLLIN)
        request = self.send("shell", "kernel_info_request")
        while True:
            self._check_start(deadline)
            if any(message["parent_header"].get("msg_id") == request for message in self.receive("shell", TICK)):
                return

    def _check_start(self, deadline: float) -> None:
        if not self.alive() or time.monotonic() > deadline:
            said = self.provisioner.said() if isinstance(self.provisioner, BubblewrapProvisioner) else ""
            reason = said or (self.watchdog.breach[1] if self.watchdog and self.watchdog.breach else "")
            raise KernelFailed(f"The kernel of the sandbox did not start: {reason or 'it said nothing'}.")

    def alive(self) -> bool:
        """Whether it still runs. Once it does not, `fault` says why."""
        process = self.provisioner.process
        if self.fault is None and (process is None or process.poll() is not None):
            breach = self.watchdog.breach if self.watchdog else None
            self.fault = breach or ("crash", "The submission ended its own kernel.")
        return self.fault is None

    def computed(self) -> float:
        """Seconds that all its processes have computed, as last counted."""
        return self.watchdog.last.seconds if self.watchdog else Processes(self.provisioner.pid).seconds()

    def clock(self) -> float:
        """Seconds that its processes have computed, as the host counts them now: none of theirs to tell."""
        processes = self.watchdog.processes if self.watchdog else Processes(self.provisioner.pid)
        return processes.precise()

    def interrupt(self) -> None:
        """Ask what runs in it to stop."""
        self.send("control", "interrupt_request")

    def kill(self, kind: str, message: str) -> None:
        """End it, and say why."""
        if self.fault is None:
            # what the watchdog saw comes first: it ends the kernel, and what else is seen of that is only its end
            self.fault = (self.watchdog.breach if self.watchdog else None) or (kind, message)
        self._end()

    def close(self) -> None:
        """End it and take everything away."""
        self.listener.close()
        if self.channel is not None:
            self.channel.close()
        if self.lost is not None:
            self.sockets["iopub"].disable_monitor()
            self.lost.close(linger=0)
        for opened in self.sockets.values():
            opened.close(linger=0)
        self.sockets, self.lost = {}, None
        if hasattr(self, "provisioner"):
            self.manager._close_control_socket()
            self._end()
            run_sync(self.provisioner.wait)()
            run_sync(self.provisioner.cleanup)()
        for folder in (self.private, self.exchange):
            shutil.rmtree(folder, ignore_errors=True)

    def _end(self) -> None:
        process = self.provisioner.process
        if process is not None and process.poll() is None:
            if self.watchdog is not None:
                self.watchdog.processes.end()
            process.kill()
            process.wait()

    def send(self, channel: str, kind: str, content: dict[str, Any] | None = None) -> str:
        """Send a message, and give its id."""
        session = self.manager.session
        message = session.msg(kind, content=content or {})
        with contextlib.suppress(zmq.ZMQError):  # it may have ended: whoever waits for the answer will see that
            session.send(self.sockets[channel], message)
        return str(message["header"]["msg_id"])

    def receive(self, channel: str, seconds: float) -> list[dict[str, Any]]:
        """What has arrived within so many seconds at most; what cannot be read is dropped."""
        source = self.sockets[channel]
        found: list[dict[str, Any]] = []
        if not source.poll(int(seconds * 1000)):
            return found
        with contextlib.suppress(zmq.Again):
            while len(found) < 100:
                parts = source.recv_multipart(zmq.NOBLOCK)
                with contextlib.suppress(Exception):  # whatever a hostile kernel sent: it is no message
                    _, signed = self.manager.session.feed_identities(parts)
                    message = self.manager.session.deserialize(signed)
                    if isinstance(message["parent_header"], dict) and isinstance(message["content"], dict):
                        message["bytes"] = sum(map(len, parts))
                        found.append(message)
        return found

    def run_cell(self, source: str) -> CellRun:
        """Run a cell: one that takes too long or prints too much is interrupted, and ends the kernel if it goes on."""
        content = {"code": source, "silent": False, "store_history": True, "allow_stdin": False, "stop_on_error": False}
        request = self.send("shell", "execute_request", content)
        clock = Clock(self, self.limits.cell_seconds)
        collected = outputs.Collector(request, self.limits.output)
        stopped: tuple[str, str] | None = None
        stopped_at = 0.0
        while self.alive():
            ready = dict(self.poller.poll(int(TICK * 1000)))
            if self.lost in ready:
                self._end_of_outputs()
                break
            for message in self.receive("iopub", 0):
                collected.add(message)
            if any(_answers(message, request) for message in self.receive("shell", 0)):
                break
            if stopped is None and (clock.over() or collected.full):
                stopped = self._too_much(collected.full)
                stopped_at = time.monotonic()
                self.interrupt()
            elif stopped is not None and time.monotonic() - stopped_at > GRACE:
                self.kill(*stopped)
        deadline = time.monotonic() + LAST_OUTPUTS
        while self.alive() and not collected.idle and time.monotonic() < deadline:
            for message in self.receive("iopub", TICK):
                collected.add(message)
        return CellRun(collected.outputs(), stopped or self.fault)

    def _too_much(self, full: bool) -> tuple[str, str]:
        if full:
            return "refused", self._flood()
        return "timeout", f"A cell ran for more than {self.limits.cell_seconds:g} seconds and was interrupted."

    def _end_of_outputs(self) -> None:
        """The output channel is gone: the kernel has ended, or it sent more at once than may be sent."""
        deadline = time.monotonic() + LAST_OUTPUTS
        while self.alive() and time.monotonic() < deadline:
            time.sleep(TICK / 5)
        self.kill("refused", self._flood())

    def _flood(self) -> str:
        return f"A cell put out more than {self.limits.output >> 10} KiB and was stopped."


def _answers(message: dict[str, Any], request: str) -> bool:
    return message["header"].get("msg_type") == "execute_reply" and message["parent_header"].get("msg_id") == request
