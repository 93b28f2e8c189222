"""Running many tasks on a pool of processes of this machine."""

from __future__ import annotations

import concurrent.futures
import contextlib
import itertools
import multiprocessing
import os
import signal
import tempfile
import threading
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait

from autograder.grading import one
from autograder.grading.one import Graded, Task

# how often a task may end the process that works on it, nothing else running there, before it is given up
ATTEMPTS = 2
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

Pair = tuple[Task, Graded]


def on_pool(tasks: Iterable[Task], workers: int) -> Generator[Pair, None, None]:
    """Results as they come, from so many processes. A task is taken when there is room for it, so that few are held.

    A process that is lost costs no result: what was running is run again, each task in a process of its own.
    """
    waiting = iter(tasks)
    with tempfile.TemporaryDirectory(prefix="grading-") as folder, _one_thread_each():
        while lost := (yield from _through(waiting, workers, folder)):
            for task in lost:
                yield from _alone(task, folder)


def _through(waiting: Iterator[Task], workers: int, folder: str) -> Generator[Pair, None, list[Task]]:
    """Run tasks until there are no more, or until a process is lost: then those that were running are returned."""
    pool = concurrent.futures.ProcessPoolExecutor(
        workers, mp_context=multiprocessing.get_context("spawn"), initializer=_prepare, initargs=(folder,)
    )
    running: dict[concurrent.futures.Future[Graded], Task] = {}
    try:
        while True:
            for task in itertools.islice(waiting, 2 * workers - len(running)):
                try:
                    running[pool.submit(one.graded_with_outputs, task)] = task
                except BrokenProcessPool:
                    return [*running.values(), task]
            if not running:
                return []
            done, _ = concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED)
            for future in done:
                try:
                    result = future.result()
                except BrokenProcessPool:
                    return list(running.values())
                yield running.pop(future), result
    finally:
        _end(pool)


def _alone(task: Task, folder: str) -> Generator[Pair, None, None]:
    for _ in range(ATTEMPTS):
        lost = yield from _through(iter([task]), 1, folder)
        if not lost:
            return
    yield task, Graded(one.could_not(task, "crash", f"The process that graded it ended, {ATTEMPTS} times in a row."))


def _prepare(folder: str) -> None:
    """A worker leaves Ctrl-C to its parent, ends with it, and writes only where the parent clears up."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    tempfile.tempdir = folder
    threading.Thread(target=_end_with_parent, name="end-with-parent", daemon=True).start()


def _end_with_parent() -> None:
    """A pool's process that waits for tasks is not told that nobody is left who could send one."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _end(pool: concurrent.futures.ProcessPoolExecutor) -> None:
    """End the workers too: after Ctrl-C nobody wants to wait for what they are grading."""
    processes = list((pool._processes or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.terminate()
    for process in processes:
        process.join()


@contextlib.contextmanager
def _one_thread_each() -> Iterator[None]:
    """Workers that start meanwhile fill the cores as processes, and must not fight for them with threads."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
