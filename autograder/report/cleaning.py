"""Text of strangers made safe to look at: nothing invisible, nothing that turns or overlaps what stands beside it.

Escaping for HTML or CSV comes after this, where the text is written.
"""

import itertools
import unicodedata

# Control characters, formatting (bidirectional overrides, invisible characters), halves of surrogate pairs, separators.
HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
# Newline and tab; and the joiners of many scripts and emoji, which a name may hold.
LEFT = {"\n", "\t", "\u200c", "\u200d"}
MARKS = {"Mn", "Me"}
MOST_MARKS = 4
LONGEST = 1000


def visible(text: str, longest: int = LONGEST) -> str:
    """`text`, cut short, with what would not show written as its code point, "⟨U+202E⟩"; newlines and tabs stay."""
    cut = text[:longest]
    if not (cut.isascii() and cut.isprintable()):
        cut = _shown(cut.replace("\r\n", "\n"))
    rest = len(text) - longest
    return f"{cut} … (and {rest:,} more characters)" if rest > 0 else cut


def one_line(text: str, longest: int = LONGEST) -> str:
    """The same in one line, for a cell of a table."""
    return " ".join(visible(text, longest).split())


def _shown(text: str) -> str:
    parts = []
    for is_mark, run in itertools.groupby(text, key=lambda character: unicodedata.category(character) in MARKS):
        characters = "".join(run)
        if is_mark and len(characters) > MOST_MARKS:
            # such a pile is drawn over the lines above and below it
            parts.append(f"{characters[:MOST_MARKS]}⟨{len(characters) - MOST_MARKS} more marks⟩")
        else:
            parts += [f"⟨U+{ord(character):04X}⟩" if _hidden(character) else character for character in characters]
    return "".join(parts)


def _hidden(character: str) -> bool:
    return character not in LEFT and unicodedata.category(character) in HIDDEN
