"""The two pages of a classroom. Each loads nothing, and its policy lets the browser run its own script alone.

No name or diagnosis is ever written into them as HTML: the script puts what comes by events into the page as text.
"""

from __future__ import annotations

import functools
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from autograder.report.html import HERE as REPORT
from autograder.report.html import content_hash

HERE = Path(__file__).parent


def screen_html(line: str, address: str) -> str:
    """The page for the room's second screen, with the line that learners run."""
    return _render("screen", line=line, address=address)


def join_html(line: str) -> str:
    """The page behind the link that learners follow."""
    return _render("join", line=line)


def _render(name: str, **values: str) -> str:
    style, script = _style(), _script(name)
    return _environment().get_template(f"{name}.html").render(style=Markup(style), script=Markup(script), **values)


def policy(name: str) -> str:
    """The Content-Security-Policy of a page."""
    script = content_hash(_script(name)) if _script(name) else "'none'"
    return (
        f"default-src 'none'; style-src {content_hash(_style())}; script-src {script}; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


@functools.cache
def _style() -> str:
    # the colours, tables and focus of the class report, in both themes
    return (REPORT / "page.css").read_text(encoding="utf-8") + (HERE / "classroom.css").read_text(encoding="utf-8")


@functools.cache
def _script(name: str) -> str:
    file = HERE / f"{name}.js"
    return file.read_text(encoding="utf-8") if file.exists() else ""


@functools.cache
def _environment() -> Environment:
    return Environment(loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
