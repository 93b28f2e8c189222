"""What is installed: the packages and their versions, nbgrader in JupyterLab, the kernel, torch's GPU."""

from __future__ import annotations

import shlex
import shutil
import tomllib
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from autograder.doctor.checks import Finding, python_m
from autograder.doctor.probe import Answer


def needed(root: Path) -> list[str]:
    """The packages that the course needs on this machine, torch last since it takes longest."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [Requirement(line) for line in project["dependencies"]]
    names = [item.name for item in wanted if item.marker is None or item.marker.evaluate()]
    return sorted(names, key=lambda name: name == "torch")


def pins(root: Path) -> dict[str, Version]:
    """The versions of constraints.txt, by canonical name."""
    lines = (root / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if not line.startswith("#")]
    return {canonicalize_name(name): Version(version) for name, version in pairs}


def packages(root: Path, answer: Callable[[str], Answer]) -> Finding:
    """Whether each needed package is there, in the version that is pinned, and can be imported."""
    pinned, names = pins(root), needed(root)
    missing, broken = [], []
    for name in names:
        try:
            found = metadata.version(name)
        except metadata.PackageNotFoundError:
            missing.append(f"{name} is not there")
            continue
        wanted = pinned[canonicalize_name(name)]
        # a local label (+cpu) says which build, not which version
        if Version(found).public != wanted.public:
            missing.append(f"{name} is {found}, not {wanted}")
        elif wrong := answer(name).wrong:
            broken.append(f"{name} cannot be imported ({wrong})")
    if not missing and not broken:
        return Finding("packages", True, f"all {len(names)} as pinned.")
    again = " --force-reinstall" if broken else ""
    remedy = in_course(root, f"install{again} -c constraints.txt -e .")
    return Finding("packages", False, f"{'; '.join(missing + broken)}.", remedy)


def nbgrader(root: Path, answer: Answer) -> Finding:
    """Whether the course's configuration of nbgrader loads."""
    if not answer.wrong:
        return Finding("nbgrader", True, "its configuration loads.")
    remedy = f"cd {shlex.quote(str(root))} && git checkout nbgrader_config.py (your own changes of it are lost)"
    return Finding("nbgrader", False, f"nbgrader_config.py does not load ({answer.wrong}).", remedy)


def extensions(root: Path, answer: Answer) -> Finding:
    """Whether Formgrader, Validate and Assignment List show in JupyterLab."""
    if not answer.wrong:
        return Finding("extensions", True, "nbgrader's are enabled in JupyterLab.")
    again = in_course(root, "install --force-reinstall --no-deps -c constraints.txt nbgrader")
    return Finding("extensions", False, f"{answer.wrong}.", answer.remedy or again)


def kernel(answer: Answer) -> Finding:
    """Whether notebooks run in this environment."""
    if not answer.wrong:
        return Finding("kernel", True, "python3 is this environment's.")
    return Finding(
        "kernel", False, f"{answer.wrong}.", answer.remedy or python_m("pip install --force-reinstall ipykernel")
    )


def gpu(root: Path, answer: Answer, has_driver: bool | None = None) -> Finding:
    """The GPU that torch sees; the course needs none."""
    if has_driver is None:
        has_driver = Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi") is not None
    device, build = answer.data.get("device"), answer.data.get("build")
    if device:
        return Finding("GPU", True, f"{device}.")
    if answer.wrong or not has_driver:
        return Finding("GPU", True, "none, and none needed.")
    if build:
        message = f"there is an NVIDIA driver, but torch's CUDA {build} cannot use it; it goes on without."
        return Finding("GPU", None, message, "nvidia-smi shows the newest CUDA of your driver: update the driver")
    message = "there is an NVIDIA driver, but torch is the build for the CPU; it goes on without."
    return Finding("GPU", None, message, in_course(root, "install --force-reinstall -c constraints.txt torch"))


def in_course(root: Path, arguments: str) -> str:
    """A command of pip in the course's folder, where constraints.txt is."""
    return f"cd {shlex.quote(str(root))} && {python_m(f'pip {arguments}')}"
