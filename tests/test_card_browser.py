"""A card as it stands in an executed notebook, in a real browser: what axe-core finds in it, in both themes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from nbconvert import HTMLExporter
from nbformat.v4 import new_code_cell, new_notebook, new_output

from autograder import judge
from autograder.registry import find

api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from browser import FLAGS, chromium, faults  # noqa: E402

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def browser() -> Iterator[api.Browser]:
    with api.sync_playwright() as playwright:
        if chromium(playwright) is None:
            pytest.skip("there is no Chromium: neither on the PATH nor installed by `playwright install chromium`")
        browser = playwright.chromium.launch(executable_path=chromium(playwright), args=FLAGS)
        yield browser
        browser.close()


def shown(implementation: Any) -> Any:
    """A cell that checked this."""
    card = judge(implementation, seed=0, name="click_through_rate")._repr_mimebundle_()
    return new_code_cell("check(click_through_rate)", outputs=[new_output("display_data", data=card)])


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_card_has_no_grave_fault(browser: api.Browser, tmp_path: Path, theme: str) -> None:
    exercise = find("click_through_rate")
    cells = [shown(answer) for answer in (exercise.reference, *exercise.mistakes, None)]
    document, _ = HTMLExporter(theme=theme).from_notebook_node(new_notebook(cells=cells))
    (tmp_path / "notebook.html").write_text(document)
    page = browser.new_page()
    # nbconvert's template asks the net for a typesetter
    page.route("http*://**", lambda route: route.abort())
    page.goto((tmp_path / "notebook.html").as_uri())
    assert page.get_by_role("status").count() == len(cells)
    assert faults(page, "[role=status]") == []
    page.close()
