"""Python source in the colours of JupyterLab's editor, so that it reads well in either theme."""

from __future__ import annotations

from html import escape

from pygments.lexers import PythonLexer
from pygments.token import Comment, Keyword, Name, Number, Operator, String

from autograder.card import BORDER, CODE, RAISED, TEXT

COLOURS = (
    (Comment, "--jp-mirror-editor-comment-color", "#507050"),
    (Keyword, "--jp-mirror-editor-keyword-color", "#1b5e20"),
    (String, "--jp-mirror-editor-string-color", "#a31515"),
    (Number, "--jp-mirror-editor-number-color", "#0b5394"),
    (Operator, "--jp-mirror-editor-operator-color", "#7a3e9d"),
    (Name.Function, "--jp-mirror-editor-def-color", "#0b5394"),
    (Name.Builtin, "--jp-mirror-editor-builtin-color", "#1b5e20"),
)


def as_html(source: str) -> str:
    """The source as one block, every colour a JupyterLab variable with a literal fallback."""
    spans = []
    for token, text in PythonLexer().get_tokens(source):
        found = next(((name, fallback) for kind, name, fallback in COLOURS if token in kind), None)
        spans.append(
            f'<span style="color:var({found[0]}, {found[1]})">{escape(text)}</span>' if found else escape(text)
        )
    return (
        f'<pre style="{CODE};color:{TEXT};background:{RAISED};border:1px solid {BORDER};border-radius:4px;'
        f'padding:8px 12px;margin:6px 0;line-height:1.4;overflow:auto;white-space:pre">{"".join(spans)}</pre>'
    )
