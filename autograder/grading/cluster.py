"""Running many tasks on a `dask.distributed` cluster whose workers have the course installed."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Any

from autograder.errors import CourseError
from autograder.grading import one
from autograder.grading.one import Graded, Task
from autograder.sandbox import bubblewrap

# how often a task runs again after its worker was lost; distributed has its own count of suspects beside it
RETRIES = 2
# tasks under way for each thread of the cluster, so that no worker waits for its next one
AHEAD = 3
# seconds for the scheduler to answer, and for a first worker to come
PATIENCE = 20


def on_cluster(
    tasks: Iterable[Task], scheduler: str, *, unsafe: bool = False
) -> Generator[tuple[Task, Graded], None, None]:
    """Results as they come. A task whose worker is lost runs again on another, and a task is taken when there is room.

    Raises CourseError where there is no cluster, or where its workers would not give the scores of this machine.
    """
    try:
        from distributed import Client, as_completed
    except ImportError as error:
        raise CourseError("--scheduler needs dask.distributed: pip install -c constraints.txt '.[cluster]'") from error
    try:
        client = Client(scheduler, timeout=PATIENCE)
    except (OSError, ValueError) as error:
        raise CourseError(f"No scheduler answers at {scheduler}: {error}") from error
    with client:
        _check_workers(client, unsafe)
        waiting = iter(tasks)
        running: dict[Any, Task] = {}
        completed: Any = as_completed()

        def fill() -> None:
            room = AHEAD * max(1, sum(client.nthreads().values()))
            while len(running) < room and (task := next(waiting, None)) is not None:
                future = client.submit(one.graded_with_outputs, task, pure=False, retries=RETRIES)
                running[future.key] = task
                completed.add(future)

        fill()
        for future in completed:
            task = running.pop(future.key)
            lost = future.exception()
            if lost:
                yield task, Graded(one.could_not(task, "crash", f"Its worker was lost ({lost})."))
            else:
                yield task, future.result()
            fill()


def _check_workers(client: Any, unsafe: bool) -> None:
    """A worker with another course would give other scores, and one without a sandbox none."""
    try:
        client.wait_for_workers(1, timeout=PATIENCE)
    except TimeoutError as error:
        message = "The cluster has no workers: start some with `dask worker ADDRESS --nworkers auto`."
        raise CourseError(message) from error
    versions = client.run(one.course_version)
    strange = [worker for worker, version in versions.items() if version != one.course_version()]
    if strange:
        raise CourseError(f"These workers have another version of the course: {', '.join(strange)}.")
    if not unsafe:
        for worker, reason in client.run(bubblewrap.available).items():
            if reason:
                raise CourseError(f"The worker {worker} cannot grade: {reason}")
