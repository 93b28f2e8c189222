"""One look for every figure of the course, and how a notebook shows one with its text alternative.

Colours are Okabe and Ito's, told apart with any colour vision ("Color Universal Design", 2008). Text and
axes are the grey with equal contrast, 4.3, to white and to #111; the background is transparent.
"""

import base64
import html
import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

GREY = "#797979"
BLUE = "#0072B2"
GREEN = "#009E73"
VERMILLION = "#D55E00"
ORANGE = "#E69F00"
SKY = "#56B4E9"
PURPLE = "#CC79A7"
INK = "#000000"
"""for text on TOPICS"""
TOPICS = (ORANGE, SKY, GREEN, PURPLE)
"""for areas that carry a letter in INK"""

_DPI = 100
_LOOK: dict[Any, Any] = {
    "axes.edgecolor": GREY,
    "axes.facecolor": "none",
    "axes.labelcolor": GREY,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": GREY,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.labelsize": 11,
    "figure.dpi": _DPI,
    "figure.facecolor": "none",
    "font.size": 11,
    "lines.linewidth": 2,
    "text.color": GREY,
    "xtick.color": GREY,
    "xtick.labelsize": 10,
    "ytick.color": GREY,
    "ytick.labelsize": 10,
}


class Chart(Figure):
    """A figure that carries its text alternative, `alt`, and shows itself with it at the end of a cell."""

    alt = ""

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, str], dict[str, Any]]:
        return mimebundle(self, self.alt)


@contextmanager
def style() -> Iterator[None]:
    """The look of the course for what is drawn within; Matplotlib's own settings return afterwards."""
    with mpl.rc_context(_LOOK):
        yield


def show(figure: Figure, alt: str | None = None) -> None:
    """Show a figure in a notebook, at twice the screen's pixels, with its text alternative.

    `alt` is the figure's own by default; ValueError where it has none. Outside IPython nothing is shown.
    """
    data, metadata = mimebundle(figure, getattr(figure, "alt", "") if alt is None else alt)
    ipython = sys.modules.get("IPython")
    if ipython is not None and ipython.get_ipython() is not None:
        ipython.display.display(data, metadata=metadata, raw=True)


def mimebundle(figure: Figure, alt: str, *, quick: bool = False) -> tuple[dict[str, str], dict[str, Any]]:
    """A figure as IPython's data and metadata: HTML, PNG and, as text, `alt`; ValueError where that is empty.

    The picture has twice the screen's pixels; a `quick` one, soon followed by the next, one and a half times as many,
    hardly compressed. Both are shown in the figure's own size. The HTML carries `alt` to the reader: neither JupyterLab
    nor nbconvert's "lab" template gives an image the one in its metadata, as nbconvert's "classic" template does. What
    shows no HTML takes the PNG.
    """
    if not alt.strip():
        raise ValueError("a figure needs a text alternative: say in `alt` what one sees in it")
    buffer = io.BytesIO()
    if quick:
        # as savefig, which draws everything twice
        figure.set_dpi(1.5 * _DPI)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        Image.fromarray(np.asarray(canvas.buffer_rgba())).save(buffer, "png", compress_level=1)
    else:
        figure.savefig(buffer, format="png", dpi=2 * _DPI, transparent=True)
    png = base64.b64encode(buffer.getvalue()).decode("ascii")
    width, height = (round(inches * _DPI) for inches in figure.get_size_inches())
    image = f'<img alt="{html.escape(alt)}" width="{width}" height="{height}" src="data:image/png;base64,{png}">'
    return (
        {"text/html": image, "image/png": png, "text/plain": alt},
        {"image/png": {"width": width, "height": height, "alt": alt}},
    )
