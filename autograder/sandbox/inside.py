"""The wall's inner side: answers the host's calls on the learner's objects, in the kernel's main thread.

Whatever the learner does to it harms the learner alone: the host believes nothing but plain data.
"""

from __future__ import annotations

import contextlib
import inspect
import signal
import socket
from collections.abc import Callable, Iterator
from typing import Any

from autograder import beside
from autograder.beside import Fault, Outcome
from autograder.observers import OBSERVERS
from autograder.sandbox import codec, receiving
from autograder.sandbox.codec import Handle, Refused

_connection: list[socket.socket] = []


def connect(path: str) -> None:
    """Reach the host, before any of the learner's code runs."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.connect(path)
    _connection.append(connection)


def serve_in(kernel: Any) -> None:
    """Have the kernel serve the wall whenever the host asks it to, between two cells."""
    inner = Inside(_connection.pop(), kernel.shell.user_ns)
    kernel.shell_handlers["wall"] = lambda stream, ident, parent: inner.serve()


class Inside:
    """The objects that the host knows by number, and what may be done with them."""

    def __init__(self, connection: socket.socket, namespace: dict[str, Any]) -> None:
        self.connection, self.namespace = connection, namespace
        self.held: dict[int, Any] = {}
        self.passing: dict[int, Any] = {}
        self.twins: dict[int, Any] = {}
        self.last_number = 0
        self.operations: dict[str, Callable[..., Any]] = {
            "hold": self.hold,
            "enter": self.enter,
            "invoke": self.invoke,
            "attribute": self.attribute,
        }

    def serve(self) -> None:
        """Answer requests until the host has done. An interrupt counts only while the learner's code runs."""
        usual = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            while self.answer():
                pass
        finally:
            signal.signal(signal.SIGINT, usual)

    def answer(self) -> bool:
        """Answer one request, and say whether there is more to come. The last part is the request's token."""
        *parts, token = codec.unframe(self._read)
        try:
            operation, *arguments = codec.decode(parts, receive=self.receive)
            if operation == "done":
                return False
            reply = codec.encode(self.operations[operation](*arguments), hold=self.keep)
        except BaseException as error:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            reply = codec.encode(_fault(error))
        self.connection.sendall(b"".join(codec.frame([*reply, token])))
        return True

    def hold(self, name: str) -> Any:
        """Keep what the learner calls `name` as it is now: its number, and how it may be called; None if unbound."""
        if name not in self.namespace:
            return None
        value = self.namespace[name]
        self.last_number += 1
        self.held[self.last_number] = value
        with _for_the_learner():
            return {
                "handle": Handle(self.last_number),
                "callable": callable(value),
                "class": inspect.isclass(value),
                "kind": type(value).__name__[:100],
                "name": str(getattr(value, "__name__", ""))[:100],
                "parameters": _parameters(value),
            }

    def enter(self) -> None:
        """Enter a new side: what was made on the one before is forgotten."""
        self.passing.clear()
        self.twins.clear()

    def invoke(
        self, target: Any, method: str, arguments: tuple[Any, ...], keywords: dict[str, Any], observer: str
    ) -> Any:
        """Call an object, or its method, through an observer if one is named."""
        with _for_the_learner() as printed:
            if method:
                try:
                    target = getattr(target, method)
                except Exception as error:
                    return Outcome(beside.fault_of(error, type(target)))
            observing = OBSERVERS[observer] if observer else None
            return beside.invoke(target, arguments, keywords, observing, printed)

    def attribute(self, target: Any, name: str) -> Any:
        """Whether an attribute is to be called, and if not, the attribute."""
        with _for_the_learner():
            try:
                value = getattr(target, name)
            except Exception as error:
                return False, beside.fault_of(error, type(target))
            if inspect.ismethod(value) or inspect.isfunction(value) or inspect.isbuiltin(value):
                return True, None
            return False, beside.plain(value)

    def keep(self, value: Any) -> int:
        """The number of a result that stays here, for as long as the host is on this side."""
        self.last_number += 1
        self.passing[self.last_number] = value
        return self.last_number

    def receive(self, name: str, payload: Any) -> Any:
        """What the host sent that is no plain data, made here."""
        if name == "handle":
            for store in (self.held, self.passing):
                if payload in store:
                    return store[payload]
            raise Refused("what it stands for is gone")
        if name == "twin":
            return self.twins[payload]
        made = receiving.MAKERS[name](payload)
        if name in receiving.TWINS:
            self.twins[payload[0]] = made
        return made

    def _read(self, count: int) -> bytearray:
        room = bytearray(count)
        view = memoryview(room)
        while view:
            got = self.connection.recv_into(view)
            if not got:
                raise SystemExit(0)
            view = view[got:]
        return room


@contextlib.contextmanager
def _for_the_learner() -> Iterator[beside.Capture]:
    """Let an interrupt through, and capture what is printed."""
    with beside.quiet() as printed:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            yield printed
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)


def _fault(error: BaseException) -> Fault:
    if isinstance(error, Refused):
        return Fault("refused", str(error))
    if isinstance(error, KeyboardInterrupt):
        return Fault("timeout", "it took too long and was interrupted")
    if isinstance(error, MemoryError):
        return Fault("memory", "it needs more memory than there is")
    return Fault("unusable", f"what it returned could not be read ({type(error).__name__})")


def _parameters(value: Any) -> list[list[Any]] | None:
    try:
        parameters = inspect.signature(value).parameters.values()
    except Exception:
        return None
    return [[str(p.name), int(p.kind), p.default is not p.empty] for p in parameters]
