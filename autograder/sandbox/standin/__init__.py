"""The grader as a submission sees it: the same names, and nothing behind them. Judging takes place elsewhere."""

from typing import Any

__all__ = ["CheckFailed", "check", "exercises", "hint", "judge", "reveal"]


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
