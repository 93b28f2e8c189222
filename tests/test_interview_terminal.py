"""Sessions in the terminal, in process: what is said, to the line."""

import io
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from autograder.cli import app, main
from autograder.interview.asking import Unreadable, number
from autograder.interview.memory import Memory, load
from autograder.interview.questions import Bug, Choice, Number, Option, Question
from autograder.interview.session import Session
from autograder.interview.terminal import run, sparklines, when

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
COMMON = {"lesson": "02_bandits", "cell": "ips-task", "because": "Since it is so."}
CHOICE = Choice(
    id="choice",
    title="a choice",
    ask="Which one?",
    options=(Option("this", "Since it is so.", right=True), Option("that", "It is not."), Option("none", "One is.")),
    **COMMON,
)
NUMBER = Number(id="number", title="a number", ask="How much?", answer=0.5, tolerance=0.01, unit="clicks", **COMMON)
BUG = Bug(
    id="bug",
    title="a bug",
    ask="Which line?",
    code="def f(x):\n    y = x\n\n    return -y",
    line=4,
    repaired="    return y",
    others=((1, "A head."), (2, "A name.")),
    test="assert f(1) == 1",
    **COMMON,
)


def answers(*lines: str) -> Callable[[str], str]:
    """A reader that gives these lines and then ends, as Ctrl+D does."""
    rest: Iterator[str] = iter(lines)

    def read(prompt: str) -> str:
        try:
            return next(rest)
        except StopIteration:
            raise EOFError from None

    return read


def said(question: Question, *lines: str, path: Path, count: int = 1) -> list[str]:
    console = Console(width=100, file=io.StringIO())
    session = Session([question], Memory(path), random.Random(0), count)
    run(session, console, answers(*lines), lambda: NOW)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_a_right_answer(tmp_path: Path) -> None:
    lines = said(CHOICE, "B ", path=tmp_path / "drill.json")
    assert lines == [
        "",
        "Question 1 of 1 · lesson 02_bandits · a choice",
        "Which one?",
        "  (a) none",
        "  (b) this",
        "  (c) that",
        "✓ Right. Since it is so.",
        "See lesson 02_bandits, cell ips-task.",
        "1 of 1 right.",
        "Nothing more is due now. The next question is due in 2 days.",
    ]


def test_a_wrong_answer_is_told_why_and_what_is_right(tmp_path: Path) -> None:
    assert said(CHOICE, "a", path=tmp_path / "drill.json")[6:] == [
        "✗ Not right. One is.",
        "The answer: (b) this",
        "Since it is so.",
        "See lesson 02_bandits, cell ips-task.",
        "0 of 1 right.",
        "To look at again: a choice (02_bandits).",
        "Nothing more is due now. The next question is due in 10 minutes.",
    ]


def test_what_is_no_answer_is_asked_for_again_and_not_kept(tmp_path: Path) -> None:
    lines = said(CHOICE, "", "z", "4", "q", path=tmp_path / "drill.json")
    assert lines[6:] == ["Answer with a letter, a to c."] * 3 + ["No answer was given."]
    assert not (tmp_path / "drill.json").exists()


def test_a_number_and_the_ways_to_write_it(tmp_path: Path) -> None:
    assert said(NUMBER, "much", "0,5", path=tmp_path / "drill.json")[3:] == [
        "Answer with a number, such as 0.5 or 3/4.",
        "✓ Right. Since it is so.",
        "See lesson 02_bandits, cell ips-task.",
        "1 of 1 right.",
        "Nothing more is due now. The next question is due in 2 days.",
    ]


def test_a_bug_is_pointed_at_by_its_line(tmp_path: Path) -> None:
    lines = said(BUG, "3", "2", path=tmp_path / "drill.json")
    assert lines[3:] == [
        "     1  def f(x):",
        "     2      y = x",
        "     3",
        "     4      return -y",
        "Answer with the number of the faulty line.",
        "✗ Not right. A name.",
        "The answer: line 4, which should be: return y",
        "Since it is so.",
        "See lesson 02_bandits, cell ips-task.",
        "0 of 1 right.",
        "To look at again: a bug (02_bandits).",
        "Nothing more is due now. The next question is due in 10 minutes.",
    ]


def test_leaving_keeps_what_was_answered(tmp_path: Path) -> None:
    path = tmp_path / "drill.json"
    said(CHOICE, "a", path=path)
    session = Session([CHOICE, NUMBER], load(path, NOW), random.Random(0), 5)
    run(session, Console(width=100, file=io.StringIO()), answers(), lambda: NOW)
    assert [answer.question for answer in load(path, NOW).answers] == ["choice"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.5", 0.5),
        ("0,5", 0.5),
        ("1/2", 0.5),
        ("50 %", 0.5),
        ("50%", 0.5),
        ("63,744", 63744),
        ("1,234.5", 1234.5),
        (" −3 ", -3),
        ("1e-3", 0.001),
        ("20 steps", 20),
        (".5", 0.5),
    ],
)
def test_numbers_as_people_write_them(text: str, value: float) -> None:
    assert number(text.strip()) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "half", "1/0", "1.2.3", "-", "nan"])
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(Unreadable):
        number(text)


@pytest.mark.parametrize(
    ("later", "words"),
    [
        (timedelta(seconds=20), "within a minute"),
        (timedelta(minutes=1), "in 1 minute"),
        (timedelta(hours=5), "in 5 hours"),
        (timedelta(days=40), "in 40 days"),
    ],
)
def test_how_long_until_then(later: timedelta, words: str) -> None:
    assert when(NOW + later, NOW) == words


def test_curves_of_one_question_share_their_axis() -> None:
    assert sparklines([(0.0, 0.5, 1.0), (1.0, 1.0, 1.0)]) == ["▁▅█", "███"]
    assert sparklines([(2.0, 2.0)]) == ["▁▁"]
    assert sparklines([(), ()]) == ["", ""]


def drilled(*arguments: str, answer: str = "") -> str:
    done = CliRunner().invoke(app, ["drill", *arguments], input=answer)
    assert done.exit_code == 0, done.output
    return done.output


def test_the_command_asks_and_remembers(tmp_path: Path) -> None:
    output = drilled("--workspace", str(tmp_path), "--lesson", "03", "--count", "2", answer="a\n1\nq\n")
    assert "Question 1 of 2 · lesson 03_q_learning · " in output
    assert "Your answer (" in output
    assert (tmp_path / "drill.json").exists()
    assert "Your weak spots" in drilled("--workspace", str(tmp_path), "--sheet")


def test_the_command_ends_with_its_input(tmp_path: Path) -> None:
    assert "No answer was given." in drilled("--workspace", str(tmp_path))


def test_an_unknown_lesson_is_answered_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--lesson", "alchemy"], ["--repair", "--lesson", "alchemy"], ["--repair", "--sheet"]):
        with pytest.raises(SystemExit) as left:
            main(["drill", "--workspace", str(tmp_path), *arguments])
        assert left.value.code == 2
        assert len(capsys.readouterr().err.splitlines()) == 1
