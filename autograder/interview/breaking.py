"""Repair your own code: a bug is put into a function that its learner has written, and that passes its check.

Every bug is tried before it is shown: the function still runs, and its check fails. All trying takes place in a
process of its own (`trying`), since a bug may loop for ever.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from autograder import registry
from autograder.course import ROOT
from autograder.interview import own_code
from autograder.interview.asking import Marked, Unreadable
from autograder.interview.memory import Memory
from autograder.interview.mutations import Change, changes
from autograder.interview.own_code import Own

MOST_TRIES = 16
SECONDS = 40.0


@dataclass(frozen=True)
class Broken:
    """A function with a bug: `told` is what its check says of it."""

    own: Own
    change: Change
    told: str

    @property
    def id(self) -> str:
        """The name under which answers to it are remembered."""
        return identity(self.own.name)

    @property
    def source(self) -> str:
        """What the learner is shown."""
        return self.change.applied(self.own.source)

    @property
    def keys(self) -> list[str]:
        """The numbers of the lines that may be pointed at."""
        return [str(number) for number, line in enumerate(self.source.splitlines(), 1) if line.strip()]

    def mark(self, given: str) -> Marked:
        """Judge the line pointed at. Raises Unreadable for what is none."""
        text = given.strip()
        if text not in self.keys:
            raise Unreadable("Answer with the number of a line.")
        right = int(text) == self.change.line
        yours = self.own.source.splitlines()[self.change.line - 1].strip()
        answer = f"line {self.change.line} {self.change.kind}. You had written: {yours}"
        return Marked(right, f"In {answer}" if right else f"Line {text} is as you wrote it.", answer)


def identity(name: str) -> str:
    """The name under which answers about a function are remembered; no question of the bank has a colon."""
    return f"repair:{name}"


def candidates(workspace: Path, lesson: str = "") -> list[Own]:
    """The learner's functions that a check judges without training anything."""
    return [
        own
        for own in own_code.functions(workspace)
        if not lesson or own.lesson == lesson
        if any(e.name == own.name and not e.trains and not e.is_quiz for e in registry.of_lesson(own.lesson))
    ]


def break_one(own: Sequence[Own], memory: Memory, now: datetime, rng: random.Random) -> Broken | None:
    """A bug in one of these functions; None where none of them passes, or none can be broken so that it still runs.

    Those that are due for longest come first, then any that were never broken, then those due soonest.
    """
    order = list(own)
    rng.shuffle(order)
    order.sort(key=lambda function: _turn(memory, identity(function.name), now))
    return next((broken for function in order if (broken := _broken(function, rng)) is not None), None)


def _turn(memory: Memory, name: str, now: datetime) -> tuple[int, float]:
    due = memory.due(name)
    if due is None:
        return 1, 0.0
    return (0 if due <= now else 2), due.timestamp()


def _broken(own: Own, rng: random.Random) -> Broken | None:
    """The first bug that its check recognises as a mistake of its kind, else the first that fails it."""
    tried = changes(own.source, own.name)
    rng.shuffle(tried)
    del tried[MOST_TRIES:]
    found: Broken | None = None
    modules = [own.module(own.source), *(own.module(change.applied(own.source)) for change in tried)]
    for change, result in zip([None, *tried], judged(own, modules), strict=False):
        if change is None:
            if not result["passed"]:
                return None
        elif result["runs"] and not result["passed"]:
            found = found if found and not result["diagnosis"] else Broken(own, change, result["message"])
            if result["diagnosis"]:
                break
    return found


def judged(own: Own, modules: Sequence[str]) -> Iterator[dict[str, Any]]:
    """What the check says of each module, as it comes; fewer where the process had to be ended."""
    search = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "autograder.interview.trying"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": search},
    )
    timer = threading.Timer(SECONDS, process.kill)
    timer.start()
    with process:
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(json.dumps({"lesson": own.lesson, "name": own.name, "modules": list(modules)}))
            process.stdin.close()
            for line in process.stdout:
                yield json.loads(line)
        finally:
            timer.cancel()
            process.kill()
