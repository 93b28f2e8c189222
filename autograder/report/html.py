"""Results as HTML: a page for a class, and one for a learner. Each is one file that loads nothing.

Every string is cleaned and escaped as a template writes it, so that no template can forget to. The page's policy
lets the browser run this module's style and script, known by their hashes, and nothing else.
"""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from autograder.card import amount, marked_up, rows
from autograder.report.cleaning import one_line, visible
from autograder.report.files import write_whole
from autograder.report.results import ExerciseResult, SubmissionResult
from autograder.report.summary import Mistake, summarise, titles_by_slug

HERE = Path(__file__).parent
LONGEST_NAME = 120
# The matrix of a large class is folded into parts of this many rows: a browser lays out only those that are open.
CHUNK = 100


def class_html(results: Sequence[SubmissionResult], made: str) -> str:
    """The report on a class as a page; `made` says when."""
    return render("class.html", _text("page.js"), summary=summarise(results), made=made, chunk=CHUNK)


def learner_html(result: SubmissionResult) -> str:
    """One submission as a page for its learner: every line of each exercise, without seeds and paths."""
    title = titles_by_slug().get(result.lesson, result.lesson)
    return render("learner.html", "", result=result, title=title)


def write_html(results: Sequence[SubmissionResult], path: Path) -> None:
    """Write the report on a class, whole or not at all; CourseError where it cannot be written."""
    write_whole(path, class_html(results, datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z")))


def render(template: str, script: str, **values: Any) -> str:
    """A page from one of the templates beside this module, in their style, with `script` as the only one it runs."""
    style = _text("page.css")
    sources = [f"style-src {content_hash(style)}", *([f"script-src {content_hash(script)}"] if script else [])]
    policy = "; ".join(["default-src 'none'", *sources, "base-uri 'none'", "form-action 'none'"])
    page = (
        _environment()
        .get_template(template)
        .render(style=Markup(style), script=Markup(script), policy=Markup(policy), **values)
    )
    return page.lstrip()


def content_hash(text: str) -> str:
    """What names an inline style or script in a page's policy."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@functools.cache
def _text(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_clean,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters = (amount, rows, prose, words, breakable, sign, kind, cell, of, bar, percent, number, count_of, recognised)
    environment.filters |= {filter_.__name__: filter_ for filter_ in filters} | {"line": line}
    return environment


def _clean(value: Any) -> Any:
    # markup is what was cleaned already
    return visible(value) if type(value) is str else value


def line(text: str) -> Markup:
    """A name, short and in one line; a dash where it is empty."""
    return escape(one_line(text, LONGEST_NAME) or "–")


def prose(text: str) -> Markup:
    """Text in which `...` is code and *...* is stressed."""
    return Markup(marked_up(visible(text)))


def breakable(name: str) -> Markup:
    """A name that may be broken after each underscore."""
    return line(name).replace("_", Markup("_<wbr>"))


def words(name: str) -> Markup:
    """A mistake's name as words."""
    return line(name.replace("_", " "))


def sign(exercise: ExerciseResult) -> str:
    """All points, a part or none, as a sign that stands before the number."""
    return "✓" if exercise.passed else "◐" if exercise.score > 0 else "✗"


def kind(exercise: ExerciseResult) -> str:
    """The style of what passes in full, in part or not."""
    return {"✓": "f", "◐": "p", "✗": "n"}[sign(exercise)]


def cell(exercise: ExerciseResult | None) -> Markup:
    """A cell of the matrix."""
    if exercise is None:
        return Markup("<td>–</td>")
    return Markup(f'<td class="{kind(exercise)}">{sign(exercise)} {amount(exercise.score)}</td>')


def bar(mistake: Mistake) -> Markup:
    """How many of all, drawn; the number stands beside it."""
    return Markup(
        '<svg class="bar" aria-hidden="true" viewBox="0 0 100 8" preserveAspectRatio="none">'
        f'<rect width="100" height="8"/><rect width="{100 * mistake.count / mistake.judged:.1f}" height="8"/></svg>'
    )


def percent(share: float) -> str:
    """0.713 as 71 %; only all is 100 %."""
    return f"{round(100 * share) if share >= 1 else min(99, round(100 * share))} %"


def of(score: float, points: float) -> str:
    """0.67 of 1 point."""
    return f"{amount(score)} of {amount(points)} {'point' if points == 1 else 'points'}"


def number(count: int) -> str:
    """3,000."""
    return f"{count:,}"


def count_of(count: int, noun: str) -> str:
    """1 learner, 3,000 learners."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def recognised(exercise: ExerciseResult) -> list[tuple[str, str]]:
    """The diagnoses that a report shows: their texts, else the name of the mistake alone."""
    if exercise.diagnoses or exercise.diagnosis is None:
        return [(name, " ".join(text.split())) for name, text in exercise.diagnoses]
    return [(exercise.diagnosis, exercise.diagnosis.replace("_", " "))]
