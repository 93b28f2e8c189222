"""Watching a run on torch's meta device: which operations it asks for, and each way in which it leaves the device.

This module imports nothing of the grader, so that it can be carried into a sandbox as it is.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

COPIES = {"item", "tolist", "numpy", "cpu"}
ASKS = {
    "__bool__": "`if`, `and`, `max` or `bool` of a tensor asks the device for a value",
    "__int__": "`int` of a tensor asks the device for a value",
    "__float__": "`float` of a tensor asks the device for a value",
    "__index__": "a tensor that counts or indexes in Python asks the device for a value",
    "__array__": "NumPy was given a tensor of the device",
}
SIZES = {"nonzero", "argwhere", "masked_select", "unique", "unique_consecutive", "bincount", "repeat_interleave"}
READS = "a tensor of one number as an index, `x[i]`, is read back by the host"
WAITS = "a tensor whose size depends on values, as that of `x[mask]`, has the host wait for the device"


class Watch:
    """Keeps `operations` that were dispatched and, in words, how the `device` was `left`, each once."""

    def __init__(self, device: str = "meta") -> None:
        self.device = torch.device(device)
        self.operations: list[str] = []
        self.left: list[str] = []
        self.called = ""

    def move(self, value: Any) -> Any:
        """`value` with each tensor in it on the device."""
        if isinstance(value, torch.Tensor):
            return value.to(self.device)
        if isinstance(value, dict):
            return {key: self.move(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(self.move(item) for item in value)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
            return dataclasses.replace(value, **self.move(fields))
        return value

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Watch what is done within."""
        with _Dispatched(self), _Called(self):
            yield

    def call(self, function: Any, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> None:
        """Note it if this function of torch's brings something to the host."""
        self.called = getattr(function, "__name__", "")
        if self.called in COPIES or (self.called in ("to", "type") and _names_the_cpu(arguments, keywords)):
            self._note(f"`.{self.called}()` brings a tensor to the host")
        elif self.called in ASKS:
            self._note(ASKS[self.called])
        elif self.called in SIZES or (self.called == "where" and len(arguments) + len(keywords) == 1):
            self._note(WAITS)
        elif self.called == "__getitem__":
            for part in _flat(arguments[1:]):
                if isinstance(part, torch.Tensor) and part.dtype in (torch.bool, torch.uint8):
                    self._note(WAITS)

    def begin(self, operation: Any, arguments: Any, keywords: Any) -> None:
        """Note it if an operation that is about to be dispatched reads a number of the device, or mixes devices."""
        self.operations.append(str(operation))
        given = [x for x in _flat((arguments, keywords)) if isinstance(x, torch.Tensor)]
        away = self._away(given)
        if "_local_scalar_dense" in str(operation) and given[0].device.type == self.device.type:
            self._note(READS if self.called == "__getitem__" else f"`{self.called}` reads a value back to the host")
        if away and len(away) < len(given):
            self._note(f"`{self.called}` was given a tensor that lies on the {away[0].device.type.upper()}")

    def end(self, result: Any) -> None:
        """Note it if an operation made its result elsewhere."""
        if self._away([x for x in _flat(result) if isinstance(x, torch.Tensor)]):
            self._note(f"`{self.called}` makes a tensor on the default device")

    def _away(self, tensors: list[Any]) -> list[Any]:
        """Those that lie elsewhere; one number may, since it goes along with the call."""
        return [x for x in tensors if x.device.type != self.device.type and x.ndim > 0]

    def _note(self, words: str) -> None:
        if words not in self.left:
            self.left.append(words)


class _Called(TorchFunctionMode):
    """Sees torch's functions by the names that one calls them by."""

    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self.watch = watch

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.watch.call(function, args, kwargs or {})
        return function(*args, **(kwargs or {}))


class _Dispatched(TorchDispatchMode):
    """Sees the operations that they come down to."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # what is skipped has all of the compiler imported first, which takes seconds

    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self.watch = watch

    def __torch_dispatch__(self, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.watch.begin(operation, args, kwargs or {})
        result = operation(*args, **(kwargs or {}))
        self.watch.end(result)
        return result


def waits_on_cuda(function: Callable[..., Any], arguments: Sequence[Any], keywords: Mapping[str, Any]) -> list[str]:
    """In words, that `function` had the host wait for a CUDA device; nothing where it did not, or where there is none.

    Errors of other kinds are nothing here: the meta device has shown them already.
    """
    if not torch.cuda.is_available():
        return []
    watch, before = Watch("cuda"), torch.cuda.get_sync_debug_mode()
    moved = [watch.move(value) for value in arguments]
    named = {key: watch.move(value) for key, value in keywords.items()}
    torch.cuda.synchronize()
    try:
        torch.cuda.set_sync_debug_mode("error")
        function(*moved, **named)
    except RuntimeError as error:
        return ["it had the host wait for the CUDA device"] if "synchroniz" in str(error) else []
    finally:
        torch.cuda.set_sync_debug_mode(before)
    return []


def _flat(value: Any) -> Iterator[Any]:
    if isinstance(value, list | tuple):
        for item in value:
            yield from _flat(item)
    elif isinstance(value, dict):
        yield from _flat(list(value.values()))
    else:
        yield value


def _names_the_cpu(arguments: Sequence[Any], keywords: Mapping[str, Any]) -> bool:
    named = [x for x in _flat((list(arguments[1:]), dict(keywords))) if isinstance(x, str | torch.device)]
    return any(str(x).startswith("cpu") for x in named)
