"""What runs beside an implementation, on whichever side of the wall it lives: copies, calls and faults.

This module imports nothing of the grader, so that it can be carried into a sandbox as it is.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import linecache
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

DEEPEST = 16
MOST_PRINTED = 2_000


@dataclasses.dataclass(frozen=True)
class Fault:
    """What stands in the place of a result that there is not: `kind` is an exception's name or one of our own.

    A fault absorbs what a trial does with it, so that it reaches its own label and no other.
    """

    kind: str
    message: str
    line: str = ""
    line_number: int = 0

    def _absorb(self, *_arguments: Any, **_keywords: Any) -> Fault:
        return self

    __call__ = __getitem__ = _absorb
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _absorb
    __neg__ = __abs__ = __pow__ = __matmul__ = __lt__ = __le__ = __gt__ = __ge__ = _absorb
    __array_ufunc__ = None

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __getattr__(self, name: str) -> Fault:
        if name.startswith("__"):
            raise AttributeError(name)
        return self


@dataclasses.dataclass(frozen=True)
class Opaque:
    """A result that is no plain data and stays where it is; `what` says what it is in words."""

    what: str
    held: Any = dataclasses.field(default=None, compare=False, repr=False)


@dataclasses.dataclass(frozen=True)
class Outcome:
    """One call: its result (plain data, an Opaque or a Fault), and what the result alone does not show."""

    result: Any
    left: tuple[Any, ...] = ()
    changed: tuple[int | str, ...] = ()
    mutable: bool = False
    printed: str = ""


def is_tensor(value: Any) -> bool:
    """Whether `value` is a torch tensor; torch is not imported for it."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def is_torch_generator(value: Any) -> bool:
    """Whether `value` is a torch random generator; torch is not imported for it."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Generator)


def is_network(value: Any) -> bool:
    """Whether `value` is a torch module; torch is not imported for it."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.nn.Module)


def plain(value: Any, depth: int = 0) -> Any:
    """A copy of `value` as plain data: None, bool, int, float, str, arrays, lists, tuples and dicts; else an Opaque."""
    if value is None or isinstance(value, Fault | Opaque):
        return value
    if depth > DEEPEST:
        return Opaque("containers nested more than 16 deep, or a container that holds itself")
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value)
    if isinstance(value, np.ndarray):
        return _plain_array(value)
    if is_tensor(value):
        return _plain_tensor(value)
    if isinstance(value, np.random.Generator):
        return plain(value.bit_generator.state, depth + 1)
    if is_torch_generator(value):
        return _plain_tensor(value.get_state())
    if isinstance(value, Mapping):
        return {str(key): plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, tuple):
        return tuple(plain(item, depth + 1) for item in value)
    if isinstance(value, list | range):
        return [plain(item, depth + 1) for item in value]
    if hasattr(value, "__array__") and not isinstance(value, type):
        with contextlib.suppress(Exception):
            return _plain_array(np.asarray(value))
    return Opaque(in_words(value), held=value)


def _plain_array(array: np.ndarray) -> Any:
    if array.dtype.kind in "biuf":
        return np.array(array, copy=True, subok=False)
    if array.dtype.kind == "O":
        with contextlib.suppress(TypeError, ValueError):
            return np.array(array, dtype=np.float64, subok=False)
    if array.dtype.kind in "US":
        return np.array(array, copy=True, subok=False).tolist()
    return Opaque(f"an array of dtype {array.dtype}", held=array)


def _plain_tensor(tensor: Any) -> Any:
    torch = sys.modules["torch"]
    if tensor.device.type == "meta" or tensor.is_complex():
        return Opaque(f"a tensor on device {tensor.device} with dtype {tensor.dtype}", held=tensor)
    tensor = tensor.detach()
    if tensor.dtype in (torch.bfloat16, torch.float16):
        tensor = tensor.float()
    return np.array(tensor.cpu().numpy(), copy=True)


def in_words(value: Any) -> str:
    """What kind of thing `value` is, with its article: "a str", "an int"."""
    if isinstance(value, type):
        return f"the class {value.__name__}"
    name = type(value).__name__
    if name in ("function", "builtin_function_or_method", "method"):
        return f"the function {getattr(value, '__name__', '')}".strip()
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


def is_mutable_data(value: Any) -> bool:
    """Whether `value` is data that a function could change in place."""
    return isinstance(value, np.ndarray | list | dict) or is_tensor(value)


def same(one: Any, other: Any) -> bool:
    """Whether two plain values are the same to the last bit, NaN equal to itself."""
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        if one.shape != other.shape or one.dtype != other.dtype:
            return False
        return bool(np.array_equal(one, other, equal_nan=one.dtype.kind == "f"))
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other or (one != one and other != other))


class Capture(io.StringIO):
    """Keeps the first characters that are printed and drops the rest."""

    def write(self, text: str) -> int:
        """Keep `text` as far as there is room; the length of the whole, as files answer."""
        room = MOST_PRINTED - self.tell()
        if room > 0:
            super().write(text[:room])
        return len(text)


@contextlib.contextmanager
def quiet() -> Iterator[Capture]:
    """Capture what is printed on either stream, and drop warnings."""
    captured = Capture()
    with (
        contextlib.redirect_stdout(captured),
        contextlib.redirect_stderr(captured),
        warnings.catch_warnings(),
        np.errstate(all="ignore"),
    ):
        warnings.simplefilter("ignore")
        yield captured


def invoke(
    function: Callable[..., Any],
    arguments: Sequence[Any],
    keywords: Mapping[str, Any],
    observer: Callable[..., Any] | None = None,
    printed: Capture | None = None,
) -> Outcome:
    """Call `function` on arguments that are already its own copies, through an observer if one is given."""
    named: dict[int | str, Any] = dict(enumerate(arguments))
    named.update(keywords)
    before = {key: plain(value) for key, value in named.items() if is_mutable_data(value)}
    start = printed.tell() if printed is not None else 0
    try:
        result = observer(function, *arguments, **keywords) if observer else function(*arguments, **keywords)
        result = plain(result)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit and the like are answers too, and wrong ones
        result = fault_of(error, function)
    after = {key: plain(named[key]) for key in before}
    return Outcome(
        result,
        left=tuple(_left(argument) for argument in arguments) if observer is None else (),
        changed=tuple(key for key in before if not same(before[key], after[key])),
        mutable=bool(before),
        printed=printed.getvalue()[start:] if printed is not None else "",
    )


def _left(argument: Any) -> Any:
    return plain(argument.state_dict() if is_network(argument) else argument)


def fault_of(error: BaseException, function: Any) -> Fault:
    """What `error` says, with the line of the implementation's author that it came from."""
    own = getattr(getattr(function, "__code__", None), "co_filename", None)
    grader = Path(__file__).parent
    frames = [f for f in traceback.extract_tb(error.__traceback__) if grader not in Path(f.filename).parents]
    theirs = [f for f in frames if f.filename == own or "ipykernel_" in f.filename or "<ipython" in f.filename]
    frame = theirs[-1] if theirs else (frames[0] if frames else None)
    line = linecache.getline(frame.filename, frame.lineno or 0).strip() if frame else ""
    number = (frame.lineno or 0) if frame else 0
    said = " ".join(str(error).split())[:300]
    if (
        frame
        and not said
        and isinstance(error, NotImplementedError)
        and frame.name != getattr(function, "__name__", "")
    ):
        # a stub that another function calls: whose it is must be told
        said = frame.name
    return Fault(type(error).__name__, said, line, number)
