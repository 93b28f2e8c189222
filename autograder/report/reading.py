"""Reading plain data field by field: each field has a type, and a wrong one is named."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, Self

from autograder.errors import CourseError

REQUIRED = object()


@dataclasses.dataclass(frozen=True)
class Reader:
    """A JSON object whose fields are asked for by type; `where` is how an error names it, "submissions[3]"."""

    fields: Mapping[str, Any]
    where: str

    @classmethod
    def of(cls, data: object, where: str) -> Self:
        """A reader of `data`; CourseError if that is no object."""
        if not isinstance(data, dict):
            raise CourseError(f"{where} should be an object, and is {_brief(data)}.")
        return cls(data, where)

    def wrong(self, name: str, wanted: str, found: object) -> CourseError:
        """The error for a field that is not what is wanted."""
        return CourseError(f"{self.where}.{name} should be {wanted}, and is {_brief(found)}.")

    def text(self, name: str, default: object = REQUIRED) -> str:
        """A string."""
        return str(self._typed(name, str, "a string", default))

    def text_or_none(self, name: str) -> str | None:
        """A string, or null, or nothing."""
        return None if self.fields.get(name) is None else self.text(name)

    def truth(self, name: str, default: object = REQUIRED) -> bool:
        """True or false."""
        return bool(self._typed(name, bool, "true or false", default))

    def amount(self, name: str) -> float:
        """A number from 0, finite."""
        value = self._typed(name, (int, float), "a number", REQUIRED)
        if isinstance(value, bool) or not math.isfinite(value) or value < 0:
            raise self.wrong(name, "a number from 0", value)
        return float(value)

    def number_or_none(self, name: str) -> float | None:
        """A finite number of either sign, or null, or nothing."""
        value = self._typed(name, (int, float, type(None)), "a number", None)
        if isinstance(value, bool) or (value is not None and not math.isfinite(value)):
            raise self.wrong(name, "a number", value)
        return None if value is None else float(value)

    def score(self) -> tuple[float, float]:
        """The fields `score` and `points`, of which the first is not more."""
        score, points = self.amount("score"), self.amount("points")
        if score > points + 1e-9:
            raise self.wrong("score", f"at most the {points:g} points", score)
        return score, points

    def records(self, name: str) -> list[Reader]:
        """A list of objects."""
        items = self._typed(name, list, "a list", REQUIRED)
        return [Reader.of(item, f"{self.where}.{name}[{index}]") for index, item in enumerate(items)]

    def record_or_none(self, name: str) -> Reader | None:
        """An object, or null, or nothing."""
        value = self.fields.get(name)
        return None if value is None else Reader.of(value, f"{self.where}.{name}")

    def truths(self, name: str) -> dict[str, bool]:
        """An object of true and false."""
        found = Reader.of(self.fields.get(name), f"{self.where}.{name}")
        return {key: found.truth(key) for key in found.fields}

    def texts(self, name: str) -> dict[str, str]:
        """An object of strings; an empty one where it is absent."""
        found = Reader.of(self.fields.get(name, {}), f"{self.where}.{name}")
        return {key: found.text(key) for key in found.fields}

    def pairs(self, name: str) -> tuple[tuple[str, str], ...]:
        """A list of pairs of strings; none where it is absent."""
        items = self._typed(name, list, "a list", [])
        for item in items:
            if not (isinstance(item, list) and len(item) == 2 and all(isinstance(part, str) for part in item)):
                raise self.wrong(name, "a list of pairs of strings", item)
        return tuple((first, second) for first, second in items)

    def whole_numbers(self, name: str) -> tuple[int, ...]:
        """A list of integers; none where it is absent."""
        items = self._typed(name, list, "a list", [])
        if not all(type(item) is int for item in items):
            raise self.wrong(name, "a list of whole numbers", items)
        return tuple(items)

    def _typed(self, name: str, kind: type | tuple[type, ...], wanted: str, default: object) -> Any:
        value = self.fields.get(name, default)
        if value is REQUIRED:
            raise CourseError(f"{self.where} has no {name!r}.")
        if not isinstance(value, kind):
            raise self.wrong(name, wanted, value)
        return value


def _brief(value: object) -> str:
    text = ascii(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
