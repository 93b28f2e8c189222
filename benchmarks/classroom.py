"""A class of 500 checks for a minute on this machine, and the page watches.

    python -m benchmarks.classroom [--json FILE]

Each learner is the part that a kernel has, an outbox with its thread, and checks three exercises at random moments of
the minute. Then the classroom is stopped, everybody checks once more, and it is started again. `lost` counts the states
that are not there after one more restart. `update_seconds` is the longest from a check to the event that tells the page
of it, `back_seconds` from the classroom's start until nothing is missing.

`slowed_ms` is what a check of a learner who joined spends on the classroom, in the median, in a process of its own
during the minute. `difference_ms` is the median difference of such a check and the same one without a classroom just
before or after, with its standard error: all that a classroom may cost, but on a busy machine mostly noise.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import multiprocessing
import os
import random
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from autograder import CheckFailed, check, join, notebook
from autograder.course import ROOT
from autograder.glance.calling import call
from autograder.glance.outbox import Outbox
from autograder.verdict import Verdict
from autograder.workspace import start
from benchmarks.report import arguments, report

LEARNERS, SECONDS, DOWN_SECONDS, PATIENCE, PAUSE = 500, 60, 4, 60, 0.3
DURING, AFTER = ("value_iteration", "epsilon_greedy", "td_target"), "q_update"
# a state as the page is told of it
TRYING, PASSED = "1", "2"

States = dict[tuple[str, str], str]


class Page:
    """What the page knows: it listens as the browser does, and notes when it first heard of a state."""

    def __init__(self, address: str) -> None:
        self.address = urlsplit(address)
        self.states: States = {}
        self.heard: dict[tuple[str, str], float] = {}
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        names: list[str] = []
        with contextlib.suppress(OSError, http.client.HTTPException):
            for news in self._events():
                names = [name for _, exercises in news.get("lessons", []) for name in exercises] or names
                for _, learner, row in news["learners"]:
                    for exercise, state in zip(names, row, strict=True):
                        if self.states.get((learner, exercise), "0") != state:
                            self.states[learner, exercise] = state
                            self.heard[learner, exercise] = time.perf_counter()

    def _events(self) -> Iterator[dict[str, Any]]:
        connection = http.client.HTTPConnection(self.address.netloc, timeout=PATIENCE)
        connection.request("GET", f"{self.address.path}events")
        response = connection.getresponse()
        while line := response.readline():
            if line.startswith(b"data: "):
                yield json.loads(line.removeprefix(b"data: "))

    def lacks(self, wanted: States) -> int:
        """How many of these states it does not know."""
        return sum(self.states.get(key) != state for key, state in wanted.items())


@contextlib.contextmanager
def served(database: Path, port: int) -> Iterator[tuple[str, Page]]:
    """The classroom, by its command: the address to join at, and its page."""
    command = [sys.executable, "-m", "autograder.cli", "classroom", "--host", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen(
        [*command, "--database", str(database)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        screen, address = (re.findall(r"http://[^\s\"]+", process.stdout.readline())[0] for _ in range(2))
        try:
            yield address, Page(screen)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=PATIENCE)


def click_through_rate(clicks: int, impressions: int) -> float:
    """A wrong answer: it costs a diagnosis."""
    return clicks / impressions if impressions else 0.0


def check_in_turns(address: str, workspace: Path, answers: Any) -> None:
    """Check for the minute in a workspace: pairs of checks as (seconds without, with, spent on the classroom)."""
    os.chdir(next(iter(start(workspace))).path.parent)
    tell, spent = notebook.tell, 0.0

    def timed(verdict: Verdict) -> None:
        nonlocal spent
        began = time.perf_counter()
        tell(verdict)
        spent = time.perf_counter() - began

    def seconds(joined: bool) -> float:
        notebook.tell = timed if joined else lambda verdict: None
        began = time.perf_counter()
        with contextlib.suppress(CheckFailed):
            check(click_through_rate)
        took = time.perf_counter() - began
        # what a thread sends afterwards is not to fall into the next check
        time.sleep(PAUSE)
        return took

    pairs = []
    until = time.perf_counter() + SECONDS
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        join(address, "measured")
        while time.perf_counter() < until:
            order = (False, True) if len(pairs) % 2 else (True, False)
            took = {joined: seconds(joined) for joined in order}
            pairs.append((took[False], took[True], spent))
    answers.put(pairs)


def check_all(outboxes: dict[str, Outbox], exercises: tuple[str, ...], seconds: float) -> tuple[States, States]:
    """Everybody checks these exercises at random moments; what they said, and when."""
    chance = random.Random(0)
    plan = [(chance.uniform(0, seconds), learner, name) for learner in outboxes for name in exercises]
    said: States = {}
    when: Any = {}
    began = time.perf_counter()
    for moment, learner, name in sorted(plan):
        time.sleep(max(0.0, began + moment - time.perf_counter()))
        passed = chance.random() < 0.6
        said[learner, name] = PASSED if passed else TRYING
        when[learner, name] = time.perf_counter()
        outboxes[learner].put(name, passed, None)
    return said, when


def wait_for(page: Page, wanted: States) -> float:
    """Seconds until the page knows all of this, at most `PATIENCE`."""
    began = time.perf_counter()
    while page.lacks(wanted) and time.perf_counter() - began < PATIENCE:
        time.sleep(0.02)
    return time.perf_counter() - began


def measure(folder: Path) -> dict[str, float]:
    """All figures."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    database = folder / "class.db"
    with served(database, port) as (address, page):
        keys = [call(address, "POST", "join", "", {"nickname": f"learner {n}"}) for n in range(LEARNERS)]
        outboxes = {each["nickname"]: Outbox(address, each["key"], lambda: True, None) for each in keys}
        fresh = multiprocessing.get_context("spawn")
        answers = fresh.Queue()
        other = fresh.Process(target=check_in_turns, args=(address, folder / "workspace", answers))
        other.start()
        said, when = check_all(outboxes, DURING, SECONDS)
        wait_for(page, said)
        delays = [page.heard.get(key, float("inf")) - put for key, put in when.items()]
        pairs = answers.get(timeout=SECONDS + 3 * PATIENCE)
        other.join()
    said |= check_all(outboxes, (AFTER,), DOWN_SECONDS)[0]
    with served(database, port) as (_, page):
        back = wait_for(page, said)
    with served(database, port) as (_, page):
        wait_for(page, said)
        lost = page.lacks(said)
    without, _, spent = ([1000 * seconds for seconds in column] for column in zip(*pairs, strict=True))
    differences = [1000 * (joined - alone) for alone, joined, _ in pairs]
    return {
        "lost": lost,
        "slowed_ms": statistics.median(spent),
        "update_seconds": max(delays),
        "update_median_seconds": statistics.median(delays),
        "back_seconds": back,
        "states": len(said),
        "check_ms": statistics.median(without),
        "difference_ms": statistics.median(differences),
        # of a median of about normal differences
        "difference_error_ms": 1.25 * statistics.stdev(differences) / len(differences) ** 0.5,
    }


def main() -> None:
    """Measure, print, write."""
    asked = arguments(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        report("500 learners in a classroom", measure(Path(folder)), asked.json)


if __name__ == "__main__":
    main()
