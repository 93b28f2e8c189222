"""Writing a file whole or not at all."""

import secrets
from pathlib import Path

from autograder.errors import CourseError


def write_whole(path: Path, content: str) -> None:
    """Write UTF-8 text: a reader finds the old file or the new one, never a part. Makes the folder where there is none.

    A pipe or a device, such as /dev/stdout, is written to as it is. Raises CourseError where it cannot be written.
    """
    try:
        if path.parts[:2] in (("/", "dev"), ("/", "proc")) or path.is_fifo():
            with path.open("w", encoding="utf-8", newline="") as stream:
                stream.write(content)
            return
        target = path.resolve()
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name[:100]}.{secrets.token_hex(4)}")
        try:
            with temporary.open("x", encoding="utf-8", newline="") as file:
                file.write(content)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as fault:
        raise CourseError(f"{path} cannot be written: {fault.strerror}. Choose another place for it.") from fault
