"""The wall's wire: plain data as msgpack, arrays beside it as dtype, shape and bytes. Nothing is unpickled.

A message is a list of parts: the structure, in which a container is a list that opens with its tag, then one part for
each array. What is read is bounded in size, depth and count before anything is made of it. This module imports
nothing of the grader but `beside`, so that it can be carried into a sandbox as it is.
"""

from __future__ import annotations

import dataclasses
import math
import struct
from collections.abc import Callable, Sequence
from typing import Any

import msgpack
import numpy as np

from autograder.beside import Fault, Opaque, Outcome

LIST, TUPLE, DICT, INTEGER, ARRAY, FAULT, OPAQUE, OUTCOME, HANDLE, SPECIAL = range(10)
DTYPES = {
    np.dtype(code).str: np.dtype(code)
    for code in ("?", "i1", "<i2", "<i4", "<i8", "u1", "<u2", "<u4", "<u8", "<f2", "<f4", "<f8")
}
MOST_DIGITS = 4096
HEADER = struct.Struct("!I")
LENGTH = struct.Struct("!Q")


class Refused(ValueError):
    """What may not cross the wall, and why."""


@dataclasses.dataclass(frozen=True)
class Handle:
    """The number of an object that stays inside."""

    number: int


@dataclasses.dataclass(frozen=True)
class Bounds:
    """The most that a message may hold, in bytes, levels and arrays. A list of numbers takes 10 bytes for each."""

    structure: int = 2 << 20
    total: int = 64 << 20
    depth: int = 24
    arrays: int = 10_000


BOUNDS = Bounds()
Special = Callable[[Any], "tuple[str, Any] | None"]
Receive = Callable[[str, Any], Any]


def encode(
    value: Any,
    bounds: Bounds = BOUNDS,
    special: Special | None = None,
    hold: Callable[[Any], int] | None = None,
) -> list[bytes]:
    """The parts of `value`. `special` may name what is no plain data; `hold` gives the object of an Opaque a number.

    Raises Refused for anything else, and for what exceeds the bounds.
    """
    arrays: list[bytes] = []
    room = bounds.total

    def array(value: np.ndarray) -> list[Any]:
        nonlocal room
        plain = np.ascontiguousarray(value).reshape(value.shape)
        plain = plain.astype(plain.dtype.newbyteorder("<"), copy=False)
        if plain.dtype.kind == "f" and plain.dtype.itemsize > 8:
            plain = plain.astype("<f8")
        if plain.dtype.str not in DTYPES:
            raise Refused(f"an array of dtype {value.dtype} cannot cross the wall")
        room -= plain.nbytes
        if room < 0 or len(arrays) >= bounds.arrays:
            raise Refused(_too_large(bounds))
        arrays.append(plain.tobytes())
        return [ARRAY, plain.dtype.str, list(plain.shape), len(arrays)]

    def walk(value: Any, depth: int) -> Any:
        if depth > bounds.depth:
            raise Refused(f"containers nested more than {bounds.depth} deep cannot cross the wall")
        kind = type(value)
        if value is None or kind in (bool, float):
            return value
        if kind in (str, bytes):
            # before it is packed, which takes several times its size
            if len(value) > bounds.structure:
                raise Refused(_too_large(bounds))
            return value
        if kind is int:
            return _integer(value)
        if kind is np.ndarray:
            return array(value)
        if kind is list:
            return [LIST, *(walk(item, depth + 1) for item in value)]
        if kind is tuple:
            return [TUPLE, *(walk(item, depth + 1) for item in value)]
        if kind is dict and all(type(key) is str for key in value):
            return [DICT, *(part for key, item in value.items() for part in (key, walk(item, depth + 1)))]
        if kind is Handle:
            return [HANDLE, value.number]
        if kind is Fault:
            return [FAULT, value.kind[:100], value.message[:400], value.line[:400], value.line_number]
        if kind is Opaque:
            return [OPAQUE, value.what[:200], hold(value.held) if hold and value.held is not None else None]
        if kind is Outcome:
            fields = (value.result, value.left, value.changed, value.mutable, value.printed[:4000])
            return [OUTCOME, *(walk(field, depth + 1) for field in fields)]
        named = special(value) if special else None
        if named is None:
            raise Refused(f"{type(value).__module__}.{type(value).__qualname__} cannot cross the wall")
        return [SPECIAL, named[0], walk(named[1], depth + 1)]

    try:
        structure = msgpack.packb(walk(value, 0), use_bin_type=True)
    except (UnicodeEncodeError, OverflowError, RecursionError) as error:
        raise Refused(f"it cannot cross the wall ({type(error).__name__})") from None
    if len(structure) > bounds.structure or len(structure) > room:
        raise Refused(_too_large(bounds))
    return [structure, *arrays]


def decode(parts: Sequence[bytes], bounds: Bounds = BOUNDS, receive: Receive | None = None) -> Any:
    """The value of a message. Raises Refused for whatever is not exactly what `encode` makes.

    Without `receive` nothing but plain data is made, whatever the message says; with it, handles too are its affair.
    """
    if not parts or len(parts[0]) > bounds.structure or sum(map(len, parts)) > bounds.total:
        raise Refused(_too_large(bounds))
    if len(parts) - 1 > bounds.arrays:
        raise Refused(_too_large(bounds))
    try:
        structure = msgpack.unpackb(parts[0], raw=False, max_map_len=0, max_ext_len=0)
        return _Reader(parts, bounds, receive).read(structure, 0)
    except Refused:
        raise
    except (ValueError, TypeError, IndexError, RecursionError, msgpack.UnpackException) as error:
        raise Refused(f"a message that cannot be read ({type(error).__name__})") from None


def frame(parts: Sequence[bytes]) -> list[bytes]:
    """What is written to a stream for a message: how many parts, how long each is, then the parts."""
    return [HEADER.pack(len(parts)), b"".join(LENGTH.pack(len(part)) for part in parts), *parts]


def unframe(read: Callable[[int], bytearray], bounds: Bounds = BOUNDS) -> list[bytes]:
    """Read a message from a stream; `read` gives exactly so many bytes. Lengths are checked before room is made."""
    (count,) = HEADER.unpack(read(HEADER.size))
    if not 1 <= count <= bounds.arrays + 1:
        raise Refused("a message that cannot be read (its parts)")
    lengths = [length for (length,) in LENGTH.iter_unpack(read(LENGTH.size * count))]
    if lengths[0] > bounds.structure or sum(lengths) > bounds.total:
        raise Refused(_too_large(bounds))
    return [bytes(read(length)) if length else b"" for length in lengths]


def _integer(value: int) -> Any:
    if -(1 << 63) <= value < 1 << 64:
        return value
    if value.bit_length() > MOST_DIGITS:
        raise Refused("a whole number of more than a thousand digits cannot cross the wall")
    return [INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)]


def _too_large(bounds: Bounds) -> str:
    return f"more than {bounds.total >> 20} MiB, or too many parts, cannot cross the wall"


class _Reader:
    """Makes values of a structure, tag by tag; whatever a tag does not allow is refused."""

    def __init__(self, parts: Sequence[bytes], bounds: Bounds, receive: Receive | None) -> None:
        self.parts, self.bounds, self.receive = parts, bounds, receive

    def read(self, node: Any, depth: int) -> Any:
        kind = type(node)
        if node is None or kind in (bool, int, float, str, bytes):
            return node
        if kind is not list or not node or type(node[0]) is not int or depth > self.bounds.depth:
            raise Refused("a message that cannot be read (its structure)")
        tag, *fields = node
        if tag == LIST:
            return [self.read(item, depth + 1) for item in fields]
        if tag == TUPLE:
            return tuple([self.read(item, depth + 1) for item in fields])
        if tag == DICT:
            keys, items = fields[::2], fields[1::2]
            if len(keys) != len(items) or any(type(key) is not str for key in keys):
                raise Refused("a message that cannot be read (its keys)")
            return {key: self.read(item, depth + 1) for key, item in zip(keys, items, strict=True)}
        if tag == INTEGER:
            (digits,) = _typed(fields, bytes)
            if len(digits) > MOST_DIGITS // 8 + 1:
                raise Refused("a whole number of more than a thousand digits cannot cross the wall")
            return int.from_bytes(digits, "little", signed=True)
        if tag == ARRAY:
            return self.array(*_typed(fields, str, list, int))
        if tag == FAULT:
            kind_name, message, line, number = _typed(fields, str, str, str, int)
            return Fault(kind_name[:100], message[:400], line[:400], number)
        if tag == OPAQUE:
            what, number = fields
            if type(what) is not str or type(number) not in (int, type(None)):
                raise Refused("a message that cannot be read (what it is)")
            return Opaque(what[:200], None if number is None else Handle(number))
        if tag == OUTCOME:
            return self.outcome(*fields, depth=depth + 1)
        if tag == HANDLE:
            (number,) = _typed(fields, int)
            return Handle(number) if self.receive is None else self.receive("handle", number)
        if tag == SPECIAL and self.receive is not None:
            name, payload = fields
            return self.receive(name, self.read(payload, depth + 1))
        raise Refused(f"a message that cannot be read (tag {tag})")

    def array(self, code: str, shape: list[Any], place: int) -> np.ndarray:
        dtype = DTYPES.get(code)
        if dtype is None or not 1 <= place < len(self.parts):
            raise Refused("a message that cannot be read (its array)")
        if len(shape) > 32 or any(type(size) is not int or size < 0 for size in shape):
            raise Refused("a message that cannot be read (its shape)")
        if math.prod(shape) * dtype.itemsize != len(self.parts[place]):
            raise Refused("a message that cannot be read (its shape and its length differ)")
        if dtype.kind == "b":
            # a byte that is neither 0 nor 1 is no bool, and numpy would compute with it
            return np.frombuffer(self.parts[place], np.uint8).reshape(shape).astype(bool)
        return np.frombuffer(self.parts[place], dtype).reshape(shape).copy()

    def outcome(self, result: Any, left: Any, changed: Any, mutable: Any, printed: Any, *, depth: int) -> Outcome:
        left, changed = self.read(left, depth), self.read(changed, depth)
        if type(left) is not tuple or type(changed) is not tuple or type(mutable) is not bool:
            raise Refused("a message that cannot be read (its outcome)")
        if any(type(key) not in (int, str) for key in changed) or type(printed) is not str:
            raise Refused("a message that cannot be read (its outcome)")
        return Outcome(self.read(result, depth), left, changed, mutable, printed[:4000])


def _typed(fields: list[Any], *kinds: type) -> list[Any]:
    if len(fields) != len(kinds) or any(type(field) is not kind for field, kind in zip(fields, kinds, strict=True)):
        raise Refused("a message that cannot be read (its fields)")
    return fields
