"""What a learner calls: check, hint and reveal, in a notebook or in a terminal."""

from __future__ import annotations

import difflib
import inspect
import os
import sys
from collections import Counter
from html import escape
from typing import Any

from autograder import beside, card, highlight, registry
from autograder.bar import training_bar
from autograder.desk import record
from autograder.errors import CourseError
from autograder.exercise import Exercise
from autograder.glance.joining import tell
from autograder.judging import judge_here
from autograder.shown import Shown, kernel, show
from autograder.verdict import Verdict

_hints_given: Counter[str] = Counter()


class CheckFailed(CourseError):
    """Something that a check asks for does not hold yet. In a notebook it shows as one line."""

    def _render_traceback_(self) -> list[str]:
        return [f"CheckFailed: {self}"]


def judge(implementation: Any, seed: int | None = None, name: str | None = None) -> Verdict:
    """Judge an implementation without showing anything.

    `name` is the exercise's, where the implementation bears another; KeyError if there is none such. Equal seeds make
    equal inputs; without one they are those of `check`.
    """
    return judge_here(_find(implementation, name), implementation, seed)


def check(implementation: Any) -> float | None:
    """Judge what you wrote, show what holds and what does not, and stop the notebook there if anything fails.

    The exercise is found by the implementation's name. While nbgrader grades, the points are returned instead.
    """
    grading = os.environ.get("NBGRADER_EXECUTION") == "autograde"
    try:
        exercise = _find(implementation, None)
    except KeyError:
        message = _no_exercise(implementation)
        show(Shown(f"✗ {message}", card.frame(card.WRONG, f"✗ {escape(message)}", "")))
        if grading:
            return 0.0
        raise CheckFailed(message) from None
    if exercise.trains:
        with training_bar(exercise) as on_progress:
            verdict = judge_here(exercise, implementation, on_progress=on_progress)
    else:
        verdict = judge_here(exercise, implementation)
    show(verdict)
    if grading:
        return verdict.score
    record.keep(verdict, implementation)
    tell(verdict)
    if not verdict.passed:
        raise CheckFailed(card.headline(verdict))
    return None


def hint(implementation_or_name: Any) -> None:
    """Show the next hint for an exercise: the first is a nudge, the last nearly the line."""
    exercise = _asked_for(implementation_or_name, "hint")
    given = min(_hints_given[exercise.name], len(exercise.hints) - 1)
    _hints_given[exercise.name] += 1
    last = given == len(exercise.hints) - 1
    title = f"Hint {given + 1} of {len(exercise.hints)} for {exercise.name}"
    more = f"That was the last one. To see the reference: reveal({exercise.name})" if last else ""
    body = card.paragraph(exercise.hints[given]) + card.paragraph(more)
    text = "\n  ".join(part for part in (title, exercise.hints[given], more) if part)
    show(Shown(text, card.frame(card.BORDER, escape(title), body)))


def reveal(implementation_or_name: Any) -> None:
    """Show the reference for an exercise."""
    exercise = _asked_for(implementation_or_name, "reveal")
    source = inspect.getsource(exercise.reference)
    title = f"Reference for {exercise.name}"
    html = card.frame(card.BORDER, escape(title), highlight.as_html(source))
    show(Shown(f"{title}\n\n{source}", html))


def _find(implementation: Any, name: str | None) -> Exercise:
    if name is not None:
        return registry.find(name)
    own = getattr(implementation, "__name__", None)
    names = [own] if isinstance(own, str) else []
    names += [bound for bound, value in _namespace().items() if value is implementation and not bound.startswith("_")]
    if not callable(implementation):
        raise KeyError(beside.in_words(implementation))
    for candidate in names:
        try:
            return registry.find(candidate)
        except KeyError:
            continue
    raise KeyError(own or beside.in_words(implementation))


def _namespace() -> dict[str, Any]:
    """The names of the notebook, or of the program."""
    shell = kernel()
    return dict(shell.user_ns if shell is not None else vars(sys.modules["__main__"]))


def _no_exercise(implementation: Any) -> str:
    if not callable(implementation):
        return f"check wants the function or class that you wrote, without calling it; it got {_what(implementation)}."
    own = getattr(implementation, "__name__", "it")
    names = [exercise.name for exercise in registry.walk()]
    near = difflib.get_close_matches(own, names, 1)
    meant = f" Did you mean {near[0]}?" if near else " The name must be the exercise's."
    if own == "<lambda>":
        return f"A lambda has no name to find its exercise by: bind it to the exercise's name first.{meant}"
    return f"There is no exercise named {own}.{meant}"


def _what(value: Any) -> str:
    if isinstance(value, bool | int | float):
        return f"the number {value}"
    return beside.in_words(value)


def _asked_for(implementation_or_name: Any, asker: str) -> Exercise:
    """The exercise that somebody asks about, by function or by name."""
    try:
        if isinstance(implementation_or_name, str):
            return registry.find(implementation_or_name)
        return _find(implementation_or_name, None)
    except KeyError:
        names = [exercise.name for exercise in registry.walk()]
        asked = str(getattr(implementation_or_name, "__name__", implementation_or_name))
        near = difflib.get_close_matches(asked, names, 1)
        meant = f" Did you mean {asker}({near[0]!r})?" if near else f" Try {asker}({names[0]!r})."
        raise CheckFailed(f"There is no exercise named {asked[:60]}.{meant}") from None
