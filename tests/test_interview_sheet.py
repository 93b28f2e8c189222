"""The sheet of weak spots, and what a notebook is given."""

import inspect
from datetime import UTC, datetime, timedelta
from pathlib import Path

import autograder
from autograder.course import ROOT, lessons
from autograder.editions import read
from autograder.interview.breaking import identity
from autograder.interview.command import Options, drill, weak_spots
from autograder.interview.memory import NAME, Memory
from autograder.interview.questions import bank
from autograder.interview.sheet import NONE_KNOWN, sheet
from autograder.registry import of_lesson
from autograder.sandbox import standin

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ALL = bank()
FIRST, SECOND, THIRD = ALL[:3]


def remembering(tmp_path: Path, *answers: tuple[str, bool, datetime]) -> Memory:
    memory = Memory(tmp_path / "drill.json")
    for name, right, when in answers:
        memory.record(name, right, when)
    return memory


def test_an_empty_memory_has_no_weak_spot(tmp_path: Path) -> None:
    made = sheet(ALL, Memory(tmp_path / "drill.json"), NOW, [])
    assert made.spots == ()
    assert str(made).startswith(NONE_KNOWN)
    assert sum(row.questions for row in made.rows) == len(ALL)


def test_the_weakest_comes_first_and_what_is_known_is_left_out(tmp_path: Path) -> None:
    long_ago = NOW - timedelta(days=200)
    memory = remembering(
        tmp_path,
        (FIRST.id, True, NOW),
        (SECOND.id, True, long_ago),
        (THIRD.id, False, long_ago),
        (THIRD.id, False, NOW),
    )
    made = sheet(ALL, memory, NOW, [])
    assert [(spot.title, spot.why) for spot in made.spots] == [
        (THIRD.title, "wrong 2 times, the last time too"),
        (SECOND.title, "right the last time, but that is long ago"),
    ]
    (row,) = [row for row in made.rows if row.lesson == FIRST.lesson]
    assert (row.asked, row.right) == (3, 2)


def test_a_question_answered_rightly_again_is_no_weak_spot(tmp_path: Path) -> None:
    memory = remembering(tmp_path, (FIRST.id, False, NOW - timedelta(hours=1)), (FIRST.id, True, NOW))
    assert sheet(ALL, memory, NOW, []).spots == ()


def test_a_bug_that_was_not_found_is_a_weak_spot(tmp_path: Path) -> None:
    remembering(tmp_path, (identity("td_target"), False, NOW), (identity("gone"), False, NOW))
    (spot,) = weak_spots(Options(workspace=tmp_path), now=lambda: NOW).spots
    assert (spot.title, spot.lesson) == ("a bug in your own td_target", "03_q_learning")
    cells = {cell["id"] for cell in read(ROOT / "notebooks" / spot.lesson / f"{spot.lesson}.ipynb")["cells"]}
    assert spot.cell in cells


def test_links_lead_to_the_cell(tmp_path: Path) -> None:
    made = sheet(ALL, remembering(tmp_path, (FIRST.id, False, NOW)), NOW, [])
    (spot,) = made.spots
    assert spot.link == f"{FIRST.lesson}/{FIRST.lesson}.ipynb#cell-id={FIRST.cell}"
    data = made._repr_mimebundle_()
    assert f'href="../{spot.link}"' in data["text/html"]
    assert f"Lesson {FIRST.lesson}, cell {FIRST.cell}" in data["text/plain"]


def test_the_page_leads_into_the_workspace(tmp_path: Path) -> None:
    remembering(tmp_path, (FIRST.id, False, NOW))
    page = tmp_path / "out" / "weak.html"
    drill(Options(workspace=tmp_path, sheet=True, html=page))
    text = page.read_text()
    assert text.startswith("<!doctype html>")
    assert f"{tmp_path.as_uri()}/{FIRST.lesson}/{FIRST.lesson}.ipynb" in text


def test_the_notice_of_a_damaged_file_stands_on_the_sheet(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text("{")
    made = weak_spots(Options(workspace=tmp_path), now=lambda: NOW)
    assert "could not be read" in str(made)
    assert "could not be read" in made.as_html()


def test_the_stand_in_offers_the_same_names_and_takes_the_same_arguments() -> None:
    assert standin.__all__ == autograder.__all__
    for name in ("drill", "repair", "weak_spots"):
        mine, theirs = (inspect.signature(getattr(module, name)).parameters for module in (autograder, standin))
        assert [*mine] == [*theirs]
    standin.drill("bandits", count=3)
    standin.repair()
    assert standin.weak_spots() is None


def test_the_mock_interview_has_a_question_of_each_lesson() -> None:
    (exercise,) = of_lesson("interview_drill")
    assert len(exercise.reference()) == 12
    assert exercise.points == 12
    assert [lesson.slug for lesson in lessons()][-1] == "interview_drill"
