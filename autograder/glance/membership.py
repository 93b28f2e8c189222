"""Who this learner is in which classroom: known to all notebooks of a workspace, and after a restart.

It lies in the workspace, beside the lessons' folders and not in them, since those are handed in. A kernel outside of
any workspace remembers it for as long as it runs.
"""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path

from autograder.errors import CourseError
from autograder.place import kept, workspace_here, write_private

# a class is over by then, and what somebody does at home is theirs
MOST_SECONDS = 12 * 3600


@dataclasses.dataclass(frozen=True)
class Membership:
    """Being in a classroom, since `joined` (seconds since the epoch). One that has `left` only waits to be deleted."""

    address: str
    key: str
    nickname: str
    joined: float
    left: bool = False

    @property
    def holds(self) -> bool:
        """Whether checks are told."""
        return not self.left and 0 <= time.time() - self.joined < MOST_SECONDS

    def gone(self) -> Membership:
        """The same, of somebody who left."""
        return dataclasses.replace(self, left=True)


# of a kernel outside of any workspace
_here: Membership | None = None


def current() -> Membership | None:
    """The membership of this workspace, whichever notebook it was made in."""
    workspace = workspace_here()
    return _here if workspace is None else _read(workspace)


def still(membership: Membership, workspace: Path | None) -> bool:
    """Whether somebody who joined there is still in, and has not joined anew as another."""
    now = _here if workspace is None else _read(workspace)
    return now is not None and now.holds and now.key == membership.key


def remember(membership: Membership) -> None:
    """Keep it. Raises CourseError where the workspace cannot be written."""
    global _here
    workspace = workspace_here()
    if workspace is None:
        _here = membership
        return
    try:
        write_private(_file(workspace), json.dumps(dataclasses.asdict(membership)))
    except OSError as error:
        raise CourseError(f"{_file(workspace)} cannot be written: {error.strerror}.") from error


def forget() -> None:
    """Keep none."""
    global _here
    _here, workspace = None, workspace_here()
    try:
        if workspace is not None:
            _file(workspace).unlink(missing_ok=True)
    except OSError as error:
        raise CourseError(f"{_file(workspace or Path())} cannot be removed: {error.strerror}.") from error


def _read(workspace: Path) -> Membership | None:
    try:
        content = _file(workspace).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None
    # takes longer to import than a check to answer, and few are in a classroom
    from autograder.report.reading import Reader

    try:
        read = Reader.of(json.loads(content), "classroom.json")
        return Membership(
            read.text("address"),
            read.text("key"),
            read.text("nickname"),
            read.amount("joined"),
            read.truth("left", False),
        )
    except (ValueError, RecursionError, CourseError):
        return None


def _file(workspace: Path) -> Path:
    return kept(workspace, "classroom.json")
