"""Requests to the wall's inner side, each with its answer, its time and its end."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Any

from autograder.beside import Fault
from autograder.sandbox import codec
from autograder.sandbox.codec import Refused
from autograder.sandbox.kernel import GRACE, TICK, Clock, Kernel

# the token of a message that wants no answer
NONE = bytes(16)


class _Ended(Exception):
    """The kernel has ended."""


class Channel:
    """The stream to one kernel, which serves the wall from the first request until `close` and runs no cell then."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.is_open = False
        self.received = 0

    def ask(self, request: list[bytes], seconds: float) -> Any:
        """The answer to a request, or a Fault: what is late, forged or unreadable is none.

        An answer bears the token of its request, which nobody can know before; a call that takes longer is
        interrupted, and ends the kernel if it goes on.
        """
        if not self.kernel.alive():
            return self._ended()
        if not self.is_open:
            self.kernel.send("shell", "wall")
            self.is_open = True
        patience = _Patience(self.kernel, seconds)
        token = secrets.token_bytes(len(NONE))
        try:
            self._write([*request, token], patience)
            answer = self._answer(token, patience)
        except (_Ended, OSError):
            self.kernel.kill("crash", "The submission ended its own kernel, or closed its side of the wall.")
            return self._ended()
        except Refused:
            self.kernel.kill("refused", "The submission wrote to the wall what is no answer.")
            return self._ended()
        self.received += sum(map(len, answer))
        if self.received > self.kernel.limits.answers:
            return Fault("refused", f"its calls returned more than {self.kernel.limits.answers >> 20} MiB together")
        try:
            return codec.decode(answer)
        except Refused as error:
            return Fault("refused", str(error))

    def close(self) -> None:
        """Let the kernel go on with its cells."""
        if self.is_open and self.kernel.alive():
            try:
                self._write([*codec.encode(("done",)), NONE], _Patience(self.kernel, GRACE))
            except (_Ended, OSError):
                self.kernel.kill("crash", "The submission closed its side of the wall.")
        self.is_open = False

    def _answer(self, token: bytes, patience: _Patience) -> list[bytes]:
        while True:
            *parts, answered = codec.unframe(lambda count: self._read(count, patience))
            if answered == token and parts:
                return parts
            patience.check()

    def _read(self, count: int, patience: _Patience) -> bytearray:
        room = bytearray(count)
        view = memoryview(room)
        while view:
            got = self._wait(self.kernel.channel.recv_into, view, patience)
            if not got:
                raise _Ended
            view = view[got:]
        return room

    def _write(self, parts: list[bytes], patience: _Patience) -> None:
        view = memoryview(b"".join(codec.frame(parts)))
        while view:
            view = view[self._wait(self.kernel.channel.send, view, patience) :]

    def _wait(self, act: Callable[[memoryview], int], view: memoryview, patience: _Patience) -> int:
        while True:
            try:
                return act(view)
            except TimeoutError:
                patience.check()

    def _ended(self) -> Fault:
        # a breach that the watchdog saw is the better reason, and it may take a moment to be known
        deadline = time.monotonic() + GRACE
        while self.kernel.alive() and time.monotonic() < deadline:
            time.sleep(TICK / 5)
        kind, message = self.kernel.fault or ("crash", "The kernel ended.")
        return Fault(kind, message)


class _Patience:
    """How long one request may take."""

    def __init__(self, kernel: Kernel, seconds: float) -> None:
        self.kernel = kernel
        self.clock = Clock(kernel, seconds)
        self.interrupted_at = 0.0

    def check(self) -> None:
        """Called now and then while waiting. Raises _Ended once there is nothing to wait for."""
        if not self.kernel.alive():
            raise _Ended
        if not self.interrupted_at:
            if self.clock.over():
                self.interrupted_at = time.monotonic()
                self.kernel.interrupt()
        elif time.monotonic() - self.interrupted_at > GRACE:
            self.kernel.kill("timeout", "A call could not be interrupted, and its kernel was ended.")
            raise _Ended
