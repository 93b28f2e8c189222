"""What each request to a classroom gets: see `server` for the list of them."""

from __future__ import annotations

import asyncio
import dataclasses
import hmac
import json
from typing import Any

from tornado.iostream import StreamClosedError
from tornado.web import HTTPError, RequestHandler

from autograder.errors import CourseError
from autograder.glance import page
from autograder.glance.limits import Limit
from autograder.glance.room import Full, Learner, Report, Room
from autograder.report.reading import Reader

MOST_SCREENS = 20
# changes of so many seconds are sent together, and something is sent at least so often
TOGETHER_SECONDS, HEARTBEAT_SECONDS = 0.5, 15.0


@dataclasses.dataclass
class Classroom:
    """A room, its two secrets, and what each sender may do. A whole class may share one address."""

    room: Room
    join: str
    screen: str
    address: str = ""
    screens: int = 0
    stopping: bool = False
    of_address: Limit = dataclasses.field(default_factory=lambda: Limit(rate=50, burst=1000))
    of_learner: Limit = dataclasses.field(default_factory=lambda: Limit(rate=2, burst=30))

    @property
    def join_address(self) -> str:
        """What a learner's `join` is given."""
        return f"{self.address}/{self.join}"

    @property
    def screen_address(self) -> str:
        """The page for the room's second screen."""
        return f"{self.address}/screen/{self.screen}/"

    @property
    def line(self) -> str:
        """The line that learners run in a notebook."""
        return f'from autograder import join; join("{self.join_address}", "your nickname")'


class Refused(HTTPError):
    """A request that is answered with a sentence."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(status)
        self.message = message


class Base(RequestHandler):
    """What all answers have in common: they load nothing, are kept by nobody, and tell nothing of the server."""

    classroom: Classroom

    def initialize(self, classroom: Classroom) -> None:
        """Remember whose request it is."""
        self.classroom = classroom

    def set_default_headers(self) -> None:
        """Let a browser do as little as possible."""
        self.clear_header("Server")
        self.set_header("Cache-Control", "no-store")
        self.set_header("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("X-Content-Type-Options", "nosniff")

    def prepare(self) -> None:
        """Count the request against its sender."""
        if not self.classroom.of_address.allows(self.request.remote_ip):
            raise Refused(429, "Too many requests from this address.")

    def write_error(self, status_code: int, **keywords: Any) -> None:
        """Answer a fault with one sentence as JSON, and nothing of its origin."""
        error = keywords.get("exc_info", (None, None, None))[1]
        message = error.message if isinstance(error, Refused) else self._reason
        if status_code == 429:
            self.set_header("Retry-After", "1")
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps({"error": message}))

    def log_exception(self, *arguments: Any) -> None:
        """Log a fault of ours, and not what somebody asked for."""
        if not isinstance(arguments[1], HTTPError):
            super().log_exception(*arguments)

    def needs(self, wanted: str) -> None:
        """A wrong secret looks like any address that is not there."""
        if not hmac.compare_digest(self.path_args[0].encode(), wanted.encode()):
            raise HTTPError(404)


class Missing(Base):
    """Whatever is not there."""

    def prepare(self) -> None:
        """Say so."""
        super().prepare()
        raise HTTPError(404)


class JoinPage(Base):
    """The line that a learner runs, for who follows the link."""

    def get(self, token: str) -> None:
        """Show it."""
        self.needs(self.classroom.join)
        self.set_header("Content-Security-Policy", page.policy("join"))
        self.finish(page.join_html(self.classroom.line))


class FromLearner(Base):
    """A request that a learner's kernel makes."""

    learner: Learner | None = None

    def prepare(self) -> None:
        """Count it against the learner where there is one: an address that sends too much harms no other learner."""
        scheme, _, key = self.request.headers.get("Authorization", "").partition(" ")
        self.learner = self.classroom.room.find(key) if scheme == "Bearer" else None
        if self.learner is None:
            super().prepare()
        elif not self.classroom.of_learner.allows(self.learner.id):
            raise Refused(429, "Too many requests from this learner.")
        self.needs(self.classroom.join)

    def known(self) -> Learner:
        """The learner."""
        if self.learner is None:
            raise Refused(401, "Join first.")
        return self.learner

    def read(self) -> Reader:
        """The JSON object that was sent."""
        try:
            return Reader.of(json.loads(self.request.body), "The request")
        except (ValueError, RecursionError):
            raise Refused(400, "The request should be JSON.") from None
        except CourseError as fault:
            raise Refused(400, str(fault)) from None


class Join(FromLearner):
    """Somebody comes in."""

    def post(self, token: str) -> None:
        """Give them a key; whoever has one keeps it."""
        try:
            learner, key = self.classroom.room.join(self.read().text("nickname"), self.learner)
        except Full as fault:
            raise Refused(503, str(fault)) from None
        except CourseError as fault:
            raise Refused(400, str(fault)) from None
        self.finish({"key": key, "nickname": learner.nickname})


class Reports(FromLearner):
    """What checks said."""

    def post(self, token: str) -> None:
        """Keep what is known to the course; the rest is counted by its absence."""
        learner, room = self.known(), self.classroom.room
        try:
            records = self.read().records("reports")
            if len(records) > len(room.exercises):
                raise Refused(400, f"{len(records)} reports are more than there are exercises.")
            reports = [_report(record) for record in records]
        except CourseError as fault:
            raise Refused(400, str(fault)) from None
        kept = [report for report in reports if room.known(report)]
        if kept:
            room.report(learner, kept)
        self.finish({"kept": len(kept)})


class Me(FromLearner):
    """A learner who leaves."""

    def delete(self, token: str) -> None:
        """Forget them, and no one else."""
        self.classroom.room.leave(self.known())
        self.finish({"left": True})


class ForScreen(Base):
    """A request of the room's second screen, which no one else can keep from being answered."""

    def prepare(self) -> None:
        """Count it against its address only where the secret is wrong."""
        try:
            self.needs(self.classroom.screen)
        except HTTPError:
            super().prepare()
            raise


class Screen(ForScreen):
    """The page."""

    def get(self, token: str) -> None:
        """Show it; what is in it comes by events."""
        self.set_header("Content-Security-Policy", page.policy("screen"))
        self.finish(page.screen_html(self.classroom.line, self.classroom.join_address))


class Events(ForScreen):
    """What the page shows, as server-sent events: all of it first, then what changes."""

    gone = False

    async def get(self, token: str) -> None:
        """Send for as long as somebody looks; what a slow one misses is not kept for it, but sent as it then is."""
        if self.classroom.screens >= MOST_SCREENS:
            raise Refused(503, f"{MOST_SCREENS} screens are open.")
        self.classroom.screens += 1
        self.set_header("Content-Type", "text/event-stream")
        self.set_header("X-Accel-Buffering", "no")
        room, epoch, seen = self.classroom.room, "", -1
        try:
            while not (self.gone or self.classroom.stopping):
                news = room.news(epoch, seen)
                epoch, seen = room.epoch, room.version
                self.write(f"data: {json.dumps(news)}\n\n")
                await self.flush()
                await room.change(seen, HEARTBEAT_SECONDS)
                if not self.gone:
                    await asyncio.sleep(TOGETHER_SECONDS)
        except StreamClosedError:
            pass
        finally:
            self.classroom.screens -= 1

    def on_connection_close(self) -> None:
        """Stop sending, and let another screen have the place."""
        self.gone = True
        self.classroom.room.wake()


def _report(read: Reader) -> Report:
    strange = read.fields.keys() - {"exercise", "passed", "diagnosis"}
    if strange:
        raise read.wrong(sorted(map(str, strange))[0][:40], "absent", "there")
    return Report(read.text("exercise"), read.truth("passed"), read.text_or_none("diagnosis"))
