"""The classroom's pages in a real browser: what a room sees, in both themes, by keyboard, with hostile names."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from serving import Served, serving

from autograder.glance.outline import Outline
from autograder.glance.room import Report

api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from browser import FLAGS, PATIENCE, chromium, faults  # noqa: E402

pytestmark = [pytest.mark.browser, pytest.mark.slow]
expect = api.expect

OUTLINE = Outline(
    [("00_welcome", ["click_through_rate"]), ("03_q_learning", ["td_target", "q_update"])],
    {
        "click_through_rate": {"inverted": "The fraction is upside down."},
        "td_target": {"past_the_end": "A terminated episode has `no` next <b>value</b>.", "other": "Another."},
        "q_update": {},
    },
)
HOSTILE = "<img src=x onerror=alert(1)>"
WRONG, RIGHT = Report("td_target", False, "past_the_end"), Report("td_target", True, None)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serving(tmp_path / "class.db", OUTLINE) as here:
        yield here


@pytest.fixture(scope="module")
def browser() -> Iterator[api.Browser]:
    expect.set_options(timeout=PATIENCE)
    with api.sync_playwright() as playwright:
        if chromium(playwright) is None:
            pytest.skip("there is no Chromium: neither on the PATH nor installed by `playwright install chromium`")
        browser = playwright.chromium.launch(executable_path=chromium(playwright), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: api.Browser) -> Iterator[api.Page]:
    """A page on which nothing may go wrong, and that may load nothing from elsewhere."""
    page = browser.new_page(viewport={"width": 1920, "height": 1080})
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text) if "Content Security" in message.text else None)
    page.on("dialog", lambda dialog: wrong.append(dialog.message))
    page.on("request", lambda request: None if "//127.0.0.1:" in request.url else wrong.append(request.url))
    yield page
    page.close()
    assert wrong == []


def cell(page: api.Page, learner: str, column: int) -> api.Locator:
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=learner, exact=True))
    return row.get_by_role("cell").nth(column)


def test_two_learners_are_seen_while_they_check(served: Served, page: api.Page) -> None:
    page.goto(served.classroom.screen_address)
    expect(page.get_by_text("No learner yet")).to_have_count(0)
    ada, bo = (served.inside(lambda name=name: served.room.join(name)[0]) for name in ("Ada", HOSTILE))
    expect(page.locator("#count")).to_have_text("2 learners")
    for learner in (ada, bo):
        served.inside(lambda learner=learner: served.room.report(learner, [WRONG]))
    # the page follows the class to its lesson
    expect(cell(page, "Ada", 0)).to_have_text(re.compile("trying"))
    mistake = page.locator("#mistakes li")
    expect(mistake).to_have_text(["2td_target: A terminated episode has no next <b>value</b>."])
    served.inside(lambda: served.room.report(ada, [RIGHT, Report("q_update", False, None)]))
    expect(cell(page, "Ada", 0)).to_have_text(re.compile("passed"))
    expect(mistake.first).to_contain_text("1td_target")
    expect(mistake.last).to_contain_text("q_update: not right yet, by no mistake that is known")
    expect(cell(page, HOSTILE, 0)).to_have_text(re.compile("trying"))
    expect(page.get_by_role("columnheader", name="td_target")).to_contain_text("1 ✓ passed 1 ◐ trying")
    expect(page.locator("img")).to_have_count(0)
    served.inside(lambda: served.room.leave(bo))
    expect(page.locator("#count")).to_have_text("1 learner")
    expect(page.get_by_role("rowheader")).to_have_text(["Ada"])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_have_no_grave_fault(served: Served, page: api.Page, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    page.goto(served.classroom.screen_address)
    assert faults(page) == []
    for number in range(3):
        learner = served.inside(lambda number=number: served.room.join(f"{HOSTILE} {number}")[0])
        served.inside(lambda learner=learner, number=number: served.room.report(learner, [WRONG, RIGHT][: number + 1]))
    expect(page.get_by_role("rowheader")).to_have_count(3)
    assert faults(page) == []
    served.inside(lambda: served.room.leave(learner))
    page.goto(served.address)
    expect(page.locator("code.line")).to_have_text(served.classroom.line)
    assert faults(page) == []


def test_the_page_is_used_by_keyboard_alone(served: Served, page: api.Page) -> None:
    learner = served.inside(lambda: served.room.join("Ada")[0])
    served.inside(lambda: served.room.report(learner, [RIGHT]))
    page.goto(served.classroom.screen_address)
    expect(page.get_by_role("rowheader")).to_have_text(["Ada"])
    reached = []
    for _ in range(4):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.className"))
    assert reached == ["skip", "lesson", "names", "scroll tall"]
    page.locator("#lesson").focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("columnheader").nth(1)).to_contain_text("click_through_rate")
    page.locator("#names").focus()
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Hide names")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("rowheader")).to_have_text(["Learner 1"])
    page.keyboard.press("Enter")
    expect(page.get_by_role("rowheader")).to_have_text(["Ada"])


def test_a_large_class_scrolls_in_its_table(served: Served, page: api.Page) -> None:
    def fill() -> None:
        for number in range(500):
            learner, _ = served.room.join(f"Learner {number} with a long name")
            served.room.report(learner, [WRONG if number % 3 else RIGHT])

    page.goto(served.classroom.screen_address)
    served.inside(fill)
    expect(page.get_by_role("rowheader")).to_have_count(500)
    expect(page.get_by_role("columnheader", name="td_target")).to_contain_text("167 ✓ passed 333 ◐ trying")
    assert page.evaluate("document.documentElement.scrollHeight <= 1.05 * innerHeight")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_page_left_open_comes_back_after_a_restart(tmp_path: Path, page: api.Page) -> None:
    with serving(tmp_path / "class.db", OUTLINE) as first:
        ada = first.inside(lambda: first.room.join("Ada")[0])
        first.inside(lambda: first.room.report(ada, [WRONG]))
        page.goto(first.classroom.screen_address)
        expect(page.locator("#connection")).to_have_text("Live.")
    expect(page.locator("#connection")).to_contain_text("The classroom does not answer. This is the class as it was at")
    expect(page.get_by_role("rowheader")).to_have_text(["Ada"])
    with serving(tmp_path / "class.db", OUTLINE, first.port) as again:
        expect(page.locator("#connection")).to_have_text("Live.")
        again.inside(lambda: again.room.join("Bo"))
        expect(page.get_by_role("rowheader")).to_have_text(["Ada", "Bo"])
