"""What is remembered of answers: laws of the schedule, damaged files, and processes killed while they write."""

import json
import random
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from autograder.errors import CourseError
from autograder.interview.memory import AGAIN, Memory, load
from autograder.interview.questions import bank
from autograder.interview.session import Session, choose

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def test_what_is_answered_is_there_again(tmp_path: Path) -> None:
    path = tmp_path / "workspace" / "drill.json"
    memory = load(path, NOW)
    assert not path.exists()
    memory.record("one", True, NOW)
    memory.record("two", False, NOW)
    again = load(path, NOW)
    assert again == memory
    assert [(answer.question, answer.right, answer.when) for answer in again.answers] == [
        ("one", True, NOW),
        ("two", False, NOW),
    ]


def test_right_answers_make_intervals_grow_and_a_wrong_one_ends_that(tmp_path: Path) -> None:
    memory, now, waited = Memory(tmp_path / "drill.json"), NOW, []
    for _ in range(6):
        memory.record("one", True, now)
        due = memory.due("one")
        assert due is not None
        waited.append(due - now)
        now = due
    assert waited == sorted(waited)
    assert waited[0] >= DAY
    assert waited[-1] > 30 * DAY
    memory.record("one", False, now)
    assert memory.due("one") == now + AGAIN


def test_a_wrong_answer_comes_again_sooner_than_a_right_one(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "drill.json")
    memory.record("right", True, NOW)
    memory.record("wrong", False, NOW)
    assert memory.cards["wrong"].due < memory.cards["right"].due
    assert memory.recall("right", NOW + 2 * DAY) > memory.recall("wrong", NOW + 2 * DAY)


def test_the_schedule_does_not_depend_on_global_chance(tmp_path: Path) -> None:
    dues = []
    for seed in (1, 2):
        random.seed(seed)
        memory = Memory(tmp_path / f"{seed}.json")
        for day in (0, 3, 20):
            memory.record("one", True, NOW + day * DAY)
        dues.append(memory.due("one"))
    assert dues[0] == dues[1]


def test_what_is_due_for_longest_comes_first_with_new_ones_in_between(tmp_path: Path) -> None:
    memory, rng = Memory(tmp_path / "drill.json"), random.Random(0)
    memory.record("later", False, NOW + timedelta(minutes=1))
    memory.record("first", False, NOW)
    names = ["later", "new", "first"]
    assert choose(names, memory, NOW, rng) == "new"
    chosen = [choose(names, memory, NOW + DAY, rng) for _ in range(1000)]
    assert set(chosen) == {"first", "new"}
    assert 650 < chosen.count("first") < 750
    assert choose(["later", "first"], memory, NOW + DAY, rng) == "first"
    assert choose(["later", "first"], memory, NOW, rng) is None


@pytest.mark.parametrize("seed", range(10))
def test_a_random_session_never_asks_before_it_is_due(seed: int, tmp_path: Path) -> None:
    """Ten learners, forty days each, who answer at random, sometimes twice a day, and lose their process in between."""
    rng, now, questions = random.Random(seed), NOW, bank()
    path, due = tmp_path / "drill.json", dict[str, datetime]()
    asked_in_all = 0
    for _ in range(40):
        session = Session(questions, load(path, now), rng, count=rng.randint(1, 12))
        while (asked := session.next(now)) is not None:
            name = asked.question.id
            assert due.get(name, now) <= now, f"{name} was due {due[name]}, and asked {now}"
            session.answer(rng.choice(asked.keys) if asked.keys else str(rng.random()), now)
            due[name] = session.memory.cards[name].due
            asked_in_all += 1
            now += timedelta(seconds=rng.randint(5, 300))
        now += timedelta(hours=rng.choice([1, 8, 24, 72]))
    assert asked_in_all > 60
    assert len(due) > 30


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"null",
        b'{"version": 2, "cards": {}, "answers": []}',
        b'{"version": 1, "cards": {"a": {}}, "answers": []}',
        b'{"version": 1, "cards": {}, "answers": [["a", true]]}',
        b'{"version": 1, "cards": {}, "answers": [["a", true, "2026-01-01T00:00:00"]]}',
        b'{"version": 1, "cards": [], "answers": []}',
        b"[" * 100_000,
    ],
)
def test_a_damaged_file_is_kept_aside_named_and_a_new_one_begun(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "drill.json"
    path.write_bytes(content)
    memory = load(path, NOW)
    aside = tmp_path / "drill.damaged-20260301-120000.json"
    assert memory.answers == []
    assert aside.read_bytes() == content
    assert "drill.json could not be read" in memory.notice
    assert "It is kept as drill.damaged-20260301-120000.json, and a new one is begun." in memory.notice
    memory.record("one", True, NOW)
    assert load(path, NOW).notice == ""
    path.write_bytes(content)
    load(path, NOW)
    assert (tmp_path / "drill.damaged-20260301-120000-1.json").read_bytes() == content
    assert aside.read_bytes() == content


def test_a_file_that_is_cut_off_anywhere_is_whole_or_kept_aside(tmp_path: Path) -> None:
    path = tmp_path / "drill.json"
    memory = Memory(path)
    memory.record("one", True, NOW)
    memory.record("two", False, NOW)
    whole = path.read_bytes()
    for length in range(0, len(whole) - 2, 7):
        path.write_bytes(whole[:length])
        assert "is kept as" in load(path, NOW).notice


def test_what_cannot_be_opened_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "drill.json").mkdir()
    with pytest.raises(CourseError, match=r"drill.json cannot be opened: Is a directory") as raised:
        load(tmp_path / "drill.json", NOW)
    assert "\n" not in str(raised.value)


def test_two_windows_lose_nothing_of_each_other(tmp_path: Path) -> None:
    path = tmp_path / "drill.json"
    one, other = load(path, NOW), load(path, NOW)
    one.record("a", True, NOW)
    other.record("b", True, NOW)
    one.record("c", False, NOW)
    assert load(path, NOW).cards.keys() == {"a", "b", "c"}


KILLED = """
import itertools, os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from autograder.interview.memory import load
now = datetime(2026, 3, 1, tzinfo=UTC)
memory = load(Path(sys.argv[1]), now)
moment = int(sys.argv[2])
usual = Path.replace
def replace(self, target):
    if moment == 1 and len(memory.answers) == 3: os.kill(os.getpid(), signal.SIGKILL)
    done = usual(self, target)
    if moment == 2 and len(memory.answers) == 3: os.kill(os.getpid(), signal.SIGKILL)
    return done
Path.replace = replace
if moment == 0:
    class Half(str): pass
    import autograder.interview.memory as module
    write = module.write_whole
    def half(path, text):
        if len(memory.answers) == 3:
            path.with_name('.drill.json.half').write_text(text[:200]); os.kill(os.getpid(), signal.SIGKILL)
        write(path, text)
    module.write_whole = half
for n in itertools.count():
    memory.record(f"q{n}", True, now)
    print(n, flush=True)
"""


@pytest.mark.parametrize("moment", [0, 1, 2], ids=["half written", "before the rename", "after the rename"])
def test_a_process_killed_while_it_writes_loses_nothing_that_was_acknowledged(moment: int, tmp_path: Path) -> None:
    path = tmp_path / "drill.json"
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(path), str(moment)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    acknowledged = [f"q{n}" for n in done.stdout.split()]
    memory = load(path, NOW)
    assert memory.notice == ""
    assert [answer.question for answer in memory.answers][: len(acknowledged)] == acknowledged == ["q0", "q1"]
    assert json.loads(path.read_text())["version"] == 1
    memory.record("afterwards", True, NOW)
    assert load(path, NOW).last("afterwards") is not None
