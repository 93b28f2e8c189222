"""What a learner's own checks said last: a small file for each exercise, in the workspace."""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import hashlib
import inspect
import json
import linecache
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from autograder.errors import CourseError
from autograder.place import kept, workspace_here, write_private
from autograder.verdict import Verdict

FOLDER = "checks"


@dataclasses.dataclass(frozen=True)
class Kept:
    """The last check of an exercise: `held` of `lines` held; `source` is a digest of what was checked, if it is known.

    `at` is in seconds since the epoch.
    """

    passed: bool
    held: int
    lines: int
    diagnosis: str | None
    source: str
    at: float


def keep(verdict: Verdict, implementation: Any) -> None:
    """Remember what a check said, in the workspace that it ran in. Never fails: a check must not."""
    workspace = workspace_here()
    if workspace is None:
        return
    held, source = sum(verdict.labels.values()), digest_of(implementation, verdict.name)
    last = Kept(verdict.passed, held, len(verdict.labels), verdict.diagnosis, source, time.time())
    # a full disk, a read-only one: `progress` says so where it is asked
    with contextlib.suppress(OSError):
        file = kept(workspace, FOLDER, f"{verdict.name}.json")
        write_private(file, json.dumps(dataclasses.asdict(last)), quick=True)


def read(workspace: Path, exercises: Iterable[str]) -> tuple[dict[str, Kept], list[Path]]:
    """What is remembered of these exercises, and the files that were damaged: they are set aside."""
    from autograder.report.reading import Reader

    found, damaged = {}, []
    for name in exercises:
        file = kept(workspace, FOLDER, f"{name}.json")
        try:
            fields = Reader.of(json.loads(file.read_text(encoding="utf-8")), file.name)
            held, lines, at = (fields.amount(key) for key in ("held", "lines", "at"))
            found[name] = Kept(
                passed=fields.truth("passed"),
                held=int(held),
                lines=int(lines),
                diagnosis=fields.text_or_none("diagnosis"),
                source=fields.text("source"),
                at=at,
            )
        except FileNotFoundError:
            continue
        except (OSError, ValueError, RecursionError, CourseError):
            aside = file.with_suffix(".damaged")
            with contextlib.suppress(OSError):
                file.replace(aside)
            damaged.append(aside)
    return found, damaged


def digest_of(implementation: Any, name: str) -> str:
    """A digest of the source of what is checked, as its cell says it; empty where that cannot be known."""
    try:
        code = getattr(inspect.unwrap(implementation), "__code__", None)
        if code is None:
            methods = filter(callable, vars(implementation).values())
            code = next(filter(None, (getattr(inspect.unwrap(method), "__code__", None) for method in methods)))
        return digest("".join(linecache.getlines(code.co_filename)), name)
    except Exception:  # what learners bind to a name may raise whatever it likes
        return ""


def digest(source: str, name: str) -> str:
    """A digest of the last definition of that name in a cell, but for empty lines; empty where there is none."""
    definition = defined(source, name)
    lines = [line.rstrip() for line in definition.splitlines()]
    return hashlib.sha256("\n".join(filter(None, lines)).encode()).hexdigest() if definition else ""


def defined(source: str, name: str) -> str:
    """The source of the last function or class of that name that a cell defines; empty where there is none."""
    if name not in source:
        return ""
    try:
        nodes = ast.parse(_without_magics(source)).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    found = [node for node in nodes if isinstance(node, kinds) and node.name == name]
    if not found:
        return ""
    node = found[-1]
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    return "\n".join(source.splitlines()[first - 1 : node.end_lineno])


def _without_magics(source: str) -> str:
    """The same lines, those that only IPython understands left empty."""
    return "\n".join("" if line.startswith(("%", "!", "?")) else line for line in source.splitlines())
