"""What has been graded already, so that a run that was cut off goes on there. Lines of JSON."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from autograder.course import ROOT
from autograder.errors import CourseError
from autograder.report.results import SubmissionResult

DEFAULT = ROOT / "classroom" / "ledger.jsonl"


class Ledger:
    """Results by key. A line that was cut short, as a killed run leaves it, or damaged counts as not graded.

    Only where each line stands is held in memory. Raises CourseError where the file cannot be written.
    """

    def __init__(self, path: Path = DEFAULT) -> None:
        self.path = path
        self._places: dict[str, int] = {}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # readable for its owner alone: it holds scores and seeds
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            raise CourseError(f"The ledger {path} cannot be written: {error.strerror}.") from error
        self._file = os.fdopen(self._descriptor, "rb")
        self._read()

    def _read(self) -> None:
        end, whole = 0, True
        for line in self._file:
            key = _entry(line).get("key")
            if isinstance(key, str):
                self._places[key] = end
            end += len(line)
            whole = line.endswith(b"\n")
        if not whole:
            self._append(b"\n")

    def get(self, key: str) -> SubmissionResult | None:
        """The result kept last under a key, if there is one."""
        if key not in self._places:
            return None
        self._file.seek(self._places[key])
        try:
            return SubmissionResult.from_json(_entry(self._file.readline()).get("result"))
        except CourseError:
            return None

    def add(self, key: str, result: SubmissionResult) -> None:
        """Keep a result; it is on the disk when this returns."""
        line = json.dumps({"key": key, "result": result.to_json()}).encode() + b"\n"
        self._append(line)
        os.fsync(self._descriptor)
        self._places[key] = os.lseek(self._descriptor, 0, os.SEEK_CUR) - len(line)

    def _append(self, line: bytes) -> None:
        """In one write at the end of the file, wherever another process wrote meanwhile."""
        written = os.write(self._descriptor, line)
        if written < len(line):
            raise CourseError(f"The ledger {self.path} cannot be written: the disk is full.")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def _entry(line: bytes) -> dict[str, object]:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return entry if isinstance(entry, dict) else {}
