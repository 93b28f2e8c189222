"""Saying where a learner stands: `progress()` in a notebook, `autograder status` in a terminal."""

from __future__ import annotations

import os
import textwrap
from html import escape

from autograder import card
from autograder.desk.overview import LessonPlaces, Overview, Place, State, overview
from autograder.errors import CourseError
from autograder.place import workspace
from autograder.shown import Shown, show

TITLE = "Your progress, as your last checks said"


def show_progress() -> None:
    """Show which exercises have passed, how many minutes are left, and what is next."""
    if os.environ.get("NBGRADER_EXECUTION") == "autograde":
        return
    try:
        found = overview(workspace())
    except CourseError as fault:
        show(Shown(f"✗ {fault}", card.frame(card.WRONG, f"✗ {escape(str(fault))}", "")))
        return
    show(Shown(as_text(found), as_html(found)))


def as_text(found: Overview) -> str:
    """The overview for a terminal."""
    lines = [TITLE, ""]
    for lesson in found.lessons:
        lines.append(f"{lesson.lesson.name:<20} {_standing(lesson)}")
        # a name is not broken from its sign
        names = "  ".join(f"{place.state.sign} {_named(place)}".replace(" ", "\u00a0") for place in lesson.places)
        lines += textwrap.wrap(names, card.WIDTH, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)
    legend = "   ".join(f"{state.sign} {state.words}" for state in State)
    lines += ["", legend, *_closing(found)]
    return "\n".join(lines).replace("\u00a0", " ")


def as_html(found: Overview) -> str:
    """The overview for a notebook."""
    rows = "".join(_row(lesson) for lesson in found.lessons)
    style = f"text-align:left;font-weight:600;color:{card.SOFT};padding:2px 12px 2px 0"
    columns = ("Lesson", "Exercises", "Passed", "Left")
    heads = "".join(f'<th scope="col" style="{style}">{column}</th>' for column in columns)
    table = (
        f'<table style="margin:6px 0;border:none;border-collapse:collapse;font-size:13px;color:{card.TEXT}">'
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
    )
    legend = " &ensp; ".join(f"{state.sign} {escape(state.words)}" for state in State)
    closing = "".join(card.paragraph(line) for line in _closing(found))
    return card.frame(card.BORDER, TITLE, f'{table}<div style="color:{card.SOFT}">{legend}</div>{closing}')


def _row(lesson: LessonPlaces) -> str:
    style = f"text-align:left;vertical-align:top;padding:2px 12px 2px 0;color:{card.TEXT}"
    shown = "display:inline-block;white-space:nowrap;margin-right:14px"
    names = " ".join(
        f'<span style="{shown}" title="{escape(place.state.words)}">{place.state.sign} {escape(_named(place))}</span>'
        for place in lesson.places
    )
    left = _minutes(lesson.minutes_left)
    return (
        f'<tr style="background:transparent">'
        f'<th scope="row" style="{style};font-weight:600">{escape(lesson.lesson.name)}</th>'
        f'<td style="{style};white-space:normal">{names}</td>'
        f'<td style="{style};white-space:nowrap">{lesson.passed} of {len(lesson.places)}</td>'
        f'<td style="{style};white-space:nowrap">{left}</td></tr>'
    )


def _named(place: Place) -> str:
    """Its name; and how many lines held, where not all did."""
    kept = place.kept
    if kept is None or place.state is not State.TRYING:
        return place.exercise.name
    return f"{place.exercise.name} ({kept.held} of {kept.lines} lines)"


def _standing(lesson: LessonPlaces) -> str:
    left = f", {_minutes(lesson.minutes_left)} left" if lesson.minutes_left else ""
    return f"{lesson.passed} of {len(lesson.places)} passed{left}"


def _closing(found: Overview) -> list[str]:
    """The sum, what is next, and what to know of the files."""
    passed, count = sum(lesson.passed for lesson in found.lessons), sum(len(lesson.places) for lesson in found.lessons)
    minutes = sum(lesson.minutes_left for lesson in found.lessons)
    lines = [f"{passed} of {count} exercises passed. Those that are left take about {_minutes(minutes)}."]
    if found.next is None:
        lines = [f"All {count} exercises passed."]
    else:
        lesson, place = found.next
        match place.state:
            case State.CHANGED:
                what = "check it again"
            case State.WRITTEN:
                what = "check it"
            case _:
                what = f"about {_minutes(place.exercise.minutes)}"
        lines.append(f"Next: {place.exercise.name} in {lesson.lesson.name}, {what}.")
        if place.diagnosis:
            lines.append(f"Its last check said: {place.diagnosis}")
    return [*lines, *found.notes]


def _minutes(minutes: int) -> str:
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60:02d} min"
