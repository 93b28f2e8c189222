"""The grader as a submission sees it: the same names, and nothing behind them. Judging takes place elsewhere."""

from typing import Any

__all__ = [
    "CheckFailed",
    "check",
    "drill",
    "exercises",
    "hint",
    "join",
    "judge",
    "leave",
    "progress",
    "repair",
    "reveal",
    "weak_spots",
]


class CheckFailed(Exception):
    """Never raised here."""


def check(implementation: Any) -> None:
    """Say nothing: the answer is not here."""


def hint(implementation_or_name: Any) -> None:
    """Say nothing."""


def reveal(implementation_or_name: Any) -> None:
    """Say nothing."""


def judge(implementation: Any, seed: int | None = None, name: str | None = None) -> None:
    """Say nothing."""


def exercises() -> list[Any]:
    """Know of none."""
    return []


def drill(lesson: str = "", count: int = 10, *, workspace: Any = None) -> None:
    """Ask nothing: nobody is here to answer."""


def repair(lesson: str = "", *, workspace: Any = None) -> None:
    """Break nothing."""


def weak_spots(*, workspace: Any = None) -> None:
    """Know of none."""


def join(address: str, nickname: str) -> None:
    """Join nothing: a submission is alone."""


def leave() -> None:
    """Leave nothing."""


def progress() -> None:
    """Say nothing."""
