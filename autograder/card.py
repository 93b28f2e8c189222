"""Showing a verdict: as HTML in JupyterLab's own colours, and as plain text in a terminal.

Right and wrong are said by word and sign as well as by colour, since an untrusted notebook strips the colours.
"""

from __future__ import annotations

import re
import textwrap
from html import escape

from autograder.verdict import Evidence, Judged, Verdict

WIDTH = 100
TEXT = "var(--jp-content-font-color1, #212121)"
SOFT = "var(--jp-content-font-color2, #616161)"
BORDER = "var(--jp-border-color2, #bdbdbd)"
GROUND = "var(--jp-layout-color1, #ffffff)"
RAISED = "var(--jp-layout-color2, #f5f5f5)"
RIGHT = "var(--jp-success-color0, #1b5e20)"
WRONG = "var(--jp-error-color1, #c62828)"
STRESSED = re.compile(r"(?<![\w*])\*(?! )([^*\n]+)(?<! )\*(?![\w*])")
"""no product: those have spaces on both sides of the sign, or none"""
CODE = "font-family:var(--jp-code-font-family, monospace);font-size:0.92em"


def amount(value: float) -> str:
    """Points as people write them: 1, 0.67."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def headline(verdict: Judged) -> str:
    """The result in one line, without its sign."""
    unit = "point" if verdict.points == 1 else "points"
    if verdict.passed:
        return f"{verdict.name} passed: {amount(verdict.score)} of {amount(verdict.points)} {unit}"
    held = sum(verdict.labels.values())
    return (
        f"{verdict.name} not yet right: {held} of {len(verdict.labels)} lines hold, "
        f"{amount(verdict.score)} of {amount(verdict.points)} {unit}"
    )


def rows(evidence: Evidence) -> list[tuple[str, str, bool]]:
    """The evidence as (heading, text, is code)."""
    pairs = [
        ("Input", evidence.given, True),
        ("Expected", evidence.expected, True),
        ("Got", evidence.got, True),
        ("What is off", evidence.remark, False),
        ("Your code", evidence.line, True),
        ("It printed", evidence.printed, True),
    ]
    return [row for row in pairs if row[1]]


def as_text(verdict: Judged) -> str:
    """The card for a terminal."""
    lines = [f"{'✓' if verdict.passed else '✗'} {headline(verdict)}"]
    shown = verdict.evidence
    for label, held in verdict.labels.items():
        lines += _wrapped(f"  {'✓ holds' if held else '✗ fails'}  ", _with_measured(label, verdict))
        if shown is not None and label == shown.label:
            for heading, text, _ in rows(shown):
                lines += _wrapped(f"           {heading:<12}", text)
    if verdict.passed:
        lines += _wrapped("  ", verdict.message) if verdict.message else []
    elif verdict.evidence is None:
        lines += _wrapped("  ", verdict.message)
    for _, diagnosis in verdict.diagnoses:
        lines += _wrapped("  Diagnosis: ", " ".join(diagnosis.split()))
    if not verdict.passed:
        lines.append(f"  Stuck? hint({verdict.name})")
    return "\n".join(lines)


def _with_measured(label: str, verdict: Judged) -> str:
    return f"{label} ({verdict.measured[label]})" if label in verdict.measured else label


def _wrapped(start: str, text: str) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=start, subsequent_indent=" " * len(start), break_long_words=False
    ) or [start]


def frame(colour: str, title: str, body: str) -> str:
    """A card: a title, a body, a coloured edge; announced to a screen reader when it appears."""
    return (
        f'<div role="status" aria-live="polite" style="border:1px solid {BORDER};border-left:5px solid {colour};'
        f"border-radius:4px;padding:8px 14px;margin:4px 0;max-width:60em;color:{TEXT};background:{GROUND};"
        f'font-family:var(--jp-content-font-family, sans-serif);font-size:14px;line-height:1.5">'
        f'<div style="font-weight:600;color:{TEXT}">{title}</div>{body}</div>'
    )


def as_html(verdict: Verdict) -> str:
    """The card for a notebook."""
    colour = RIGHT if verdict.passed else WRONG
    parts = [_labels(verdict)]
    if verdict.passed or verdict.evidence is None:
        parts.append(paragraph(verdict.message))
    parts += [
        f'<div style="margin-top:8px;padding:6px 10px;border-radius:4px;background:{RAISED};color:{TEXT}">'
        f"<b>Diagnosis</b>&ensp;{_inline(' '.join(text.split()))}</div>"
        for _, text in verdict.diagnoses
    ]
    if not verdict.passed:
        parts.append(
            f'<div style="margin-top:6px;color:{SOFT}">Stuck? '
            f'<code style="{CODE};color:{TEXT}">hint({verdict.name})</code></div>'
        )
    return frame(colour, f"{_sign(verdict.passed)} {escape(headline(verdict))}", "".join(parts))


def _sign(right: bool) -> str:
    # only the sign is coloured: green words would lack contrast in one theme or the other
    return f'<span style="color:{RIGHT if right else WRONG}">{"✓" if right else "✗"}</span>'


def _labels(verdict: Verdict) -> str:
    items = []
    for label, held in verdict.labels.items():
        word = "holds" if held else "fails"
        inner = (
            f'<span style="font-weight:600;display:inline-block;min-width:5.2em">{_sign(held)} {word}</span>'
            f"{_inline(_with_measured(label, verdict))}"
        )
        if verdict.evidence is not None and label == verdict.evidence.label:
            inner += _evidence(verdict.evidence)
        items.append(f'<li style="list-style:none;margin:2px 0">{inner}</li>')
    return f'<ul style="margin:6px 0;padding:0">{"".join(items)}</ul>'


def _evidence(evidence: Evidence) -> str:
    cells = "".join(
        f'<tr style="background:transparent"><th scope="row" style="text-align:left;vertical-align:top;'
        f'font-weight:600;color:{SOFT};padding:1px 12px 1px 0;white-space:nowrap">{heading}</th>'
        f'<td style="text-align:left;color:{TEXT};padding:1px 0;white-space:normal;word-break:break-word">'
        + (
            f'<code style="{CODE};color:{TEXT};background:transparent;padding:0">{escape(text)}</code>'
            if code
            else _inline(text)
        )
        + "</td></tr>"
        for heading, text, code in rows(evidence)
    )
    return f'<table style="margin:2px 0 4px 5.2em;border:none;border-collapse:collapse;font-size:13px">{cells}</table>'


def paragraph(text: str) -> str:
    """Text in which `...` is code, as a part of a card; nothing for none."""
    return f'<div style="margin-top:6px;color:{TEXT}">{_inline(text)}</div>' if text else ""


def _inline(text: str) -> str:
    """Escaped text, in which `...` is code."""
    return marked_up(text, f'<code style="{CODE};color:{TEXT}">')


def marked_up(text: str, code: str = "<code>") -> str:
    """Escaped text as HTML, in which `...` is code, that begins with this tag, and *...* is stressed."""
    pieces = escape(text).split("`")
    if len(pieces) % 2 == 0:
        return "`".join(pieces)
    return "".join(
        f"{code}{piece}</code>" if index % 2 else STRESSED.sub(r"<em>\1</em>", piece)
        for index, piece in enumerate(pieces)
    )
