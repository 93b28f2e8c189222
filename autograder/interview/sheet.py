"""The sheet of weak spots: what was answered wrongly or would be forgotten by now, with the place that teaches it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from pathlib import Path

from autograder import card
from autograder.interview.breaking import identity
from autograder.interview.memory import Memory
from autograder.interview.questions import Question

FADING = 0.8
"""below this chance of a right answer a question counts as a weak spot, though the last answer was right"""


@dataclass(frozen=True)
class Spot:
    """One weak spot: what it is about, where it is taught, and why it stands here."""

    title: str
    lesson: str
    cell: str
    why: str

    @property
    def link(self) -> str:
        """The place, relative to the workspace."""
        return f"{self.lesson}/{self.lesson}.ipynb#cell-id={self.cell}"


@dataclass(frozen=True)
class Row:
    """One lesson: how many of its questions there are, were asked, and were answered rightly the last time."""

    lesson: str
    questions: int
    asked: int
    right: int


@dataclass(frozen=True)
class Sheet:
    """The sheet, which shows itself as HTML in a notebook and as text in a terminal.

    `start` comes before the links: as it is, they lead from a lesson's folder.
    """

    rows: tuple[Row, ...]
    spots: tuple[Spot, ...]
    notice: str = ""
    start: str = "../"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/plain": str(self), "text/html": self.as_html()}

    def __str__(self) -> str:
        lines = [self.notice] if self.notice else []
        lines += ["Your weak spots" if self.spots else NONE_KNOWN]
        lines += [f"  {spot.title}: {spot.why}. Lesson {spot.lesson}, cell {spot.cell}" for spot in self.spots]
        lines += ["", f"{'lesson':<24}{'questions':>10}{'asked':>8}{'right':>8}"]
        lines += [f"{row.lesson:<24}{row.questions:>10}{row.asked:>8}{row.right:>8}" for row in self.rows]
        return "\n".join(lines)

    def as_html(self) -> str:
        """The sheet as one card."""
        spots = "".join(
            f'<li><a href="{escape(self.start + spot.link)}">{escape(spot.title)}</a>: {escape(spot.why)} '
            f'<span style="color:{card.SOFT}">(lesson {escape(spot.lesson)})</span></li>'
            for spot in self.spots
        )
        cells = "".join(
            f'<tr><th scope="row" style="text-align:left">{escape(row.lesson)}</th>'
            + "".join(f'<td style="text-align:right">{value}</td>' for value in (row.questions, row.asked, row.right))
            + "</tr>"
            for row in self.rows
        )
        heads = "".join(f'<th scope="col">{name}</th>' for name in ("lesson", "questions", "asked", "right"))
        table = f'<table style="margin-top:8px;color:{card.TEXT}"><tr>{heads}</tr>{cells}</table>'
        return card.frame(
            card.BORDER,
            "Your weak spots" if self.spots else NONE_KNOWN,
            (f"<p>{escape(self.notice)}</p>" if self.notice else "")
            + (f'<ul style="margin:6px 0">{spots}</ul>' if spots else "")
            + table,
        )

    def as_page(self, workspace: Path) -> str:
        """A page of its own, whose links lead into the workspace."""
        body = Sheet(self.rows, self.spots, self.notice, f"{workspace.resolve().as_uri()}/").as_html()
        return (
            '<!doctype html><html lang="en"><meta charset="utf-8"><title>Your weak spots</title>'
            f'<body style="font-family:sans-serif">{body}</body></html>\n'
        )


NONE_KNOWN = "No weak spot is known. The drill finds them: answer some questions first."


def sheet(questions: Sequence[Question], memory: Memory, now: datetime, own: Sequence[tuple[str, str, str]]) -> Sheet:
    """The sheet over these questions, the weakest first; `own` are (name, lesson, cell) of what may be repaired."""
    weak: list[tuple[bool, float, int, Spot]] = []
    for question in questions:
        why = _why(memory, question.id, now)
        if why:
            spot = Spot(question.title, question.lesson, question.cell, why)
            weak.append((*_rank(memory, question.id, now), spot))
    for name, lesson, cell in own:
        last = memory.last(identity(name))
        if last is not None and not last.right:
            spot = Spot(f"a bug in your own {name}", lesson, cell, "not found the last time")
            weak.append((*_rank(memory, identity(name), now), spot))
    rows = []
    for lesson in dict.fromkeys(question.lesson for question in questions):
        last_answers = [memory.last(question.id) for question in questions if question.lesson == lesson]
        asked = [answer for answer in last_answers if answer is not None]
        rows.append(Row(lesson, len(last_answers), len(asked), sum(answer.right for answer in asked)))
    ranked = sorted(weak, key=lambda entry: entry[:3])
    return Sheet(tuple(rows), tuple(spot for *_, spot in ranked), memory.notice)


def _rank(memory: Memory, name: str, now: datetime) -> tuple[bool, float, int]:
    last = memory.last(name)
    return bool(last and last.right), memory.recall(name, now), -memory.times_wrong(name)


def _why(memory: Memory, name: str, now: datetime) -> str:
    last = memory.last(name)
    if last is None:
        return ""
    times = memory.times_wrong(name)
    if not last.right:
        return "wrong the last time" if times == 1 else f"wrong {times} times, the last time too"
    if memory.recall(name, now) < FADING:
        return "right the last time, but that is long ago"
    return ""
