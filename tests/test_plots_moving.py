from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import ipywidgets
import nbformat
import pytest
from bs4 import BeautifulSoup
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from nbclient import NotebookClient
from nbconvert.exporters import HTMLExporter

from metarec.plots import move
from metarec.style import Chart, style

MOVED = """\
from metarec import plots
from metarec.style import Chart

def line(slope=2):
    figure = Chart(figsize=(3, 2), layout="constrained")
    figure.subplots().plot([0, 1], [0, slope])
    figure.alt = f"A line of slope {slope}."
    return figure

plots.move(line, slope=[1, 2, 3])
"""


def line(slope: float = 2, steps: int = 1, title: str = "") -> Chart:
    with style():
        figure = Chart(figsize=(3, 2), layout="constrained")
        axes = figure.subplots()
        axes.plot([0, 1], [0, 10.0**steps * slope])
        axes.set_title(title)
    figure.alt = f"A line of slope {slope} after {steps}."
    return figure


@pytest.fixture
def shell() -> Iterator[Any]:
    """The shell of a kernel whose frontend shows its cells to somebody."""
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(display_pub_class=CapturingDisplayPublisher)
    shell.kernel = SimpleNamespace(get_parent=lambda: {"content": {"allow_stdin": True}})  # type: ignore[attr-defined]
    yield shell
    InteractiveShell.clear_instance()


def show(moving: Any, shell: Any) -> tuple[list[Any], list[dict[str, Any]]]:
    """The controls of a figure that was shown, and the list of what is published from it."""
    moving._ipython_display_()
    box, _ = published = shell.display_pub.outputs
    view = box["data"]["application/vnd.jupyter.widget-view+json"]
    return list(ipywidgets.widgets.widget._instances[view["model_id"]].children), published


def alternative(output: dict[str, Any]) -> str:
    return str(BeautifulSoup(output["data"]["text/html"], "html.parser").img["alt"])


def test_it_starts_at_the_defaults_of_draw_and_else_at_the_first_value() -> None:
    def curve(steps: int, epsilon: float = 0.3) -> Chart:
        return line(epsilon, steps)

    moving = move(curve, steps=range(3, 6), epsilon=[0, 0.1 + 0.2, 1])
    assert moving.start == {"steps": 3, "epsilon": pytest.approx(0.3)}
    assert moving.still.alt == "A line of slope 0.30000000000000004 after 3."


@pytest.mark.parametrize(("values", "said"), [([], "no values"), ([1, 3], "starts at 2")])
def test_a_control_that_cannot_start_is_refused(values: list[int], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        move(line, slope=values)


def test_a_figure_without_a_text_alternative_is_refused() -> None:
    def silent(slope: int = 1) -> Chart:
        return Chart()

    with pytest.raises(ValueError, match="text alternative"):
        move(silent, slope=[1])


def test_numbers_have_a_slider_and_names_a_menu_each_labelled(shell: Any) -> None:
    (slider, menu), _ = show(move(line, slope=[0.5, 2, 10], title=["", "rises"]), shell)
    assert isinstance(slider, ipywidgets.SelectionSlider)
    assert isinstance(menu, ipywidgets.Dropdown)
    assert (slider.description, menu.description) == ("slope", "title")
    assert [label for label, _ in slider.options] == ["0.5", "2", "10"]


def test_a_move_draws_the_picture_anew_with_its_text_alternative(shell: Any) -> None:
    (slope, steps), published = show(move(line, slope=[1, 2, 3], steps=[1, 2]), shell)
    assert alternative(published[1]) == "A line of slope 2 after 1."
    slope.value, steps.value = 3, 2
    assert [alternative(output) for output in published[2:]] == [
        "A line of slope 3 after 1.",
        "A line of slope 3 after 2.",
    ]
    assert all(output["update"] and output["transient"] == published[1]["transient"] for output in published[2:])


def test_each_picture_is_drawn_once(shell: Any) -> None:
    drawn = []

    def counted(slope: int = 1) -> Chart:
        drawn.append(slope)
        return line(slope)

    (slope,), published = show(move(counted, slope=[1, 2]), shell)
    for value in (2, 1, 2):
        slope.value = value
    assert drawn == [1, 2]
    assert published[1]["data"] == published[3]["data"] != published[2]["data"] == published[4]["data"]


def test_the_axes_stay_where_they_are_however_wide_their_numbers() -> None:
    charts = []

    def kept(steps: int = 1) -> Chart:
        charts.append(line(steps=steps))
        return charts[-1]

    moving = move(kept, steps=[1, 9])
    moving.picture({"steps": 9})
    first, second = (chart.axes[0].get_position().bounds for chart in charts)
    assert first == second


def test_a_chart_of_another_size_is_laid_out_for_itself() -> None:
    charts = []

    def growing(inches: int = 3) -> Chart:
        charts.append(line())
        charts[-1].set_size_inches(inches, 2)
        return charts[-1]

    moving = move(growing, inches=[3, 6])
    moving.picture({"inches": 6})
    narrow, wide = (chart.axes[0].get_position().x0 for chart in charts)
    assert wide < 0.6 * narrow


def test_a_figure_that_cannot_be_drawn_says_so_in_its_place(shell: Any) -> None:
    def broken(slope: int = 1) -> Chart:
        return line(1 / (slope - 2))

    (slope,), published = show(move(broken, slope=[1, 2]), shell)
    slope.value = 2
    assert published[-1]["data"] == {"text/plain": "No figure for {'slope': 2}: ZeroDivisionError: division by zero"}


@pytest.mark.slow
def test_where_nobody_can_move_it_the_cell_shows_a_still_with_its_text_alternative() -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(MOVED)])
    NotebookClient(notebook).execute()
    (output,) = notebook.cells[0].outputs
    assert set(output.data) == {"text/html", "image/png", "text/plain"}
    assert "widgets" not in notebook.metadata
    page = BeautifulSoup(HTMLExporter().from_notebook_node(notebook)[0], "html.parser")
    assert [image["alt"] for image in page.select("img")] == ["A line of slope 2."]
