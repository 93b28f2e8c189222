"""The class at a glance: what is taken, what is refused, what comes back, and what a learner's check costs."""

import contextlib
import http.client
import json
import logging
import re
import signal
import socket
import sqlite3
import stat
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from serving import Served, free_port, serving, within

import autograder
from autograder import check, join, judge, leave
from autograder.cli import main
from autograder.course import ROOT
from autograder.errors import CourseError
from autograder.glance import calling, handlers, joining, membership, outbox, outline, room
from autograder.glance.handlers import Classroom
from autograder.glance.limits import Limit
from autograder.glance.names import cleaned
from autograder.glance.room import Report, Room
from autograder.glance.store import Store
from autograder.notebook import CheckFailed
from autograder.sandbox import standin
from autograder.workspace import _nbgrader_config

OUTLINE = outline.Outline(
    [("00_welcome", ["click_through_rate"]), ("03_q_learning", ["td_target", "q_update"])],
    {
        "click_through_rate": {"odds": "It divides by the others.", "inverted": "The fraction is upside down."},
        "td_target": {"bootstraps_past_the_end": "A terminated episode has no next value."},
        "q_update": {},
    },
)


def click_through_rate(clicks: int, impressions: int) -> float:
    return clicks / impressions if impressions else float("nan")


def upside_down(clicks: int, impressions: int) -> float:
    if impressions == 0:
        return float("nan")
    return impressions / clicks if clicks else 0.0


WRONG = upside_down
WRONG.__name__ = "click_through_rate"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serving(tmp_path / "class.db", OUTLINE) as here:
        yield here


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A learner's workspace, in which a notebook of lesson 00 runs."""
    workspace = tmp_path / "workspace"
    (workspace / "00_welcome").mkdir(parents=True)
    (workspace / "nbgrader_config.py").write_text(_nbgrader_config(workspace, ROOT))
    monkeypatch.chdir(workspace / "00_welcome")
    yield workspace
    joining._close(forget=False)
    membership._here = None


@contextmanager
def answering(answer: bytes) -> Iterator[int]:
    """A port that gives one answer to whatever is asked; nothing at all for an empty one."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening, contextlib.ExitStack() as held:
        listening.settimeout(0.05)

        def run() -> None:
            while not over.is_set():
                with contextlib.suppress(OSError):
                    connection = held.enter_context(listening.accept()[0])
                    if answer:
                        connection.recv(1 << 16)
                        connection.sendall(answer)
                        connection.close()

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            over.set()
            thread.join(10)


def tokens(classroom: Classroom) -> set[str]:
    return {classroom.join, classroom.screen}


# From a check to the page.


def test_a_check_is_seen_on_the_page(served: Served, workspace: Path) -> None:
    with pytest.raises(CheckFailed):
        check(WRONG)
    join(served.address, "Ada")
    # nothing from before is told
    assert served.rows() == {"Ada": "000"}
    with pytest.raises(CheckFailed):
        check(WRONG)
    assert within(5, lambda: served.rows() == {"Ada": "100"})
    assert served.news()["mistakes"] == [[1, "click_through_rate", "The fraction is upside down."]]
    check(click_through_rate)
    assert within(5, lambda: served.rows() == {"Ada": "200"})
    assert served.news()["mistakes"] == []
    leave()
    assert served.rows() == {}
    check(click_through_rate)
    time.sleep(0.3)
    assert served.rows() == {}


def test_a_check_tells_three_things_and_never_code(
    served: Served, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = []
    monkeypatch.setattr(outbox, "call", lambda *arguments: sent.append(arguments[-1]))
    join(served.address, "Ada")
    with pytest.raises(CheckFailed):
        check(WRONG)
    assert within(5, lambda: bool(sent))
    assert sent == [{"reports": [{"exercise": "click_through_rate", "passed": False, "diagnosis": "inverted"}]}]


def test_whoever_never_joined_sends_nothing(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "call", lambda *arguments: pytest.fail(f"sent {arguments}"))
    check(click_through_rate)
    assert joining._outbox is None
    leave()
    assert not (workspace / ".autograder" / "classroom.json").exists()


def test_all_notebooks_of_a_workspace_are_in_and_a_new_kernel_too(
    served: Served, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    join(served.address, "Ada")
    joining._close(forget=False)  # a kernel that starts has none
    (workspace / "03_q_learning").mkdir()
    monkeypatch.chdir(workspace / "03_q_learning")
    check(click_through_rate)
    assert within(5, lambda: served.rows() == {"Ada": "200"})


def test_outside_of_a_workspace_the_kernel_remembers(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    join(served.address, "Ada")
    check(click_through_rate)
    assert within(5, lambda: served.rows() == {"Ada": "200"})
    leave()
    assert served.rows() == {}
    assert not (tmp_path / ".autograder").exists()


def test_joining_again_is_the_same_learner(served: Served, workspace: Path) -> None:
    join(served.address, "Ada")
    check(click_through_rate)
    assert within(5, lambda: served.rows() == {"Ada": "200"})
    join(served.address, "Ada")
    assert served.rows() == {"Ada": "200"}
    join(served.address, "Ada L.")
    assert served.rows() == {"Ada L.": "200"}


def test_after_a_day_nothing_more_is_sent(served: Served, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    join(served.address, "Ada")
    now = time.time()
    monkeypatch.setattr(membership.time, "time", lambda: now + membership.MOST_SECONDS + 1)
    check(click_through_rate)
    assert joining._outbox is None
    assert served.rows() == {"Ada": "000"}


def test_a_grader_joins_nothing(served: Served, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for how in ("autograde", "validate"):
        monkeypatch.setenv("NBGRADER_EXECUTION", how)
        join(served.address, "Ada")
    assert served.rows() == {}


def test_a_second_classroom_asks_to_leave_the_first(
    served: Served, workspace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    join(served.address, "Ada")
    with serving(tmp_path / "other.db", OUTLINE) as other:
        join(other.address, "Ada")
        assert f"You are still in the classroom at {served.address}, as Ada: leave() first." in capsys.readouterr().out
        assert other.rows() == {}
        leave()
        join(other.address, "Ada")
        assert (served.rows(), other.rows()) == ({}, {"Ada": "000"})


# A classroom that is down.


def test_a_classroom_that_is_down_is_a_line_and_no_error(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    join(f"http://127.0.0.1:{free_port()}/abcd-efgh-jkmn", "Ada")
    said = capsys.readouterr().out
    assert said.startswith("✗ Not joined\n  There is no classroom at 127.0.0.1:")
    assert "connection refused" in said
    check(click_through_rate)
    assert joining._outbox is None


@pytest.mark.parametrize(
    "address",
    ["", "localhost", "ftp://a/b", "http://a", "http:///x", "http://[::1/x", "http://a:99999/x", "http://u@a/x"],
)
def test_what_is_no_address_is_said(address: str, workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    join(address, "Ada")
    assert "The address of a classroom looks like http://" in capsys.readouterr().out


def test_what_answers_and_is_no_classroom_is_said(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n<b>!") as port:
        join(f"http://127.0.0.1:{port}/token", "Ada")
    assert "its answer cannot be read" in capsys.readouterr().out
    with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}") as port:
        join(f"http://127.0.0.1:{port}/token", "Ada")
    assert "is no classroom" in capsys.readouterr().out
    with answering(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 2\r\n\r\n{}") as port:
        join(f"http://127.0.0.1:{port}/token", "Ada")
    assert "✗ Not joined" in capsys.readouterr().out
    assert membership.current() is None


def test_what_was_checked_while_it_was_down_comes_when_it_is_back(tmp_path: Path, workspace: Path) -> None:
    with serving(tmp_path / "class.db", OUTLINE) as first:
        join(first.address, "Ada")
    with pytest.raises(CheckFailed):
        check(WRONG)
    assert within(5, lambda: (workspace / ".autograder" / "unsent.json").exists())
    check(click_through_rate)
    with serving(tmp_path / "class.db", OUTLINE, first.port) as again:
        assert within(15, lambda: again.rows() == {"Ada": "200"})
        assert within(5, lambda: not (workspace / ".autograder" / "unsent.json").exists())


def test_what_one_kernel_could_not_send_the_next_one_sends(tmp_path: Path, workspace: Path) -> None:
    with serving(tmp_path / "class.db", OUTLINE) as first:
        join(first.address, "Ada")
    found = membership.current()
    assert found is not None
    file = workspace / ".autograder" / "unsent.json"
    for exercise in ("td_target", "click_through_rate"):
        # each kernel ends before it could send
        one = outbox.Outbox(found.address, found.key, lambda: True, file)
        one.waiting[exercise] = {"exercise": exercise, "passed": True, "diagnosis": None}
        one._keep()
        one.close()
    with serving(tmp_path / "class.db", OUTLINE, first.port) as again:
        with pytest.raises(CheckFailed):
            check(WRONG)
        assert within(15, lambda: again.rows() == {"Ada": "120"})


def test_what_another_classroom_was_to_hear_is_not_told(served: Served, workspace: Path) -> None:
    file = workspace / ".autograder" / "unsent.json"
    other = outbox.Outbox("http://127.0.0.1:1/other", "another key", lambda: True, file)
    other.waiting["td_target"] = {"exercise": "td_target", "passed": True, "diagnosis": None}
    other._keep()
    other.close()
    join(served.address, "Ada")
    check(click_through_rate)
    assert within(5, lambda: served.rows()["Ada"] != "000")
    time.sleep(0.3)
    assert served.rows() == {"Ada": "200"}


def test_who_left_while_it_was_down_is_told_so_and_leaves_again(
    tmp_path: Path, workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(tmp_path / "class.db", OUTLINE) as first:
        join(first.address, "Ada")
    check(click_through_rate)
    leave()
    assert "✗ Left, and not yet deleted" in capsys.readouterr().out
    with serving(tmp_path / "class.db", OUTLINE, first.port) as again:
        check(click_through_rate)
        time.sleep(1.5)
        assert again.rows() == {"Ada": "000"}
        leave()
        assert "✓ You have left the classroom" in capsys.readouterr().out
        assert again.rows() == {}
    assert not (workspace / ".autograder" / "classroom.json").exists()


def test_a_check_never_waits(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind an address that accepts and never answers."""
    monkeypatch.setattr(calling, "PATIENCE_SECONDS", 1)
    verdict = judge(click_through_rate)
    with answering(b"") as port:
        membership.remember(membership.Membership(f"http://127.0.0.1:{port}/token", "key", "Ada", time.time()))
        joining.tell(verdict)
        taken = []
        for _ in range(50):
            began = time.perf_counter()
            joining.tell(verdict)
            taken.append(time.perf_counter() - began)
    assert statistics.median(taken) < 0.01


def test_a_damaged_membership_is_none(workspace: Path) -> None:
    file = workspace / ".autograder" / "classroom.json"
    file.parent.mkdir()
    for content in ("", "[]", "{}", '{"address": 1, "key": 2, "nickname": 3, "joined": "x"}', "[" * 100_000, "\0"):
        file.write_text(content)
        assert membership.current() is None
        check(click_through_rate)


# What is taken and what is not.


def test_only_what_the_course_knows_is_taken(served: Served) -> None:
    key, _ = served.join("Ada")
    assert served.report(key, "td_target", False, "bootstraps_past_the_end") == 200
    assert served.rows() == {"Ada": "010"}
    for exercise, diagnosis in [("nothing", None), ("q_update", "odds"), ("__proto__", None), ("", None)]:
        assert served.report(key, exercise, False, diagnosis) == 200
    # what passed has no mistake
    assert served.report(key, "q_update", True, "odds") == 200
    assert served.rows() == {"Ada": "010"}


@pytest.mark.parametrize("passed", [1, 0, "true", None, [], {}])
def test_passed_is_true_or_false(served: Served, passed: Any) -> None:
    key, _ = served.join("Ada")
    assert served.report(key, "td_target", passed) == 400
    assert served.rows() == {"Ada": "000"}


def test_nothing_else_is_taken(served: Served) -> None:
    key, _ = served.join("Ada")
    assert served.report(key, "td_target", True, None, code="def td_target(): ...") == 400
    assert served.report(key, "td_target", True, 7) == 400
    assert served.rows() == {"Ada": "000"}


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b"\xff\xfe",
        b"[" * 60_000,
        b'{"reports": 1}',
        b'{"reports": [1]}',
        b'{"reports": [{}]}',
    ],
)
def test_what_is_no_report_is_refused_in_a_sentence(served: Served, raw: bytes) -> None:
    key, _ = served.join("Ada")
    status, _, content = served.ask("POST", f"/{served.classroom.join}/reports", raw=raw, key=key)
    assert status == 400
    assert list(json.loads(content)) == ["error"]


def test_a_body_and_a_list_are_bounded(served: Served) -> None:
    key, _ = served.join("Ada")
    path = f"/{served.classroom.join}/reports"
    report = {"exercise": "td_target", "passed": True, "diagnosis": None}
    assert served.ask("POST", path, {"reports": [report] * 4}, key)[0] == 400
    with contextlib.suppress(OSError, http.client.HTTPException):  # cut off while it is still sending
        assert served.ask("POST", path, raw=b" " * 10_000_000, key=key)[0] in (400, 413)
    assert served.rows() == {"Ada": "000"}


# Names.


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("  Ada \n Lovelace\t", "Ada Lovelace"),
        ("a" * 10_000, "a" * 40),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("\u202eadA\u202c\u0000\u200b\ud800", "adA"),
        ("Zo\u0065\u0308", "Zoë"),
        ("Z" + "\u0334" * 500, "Z" + "\u0334" * 4),
        ("👩\u200d🔬", "👩\u200d🔬"),
        ("孫", "孫"),
        ("", ""),
        (" \t\u200d\u3164\u0301", ""),
    ],
)
def test_a_nickname_is_short_and_shows_what_it_is(typed: str, shown: str) -> None:
    assert cleaned(typed) == shown


def test_a_nickname_of_which_nothing_shows_is_refused(
    served: Served, workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    join(served.address, "\u200b")
    assert "A nickname needs a letter, a digit or a sign." in capsys.readouterr().out
    for nickname in ["", "\u202e", 7, None]:
        assert served.ask("POST", f"/{served.classroom.join}/join", {"nickname": nickname})[0] == 400
    assert served.rows() == {}


def test_two_of_one_name_are_told_apart(served: Served) -> None:
    names = [served.join(name)[1] for name in ("Ada", "ADA", "Ada", "a" * 50, "a" * 50, "Ada (2)")]
    assert names == ["Ada", "ADA (2)", "Ada (3)", "a" * 40, "a" * 33 + " (2)", "Ada (2) (2)"]
    assert len(served.rows()) == 6
    assert all(len(name) <= 40 for name in names)


# Secrets.


def test_a_wrong_token_looks_like_nothing(served: Served, workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    join(f"http://127.0.0.1:{served.port}/abcd-efgh-jkmn", "Ada")
    assert "There is no such classroom at 127.0.0.1" in capsys.readouterr().out
    key, _ = served.join("Bo")
    wrong, right = "abcd-efgh-jkmn", served.classroom.join
    asked = [
        *[("POST", f"/{wrong}/{what}", who) for what in ("join", "reports") for who in ("", key)],
        ("DELETE", f"/{wrong}/me", key),
        ("GET", f"/{wrong}", ""),
        ("GET", f"/screen/{wrong}/", ""),
        ("GET", f"/screen/{wrong}/events", ""),
        # neither secret stands for the other
        ("GET", f"/screen/{right}/", ""),
        ("GET", f"/{served.classroom.screen}", ""),
        *[("GET", path, "") for path in ("/", "/screen", "/static/page.js", "/../class.db", f"/{right}/class.db")],
    ]
    answers = {served.ask(method, path, {"nickname": "x"}, who)[::2] for method, path, who in asked}
    assert answers == {(404, b'{"error": "Not Found"}')}
    assert served.rows() == {"Bo": "000"}


def test_no_answer_tells_a_secret_but_to_who_has_it(served: Served) -> None:
    key, _ = served.join("Ada")
    other, _ = served.join("Bo")
    base = f"/{served.classroom.join}"
    for method in ("GET", "POST", "DELETE", "PUT", "HEAD", "OPTIONS"):
        for path in ("/", base, f"{base}/join", f"{base}/reports", f"{base}/me", "/screen/", "/favicon.ico"):
            _, headers, content = served.ask(method, path, key=key if path != f"{base}/me" else "")
            seen = f"{headers} {content!r}"
            assert served.classroom.screen not in seen
            assert other not in seen
            if (method, path) != ("GET", base):
                assert served.classroom.join not in seen
    everything = json.dumps(served.news())
    assert not any(secret in everything for secret in (key, other, *tokens(served.classroom)))


def test_nobody_deletes_another(served: Served) -> None:
    (ada, _), (bo, _) = served.join("Ada"), served.join("Bo")
    path = f"/{served.classroom.join}/me"
    for key in ("", "wrong", ada[:-1], served.classroom.join):
        assert served.ask("DELETE", path, {"key": bo, "learner": 2}, key)[0] == 401
    assert served.ask("DELETE", path, {"key": bo, "learner": 2}, ada)[0] == 200
    assert list(served.rows()) == ["Bo"]
    assert served.ask("DELETE", path, key=ada)[0] == 401
    assert served.report(ada, "td_target") == 401
    assert list(served.rows()) == ["Bo"]


def test_every_answer_lets_a_browser_do_little(served: Served) -> None:
    for path in ("/", f"/{served.classroom.join}", f"/screen/{served.classroom.screen}/"):
        _, headers, _ = served.ask("GET", path)
        assert headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert (headers["X-Content-Type-Options"], headers["Referrer-Policy"]) == ("nosniff", "no-referrer")
        assert headers["Cache-Control"] == "no-store"
        assert not headers.keys() & {"Server", "Access-Control-Allow-Origin", "Set-Cookie"}


def test_no_request_is_logged(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        key, _ = served.join("Ada")
        served.report("wrong", "td_target")
        served.ask("GET", "/nothing")
    assert not any(secret in caplog.text for secret in (key, *tokens(served.classroom)))


# Too much of everything.


def test_who_sends_too_much_is_told_to_wait_and_harms_no_one_else(served: Served) -> None:
    (ada, _), (bo, _) = served.join("Ada"), served.join("Bo")
    path = f"/{served.classroom.join}/reports"
    body = json.dumps({"reports": [{"exercise": "td_target", "passed": True, "diagnosis": None}]}).encode()
    statuses: list[int] = []

    served.classroom.of_address = Limit(rate=1, burst=50)

    def flood(key: str) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=20)
        for _ in range(400):
            connection.request("POST", path, body, {"Authorization": f"Bearer {key}"} if key else {})
            response = connection.getresponse()
            response.read()
            statuses.append(response.status)
        connection.close()

    began = time.monotonic()
    threads = [threading.Thread(target=flood, args=(key,)) for key in (ada, "")]
    for thread in threads:
        thread.start()
    assert served.report(bo, "q_update", True) == 200
    for thread in threads:
        thread.join()
    seconds = time.monotonic() - began
    assert statuses.count(200) <= 30 + 2 * seconds + 1
    assert statuses.count(401) <= 50 + seconds + 1
    assert statuses.count(200) + statuses.count(401) + statuses.count(429) == 800
    # the address has spent what it may; a learner of it has not
    assert served.report(bo, "td_target", True) == 200
    assert served.rows()["Bo"] == "022"


def test_a_learner_who_was_told_to_wait_loses_nothing(served: Served, workspace: Path) -> None:
    served.classroom.of_learner.rate, served.classroom.of_learner.burst = 1, 1
    join(served.address, "Ada")
    for _ in range(6):
        with pytest.raises(CheckFailed):
            check(WRONG)
    check(click_through_rate)
    assert within(15, lambda: served.rows() == {"Ada": "200"})


def test_a_limit_remembers_a_bounded_number_of_senders() -> None:
    now = 0.0
    limit = Limit(rate=1, burst=2, now=lambda: now)
    assert [limit.allows("a") for _ in range(3)] == [True, True, False]
    now = 1.0
    assert [limit.allows("a") for _ in range(2)] == [True, False]
    for sender in range(50_000):
        limit.allows(sender)
    assert len(limit._left) == 10_000


def test_a_full_classroom_says_so(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MOST_LEARNERS", 1)
    served.join("Ada")
    status, _, content = served.ask("POST", f"/{served.classroom.join}/join", {"nickname": "Bo"})
    assert status == 503
    assert "full" in json.loads(content)["error"]


def test_screens_are_few_and_a_closed_one_makes_room(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handlers, "MOST_SCREENS", 2)
    path = f"/screen/{served.classroom.screen}/events"
    open_ = [http.client.HTTPConnection("127.0.0.1", served.port, timeout=20) for _ in range(2)]
    for connection in open_:
        connection.request("GET", path)
        connection.getresponse().readline()
    assert served.ask("GET", path)[0] == 503
    open_[0].close()
    assert within(5, lambda: served.classroom.screens < 2)
    served.news()
    open_[1].close()


# Over the night, and after a restart.


def test_a_page_left_open_hears_of_the_class_and_nothing_piles_up(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handlers, "HEARTBEAT_SECONDS", 0.05)
    monkeypatch.setattr(handlers, "TOGETHER_SECONDS", 0.05)
    key, _ = served.join("Ada")
    served.report(key, "td_target", False, "bootstraps_past_the_end")
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=20)
    connection.request("GET", f"/screen/{served.classroom.screen}/events")
    response = connection.getresponse()
    events: list[dict[str, Any]] = []
    while len(events) < 5:
        line = response.readline()
        events += [json.loads(line.removeprefix(b"data: "))] if line.startswith(b"data") else []
    connection.close()
    assert [event["anew"] for event in events] == [True, False, False, False, False]
    assert [len(event["learners"]) for event in events] == [1, 0, 0, 0, 0]


def test_a_mistake_of_yesterday_is_not_made_now(tmp_path: Path) -> None:
    now = 1000.0
    store = Store(tmp_path / "class.db")
    here = Room(OUTLINE, store, now=lambda: now)
    learner, _ = here.join("Ada")
    here.report(learner, [Report("td_target", False, "bootstraps_past_the_end"), Report("q_update", False, None)])
    assert here.mistakes() == [
        [1, "td_target", "A terminated episode has no next value."],
        [1, "q_update", ""],
    ]
    assert here.latest() in ("td_target", "q_update")
    now += 12 * 3600
    assert (here.mistakes(), here.latest()) == ([], "")
    assert here.news()["learners"] == [[learner.id, "Ada", "011"]]
    store.close()


def test_a_page_learns_only_what_changed_until_it_has_to_forget(tmp_path: Path) -> None:
    store = Store(tmp_path / "class.db")
    here = Room(OUTLINE, store)
    (ada, _), (bo, _) = here.join("Ada"), here.join("Bo")
    first = here.news()
    assert [row[1] for row in first["learners"]] == ["Ada", "Bo"]
    seen = here.version
    here.report(bo, [Report("td_target", True, None)])
    second = here.news(first["epoch"], seen)
    assert (second["anew"], second["learners"]) == (False, [[bo.id, "Bo", "020"]])
    here.leave(ada)
    third = here.news(first["epoch"], here.version)
    assert (third["anew"], third["learners"]) == (True, [[bo.id, "Bo", "020"]])
    store.close()


def test_a_restart_keeps_the_tokens_and_the_class(tmp_path: Path) -> None:
    with serving(tmp_path / "class.db", OUTLINE) as first:
        key, _ = first.join("Ada")
        first.report(key, "td_target", False, "bootstraps_past_the_end")
        kept = first.rows(), first.news()["mistakes"], tokens(first.classroom)
    with serving(tmp_path / "class.db", OUTLINE) as again:
        assert (again.rows(), again.news()["mistakes"], tokens(again.classroom)) == kept
        assert again.report(key, "td_target", True) == 200
        assert again.rows() == {"Ada": "020"}


def test_what_left_the_classroom_left_its_file(tmp_path: Path) -> None:
    with serving(tmp_path / "class.db", OUTLINE) as here:
        key, _ = here.join("Adalovelace")
        here.report(key, "td_target", False, "bootstraps_past_the_end")
        files = list(tmp_path.glob("class.db*"))
        assert any(b"Adalovelace" in file.read_bytes() for file in files)
        here.ask("DELETE", f"/{here.classroom.join}/me", key=key)
        for word in (b"Adalovelace", b"bootstraps"):
            assert not any(word in file.read_bytes() for file in tmp_path.glob("class.db*"))


def test_the_file_is_its_owner_s_and_holds_no_key(tmp_path: Path) -> None:
    with serving(tmp_path / "class.db", OUTLINE) as here:
        key, _ = here.join("Ada")
        for file in tmp_path.glob("class.db*"):
            assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0
            assert key.encode() not in file.read_bytes()


def test_what_is_no_classroom_s_file_is_left_as_it_is(tmp_path: Path) -> None:
    text, foreign = tmp_path / "notes.txt", tmp_path / "foreign.db"
    text.write_text("my notes\n" * 200)
    with contextlib.closing(sqlite3.connect(foreign)) as database:
        database.execute("CREATE TABLE mine (x)")
        database.commit()
    for file in (text, foreign):
        before = file.read_bytes()
        with pytest.raises(CourseError, match=r"is no classroom.s file\. Name another: --database FILE"):
            Store(file)
        assert file.read_bytes() == before
    with pytest.raises(CourseError, match="cannot be written"):
        Store(text / "class.db")


def test_a_file_is_one_classroom_s_at_a_time(tmp_path: Path) -> None:
    store = Store(tmp_path / "class.db")
    with pytest.raises(CourseError, match="is in use, by another classroom perhaps"):
        Store(tmp_path / "class.db")
    store.close()
    Store(tmp_path / "class.db").close()


def test_a_port_that_is_taken_is_one_line(served: Served, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["classroom", "--host", "127.0.0.1", "--port", str(served.port), "--database", str(tmp_path / "b.db")])
    (line,) = capsys.readouterr().err.splitlines()
    assert stopped.value.code == 1
    assert line.startswith(f"Nothing can be served on 127.0.0.1 port {served.port}: ")
    assert line.endswith(f"choose another: autograder classroom --port {served.port + 1}")


@pytest.mark.slow
def test_the_command_says_where_and_comes_back(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "autograder.cli", "classroom", "--host", "127.0.0.1", "--port", str(free_port())]
    said = []
    for _ in range(2):
        with subprocess.Popen(
            [*command, "--database", str(tmp_path / "class.db")], stdout=subprocess.PIPE, text=True, cwd=ROOT
        ) as process:
            assert process.stdout is not None
            said.append([process.stdout.readline() for _ in range(2)])
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0
    assert said[0] == said[1]
    screen, line = said[0]
    assert "/screen/" in screen
    assert re.search(
        r'from autograder import join; join\("http://127.0.0.1:\d+/[a-z0-9-]{14}", "your nickname"\)', line
    )


def test_a_submission_sees_the_same_names_and_nothing_happens() -> None:
    assert standin.__all__ == autograder.__all__
    assert standin.join("http://127.0.0.1:1/token", "Ada") is None
    assert standin.leave() is None
    assert standin.progress() is None
