"""Running submissions of one lesson: each in kernels of its own, judged where its grade cells stand.

with Sandbox("q_learning") as sandbox:
    run = sandbox.run(notebook, exercises, seeds)
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

from autograder.exercise import Exercise
from autograder.judging import refusal
from autograder.sandbox import bubblewrap
from autograder.sandbox.kernel import Kernel
from autograder.sandbox.limits import Limits
from autograder.sandbox.provisioner import SandboxUnavailable
from autograder.sandbox.view import View, view_of
from autograder.sandbox.wall import judge_behind
from autograder.verdict import Verdict

DEMO = "demo"


@dataclasses.dataclass
class Run:
    """What came of a submission: verdicts by exercise, faults as (kind, sentence), outputs by the cell's place.

    A cell that is not there was not run: text, a demo, or a grade cell as it was given out. `seconds` on the wall,
    `memory` the most that was held; `sandboxed` is False for scores that a submission could have forged.
    """

    verdicts: dict[str, Verdict] = dataclasses.field(default_factory=dict)
    faults: list[tuple[str, str]] = dataclasses.field(default_factory=list)
    outputs: dict[int, list[dict[str, Any]]] = dataclasses.field(default_factory=dict)
    seconds: float = 0.0
    memory: int = 0
    sandboxed: bool = True

    @property
    def score(self) -> float:
        """The points of all exercises together."""
        return sum(verdict.score for verdict in self.verdicts.values())


class Sandbox:
    """Makes kernels for the submissions of one lesson. Raises SandboxUnavailable where that cannot be done.

    `unsafe` runs them without a sandbox. A view that is given is the caller's to remove.
    """

    def __init__(
        self, lesson: str, limits: Limits | None = None, *, unsafe: bool = False, view: View | None = None
    ) -> None:
        reason = "" if unsafe else bubblewrap.available()
        if reason:
            raise SandboxUnavailable(reason)
        self.limits, self.unsafe = limits or Limits(), unsafe
        self._borrowed = view is not None
        self.view = view or view_of(lesson)

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._borrowed:
            self.view.remove()

    def kernel(self) -> Kernel:
        """A kernel that has just started."""
        return Kernel(self.view, self.limits, unsafe=self.unsafe)

    def run(self, notebook: Mapping[str, Any], exercises: Sequence[Exercise], seeds: Sequence[int]) -> Run:
        """Run a notebook (version 4, as read) and judge the exercises on the seeds: each gets a verdict."""
        began = time.perf_counter()
        run = Run(sandboxed=not self.unsafe)
        running = _Running(self, run, list(notebook.get("cells", [])), list(exercises), list(seeds))
        try:
            running.go()
        finally:
            running.end()
            run.seconds = time.perf_counter() - began
        return run


class _Running:
    """One notebook on its way through as many kernels as it takes."""

    def __init__(
        self, sandbox: Sandbox, run: Run, cells: list[Any], exercises: list[Exercise], seeds: list[int]
    ) -> None:
        self.sandbox, self.run, self.cells, self.seeds = sandbox, run, cells, seeds
        self.exercises = {exercise.name: exercise for exercise in exercises}
        self.places = grade_places(cells, list(self.exercises))
        self.done: list[int] = []
        self.kernel: Kernel | None = None
        self.kernels = 0
        self.stopped = ""
        self.allowed = sandbox.limits.run_seconds + sum(
            sandbox.limits.training_seconds for exercise in exercises if exercise.trains
        )
        self.deadline = time.monotonic() + self.allowed

    def go(self) -> None:
        """Run cell by cell, and judge each exercise where its grade cell stands, or at the end."""
        for place, cell in enumerate(self.cells):
            if is_run(cell, self.exercises):
                self._run_cell(place, source_of(cell))
            for name in self.places.get(place, ()):
                self._judge(name)
        for name in self.exercises:
            if name not in self.run.verdicts:
                self._judge(name)
        for name, exercise in self.exercises.items():
            if name not in self.run.verdicts:
                self.run.verdicts[name] = refusal(exercise, self._why_missing(name))
        # verdicts in the order of the lesson, wherever the cells stood
        self.run.verdicts = {name: self.run.verdicts[name] for name in self.exercises}

    def end(self) -> None:
        """End the kernel that is left."""
        if self.kernel is not None:
            if self.kernel.watchdog is not None:
                self.run.memory = max(self.run.memory, self.kernel.watchdog.peak)
            self.kernel.close()
            self.kernel = None

    def _run_cell(self, place: int, source: str) -> None:
        kernel = self._ready()
        if kernel is None:
            return
        found = kernel.run_cell(source)
        self.run.outputs[place] = found.outputs
        if found.fault:
            self._note(found.fault)
        if kernel.alive():
            self.done.append(place)

    def _judge(self, name: str) -> None:
        kernel = self._ready()
        if kernel is None:
            return
        verdict = judge_behind(kernel, self.exercises[name], self.seeds)
        if not kernel.alive() and kernel.fault:
            self._note(kernel.fault)
        if verdict is not None:
            self.run.verdicts[name] = verdict

    def _ready(self) -> Kernel | None:
        """A kernel in which all cells so far have run, those left out that ended one; None once enough was tried."""
        while not self.stopped and (self.kernel is None or not self.kernel.alive()):
            self.end()
            self.kernels += 1
            if self.kernels > self.sandbox.limits.restarts + 1:
                self.stopped = "the submission ended its kernel too often"
                break
            self.kernel = self.sandbox.kernel()
            self._replay(self.kernel)
        if not self.stopped and time.monotonic() > self.deadline:
            self.stopped = f"the submission took more than {self.allowed:g} seconds"
            self._note(("timeout", f"{self.stopped.capitalize()}."))
            self.end()
        return self.kernel

    def _replay(self, kernel: Kernel) -> None:
        for place in list(self.done):
            kernel.run_cell(source_of(self.cells[place]))
            if not kernel.alive():
                # it went well once, and does not again
                self.done.remove(place)
                return

    def _note(self, fault: tuple[str, str]) -> None:
        if fault not in self.run.faults:
            self.run.faults.append(fault)

    def _why_missing(self, name: str) -> str:
        if self.stopped:
            return f"{name} was not judged: {self.stopped}."
        return f"There is no {name} in the notebook."


def grade_places(cells: Sequence[Any], names: Sequence[str]) -> dict[int, list[str]]:
    """Where each exercise is judged: at the last of its grade cells, so that copies and repeated ids are one."""
    last = {}
    for place, cell in enumerate(cells):
        name = grade_name(cell)
        if name in names:
            last[name] = place
    places: dict[int, list[str]] = {}
    for name, place in last.items():
        places.setdefault(place, []).append(name)
    return places


def grade_name(cell: Any) -> str:
    """The exercise that a cell grades, by its metadata; empty for none."""
    try:
        about = cell["metadata"]["nbgrader"]
        return str(about["grade_id"]) if about["grade"] is True else ""
    except (KeyError, TypeError):
        return ""


def is_run(cell: Any, names: Mapping[str, Any]) -> bool:
    """Whether a cell is code that is to run: no demo, and no grade cell that says what all of them say."""
    if not isinstance(cell, Mapping) or cell.get("cell_type") != "code":
        return False
    metadata = cell.get("metadata")
    tags = metadata.get("tags") if isinstance(metadata, Mapping) else None
    if isinstance(tags, list) and DEMO in tags:
        return False
    source = source_of(cell).strip()
    return bool(source) and not any(source == f"check({name})" for name in names)


def source_of(cell: Any) -> str:
    """The source of a cell, written as a text or as a list of lines."""
    source = cell.get("source", "")
    return "".join(map(str, source)) if isinstance(source, list) else str(source)
