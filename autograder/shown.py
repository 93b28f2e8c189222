"""Showing something to a learner: HTML in a notebook, text in a terminal."""

from __future__ import annotations

import sys
from typing import Any


class Shown:
    """A message with two faces, HTML and text."""

    def __init__(self, text: str, html: str) -> None:
        self.text, self.html = text, html

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/plain": self.text, "text/html": self.html}

    def __str__(self) -> str:
        return self.text


def show(shown: Any) -> None:
    """Display in a notebook, print in a terminal."""
    if kernel() is not None:
        from IPython.display import display

        display(shown)
    else:
        sys.stdout.write(f"{shown}\n")


def kernel() -> Any:
    """The IPython shell of a notebook kernel, if this is one."""
    get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", None)
    shell = get_ipython() if get_ipython else None
    return shell if shell is not None and getattr(shell, "kernel", None) is not None else None
