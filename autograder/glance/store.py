"""What a classroom keeps on the disk, so that it comes back after a restart: one SQLite file.

It holds the two tokens, nicknames, and for each learner and exercise whether it passed and which mistake it was. Of a
learner's key only a digest is there.
"""

from __future__ import annotations

import dataclasses
import os
import secrets
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

from autograder.errors import CourseError

APPLICATION = 0x4C324352  # marks the file as ours
# easily typed from a screen: no letter or digit looks like another
ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
GROUPS = 3

TABLES = """
CREATE TABLE IF NOT EXISTS tokens (name TEXT PRIMARY KEY, token TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS learners (
    id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, nickname TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS states (
    learner INTEGER NOT NULL REFERENCES learners ON DELETE CASCADE, exercise TEXT NOT NULL,
    passed INTEGER NOT NULL, diagnosis TEXT, at REAL NOT NULL, PRIMARY KEY (learner, exercise)
) STRICT, WITHOUT ROWID;
"""


@dataclasses.dataclass(frozen=True)
class State:
    """What a learner's last check of an exercise said; `at` is when it was heard of, in seconds since the epoch."""

    passed: bool
    diagnosis: str | None
    at: float


class Store:
    """The file of one classroom, which no second process may open. Raises CourseError where it cannot be used."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # readable for its owner alone: it holds the tokens
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            self._database = sqlite3.connect(path, isolation_level=None, timeout=1)
            self._open()
        except OSError as error:
            raise CourseError(f"The classroom's file {path} cannot be written: {error.strerror}.") from error
        except sqlite3.OperationalError as error:
            raise CourseError(f"{path} is in use, by another classroom perhaps: {error}.") from error
        except sqlite3.DatabaseError as error:
            raise CourseError(f"{path} is no classroom's file. Name another: --database FILE") from error

    def _open(self) -> None:
        run = self._database.execute
        (mark,), (tables,) = (
            run("PRAGMA application_id").fetchone(),
            run("SELECT count(*) FROM sqlite_schema").fetchone(),
        )
        if mark != APPLICATION and (mark or tables):
            raise sqlite3.DatabaseError
        run("PRAGMA locking_mode = EXCLUSIVE")
        run("PRAGMA journal_mode = WAL")
        run("PRAGMA synchronous = NORMAL")
        run("PRAGMA foreign_keys = ON")
        # what a learner takes back is overwritten, not only forgotten
        run("PRAGMA secure_delete = ON")
        run("BEGIN EXCLUSIVE")
        run(f"PRAGMA application_id = {APPLICATION}")
        for statement in filter(str.strip, TABLES.split(";")):
            run(statement)
        run("COMMIT")

    def token(self, name: str) -> str:
        """The token of that name, which is made once: "join" is typed by people, "screen" is not."""
        made = _typed() if name == "join" else secrets.token_urlsafe(24)
        self._database.execute("INSERT OR IGNORE INTO tokens VALUES (?, ?)", (name, made))
        return str(self._database.execute("SELECT token FROM tokens WHERE name = ?", (name,)).fetchone()[0])

    def learners(self) -> Iterator[tuple[int, str, str]]:
        """Each learner's id, the digest of the key, and the nickname."""
        yield from self._database.execute("SELECT id, key, nickname FROM learners")

    def states(self) -> Iterator[tuple[int, str, State]]:
        """Each state as learner, exercise, state."""
        for learner, exercise, passed, diagnosis, at in self._database.execute("SELECT * FROM states"):
            yield learner, exercise, State(bool(passed), diagnosis, at)

    def add(self, key: str, nickname: str) -> int:
        """Keep a new learner, and return the id."""
        return int(
            self._database.execute("INSERT INTO learners (key, nickname) VALUES (?, ?)", (key, nickname)).lastrowid or 0
        )

    def rename(self, learner: int, nickname: str) -> None:
        """Keep another nickname."""
        self._database.execute("UPDATE learners SET nickname = ? WHERE id = ?", (nickname, learner))

    def keep(self, learner: int, states: Iterable[tuple[str, State]]) -> None:
        """Keep the states of these exercises, in the place of earlier ones."""
        rows = [(learner, exercise, state.passed, state.diagnosis, state.at) for exercise, state in states]
        self._database.execute("BEGIN")
        self._database.executemany("INSERT OR REPLACE INTO states VALUES (?, ?, ?, ?, ?)", rows)
        self._database.execute("COMMIT")

    def forget(self, learner: int) -> None:
        """Delete all that is kept of a learner, from the journal too."""
        self._database.execute("DELETE FROM learners WHERE id = ?", (learner,))
        self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Close the file."""
        self._database.close()


def _typed() -> str:
    return "-".join("".join(secrets.choice(ALPHABET) for _ in range(4)) for _ in range(GROUPS))
