import ast
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from autograder.course import ROOT, lessons

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# Made here, ignored by git.
NOT_OURS = {".git", ".venv", ".studies", "workspace", "classroom", "__pycache__"}


def pins() -> dict[str, Version]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    found = {}
    for line in lines:
        if not line.startswith("#"):
            name, version = line.split("==")
            found[canonicalize_name(name)] = Version(version)
    return found


def our_files(*suffixes: str) -> Iterator[Path]:
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in NOT_OURS and not name.endswith(("cache", ".egg-info"))]
        yield from (Path(folder, name) for name in files if name.endswith(suffixes))


def make(*arguments: str, where: Path = ROOT) -> subprocess.CompletedProcess[str]:
    # Not a part of the make that may be running these tests.
    alone = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(["make", *arguments], cwd=where, env=alone, capture_output=True, text=True, timeout=60)


def test_conda_s_environment_is_the_project_s() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    python, installer, packages = environment["dependencies"]
    constraints, *names, course = packages["pip"]
    assert python.removeprefix("python ").startswith(PROJECT["requires-python"])
    assert installer == "pip"
    assert constraints == "-c constraints.txt"
    assert sorted(map(Requirement, names), key=str) == sorted(map(Requirement, PROJECT["dependencies"]), key=str)
    assert course == "-e .[test]"


def test_versions_are_written_in_one_place() -> None:
    extras = [name for group in PROJECT["optional-dependencies"].values() for name in group]
    wanted = [Requirement(line) for line in [*PROJECT["dependencies"], *extras]]
    assert [str(name) for name in wanted if name.specifier] == []
    assert {canonicalize_name(name.name) for name in wanted} <= pins().keys()
    # A local label (+cpu) would shut out every other build.
    assert [name for name, version in pins().items() if version.local] == []


def test_this_environment_is_the_pinned_one() -> None:
    installed = {
        canonicalize_name(distribution.name): Version(Version(distribution.version).public)
        # what setuptools carries along for itself is on the path too once it is imported
        for distribution in metadata.distributions(path=[sysconfig.get_path("purelib"), sysconfig.get_path("platlib")])
    }
    differing = {
        name: f"{installed[name]}, pinned {version}"
        for name, version in pins().items()
        if installed.get(name, version) != version
    }
    assert differing == {}
    assert "torch" in installed


def test_make_alone_lists_the_targets() -> None:
    listed = [line.split()[1] for line in make().stdout.splitlines()]
    assert listed == ["lab", "env", "test", "attacks", "lint", "figures"]


def test_make_test_lints_and_ends_with_pytest() -> None:
    commands = make("-n", "test").stdout
    order = [commands.rindex(tool) for tool in ("ruff check", "ruff format --check", "mypy", "pytest -n auto")]
    assert order == sorted(order)


def test_make_lab_opens_the_first_lesson() -> None:
    commands = make("-n", "lab", "LAB_ARGS=--no-browser --port 9999").stdout
    first = lessons()[0].name
    assert commands.index("autograder.cli start") < commands.index("jupyterlab")
    assert f"/lab/tree/workspace/{first}/{first}.ipynb --no-browser --port 9999" in commands


def test_ci_runs_the_test_command_of_the_readme() -> None:
    assert "make test" in (ROOT / "README.md").read_text()
    assert (ROOT / ".ci" / "run").read_text().splitlines()[-1] == "make test"
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def fake_python(folder: Path, lacks: str) -> Path:
    """A Python that fails every program that names `lacks`, in a folder with the Makefile."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, folder)
    fake = folder / "fake-python"
    fake.write_text(f'#!/bin/sh\ncase "$*" in *{lacks}*) exit 1;; esac\nexec "{sys.executable}" "$@"\n')
    fake.chmod(0o755)
    return fake


def test_an_old_python_is_answered_in_one_line(tmp_path: Path) -> None:
    fake = fake_python(tmp_path, lacks="version_info")
    done = make("env", f"PYTHON={fake} no-such-python", where=tmp_path)
    first, *_ = done.stderr.splitlines()
    assert done.returncode == 2
    assert first.startswith(f"Python 3.11 or newer is needed, and none of these is: {fake} no-such-python. Install")
    assert not (tmp_path / ".venv").exists()


def test_a_python_without_venv_is_answered_in_one_line(tmp_path: Path) -> None:
    fake = fake_python(tmp_path, lacks="ensurepip")
    done = make("env", f"PYTHON={fake}", where=tmp_path)
    first, *_ = done.stderr.splitlines()
    assert done.returncode == 2
    assert first.startswith(f"{fake} cannot make an environment (no venv or ensurepip). Install it")
    assert "sudo apt install python{}.{}-venv".format(*sys.version_info[:2]) in first
    assert not (tmp_path / ".venv").exists()


def imported(file: Path) -> set[str]:
    """The top-level packages that a module imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize(
    ("package", "forbidden"), [("metarec", {"solutions", "autograder"}), ("solutions", {"autograder"})]
)
def test_imports_run_one_way(package: str, forbidden: set[str]) -> None:
    files = list((ROOT / package).rglob("*.py"))
    assert files
    assert {str(file): imported(file) & forbidden for file in files if imported(file) & forbidden} == {}


def test_a_lesson_is_one_slug_in_every_place() -> None:
    folders = {path.name for path in (ROOT / "notebooks").iterdir() if path.name != ".ipynb_checkpoints"}
    assert folders == {lesson.name for lesson in lessons()}
    assert len({lesson.number for lesson in lessons()}) == len(lessons())
    for place in ("solutions", "autograder/lessons"):
        modules = {path.stem for path in (ROOT / place).glob("*.py")} - {"__init__"}
        assert modules == {lesson.slug for lesson in lessons()}, place


def test_no_file_holds_a_path_of_a_machine() -> None:
    suffixes = (".py", ".ipynb", ".md", ".toml", ".txt", ".yml", ".css", ".html", ".json", "Makefile", "run")
    elsewhere = re.compile(rf"(?<![\w.])(/home/\w|/Users/\w|{re.escape(str(ROOT))}/|{re.escape(str(Path.home()))}/)")
    found = [str(path) for path in our_files(*suffixes) if elsewhere.search(path.read_text(encoding="utf-8"))]
    assert elsewhere.search(f"open {Path(__file__)}")
    assert found == []
