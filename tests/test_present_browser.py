"""A lesson presented in JupyterLab, in a real browser: by keyboard alone, in both themes, every slide on the screen."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest

from autograder.course import Lesson, lessons
from autograder.present.edition import FOLDER
from autograder.present.edition import presented as to_present
from autograder.present.sheet import write_sheet

api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from browser import (  # noqa: E402
    FLAGS,
    PATIENCE,
    PLACE,
    SCREEN,
    SEEN,
    Lab,
    begin,
    cell,
    chromium,
    faults,
    forward_to,
    presented,
)

pytestmark = [pytest.mark.browser, pytest.mark.slow]

expect = api.expect
# How far what one sees reaches below the screen, or to its right, and what it begins with.
OVERFLOW = """() => {
  const slide = document.querySelector('.jp-NotebookPanel .jp-WindowedPanel-outer');
  const seen = [...document.querySelectorAll('.jp-Notebook .jp-Cell:not(.ltr-away)')];
  const wide = seen.flatMap(cell => [...cell.querySelectorAll('.jp-MarkdownOutput, .jp-OutputArea-output')]);
  return [
    Math.round(Math.max(0, ...seen.map(cell => cell.getBoundingClientRect().bottom)) + slide.scrollTop - innerHeight),
    Math.max(0, ...wide.map(part => part.scrollWidth - part.clientWidth)),
    seen.map(cell => `${cell.innerText.trim().slice(0, 30)} (${Math.round(cell.getBoundingClientRect().height)})`)
  ];
}"""


@pytest.fixture(scope="module")
def executable() -> str:
    with api.sync_playwright() as playwright:
        found = chromium(playwright)
    if found is None:
        pytest.skip("there is no Chromium: neither on the PATH nor installed by `playwright install chromium`")
    return found


@pytest.fixture(scope="module", params=["JupyterLab Light", "JupyterLab Dark"])
def lab(request: pytest.FixtureRequest, executable: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with presented(tmp_path_factory.mktemp("present"), "05_actor_critic", request.param) as lab:
        yield lab


@pytest.fixture
def page(executable: str) -> Iterator[api.Page]:
    expect.set_options(timeout=PATIENCE)
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        page = browser.new_page(viewport=SCREEN)
        page.set_default_timeout(PATIENCE)
        yield page
        browser.close()


def test_a_lesson_is_presented_by_keyboard_alone(lab: Lab, page: api.Page) -> None:
    begin(lab, page, "05_actor_critic")
    first = page.locator(SEEN).first.inner_text()
    page.keyboard.press("ArrowRight")
    expect(page.locator(PLACE)).to_have_text(re.compile("^2 /"))
    page.keyboard.press("ArrowLeft")
    assert page.locator(SEEN).first.inner_text() == first

    # the imports run by themselves, solutions stay hidden, and code runs where it stands
    forward_to(page, "check(ppo_loss)")
    assert "torch.min" not in page.locator(".jp-Notebook").inner_text()
    solution, check = cell(page, "import ppo_loss"), cell(page, "check(ppo_loss)")
    while page.locator(".jp-Cell.jp-mod-active", has_text="import ppo_loss").count() == 0:
        page.keyboard.press("ArrowUp")
    page.keyboard.press("Shift+Enter")
    expect(solution.locator(".jp-InputPrompt")).to_have_text(re.compile(r"\[\d+\]"))
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Shift+Enter")
    expect(check.get_by_role("status")).to_contain_text("ppo_loss passed")

    page.keyboard.press("Space")
    expect(cell(page, "reveal(ppo_loss)")).to_be_visible()
    page.keyboard.press("Shift+Enter")
    expect(cell(page, "reveal(ppo_loss)").get_by_role("status")).to_contain_text("torch.min")

    # a figure is moved
    forward_to(page, "plots.move(clipped")
    page.keyboard.press("Shift+Enter")
    moved = cell(page, "plots.move(clipped")
    expect(moved.locator("img")).to_have_attribute("alt", re.compile("lines at 0.80 and 1.20"))
    while page.evaluate("document.activeElement.getAttribute('role')") != "slider":
        page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    expect(moved.locator("img")).to_have_attribute("alt", re.compile("lines at 0.70 and 1.30"))

    # out and in again, and nothing is lost
    place = page.locator(PLACE).inner_text()
    page.keyboard.press("Escape")
    page.keyboard.press("Alt+p")
    expect(page.locator(".ltr-bar")).to_be_hidden()
    expect(page.locator("#jp-main-statusbar, .jp-NotebookPanel-toolbar").first).to_be_visible()
    expect(check.get_by_role("status")).to_contain_text("ppo_loss passed")
    page.keyboard.press("Alt+p")
    expect(page.locator(PLACE)).to_have_text(place)
    expect(moved.locator("img")).to_have_attribute("alt", re.compile("lines at 0.70 and 1.30"))


def test_the_slides_own_controls_have_names(lab: Lab, page: api.Page) -> None:
    begin(lab, page, "05_actor_critic")
    assert [fault for fault in faults(page) if "ltr-" in fault] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_sheet_can_be_read_by_everybody(page: api.Page, tmp_path: Path, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    for lesson in lessons():
        write_sheet(lesson, tmp_path / "sheet.html")
        page.goto((tmp_path / "sheet.html").as_uri())
        assert faults(page) == [], lesson.name


@pytest.fixture(scope="module")
def all_slides(executable: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with presented(tmp_path_factory.mktemp("slides"), "0") as lab:
        yield lab


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.name)
def test_no_slide_overflows(
    all_slides: Lab, page: api.Page, lesson: Lesson, ran: Callable[[Lesson], nbformat.NotebookNode]
) -> None:
    """Every slide with all its fragments and what its code shows, but for references, which scroll, at 1280 by 720."""
    path = all_slides.root / FOLDER / f"{lesson.name}.ipynb"
    nbformat.write(executed(lesson, ran(lesson)), path)
    begin(all_slides, page, lesson.name)
    page.wait_for_timeout(2000)
    overflowing = []
    last = ""
    while True:
        place, (below, beside, seen) = page.locator(PLACE).inner_text(), page.evaluate(OVERFLOW)
        if below > 0 or beside > 0:
            overflowing.append((place, below, beside, seen))
        if f"{place} {seen}" == last:
            break
        last = f"{place} {seen}"
        page.keyboard.press("Space")
        page.wait_for_timeout(60)
    assert overflowing == []


def executed(lesson: Lesson, ran: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The presented notebook with what its cells have shown to somebody; references stay hidden."""
    notebook = to_present(lesson)
    shown = {each.id: each for each in ran.cells if each.cell_type == "code"}
    for each in notebook.cells:
        if each.id in shown:
            each.outputs, each.execution_count = shown[each.id].outputs, shown[each.id].execution_count
    notebook.metadata.widgets = ran.metadata.widgets
    return notebook
