"""`autograder classroom`: serve until somebody stops it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from pathlib import Path

from rich.console import Console
from rich.text import Text

from autograder.course import ROOT
from autograder.glance import outline, server
from autograder.glance.handlers import Classroom
from autograder.glance.room import Room
from autograder.glance.store import Store
from autograder.report.html import count_of

DEFAULT = ROOT / "classroom" / "class.db"
EVERYWHERE = {"", "0.0.0.0", "::"}


def run(host: str, port: int, database: Path) -> None:
    """Serve the class on that address, and say how to join and where to look."""
    listening = server.listening(host, port)
    with listening, contextlib.closing(Store(database)) as store:
        room = Room(outline.of_course(), store)
        classroom = Classroom(room, store.token("join"), store.token("screen"))
        classroom.address = f"http://{_shown(host)}:{listening.getsockname()[1]}"
        asyncio.run(_serve(classroom, listening, database))


def _say(classroom: Classroom, database: Path) -> None:
    console = Console(soft_wrap=True, highlight=False)
    console.print(Text.assemble("The page for the room's second screen: ", (classroom.screen_address, "bold")))
    console.print(Text.assemble("The line that learners run:            ", (classroom.line, "bold")))
    here = count_of(len(classroom.room.learners), "learner")
    console.print(Text(f"In {database}: {here}. The same addresses hold after a restart. Ctrl+C stops."))


async def _serve(classroom: Classroom, listening: socket.socket, database: Path) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, stopped.set)
    served = server.serve(classroom, listening)
    # whoever reads this may stop it at once
    _say(classroom, database)
    await stopped.wait()
    await server.stop(classroom, served)


def _shown(host: str) -> str:
    """The host as others write it: of all addresses, the one that the network knows this machine by."""
    if host not in EVERYWHERE:
        return f"[{host}]" if ":" in host else host
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # sends nothing; 192.0.2.1 is no one's address
            probe.connect(("192.0.2.1", 9))
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.1"
