"""The classroom over HTTP: what learners send, and the page that is shown.

    POST   /JOIN/join     {"nickname"}                                -> {"key", "nickname"}
    POST   /JOIN/reports  {"reports": [{"exercise", "passed", "diagnosis"}]} -> {"kept"}
    DELETE /JOIN/me                                                   -> {"left": true}
    GET    /JOIN                   the line that learners run
    GET    /screen/SCREEN/         the page, and under it `events`, its server-sent events

JOIN and SCREEN are two secrets: a learner knows the first alone. The second and third name their learner by the key
that joining gave, `Authorization: Bearer KEY`. Whatever else is asked for is not there.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.web import Application

from autograder.errors import CourseError
from autograder.glance.handlers import Classroom, Events, Join, JoinPage, Me, Missing, Reports, Screen

MOST_BYTES = 64 << 10


def application(classroom: Classroom) -> Application:
    """All that is there."""
    with_it: dict[str, Any] = {"classroom": classroom}
    secret = r"([A-Za-z0-9_-]{1,64})"
    routes: list[Any] = [
        (rf"/{secret}", JoinPage, with_it),
        (rf"/{secret}/join", Join, with_it),
        (rf"/{secret}/reports", Reports, with_it),
        (rf"/{secret}/me", Me, with_it),
        (rf"/screen/{secret}/", Screen, with_it),
        (rf"/screen/{secret}/events", Events, with_it),
    ]
    # addresses hold secrets: no request is logged
    return Application(
        routes, default_handler_class=Missing, default_handler_args=with_it, log_function=lambda handler: None
    )


def listening(host: str, port: int) -> socket.socket:
    """The socket of a server; CourseError where there can be none."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        made = socket.create_server((host, port), family=family, backlog=512)
    except OSError as error:
        raise CourseError(
            f"Nothing can be served on {host} port {port}: {error.strerror or error}. "
            f"Stop what is there, or choose another: autograder classroom --port {port + 1}"
        ) from error
    made.setblocking(False)
    return made


def serve(classroom: Classroom, on: socket.socket) -> HTTPServer:
    """Answer on this socket, in the running loop."""
    server = HTTPServer(
        application(classroom),
        max_body_size=MOST_BYTES,
        max_buffer_size=2 * MOST_BYTES,
        max_header_size=16 << 10,
        body_timeout=10,
        idle_connection_timeout=30,
    )
    server.add_socket(on)
    return server


async def stop(classroom: Classroom, server: HTTPServer) -> None:
    """Take no more requests, and end the open pages' streams: they will come again."""
    server.stop()
    classroom.stopping = True
    classroom.room.wake()
    while classroom.screens:
        await asyncio.sleep(0.05)
    await server.close_all_connections()
