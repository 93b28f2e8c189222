"""A bar for exercises that train: how many episodes or steps, how many seconds."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from autograder.exercise import Exercise

REDRAW_SECONDS = 0.5


@contextlib.contextmanager
def training_bar(exercise: Exercise) -> Iterator[Callable[[str], None]]:
    """Show the progress of a training exercise; the value is to be called once an episode, or a step, with that unit.

    A notebook's bar is an output that is replaced; a terminal's is one line that is rewritten. Neither uses stderr.
    """
    bar = _Bar(exercise.name)
    try:
        yield bar.count
    finally:
        bar.close()


class _Bar:
    def __init__(self, name: str) -> None:
        self.name, self.done, self.unit = name, 0, ""
        self.began = self.drawn = time.perf_counter()
        # what the learner's code prints is captured, so the terminal must be remembered before
        self.terminal = sys.stdout
        self.handle: Any = None
        get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", None)
        self.in_notebook = bool(get_ipython and getattr(get_ipython(), "kernel", None))
        self.in_terminal = not self.in_notebook and self.terminal.isatty()

    def count(self, unit: str) -> None:
        self.done, self.unit = self.done + 1, unit
        now = time.perf_counter()
        if now - self.drawn >= REDRAW_SECONDS:
            self.drawn = now
            self.draw(f"{self.name} is training: {self.done:,} {self.unit} in {now - self.began:.0f} s")

    def draw(self, text: str) -> None:
        if self.in_notebook:
            from IPython.display import HTML, display

            html = HTML(
                f'<label style="color:var(--jp-content-font-color1, #212121)">{text} <progress></progress></label>'
            )
            if self.handle is None:
                self.handle = display(html, display_id=True)
            else:
                self.handle.update(html)
        elif self.in_terminal:
            self.terminal.write(f"\r{text}")
            self.terminal.flush()

    def close(self) -> None:
        if self.in_notebook and self.handle is not None:
            from IPython.display import HTML

            taken = time.perf_counter() - self.began
            text = f"{self.name} trained for {self.done:,} {self.unit} in {taken:.0f} s"
            self.handle.update(HTML(f'<span style="color:var(--jp-content-font-color2, #616161)">{text}</span>'))
        elif self.in_terminal and self.drawn > self.began:
            self.terminal.write("\n")
