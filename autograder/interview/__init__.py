"""The interview drill: questions at growing intervals, a bug in one's own code, and a sheet of weak spots.

What a notebook calls is here; what it needs is loaded when it is called, so that `import autograder` stays fast.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any


def drill(lesson: str = "", count: int = 10, *, workspace: Path | None = None) -> None:
    """Ask up to `count` interview questions, of one lesson (its slug or number) or of all, each before it is forgotten.

    In a notebook with buttons, else as text. Your answers are kept in `drill.json` in your workspace, each at once.
    Raises UsageError for a lesson without questions.
    """
    from autograder.interview import command

    command.ask(command.Options(lesson, count, workspace), ui=_widgets())


def repair(lesson: str = "", *, workspace: Path | None = None) -> None:
    """Put a bug into one of your own functions that passes its check, and let you find it.

    Your notebooks in the workspace stay as they are. Where no function of yours passes yet, it says so.
    """
    from autograder.interview import command

    command.repair(command.Options(lesson, workspace=workspace), ui=_widgets())


def weak_spots(*, workspace: Path | None = None) -> Any:
    """The sheet of what you answered wrongly, or would have forgotten by now, with links to the lessons."""
    from autograder.interview import command

    return command.weak_spots(command.Options(workspace=workspace))


def _widgets() -> Any:
    """The module that shows buttons, in a notebook kernel that has ipywidgets; else None."""
    from autograder.shown import kernel

    if kernel() is None:
        return None
    try:
        from autograder.interview import widget
    except ImportError:
        return None
    return widget
