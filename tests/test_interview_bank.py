"""The bank of questions: complete, in its place, and every computed answer and every bug shown by running it."""

import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from autograder.course import lessons
from autograder.editions import read as read_notebook
from autograder.errors import CourseError
from autograder.interview.questions import BANK, Bug, Choice, Number, Question, bank, read

ALL = bank()
COMPUTED = [question for question in ALL if isinstance(question, Choice | Number) and question.computed]
BUGS = [question for question in ALL if isinstance(question, Bug)]
CHOICES = [question for question in ALL if isinstance(question, Choice)]


def name(question: Question) -> str:
    return question.id


def ran(*sources: str) -> dict[str, Any]:
    namespace: dict[str, Any] = {"np": np, "torch": torch, "math": math}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for source in sources:
            exec(source, namespace)
    return namespace


def test_there_are_questions_enough_of_every_lesson() -> None:
    assert len(ALL) >= 80
    of_lesson = Counter(question.lesson for question in ALL)
    assert {lesson.name for lesson in lessons() if lesson.slug != "interview_drill"} <= of_lesson.keys()
    assert min(of_lesson.values()) >= 6
    assert {type(question) for question in ALL} == {Choice, Number, Bug}


def test_no_two_questions_are_alike() -> None:
    assert max(Counter(question.id for question in ALL).values()) == 1
    assert max(Counter(question.ask for question in ALL).values()) == 1
    assert max(Counter(question.title for question in ALL).values()) == 1


def test_every_question_leads_to_a_cell_of_its_lesson() -> None:
    known = {lesson.name: {cell["id"] for cell in read_notebook(lesson.notebook)["cells"]} for lesson in lessons()}
    astray = [(q.id, q.cell) for q in ALL if q.lesson in known and q.cell not in known[q.lesson]]
    assert astray == []


@pytest.mark.parametrize("question", COMPUTED, ids=name)
def test_what_is_computed_is_the_answer(question: Choice | Number) -> None:
    found = ran(question.computed)
    if isinstance(question, Number):
        assert abs(found["answer"] - question.answer) <= question.tolerance / 4
    else:
        (right,) = [option.curve for option in question.options if option.right]
        assert np.shape(found["curve"]) == (len(right),)
        np.testing.assert_allclose(found["curve"], right, atol=0.01 * np.ptp(right), rtol=1e-3)


@pytest.mark.parametrize("question", [q for q in CHOICES if q.x], ids=name)
def test_pictures_of_one_question_can_be_told_apart(question: Choice) -> None:
    curves = np.array([option.curve for option in question.options])
    span = np.ptp(curves)
    for one in range(len(curves)):
        for other in range(one):
            assert np.abs(curves[one] - curves[other]).max() > 0.1 * span


@pytest.mark.parametrize("question", BUGS, ids=name)
def test_a_bug_shows_and_its_repair_mends_it(question: Bug) -> None:
    with pytest.raises((AssertionError, RuntimeError)):
        ran(question.code, question.test)
    ran(question.mended, question.test)


def test_length_does_not_give_the_right_option_away() -> None:
    """Whoever answers the longest option, or the shortest, should not do much better than by chance."""
    lengths = [[len(option.text) for option in question.options] for question in CHOICES]
    right = [next(o for o in q.options if o.right) for q in CHOICES]
    for extreme in (max, min):
        hits = sum(len(option.text) == extreme(row) for option, row in zip(right, lengths, strict=True))
        assert hits < 0.4 * len(CHOICES)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("[[choice]]\nid='x'", "02_bandits.toml, question 'x': 'cell' is missing"),
        ("[[essay]]\nid='x'", "question 'x': 'essay' is missing or unknown"),
        ("id = ", "02_bandits.toml cannot be read"),
        ("{common}right='r'\nwrong=[['a','w'],['r','w']]", "no two alike"),
        ("{common}right='r'\nwrong=[['a','w'],['b','']]", "each wrong one its reason"),
        ("{common}right='r'\nwrong=[['a','w'],['b','w']]\nextra=1", "unexpected keyword argument 'extra'"),
        ("{common}right='r'\ncurve=[1]\nwrong=[['a','w',[1]],['b','w']]", "curves of one length"),
        ("{number}answer=1\ntolerance=0", "a tolerance above 0"),
        ("{number}answer=1\ntolerance=0.1\ncomputed='1'\nnear=[[1.05,'w']]", "outside the tolerance"),
        ("{bug}code='a\\nb'\nline=1\nrepaired='c'\ntest='t'\nothers=[[1,'w']]", "each line but the faulty one"),
    ],
)
def test_an_incomplete_question_is_named(tmp_path: Path, table: str, said: str) -> None:
    rest = "id='x'\ncell='c'\ntitle='t'\nask='q'\nbecause='b'\n"
    filled = table.format(common="[[choice]]\n" + rest, number="[[number]]\n" + rest, bug="[[bug]]\n" + rest)
    file = tmp_path / "02_bandits.toml"
    file.write_text(filled)
    with pytest.raises(CourseError) as raised:
        read(file)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_two_questions_of_one_name_are_refused(tmp_path: Path) -> None:
    for lesson in ("02_bandits", "03_q_learning"):
        (tmp_path / f"{lesson}.toml").write_bytes((BANK / "02_bandits.toml").read_bytes())
    with pytest.raises(CourseError, match="are called"):
        bank(tmp_path)


def test_texts_flow_and_paragraphs_stay(tmp_path: Path) -> None:
    file = tmp_path / "02_bandits.toml"
    file.write_text(
        "[[choice]]\nid='x'\ncell='c'\ntitle='t'\nask='''\none\n  two\n\nthree'''\nbecause='b'\n"
        "right='r'\nwrong=[['a','''\n w\n w'''],['b','w']]"
    )
    (question,) = read(file)
    assert question.ask == "one two\n\nthree"
    assert isinstance(question, Choice)
    assert question.options[1].reason == "w w"
