"""A learner's way and an instructor's, clicked through in JupyterLab in a real browser."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from nbgrader.api import Gradebook
from nbgrader.utils import get_username

from autograder.sandbox import bubblewrap

api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from browser import (  # noqa: E402
    FLAGS,
    PATIENCE,
    Lab,
    cell,
    chromium,
    click_through,
    formgrader,
    menu,
    rewrite,
    run,
    served,
    validate,
)
from serving import free_port  # noqa: E402

pytestmark = [pytest.mark.browser, pytest.mark.slow]

expect = api.expect
LESSON, WELCOME, DRILL = "03_q_learning", "00_welcome", "12_interview_drill"
TARGET = "def td_target(reward, next_q_values, terminated, gamma):\n"
BOOTSTRAPS = TARGET + "    return reward + gamma * max(next_q_values)\n"
RIGHT = TARGET + "    return reward if terminated else reward + gamma * max(next_q_values)\n"
RATE = "def click_through_rate(clicks, impressions):\n"
ZERO = RATE + "    return clicks / impressions if impressions else 0.0\n"
NAN = RATE + "    return clicks / impressions if impressions else math.nan\n"
WORKSPACES = ("workspace", "another")
ERRORS = "[data-mime-type='application/vnd.jupyter.error'], [data-mime-type='application/vnd.jupyter.stderr']"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with api.sync_playwright() as playwright:
        if chromium(playwright) is None:
            pytest.skip("there is no Chromium: neither on the PATH nor installed by `playwright install chromium`")
    with served(tmp_path_factory.mktemp("browser")) as lab:
        yield lab


@pytest.fixture
def page(lab: Lab) -> Iterator[api.Page]:
    expect.set_options(timeout=PATIENCE)
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(playwright), args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(PATIENCE)
        yield page
        browser.close()


def test_make_lab_opens_the_first_lesson(lab: Lab, page: api.Page) -> None:
    page.goto(f"{lab.url}/?token={lab.token}")
    expect(page.locator(".jp-Notebook")).to_contain_text("00 · Welcome")
    assert page.url.endswith("/lab/tree/workspace/00_welcome/00_welcome.ipynb")


def test_a_learner_errs_reads_takes_a_hint_and_passes(lab: Lab, page: api.Page) -> None:
    lab.open(page, lab.notebook(LESSON))
    menu(page, "Run", "Run All Cells")
    stopped = "CheckFailed: value_iteration not yet right: 0 of 6 lines hold, 0 of 2 points"
    expect(page.locator(ERRORS)).to_have_text([stopped])
    expect(cell(page, "check(epsilon_greedy)").locator(".jp-InputPrompt")).to_have_text("[ ]:")

    answer, check = cell(page, "def td_target("), cell(page, "check(td_target)")
    rewrite(page, answer, BOOTSTRAPS)
    run(page, check)
    card = check.get_by_role("status")
    expect(card).to_contain_text("td_target not yet right: 4 of 5 lines hold, 0.8 of 1 point")
    fails = card.get_by_role("listitem").filter(has_text="fails")
    expect(fails).to_contain_text("is the reward alone where the episode has terminated")
    expect(card).to_contain_text(re.compile("Diagnosis.A terminated episode has no next value"))

    page.keyboard.press("Escape")
    page.keyboard.press("b")
    page.keyboard.press("Enter")
    page.keyboard.insert_text("hint(td_target)")
    page.keyboard.press("Control+Enter")
    expect(cell(page, "hint(td_target)").get_by_role("status")).to_contain_text("Hint 1 of")

    rewrite(page, answer, RIGHT)
    run(page, check)
    expect(card).to_contain_text("td_target passed: 1 of 1 point")
    expect(card.get_by_role("listitem").filter(has_text="holds")).to_have_count(5)
    expect(check.locator(ERRORS)).to_have_count(0)


def test_a_card_can_be_read_in_a_notebook_that_is_not_trusted(lab: Lab, page: api.Page) -> None:
    lab.open(page, lab.notebook(WELCOME))
    run(page, cell(page, "from autograder import check"))
    run(page, cell(page, "def click_through_rate("))
    check = cell(page, "check(click_through_rate)")
    run(page, check)
    expect(check.get_by_role("status")).to_be_visible()
    page.keyboard.press("Control+s")
    expect(page.locator(".jp-mod-dirty")).to_have_count(0)

    notebook = json.loads(lab.notebook(WELCOME).read_text())
    notebook["cells"][0]["source"] = "# Somebody else's"
    foreign = lab.notebook(WELCOME).with_name("foreign.ipynb")
    foreign.write_text(json.dumps(notebook))
    lab.open(page, foreign)
    card = cell(page, "check(click_through_rate)").locator(".jp-OutputArea")
    expect(card.get_by_role("status")).to_have_count(0)
    expect(card).to_contain_text("✗ click_through_rate not yet right: 0 of 4 lines hold")
    expect(card.get_by_role("listitem").filter(has_text="✗ fails")).to_have_count(4)


def test_the_drill_is_answered_by_keyboard_and_outlives_its_kernel(lab: Lab, page: api.Page) -> None:
    lab.open(page, lab.notebook(DRILL))
    run(page, cell(page, "from autograder import check, drill"))
    drill = cell(page, "drill(count=10)")
    run(page, drill)
    said = drill.get_by_role("status")
    expect(said.first).to_contain_text("Question 1 of 10")

    typed = drill.locator("input[type=text]")
    if typed.count():
        typed.fill("0")
        typed.press("Enter")
    else:
        drill.locator("button").first.focus()
        page.keyboard.press("Space")
    expect(said.nth(1)).to_contain_text(re.compile("Right|Not right"))
    expect(drill.get_by_role("button", name="Next question")).to_be_focused()
    page.keyboard.press("Enter")
    expect(said.first).to_contain_text("Question 2 of 10")
    kept = json.loads((lab.root / "workspace" / "drill.json").read_text())
    assert len(kept["answers"]) == 1

    menu(page, "Kernel", "Restart Kernel…")
    page.locator(".jp-Dialog").get_by_role("button", name="Confirm Kernel Restart").click()
    run(page, cell(page, "from autograder import check, drill"))
    sheet = cell(page, "weak_spots()")
    run(page, sheet)
    right = kept["answers"][0][1]
    expect(sheet.get_by_role("status")).to_contain_text("No weak spot is known" if right else "wrong the last time")
    if not right:
        link = sheet.get_by_role("status").get_by_role("link")
        expect(link).to_have_attribute("href", re.compile(r"/workspace/\d\d_\w+/\d\d_\w+\.ipynb.*#cell-id="))


def test_validate_says_wrong_and_right(lab: Lab, page: api.Page) -> None:
    lab.write(WELCOME, {"click-through-rate-solution": ZERO})
    lab.open(page, lab.notebook(WELCOME))
    said = validate(page)
    assert "CheckFailed: click_through_rate not yet right: 3 of 4 lines hold, 0.75 of 1 point" in said
    rewrite(page, cell(page, "def click_through_rate("), NAN)
    assert "Success! Your notebook passes all the tests." in validate(page)


@pytest.mark.skipif(bool(bubblewrap.available()), reason=f"no sandbox to grade in: {bubblewrap.available()}")
def test_a_submission_goes_from_release_to_a_score_and_feedback(lab: Lab, page: api.Page) -> None:
    lab.write(WELCOME, {"click-through-rate-solution": ZERO})
    lab.open(page, lab.notebook(WELCOME))
    frame = formgrader(page)
    row = frame.locator("tr", has_text=WELCOME)
    click_through(frame, row.locator(".assign a"))
    click_through(frame, row.locator(".release a"))

    menu(page, "Nbgrader", "Assignment List")
    assignments = page.locator("#nbgrader-assignment-list")
    assignments.get_by_text("Submit", exact=True).click()
    expect(assignments.locator("#submitted_assignments_list")).to_contain_text(WELCOME)

    page.locator(".lm-TabBar-tab", has_text="Formgrader").click()
    click_through(frame, row.locator(".collect a"))
    expect(row.locator(".num-submissions")).to_have_text("1")
    row.locator(".num-submissions a").click()
    submission = frame.locator("tr", has_text=get_username())
    click_through(frame, submission.locator(".autograde a"))
    expect(submission.locator(".score")).to_have_text("0.75 / 1")
    with Gradebook(f"sqlite:///{lab.root / 'classroom' / 'gradebook.db'}") as gradebook:
        (graded,) = gradebook.assignment_submissions(WELCOME)
        assert (graded.score, graded.max_score, graded.needs_manual_grade) == (0.75, 1, False)

    click_through(frame, submission.locator(".generate-feedback a"))
    feedback = lab.root / "classroom" / "feedback" / get_username() / WELCOME / f"{WELCOME}.html"
    _reads_as_graded(page, feedback)


def _reads_as_graded(page: api.Page, feedback: Path) -> None:
    page.goto(feedback.as_uri(), wait_until="commit")
    expect(page.locator("body")).to_contain_text(re.compile(r"Score: 0\.75 / 1"))
    expect(page.locator("body")).to_contain_text("✗ fails  is NaN where nothing was shown")


def test_two_learners_are_seen_on_the_classroom_s_page(lab: Lab, page: api.Page) -> None:
    """Each in a workspace of their own; one of them passes, leaves, and is gone."""
    shutil.copytree(lab.root / WORKSPACES[0], lab.root / WORKSPACES[1], dirs_exist_ok=True)
    with classroom(lab) as (screen, line):
        room = page.context.browser.new_page(viewport={"width": 1280, "height": 720})
        room.set_default_timeout(PATIENCE)
        room.goto(screen)
        expect(room.locator("#connection")).to_have_text("Live.")
        for workspace in WORKSPACES:
            notebook = lab.root / workspace / WELCOME / f"{WELCOME}.ipynb"
            lab.open(page, notebook)
            setup = cell(page, "from autograder import check")
            rewrite(page, setup, f"import math\nfrom autograder import check\n{line}")
            expect(setup.get_by_role("status")).to_contain_text("✓ You are in the classroom, as Ada")
            answer, checking = cell(page, "def click_through_rate("), cell(page, "check(click_through_rate)")
            rewrite(page, answer, ZERO)
            run(page, checking)
            expect(checking.get_by_role("status")).to_contain_text("3 of 4 lines hold")
        expect(room.get_by_role("rowheader")).to_have_text(["Ada", "Ada (2)"])
        expect(room.get_by_role("cell")).to_have_text([re.compile("trying"), re.compile("trying")])
        expect(room.locator("#mistakes li")).to_have_text(re.compile("^2click_through_rate: Nothing was shown"))
        _pictured(room, "classroom")

        rewrite(page, answer, NAN)
        run(page, checking)
        expect(room.get_by_role("cell")).to_have_text([re.compile("trying"), re.compile("passed")])
        rewrite(page, setup, "from autograder import check, progress\nprogress()")
        expect(setup.get_by_role("status")).to_contain_text("Your progress, as your last checks said")
        setup.scroll_into_view_if_needed()
        _pictured(page, "progress")
        rewrite(page, setup, "from autograder import check, leave\nleave()")
        expect(setup.get_by_role("status")).to_contain_text("✓ You have left the classroom")
        expect(room.get_by_role("rowheader")).to_have_text(["Ada"])
        room.close()


@contextmanager
def classroom(lab: Lab) -> Iterator[tuple[str, str]]:
    """The classroom that the course's command serves: the page's address, and the line for learners."""
    command = [sys.executable, "-m", "autograder.cli", "classroom", "--host", "127.0.0.1", "--port", str(free_port())]
    environment = os.environ | {"PYTHONPATH": str(lab.root)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=lab.root, env=environment) as server:
        assert server.stdout is not None
        screen, line = (server.stdout.readline().split(": ", 1)[1].strip() for _ in range(2))
        yield screen, line.replace("your nickname", "Ada")
        server.terminate()


def _pictured(page: api.Page, name: str) -> None:
    """A picture to look at, where somebody asked for it."""
    if "PICTURES" in os.environ:
        page.screenshot(path=Path(os.environ["PICTURES"]) / f"{name}.png")
