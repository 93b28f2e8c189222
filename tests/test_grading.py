"""Grading a class: what is found, what cannot be read, what is remembered, what is said, and how it ends."""

import contextlib
import dataclasses
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from autograder import registry
from autograder.cli import main
from autograder.course import ROOT, lessons
from autograder.editions import inlined, is_solution, learner_edition
from autograder.errors import UsageError
from autograder.grading import command, grading, one, reading, running
from autograder.grading.ledger import Ledger
from autograder.grading.submissions import Submission, found
from autograder.report.results import SubmissionResult
from autograder.sandbox import bubblewrap

WELCOME = lessons()[0]
DEFINITION = "import math\ndef click_through_rate(clicks, impressions):\n    return "
RIGHT = f"{DEFINITION}clicks / impressions if impressions else math.nan"
HALF = f"{DEFINITION}clicks / impressions if impressions else 0.0"
SEEDS = (1, 2, 3)

needs_sandbox = pytest.mark.skipif(bool(bubblewrap.available()), reason=f"no sandbox here: {bubblewrap.available()}")


def handed_in(*sources: str) -> dict[str, Any]:
    """Lesson 00 as a learner hands it in: the last source in place of the stub, the others in cells before it."""
    notebook = learner_edition(WELCOME.notebook)
    place = next(place for place, cell in enumerate(notebook.cells) if is_solution(cell))
    notebook.cells[place].source = sources[-1]
    notebook.cells[place:place] = [new_code_cell(source) for source in sources[:-1]]
    return json.loads(json.dumps(notebook))


def put(file: Path, content: Any) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        file.write_text(content if isinstance(content, str) else json.dumps(content))
    return file


def result_of(file: Path, lesson: str = "welcome") -> SubmissionResult:
    return one.graded(one.task_of(Submission("ada", file, lesson), SEEDS))


# Which submissions are found, and whose they are.


def test_a_notebook_names_its_learner_itself(tmp_path: Path) -> None:
    file = put(tmp_path / "ada.ipynb", handed_in(RIGHT))
    assert found([file]) == [Submission("ada", file, "")]


def test_a_folder_of_notebooks_is_a_submission_each_in_order(tmp_path: Path) -> None:
    files = [put(tmp_path / name, "{}") for name in ("ada.ipynb", "bob.ipynb", "sub/cy.ipynb")]
    for name in ("notes.txt", ".ipynb_checkpoints/ada-checkpoint.ipynb"):
        put(tmp_path / name, "{}")
    assert found([tmp_path]) == [Submission(file.stem, file, "") for file in files]


def test_in_the_submitted_tree_folders_name_learner_and_lesson(tmp_path: Path) -> None:
    tree = tmp_path / "submitted"
    names = ["03_q_learning", "00_welcome"]
    files = [put(tree / "ada" / name / f"{name}.ipynb", "{}") for name in names]
    flat = put(tree / "bob" / "00_welcome.ipynb", "{}")
    expected = [
        Submission("ada", files[1], "welcome"),
        Submission("ada", files[0], "q_learning"),
        Submission("bob", flat, "welcome"),
    ]
    assert found([tree]) == expected
    assert found([tree / "ada"]) == expected[:2]
    assert found([files[0]]) == expected[1:2]


def test_a_file_that_is_named_twice_is_found_once(tmp_path: Path) -> None:
    file = put(tmp_path / "ada.ipynb", "{}")
    assert len(found([tmp_path, file, tmp_path / ".." / tmp_path.name])) == 1


def test_a_learner_may_have_any_name_that_a_folder_may_have(tmp_path: Path) -> None:
    name = "Zoë O'Neil; $(reboot) <b>=1+1"
    put(tmp_path / name / "00_welcome.ipynb", "{}")
    assert [submission.learner for submission in found([tmp_path])] == [name]


def test_the_lesson_of_all_can_be_given(tmp_path: Path) -> None:
    put(tmp_path / "ada.ipynb", "{}")
    assert found([tmp_path], "welcome")[0].lesson == "welcome"
    assert found([tmp_path], "0")[0].lesson == "welcome"
    with pytest.raises(UsageError, match=r"There is no lesson nowhere. There are 00_welcome, "):
        found([tmp_path], "nowhere")


def test_a_path_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"There is no .*nothing\. Name a notebook, a folder of notebooks"):
        found([tmp_path / "nothing"])


# What cannot be read: each has its kind of fault and a sentence, and scores nothing.

OLD = {
    "nbformat": 3,
    "nbformat_minor": 0,
    "metadata": {"name": ""},
    "worksheets": [
        {"metadata": {}, "cells": [{"cell_type": "code", "language": "python", "input": "1", "outputs": []}]}
    ],
}
ELSEWHERE = new_notebook(
    cells=[new_code_cell("1", metadata={"nbgrader": {"grade": True, "grade_id": "td_target", "points": 99}})]
)
UNREADABLE: dict[str, tuple[Any, str, str]] = {
    "empty": (b"", "unreadable", "The file is empty."),
    "blank": (b" \n\n", "unreadable", "The file is empty."),
    "truncated": (json.dumps(handed_in(RIGHT))[:-200], "unreadable", r"cut short: not JSON \(line 1\)"),
    "not UTF-8": (b'{"nbformat": 4, "x": "\xff"}', "unreadable", "not UTF-8: byte 22 cannot be read"),
    "UTF-16": (json.dumps(handed_in(RIGHT)).encode("utf-16"), "unreadable", "not UTF-8"),
    "another language": (b"\x89PNG\r\n\x1a\n", "unreadable", "not UTF-8"),
    "a script": ("import os\n", "unreadable", "It is no notebook, or was cut short"),
    "JSON of another kind": ("[1, 2]", "unreadable", "It is JSON, but no notebook."),
    "an object of another kind": ("{}", "unreadable", "It is JSON, but no notebook."),
    "a number too long": ("9" * 5000, "unreadable", "not JSON"),
    "nested too deeply": ("[" * 100_000, "unreadable", "nested too deeply"),
    "without cells": ({"nbformat": 4, "cells": None}, "unreadable", "without a list of cells"),
    "with cells that are none": ({"nbformat": 4, "cells": [1]}, "unreadable", "without a list of cells"),
    "of a format to come": ({"nbformat": 7, "cells": []}, "unreadable", "format 7"),
    "of a broken old format": ({"nbformat": 3, "worksheets": 5}, "unreadable", "format 3"),
    "with too many cells": ({"nbformat": 4, "cells": [{}] * 5001}, "refused", "5,001 cells, and 5,000"),
    "too large": (b" " * (reading.MOST_BYTES + 1), "refused", "20 MB are the most"),
    "of another lesson": (ELSEWHERE, "foreign", "a notebook of q_learning, handed in for welcome"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read_has_a_named_fault_and_scores_nothing(name: str, tmp_path: Path) -> None:
    content, kind, message = UNREADABLE[name]
    result = result_of(put(tmp_path / "ada.ipynb", content))
    (fault,) = result.faults
    assert fault.kind == kind
    assert re.search(message, fault.message), fault.message
    assert (result.score, result.points, result.graded) == (0, 1, False)


def test_links_and_special_files_are_refused(tmp_path: Path) -> None:
    secret = put(tmp_path / "elsewhere" / "secret.ipynb", handed_in(RIGHT))
    tree = tmp_path / "tree"
    (tree / "bob").mkdir(parents=True)
    (tree / "ada.ipynb").symlink_to(secret)
    (tree / "bob" / "00_welcome").symlink_to(secret.parent, target_is_directory=True)
    (tree / "cy.ipynb").symlink_to("nowhere")
    os.mkfifo(tree / "dee.ipynb")
    submissions = found([tree])
    assert {submission.learner for submission in submissions} == {"ada", "bob", "cy", "dee"}
    for submission in submissions:
        result = one.graded(one.task_of(submission, SEEDS))
        assert [fault.kind for fault in result.faults] == ["refused"], submission
        assert not result.graded


def test_a_file_that_may_not_be_read_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = put(tmp_path / "ada.ipynb", handed_in(RIGHT))

    def denied(*_: Any) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", denied)
    assert reading.content_of(file) == reading.GradingFault("unreadable", "It could not be opened: Permission denied.")


def test_a_file_of_another_kind_is_no_notebook(tmp_path: Path) -> None:
    file = put(tmp_path / "ada.py", json.dumps(handed_in(RIGHT)))
    assert [fault.message for fault in result_of(file).faults] == [
        "It is no notebook: its name does not end in .ipynb."
    ]


def test_where_no_place_tells_the_lesson_the_grade_cells_do(tmp_path: Path) -> None:
    file = put(tmp_path / "ada.ipynb", new_notebook(cells=[new_code_cell("1")]))
    result = result_of(file, lesson="")
    assert [fault.message for fault in result.faults] == ["None of its cells grades an exercise of this course."]
    assert (result.lesson, result.points) == ("", 0)


# What can be read, however it looks.


@needs_sandbox
@pytest.mark.parametrize(
    "change",
    [
        lambda notebook: notebook["cells"].extend(notebook["cells"][-3:]),
        lambda notebook: [cell.update(id="same") for cell in notebook["cells"]],
        lambda notebook: [cell.pop("id") for cell in notebook["cells"]],
        lambda notebook: notebook["cells"].reverse(),
        lambda notebook: notebook.update(metadata="none"),
        lambda notebook: [cell.update(source=cell["source"].splitlines(True)) for cell in notebook["cells"]],
        lambda notebook: notebook["cells"].insert(0, {"cell_type": "code"}),
        lambda notebook: notebook["cells"].insert(0, {"cell_type": "code", "source": "x = '\ud800'"}),
    ],
    ids=["copied", "one id", "no ids", "reversed", "metadata", "lines", "a cell of nothing", "half a character"],
)
def test_a_right_answer_in_an_odd_notebook_keeps_its_points(change: Callable[[Any], Any], tmp_path: Path) -> None:
    notebook = handed_in(RIGHT)
    change(notebook)
    result = result_of(put(tmp_path / "ada.ipynb", notebook))
    assert (result.score, result.graded) == (1, True), result.faults


@needs_sandbox
def test_a_missing_grade_cell_is_named_and_costs_nothing(tmp_path: Path) -> None:
    result = result_of(put(tmp_path / "ada.ipynb", new_notebook(cells=[new_code_cell(RIGHT)])))
    assert result.score == 1
    assert [(fault.kind, fault.message) for fault in result.faults] == [
        ("missing", "The grade cell of click_through_rate is missing; click_through_rate was judged at the end.")
    ]
    assert result.graded


@needs_sandbox
def test_an_old_notebook_is_converted_and_graded(tmp_path: Path) -> None:
    old = json.loads(json.dumps(OLD))
    old["worksheets"][0]["cells"][0]["input"] = RIGHT
    assert result_of(put(tmp_path / "ada.ipynb", old)).score == 1


@needs_sandbox
@pytest.mark.slow
@pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.name)
def test_right_answers_keep_full_points_whatever_they_print_or_warn(lesson: Any, tmp_path: Path) -> None:
    """Every function of the lesson writes to stdout and stderr, draws a progress bar and warns, at every call."""
    noise = (
        "import sys as _sys, warnings as _warnings\n"
        "_warnings.warn('noise'); _warnings.warn('more', DeprecationWarning)\n"
        "print('noise'); print('noise', file=_sys.stderr)\n"
        "_sys.stderr.write('\\r100%|██████████| 10/10 [00:00<00:00]'); _sys.stderr.flush()"
    )
    notebook = learner_edition(lesson.notebook)
    sources = {cell.id: inlined(cell, lesson.notebook) for cell in nbformat.read(lesson.notebook, 4).cells}
    for cell in notebook.cells:
        if is_solution(cell):
            cell.source = f"{sources[cell.id]}\n{noise}\n_noise = {noise!r}"
    result = result_of(put(tmp_path / "ada.ipynb", notebook), lesson.slug)
    assert {exercise.name: exercise.score for exercise in result.exercises} == {
        exercise.name: exercise.points for exercise in registry.of_lesson(lesson.slug)
    }


@needs_sandbox
def test_a_right_function_that_prints_and_warns_at_every_call_keeps_its_points(tmp_path: Path) -> None:
    noisy = RIGHT.replace(
        "    return",
        "    import sys, warnings\n    print('noise', file=sys.stderr); warnings.warn('noise')\n"
        "    sys.stderr.write('\\r 50%|█████     | 5/10')\n    return",
    )
    result = result_of(put(tmp_path / "ada.ipynb", handed_in(noisy)))
    assert (result.score, result.faults) == (1, ())


# The command: exit codes, the JSON, what it says.

NUMBER = (int, float)
CONTRACT = {"learner": str, "lesson": str, "score": NUMBER, "points": NUMBER, "exercises": list, "faults": list}
EXERCISE = {"name": str, "score": NUMBER, "points": NUMBER, "labels": dict, "diagnosis": (str, type(None))}


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ledger of the test's own, which the command uses."""
    file = tmp_path / "classroom" / "ledger.jsonl"
    monkeypatch.setattr(command, "DEFAULT", file)
    return file


def grade(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["grade", *map(str, arguments)])
    return int(ended.value.code or 0)


@needs_sandbox
def test_the_json_is_as_contracted_and_faults_do_not_stop_the_others(tmp_path: Path, ledger: Path) -> None:
    for name, content in {"ada": handed_in(RIGHT), "bob": handed_in(HALF), "cy": "", "dee": handed_in("def")}.items():
        put(tmp_path / "class" / name / "00_welcome" / "00_welcome.ipynb", content)
    file = tmp_path / "results.json"
    assert grade(tmp_path / "class", "--json", file, "--workers", "1") == 1
    submissions = json.loads(file.read_text())["submissions"]
    assert [(s["learner"], s["lesson"], s["score"], s["points"]) for s in submissions] == [
        ("ada", "welcome", 1, 1),
        ("bob", "welcome", 0.75, 1),
        ("cy", "welcome", 0, 1),
        ("dee", "welcome", 0, 1),
    ]
    for submission in submissions:
        for field, kind in CONTRACT.items():
            assert isinstance(submission[field], kind), field
        assert submission["seconds"] >= 0
        for exercise in submission["exercises"]:
            for field, kind in EXERCISE.items():
                assert isinstance(exercise[field], kind), field
    (exercise,) = submissions[1]["exercises"]
    assert exercise["labels"] == {
        "is the share of impressions that were clicked": True,
        "is 0 where nobody clicked": True,
        "is 1 where everybody clicked": True,
        "is NaN where nothing was shown": False,
    }
    assert exercise["diagnosis"] == "zero_for_none"
    assert submissions[2]["faults"] == [{"kind": "unreadable", "message": "The file is empty."}]


@needs_sandbox
def test_it_leaves_with_0_when_all_could_be_graded_whatever_the_scores(
    tmp_path: Path, ledger: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(tmp_path / "class" / "ada.ipynb", handed_in("pass"))
    files = [tmp_path / "report.html", tmp_path / "table.csv"]
    assert grade(tmp_path / "class", "--html", files[0], "--csv", files[1], "--workers", "1") == 0
    assert "0 of 1" in capsys.readouterr().out
    assert all(file.stat().st_size for file in files)


@pytest.mark.parametrize(
    "arguments",
    [
        ["nothing"],
        ["."],
        [".", "--lesson", "nowhere"],
        [".", "--seed", "1,2"],
        [".", "--seed", "a"],
        [".", "--workers", "0"],
        [],
    ],
    ids=["no path", "no notebook", "no lesson", "two seeds", "no seeds", "no workers", "nothing said"],
)
def test_a_usage_error_leaves_with_2(
    arguments: list[str], tmp_path: Path, ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "--lesson" in arguments or "--seed" in arguments:
        put(tmp_path / "ada.ipynb", handed_in(RIGHT))
    monkeypatch.chdir(tmp_path)
    assert grade(*arguments) == 2


def test_without_a_sandbox_it_refuses_with_the_reason_and_the_way_out(
    tmp_path: Path, ledger: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    put(tmp_path / "ada.ipynb", handed_in(RIGHT))
    monkeypatch.setattr(bubblewrap, "_chosen", lambda: ("", "The kernel allows no user namespaces"))
    assert grade(tmp_path) == 1
    said = capsys.readouterr().err
    assert "no user namespaces" in said
    assert "--unsafe-no-sandbox" in said
    assert not ledger.exists()


@pytest.mark.slow
def test_scores_made_without_a_sandbox_are_marked(
    tmp_path: Path, ledger: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(tmp_path / "ada.ipynb", handed_in(RIGHT))
    file = tmp_path / "results.json"
    assert grade(tmp_path, "--unsafe-no-sandbox", "--workers", "1", "--json", file) == 0
    (submission,) = json.loads(file.read_text())["submissions"]
    assert (submission["score"], submission["sandboxed"]) == (1, False)
    assert "no sandbox" in capsys.readouterr().out


def test_a_course_that_may_not_be_written_to_says_so_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    put(tmp_path / "class" / "ada.ipynb", "")
    blocked = put(tmp_path / "file", "")
    monkeypatch.setattr(command, "DEFAULT", blocked / "ledger.jsonl")
    assert grade(tmp_path / "class") == 1
    (line,) = capsys.readouterr().err.strip().splitlines()[-1:]
    assert line.startswith(f"The ledger {blocked / 'ledger.jsonl'} cannot be written:")


# The ledger.


def made(learner: str = "ada", score: float = 1.0) -> SubmissionResult:
    exercise = one.ExerciseResult("click_through_rate", score, 1.0, {"label": True})
    return SubmissionResult(
        learner=learner, lesson="welcome", score=score, points=1.0, seconds=0.1, sandboxed=True, exercises=(exercise,)
    )


def test_what_the_ledger_keeps_it_gives_back_and_it_is_the_owner_s_alone(tmp_path: Path) -> None:
    file = tmp_path / "classroom" / "ledger.jsonl"
    with Ledger(file) as ledger:
        ledger.add("a", made(score=0.5))
        ledger.add("b", made("bob"))
        ledger.add("a", made(score=0.25))
        assert ledger.get("a") == made(score=0.25)
    assert file.stat().st_mode & 0o777 == 0o600
    with Ledger(file) as ledger:
        assert ledger.get("a") == made(score=0.25)
        assert ledger.get("b") == made("bob")
        assert ledger.get("c") is None


def test_a_line_that_was_cut_short_or_damaged_counts_as_not_graded(tmp_path: Path) -> None:
    file = tmp_path / "ledger.jsonl"
    with Ledger(file) as ledger:
        for key in "abc":
            ledger.add(key, made(key))
    first, second, third = file.read_bytes().splitlines(keepends=True)
    boast = second.replace(b'"score": 1.0', b'"score": 9.0')
    file.write_bytes(first + boast + b"\xff\xfe{\n[]\n" + third[:-30])
    with Ledger(file) as ledger:
        assert ledger.get("a") == made("a")
        assert ledger.get("b") is None
        assert ledger.get("c") is None
        ledger.add("d", made("d"))
    with Ledger(file) as ledger:
        assert ledger.get("d") == made("d")
        assert ledger.get("a") == made("a")


def test_two_writers_do_not_harm_each_other(tmp_path: Path) -> None:
    file = tmp_path / "ledger.jsonl"
    with Ledger(file) as one_writer, Ledger(file) as other:
        one_writer.add("a", made("a"))
        other.add("b", made("b"))
        one_writer.add("c", made("c"))
        assert other.get("b") == made("b")
        assert one_writer.get("c") == made("c")
    with Ledger(file) as ledger:
        assert [ledger.get(key) for key in "abc"] == [made(key) for key in "abc"]


# What is remembered, and what is graded again. No kernel is needed to know that.


class Counting:
    """In place of the pool: every submission is right, and is counted."""

    def __init__(self) -> None:
        self.tasks: list[one.Task] = []

    def __call__(self, tasks: Iterator[one.Task], workers: int) -> Iterator[tuple[one.Task, one.Graded]]:
        for task in tasks:
            self.tasks.append(task)
            if isinstance(task.content, bytes):
                yield task, one.Graded(dataclasses.replace(made(task.learner), seeds=task.seeds, path=task.path))
            else:
                yield task, one.Graded(one.could_not(task, task.content.kind, task.content.message))


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Counting:
    counting = Counting()
    monkeypatch.setattr(running, "on_pool", counting)
    return counting


@pytest.fixture
def small_class(tmp_path: Path) -> list[Submission]:
    for name, source in {"ada": RIGHT, "bob": HALF, "cy": "pass"}.items():
        put(tmp_path / "class" / f"{name}.ipynb", handed_in(source))
    return found([tmp_path / "class"], "welcome")


def test_what_was_graded_is_not_graded_again(pool: Counting, small_class: list[Submission], tmp_path: Path) -> None:
    ledger_path = tmp_path / "ledger.jsonl"
    first = grading.grade(small_class, workers=1, ledger_path=ledger_path)
    heard: list[bool] = []
    again = grading.grade(
        small_class, workers=1, ledger_path=ledger_path, on_result=lambda _, remembered: heard.append(remembered)
    )
    assert again == first
    assert len(pool.tasks) == 3
    assert heard == [True] * 3


def test_a_changed_submission_or_course_is_graded_again(
    pool: Counting, small_class: list[Submission], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger_path = tmp_path / "ledger.jsonl"
    grading.grade(small_class, workers=1, ledger_path=ledger_path)
    put(small_class[1].path, handed_in(RIGHT))
    grading.grade(small_class, workers=1, ledger_path=ledger_path)
    assert [task.learner for task in pool.tasks] == ["ada", "bob", "cy", "bob"]
    monkeypatch.setattr(one, "course_version", lambda: "another")
    grading.grade(small_class, workers=1, ledger_path=ledger_path)
    assert len(pool.tasks) == 7


def test_fresh_grades_all_anew_and_the_newest_result_counts(
    pool: Counting, small_class: list[Submission], tmp_path: Path
) -> None:
    ledger_path = tmp_path / "ledger.jsonl"
    grading.grade(small_class, workers=1, ledger_path=ledger_path)
    newest = grading.grade(small_class, workers=1, ledger_path=ledger_path, fresh=True)
    assert len(pool.tasks) == 6
    assert grading.grade(small_class, workers=1, ledger_path=ledger_path) == newest


def test_what_could_not_be_graded_is_tried_again(pool: Counting, tmp_path: Path) -> None:
    put(tmp_path / "ada.ipynb", "")
    for _ in range(2):
        (result,) = grading.grade(found([tmp_path], "welcome"), workers=1, ledger_path=tmp_path / "ledger.jsonl")
        assert not result.graded
    assert len(pool.tasks) == 2


def test_the_same_submission_in_two_places_is_graded_once(pool: Counting, tmp_path: Path) -> None:
    files = [put(tmp_path / folder / "ada.ipynb", handed_in(RIGHT)) for folder in ("first", "second")]
    results = grading.grade(found(files, "welcome"), workers=1, ledger_path=tmp_path / "ledger.jsonl")
    assert len(pool.tasks) == 1
    assert [result.path for result in results] == [str(file) for file in files]
    assert {result.score for result in results} == {1.0}


def test_the_same_notebook_of_two_learners_is_graded_twice(pool: Counting, tmp_path: Path) -> None:
    files = [put(tmp_path / f"{learner}.ipynb", handed_in(RIGHT)) for learner in ("ada", "bob")]
    grading.grade(found(files, "welcome"), workers=1, ledger_path=tmp_path / "ledger.jsonl")
    assert [task.learner for task in pool.tasks] == ["ada", "bob"]


def test_a_replay_judges_on_the_seeds_given_and_is_not_kept(
    pool: Counting, small_class: list[Submission], tmp_path: Path
) -> None:
    ledger_path = tmp_path / "ledger.jsonl"
    grading.grade(small_class, workers=1, ledger_path=ledger_path)
    before = ledger_path.read_bytes()
    replay = grading.grade(small_class, workers=1, ledger_path=ledger_path, seeds=(7, 8, 9))
    assert {result.seeds for result in replay} == {(7, 8, 9)}
    assert ledger_path.read_bytes() == before


def test_seeds_are_secret_three_and_others_in_each_run() -> None:
    drawn = grading.seeds_for(50, ())
    assert all(len(set(seeds)) == 3 for seeds in drawn)
    assert len({seed for seeds in drawn for seed in seeds}) <= grading.POOL_OF_SEEDS
    other = {seed for seeds in grading.seeds_for(50, ()) for seed in seeds}
    assert not other.intersection(seed for seeds in drawn for seed in seeds)


# A pool that loses what it may lose.


@needs_sandbox
def test_a_replay_gives_the_same_inputs_and_the_same_words(tmp_path: Path) -> None:
    file = put(tmp_path / "ada.ipynb", handed_in("def click_through_rate(clicks, impressions):\n    return 0.123"))
    first, again, other = (
        one.graded(one.task_of(Submission("ada", file, "welcome"), seeds)) for seeds in (SEEDS, SEEDS, (4, 5, 6))
    )
    assert first.exercises[0].evidence == again.exercises[0].evidence
    assert first.seeds == SEEDS
    assert other.seeds == (4, 5, 6)


@needs_sandbox
def test_no_seed_is_in_what_a_learner_reads(tmp_path: Path) -> None:
    from autograder.report.html import learner_html

    seeds = (1234567891, 1234567892, 1234567893)
    file = put(tmp_path / "ada.ipynb", handed_in("def click_through_rate(clicks, impressions):\n    return 0.123"))
    result = one.graded(one.task_of(Submission("ada", file, "welcome"), seeds))
    shown = learner_html(result) + repr(result.exercises)
    assert result.seeds == seeds
    assert not [seed for seed in seeds if str(seed) in shown or f"{seed:x}" in shown]


def children(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def workers_of(pid: int) -> list[int]:
    """The processes of a pool, which start others by `spawn_main`."""
    found = []
    for child in children(pid):
        with contextlib.suppress(OSError):
            if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                found.append(child)
    return found


def gone(pids: list[int], seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while any(alive(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not any(alive(pid) for pid in pids)


def alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    return False


@pytest.fixture
def background(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts grading in a process of its own, with the test's ledger."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str | Path) -> subprocess.Popen[str]:
        imports = "from pathlib import Path\nfrom autograder.grading import command\nfrom autograder.cli import main\n"
        script = (
            f"import signal\nimport sys\n{imports}"
            "if __name__ == '__main__':\n"
            # which a shell may have switched off
            "    signal.signal(signal.SIGINT, signal.default_int_handler)\n"
            f"    command.DEFAULT = Path({str(tmp_path / 'ledger.jsonl')!r})\n"
            "    main(['grade', *sys.argv[1:]])\n"
        )
        file = put(tmp_path / "start.py", script)
        process = subprocess.Popen(
            [sys.executable, file, *map(str, arguments)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


def wait_for(condition: Callable[[], Any], seconds: float = 60.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)
    return found


@pytest.fixture
def real_class(tmp_path: Path) -> Path:
    for number in range(8):
        source = (RIGHT, HALF, "import os; os._exit(1)", "def f(:")[number % 4]
        put(tmp_path / "class" / f"learner{number}.ipynb", handed_in(source))
    return tmp_path / "class"


def scores(file: Path) -> dict[str, float]:
    return {entry["learner"]: entry["score"] for entry in json.loads(file.read_text())["submissions"]}


@needs_sandbox
@pytest.mark.slow
def test_grading_that_was_killed_half_way_goes_on_there_with_the_same_scores(
    real_class: Path, background: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger.jsonl"
    process = background(real_class, "--lesson", "welcome", "--workers", "2")
    wait_for(lambda: len(lines(ledger)) >= 3)
    workers = workers_of(process.pid)
    process.kill()
    process.wait()
    assert workers
    assert gone(workers), "workers outlive the process that sends them their tasks"
    kept = [json.loads(line)["key"] for line in lines(ledger)]
    assert 3 <= len(kept) < 8

    again = background(real_class, "--lesson", "welcome", "--workers", "2", "--json", tmp_path / "again.json")
    assert again.wait(120) == 0
    keys = [json.loads(line)["key"] for line in lines(ledger)]
    assert keys[: len(kept)] == kept
    assert len(keys) == len(set(keys)) == 8
    fresh = background(real_class, "--lesson", "welcome", "--fresh", "--json", tmp_path / "fresh.json")
    assert fresh.wait(120) == 0
    expected = {f"learner{number}": (1, 0.75, 0, 0)[number % 4] for number in range(8)}
    assert scores(tmp_path / "again.json") == scores(tmp_path / "fresh.json") == expected


@needs_sandbox
@pytest.mark.slow
def test_ctrl_c_keeps_what_was_graded_and_leaves_nobody_behind(
    real_class: Path, background: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger.jsonl"
    process = background(real_class, "--lesson", "welcome", "--workers", "2")
    wait_for(lambda: len(lines(ledger)) >= 2)
    workers = workers_of(process.pid)
    # as a terminal does: to all of them
    os.killpg(process.pid, signal.SIGINT)
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 130, said
    assert "graded and kept: the same command goes on there." in said
    assert "Traceback" not in said
    assert gone(workers)
    assert len(lines(ledger)) >= 2


@needs_sandbox
@pytest.mark.slow
def test_a_worker_that_is_killed_on_the_way_costs_nobody_anything(
    real_class: Path, background: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    process = background(real_class, "--lesson", "welcome", "--workers", "2", "--json", tmp_path / "results.json")
    for graded in (1, 4):
        wait_for(lambda graded=graded: len(lines(tmp_path / "ledger.jsonl")) >= graded)  # type: ignore[misc]
        os.kill(wait_for(lambda: workers_of(process.pid))[0], signal.SIGKILL)
    assert process.wait(120) == 0
    assert scores(tmp_path / "results.json") == {f"learner{number}": (1, 0.75, 0, 0)[number % 4] for number in range(8)}


def fatal(task: one.Task) -> one.Graded:
    """In place of grading, in a worker: whoever is called so ends the worker."""
    if task.learner == "poison":
        os._exit(1)
    time.sleep(0.1)
    return one.Graded(made(task.learner))


@pytest.mark.slow
def test_a_submission_that_ends_every_worker_costs_only_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """No submission is known to do that; whoever grades with it must not be blamed."""
    monkeypatch.setattr(one, "graded_with_outputs", fatal)
    names = ["ada", "poison"]
    tasks = [one.Task(name, "welcome", "", b"", SEEDS) for name in names]
    results = {task.learner: graded.result for task, graded in running.on_pool(tasks, 2)}
    assert {name: result.score for name, result in results.items()} == {name: float(name != "poison") for name in names}
    assert [fault.kind for fault in results["poison"].faults] == ["crash"]


def test_a_fault_of_the_grader_costs_one_submission_its_grade_and_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: Any) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(one, "sandbox_of", broken)
    result = one.graded(one.Task("ada", "welcome", "", json.dumps(handed_in(RIGHT)).encode(), SEEDS))
    assert not result.graded
    assert [(fault.kind, fault.message) for fault in result.faults] == [
        ("crash", "It could not be graded: OSError: [Errno 28] No space left on device")
    ]


# A cluster.


@needs_sandbox
@pytest.mark.slow
def test_a_cluster_gives_the_scores_of_the_pool_and_survives_the_loss_of_a_worker(
    real_class: Path, background: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    """A real one: a scheduler and two workers, processes of their own, one of which is killed on the way."""
    pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    dask = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--port", "0", "--no-dashboard"]
    file = tmp_path / "scheduler.json"
    quiet: dict[str, Any] = {
        "cwd": tmp_path,
        "env": os.environ | {"PYTHONPATH": str(ROOT)},
        "stdout": subprocess.DEVNULL,
        "stderr": subprocess.DEVNULL,
    }
    started = [subprocess.Popen([*dask, "--host", "127.0.0.1", "--scheduler-file", file], **quiet)]
    try:
        address = wait_for(lambda: file.exists() and json.loads(file.read_text() or "{}").get("address"))
        worker = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-dashboard"]
        # no nanny: what is killed stays away
        started += [subprocess.Popen([*worker, "--no-nanny"], **quiet) for _ in range(2)]
        process = background(
            real_class, "--lesson", "welcome", "--scheduler", address, "--json", tmp_path / "results.json"
        )
        wait_for(lambda: len(lines(tmp_path / "ledger.jsonl")) >= 2)
        started[1].kill()
        assert process.wait(180) == 0
    finally:
        for one_of_them in started:
            one_of_them.kill()
            one_of_them.wait()
    assert scores(tmp_path / "results.json") == {f"learner{number}": (1, 0.75, 0, 0)[number % 4] for number in range(8)}


def test_where_no_scheduler_answers_it_says_so(
    tmp_path: Path, ledger: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    distributed = pytest.importorskip("distributed", reason="the extra `cluster` is not installed")

    def refuses(address: str, **_: Any) -> None:
        raise OSError("timed out")

    monkeypatch.setattr(distributed, "Client", refuses)
    put(tmp_path / "class" / "ada.ipynb", handed_in(RIGHT))
    assert grade(tmp_path / "class", "--scheduler", "tcp://127.0.0.1:1") == 1
    assert "No scheduler answers at tcp://127.0.0.1:1: timed out" in capsys.readouterr().err


# nbgrader's submitted tree of this course.


def in_the_gradebook(root: Path) -> dict[str, float]:
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{root / 'classroom' / 'gradebook.db'}") as gradebook:
        return {found.student.id: found.score for found in gradebook.assignment_submissions("00_welcome")}


@needs_sandbox
@pytest.mark.slow
def test_scores_of_the_submitted_tree_reach_the_gradebook_and_feedback_tells_no_seed(
    course: Path, tmp_path: Path, background: Callable[..., subprocess.Popen[str]]
) -> None:
    shutil.copytree(WELCOME.directory, course / "notebooks" / "00_welcome")
    shutil.copytree(ROOT / "solutions", course / "solutions", dirs_exist_ok=True)
    submitted = course / "classroom" / "submitted"
    for learner, source in {"ada": RIGHT, "bob": HALF}.items():
        put(submitted / learner / "00_welcome" / "00_welcome.ipynb", handed_in(f"print('by {learner}')", source))
    put(submitted / "cy" / "00_welcome" / "00_welcome.ipynb", "")

    def grade_all() -> str:
        process = background(submitted, "--workers", "1", "--json", tmp_path / "results.json")
        said, _ = process.communicate(timeout=120)
        assert process.returncode == 1, said
        assert "Traceback" not in said
        return said

    def nbgrader(*arguments: str) -> None:
        command = [sys.executable, "-m", "nbgrader", *arguments]
        done = subprocess.run(command, cwd=course, capture_output=True, text=True, timeout=200)
        assert done.returncode == 0, done.stdout + done.stderr

    assert "the gradebook knows no 00_welcome: run nbgrader generate_assignment 00_welcome" in grade_all()
    assert scores(tmp_path / "results.json") == {"ada": 1, "bob": 0.75, "cy": 0}
    nbgrader("generate_assignment", "00_welcome")
    assert "gradebook" not in grade_all()
    assert in_the_gradebook(course) == {"ada": 1, "bob": 0.75}
    put(submitted / "bob" / "00_welcome" / "00_welcome.ipynb", handed_in(RIGHT))
    grade_all()
    assert in_the_gradebook(course) == {"ada": 1, "bob": 1}

    nbgrader("autograde", "00_welcome", "--student=ada", "--force")
    keys = [json.loads(line)["key"] for line in lines(course / "classroom" / "ledger.jsonl")]
    assert len(keys) == len(set(keys)) == 3, "nbgrader takes what was graded from the ledger"
    nbgrader("generate_feedback", "00_welcome")
    page = (course / "classroom" / "feedback" / "ada" / "00_welcome" / "00_welcome.html").read_text()
    assert "by ada" in page
    seeds = [entry["seeds"] for entry in json.loads((tmp_path / "results.json").read_text())["submissions"]]
    assert seeds[0]
    assert not [seed for seed in seeds[0] if str(seed) in page]
