"""What takes long to import, imported in processes beside this one: a package that hangs is a finding too."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import threading
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, Self

from autograder.course import ROOT

EXTENSIONS = tuple(f"nbgrader.server_extensions.{n}" for n in ("formgrader", "validate_assignment", "assignment_list"))
LAB_EXTENSION = "@jupyter/nbgrader"


class Answer(NamedTuple):
    """What a probe says of one thing: `wrong` is empty or the fault; `remedy` mends it; `data` is what was asked."""

    wrong: str
    remedy: str = ""
    data: dict[str, str] = {}  # noqa: RUF012  (a tuple's default, which nobody changes)


class Probe:
    """A process that looks at what it is told, one thing after another, while this one goes on.

    `what` are names of packages to import, or of what LOOKS has; it is ended `patience` seconds after its start.
    """

    def __init__(self, what: list[str], patience: float) -> None:
        self.answers: dict[str, Answer] = {}
        program = "import sys; from autograder.doctor import probe; probe.look(sys.argv[1:])"
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", program, *what],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.timer = threading.Timer(patience, self.process.kill)
        self.timer.start()

    def answer(self, name: str) -> Answer:
        """What is said of `name`, waited for; the process may have died of it."""
        if self.process.stdout and name not in self.answers:
            for line in self.process.stdout:
                said, *answer = json.loads(line)
                self.answers[said] = Answer(*answer)
                if said == name:
                    break
        return self.answers.get(name, Answer("Python ended, or took too long, while it was looked at"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.timer.cancel()
        self.process.kill()
        self.process.communicate()


def look(what: list[str]) -> None:
    """Look at each thing and print a line of JSON about it; runs in the process of a Probe."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as out:
        # what a package prints while it is imported is no answer
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        for name in what:
            try:
                answer = LOOKS[name]() if name in LOOKS else _import(name)
            except BaseException as fault:
                answer = Answer(f"{type(fault).__name__}: {' '.join(str(fault).split())[:200]}")
            print(json.dumps([name, *answer]), file=out, flush=True)


def _import(name: str) -> Answer:
    import_module(name.replace("-", "_"))
    return Answer("")


def _torch() -> Answer:
    import torch

    device = torch.cuda.get_device_name() if torch.cuda.is_available() else ""
    return Answer("", data={"device": device, "build": torch.version.cuda or ""})


def _configuration() -> Answer:
    """Whether nbgrader_config.py loads, and what it names exists."""
    from traitlets.config.loader import PyFileConfigLoader
    from traitlets.utils.importstring import import_item

    config: Any = PyFileConfigLoader("nbgrader_config.py", path=str(ROOT)).load_config()
    for name in [*config.GenerateAssignment.preprocessors, *config.Autograde.sanitize_preprocessors]:
        if isinstance(name, str):
            import_item(name)
    return Answer("")


def _extensions() -> Answer:
    """Whether nbgrader's extensions are enabled, and else at which level they are disabled."""
    from jupyter_core.paths import ENV_CONFIG_PATH, SYSTEM_CONFIG_PATH, jupyter_config_path, jupyter_path
    from jupyter_server.extension.config import ExtensionConfigManager
    from jupyterlab_server.config import get_federated_extensions, get_static_page_config

    jupyter = shlex.quote(str(Path(sys.executable).with_name("jupyter")))
    folders = jupyter_config_path()
    enabled = ExtensionConfigManager(read_config_path=folders).get_jpserver_extensions()
    for name in EXTENSIONS:
        if name not in enabled:
            return Answer(f"{name} is not there")
        if not enabled[name]:
            file = next(path for folder in folders for path in _settings(folder) if _switches_off(path, name))
            where = str(file.parent.parent)
            level = "sys-prefix" if where in ENV_CONFIG_PATH else "system" if where in SYSTEM_CONFIG_PATH else "user"
            command = f"{jupyter} server extension enable --{level} {name}"
            # the command cannot overrule a file of this name
            by_hand = file.name == "jupyter_server_config.json"
            return Answer(f"{name} is disabled in {file}", f"take it out of {file}" if by_hand else command)
    if LAB_EXTENSION not in get_federated_extensions(jupyter_path("labextensions")):
        return Answer(f"{LAB_EXTENSION} is not there")
    for level in ("user", "sys_prefix", "system"):
        if get_static_page_config(level=level).get("disabledExtensions", {}).get(LAB_EXTENSION):
            command = f"{jupyter} labextension enable --level={level} {LAB_EXTENSION}"
            return Answer(f"{LAB_EXTENSION} is disabled for the level {level}", command)
    return Answer("")


def _settings(folder: str) -> list[Path]:
    """The files in which a folder of settings can switch a server's extensions, the strongest first."""
    name = "jupyter_server_config"
    return [Path(folder, f"{name}.json"), *sorted(Path(folder, f"{name}.d").glob("*.json"), reverse=True)]


def _switches_off(file: Path, extension: str) -> bool:
    if not file.is_file():
        return False
    settings = json.loads(file.read_text(encoding="utf-8") or "{}")
    return settings.get("ServerApp", {}).get("jpserver_extensions", {}).get(extension) is False


def _kernel() -> Answer:
    """Whether notebooks run in this environment: a kernel of the same name elsewhere can stand before its own."""
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    remedy = f"{shlex.quote(sys.executable)} -m ipykernel install --sys-prefix --name python3"
    try:
        spec = KernelSpecManager().get_kernel_spec("python3")
    except NoSuchKernel:
        return Answer("there is no kernel named python3", remedy)
    program = Path(spec.argv[0])
    # jupyter_client runs a bare "python" as this Python
    if program.is_absolute() and program.parent != Path(sys.executable).parent:
        return Answer(f"python3 is {program}, of another environment ({spec.resource_dir})", remedy)
    return Answer("")


LOOKS: dict[str, Callable[[], Answer]] = {
    "torch": _torch,
    "configuration": _configuration,
    "extensions": _extensions,
    "kernel": _kernel,
}
