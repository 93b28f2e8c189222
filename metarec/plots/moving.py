"""A figure to move: sliders over a chart that is drawn anew for their values, and a still where nobody can move it.

The picture is an output of its own and not a widget. So it has its text alternative, and it stays in a saved
notebook and in what is exported from it, where the sliders are gone.
"""

import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from math import isclose
from numbers import Real
from typing import Any

from metarec.style import Chart, mimebundle

Values = dict[str, Any]


def move(draw: Callable[..., Chart], **controls: Iterable[Any]) -> "Moving":
    """A figure that follows its sliders: `draw` is called with the value of each control, by name, at every move.

    `draw` is a pure function and quick, 0.1 s or so: what takes longer is computed in the cell before. Each control
    is the list of its values, a slider for numbers and a menu for names; its name, `_` as a space, is its label. The
    figure starts at the defaults of `draw`, and at the first value where there is none. ValueError for a control
    without values, or a default that is none of them.

        def curve(epsilon=0.1): ...
        plots.move(curve, epsilon=[0, 0.01, 0.1, 0.5])
    """
    return Moving(draw, {name: list(values) for name, values in controls.items()})


class Moving:
    """What `move` returns, to be shown at the end of a cell: it starts at the values `start`, as the chart `still`."""

    def __init__(self, draw: Callable[..., Chart], controls: Mapping[str, list[Any]]) -> None:
        self._draw, self._controls = draw, controls
        self.start = {name: values[_start(draw, name, values)] for name, values in controls.items()}
        self.still = draw(**self.start)
        self._drawn = {tuple(self.start.values()): mimebundle(self.still, self.still.alt)}
        self._places = {_form(self.still): [axes.get_position() for axes in self.still.axes]}

    def _ipython_display_(self) -> None:
        from IPython.display import display

        data, metadata = self.picture(self.start)
        if not _can_be_moved():
            display(data, metadata=metadata, raw=True)
            return
        import ipywidgets

        sliders = {name: _slider(ipywidgets, name, values, self.start[name]) for name, values in self._controls.items()}
        display(ipywidgets.VBox(list(sliders.values())))
        picture = display(data, metadata=metadata, raw=True, display_id=True)

        def redraw(_: object) -> None:
            values = {name: slider.value for name, slider in sliders.items()}
            try:
                data, metadata = self.picture(values)
            except Exception as fault:
                # no cell runs now that could show it
                data, metadata = {"text/plain": f"No figure for {values}: {type(fault).__name__}: {fault}"}, {}
            picture.update(data, metadata=metadata, raw=True)

        for slider in sliders.values():
            slider.observe(redraw, "value")

    def picture(self, values: Values) -> tuple[dict[str, str], dict[str, Any]]:
        """The chart for these values as IPython's data and metadata; drawn once and kept."""
        key = tuple(values.values())
        if key not in self._drawn:
            chart = self._draw(**values)
            # where the axes stand is found once: it takes half of the time, and nothing jumps
            places = self._places.get(_form(chart))
            if places is not None:
                chart.set_layout_engine("none")
                for axes, place in zip(chart.axes, places, strict=True):
                    axes.set_position(place)
            self._drawn[key] = mimebundle(chart, chart.alt, quick=True)
            self._places.setdefault(_form(chart), [axes.get_position() for axes in chart.axes])
        return self._drawn[key]


def _form(chart: Chart) -> tuple[Any, ...]:
    """What charts share whose axes stand alike."""
    return (*chart.get_size_inches(), len(chart.axes))


def _start(draw: Callable[..., Chart], name: str, values: list[Any]) -> int:
    """The place among its values where a control starts."""
    if not values:
        raise ValueError(f"the control {name} has no values: give the list of those that it can take")
    parameter = inspect.signature(draw).parameters.get(name)
    if parameter is None or parameter.default is parameter.empty:
        return 0
    for place, value in enumerate(values):
        if value == parameter.default or (_number(value) and isclose(value, parameter.default, abs_tol=1e-12)):
            return place
    raise ValueError(f"{name} starts at {parameter.default!r}, as draw says, and that is none of its values {values}")


def _number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _slider(ipywidgets: Any, name: str, values: list[Any], start: Any) -> Any:
    numbers = all(_number(value) for value in values)
    kind = ipywidgets.SelectionSlider if numbers else ipywidgets.Dropdown
    return kind(
        options=[(f"{value:g}" if numbers else str(value), value) for value in values],
        value=start,
        description=name.replace("_", " "),
        style={"description_width": "initial"},
    )


def _can_be_moved() -> bool:
    """Whether a frontend shows this cell to somebody: one that asks nothing, as nbconvert, has no one to answer."""
    shell = sys.modules["IPython"].get_ipython()
    kernel = getattr(shell, "kernel", None)
    return kernel is not None and bool(kernel.get_parent().get("content", {}).get("allow_stdin"))
