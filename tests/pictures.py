"""What stands on a chart, read back from it."""

from typing import Any


def signs(axes: Any) -> list[tuple[float, float, str]]:
    """The signs on axes, from left to right and then by y: x, y, text."""
    return sorted((*point, line.get_gid()) for line in axes.lines if line.get_gid() for point in line.get_xydata())
