"""Long studies in pieces: each is computed once, kept on the disk, and found again when the command starts anew."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from autograder.course import ROOT

Key = dict[str, Any]
"""What tells a piece from the others of its study: plain JSON data."""
Result = dict[str, Any]
"""Numbers, strings, lists, dicts and tensors."""


class Pieces:
    """The pieces of one study, kept under `.studies/`, apart for each state of the modules that compute them.

    A piece is written when it is done, so that a study that is cut off goes on where it stopped.
    """

    def __init__(self, study: str, *modules: ModuleType) -> None:
        digest = hashlib.sha256()
        for module in modules:
            digest.update(Path(str(module.__file__)).read_bytes())
        self.study, self.folder = study, ROOT / ".studies" / f"{study}-{digest.hexdigest()[:12]}"

    def over(
        self, keys: Sequence[Key], compute: Callable[[Key], Result], *, workers: int = 1
    ) -> Iterator[tuple[Key, Result]]:
        """Each key with its result, in the order of the keys, computed where it is not kept yet.

        `workers` processes of one thread each share the work where there are more than one; `compute` is then a
        function of a module's top level.
        """
        missing = [key for key in keys if not self._path(key).is_file()]
        columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()]
        with Progress(*columns, TimeRemainingColumn()) as progress:
            task = progress.add_task(self.study, total=len(keys), completed=len(keys) - len(missing))
            for key, result in self._computed(missing, compute, workers):
                self._keep(key, result)
                progress.advance(task)
        for key in keys:
            yield key, torch.load(self._path(key), weights_only=True)

    def _computed(
        self, keys: list[Key], compute: Callable[[Key], Result], workers: int
    ) -> Iterator[tuple[Key, Result]]:
        if workers == 1:
            yield from ((key, compute(key)) for key in keys)
            return
        usual = os.environ.get("OMP_NUM_THREADS")
        os.environ["OMP_NUM_THREADS"] = "1"  # the workers fill the cores already
        try:
            with multiprocessing.get_context("spawn").Pool(workers) as pool:
                yield from pool.imap_unordered(_Keyed(compute), keys, chunksize=1)
        finally:
            if usual is None:
                del os.environ["OMP_NUM_THREADS"]
            else:
                os.environ["OMP_NUM_THREADS"] = usual

    def _keep(self, key: Key, result: Result) -> None:
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        half = path.with_suffix(f".{os.getpid()}")
        torch.save(result, half)
        half.replace(path)  # whole or not at all

    def _path(self, key: Key) -> Path:
        text = json.dumps(key, sort_keys=True)
        return self.folder / f"{hashlib.sha256(text.encode()).hexdigest()[:24]}.pt"


class _Keyed:
    """`compute`, returning its key too, since results come in any order."""

    def __init__(self, compute: Callable[[Key], Result]) -> None:
        self.compute = compute

    def __call__(self, key: Key) -> tuple[Key, Result]:
        return key, self.compute(key)
