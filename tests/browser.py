"""A copy of the course behind a JupyterLab of its own, and what a person does in it."""

import json
import os
import re
import secrets
import shlex
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import pytest
from playwright.sync_api import FrameLocator, Locator, Page, Playwright, ViewportSize, expect

from autograder.course import ROOT
from autograder.present.edition import FOLDER

COURSE = (
    *("autograder", "metarec", "solutions", "notebooks"),
    *("Makefile", "pyproject.toml", "constraints.txt", "nbgrader_config.py"),
)
# Two cores that also run other tests: nothing here is about speed.
PATIENCE = 60_000
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
# All cells stay in the page, and nothing is asked at the first start.
SETTINGS: dict[str, dict[str, object]] = {
    "notebook-extension/tracker": {"windowingMode": "none"},
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}


def chromium(playwright: Playwright) -> str | None:
    """The Chromium on the PATH, else the one that playwright has installed."""
    names = ("chromium", "chromium-browser", "google-chrome")
    own = playwright.chromium.executable_path
    return next(filter(None, map(shutil.which, names)), None) or (own if Path(own).exists() else None)


@dataclass(frozen=True)
class Lab:
    """A JupyterLab that serves the copy of the course in `root`."""

    root: Path
    url: str
    token: str

    def notebook(self, lesson: str) -> Path:
        """The learner's notebook of a lesson."""
        return self.root / "workspace" / lesson / f"{lesson}.ipynb"

    def write(self, lesson: str, answers: dict[str, str]) -> None:
        """Put answers, by cell id, into the learner's notebook on the disk."""
        notebook = json.loads(self.notebook(lesson).read_text())
        cells = {cell["id"]: cell for cell in notebook["cells"]}
        for name, source in answers.items():
            cells[name]["source"] = source
        self.notebook(lesson).write_text(json.dumps(notebook))

    def open(self, page: Page, path: Path) -> None:
        """Open a notebook alone, and wait for its kernel."""
        page.goto(f"{self.url}/lab/tree/{path.relative_to(self.root)}?token={self.token}&reset")
        expect(page.locator("#jp-main-statusbar")).to_contain_text("Python 3 (ipykernel) | Idle")


@contextmanager
def served(folder: Path) -> Iterator[Lab]:
    """What `make lab` runs once there is an environment, in a copy of the course and in an empty home."""
    root, environment = _copied(folder)
    port, token = _free_port(), secrets.token_hex(8)
    options = f"LAB_ARGS=--no-browser --port {port} --ServerApp.port_retries=0 --IdentityProvider.token={token}"
    planned = subprocess.run(
        ["make", "-n", "lab", options], cwd=root, env=environment, capture_output=True, text=True, check=True
    ).stdout
    python = ".venv/bin/python"
    recipe = planned[planned.index(f"{python} -m autograder.cli start") :].replace(python, shlex.quote(sys.executable))
    with _running(["sh", "-ec", recipe], Lab(root, f"http://127.0.0.1:{port}", token), environment) as lab:
        yield lab


@contextmanager
def presented(folder: Path, lesson: str, theme: str = "JupyterLab Light") -> Iterator[Lab]:
    """What `autograder present` runs, in a copy of the course and in an empty home."""
    root, environment = _copied(folder)
    _set(root, "apputils-extension/themes", {"theme": theme})
    port, token = _free_port(), secrets.token_hex(8)
    command = [sys.executable, "-m", "autograder.cli", "present", lesson, "--no-browser", "--port", str(port)]
    lab = Lab(root, f"http://127.0.0.1:{port}", token)
    with _running(command, lab, environment | {"JUPYTER_TOKEN": token}) as lab:
        yield lab


def _copied(folder: Path) -> tuple[Path, dict[str, str]]:
    """A copy of the course, and an environment in which it is the course, with an empty home."""
    root = folder / "course"
    root.mkdir()
    for name in COURSE:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
        copy(ROOT / name, root / name)
    for name, setting in SETTINGS.items():
        _set(root, name, setting)
    elsewhere = ("JUPYTER", "IPYTHON", "XDG", "MAKE", "MFLAGS", "PYTEST")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(elsewhere)}
    # The list of fonts takes seconds to make anew.
    return root, environment | {
        "HOME": str(_home(root)),
        "PYTHONPATH": str(root),
        "MPLCONFIGDIR": mpl.get_cachedir(),
    }


def _home(root: Path) -> Path:
    return root.parent / "home"


def _set(root: Path, name: str, setting: dict[str, object]) -> None:
    """Write a user's setting of JupyterLab."""
    file = _home(root) / ".jupyter" / "lab" / "user-settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(setting))


@contextmanager
def _running(command: list[str], lab: Lab, environment: dict[str, str]) -> Iterator[Lab]:
    log = lab.root.parent / "lab.log"
    with log.open("w") as file:
        server = subprocess.Popen(command, cwd=lab.root, env=environment, stdout=file, stderr=file)
    try:
        _wait_for(server, f"{lab.url}/api?token={lab.token}", log)
        yield lab
    finally:
        # It ends its kernels before it goes.
        server.terminate()
        try:
            server.wait(timeout=30)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(server: subprocess.Popen[bytes], address: str, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE / 1000
    while time.monotonic() < deadline:
        assert server.poll() is None, log.read_text()
        try:
            urllib.request.urlopen(address, timeout=10).close()
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"JupyterLab did not start:\n{log.read_text()}")


def faults(page: Page, within: str = "html") -> list[str]:
    """What axe-core finds in a page, or in a part of it, that is serious or critical."""
    axe = pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed")
    page.evaluate((Path(axe.__file__).parent / "axe.min.js").read_text(encoding="utf-8"))
    found = page.evaluate("part => axe.run(part)", within)["violations"]
    grave = [fault for fault in found if fault["impact"] in ("serious", "critical")]
    return [f"{fault['id']}: {node['html']}" for fault in grave for node in fault["nodes"]]


# In a notebook


def cell(page: Page, source: str) -> Locator:
    """The code cell whose source contains `source`."""
    return page.locator(".jp-CodeCell", has=page.locator(".cm-content", has_text=source)).first


def run(page: Page, cell: Locator) -> None:
    cell.locator(".cm-content").click()
    page.keyboard.press("Control+Enter")


def rewrite(page: Page, cell: Locator, source: str) -> None:
    """Type another source into a cell, and run it."""
    cell.locator(".cm-content").click()
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.insert_text(source)
    page.keyboard.press("Control+Enter")


def menu(page: Page, name: str, item: str) -> None:
    page.locator(".lm-MenuBar-item", has_text=name).click()
    page.locator(".lm-Menu-item", has=page.get_by_text(item, exact=True)).click()


def validate(page: Page) -> str:
    """Click Validate, and return what its dialog says."""
    page.locator(".jp-NotebookPanel-toolbar").get_by_text("Validate", exact=True).click()
    dialog = page.locator(".jp-Dialog", has_text="Validation Results")
    expect(dialog).to_be_visible()
    said = dialog.inner_text()
    dialog.get_by_role("button", name="Ok").click()
    expect(dialog).to_be_hidden()
    return said


# In formgrader


def formgrader(page: Page) -> FrameLocator:
    menu(page, "Nbgrader", "Formgrader")
    return page.frame_locator("iframe[src*='formgrader']")


def click_through(frame: FrameLocator, link: Locator) -> None:
    """Click one of formgrader's icons, and the OK of the dialog that says it succeeded."""
    link.click()
    dialog = frame.locator(".modal.in")
    expect(dialog).to_contain_text("Success")
    dialog.get_by_role("button", name="OK").click()
    expect(dialog).to_be_hidden()


# In the slides

PLACE = ".ltr-place"
SEEN = ".jp-Notebook .jp-Cell:not(.ltr-away)"
SCREEN: ViewportSize = {"width": 1280, "height": 720}


def begin(lab: Lab, page: Page, lesson: str) -> None:
    """Open a lesson's slides, and wait until the first stands."""
    page.goto(f"{lab.url}/doc/tree/{FOLDER}/{lesson}.ipynb?token={lab.token}&reset")
    expect(page.locator(PLACE)).to_have_text(re.compile("^1 /"))
    expect(page.locator(SEEN).first.locator("h1")).to_be_visible()


def forward_to(page: Page, text: str) -> None:
    """Press Space until a cell with this text is seen."""
    for _ in range(200):
        if page.locator(SEEN, has_text=text).count():
            return
        page.keyboard.press("Space")
    raise AssertionError(f"no slide shows {text!r}")
