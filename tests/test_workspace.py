import errno
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder import cli, workspace
from autograder.course import lessons
from autograder.editions import STAMP
from autograder.errors import CourseError
from autograder.workspace import Did, Outcome, start


def run(folder: Path, root: Path) -> Outcome:
    """The outcome of the small course's one lesson."""
    (outcome,) = start(folder, root)
    return outcome


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def newer_edition(source: Path) -> None:
    content = json.loads(source.read_text())
    content["cells"][0]["source"] = "# A first lesson, better told"
    source.write_text(json.dumps(content))


@pytest.fixture
def made(course: Path) -> Path:
    """The learner's notebook in a workspace just made."""
    return run(course / "workspace", course).path


def test_a_notebook_is_made_for_each_lesson(course: Path) -> None:
    outcome = run(course / "workspace", course)
    assert outcome.did is Did.MADE
    assert outcome.path == course / "workspace" / "00_first" / "00_first.ipynb"
    assert json.loads(outcome.path.read_text())["metadata"][STAMP]["lesson"] == "first"
    assert sorted(everything(course / "workspace")) == ["00_first/00_first.ipynb", "nbgrader_config.py"]


def test_a_new_notebook_has_the_mode_of_any_new_file(made: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.touch()
    assert made.stat().st_mode == other.stat().st_mode


def test_a_second_run_changes_nothing(made: Path, course: Path) -> None:
    before = everything(course / "workspace")
    assert run(course / "workspace", course).did is Did.KEPT
    assert everything(course / "workspace") == before


def test_a_second_run_needs_no_nbgrader(made: Path, course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: Path) -> None:
        raise AssertionError(f"an edition of {source} was made")

    monkeypatch.setattr(workspace, "learner_edition", refuse)
    assert run(course / "workspace", course).did is Did.KEPT


def test_an_edited_notebook_is_never_changed(made: Path, course: Path) -> None:
    content = json.loads(made.read_text())
    content["cells"].append(content["cells"][0] | {"id": "mine", "source": "my notes"})
    made.write_text(json.dumps(content))
    before = everything(course / "workspace")
    assert run(course / "workspace", course).did is Did.KEPT
    assert everything(course / "workspace") == before


def test_a_newer_edition_is_put_beside_once(made: Path, course: Path, source: Path) -> None:
    mine = made.read_bytes()
    newer_edition(source)
    outcome = run(course / "workspace", course)
    edition = json.loads(outcome.path.read_text())["metadata"][STAMP]["edition"]
    assert outcome.did is Did.BESIDE
    assert outcome.path == made.with_name(f"00_first.edition-{edition}.ipynb")
    assert made.read_bytes() == mine

    outcome.path.write_text("worked on")
    assert run(course / "workspace", course) == outcome
    assert outcome.path.read_text() == "worked on"
    assert len(list(made.parent.iterdir())) == 2


def test_a_notebook_without_a_stamp_is_kept_and_the_course_s_put_beside(made: Path, course: Path) -> None:
    made.write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
    mine = made.read_bytes()
    outcome = run(course / "workspace", course)
    assert outcome.did is Did.BESIDE
    assert outcome.path.is_file()
    assert made.read_bytes() == mine


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b'{"cells": [], "metadata": 3}'])
def test_a_damaged_notebook_is_left_alone(made: Path, course: Path, content: bytes) -> None:
    made.write_bytes(content)
    before = everything(course / "workspace")
    outcome = run(course / "workspace", course)
    assert outcome.did is Did.FAILED
    assert outcome.message.startswith(f"{made}: 00_first.ipynb is not a notebook")
    assert outcome.message.endswith("Nothing was changed; move it away for a fresh one.")
    assert "\n" not in outcome.message
    assert everything(course / "workspace") == before


def test_a_folder_in_place_of_the_notebook_is_named(course: Path) -> None:
    target = course / "workspace" / "00_first" / "00_first.ipynb"
    target.mkdir(parents=True)
    outcome = run(course / "workspace", course)
    assert (outcome.did, outcome.message) == (Did.FAILED, f"{target}: Is a directory. Nothing was changed.")


def test_a_link_to_nowhere_is_left_alone(course: Path) -> None:
    target = course / "workspace" / "00_first" / "00_first.ipynb"
    target.parent.mkdir(parents=True)
    target.symlink_to(course / "gone.ipynb")
    assert run(course / "workspace", course).did is Did.FAILED
    assert target.is_symlink()
    assert not target.exists()


def test_a_file_in_place_of_a_lesson_s_folder_is_named(course: Path) -> None:
    (course / "workspace").mkdir()
    (course / "workspace" / "00_first").write_text("mine")
    outcome = run(course / "workspace", course)
    assert outcome.did is Did.FAILED
    assert "00_first is a file, and the lesson's folder must be there" in outcome.message
    assert (course / "workspace" / "00_first").read_text() == "mine"


def test_a_file_in_place_of_the_workspace_is_named(course: Path) -> None:
    (course / "workspace").write_text("mine")
    with pytest.raises(CourseError, match="workspace is a file, and the workspace must be a folder"):
        run(course / "workspace", course)
    assert (course / "workspace").read_text() == "mine"


def test_a_workspace_under_a_file_is_named(course: Path) -> None:
    (course / "file").write_text("mine")
    with pytest.raises(CourseError, match=r"cannot be written \(Not a directory\)"):
        run(course / "file" / "workspace", course)


@pytest.fixture
def shared(course: Path) -> Iterator[Path]:
    """The small course where this process may read and not write; root steps down to another user."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(course, folder / "course")
        folder.chmod(0o555)
        (folder / "course").chmod(0o555)
        user = os.geteuid()
        if user == 0:
            os.seteuid(65534)
        try:
            yield folder / "course"
        finally:
            os.seteuid(user)
            folder.chmod(0o755)
            (folder / "course").chmod(0o755)


def test_a_workspace_that_cannot_be_written_is_named(shared: Path) -> None:
    before = everything(shared)
    for folder in (shared.parent, shared / "workspace"):
        with pytest.raises(CourseError, match=r"cannot be written \(Permission denied\).*--workspace DIR"):
            run(folder, shared)
    assert everything(shared) == before


def test_a_course_that_one_may_only_read_serves_a_workspace_elsewhere(shared: Path) -> None:
    with tempfile.TemporaryDirectory() as name:
        assert run(Path(name), shared).did is Did.MADE


def test_a_full_disk_leaves_no_half_of_a_notebook(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, content: str) -> None:
        path.write_text(content[:10])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    (course / "workspace").mkdir()
    (course / "workspace" / "nbgrader_config.py").touch()
    monkeypatch.setattr(workspace, "_create", full)
    outcome = run(course / "workspace", course)
    assert outcome.did is Did.FAILED
    assert outcome.message.endswith("No space left on device. Nothing was changed.")
    assert list((course / "workspace" / "00_first").iterdir()) == []


def test_a_file_system_without_links_serves_too(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, target: Path) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "hardlink_to", refuse)
        assert run(course / "workspace", course).did is Did.MADE
    assert sorted(everything(course / "workspace")) == ["00_first/00_first.ipynb", "nbgrader_config.py"]
    assert run(course / "workspace", course).did is Did.KEPT


def test_a_file_that_appears_meanwhile_is_kept(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create = workspace._create

    def and_another_start(path: Path, content: str) -> None:
        create(path, content)
        if "00_first" in path.name:
            (path.parent / "00_first.ipynb").write_text("theirs")

    monkeypatch.setattr(workspace, "_create", and_another_start)
    assert run(course / "workspace", course).did is Did.FAILED
    assert (course / "workspace" / "00_first" / "00_first.ipynb").read_text() == "theirs"
    assert len(list((course / "workspace" / "00_first").iterdir())) == 1


def test_one_lesson_s_fault_stops_no_other(course: Path, source: Path) -> None:
    second = course / "notebooks" / "01_second"
    second.mkdir()
    (second / "01_second.ipynb").write_text(source.read_text().replace("solutions.first", "solutions.second"))
    (course / "solutions" / "second.py").write_text((course / "solutions" / "first.py").read_text())
    source.write_text("{")
    assert [outcome.did for outcome in start(course / "workspace", course)] == [Did.FAILED, Did.MADE]


def test_a_course_without_lessons_says_so(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match=r"No lesson in .*notebooks"):
        list(start(tmp_path / "workspace", tmp_path))
    assert list(tmp_path.iterdir()) == []


class TestCommandLine:
    def test_start_says_what_it_did(
        self, course: Path, source: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(workspace, "lessons", lambda root: lessons(course))
        folder = course / "desk"
        monkeypatch.setattr(workspace, "_nbgrader_config", lambda *paths: "")
        printed = []
        for prepare in (lambda: None, lambda: None, lambda: newer_edition(source)):
            prepare()
            with pytest.raises(SystemExit) as leaving:
                cli.main(["start", "--workspace", str(folder)])
            assert leaving.value.code == 0
            printed.append(capsys.readouterr().out)
        (newer,) = folder.glob("00_first/00_first.edition-*.ipynb")
        assert printed == [
            f"00_first  made\n{folder}: 1 made, 0 as you left them\n",
            f"{folder}: 0 made, 1 as you left them\n",
            f"00_first  yours is kept; the course's newer edition is beside it: {newer.name}\n"
            f"{folder}: 0 made, 1 as you left them\n",
        ]

    def test_a_fault_is_one_line_and_exit_code_1(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(SystemExit) as leaving:
            cli.main(["start", "--workspace", str(tmp_path / "file")])
        assert leaving.value.code == 1
        assert capsys.readouterr() == (
            "",
            f"{tmp_path / 'file'} is a file, and the workspace must be a folder. "
            "Move it away, or choose another: autograder start --workspace DIR\n",
        )

    @pytest.mark.parametrize("arguments", [["start", "--nonsense"], ["start", "extra"], ["nonsense"]])
    def test_a_wrong_call_is_exit_code_2(self, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as leaving:
            cli.main(arguments)
        assert leaving.value.code == 2
        assert "Usage:" in capsys.readouterr().err

    def test_every_command_s_help_has_an_example(self, capsys: pytest.CaptureFixture[str]) -> None:
        for command in cli.app.registered_commands:
            name = command.name or (command.callback.__name__ if command.callback else "")
            with pytest.raises(SystemExit) as leaving:
                cli.main([name, "--help"])
            assert leaving.value.code == 0
            assert f"Example: autograder {name}" in " ".join(capsys.readouterr().out.split())
