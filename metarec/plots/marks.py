"""Squares and signs of a table or a strip, drawn as one artist: many times faster than one for each."""

from functools import cache
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.path import Path
from matplotlib.textpath import TextPath
from numpy.typing import ArrayLike

_CORNERS = np.array([(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)])


def squares(axes: Axes, x: ArrayLike, y: ArrayLike, side: ArrayLike, **look: Any) -> None:
    """Squares of `side` around the points (x, y), each a number or [n]; `look` is that of a PolyCollection."""
    place = np.stack(np.broadcast_arrays(np.atleast_1d(x), y, side), axis=-1).astype(float)
    corners = place[:, None, :2] + place[:, None, 2:] * _CORNERS
    axes.add_collection(PolyCollection(list(corners), **look), autolim=False)


def signs(axes: Axes, x: ArrayLike, y: ArrayLike, text: str, *, color: str, size: float) -> None:
    """The same short text at each of the points (x, y), a number or [n], in the middle; its size in points.

    The artist's `gid` is the text.
    """
    points = np.stack(np.broadcast_arrays(np.atleast_1d(x), y)).astype(float)
    shape = _shape(text, size)
    # a marker is scaled so that its farthest corner is half of its size away
    width = 2 * float(np.abs(shape.vertices).max())
    look: Any = {"linestyle": "none", "markeredgewidth": 0, "zorder": 3, "gid": text}
    axes.plot(*points, marker=shape, markersize=width, color=color, **look)


@cache
def _shape(text: str, size: float) -> Path:
    drawn = TextPath((0, 0), text, size=size)
    box = drawn.get_extents()
    return Path(drawn.vertices - [(box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2], drawn.codes)
