import ast
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest

from autograder.course import Lesson, lessons
from autograder.editions import BEGIN, STAMP, edition_id, inlined, is_solution, learner_edition, read
from autograder.errors import CourseError

SHIPPED = lessons()


def solution_cells(notebook: Any) -> dict[str, str]:
    return {cell.id: cell.source for cell in notebook.cells if is_solution(cell)}


def solution_cell(source: str, solution: bool = True) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "id": "the-cell",
        "source": source,
        "metadata": {"nbgrader": {"solution": solution}},
    }


def change(notebook: Path, edit: Callable[[list[dict[str, Any]]], None]) -> None:
    content = json.loads(notebook.read_text())
    edit(content["cells"])
    notebook.write_text(json.dumps(content))


def test_a_learner_gets_signatures_docstrings_and_stubs(source: Path) -> None:
    assert solution_cells(learner_edition(source)) == {
        "twice-solution": '''def twice(x: float) -> float:
    """Twice x, of the sign of x."""
    # YOUR CODE HERE
    raise NotImplementedError()


@functools.cache
def thrice(x: float) -> float:
    # YOUR CODE HERE
    raise NotImplementedError()''',
        "counter-solution": '''class Counter:
    """Counts in steps."""

    step: int = 1

    def __init__(self, start: int = 0) -> None:
        # YOUR CODE HERE
        raise NotImplementedError()

    # What `add` is for, and stays.
    def add(self, times: int) -> int:
        """Add `times` steps; the new count."""
        # YOUR CODE HERE
        raise NotImplementedError()''',
    }


def test_no_word_of_a_body_reaches_a_learner(source: Path) -> None:
    assert "secret" in (source.parent.parent.parent / "solutions" / "first.py").read_text()
    assert "secret" not in nbformat.writes(learner_edition(source))


def test_inlining_keeps_the_code_that_it_marks(source: Path) -> None:
    """Without its markers, which are comments, the inlined text is the reference's own code."""
    reference = ast.parse((source.parent.parent.parent / "solutions" / "first.py").read_text())
    cell = solution_cell("from solutions.first import twice, thrice, Counter")
    wanted = [node for node in reference.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    assert ast.dump(ast.parse(inlined(cell, source))) == ast.dump(ast.Module(wanted, []))


def test_the_stamp_is_the_edition_that_is_computed_without_nbgrader(source: Path) -> None:
    stamp = learner_edition(source).metadata[STAMP]
    assert stamp == {"lesson": "first", "edition": edition_id(read(source)["cells"], source)}


def test_a_better_reference_is_the_same_edition(source: Path) -> None:
    before = edition_id(read(source)["cells"], source)
    solutions = source.parent.parent.parent / "solutions" / "first.py"
    solutions.write_text(solutions.read_text().replace("y = 2 * x", "y = x + x"))
    assert edition_id(read(source)["cells"], source) == before


@pytest.mark.parametrize(("old", "new"), [("Twice x, of", "Two times x, of"), ("step: int = 1", "step: int = 2")])
def test_what_a_learner_sees_is_the_edition(source: Path, old: str, new: str) -> None:
    before = edition_id(read(source)["cells"], source)
    solutions = source.parent.parent.parent / "solutions" / "first.py"
    solutions.write_text(solutions.read_text().replace(old, new))
    assert edition_id(read(source)["cells"], source) != before


def test_prose_and_metadata_are_of_the_edition(source: Path) -> None:
    editions = {edition_id(read(source)["cells"], source)}
    change(source, lambda cells: cells[0].update(source="# The first"))
    editions.add(edition_id(read(source)["cells"], source))
    change(source, lambda cells: cells[4]["metadata"]["nbgrader"].update(points=3))
    editions.add(edition_id(read(source)["cells"], source))
    assert len(editions) == 3


@pytest.mark.parametrize(
    "text",
    [
        "",
        "def twice(x): return 2 * x",
        "from solutions.first import twice as double",
        "from solutions.first import *",
        "import solutions.first",
        "from solutions.first import twice\nprint(twice(2))",
        "from elsewhere import twice",
        "not python",
    ],
)
def test_a_solution_cell_that_imports_no_solution_is_named(source: Path, text: str) -> None:
    with pytest.raises(CourseError, match=r"00_first\.ipynb, cell 'the-cell' .* from solutions\.SLUG import NAME"):
        inlined(solution_cell(text), source)


def test_a_name_that_the_solutions_lack_is_named(source: Path) -> None:
    with pytest.raises(CourseError, match=r"'the-cell': solutions/first\.py has no function or class HIDDEN"):
        inlined(solution_cell("from solutions.first import HIDDEN"), source)


def test_solutions_that_are_not_there_are_named(source: Path) -> None:
    with pytest.raises(CourseError, match=r"'the-cell': solutions/other\.py cannot be read: .*No such file"):
        inlined(solution_cell("from solutions.other import twice"), source)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("def f(x): return x", "beside something else"),
        ('def f(x):\n    """Only words."""', "has a docstring but no body"),
    ],
)
def test_a_function_that_cannot_be_cut_is_named(source: Path, body: str, reason: str) -> None:
    (source.parent.parent.parent / "solutions" / "first.py").write_text(body)
    with pytest.raises(CourseError, match=f"'the-cell': f in the solutions .*{reason}"):
        inlined(solution_cell("from solutions.first import f"), source)


def test_a_solution_imported_outside_a_solution_cell_is_refused(source: Path) -> None:
    change(source, lambda cells: cells[1].update(source="from solutions.first import twice"))
    with pytest.raises(CourseError, match=r"cell 'imports' names solutions\.first but is not a solution cell"):
        learner_edition(source)


def test_an_earlier_lesson_may_be_imported_anywhere(source: Path) -> None:
    cell = solution_cell("from solutions.earlier import helper", solution=False)
    assert inlined(cell, source) == "from solutions.earlier import helper"


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", '{"cells": [1], "metadata": {}}', '{"cells": [], "metadata": 1}']
)
def test_what_is_no_notebook_is_said_to_be_none(tmp_path: Path, content: str) -> None:
    file = tmp_path / "00_first.ipynb"
    file.write_text(content)
    with pytest.raises(CourseError, match=r"00_first\.ipynb is not a notebook"):
        read(file)


@pytest.mark.parametrize("lesson", SHIPPED, ids=lambda lesson: lesson.name)
class TestShipped:
    def test_no_solution_reaches_the_learner(self, lesson: Lesson) -> None:
        learner = learner_edition(lesson.notebook)
        given = nbformat.writes(learner)
        assert BEGIN not in given
        assert f"solutions.{lesson.slug}" not in given
        assert solution_cells(learner)
        assert solution_cells(learner).keys() == solution_cells(nbformat.read(lesson.notebook, 4)).keys()

    def test_every_body_is_a_stub(self, lesson: Lesson) -> None:
        """Each function, and each method of each class, does nothing but raise NotImplementedError."""
        for name, source in solution_cells(learner_edition(lesson.notebook)).items():
            functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
            assert functions, name
            for function in functions:
                body = function.body[1:] if ast.get_docstring(function) else function.body
                assert [ast.unparse(statement) for statement in body] == ["raise NotImplementedError()"], name

    def test_the_stamp_is_the_edition(self, lesson: Lesson) -> None:
        computed = edition_id(read(lesson.notebook)["cells"], lesson.notebook)
        assert learner_edition(lesson.notebook).metadata[STAMP] == {
            "lesson": lesson.slug,
            "edition": computed,
        }

    def test_cell_ids_are_readable_and_unique(self, lesson: Lesson) -> None:
        ids = [cell["id"] for cell in read(lesson.notebook)["cells"]]
        assert len(set(ids)) == len(ids)
        # What tools make up: eight hex digits, or a UUID.
        assert [name for name in ids if not name.strip("0123456789abcdef-")] == []

    def test_no_outputs_are_stored(self, lesson: Lesson) -> None:
        for cell in read(lesson.notebook)["cells"]:
            assert cell.get("outputs", []) == []
            assert cell.get("execution_count") is None
