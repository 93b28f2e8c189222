"""What the cells of graded submissions put out, kept for whoever looks at them later: a file for each."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

Outputs = dict[int, list[dict[str, Any]]]


class OutputStore:
    """Sanitised outputs by key, in a folder that its owner alone may read. What is not there, or damaged, is empty."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, key: str) -> Outputs:
        """The outputs by the cell's place."""
        try:
            kept = json.loads((self.folder / f"{key}.json").read_text(encoding="utf-8"))
            return {int(place): list(cell) for place, cell in kept.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}

    def add(self, key: str, outputs: Outputs) -> None:
        """Keep them. They are for looking at only: a full disk costs nobody points."""
        with contextlib.suppress(OSError):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            (self.folder / f"{key}.json").write_text(json.dumps(outputs), encoding="utf-8")
