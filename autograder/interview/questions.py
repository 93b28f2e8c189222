"""The bank of questions: `bank/NN_slug.toml`, a file for each lesson, a table for each question.

Every question has an `id`, a `title` (what it is about, for the sheet of weak spots), an `ask`, a `because` (shown with
the answer) and a `cell`, the place in the lesson that teaches it. What else it needs depends on its kind:

    [[choice]]  right = "..."   wrong = [["option", "why not"], ...]
    [[plot]]    the same with curves: curve = [...]   wrong = [["option", "why not", [...]], ...]
                and `computed`, Python that makes `curve`
    [[number]]  answer, tolerance, unit   near = [[value, "what led there"], ...]
                and `computed`, Python that makes `answer`
    [[bug]]     code   line = 3   repaired = "the line as it should be"   others = [[1, "why it is right"], ...]
                and `test`, Python that fails after the code as it is shown, and passes after the repaired one

`code` may stand in any question, and is shown with it. Single line breaks in texts count as spaces. The tests run what
is computed, and each faulty code.
"""

from __future__ import annotations

import functools
import math
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.errors import CourseError

BANK = Path(__file__).parent / "bank"


@dataclass(frozen=True)
class Option:
    """One option of a choice: why it is right or wrong, and its curve, where the options are curves."""

    text: str
    reason: str
    right: bool = False
    curve: tuple[float, ...] = ()


@dataclass(frozen=True)
class Question:
    """What all kinds have in common. `lesson` is the lesson's name, "03_q_learning"; `cell` an id in its notebook."""

    id: str
    lesson: str
    cell: str
    title: str
    ask: str
    because: str
    code: str = ""

    @property
    def slug(self) -> str:
        """The lesson's slug, "q_learning"."""
        return self.lesson[3:]


@dataclass(frozen=True)
class Choice(Question):
    """One right option among several; with curves, on the axes `x` and `y`, the question is to predict a plot."""

    options: tuple[Option, ...] = ()
    x: str = ""
    y: str = ""
    computed: str = ""


@dataclass(frozen=True)
class Number(Question):
    """A number within `tolerance`; `near` says of some wrong ones how people arrive there."""

    answer: float = 0.0
    tolerance: float = 0.0
    unit: str = ""
    near: tuple[tuple[float, str], ...] = ()
    computed: str = ""

    def accepts(self, value: float) -> bool:
        """Whether a number is near enough."""
        return abs(value - self.answer) <= self.tolerance

    def reason(self, value: float) -> str:
        """How one arrives at this wrong number, where that is known."""
        return next((why for wrong, why in self.near if math.isclose(value, wrong, rel_tol=0.01, abs_tol=1e-9)), "")


@dataclass(frozen=True)
class Bug(Question):
    """One faulty line, counted from 1; `others` says of each other line why it is right."""

    line: int = 0
    repaired: str = ""
    others: tuple[tuple[int, str], ...] = ()
    test: str = ""

    @property
    def mended(self) -> str:
        """The code with the faulty line repaired."""
        lines = self.code.splitlines()
        lines[self.line - 1] = self.repaired
        return "\n".join(lines) + "\n"


@functools.cache
def bank(folder: Path = BANK) -> tuple[Question, ...]:
    """All questions, in course order. Raises CourseError, naming file and question, for one that is not complete."""
    found = [question for file in sorted(folder.glob("*.toml")) for question in read(file)]
    for first, second in zip(sorted(found, key=_id), sorted(found, key=_id)[1:], strict=False):
        if first.id == second.id:
            raise CourseError(f"Two questions of the bank are called {first.id}. Rename one of them.")
    return tuple(found)


def _id(question: Question) -> str:
    return question.id


def read(file: Path) -> list[Question]:
    """The questions of one file; the lesson is the file's name."""
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise CourseError(f"{file.name} cannot be read: {fault}. Repair it.") from fault
    found = []
    for kind, entries in tables.items():
        for entry in entries:
            where = f"{file.name}, question {entry.get('id', '?')!r}"
            try:
                question = _MAKE[kind](file.stem, {**entry})
            except KeyError as fault:
                raise CourseError(f"{where}: {fault.args[0]!r} is missing or unknown.") from None
            except (TypeError, ValueError) as fault:
                raise CourseError(f"{where}: {fault}.") from None
            problem = fault_of(question)
            if problem:
                raise CourseError(f"{where}: {problem}.")
            found.append(question)
    return found


def _flowing(text: str) -> str:
    return re.sub(r"[ \n]*\n *|  +", lambda gap: "\n\n" if gap[0].count("\n") > 1 else " ", text.strip())


def _common(lesson: str, entry: dict[str, Any]) -> dict[str, Any]:
    names = ("id", "cell", "title", "ask", "because")
    shared = {name: _flowing(entry.pop(name)) for name in names}
    return {"lesson": lesson, "code": entry.pop("code", "").strip("\n"), **shared}


def _choice(lesson: str, entry: dict[str, Any]) -> Choice:
    shared = _common(lesson, entry)
    right = Option(_flowing(entry.pop("right")), shared["because"], right=True, curve=tuple(entry.pop("curve", ())))
    wrong = [Option(_flowing(text), _flowing(why), curve=tuple(*curve)) for text, why, *curve in entry.pop("wrong")]
    return Choice(**shared, options=(right, *wrong), **entry)


def _number(lesson: str, entry: dict[str, Any]) -> Number:
    shared = _common(lesson, entry)
    near = tuple((float(value), _flowing(why)) for value, why in entry.pop("near", ()))
    answer, tolerance = float(entry.pop("answer")), float(entry.pop("tolerance"))
    return Number(**shared, answer=answer, tolerance=tolerance, near=near, **entry)


def _bug(lesson: str, entry: dict[str, Any]) -> Bug:
    shared = _common(lesson, entry)
    others = tuple((int(line), _flowing(why)) for line, why in entry.pop("others"))
    return Bug(**shared, others=others, **entry)


_MAKE = {"choice": _choice, "plot": _choice, "number": _number, "bug": _bug}


def fault_of(question: Question) -> str:
    """What a question lacks, in words; empty if it is complete."""
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", question.id):
        return "an id is made of small letters, digits and hyphens"
    if not all((question.title, question.ask, question.because, question.cell)):
        return "title, ask, because and cell must not be empty"
    if isinstance(question, Choice):
        return _fault_of_choice(question)
    if isinstance(question, Number):
        if not question.tolerance > 0 or not question.computed:
            return "a number needs a tolerance above 0, and Python that computes it"
        if any(question.accepts(value) or not why for value, why in question.near):
            return "a wrong number must lie outside the tolerance, and say what led there"
    if isinstance(question, Bug):
        lines = {number for number, text in enumerate(question.code.splitlines(), 1) if text.strip()}
        explained = [number for number, why in question.others if why]
        if question.line not in lines or sorted(explained) != sorted(lines - {question.line}):
            return "each line but the faulty one needs a reason, and no line two"
        if not question.repaired.strip() or not question.test:
            return "a bug needs the repaired line, and a test"
    return ""


def _fault_of_choice(question: Choice) -> str:
    texts = [option.text for option in question.options]
    lengths = {len(option.curve) for option in question.options}
    if not 3 <= len(texts) <= 6 or len(set(texts)) != len(texts):
        return "from 3 to 6 options are needed, no two alike"
    if not all(option.text and option.reason for option in question.options):
        return "each option needs a text, and each wrong one its reason"
    if len(lengths) > 1 or (lengths != {0}) != bool(question.computed and question.x and question.y):
        return "a plot needs curves of one length for all options, x, y, and Python that computes the right one"
    return ""
