"""All that is shipped or stated, made anew: records, checkpoints, the README's pictures and its table of results.

    make figures

Each study runs in a process of its own and goes on where it was stopped, from nothing in a fresh checkout: then that
takes some hours of two cores. One that fails is named at the end, the others go on. The learning curve is trained (half
a minute), the check card is shown by a headless Chromium: Debian's `chromium`, or the one named in the environment
variable CHROMIUM. Needs the extra `bench`. The table alone: `python -m benchmarks.results`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import gymnasium as gym
import numpy as np
from matplotlib.figure import Figure

from autograder import judge
from autograder.course import ROOT
from autograder.errors import CourseError
from benchmarks import results
from metarec import plots
from metarec.wrappers import DiscountedReturns
from solutions.q_learning import q_learning

IMAGES = ROOT / "docs" / "images"
GAMMA = 0.98
STUDIES = (
    *("agents", "simulator", "coldstart", "rl2", "rl2_interest"),
    *("in_context", "newcomers", "interests", "capstone"),
)
"""The benchmarks that keep records or weights, those first whose weights others use."""


def learning_curve() -> Figure:
    """Q-learning on the tabular recommender: five seeds between the optimal, the myopic and the random policy."""
    runs = []
    for seed in range(5):
        env = DiscountedReturns(gym.make("metarec/Tabular-v0"), GAMMA)
        q_learning(env, 20_000, learning_rate=0.02, gamma=GAMMA, epsilon_start=1, epsilon_end=0.1, seed=seed)
        runs.append(env.returns)
    return plots.learning_curve(np.array(runs), optimal=25.8, myopic=15.3, random=2.75, window=400)


def check_card() -> bytes:
    """The card of a wrong answer, as a PNG."""
    from playwright.sync_api import sync_playwright

    executable = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if executable is None:
        raise CourseError("No Chromium: install Debian's chromium, or name one in the environment variable CHROMIUM.")

    def td_target(reward: float, next_q_values: np.ndarray, terminated: bool, gamma: float) -> float:
        return reward + gamma * next_q_values.max()  # type: ignore[no-any-return]

    html = judge(td_target)._repr_mimebundle_()["text/html"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 860, "height": 600}, device_scale_factor=2)
        page.set_content(f"<body style='margin:12px;background:white'>{html}</body>")
        picture = page.locator("[role=status]").screenshot()
        browser.close()
    return picture


def run(name: str) -> bool:
    """Run a study; whether it came to its end."""
    return subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], cwd=ROOT, check=False).returncode == 0


def pictures() -> None:
    """Write both pictures."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    (IMAGES / "check_card.png").write_bytes(check_card())
    learning_curve().savefig(IMAGES / "learning_curve.png", dpi=120, facecolor="white")


def main() -> None:
    """Make everything; CourseError names what failed."""
    failed = [name for name in STUDIES if not run(name)]
    results.main()
    pictures()
    if failed:
        raise CourseError(f"Not made anew: {', '.join(failed)}.")


if __name__ == "__main__":
    main()
