"""The wall: the side of a trial on which the learner's objects live in a sandboxed kernel."""

from __future__ import annotations

import contextlib
import inspect
import time
from collections.abc import Iterator
from typing import Any

from autograder import beside
from autograder.beside import Fault, Outcome
from autograder.exercise import Exercise
from autograder.judging import judge_on, refusal, signature_problem
from autograder.observers import OBSERVERS
from autograder.proxy import METHOD, Side
from autograder.sandbox import codec, receiving
from autograder.sandbox.channel import Channel
from autograder.sandbox.crossing import Crossing
from autograder.sandbox.kernel import Kernel
from autograder.sandbox.limits import WAITING
from autograder.verdict import Verdict

# a trained label holds if it holds on so many of the seeds
NEEDED_TRAINED = 2


class Wall:
    """A `Side` whose handles are numbers of objects in a kernel. Its calls share one allowance of seconds."""

    def __init__(self, kernel: Kernel, seconds: float, call_seconds: float) -> None:
        self.kernel, self.channel = kernel, Channel(kernel)
        self.seconds, self.call_seconds = seconds, call_seconds
        self.computed, self.waited, self.reading = kernel.computed(), 0.0, 0.0
        self.crossing = Crossing()

    @contextlib.contextmanager
    def entered(self) -> Iterator[Side]:
        """The side anew, for one run of a trial: generators are new twins, results of the last run are gone."""
        self.crossing = Crossing()
        self._ask("enter")
        yield self

    def hold(self, name: str) -> Any:
        """What the learner calls `name` as it is now: a dict with its handle and how it may be called, or None."""
        return self._ask("hold", name)

    def invoke(
        self, handle: Any, method: str, arguments: tuple[Any, ...], keywords: dict[str, Any], observer: str
    ) -> Outcome:
        """Call the object behind the wall. An answer that is no outcome is a fault."""
        prepare = self.crossing.prepare
        found = self._ask("invoke", handle, method, prepare(arguments), prepare(keywords), observer)
        if isinstance(found, Outcome):
            known = {*range(len(arguments)), *keywords}
            changed = tuple(key for key in found.changed if key in known)
            return Outcome(found.result, found.left, changed, found.mutable, found.printed)
        return Outcome(found if isinstance(found, Fault) else Fault("refused", "the answer to a call was none"))

    def attribute(self, handle: Any, name: str) -> Any:
        """An attribute of the object behind the wall."""
        found = self._ask("attribute", handle, name)
        if isinstance(found, tuple) and len(found) == 2:
            return METHOD if found[0] is True else found[1]
        return found if isinstance(found, Fault) else Fault("refused", "the answer about an attribute was none")

    def rehearsal(self) -> Side:
        """A side in this process with the wall's wire and without the wall."""
        return Rehearsal()

    def clock(self) -> float:
        """Seconds of computing on both sides, without what it takes to read them."""
        began = time.thread_time()  # the watchdog has a thread of its own, which counts for nobody
        computed = began - self.reading + self.kernel.clock()
        self.reading += time.thread_time() - began
        return computed

    def close(self) -> None:
        """Let the kernel go on with its cells."""
        self.channel.close()

    def _ask(self, operation: str, *arguments: Any) -> Any:
        """The answer to one request, or a Fault. Raises Refused for an argument that cannot cross."""
        request = codec.encode((operation, *arguments), special=self.crossing.special)
        left = self.seconds - max(self.kernel.computed() - self.computed, self.waited / WAITING)
        if left <= 0:
            return Fault("timeout", f"its calls took more than {self.seconds:g} seconds together")
        began = time.monotonic()
        try:
            return self.channel.ask(request, min(self.call_seconds, left))
        finally:
            self.waited += time.monotonic() - began


class Rehearsal:
    """A `Side` in this process whose calls are written and read as those across the wall are."""

    def invoke(
        self, handle: Any, method: str, arguments: tuple[Any, ...], keywords: dict[str, Any], observer: str
    ) -> Outcome:
        """Call a function of the grader's own on what has taken the way to the other side."""
        crossing = Crossing()
        request = codec.encode((crossing.prepare(arguments), crossing.prepare(keywords)), special=crossing.special)
        inside, named = codec.decode(request, receive=lambda name, payload: receiving.MAKERS[name](payload))
        outcome = beside.invoke(handle, inside, named, OBSERVERS[observer] if observer else None, beside.Capture())
        answered: Outcome = codec.decode(codec.encode(outcome))
        return answered

    def attribute(self, handle: Any, name: str) -> Any:
        """Functions have none that is asked for."""
        return Fault("AttributeError", name)

    def rehearsal(self) -> Side:
        """Itself."""
        return self

    def clock(self) -> float:
        """Seconds of computing in this thread, where both sides are."""
        return time.thread_time()


def judge_behind(kernel: Kernel, exercise: Exercise, seeds: list[int]) -> Verdict | None:
    """Judge what the notebook calls by the exercise's name, as it is now; None where there is no such thing."""
    limits = kernel.limits
    seconds = limits.training_seconds if exercise.trains else limits.exercise_seconds
    wall = Wall(kernel, seconds, seconds if exercise.trains else limits.call_seconds)
    try:
        held = wall.hold(exercise.name)
        if held is None:
            return None
        if isinstance(held, Fault):
            return refusal(exercise, f"{exercise.name} could not be called: {held.message}")
        problem = signature_problem(exercise, likeness(held))
        if problem:
            return refusal(exercise, problem)
        return judge_on(exercise, wall.entered, held["handle"], seeds, needed_trained=NEEDED_TRAINED)
    except Exception as error:  # what cannot be compared scores nothing
        return refusal(exercise, f"What {exercise.name} returned could not be compared ({type(error).__name__}).")
    finally:
        wall.close()


def likeness(held: dict[str, Any]) -> Any:
    """Something that is called as what is held says of itself, so that its signature is judged like one in sight."""
    if held["callable"] is not True:
        return type(held["kind"], (), {})()
    made: Any = type(held["kind"], (), {}) if held["class"] is True else lambda *arguments, **keywords: None
    made.__name__ = held["name"]
    parameters = held["parameters"]
    kinds = list(inspect._ParameterKind)
    if parameters is None:
        made.__signature__ = inspect.Signature(
            [inspect.Parameter(name, kind) for name, kind in (("arguments", kinds[2]), ("keywords", kinds[4]))]
        )
        return made
    made.__signature__ = inspect.Signature(
        [
            inspect.Parameter(str(name), kinds[kind], default=None if optional else inspect.Parameter.empty)
            for name, kind, optional in parameters
        ]
    )
    return made
