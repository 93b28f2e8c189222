"""What a submission's cells put out: kept as far as there is room, and only what is harmless to show."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[@-_]?")
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
PICTURES = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff"}
LONGEST_LINE, MOST_LINES = 1000, 200


class Collector:
    """Collects the outputs that answer one request, up to so many bytes."""

    def __init__(self, request: str, most: int) -> None:
        self.request, self.most = request, most
        self.bytes = 0
        self.idle = False
        self._outputs: list[dict[str, Any]] = []

    @property
    def full(self) -> bool:
        """Whether more has come than is allowed."""
        return self.bytes > self.most

    def add(self, message: dict[str, Any]) -> None:
        """Take a message of the output channel; what answers another request counts, and is dropped."""
        self.bytes += message["bytes"]
        if message["parent_header"].get("msg_id") != self.request:
            return
        kind, content = message["header"].get("msg_type"), message["content"]
        if kind == "status" and content.get("execution_state") == "idle":
            self.idle = True
        elif not self.full:
            output = sanitised(str(kind), content)
            if output is not None:
                self._append(output)

    def outputs(self) -> list[dict[str, Any]]:
        """What is shown of it, as a notebook's outputs."""
        return self._outputs

    def _append(self, output: dict[str, Any]) -> None:
        last = self._outputs[-1] if self._outputs else {}
        if output["output_type"] == "stream" and last.get("name") == output["name"]:
            last["text"] += output["text"]
        else:
            self._outputs.append(output)


def sanitised(kind: str, content: dict[str, Any]) -> dict[str, Any] | None:
    """An output of a notebook with nothing but plain text and pictures in it; None where nothing is left."""
    if kind == "stream":
        name = "stderr" if content.get("name") == "stderr" else "stdout"
        return {"output_type": "stream", "name": name, "text": text(content.get("text"))}
    if kind == "error":
        trace = content.get("traceback")
        return {
            "output_type": "error",
            "ename": text(content.get("ename"))[:200],
            "evalue": text(content.get("evalue"))[:LONGEST_LINE],
            "traceback": [text(line) for line in trace[:MOST_LINES]] if isinstance(trace, list) else [],
        }
    if kind in ("execute_result", "display_data"):
        data = content.get("data")
        shown = _harmless(data) if isinstance(data, dict) else {}
        if not shown:
            return None
        output: dict[str, Any] = {"output_type": kind, "data": shown, "metadata": {}}
        if kind == "execute_result":
            output["execution_count"] = None
        return output
    return None


def text(value: Any) -> str:
    """A text without anything that a terminal or a page could take for more than text."""
    return CONTROLS.sub("", ESCAPES.sub("", value)) if isinstance(value, str) else ""


def _harmless(data: dict[str, Any]) -> dict[str, str]:
    shown = {}
    if "text/plain" in data:
        shown["text/plain"] = text(data["text/plain"])
    for kind, opening in PICTURES.items():
        encoded = data.get(kind)
        if isinstance(encoded, str):
            try:
                picture = base64.b64decode("".join(encoded.split()), validate=True)
            except (binascii.Error, ValueError):
                continue
            if picture.startswith(opening):
                shown[kind] = base64.b64encode(picture).decode("ascii")
    return shown
