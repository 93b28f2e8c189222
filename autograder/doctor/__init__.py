"""`autograder doctor`: what the course needs of this machine, a finding each, with the command that mends it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.course import ROOT
from autograder.doctor import checks, packages
from autograder.doctor.checks import Finding
from autograder.doctor.probe import Probe

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["Finding", "doctor", "exit_code", "render"]

# An import that takes longer hangs.
PATIENCE = 30.0
LOOKS = {True: ("✓ ok   ", "green"), None: ("! warn ", "yellow"), False: ("✗ fault", "red")}


def doctor(root: Path = ROOT) -> list[Finding]:
    """Look at everything that the course at `root` needs of this machine, in some 4 s.

    Never raises: what cannot be looked at is a fault that says so.
    """
    names: list[str] = []
    with contextlib.suppress(Exception):  # then the check of packages meets it again, and says it
        names = [name for name in packages.needed(root) if name != "torch"]
    # torch beside the others, and the machine meanwhile: imports are what takes time
    with (
        Probe([*names, "configuration", "extensions", "kernel"], PATIENCE) as others,
        Probe(["torch"], PATIENCE) as torch,
    ):
        quick = [
            _guarded("sandbox", checks.sandbox),
            _guarded("disk", lambda: checks.disk(root)),
            _guarded("machine", checks.machine),
            _guarded("port", checks.port),
            _guarded("workspace", lambda: checks.workspace(root / "workspace")),
        ]
        return [
            _guarded("Python", checks.python),
            _guarded("environment", lambda: checks.environment(root)),
            _guarded(
                "packages",
                lambda: packages.packages(root, lambda name: (torch if name == "torch" else others).answer(name)),
            ),
            _guarded("nbgrader", lambda: packages.nbgrader(root, others.answer("configuration"))),
            _guarded("extensions", lambda: packages.extensions(root, others.answer("extensions"))),
            _guarded("kernel", lambda: packages.kernel(others.answer("kernel"))),
            *quick,
            _guarded("GPU", lambda: packages.gpu(root, torch.answer("torch"))),
        ]


def exit_code(findings: Iterable[Finding]) -> int:
    """0, or 1 where there is a fault; a warning is none."""
    return int(any(finding.ok is False for finding in findings))


def render(findings: Iterable[Finding], console: Console) -> None:
    """Print a line for each finding: a sign and a word, what was found, and what mends it."""
    from rich.text import Text

    for finding in findings:
        word, colour = LOOKS[finding.ok]
        line = Text.assemble(
            (word, colour), "  ", (f"{finding.name:<11}", "bold"), " ", " ".join(finding.message.split())
        )
        if finding.remedy:
            line.append("  Mend it: ").append(" ".join(finding.remedy.split()), "bold")
        console.print(line, soft_wrap=True)


def _guarded(name: str, check: Callable[[], Finding]) -> Finding:
    try:
        return check()
    except Exception as fault:
        message = f"could not be looked at ({type(fault).__name__}: {fault})."
        return Finding(name, False, message, "report this line with the course's issues")
