"""What is presented, how JupyterLab is started for it, and the speaker's sheet."""

import json
import os
import re
import socket
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup

from autograder.cli import main
from autograder.course import ROOT, Lesson, lessons, named
from autograder.errors import CourseError, UsageError
from autograder.present import server
from autograder.present.edition import FOLDER, copied, presented
from autograder.present.sheet import sheet, write_sheet
from autograder.registry import of_lesson

each = pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.name)


@pytest.mark.parametrize("name", ["3", "03", "q_learning", "03_q_learning"])
def test_a_lesson_has_a_number_and_a_name(name: str) -> None:
    assert named(name).name == "03_q_learning"


def test_another_name_is_a_wrong_call_and_lists_the_lessons() -> None:
    with pytest.raises(UsageError, match=r"no lesson 99\. There are 00_welcome"):
        named("99")


@each
def test_the_presented_notebook_is_the_instructor_s_with_a_reveal_after_each_check(lesson: Lesson) -> None:
    cells = presented(lesson).cells
    added = [cell for cell in cells if cell.id.endswith("-reveal")]
    assert [cell.source for cell in added] == [f"reveal({exercise.name})" for exercise in of_lesson(lesson.slug)]
    assert {cell.metadata.slideshow.slide_type for cell in added} == {"subslide"}
    before = json.loads(lesson.notebook.read_text(encoding="utf-8"))["cells"]
    assert [cell.id for cell in cells if cell not in added] == [cell["id"] for cell in before]
    (setup,) = [cell.source for cell in cells if cell.id == "setup"]
    assert "reveal" in setup


def test_presenting_leaves_the_lesson_s_own_notebook_as_it_is(tmp_path: Path) -> None:
    lesson = named("0")
    before = lesson.notebook.read_bytes()
    path = copied(lesson, tmp_path)
    assert path == tmp_path / FOLDER / "00_welcome.ipynb"
    path.write_text("what was typed last time")
    assert "check(click_through_rate)" in copied(lesson, tmp_path).read_text(encoding="utf-8")
    assert lesson.notebook.read_bytes() == before


def test_what_is_presented_lies_where_git_does_not_look() -> None:
    assert f"{FOLDER.split('/')[0]}/" in (ROOT / ".gitignore").read_text().splitlines()


def test_jupyterlab_is_started_at_the_copy_with_the_extension(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    started: dict[str, Any] = {}
    monkeypatch.setattr(os, "execve", lambda file, arguments, environment: started.update(arguments=arguments))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "chdir", lambda folder: None)
    server.present(named("0"), browser=False, port=None, root=tmp_path)
    arguments = started["arguments"]
    assert f"--ServerApp.root_dir={tmp_path}" in arguments
    assert "--LabApp.default_url=/doc/tree/classroom/present/00_welcome.ipynb" in arguments
    assert "--no-browser" in arguments
    (package,) = server.EXTENSIONS.glob("*/package.json")
    described = json.loads(package.read_text())
    assert described["name"] == package.parent.name
    assert (package.parent / described["jupyterlab"]["_build"]["load"]).is_file()


def test_a_port_that_is_taken_is_said_in_a_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "execve", lambda *_: pytest.fail("nothing may be started"))
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        port = held.getsockname()[1]
        with pytest.raises(SystemExit) as left:
            main(["present", "0", "--port", str(port)])
    assert left.value.code == 1
    assert capsys.readouterr().err.strip() == f"Port {port} is taken. Choose another: --port {port + 1}"


def test_the_extension_asks_the_net_for_nothing() -> None:
    for file in server.EXTENSIONS.rglob("*.*s"):
        assert "http" not in file.read_text(encoding="utf-8"), file.name


@each
def test_a_sheet_says_when_what_to_ask_the_mistakes_and_the_answers(lesson: Lesson, tmp_path: Path) -> None:
    write_sheet(lesson, tmp_path / "sheet.html")
    page = BeautifulSoup((tmp_path / "sheet.html").read_text(encoding="utf-8"), "html.parser")
    text = " ".join(page.get_text().split())
    assert page.select("link, script, img, iframe") == []
    for exercise in of_lesson(lesson.slug):
        assert f"{exercise.minutes} minutes" in page.find(id=exercise.name).get_text()
        for mistake in exercise.mistakes:
            diagnosis = re.sub("[`*]", "", " ".join((mistake.__doc__ or "").split()))
            assert diagnosis in text.replace("*", ""), mistake.__name__
        if not exercise.is_quiz:
            assert page.find("article", attrs={"aria-labelledby": exercise.name}).pre.get_text().strip()
    assert next(row.td.get_text() for row in page.select(".when tbody tr")) == "0"


@each
def test_the_sections_of_a_sheet_fill_the_lesson_s_minutes(lesson: Lesson) -> None:
    of = sheet(lesson)
    assert sum(section.minutes for section in of.sections) == of.minutes
    assert all(a.begins + a.minutes == b.begins for a, b in zip(of.sections, of.sections[1:], strict=False))
    assert sum(len(section.tasks) for section in of.sections) == len(of_lesson(lesson.slug))
    assert any(section.questions for section in of.sections)


@each
def test_a_lesson_s_minutes_leave_time_to_read_and_stand_in_the_readme(lesson: Lesson) -> None:
    minutes = sheet(lesson).minutes
    assert minutes >= sum(exercise.minutes for exercise in of_lesson(lesson.slug)) + 15
    table = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    rows = [line for line in table if f"(notebooks/{lesson.name}/" in line]
    assert [row.split("|")[-2].strip() for row in rows] == [str(minutes)]


def test_a_quiz_has_each_right_option_marked_and_each_wrong_one_explained() -> None:
    tasks = [task for section in sheet(named("1")).sections for task in section.tasks if task.choices]
    for task in tasks:
        right = task.exercise.reference()
        assert len(task.choices) == len(right)
        for choice, option in zip(task.choices, right.values(), strict=True):
            assert [letter for letter, _, reason in choice.options if not reason] == [option]


def test_a_sheet_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CourseError, match="cannot be written"):
        write_sheet(named("0"), tmp_path / "file" / "sheet.html")
