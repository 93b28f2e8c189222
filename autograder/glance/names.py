"""Nicknames: any that a person would choose, of which nothing is invisible, turned round or endless."""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Container

from autograder.report.cleaning import HIDDEN, MARKS, MOST_MARKS

LONGEST = 40
# the joiners that emoji and some scripts are written with
JOINERS = {"\u200c", "\u200d"}
# letters and signs that show as nothing
BLANK = {"\u115f", "\u1160", "\u2800", "\u3164", "\uffa0"}


def cleaned(name: str) -> str:
    """A nickname of one line and 40 characters at most; empty where nothing of it would show.

    Markup stays as it was typed: it is text, and whoever shows it escapes it.
    """
    text = unicodedata.normalize("NFC", name[: 10 * LONGEST])
    kept = "".join(_shown(character) for character in text)
    runs = itertools.groupby(kept, key=lambda character: unicodedata.category(character) in MARKS)
    kept = "".join("".join(itertools.islice(run, MOST_MARKS) if is_mark else run) for is_mark, run in runs)
    short = " ".join(kept.split())[:LONGEST].strip()
    if not any(unicodedata.category(character)[0] in "LNPS" for character in short):
        return ""
    return short


def _shown(character: str) -> str:
    if character in JOINERS:
        return character
    if character in BLANK or unicodedata.category(character) in {"Cn", "Co"}:
        return ""
    # a line's end or a tab parts two words; what turns or hides text parts nothing
    if unicodedata.category(character) in HIDDEN:
        return " " if character.isspace() else ""
    return character


def told_apart(name: str, taken: Container[str]) -> str:
    """The name, or where it is `taken` (see `folded`) the first of "name (2)", "name (3)", ... that is not."""
    if folded(name) not in taken:
        return name
    for number in itertools.count(2):
        candidate = f"{name[: LONGEST - 7]} ({number})" if len(name) > LONGEST - 7 else f"{name} ({number})"
        if folded(candidate) not in taken:
            return candidate
    raise AssertionError


def folded(name: str) -> str:
    """What two names have in common that a reader would take for one."""
    return unicodedata.normalize("NFKC", name).casefold()
