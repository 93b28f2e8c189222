"""One request to a classroom, from a learner's kernel."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from autograder.errors import CourseError

PATIENCE_SECONDS = 5
MOST_BYTES = 64 << 10


class Unreachable(CourseError):
    """There was no answer, or none of a classroom."""


class Refusal(CourseError):
    """The classroom answered, and said no; `status` is HTTP's."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def parts(address: str) -> tuple[str, str, str]:
    """Scheme, host with port, and path of a classroom's address. CourseError for what is none."""
    try:
        found = urlsplit(address.strip())
        port = found.port
    except (AttributeError, ValueError):
        found, port = urlsplit(""), None
    path = found.path.rstrip("/")
    if found.scheme not in ("http", "https") or not found.hostname or found.username or not path or not path.isascii():
        raise CourseError("The address of a classroom looks like http://192.168.1.20:8899/abcd-efgh-jkmn.")
    host = f"[{found.hostname}]" if ":" in found.hostname else found.hostname
    return found.scheme, f"{host}:{port}" if port else host, path


def call(address: str, method: str, what: str, key: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """The classroom's answer to a request. Raises Refusal and Unreachable."""
    # a kernel that never joins a classroom need not load them
    import http.client

    scheme, host, path = parts(address)
    # no proxy and no redirection: the key goes to this host or nowhere
    connect = http.client.HTTPSConnection if scheme == "https" else http.client.HTTPConnection
    headers = {"Content-Type": "application/json", "Connection": "close"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    try:
        connection = connect(host, timeout=PATIENCE_SECONDS)
        try:
            connection.request(
                method, f"{path}/{what}", json.dumps(body).encode() if body is not None else None, headers
            )
            response = connection.getresponse()
            answer = json.loads(response.read(MOST_BYTES))
        finally:
            connection.close()
    except (OSError, http.client.HTTPException, ValueError, RecursionError) as error:
        raise Unreachable(f"There is no classroom at {host}: {_why(error)}.") from error
    if not isinstance(answer, dict):
        raise Unreachable(f"What answers at {host} is no classroom.")
    if response.status != 200:
        raise Refusal(response.status, str(answer.get("error", response.reason))[:200])
    return answer


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer within 5 seconds"
    return (getattr(error, "strerror", None) or "its answer cannot be read").lower()
