"""Comparing observations, and saying in words how they differ."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.beside import Fault, Opaque, in_words

# wide enough for a right answer in single precision, far narrower than any mistake
RELATIVE, ABSOLUTE = 1e-4, 1e-5
LONGEST = 160


def as_array(value: Any) -> np.ndarray | None:
    """`value` as a numeric array (a number as one of no dimension), or None if it is no such thing."""
    if isinstance(value, bool | int | float | np.ndarray):
        array = np.asarray(value)
        return array if array.dtype.kind in "biuf" else None
    if isinstance(value, list | tuple):
        try:
            array = np.asarray(value)
        except ValueError:
            return None
        return array if array.dtype.kind in "biuf" else None
    return None


def agree(got: Any, wanted: Any) -> bool:
    """Whether two observations say the same: by shape, then by value within tolerance, whatever dtype or container."""
    if isinstance(got, Fault) or isinstance(wanted, Fault):
        return isinstance(got, Fault) and isinstance(wanted, Fault) and got.kind == wanted.kind
    if isinstance(got, Opaque) or isinstance(wanted, Opaque):
        return False
    if wanted is None or isinstance(wanted, str):
        return type(got) is type(wanted) and got == wanted
    if isinstance(wanted, dict):
        return isinstance(got, dict) and got.keys() == wanted.keys() and all(agree(got[k], wanted[k]) for k in wanted)
    expected, actual = as_array(wanted), as_array(got)
    if expected is not None:
        return (
            actual is not None
            and actual.shape == expected.shape
            and np.allclose(actual, expected, rtol=RELATIVE, atol=ABSOLUTE, equal_nan=True)
        )
    if isinstance(got, np.ndarray) and got.ndim > 0:
        got = list(got)
    return isinstance(got, list | tuple) and len(got) == len(wanted) and all(map(agree, got, wanted))


def brief(value: Any) -> str:
    """`value` in one line, cut short, as a person would write it."""
    if isinstance(value, Fault):
        return f"{value.kind}: {value.message}" if value.message else value.kind
    if isinstance(value, Opaque):
        return value.what
    if isinstance(value, dict):
        return _cut("{" + ", ".join(f"{key}: {brief(item)}" for key, item in value.items()) + "}")
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, np.ndarray):
        text = np.array2string(
            value,
            precision=4,
            threshold=12,
            edgeitems=3,
            separator=", ",
            formatter={"float_kind": lambda number: _number(float(number))},
        )
        text = " ".join(text.split())
        return _cut(text if value.size <= 12 else f"{text} (shape {value.shape})")
    if isinstance(value, list | tuple):
        opening, closing = "[]" if isinstance(value, list) else "()"
        inner = ", ".join(brief(item) for item in value[:12]) + (", ..." if len(value) > 12 else "")
        return _cut(opening + inner + closing)
    return _cut(repr(value))


def how_it_differs(got: Any, wanted: Any) -> str:
    """What is wrong with `got` where its value alone does not show it; empty where it does."""
    if got is None:
        return "It returned None. Is a `return` missing?"
    if isinstance(got, Opaque):
        return f"It returned {got.what}, which is no number, array or container of them."
    expected, actual = as_array(wanted), as_array(got)
    if expected is None:
        if isinstance(wanted, dict) and isinstance(got, dict) and got.keys() != wanted.keys():
            return f"Its keys are {brief(sorted(got))}, and should be {brief(sorted(wanted))}."
        if isinstance(wanted, tuple) and isinstance(got, list | tuple) and len(got) != len(wanted):
            return f"It returned {len(got)} values where {len(wanted)} are asked for."
        return ""
    if actual is None:
        kind = f"an array of shape {expected.shape}" if expected.ndim else "a number"
        return f"It returned {_a_kind(got)}, where {kind} is asked for."
    if actual.shape != expected.shape:
        return f"Its shape is {_shape(actual)}, and should be {_shape(expected)}."
    if np.isnan(actual).any() and not np.isnan(expected).any():
        return "It is NaN (not a number): look for 0/0, inf − inf, or the mean of nothing."
    return ""


def size(value: Any) -> float:
    """How much there is to read in `value`: the number of scalars, shorter ones preferred."""
    if isinstance(value, np.ndarray):
        return float(value.size)
    if isinstance(value, dict):
        return float(sum(size(item) for item in value.values()))
    if isinstance(value, list | tuple):
        return float(sum(size(item) for item in value))
    return 1.0


def _number(value: float) -> str:
    return f"{value:.5g}" if np.isfinite(value) else str(float(value))


def _shape(array: np.ndarray) -> str:
    return str(array.shape) if array.ndim else "that of a plain number"


def _a_kind(value: Any) -> str:
    return "a string" if isinstance(value, str) else in_words(value)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 4]} ..."
