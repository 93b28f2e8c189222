"""Where the learner's file lies."""

from pathlib import Path

from autograder.course import ROOT

NAME = "drill.json"


def workspace(asked_for: Path | None = None) -> Path:
    """The folder that was asked for; else the one around the notebook that this is called from; else the course's own.

    The folder that `autograder start` made is known by its nbgrader_config.py, beside which the course's folder has
    the notebooks' sources.
    """
    if asked_for is not None:
        return asked_for.expanduser()
    around = Path.cwd().parent
    made = (around / "nbgrader_config.py").is_file() and not (around / "notebooks").is_dir()
    return around if made else ROOT / "workspace"
