"""The learner's desk: what is kept of checks, what is said of it, and grading one's own workspace."""

import contextlib
import json
import linecache
import os
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from autograder import check, judge, place, progress
from autograder.cli import main
from autograder.course import ROOT, lessons
from autograder.desk import record
from autograder.desk.overview import State, overview
from autograder.desk.telling import as_html, as_text
from autograder.editions import is_solution, learner_edition
from autograder.glance import joining
from autograder.notebook import CheckFailed
from autograder.sandbox import bubblewrap
from autograder.workspace import _nbgrader_config, start

WELCOME = lessons()[0]
STUB = "def click_through_rate(clicks, impressions):\n    raise NotImplementedError()\n"
RIGHT = (
    "import math\ndef click_through_rate(clicks, impressions):\n"
    "    return clicks / impressions if impressions else math.nan\n"
)
WRONG = RIGHT.replace("math.nan", "0.0")

needs_sandbox = pytest.mark.skipif(bool(bubblewrap.available()), reason=f"no sandbox here: {bubblewrap.available()}")


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A learner's workspace, in which a notebook of lesson 00 runs."""
    workspace = tmp_path / "workspace"
    (workspace / WELCOME.name).mkdir(parents=True)
    (workspace / "nbgrader_config.py").write_text(_nbgrader_config(workspace, ROOT))
    monkeypatch.chdir(workspace / WELCOME.name)
    yield workspace
    joining._close(forget=False)


def cell(source: str, name: str = "click_through_rate", number: int = 0) -> Any:
    """What a cell of a notebook defines."""
    file = f"<cell {number} {hash(source)}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    namespace: dict[str, Any] = {}
    exec(compile(source, file, "exec"), namespace)
    return namespace[name]


def save(workspace: Path, *sources: str, later: float = 10) -> Path:
    """Save lesson 00 with these cells."""
    file = workspace / WELCOME.name / f"{WELCOME.name}.ipynb"
    cells = [{"cell_type": "code", "metadata": {}, "outputs": [], "source": source} for source in sources]
    file.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}))
    # some file systems know the time to a second or two
    os.utime(file, (time.time() + later, time.time() + later))
    return file


def kept(workspace: Path) -> Path:
    return workspace / ".autograder" / "checks" / "click_through_rate.json"


def state(workspace: Path) -> State:
    return overview(workspace).lessons[0].places[0].state


def checked(source: str) -> None:
    with contextlib.suppress(CheckFailed):
        check(cell(source))


# What is kept.


def test_the_workspace_is_the_one_that_start_made(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (outcome,) = start(course / "workspace", course)
    monkeypatch.chdir(outcome.path.parent)
    assert place.workspace_here() == (course / "workspace").resolve()
    monkeypatch.chdir(course / "notebooks")
    # the course's own folder has an nbgrader_config.py too
    assert place.workspace_here() is None


def test_a_workspace_that_is_asked_for_goes_first_and_the_course_has_one(
    course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (outcome,) = start(course / "elsewhere", course)
    monkeypatch.chdir(outcome.path.parent)
    assert place.workspace() == (course / "elsewhere").resolve()
    assert place.workspace(Path("~")) == Path.home()
    monkeypatch.chdir(course)
    assert place.workspace() == ROOT / "workspace"


def test_a_check_is_kept_in_the_workspace_and_nowhere_else(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checked(WRONG)
    found, damaged = record.read(workspace, ["click_through_rate", "td_target"])
    assert damaged == []
    assert list(found) == ["click_through_rate"]
    last = found["click_through_rate"]
    assert (last.passed, last.held, last.lines, last.diagnosis) == (False, 3, 4, "zero_for_none")
    assert abs(last.at - time.time()) < 60
    checked(RIGHT)
    assert record.read(workspace, ["click_through_rate"])[0]["click_through_rate"].passed
    files = sorted(str(file.relative_to(workspace)) for file in workspace.rglob("*") if file.is_file())
    assert files == [".autograder/checks/click_through_rate.json", "nbgrader_config.py"]
    monkeypatch.chdir(workspace.parent)
    kept(workspace).unlink()
    checked(RIGHT)
    assert list(workspace.parent.iterdir()) == [workspace]
    assert not kept(workspace).exists()


def test_nothing_is_kept_while_nbgrader_grades_and_by_judge(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    judge(cell(RIGHT))
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    checked(RIGHT)
    assert not (workspace / ".autograder").exists()


def test_a_check_takes_no_longer_for_it(workspace: Path) -> None:
    implementation = cell(WRONG)
    verdict, taken = judge(implementation), []
    for _ in range(100):
        began = time.perf_counter()
        record.keep(verdict, implementation)
        taken.append(time.perf_counter() - began)
    assert statistics.median(taken) < 0.005


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_workspace_that_cannot_be_written_fails_no_check(workspace: Path) -> None:
    workspace.chmod(0o500)
    check(cell(RIGHT))
    workspace.chmod(0o700)
    assert not kept(workspace).exists()


def test_a_file_in_the_way_fails_no_check(workspace: Path) -> None:
    (workspace / ".autograder").write_text("in the way")
    check(cell(RIGHT))
    assert state(workspace) is State.NOT_BEGUN


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"passed": 1}', "\x00", "[" * 100_000])
def test_a_damaged_file_is_set_aside_and_named(workspace: Path, content: str) -> None:
    kept(workspace).parent.mkdir(parents=True)
    kept(workspace).write_text(content)
    first, second = as_text(overview(workspace)), as_text(overview(workspace))
    aside = kept(workspace).with_suffix(".damaged")
    assert f"What was kept of a check was damaged and is set aside: {aside}. Check again." in first
    assert aside.read_text() == content
    assert "damaged" not in second


# What is said of it.


def test_an_exercise_goes_from_not_begun_to_passed(workspace: Path) -> None:
    assert state(workspace) is State.NOT_BEGUN
    save(workspace, STUB)
    assert state(workspace) is State.NOT_BEGUN
    save(workspace, WRONG, later=-10)
    assert state(workspace) is State.WRITTEN
    checked(WRONG)
    assert state(workspace) is State.TRYING
    checked(RIGHT)
    assert state(workspace) is State.PASSED
    assert "Save 00_welcome: click_through_rate passed, and is not saved yet." in overview(workspace).notes
    save(workspace, RIGHT)
    assert state(workspace) is State.PASSED
    assert overview(workspace).notes == []
    save(workspace, RIGHT + "\n\n", "print(click_through_rate(1, 2))")
    assert state(workspace) is State.PASSED
    save(workspace, RIGHT, RIGHT.replace("math.nan", "None"))
    assert state(workspace) is State.CHANGED


def test_what_ipython_alone_understands_hides_no_definition(workspace: Path) -> None:
    save(workspace, f"%matplotlib inline\n!ls\n{RIGHT}")
    assert state(workspace) is State.WRITTEN
    checked(RIGHT)
    assert state(workspace) is State.PASSED


def test_a_decorator_belongs_to_what_was_checked() -> None:
    plain = "def f():\n    return 1\n"
    assert record.digest(plain, "f") == record.digest(f"x = 1\n\n{plain}  \n", "f")
    assert record.digest(plain, "f") != record.digest(f"@cache\n{plain}", "f")
    assert record.digest(f"{plain}{plain.replace('1', '2')}", "f") == record.digest(plain.replace("1", "2"), "f")
    assert record.digest("def f(:", "f") == record.digest("g = 1", "f") == ""


def test_a_class_is_found_by_its_methods() -> None:
    source = "class Buffer:\n    size = 3\n    def add(self):\n        pass\n"
    assert record.digest_of(cell(source, "Buffer"), "Buffer") == record.digest(source, "Buffer")


@pytest.mark.parametrize("strange", [len, 3, None, type("Empty", (), {}), object()])
def test_what_has_no_source_has_no_digest(strange: Any) -> None:
    assert record.digest_of(strange, "f") == ""


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda file: file.write_text("{"), "not JSON"),
        (lambda file: file.write_text(""), "The file is empty"),
        (lambda file: (file.unlink(), file.symlink_to("/dev/zero")), "It is a link"),
        (lambda file: file.write_text('{"nbformat": 4, "cells": [3]}'), "without a list of cells"),
    ],
)
def test_a_notebook_that_cannot_be_read_is_named(workspace: Path, spoil: Callable[[Path], Any], says: str) -> None:
    spoil(save(workspace, RIGHT))
    assert f"{WELCOME.name}: the notebook could not be looked at. " in as_text(overview(workspace))
    assert says in as_text(overview(workspace))


def test_minutes_are_those_of_what_has_not_passed(workspace: Path) -> None:
    before = overview(workspace)
    checked(RIGHT)
    after = overview(workspace)
    taken = [sum(lesson.minutes_left for lesson in found.lessons) for found in (before, after)]
    assert taken[0] - taken[1] == before.lessons[0].places[0].exercise.minutes
    assert taken[0] == sum(place.exercise.minutes for lesson in before.lessons for place in lesson.places)


def test_next_is_the_first_that_is_open_in_the_lesson_checked_last(workspace: Path) -> None:
    def named() -> str:
        found = overview(workspace).next
        assert found is not None
        return found[1].exercise.name

    assert named() == "click_through_rate"
    verdict = judge(cell("def td_target(*a, **k):\n    return 0\n", "td_target"), name="td_target")
    record.keep(verdict, None)
    assert named() == "value_iteration"
    for exercise in overview(workspace).lessons[3].places:
        file = place.kept(workspace, "checks", f"{exercise.exercise.name}.json")
        last = record.Kept(passed=True, held=1, lines=1, diagnosis=None, source="", at=time.time())
        file.write_text(json.dumps(vars(last)))
    assert named() == "click_through_rate"


def test_progress_says_signs_and_words(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checked(WRONG)
    capsys.readouterr()
    progress()
    said = capsys.readouterr().out
    assert said.startswith("Your progress, as your last checks said\n")
    assert "◐ click_through_rate (3 of 4 lines)" in said
    assert "Next: click_through_rate in 00_welcome, about 3 min." in said
    assert "Its last check said: Nothing was shown, and the answer is 0" in said
    assert all(len(line) <= 130 for line in said.splitlines())
    html = as_html(overview(workspace))
    assert "◐ click_through_rate (3 of 4 lines)" in html
    assert 'title="not yet right"' in html
    assert all(f"{state.sign} {state.words}" in html for state in State)


def test_progress_outside_of_a_workspace_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(place, "ROOT", tmp_path)
    progress()
    none = tmp_path / "workspace"
    assert capsys.readouterr().out == f"✗ There is no workspace {none}. Make one: autograder start\n"


def test_status_is_the_same_in_a_terminal(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checked(RIGHT)
    capsys.readouterr()
    assert ended("status", "--workspace", str(workspace)) == 0
    assert "✓ click_through_rate" in capsys.readouterr().out
    assert ended("status", "--workspace", str(workspace / "none")) == 1
    assert "Make one: autograder start" in capsys.readouterr().err


# Grading one's own workspace.


def ended(*arguments: str) -> Any:
    with pytest.raises(SystemExit) as stopped:
        main(list(arguments))
    return stopped.value.code


def hand_in(workspace: Path, source: str) -> None:
    notebook = learner_edition(WELCOME.notebook)
    for one in notebook.cells:
        if is_solution(one):
            one.source = source
    (workspace / WELCOME.name / f"{WELCOME.name}.ipynb").write_text(json.dumps(notebook))


@needs_sandbox
@pytest.mark.slow
def test_check_grades_as_an_instructor_would_and_writes_nothing(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hand_in(workspace, WRONG)
    before = {file: file.read_bytes() for file in workspace.rglob("*") if file.is_file()}
    ledger = ROOT / "classroom" / "ledger.jsonl"
    size = ledger.stat().st_size if ledger.exists() else None
    assert ended("check", "--workspace", str(workspace)) == 1
    said = capsys.readouterr().out
    assert said.startswith("00_welcome, as it is saved: 0.75 of 1 point\n\n✗ click_through_rate not yet right: 3 of 4")
    assert "  ✗ fails  is NaN where nothing was shown" in said
    assert "  Diagnosis: Nothing was shown, and the answer is 0" in said
    hand_in(workspace, RIGHT + "import sys\nassert 'solutions.welcome' not in sys.modules")
    for asked in ("welcome", "00_welcome", "00"):
        assert ended("check", asked, "--workspace", str(workspace)) == 0
        assert "✓ click_through_rate passed: 1 of 1 point" in capsys.readouterr().out
    hand_in(workspace, RIGHT)
    hand_in(workspace, WRONG)
    assert {file: file.read_bytes() for file in workspace.rglob("*") if file.is_file()} == before
    assert (ledger.stat().st_size if ledger.exists() else None) == size


@needs_sandbox
@pytest.mark.slow
def test_a_submission_that_joins_a_class_is_graded_all_the_same(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = "from autograder import join, leave, progress\njoin('http://127.0.0.1:1/x', 'Ada')\nprogress()\nleave()\n"
    hand_in(workspace, calls + RIGHT)
    assert ended("check", "welcome", "--workspace", str(workspace)) == 0
    assert "⚠" not in capsys.readouterr().out


@needs_sandbox
def test_a_notebook_that_cannot_be_graded_is_a_failure(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(workspace, RIGHT).write_text("{")
    assert ended("check", "--workspace", str(workspace)) == 1
    assert "⚠ unreadable: It is no notebook, or was cut short" in capsys.readouterr().out


def test_what_cannot_be_checked_is_a_line(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, code, says in [
        (("nowhere",), 2, "There is no lesson nowhere. There are 00_welcome, "),
        (("dqn",), 2, "Make it: autograder start"),
        ((), 1, f"Nothing is begun in {workspace}."),
        (("--workspace", str(workspace / "none")), 2, "Make one: autograder start"),
    ]:
        options = () if "--workspace" in arguments else ("--workspace", str(workspace))
        assert ended("check", *arguments, *options) == code
        (line,) = capsys.readouterr().err.splitlines()
        assert says in line


def test_without_a_sandbox_check_says_the_way_out(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bubblewrap, "available", lambda: "No user namespaces here. Or: --unsafe-no-sandbox")
    hand_in(workspace, WRONG)
    assert ended("check", "welcome", "--workspace", str(workspace)) == 1
    assert "No user namespaces here" in capsys.readouterr().err
    assert ended("check", "welcome", "--workspace", str(workspace), "--unsafe-no-sandbox") == 1
    said = capsys.readouterr().out
    assert "Graded without the sandbox." in said
    assert "0.75 of 1 point" in said
