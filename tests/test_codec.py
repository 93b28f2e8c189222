"""The wall's wire: what goes over it comes out as it was, and whatever else comes is refused."""

import contextlib
import math
import pickle
import struct
from typing import Any

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autograder.beside import Fault, Opaque, Outcome, same
from autograder.sandbox import codec
from autograder.sandbox.codec import BOUNDS, Bounds, Handle, Refused, decode, encode

SCALARS = st.none() | st.booleans() | st.integers(-(10**300), 10**300) | st.floats() | st.text(max_size=20)
ARRAYS = hnp.arrays(
    hnp.boolean_dtypes() | hnp.integer_dtypes() | hnp.unsigned_integer_dtypes() | hnp.floating_dtypes(),
    hnp.array_shapes(min_dims=0, min_side=0, max_side=4),
)
PLAIN = st.recursive(
    SCALARS | ARRAYS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)


def crossed(value: Any) -> Any:
    return decode(encode(value))


@given(PLAIN)
def test_plain_data_comes_out_as_it_went_in(value: Any) -> None:
    assert same(crossed(value), little_endian(value))


def little_endian(value: Any) -> Any:
    """The byte order of an array is the machine's affair."""
    if isinstance(value, np.ndarray):
        return value.astype(value.dtype.newbyteorder("<"))
    if isinstance(value, dict):
        return {key: little_endian(item) for key, item in value.items()}
    return type(value)(map(little_endian, value)) if isinstance(value, list | tuple) else value


def test_special_numbers_keep_their_bits() -> None:
    for number in (math.nan, math.inf, -math.inf, -0.0, 5e-324, 2**63, -(2**63) - 1, 2**128):
        assert same(crossed(number), number)
    assert math.copysign(1, crossed(-0.0)) == -1


def test_arrays_that_are_not_contiguous_keep_their_values() -> None:
    array = np.arange(24.0).reshape(4, 6)
    for view in (array.T, array[::2, ::-1], np.asfortranarray(array), array[:, :0], np.array(3, np.float32)):
        assert same(crossed(view), np.array(view))


def test_what_comes_out_is_its_own_and_can_be_written_to() -> None:
    out = crossed(np.zeros(3))
    out[0] = 1
    assert out.sum() == 1


def test_faults_and_outcomes_cross() -> None:
    outcome = Outcome(Fault("ValueError", "no", "raise ValueError", 3), (1, np.ones(2)), (0, "rng"), True, "said")
    found = crossed(outcome)
    assert (found.result, found.changed, found.mutable, found.printed) == (
        outcome.result,
        outcome.changed,
        True,
        "said",
    )
    assert same(found.left, outcome.left)


def test_what_stays_inside_is_a_number_outside() -> None:
    kept: list[Any] = []

    def hold(value: Any) -> int:
        kept.append(value)
        return len(kept)

    thing = object()
    found = decode(encode((Opaque("an object", thing), Opaque("nothing held")), hold=hold))
    assert found == (Opaque("an object"), Opaque("nothing held"))
    assert [opaque.held for opaque in found] == [Handle(1), None]
    assert kept == [thing]


@pytest.mark.parametrize(
    "value",
    [
        object(),
        1j,
        {1: 2},
        {1, 2},
        np.array([object()]),
        np.array(["a"]),
        np.array([1j]),
        range(3),
        "\ud800",
        1 << 5000,
    ],
    ids=["object", "complex", "keys", "set", "objects", "texts", "complexes", "range", "surrogate", "giant"],
)
def test_what_is_no_plain_data_is_refused_on_its_way_out(value: Any) -> None:
    with pytest.raises(Refused, match="cannot cross the wall"):
        encode(value)


class LooksLikeAnArray(np.ndarray):
    pass


class LooksLikeANumber(float):
    pass


@pytest.mark.parametrize("value", [np.zeros(2).view(LooksLikeAnArray), LooksLikeANumber(1), True.__class__.__mro__])
def test_a_subclass_is_not_taken_for_its_base(value: Any) -> None:
    with pytest.raises(Refused):
        encode(value)


def test_a_container_that_holds_itself_is_refused() -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises(Refused, match="nested more than 24 deep"):
        encode(value)


def test_more_than_is_allowed_is_refused_on_both_ways() -> None:
    small = Bounds(structure=1000, total=2000, arrays=2)
    for value in (np.zeros(1000), "x" * 3000, [np.zeros(1)] * 3, list(range(1000))):
        with pytest.raises(Refused):
            encode(value, small)
        with pytest.raises(Refused):
            decode(encode(value), small)


def message(structure: Any, *arrays: bytes) -> list[bytes]:
    return [msgpack.packb(structure), *arrays]


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [b""],
        [b"\xc1"],
        message({"a": 1}),
        message({}),
        message([]),
        message(["list"]),
        message([[codec.LIST]]),
        message([True, 1]),
        message([99, 1]),
        message([-1]),
        message([codec.DICT, "a"]),
        message([codec.DICT, 1, 2]),
        message([codec.DICT, [codec.TUPLE, "a"], 2]),
        message([codec.INTEGER, 7]),
        message([codec.INTEGER, b"x" * 5000]),
        message([codec.FAULT, "kind"]),
        message([codec.FAULT, 1, 2, 3, 4]),
        message([codec.OPAQUE, "a", "b"]),
        message([codec.OUTCOME, 1, [codec.LIST], [codec.TUPLE], True, ""]),
        message([codec.OUTCOME, 1, [codec.TUPLE], [codec.TUPLE, 1.5], True, ""]),
        message([codec.OUTCOME, 1, [codec.TUPLE], [codec.TUPLE], 1, ""]),
        message([codec.HANDLE, "1"]),
        message([codec.ARRAY, "<f8", [1], 1]),
        message([codec.ARRAY, "<f8", [1], 0], bytes(8)),
        message([codec.ARRAY, "<f8", [1], -1], bytes(8)),
        message([codec.ARRAY, "<f8", [2], 1], bytes(8)),
        message([codec.ARRAY, "<f8", [-1], 1], bytes(8)),
        message([codec.ARRAY, "<f8", [True], 1], bytes(8)),
        message([codec.ARRAY, "<f8", ["1"], 1], bytes(8)),
        message([codec.ARRAY, "<f8", [1 << 62, 1 << 62], 1], bytes(8)),
        message([codec.ARRAY, "<f8", [1] * 40, 1], bytes(8)),
        message([codec.ARRAY, "|O", [1], 1], bytes(8)),
        message([codec.ARRAY, "<c16", [1], 1], bytes(16)),
        message([codec.ARRAY, ">f8", [1], 1], bytes(8)),
        message(msgpack.ExtType(5, b"abc")),
        message(msgpack.Timestamp(1)),
        [msgpack.packb([codec.LIST, "\ud800"], unicode_errors="surrogatepass")],
        [pickle.dumps([1, 2])],
        [b"\x91" * 100_000 + b"\xc0"],
        [b"\xdd\xff\xff\xff\xff"],
        [b"\xc6\xff\xff\xff\xff"],
    ],
    ids=lambda parts: repr(parts)[:60],
)
def test_a_message_that_is_not_ours_is_refused(parts: list[bytes]) -> None:
    with pytest.raises(Refused):
        decode(parts)


@pytest.mark.parametrize("name", ["generator", "environment", "named", "dataclass", "pairs", "tensor", "object"])
def test_nothing_but_plain_data_is_made_outside(name: str) -> None:
    """What the host may have made inside, it never makes for the inside."""
    with pytest.raises(Refused, match=f"tag {codec.SPECIAL}"):
        decode(message([codec.SPECIAL, name, [codec.TUPLE, "os", "system"]]))


def test_a_pickle_in_an_answer_stays_bytes() -> None:
    class Bomb:
        def __reduce__(self) -> Any:
            return pytest.fail, ("it was unpickled",)

    pickled = pickle.dumps(Bomb())
    assert crossed(pickled) == pickled


def test_an_array_of_no_size_may_not_claim_a_monstrous_one() -> None:
    with pytest.raises(Refused):
        decode(message([codec.ARRAY, "<f8", [0, 1 << 62, 1 << 62], 1], b""))


def test_a_bool_is_true_or_false_whatever_its_byte() -> None:
    found = decode(message([codec.ARRAY, "|b1", [2], 1], b"\x00\x07"))
    assert found.view(np.uint8).tolist() == [0, 1]


@given(st.lists(st.binary(max_size=60), max_size=3))
def test_noise_makes_a_value_or_is_refused_and_nothing_else(parts: list[bytes]) -> None:
    with contextlib.suppress(Refused):
        decode(parts)


@pytest.mark.parametrize(
    ("count", "lengths"),
    [(0, ()), (1 << 31, ()), (1, (1 << 60,)), (2, (8, BOUNDS.total)), (1, (BOUNDS.structure + 1,))],
)
def test_lengths_are_checked_before_room_is_made(count: int, lengths: tuple[int, ...]) -> None:
    stream = struct.pack("!I", count) + b"".join(struct.pack("!Q", length) for length in lengths)

    def read(wanted: int) -> bytearray:
        nonlocal stream
        assert wanted <= len(stream), "more was asked for than had been announced within bounds"
        taken, stream = stream[:wanted], stream[wanted:]
        return bytearray(taken)

    with pytest.raises(Refused):
        codec.unframe(read)


def test_a_frame_is_read_as_it_was_written() -> None:
    stream = b"".join(codec.frame([b"structure", b"", b"array"]))

    def read(wanted: int) -> bytearray:
        nonlocal stream
        taken, stream = stream[:wanted], stream[wanted:]
        return bytearray(taken)

    assert codec.unframe(read) == [b"structure", b"", b"array"]
