"""The recording proxy: the only way in which a trial reaches an implementation."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import time
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from autograder import beside
from autograder.beside import Fault, Opaque, Outcome
from autograder.observers import OBSERVERS


@dataclasses.dataclass(frozen=True)
class Call:
    """One call that a trial made: how it reads, what went in, and its outcome."""

    name: str
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]
    outcome: Outcome


class Side(Protocol):
    """Where an implementation lives. Handles are whatever the side uses to name its objects."""

    def invoke(
        self, handle: Any, method: str, arguments: tuple[Any, ...], keywords: dict[str, Any], observer: str
    ) -> Outcome:
        """Call the object behind `handle`, or its `method`, on copies of the arguments."""
        ...

    def attribute(self, handle: Any, name: str) -> Any:
        """The attribute as plain data, an Opaque that holds a new handle, or a Fault; METHOD if it is to be called."""
        ...

    def rehearsal(self) -> Side:
        """A side in this process whose calls take the same way: what is timed on both is timed alike."""
        ...

    def clock(self) -> float:
        """Seconds of computing so far, here and there: how busy others keep the machine does not count."""
        ...


METHOD = object()


class Here:
    """The side in this process: handles are the objects themselves."""

    def __init__(self, printed: beside.Capture | None = None, on_progress: Callable[[str], None] | None = None) -> None:
        self.printed = printed
        self.on_progress = on_progress
        self._twins: dict[int, tuple[Any, Any]] = {}

    def invoke(
        self, handle: Any, method: str, arguments: tuple[Any, ...], keywords: dict[str, Any], observer: str
    ) -> Outcome:
        """Call the object, or its method, on copies of the arguments."""
        function = handle
        if method:
            try:
                function = getattr(handle, method)
            except Exception as error:
                return Outcome(beside.fault_of(error, type(handle)))
        inside = tuple(self._receive(argument) for argument in arguments)
        inside_keywords = {name: self._receive(value) for name, value in keywords.items()}
        return beside.invoke(function, inside, inside_keywords, OBSERVERS[observer] if observer else None, self.printed)

    def attribute(self, handle: Any, name: str) -> Any:
        """The attribute as plain data, an Opaque, a Fault, or METHOD if it is to be called."""
        try:
            value = getattr(handle, name)
        except Exception as error:
            return beside.fault_of(error, type(handle))
        if inspect.ismethod(value) or inspect.isfunction(value) or inspect.isbuiltin(value):
            return METHOD
        return beside.plain(value)

    def rehearsal(self) -> Side:
        """Another one."""
        return Here(beside.Capture())

    def clock(self) -> float:
        """Seconds of computing in this process."""
        return time.process_time()

    def _receive(self, value: Any) -> Any:
        if isinstance(value, Proxy):
            return value._handle
        if isinstance(value, np.random.Generator) or beside.is_torch_generator(value) or beside.is_network(value):
            return self._twin(value)
        if isinstance(value, np.ndarray):
            return np.array(value, copy=True)
        if beside.is_tensor(value):
            return value.detach().clone().requires_grad_(value.requires_grad)
        if isinstance(value, list | tuple):
            return type(value)(self._receive(item) for item in value)
        if isinstance(value, dict):
            return {key: self._receive(item) for key, item in value.items()}
        if getattr(value, "spec", None) is not None and hasattr(value, "observation_space"):
            return self._rebuilt(value)
        return value if callable(value) else copy.deepcopy(value)

    def _twin(self, value: Any) -> Any:
        """What has a state is copied once: how an implementation draws or learns changes nobody's inputs."""
        if id(value) not in self._twins:
            if isinstance(value, np.random.Generator):
                twin: Any = value.spawn(1)[0]
            elif beside.is_network(value):
                twin = copy.deepcopy(value)
            else:
                twin = type(value)(device=value.device)
                twin.set_state(value.get_state())
            self._twins[id(value)] = (value, twin)
        return self._twins[id(value)][1]

    def _rebuilt(self, environment: Any) -> Any:
        """Environments cross as their specification, so that nobody can reach into the one that judges."""
        from autograder.sandbox.receiving import environment as made

        fresh = made(environment.spec.to_json())
        if self.on_progress is not None:
            # many users at once hardly ever begin anew all together: their steps tell how far a training is
            method, unit = ("step", "steps") if hasattr(fresh, "num_envs") else ("reset", "episodes")
            usual, on_progress = getattr(fresh, method), self.on_progress

            def counted(*arguments: Any, **keywords: Any) -> Any:
                on_progress(unit)
                return usual(*arguments, **keywords)

            setattr(fresh, method, counted)
        return fresh


class Proxy:
    """Stands for an object on some side; calls and attributes go through and are recorded."""

    __slots__ = ("_handle", "_name", "_record", "_side", "_what")

    def __init__(self, side: Side, handle: Any, name: str, record: list[Call], what: str = "") -> None:
        self._side, self._handle, self._name, self._record, self._what = side, handle, name, record, what

    def __repr__(self) -> str:
        return self._name

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        """Call what it stands for; the result is plain data, another proxy or a Fault."""
        return _call(self, "", arguments, keywords).result

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # protocols that numpy and others probe for are none of the implementation's
            raise AttributeError(name)
        found = self._side.attribute(self._handle, name)
        if found is METHOD:
            return lambda *arguments, **keywords: _call(self, name, arguments, keywords).result
        return _outside(self, found, name)

    def __len__(self) -> int:
        length = _call(self, "__len__", (), {}).result
        if isinstance(length, Fault):
            raise TypeError(length.message)
        return int(length)


@dataclasses.dataclass(frozen=True)
class Observed:
    """A call with what it left behind: `left[i]` is argument i afterwards, a generator or a network as its state."""

    result: Any
    left: tuple[Any, ...]


def observed(function: Any, *arguments: Any, **keywords: Any) -> Observed:
    """Call through the proxy and see the arguments as they were left."""
    outcome = _call(function, "", arguments, keywords)
    if isinstance(outcome.result, Fault):  # what a call left behind that never came to its end is no merit
        return Observed(outcome.result, tuple(outcome.result for _ in arguments))
    return Observed(outcome.result, outcome.left)


def gradient(function: Any, *arguments: Any, wrt: int = 0, of: int | None = None) -> Any:
    """The gradient of what `function` returns with respect to argument `wrt`, taken beside the implementation.

    Of several results it is that of number `of` alone, or of all together if None.
    """
    return _call(function, "", arguments, {"wrt": wrt, "of": of}, "gradient").result


def flows(function: Any, *arguments: Any, wrt: int = 0, of: int | None = None) -> Any:
    """Whether a gradient other than 0 and NaN reaches argument `wrt`, of result number `of` or of all together."""
    return derived(lambda slopes: bool(np.abs(slopes).max() > 0), gradient(function, *arguments, wrt=wrt, of=of))


def traced(function: Any, *arguments: Any) -> Any:
    """Devices, dtypes, shapes and operations of a run on torch's meta device, beside the implementation."""
    return _call(function, "", arguments, {}, "traced").result


def repeated(function: Any, times: int, *arguments: Any, **keywords: Any) -> Any:
    """The results of `times` calls with the same arguments, for what is random."""
    return _call(function, "", arguments, {**keywords, "times": times}, "repeated").result


def raced(function: Any, times: int, *arguments: Any) -> Any:
    """The first and the last result of `times` calls. Nothing is kept of these calls: they are many and large."""
    if not isinstance(function, Fault):
        function = Proxy(function._side, function._handle, function._name, [])
    return _call(function, "", arguments, {"times": times}, "raced").result


def rival(function: Any, other: Callable[..., Any]) -> Any:
    """A function of the grader's own, called here and in the way in which `function` is called where it is."""
    return function if isinstance(function, Fault) else Proxy(function._side.rehearsal(), other, other.__name__, [])


def clock(function: Any) -> float:
    """Seconds of computing, in this process and on the side on which `function` is called."""
    return time.process_time() if isinstance(function, Fault) else float(function._side.clock())


def greedy(network: Any, *arguments: Any) -> Any:
    """The best item [B] by the scores [B, K] that a network gives, found beside it: the scores need not cross."""
    return _call(network, "", arguments, {}, "greedy").result


def derived(function: Callable[..., Any], *values: Any) -> Any:
    """`function(*values)` on the grader's side; a fault among the values, or raised by it, becomes the observation."""
    for value in values:
        if isinstance(value, Fault):
            return value
    try:
        return function(*values)
    except Exception as error:
        return Fault("unusable", f"what it returned could not be used here ({error})")


def _call(proxy: Any, method: str, arguments: tuple[Any, ...], keywords: dict[str, Any], observer: str = "") -> Outcome:
    if isinstance(proxy, Fault):
        return Outcome(proxy)
    for value in (*arguments, *keywords.values()):
        if isinstance(value, Fault):
            return Outcome(value)
    # what went in is kept as it was: the trial may change its own arrays between two calls
    kept = tuple(_kept(argument) for argument in arguments)
    outcome = proxy._side.invoke(proxy._handle, method, arguments, keywords, observer)
    name = f"{proxy._name}.{method}" if method else proxy._name
    asked_of_observer = ("wrt", "of", "times") if observer else ()
    shown = {key: _kept(value) for key, value in keywords.items() if key not in asked_of_observer}
    proxy._record.append(Call(name, kept, shown, outcome))
    return dataclasses.replace(outcome, result=_outside(proxy, outcome.result, f"{name}(...)"))


def _outside(proxy: Proxy, value: Any, name: str) -> Any:
    if isinstance(value, Opaque) and value.held is not None:
        return Proxy(proxy._side, value.held, name, proxy._record, value.what)
    return value


def as_observation(value: Any) -> Any:
    """What a trial yields, copied: plain data, and what is none in words; of several results the first that failed."""
    if isinstance(value, list | tuple):
        for item in value:
            if isinstance(item, Fault):
                return item
    return Opaque(value._what) if isinstance(value, Proxy) else beside.plain(value)


def _kept(value: Any) -> Any:
    return beside.plain(value) if beside.is_mutable_data(value) or isinstance(value, tuple) else value
