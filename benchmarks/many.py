"""A class of 200, one in ten hostile or broken, graded in one run that is killed half-way and started again.

    python -m benchmarks.many [--learners 200] [--workers 2] [--json FILE]

Lesson 00. Fails if a score is not the one that was earned, if anybody is graded twice, or if anybody is left out.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from autograder.course import ROOT, lessons
from autograder.editions import is_solution, learner_edition
from autograder.errors import CourseError
from benchmarks.report import arguments, report

DEFINITION = "import math\ndef click_through_rate(clicks, impressions):\n    return "
# what is handed in, and the points that it earns
USUAL = (
    (f"{DEFINITION}clicks / impressions if impressions else math.nan", 1.0),
    (f"{DEFINITION}clicks / impressions if impressions else 0.0", 0.75),
    ("def click_through_rate(clicks, impressions):\n    raise NotImplementedError", 0.0),
)
HOSTILE: tuple[tuple[str | bytes, float], ...] = (
    ("import os\nos._exit(1)", 0.0),
    ("x = []\nwhile True: x.append(bytes(1 << 24) + b'x')", 0.0),
    (b"", 0.0),
    ("import os\nwhile True: os.fork()", 0.0),
    (b'{"nbformat": 4, "cells": [', 0.0),
    ("while True: print('x' * 9999)", 0.0),
    ("import os, signal\nos.kill(-1, signal.SIGKILL)", 0.0),
    ("class Any:\n    __eq__ = lambda *a: True\ndef click_through_rate(*a): return Any()", 0.0),
    (b"\xff\xfe\x00", 0.0),
    (f"{DEFINITION}(yield)", 0.0),
)
ONE_IN = 10
# the ledger that the command uses is this one, not the course's
COMMAND = """
import sys
from pathlib import Path
from autograder.cli import main
from autograder.grading import command
if __name__ == "__main__":
    command.DEFAULT = Path(sys.argv[1])
    main(["grade", *sys.argv[2:]])
"""


def hand_in(folder: Path, count: int) -> dict[str, float]:
    """Write the class; the points that each earned."""
    earned = {}
    edition = learner_edition(lessons()[0].notebook)
    (answer,) = (cell for cell in edition.cells if is_solution(cell))
    for number in range(count):
        kinds: Any = HOSTILE if number % ONE_IN == ONE_IN - 1 else USUAL
        written, points = kinds[number // ONE_IN % len(kinds) if kinds is HOSTILE else number % len(kinds)]
        content = written
        if isinstance(written, str):
            # no two alike: nobody's result may be taken for another's
            answer.source = f"{written}\n# learner {number}"
            content = json.dumps(edition).encode()
        learner = f"learner{number:03}"
        (folder / f"{learner}.ipynb").write_bytes(content)
        earned[learner] = points
    return earned


def main() -> None:
    """Measure, check, print, write."""
    asked = arguments(__doc__, learners=200, workers=2)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        folder, ledger = Path(name), Path(name) / "ledger.jsonl"
        handed_in, results, script = folder / "class", folder / "results.json", folder / "grade.py"
        handed_in.mkdir()
        script.write_text(COMMAND)
        earned = hand_in(handed_in, asked.learners)
        command = [sys.executable, script, ledger, handed_in, "--lesson", "welcome", "--workers", str(asked.workers)]

        def start() -> subprocess.Popen[str]:
            return subprocess.Popen([*map(str, command), "--json", str(results)], cwd=ROOT, text=True)

        def remembered() -> list[str]:
            return [json.loads(line)["key"] for line in ledger.read_text().splitlines()] if ledger.exists() else []

        began = time.perf_counter()
        process = start()
        while len(remembered()) < asked.learners // 2:
            if process.poll() is not None:
                raise CourseError(f"Grading ended by itself, with {process.returncode}.")
            time.sleep(0.2)
        process.send_signal(signal.SIGKILL)
        process.wait()
        kept = remembered()
        # 1: some could not be read, as they were made
        if start().wait() != 1:
            raise CourseError("Grading did not say that some could not be graded.")
        taken = time.perf_counter() - began
        keys = remembered()
        scores = {entry["learner"]: entry["score"] for entry in json.loads(results.read_text())["submissions"]}
    wrong = {
        learner: (scores.get(learner), points) for learner, points in earned.items() if scores.get(learner) != points
    }
    if wrong:
        raise CourseError(f"These are not the scores that were earned: {wrong}")
    if keys[: len(kept)] != kept or len(set(keys)) != len(keys):
        raise CourseError("Something was graded twice.")
    figures = {
        "learners": asked.learners,
        "remembered_after_the_kill": len(kept),
        "graded_twice": len(keys) - len(set(keys)),
        "wrong_scores": len(wrong),
        "seconds": taken,
        "seconds_per_submission": taken / asked.learners,
    }
    report(f"a class of {asked.learners} in lesson 00, killed half-way", figures, asked.json)


if __name__ == "__main__":
    main()
