"""What is still to be told to the classroom. A check only puts it here; a thread sends it, whenever that goes.

Of each exercise only the last report counts, so that however long the network is down, there are no more reports than
exercises. They outlive the kernel in a file.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from autograder.errors import CourseError
from autograder.glance.calling import Refusal, call
from autograder.place import write_private

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
# two threads of one interpreter take turns: the check shall be over before the sending begins
BREATH = 0.1
# what HTTP says where the classroom does not know the learner, and where it would never take these reports
UNKNOWN, MALFORMED = 401, 400

Reports = dict[str, dict[str, Any]]


class Outbox:
    """Sends reports to one classroom, while it `may`. What it could not send is kept in `file`, if there is one."""

    def __init__(self, address: str, key: str, may: Callable[[], bool], file: Path | None) -> None:
        self.address, self.key, self.may, self.file = address, key, may, file
        # what another classroom was to be told is none of this one's business
        self.of = hashlib.sha256(key.encode()).hexdigest()[:16]
        self.waiting: Reports = {}
        self.closed = False
        self._something = threading.Condition()
        self._thread: threading.Thread | None = None
        atexit.register(self._keep)

    def put(self, exercise: str, passed: bool, diagnosis: str | None) -> None:
        """Have it sent. Never waits, and never fails."""
        with self._something:
            if self.closed:
                return
            self.waiting[exercise] = {"exercise": exercise, "passed": passed, "diagnosis": diagnosis}
            self._something.notify()
            if self._thread is None:
                thread = threading.Thread(target=self._send_all, name="classroom", daemon=True)
                thread.start()
                self._thread = thread

    def close(self, *, forget: bool = False) -> None:
        """Send no more; `forget` what was not sent, or leave it to the next kernel."""
        with self._something:
            self.closed = True
            if forget:
                self.waiting.clear()
            self._something.notify()
        atexit.unregister(self._keep)
        if not forget:
            self._keep()
        elif self.file is not None:
            with contextlib.suppress(OSError):
                self.file.unlink(missing_ok=True)

    def _send_all(self) -> None:
        pause = FIRST_PAUSE
        while True:
            with self._something:
                self._something.wait_for(lambda: self.waiting or self.closed)
            time.sleep(BREATH)
            with self._something:
                if self.closed:
                    return
                taken = dict(self.waiting)
            if not self.may():
                self.close(forget=True)
                return
            # what another kernel left goes too, but where this one knows something newer
            left = self._left()
            try:
                call(self.address, "POST", "reports", self.key, {"reports": list((left | taken).values())})
            except CourseError as fault:
                status = fault.status if isinstance(fault, Refusal) else 0
                if status == UNKNOWN:
                    self.close(forget=True)
                    return
                if status != MALFORMED:
                    self._keep()
                    with self._something:
                        self._something.wait_for(lambda: self.closed, pause)
                    pause = min(2 * pause, LONGEST_PAUSE)
                    continue
            pause = FIRST_PAUSE
            with self._something:
                # what was checked again meanwhile is still to be sent
                self.waiting = {name: report for name, report in self.waiting.items() if taken.get(name) is not report}
            self._keep(settled=left)

    def _left(self) -> Reports:
        """What a kernel could not send to this classroom, and left."""
        try:
            left = json.loads(self.file.read_text(encoding="utf-8")) if self.file is not None else {}
            return (
                {str(name): dict(report) for name, report in left["reports"].items()} if left["of"] == self.of else {}
            )
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return {}

    def _keep(self, settled: Reports | None = None) -> None:
        """Write down what waits, so that the next kernel can send it, beside what was left and is not `settled`."""
        if self.file is None:
            return
        # a check that puts something here does not wait for the disk either
        with self._something:
            waiting = dict(self.waiting)
        left = {name: report for name, report in self._left().items() if (settled or {}).get(name) != report}
        with contextlib.suppress(OSError):
            if left or waiting:
                write_private(self.file, json.dumps({"of": self.of, "reports": left | waiting}))
            else:
                self.file.unlink(missing_ok=True)
