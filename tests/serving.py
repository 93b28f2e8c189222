"""A classroom in a thread of the tests, what is sent to it and what is seen of it."""

import asyncio
import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from autograder.glance import server
from autograder.glance.handlers import Classroom
from autograder.glance.outline import Outline
from autograder.glance.room import Room
from autograder.glance.store import Store


class Served:
    """A classroom that is served, and what is sent to it and seen of it."""

    def __init__(self, classroom: Classroom, port: int, loop: asyncio.AbstractEventLoop) -> None:
        self.classroom, self.port, self.loop = classroom, port, loop

    def inside(self, do: Callable[[], Any]) -> Any:
        """What `do` returns, done where the server runs."""

        async def done() -> Any:
            return do()

        return asyncio.run_coroutine_threadsafe(done(), self.loop).result(20)

    @property
    def room(self) -> Room:
        return self.classroom.room

    @property
    def address(self) -> str:
        return self.classroom.join_address

    def ask(
        self, method: str, path: str, body: Any = None, key: str = "", raw: bytes | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        content = raw if raw is not None else json.dumps(body).encode() if body is not None else None
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        try:
            connection.request(method, path, content, headers)
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read()
        finally:
            connection.close()

    def join(self, nickname: str, key: str = "") -> tuple[str, str]:
        status, _, content = self.ask("POST", f"/{self.classroom.join}/join", {"nickname": nickname}, key)
        assert status == 200, content
        answer = json.loads(content)
        return answer["key"], answer["nickname"]

    def report(self, key: str, exercise: str, passed: Any = False, diagnosis: Any = None, **more: Any) -> int:
        report = {"exercise": exercise, "passed": passed, "diagnosis": diagnosis, **more}
        return self.ask("POST", f"/{self.classroom.join}/reports", {"reports": [report]}, key)[0]

    def news(self) -> dict[str, Any]:
        """The first event that the page gets: everything."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request("GET", f"/screen/{self.classroom.screen}/events")
        line = connection.getresponse().readline()
        connection.close()
        return json.loads(line.removeprefix(b"data: "))

    def rows(self) -> dict[str, str]:
        return {name: states for _, name, states in self.news()["learners"]}


@contextmanager
def serving(file: Path, known: Outline, port: int = 0) -> Iterator[Served]:
    ready, served = threading.Event(), []

    async def main() -> None:
        listening = server.listening("127.0.0.1", port)
        room = Room(known, store)
        classroom = Classroom(room, store.token("join"), store.token("screen"))
        number = listening.getsockname()[1]
        classroom.address = f"http://127.0.0.1:{number}"
        http_server = server.serve(classroom, listening)
        stop = asyncio.Event()
        served.append((Served(classroom, number, asyncio.get_running_loop()), stop))
        ready.set()
        await stop.wait()
        await server.stop(classroom, http_server)

    def run() -> None:
        nonlocal store
        store = Store(file)
        asyncio.run(main())
        store.close()

    store: Any = None
    thread = threading.Thread(target=run)
    thread.start()
    assert ready.wait(20)
    here, stop = served[0]
    try:
        yield here
    finally:
        here.loop.call_soon_threadsafe(stop.set)
        thread.join(20)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def within(seconds: float, holds: Callable[[], bool]) -> bool:
    """Whether it holds, in so many seconds at the latest."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.1)
    return holds()
