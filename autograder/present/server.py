"""`autograder present`: JupyterLab on a copy of the lesson, with the slides' extension beside its own."""

import os
import socket
import sys
from pathlib import Path

from autograder.course import ROOT, Lesson
from autograder.errors import CourseError
from autograder.present.edition import copied

EXTENSIONS = Path(__file__).parent / "labextensions"


def command(notebook: Path, root: Path, *, browser: bool, port: int | None) -> list[str]:
    """What starts JupyterLab at the notebook, which lies in `root`."""
    options = [
        f"--ServerApp.root_dir={root}",
        "--LabApp.news_url=None",
        f"--LabApp.extra_labextensions_path={EXTENSIONS}",
        f"--LabApp.default_url=/doc/tree/{notebook.relative_to(root).as_posix()}",
    ]
    options += [] if browser else ["--no-browser"]
    options += [] if port is None else [f"--port={port}", "--ServerApp.port_retries=0"]
    options += ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    return [sys.executable, "-m", "jupyterlab", *options]


def present(lesson: Lesson, *, browser: bool = True, port: int | None = None, root: Path = ROOT) -> None:
    """Become the JupyterLab that presents a lesson. CourseError where the port is taken or nothing can be written."""
    if port is not None and _taken(port):
        raise CourseError(f"Port {port} is taken. Choose another: --port {port + 1}")
    notebook = copied(lesson, root)
    arguments = command(notebook, root, browser=browser, port=port)
    # for the tools that JupyterLab calls by name, as in an activated environment
    path = os.pathsep.join([str(Path(sys.executable).parent), *os.get_exec_path()])
    os.chdir(root)
    os.execve(arguments[0], arguments, os.environ | {"PATH": path})


def _taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False
