"""The drill in a notebook: its widgets, without a browser."""

import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from autograder.interview import drill, widget
from autograder.interview.breaking import Broken
from autograder.interview.memory import Memory, load
from autograder.interview.mutations import changes
from autograder.interview.own_code import MARK, Own
from autograder.interview.questions import Bug, Choice, Number, bank
from autograder.interview.session import Session
from autograder.interview.widget import RepairPanel, SessionPanel, question_html

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ALL = bank()


def panel(path: Path, kind: type, *, count: int = 2) -> SessionPanel:
    questions = [question for question in ALL if isinstance(question, kind)]
    return SessionPanel(Session(questions, load(path, NOW), random.Random(0), count), lambda: NOW)


def press(button: Any) -> None:
    button.click()


def test_a_choice_is_answered_by_its_button(tmp_path: Path) -> None:
    made = panel(tmp_path / "drill.json", Choice)
    asked = made.session.asked
    assert asked is not None
    assert "Question 1 of 2" in made.page.value
    assert [button.description for button in made.controls.children] == asked.keys
    right = next(place for place, option in enumerate(asked.options) if option.right)
    press(made.controls.children[right])
    assert "✓ Right" in made.said.value
    assert f"See lesson {asked.question.lesson}, cell {asked.question.cell}." in made.said.value
    assert [answer.right for answer in load(tmp_path / "drill.json", NOW).answers] == [True]
    press(made.onwards)
    assert "Question 2 of 2" in made.page.value
    assert made.said.value == ""
    press(made.controls.children[0])
    press(made.onwards)
    assert "of 2 right." in made.page.value
    assert made.controls.children == ()


def test_a_number_is_typed_and_may_be_typed_again(tmp_path: Path) -> None:
    made = panel(tmp_path / "drill.json", Number)
    field, button = made.controls.children
    field.value = "many"
    press(button)
    assert "Answer with a number" in made.said.value
    assert made.session.done == 0
    assert made.session.asked is not None
    question = made.session.asked.question
    assert isinstance(question, Number)
    field.value = str(question.answer)
    field._handle_msg({"content": {"data": {"method": "custom", "content": {"event": "submit"}}}, "buffers": []})
    assert "✓ Right" in made.said.value
    assert "Run it yourself" in made.said.value


def test_a_bug_has_a_button_for_each_line(tmp_path: Path) -> None:
    made = panel(tmp_path / "drill.json", Bug)
    assert made.session.asked is not None
    question = made.session.asked.question
    assert isinstance(question, Bug)
    wrong = next(place for place, key in enumerate(made.session.asked.keys) if int(key) != question.line)
    press(made.controls.children[wrong])
    assert "✗ Not right" in made.said.value
    assert f"line {question.line}, which should be" in made.said.value


def test_every_question_can_be_drawn() -> None:
    from autograder.interview.asking import ask

    for question in ALL:
        html = question_html(ask(question, random.Random(0)), 1, 1)
        assert html.count("<svg") == (len(question.options) if isinstance(question, Choice) and question.x else 0)
        assert "<script" not in html


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    made = panel(tmp_path / "drill.json", Choice)
    (tmp_path / "drill.json").mkdir()
    press(made.controls.children[0])
    assert "cannot be opened: Is a directory" in made.said.value


SOURCE = "def click_through_rate(clicks, impressions):\n    return clicks / impressions if impressions else math.nan\n"


@pytest.fixture
def repair(tmp_path: Path) -> RepairPanel:
    own = Own("click_through_rate", "welcome", SOURCE, f"import math\n{MARK}")
    (change,) = [change for change in changes(SOURCE, own.name) if "upside down" in change.kind]
    return RepairPanel(Broken(own, change, "It is upside down."), Memory(tmp_path / "drill.json"), lambda: NOW)


def test_a_repair_is_pointed_at(repair: RepairPanel) -> None:
    lines = repair.box.children[1].children
    assert [button.description for button in lines] == ["1", "2"]
    press(lines[0])
    assert "Line 1 is as you wrote it." in repair.said.value
    assert "It is upside down." in repair.said.value
    press(lines[1])
    assert "✓ Right." in repair.said.value
    assert [answer.right for answer in repair.memory.answers] == [False]


def test_a_repair_is_judged_as_check_does(repair: RepairPanel) -> None:
    judge = repair.box.children[-1]
    press(judge)
    assert "✗ click_through_rate not yet right" in repair.said.value
    repair.field.value = SOURCE
    press(judge)
    assert "✓ click_through_rate passes again" in repair.said.value


def test_without_a_kernel_it_asks_in_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builtins.input", lambda *_: "q")
    drill("bandits", workspace=tmp_path)
    assert "lesson 02_bandits" in capsys.readouterr().out


def test_a_kernel_is_shown_widgets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Any] = []
    monkeypatch.setattr("autograder.shown.kernel", lambda: object())
    monkeypatch.setattr(widget, "display", shown.append)
    drill(count=1, workspace=tmp_path)
    (box,) = shown
    assert type(box).__name__ == "VBox"
