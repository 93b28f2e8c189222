"""The drill in a terminal: one question at a time, answered by a letter, a number or a line, without need of colour."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from datetime import datetime, timedelta

from rich.console import Console
from rich.text import Text

from autograder.interview.asking import LETTERS, Asked, Marked, Unreadable
from autograder.interview.breaking import Broken
from autograder.interview.memory import Memory
from autograder.interview.questions import Choice, Question
from autograder.interview.session import Session

LEAVE = "q"
BARS = "▁▂▃▄▅▆▇█"
WIDTH = 100


def run(session: Session, console: Console, read: Callable[[str], str], now: Callable[[], datetime]) -> None:
    """Ask until the session is over or its learner leaves: with q, Ctrl+D or Ctrl+C. Each answer is kept at once.

    `read` shows a prompt and returns a line; EOFError and KeyboardInterrupt leave.
    """
    say(console, session.memory.notice)
    try:
        while (asked := session.next(now())) is not None:
            show_question(console, asked, session.done + 1, session.count)
            marked = _answered(session, asked, console, read, now)
            if marked is None:
                break
            show_marked(console, asked.question, marked)
    except (EOFError, KeyboardInterrupt):
        console.print()
    for line in summary(session, now()):
        say(console, line)


def _answered(
    session: Session, asked: Asked, console: Console, read: Callable[[str], str], now: Callable[[], datetime]
) -> Marked | None:
    """What is said to the answer; None if the learner leaves. What is no answer is asked for again."""
    while True:
        given = read(f"Your answer ({asked.wanted}; {LEAVE} to leave): ")
        if given.strip().lower() == LEAVE:
            return None
        try:
            return session.answer(given, now())
        except Unreadable as fault:
            say(console, str(fault))


def show_question(console: Console, asked: Asked, place: int, count: int) -> None:
    """The question, its code and its options."""
    question = asked.question
    console.print()
    console.print(Text(f"Question {place} of {count} · lesson {question.lesson} · {question.title}", "bold"))
    say(console, question.ask)
    if question.code:
        show_code(console, question.code)
    if isinstance(question, Choice) and question.x:
        say(console, f"Each picture shows {question.y} (upwards) by {question.x} (to the right), on the same axes.")
    pictures = sparklines([option.curve for option in asked.options])
    for letter, option, picture in zip(LETTERS, asked.options, pictures, strict=False):
        start = f"  ({letter}) "
        say(console, f"{picture}  {option.text}" if picture else option.text, start)


def show_code(console: Console, code: str) -> None:
    """Code with the numbers of its lines."""
    for number, line in enumerate(code.splitlines(), 1):
        console.print(Text(f"    {number:>2}  {line}".rstrip()), no_wrap=True, crop=False)


def show_marked(console: Console, question: Question, marked: Marked) -> None:
    """Right or wrong, by sign and word, and why."""
    sign, colour = ("✓ Right.", "green") if marked.right else ("✗ Not right.", "red")
    text = Text(wrapped(console, f"{sign} {marked.reason}"))
    text.stylize(colour, 0, len(sign))
    console.print(text)
    if not marked.right:
        say(console, f"The answer: {marked.answer}")
        say(console, question.because)
    console.print(Text(f"See lesson {question.lesson}, cell {question.cell}.", "dim"))


def run_repair(
    broken: Broken, memory: Memory, console: Console, read: Callable[[str], str], now: Callable[[], datetime]
) -> None:
    """Show the learner's own function with its bug, and let them point at the line: twice, the check's words between.

    Only the first answer is remembered.
    """
    say(console, memory.notice)
    say(console, f"Your own {broken.own.name} (lesson {broken.own.lesson}) passes its check. One line is changed here:")
    show_code(console, broken.source)
    try:
        for attempt in range(2):
            marked = _pointed(broken, console, read)
            if marked is None:
                break
            if attempt == 0:
                memory.record(broken.id, marked.right, now())
            say(console, f"{'✓ Right.' if marked.right else '✗ Not this one.'} {marked.reason}")
            if marked.right:
                return
            say(console, f"What its check says: {broken.told}" if attempt == 0 else f"It is {marked.answer}")
    except (EOFError, KeyboardInterrupt):
        console.print()


def _pointed(broken: Broken, console: Console, read: Callable[[str], str]) -> Marked | None:
    while True:
        given = read(f"Which line? (its number; {LEAVE} to leave): ")
        if given.strip().lower() == LEAVE:
            return None
        try:
            return broken.mark(given)
        except Unreadable as fault:
            say(console, str(fault))


def summary(session: Session, now: datetime) -> list[str]:
    """How the session went, and when there is more to ask."""
    lines = []
    if session.done:
        lines.append(f"{len(session.right)} of {session.done} right.")
        if session.wrong:
            lines.append("To look at again: " + "; ".join(f"{q.title} ({q.lesson})" for q in session.wrong) + ".")
    due = session.due_next()
    if due is not None and due > now:
        lines.append(f"Nothing more is due now. The next question is due {when(due, now)}.")
    elif not session.done:
        lines.append("No answer was given.")
    return lines


def when(due: datetime, now: datetime) -> str:
    """How long it is until then, in the largest unit that fits."""
    left = due - now
    for unit, length in (("day", timedelta(days=1)), ("hour", timedelta(hours=1)), ("minute", timedelta(minutes=1))):
        amount = round(left / length)
        if left >= length:
            return f"in {amount} {unit}{'' if amount == 1 else 's'}"
    return "within a minute"


def sparklines(curves: list[tuple[float, ...]]) -> list[str]:
    """Each curve as a row of blocks, all of them on the same axis; empty where there is none."""
    values = [value for curve in curves for value in curve]
    low, high = min(values, default=0.0), max(values, default=0.0)
    step = (high - low) / (len(BARS) - 1) or 1.0
    return ["".join(BARS[round((value - low) / step)] for value in curve) for curve in curves]


def say(console: Console, text: str, start: str = "") -> None:
    """A paragraph behind `start`, wrapped at 100 columns or less; nothing for an empty one."""
    if text:
        console.print(Text(wrapped(console, text, start)))


def wrapped(console: Console, text: str, start: str = "") -> str:
    """The text in lines that fit, those after the first indented as far as `start`."""
    width, indent = min(console.width, WIDTH), " " * len(start)
    paragraphs = [
        textwrap.fill(part, width, initial_indent=start if place == 0 else indent, subsequent_indent=indent)
        for place, part in enumerate(text.split("\n\n"))
    ]
    return "\n\n".join(paragraphs)
