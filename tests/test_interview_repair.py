"""Repair your own code: where functions are found, which bugs are made, and that each was tried."""

import io
import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from autograder.course import lessons
from autograder.interview.asking import Unreadable
from autograder.interview.breaking import Broken, break_one, candidates, identity, judged
from autograder.interview.command import Options, repair
from autograder.interview.memory import Memory, load
from autograder.interview.mutations import changes
from autograder.interview.own_code import MARK, Own, functions
from autograder.interview.terminal import run_repair

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
RATE = '''def click_through_rate(clicks, impressions):
    """Mine."""
    # ε: a comment that is not ASCII
    if impressions == 0:
        return math.nan
    share = clicks / impressions  # and one behind it
    return share
'''


def cell(source: str, *, solution: bool = False, demo: bool = False) -> dict[str, object]:
    metadata = {"nbgrader": {"solution": solution}, "tags": ["demo"] if demo else []}
    return {"cell_type": "code", "id": "a", "metadata": metadata, "source": source, "outputs": []}


def written(workspace: Path, *cells: dict[str, object], name: str = "00_welcome") -> Path:
    (workspace / name).mkdir(parents=True)
    content = {"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (workspace / name / f"{name}.ipynb").write_text(json.dumps(content))
    return workspace


def own(source: str = RATE, around: str = f"import math\n{MARK}") -> Own:
    return Own("click_through_rate", "welcome", source, around)


def test_functions_are_found_in_solution_cells_with_what_they_need(tmp_path: Path) -> None:
    workspace = written(
        tmp_path,
        cell("import math\nfrom autograder import check\nprint('never run')\nLIMIT = 3\nTABLE = slow()"),
        cell("def helper(x):\n    return x", solution=False),
        cell("raise SystemExit", demo=True),
        cell("not python", solution=True),
        cell(f"### BEGIN SOLUTION\n{RATE}### END SOLUTION\n", solution=True),
        cell("def stub(x):\n    '''Task.'''\n    raise NotImplementedError()", solution=True),
        cell("check(click_through_rate)"),
    )
    (found,) = functions(workspace)
    assert (found.name, found.lesson, found.source) == ("click_through_rate", "welcome", RATE)
    module = found.module("HERE\n")
    assert module.startswith("import math\nLIMIT = 3\ndef helper(x):\n    return x\nHERE\n")
    assert "autograder" not in module
    assert "slow" not in module
    assert "SystemExit" not in module


def test_what_cannot_be_read_is_passed_over(tmp_path: Path) -> None:
    assert list(functions(tmp_path)) == []
    written(tmp_path, cell(RATE, solution=True))
    (tmp_path / "01_concepts").mkdir()
    (tmp_path / "01_concepts" / "01_concepts.ipynb").write_text("{")
    assert [found.name for found in functions(tmp_path)] == ["click_through_rate"]


def test_what_trains_and_what_is_a_quiz_is_left_out(tmp_path: Path) -> None:
    source = (
        "def q_learning(env):\n    return 1\ndef td_target(r):\n    return r\ndef q_learning_faults():\n    return {}"
    )
    workspace = written(tmp_path, cell(source, solution=True), name="03_q_learning")
    assert [found.name for found in candidates(workspace)] == ["td_target"]
    assert candidates(workspace, "bandits") == []


def test_a_change_touches_one_line_and_nothing_else_of_it() -> None:
    lines = RATE.splitlines()
    found = changes(RATE, "click_through_rate")
    for change in found:
        broken = change.applied(RATE).splitlines()
        assert [n for n, (a, b) in enumerate(zip(lines, broken, strict=True), 1) if a != b] == [change.line]
        assert change.line in (4, 5, 6, 7)
    shares = {change.applied(RATE).splitlines()[5] for change in found if change.line == 6}
    assert shares == {
        "    share = clicks  # and one behind it",
        "    share = impressions / clicks  # and one behind it",
    }


@pytest.mark.parametrize(
    ("line", "broken"),
    [
        ("return a + gamma * b", {"return a", "return gamma * b", "return a - gamma * b", "return a + b"}),
        ("return (a - b) / 2", {"return a / 2", "return b / 2", "return (a + b) / 2", "return (a - b)"}),
        ("return a * (b + 1) / 2 + b", {"return (b + 1) / 2 + b", "return a / 2 + b", "return a * (b + 1) + b"}),
        ("return (a + b)", {"return a", "return b"}),
        ("return a if done else b", {"return a", "return b"}),
        ("return np.argmax(a, axis=0)", {"return np.argmin(a, axis=0)", "return np.argmax(a, axis=1)"}),
        ("return a < b", {"return a <= b"}),
        ("return -a", {"return a"}),
        ("return f(a, b)", {"return f(b, a)"}),
        ("return a.detach().max(dim=1)", {"return a.max(dim=1)", "return a.detach().max(dim=0)"}),
        ("return np.exp(a)", {"return a"}),
        ("return a ** b", {"return a * b"}),
        ("return gamma * lam", {"return lam * lam", "return gamma * gamma", "return gamma"}),
        ("for t in reversed(range(a)): pass", {"for t in range(a): pass", "for t in reversed(range(a - 1)): pass"}),
    ],
)
def test_the_kinds_of_bugs(line: str, broken: set[str]) -> None:
    source = f"def f(a, b, done, gamma, lam):\n    {line}\n"
    made = {change.applied(source).splitlines()[1].strip() for change in changes(source, "f")}
    assert broken <= made


def test_every_change_is_python() -> None:
    for change in changes(RATE, "click_through_rate"):
        compile(change.applied(RATE), "broken", "exec")


@pytest.mark.parametrize("seed", range(3))
def test_a_bug_is_put_in_that_runs_and_that_the_check_sees(seed: int, tmp_path: Path) -> None:
    broken = break_one([own()], Memory(tmp_path / "drill.json"), NOW, random.Random(seed))
    assert broken is not None
    whole, faulty = judged(broken.own, [broken.own.module(RATE), broken.own.module(broken.source)])
    assert whole["passed"]
    assert faulty["runs"]
    assert not faulty["passed"]
    assert broken.told == faulty["message"]


@pytest.mark.parametrize(
    "source",
    [
        "def click_through_rate(clicks, impressions):\n    return clicks / impressions\n",
        "def click_through_rate(clicks, impressions):\n    return 1 + 'a'\n",
        "def click_through_rate(clicks):\n    return clicks + 1\n",
    ],
)
def test_what_does_not_pass_is_not_broken_further(source: str, tmp_path: Path) -> None:
    assert break_one([own(source)], Memory(tmp_path / "drill.json"), NOW, random.Random(0)) is None


def test_code_that_loops_for_ever_prints_or_leaves_ends_in_a_word(tmp_path: Path) -> None:
    head = "def click_through_rate(clicks, impressions):\n"
    bodies = ["    while True: pass\n", "    import os; os._exit(0)\n"]
    looping, *rest = judged(own(), [own().module(head + body) for body in bodies])
    assert looping == {"runs": False, "passed": False, "message": "It was not done after 3 seconds."}
    assert rest == []
    noisy = RATE.replace("    share =", "    print('x' * 1000); share =")
    (result,) = judged(own(), [own().module(noisy)])
    assert result["passed"]


def test_those_due_come_first_then_new_ones_then_the_rest(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "drill.json")
    names = ["late", "new", "due"]
    made = [Own(name, "welcome", RATE.replace("click_through_rate", name), "") for name in names]
    memory.record(identity("late"), True, NOW)
    memory.record(identity("due"), False, NOW - timedelta(days=1))
    from autograder.interview.breaking import _turn

    assert [o.name for o in sorted(made, key=lambda o: _turn(memory, identity(o.name), NOW))] == ["due", "new", "late"]


@pytest.fixture
def broken() -> Broken:
    (change,) = [c for c in changes(RATE, "click_through_rate") if c.kind == "a fraction is upside down"]
    return Broken(own(), change, "Fails: is the share.")


def told(broken: Broken, memory: Memory, *lines: str) -> list[str]:
    console = Console(width=100, file=io.StringIO())
    rest = iter(lines)
    run_repair(broken, memory, console, lambda _: next(rest), lambda: NOW)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_the_line_is_found_at_once(broken: Broken, tmp_path: Path) -> None:
    memory = Memory(tmp_path / "drill.json")
    lines = told(broken, memory, "6")
    assert lines[0] == "Your own click_through_rate (lesson welcome) passes its check. One line is changed here:"
    assert "     6      share = impressions / clicks  # and one behind it" in lines
    assert lines[-2:] == [
        "✓ Right. In line 6 a fraction is upside down. You had written: share = clicks / impressions  # and",
        "one behind it",
    ]
    assert [(answer.question, answer.right) for answer in memory.answers] == [("repair:click_through_rate", True)]


def test_after_a_wrong_line_the_check_speaks_and_only_the_first_counts(broken: Broken, tmp_path: Path) -> None:
    memory = Memory(tmp_path / "drill.json")
    lines = told(broken, memory, "nine", "4", "6")
    assert lines[8:11] == [
        "Answer with the number of a line.",
        "✗ Not this one. Line 4 is as you wrote it.",
        "What its check says: Fails: is the share.",
    ]
    assert lines[11].startswith("✓ Right. In line 6")
    assert [answer.right for answer in memory.answers] == [False]


def test_after_two_wrong_lines_it_is_told(broken: Broken, tmp_path: Path) -> None:
    lines = told(broken, Memory(tmp_path / "drill.json"), "4", "5")
    assert lines[-3].startswith("✗ Not this one. Line 5")
    assert lines[-2].startswith("It is line 6 a fraction is upside down.")


def test_a_line_that_is_none_is_no_answer(broken: Broken) -> None:
    for given in ("0", "8", "", "x"):
        with pytest.raises(Unreadable):
            broken.mark(given)


def test_a_learner_who_has_nothing_is_told_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    repair(Options(workspace=tmp_path))
    assert "There is no function of yours in" in capsys.readouterr().out
    written(tmp_path, cell("def click_through_rate(clicks, impressions):\n    return 0", solution=True))
    repair(Options(lesson="00", workspace=tmp_path))
    said = " ".join(capsys.readouterr().out.split())
    assert said == "None of your functions passes its check now, or can be broken: click_through_rate."
    assert not (tmp_path / "drill.json").exists()


@pytest.mark.slow
def test_most_references_can_be_broken(tmp_path: Path) -> None:
    """The reference, inlined as a learner would have written it: nearly every function of the course can be broken."""
    import nbformat

    from autograder.preprocessors import InlineSolutions

    for lesson in lessons()[:4]:
        where = {"path": str(lesson.directory), "name": lesson.name}
        notebook, _ = InlineSolutions().preprocess(nbformat.read(lesson.notebook, 4), {"metadata": where})
        (tmp_path / lesson.name).mkdir()
        nbformat.write(notebook, tmp_path / lesson.name / f"{lesson.name}.ipynb")
    found = candidates(tmp_path)
    assert len(found) >= 15
    memory = Memory(tmp_path / "drill.json")
    unbroken = [function.name for function in found if break_one([function], memory, NOW, random.Random(1)) is None]
    assert len(unbroken) <= 1, unbroken
    assert load(memory.path, NOW).answers == []
