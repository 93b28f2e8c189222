"""What the checker says of an implementation."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Protocol


@dataclasses.dataclass(frozen=True)
class Evidence:
    """The smallest input found that shows a failed label, all in words."""

    label: str
    given: str = ""
    expected: str = ""
    got: str = ""
    remark: str = ""
    line: str = ""
    printed: str = ""


@dataclasses.dataclass(frozen=True)
class Verdict:
    """The judgement of one implementation. `diagnosis` is the name of the mistake recognised, or None.

    `measured` says in words what was measured for some of the labels. `reached` is the score by which a class is
    ranked, in an exercise that has one: the mean over what was trained.
    """

    name: str
    lesson: str
    passed: bool
    score: float
    points: float
    labels: dict[str, bool]
    diagnosis: str | None
    message: str
    evidence: Evidence | None = None
    diagnoses: tuple[tuple[str, str], ...] = ()
    seconds: float = 0.0
    measured: dict[str, str] = dataclasses.field(default_factory=dict)
    reached: float | None = None

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        from autograder import card

        return {"text/plain": card.as_text(self), "text/html": card.as_html(self)}

    def __str__(self) -> str:
        from autograder import card

        return card.as_text(self)


class Judged(Protocol):
    """What can be told of an exercise that was judged, here or behind the wall."""

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def passed(self) -> bool: ...  # noqa: D102

    @property
    def score(self) -> float: ...  # noqa: D102

    @property
    def points(self) -> float: ...  # noqa: D102

    @property
    def labels(self) -> Mapping[str, bool]: ...  # noqa: D102

    @property
    def message(self) -> str: ...  # noqa: D102

    @property
    def evidence(self) -> Evidence | None: ...  # noqa: D102

    @property
    def diagnoses(self) -> tuple[tuple[str, str], ...]: ...  # noqa: D102

    @property
    def measured(self) -> Mapping[str, str]: ...  # noqa: D102
