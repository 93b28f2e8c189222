"""How long a figure to move takes from the move to the new picture, in a browser, in every lesson."""

import re
import statistics
import time
from collections.abc import Iterator

import pytest

from autograder.course import Lesson, lessons
from autograder.editions import read, text

api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from browser import FLAGS, PATIENCE, SCREEN, Lab, cell, chromium, menu, run, served  # noqa: E402

pytestmark = [pytest.mark.browser, pytest.mark.slow]

expect = api.expect
MOVE = re.compile(r"^(?:plots\.)?move\(\w+", re.MULTILINE)
BOUND = 200  # milliseconds
# The values of a figure's first control: how many there are, and which one is chosen.
CONTROL = """cell => {
  const slider = cell.querySelector('[role=slider]'), menu = cell.querySelector('select');
  if (slider) return [+slider.getAttribute('aria-valuemax') + 1, +slider.getAttribute('aria-valuenow')];
  return [menu.options.length, menu.selectedIndex];
}"""
# From a move by one value until the picture has changed and is complete.
REDRAW = """(cell, by) => new Promise(done => {
  const image = () => cell.querySelector('.jp-OutputArea img');
  const slider = cell.querySelector('[role=slider]'), menu = cell.querySelector('select');
  const before = image().src, begun = performance.now();
  if (slider) {
    slider.focus();
    const key = by > 0 ? 'ArrowRight' : 'ArrowLeft';
    slider.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
  } else {
    menu.selectedIndex += by;
    menu.dispatchEvent(new Event('change', { bubbles: true }));
  }
  (function look() {
    const now = image();
    if (now && now.src !== before && now.complete && now.naturalWidth) done(performance.now() - begun);
    else requestAnimationFrame(look);
  })();
})"""


def moves(lesson: Lesson) -> list[str]:
    """What a lesson's figures to move are made by: the beginning of a line of their cells."""
    found = (MOVE.search(text(each)) for each in read(lesson.notebook)["cells"] if each["cell_type"] == "code")
    return [match[0] for match in found if match]


def test_each_lesson_has_a_figure_to_move() -> None:
    assert [lesson.name for lesson in lessons() if not moves(lesson)] == []


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with api.sync_playwright() as playwright:
        if chromium(playwright) is None:
            pytest.skip("there is no Chromium: neither on the PATH nor installed by `playwright install chromium`")
    with served(tmp_path_factory.mktemp("redraw")) as lab:
        yield lab


@pytest.fixture
def page(lab: Lab) -> Iterator[api.Page]:
    expect.set_options(timeout=PATIENCE)
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(playwright), args=FLAGS)
        page = browser.new_page(viewport=SCREEN)
        page.set_default_timeout(PATIENCE)
        yield page
        browser.close()


@pytest.mark.timeout(900)
@pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: lesson.name)
def test_a_redraw_takes_less_than_200_ms(lab: Lab, page: api.Page, lesson: Lesson) -> None:
    """The median of those that are drawn for the first time; where others compute too, of our share of the time."""
    lab.open(page, lab.root / "notebooks" / lesson.name / f"{lesson.name}.ipynb")
    for source in moves(lesson):
        moved = cell(page, source)
        moved.locator(".cm-content").click()
        menu(page, "Run", "Run All Above Selected Cell")
        run(page, moved)
        # what comes before it runs first, and may train
        expect(moved.locator(".jp-OutputArea img")).to_be_visible(timeout=600_000)
        page.wait_for_timeout(1000)
        values, at = moved.evaluate(CONTROL)
        later, earlier = min(3, values - 1 - at), min(3, at)
        new = [redrawn(moved, 1) for _ in range(later)]
        for _ in range(later):
            redrawn(moved, -1)
        new += [redrawn(moved, -1) for _ in range(earlier)]
        print(f"{lesson.name}, {source}: {statistics.median(new):.0f} ms of {[round(each) for each in new]}")
        assert statistics.median(new) < BOUND, (source, new)


def redrawn(moved: api.Locator, by: int) -> float:
    """Milliseconds that a move by one value took, of the time that was ours."""
    return float(moved.evaluate(REDRAW, by)) * share_of_a_processor()


def share_of_a_processor() -> float:
    """How much of a processor one gets now."""
    wall, cpu = time.perf_counter(), time.process_time()
    while time.perf_counter() - wall < 0.3:
        pass
    return (time.process_time() - cpu) / (time.perf_counter() - wall)
