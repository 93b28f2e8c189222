"""Reading what was handed in: a notebook, or the reason why it is none. Nothing in the file is believed."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

from autograder.report.results import GradingFault

MOST_BYTES = 20_000_000
MOST_CELLS = 5_000


def content_of(path: Path) -> bytes | GradingFault:
    """The bytes of a submitted file; a fault for a link, a special file, or one that is too large."""
    try:
        # a link in the last place or before it could show any file of the host
        if path.is_symlink():
            return GradingFault("refused", "It is a link: hand in the notebook itself.")
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        return GradingFault("unreadable", f"It could not be opened: {error.strerror}.")
    with os.fdopen(descriptor, "rb") as file:
        about = os.fstat(file.fileno())
        if not stat.S_ISREG(about.st_mode):
            return GradingFault("refused", "It is no ordinary file.")
        if about.st_size > MOST_BYTES:
            size = f"{about.st_size / 1e6:.0f} MB"
            return GradingFault("refused", f"It has {size}, and {MOST_BYTES // 1_000_000} MB are the most.")
        content = file.read(MOST_BYTES + 1)
    return content if content.strip() else GradingFault("unreadable", "The file is empty.")


def notebook_of(content: bytes) -> dict[str, Any] | GradingFault:
    """The notebook (format 4) in a file's bytes, or what is wrong with them."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return GradingFault("unreadable", f"It is not UTF-8: byte {error.start} cannot be read.")
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        where = f"line {error.lineno}" if isinstance(error, json.JSONDecodeError) else "it is nested too deeply"
        return GradingFault("unreadable", f"It is no notebook, or was cut short: not JSON ({where}).")
    if "\\ud" in text.lower():
        # half of a character, which JSON can write and nothing else can
        data = json.loads(json.dumps(data, ensure_ascii=False).encode("utf-8", "replace"))
    if not isinstance(data, dict) or not isinstance(data.get("nbformat"), int):
        return GradingFault("unreadable", "It is JSON, but no notebook.")
    if data["nbformat"] != 4:
        return _upgraded(data)
    cells = data.get("cells")
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        return GradingFault("unreadable", "It is a notebook without a list of cells.")
    if len(cells) > MOST_CELLS:
        return GradingFault("refused", f"It has {len(cells):,} cells, and {MOST_CELLS:,} are the most.")
    return data


def _upgraded(data: dict[str, Any]) -> dict[str, Any] | GradingFault:
    import nbformat

    try:
        return dict(nbformat.convert(nbformat.from_dict(data), 4))
    except Exception as error:  # a converter fails in as many ways as files are broken
        return GradingFault(
            "unreadable", f"It is of format {data['nbformat']}, and could not be converted ({type(error).__name__})."
        )
