"""Judges versions of a learner's function, in a process of its own: a bug may loop for ever, or take the memory.

    python -m autograder.interview.trying

One JSON object on stdin, {"lesson", "name", "modules": [source, ...]}; for each module one on stdout, in order.
"""

from __future__ import annotations

import json
import signal
import sys
from typing import Any

from autograder import registry
from autograder.judging import judge_here

SECONDS = 3.0


class TimeUp(KeyboardInterrupt):
    """Of the one kind that judging lets through: everything else that code under trial raises is an answer."""


def try_module(lesson: str, name: str, source: str) -> dict[str, Any]:
    """What a check says of the function `name` of a module: whether it ran, whether it passed, and its words."""
    exercise = next(exercise for exercise in registry.of_lesson(lesson) if exercise.name == name)
    namespace: dict[str, Any] = {"__name__": "own"}
    try:
        exec(compile(source, "<own code>", "exec"), namespace)
        verdict = judge_here(exercise, namespace[name])
    except Exception as fault:
        return {"runs": False, "passed": False, "message": f"It raised {type(fault).__name__}: {fault}"}
    return {
        # what raises shows where it is at fault by itself
        "runs": "It raised" not in verdict.message and verdict.score > 0,
        "passed": verdict.passed,
        "message": verdict.message,
        "diagnosis": verdict.diagnosis,
    }


def _time_up(*_: object) -> None:
    raise TimeUp


def main() -> None:
    """Read the task, and answer line by line."""
    answers, sys.stdout = sys.stdout, sys.stderr
    task = json.load(sys.stdin)
    signal.signal(signal.SIGALRM, _time_up)
    for source in task["modules"]:
        registry.of_lesson(task["lesson"])  # importing it is not the code's time
        signal.setitimer(signal.ITIMER_REAL, SECONDS)
        try:
            result = try_module(task["lesson"], task["name"], source)
        except TimeUp:
            result = {"runs": False, "passed": False, "message": f"It was not done after {SECONDS:g} seconds."}
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        answers.write(json.dumps(result) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
