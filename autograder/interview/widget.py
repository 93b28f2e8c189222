"""The drill in a notebook: buttons for mouse or keyboard (Tab, then Space), and cards like those of `check`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from html import escape

import ipywidgets
from IPython.display import display

from autograder import card
from autograder.errors import CourseError
from autograder.interview import breaking
from autograder.interview.asking import LETTERS, Asked, Marked, Unreadable
from autograder.interview.breaking import Broken
from autograder.interview.memory import Memory
from autograder.interview.questions import Choice, Number, Question
from autograder.interview.session import Session
from autograder.interview.terminal import summary

Clock = Callable[[], datetime]
CODE_FIELD = "drill-code"
MONOSPACED = f"<style>.{CODE_FIELD} textarea {{ {card.CODE} }}</style>"
PANEL = (120, 70)
"""width and height of a small picture, in pixels"""


def show_session(session: Session, now: Clock) -> None:
    """Show a session, one question at a time."""
    panel = SessionPanel(session, now)
    display(panel.box)


def show_repair(broken: Broken, memory: Memory, now: Clock) -> None:
    """Show the learner's own function with its bug."""
    display(RepairPanel(broken, memory, now).box)


class SessionPanel:
    """The widgets of a session: the question, what answers it, and what is said to the answer."""

    def __init__(self, session: Session, now: Clock) -> None:
        self.session, self.now = session, now
        self.page, self.said = ipywidgets.HTML(), ipywidgets.HTML()
        self.controls = ipywidgets.Box(layout=ipywidgets.Layout(flex_flow="row wrap"))
        self.onwards = ipywidgets.Button(description="Next question", tooltip="Go on")
        self.onwards.on_click(lambda _: self.ask())
        self.box = ipywidgets.VBox([self.page, self.controls, self.said])
        self.ask(first=True)

    def ask(self, *, first: bool = False) -> None:
        """Show the next question, or how it went."""
        asked = self.session.next(self.now())
        notice = paragraph(self.session.memory.notice) if first else ""
        self.said.value = ""
        if asked is None:
            self.page.value = notice + card.frame(card.BORDER, "The session", paragraph(self.closing()))
            self.controls.children = ()
            return
        self.page.value = notice + question_html(asked, self.session.done + 1, self.session.count)
        self.controls.children = self._controls(asked)
        if not first:
            # the buttons before are gone, and with them the place of the keyboard
            self.controls.children[0].focus()

    def closing(self) -> str:
        """What is said at the end."""
        return "\n\n".join(summary(self.session, self.now()))

    def _controls(self, asked: Asked) -> tuple[ipywidgets.Widget, ...]:
        if isinstance(asked.question, Number):
            field = ipywidgets.Text(placeholder=asked.wanted, description="Answer", layout={"width": "18em"})
            button = ipywidgets.Button(description="Answer")
            button.on_click(lambda _: self.answer(field.value))
            field.on_msg(lambda _, content, __: self.answer(field.value) if content.get("event") == "submit" else None)
            return field, button
        return key_buttons(asked.keys, self.answer)

    def answer(self, given: str) -> None:
        """Judge and keep an answer, and say so. What is none may be given again."""
        asked = self.session.asked
        if asked is None:  # a second click on a button that is about to go
            return
        try:
            marked = self.session.answer(given, self.now())
        except (Unreadable, CourseError) as fault:
            self.said.value = card.frame(card.WRONG, escape(str(fault)), "")
            return
        self.said.value = marked_html(marked, asked.question)
        self.session.asked = None
        self.controls.children = (self.onwards,)
        self.onwards.focus()


class RepairPanel:
    """The widgets of a repair: the code, a button for each line, and a field in which to repair it instead."""

    def __init__(self, broken: Broken, memory: Memory, now: Clock) -> None:
        self.broken, self.memory, self.now = broken, memory, now
        self.tries = 0
        title = f"Your own {broken.own.name}, with one line changed. Which?"
        self.page = ipywidgets.HTML(
            MONOSPACED + paragraph(memory.notice) + card.frame(card.BORDER, escape(title), code_html(broken.source))
        )
        self.said = ipywidgets.HTML()
        lines = ipywidgets.Box(key_buttons(broken.keys, self.point), layout=ipywidgets.Layout(flex_flow="row wrap"))
        self.field = ipywidgets.Textarea(broken.source, layout={"width": "60em", "height": "16em"})
        self.field.add_class(CODE_FIELD)
        judge = ipywidgets.Button(description="Check my repair")
        judge.on_click(lambda _: self.check())
        self.box = ipywidgets.VBox([self.page, lines, self.said, self.field, judge])

    def point(self, line: str) -> None:
        """Judge the line pointed at; the first wrong one earns what the check says."""
        marked = self.broken.mark(line)
        if not self._keep(marked.right):
            return
        sign = "✓ Right." if marked.right else "✗ Not this one."
        more = "" if marked.right else f"What its check says: {self.broken.told}" if self.tries == 1 else marked.answer
        self.said.value = card.frame(_colour(marked.right), f"{sign} {escape(marked.reason)}", paragraph(more))

    def check(self) -> None:
        """Judge the code in the field, as `check` does."""
        own = self.broken.own
        result = next(breaking.judged(own, [own.module(self.field.value + "\n")]), None)
        passed = bool(result and result["passed"])
        if self._keep(passed):
            told = "" if passed or not result else result["message"]
            title = f"{'✓' if passed else '✗'} {own.name} {'passes again' if passed else 'not yet right'}"
            self.said.value = card.frame(_colour(passed), escape(title), paragraph(told))

    def _keep(self, right: bool) -> bool:
        """Remember the first answer; whether that could be done."""
        self.tries += 1
        try:
            if self.tries == 1:
                self.memory.record(self.broken.id, right, self.now())
        except CourseError as fault:
            self.said.value = card.frame(card.WRONG, escape(str(fault)), "")
            return False
        return True


def key_buttons(keys: list[str], answer: Callable[[str], None]) -> tuple[ipywidgets.Button, ...]:
    """A small button for each key, in order, which answers with it."""
    buttons = []
    for key in keys:
        button = ipywidgets.Button(description=key, tooltip=f"Answer {key}", layout={"width": "3.2em"})
        button.on_click(lambda _, key=key: answer(key))
        buttons.append(button)
    return tuple(buttons)


def question_html(asked: Asked, place: int, count: int) -> str:
    """The question with its code, its pictures and its options."""
    question = asked.question
    title = f"Question {place} of {count} · lesson {question.lesson} · {question.title}"
    parts = [paragraph(question.ask)]
    if question.code:
        parts.append(code_html(question.code))
    if isinstance(question, Choice) and question.x:
        parts.append(paragraph(f"Each picture shows {question.y} (upwards) by {question.x}, on the same axes."))
    values = [value for option in asked.options for value in option.curve]
    for letter, option in zip(LETTERS, asked.options, strict=False):
        picture = svg(option.curve, min(values), max(values), option.text) if option.curve else ""
        parts.append(
            f'<div style="margin:6px 0 0 1em;color:{card.TEXT};display:flex;gap:0.8em;align-items:center">'
            f"<span>({letter})</span>{picture}<span>{card._inline(option.text)}</span></div>"
        )
    parts.append(paragraph(f"Answer with {asked.wanted}."))
    return card.frame(card.BORDER, escape(title), "".join(parts))


def marked_html(marked: Marked, question: Question) -> str:
    """Right or wrong, why, and where to read on."""
    sign = "✓ Right" if marked.right else "✗ Not right"
    parts = [paragraph(marked.reason)]
    if not marked.right:
        parts += [paragraph(f"The answer: {marked.answer}"), paragraph(question.because)]
    if isinstance(question, Choice | Number) and question.computed:
        parts += [paragraph("Run it yourself:"), code_html(question.computed.strip(), numbered=False)]
    parts.append(paragraph(f"See lesson {question.lesson}, cell {question.cell}."))
    return card.frame(_colour(marked.right), sign, "".join(parts))


def code_html(code: str, *, numbered: bool = True) -> str:
    """Code as a block, with the numbers of its lines."""
    lines = [f"{n:>2}  {line}" if numbered else line for n, line in enumerate(code.splitlines(), 1)]
    return (
        f'<pre style="{card.CODE};color:{card.TEXT};background:{card.RAISED};padding:8px 12px;margin:6px 0;'
        f'line-height:1.4;overflow:auto;white-space:pre">{escape(chr(10).join(lines))}</pre>'
    )


def svg(curve: tuple[float, ...], low: float, high: float, alt: str) -> str:
    """A curve as a small picture in the colour of the text; all curves of a question share `low` and `high`."""
    width, height = PANEL
    step = (width - 8) / (len(curve) - 1)
    points = [
        f"{4 + place * step:.1f},{height - 4 - (value - low) / ((high - low) or 1) * (height - 8):.1f}"
        for place, value in enumerate(curve)
    ]
    return (
        f'<svg role="img" aria-label="{escape(alt)}" width="{width}" height="{height}" style="color:{card.TEXT}">'
        f'<path d="M2 0V{height - 2}H{width}" fill="none" stroke="currentColor" stroke-opacity="0.4"/>'
        f'<polyline points="{" ".join(points)}" fill="none" stroke="currentColor" stroke-width="2"/></svg>'
    )


def paragraph(text: str) -> str:
    """Text as HTML, a paragraph for each empty line, in which `...` is code."""
    return "".join(card.paragraph(part) for part in text.split("\n\n"))


def _colour(right: bool) -> str:
    return card.RIGHT if right else card.WRONG
