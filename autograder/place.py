"""Which workspace is meant: the folder that `autograder start` made, at or above the current one; and its files."""

from __future__ import annotations

import os
from pathlib import Path

from autograder.course import ROOT

# how `autograder start` begins the nbgrader_config.py that it puts there
MADE = '"""Made by `autograder start`'
KEPT = ".autograder"


def workspace_here() -> Path | None:
    """The workspace, or None outside of one: in the instructor's notebooks, in a script elsewhere."""
    try:
        here = Path.cwd()
    except OSError:
        return None
    for folder in (here, *here.parents):
        try:
            with open(folder / "nbgrader_config.py", encoding="utf-8") as file:  # noqa: PTH123 (each check waits for it)
                if file.read(len(MADE)) == MADE:
                    return folder
        except (OSError, ValueError):
            continue
    return None


def workspace(asked_for: Path | None = None) -> Path:
    """The workspace that was asked for; else the one that we are in; else the course's own."""
    return (workspace_here() or ROOT / "workspace") if asked_for is None else asked_for.expanduser()


def kept(workspace: Path, *names: str) -> Path:
    """A file of the course's own in a workspace; not in a lesson's folder, which is handed in."""
    return workspace.joinpath(KEPT, *names)


def write_private(path: Path, content: str, *, quick: bool = False) -> None:
    """Write text whole or not at all, readable for its owner alone. Raises OSError.

    File systems put a file on the disk before it replaces another, which takes milliseconds. `quick` spares them: it
    takes the old file away first, so that for a moment there is none.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(content)
        if quick:
            path.unlink(missing_ok=True)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
