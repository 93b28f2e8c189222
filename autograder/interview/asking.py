"""One question as it is put to somebody: its options in some order, how an answer is read, and what is said to it."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

from autograder.interview.questions import Bug, Choice, Number, Option, Question

LETTERS = "abcdef"


class Unreadable(ValueError):
    """An answer that is none: its message says what would be one."""


@dataclass(frozen=True)
class Marked:
    """What is said to an answer: whether it is right, why (not), and the right answer in words."""

    right: bool
    reason: str
    answer: str


@dataclass(frozen=True)
class Asked:
    """A question with its options in the order in which they are shown (none where a number or a line is asked)."""

    question: Question
    options: tuple[Option, ...] = ()

    @property
    def keys(self) -> list[str]:
        """What may be answered, where that is a choice: letters, or the numbers of lines that are not empty."""
        if isinstance(self.question, Bug):
            return [str(n) for n, text in enumerate(self.question.code.splitlines(), 1) if text.strip()]
        return list(LETTERS[: len(self.options)])

    @property
    def wanted(self) -> str:
        """What to answer with, for a prompt."""
        if isinstance(self.question, Number):
            return f"a number ({self.question.unit})" if self.question.unit else "a number"
        if isinstance(self.question, Bug):
            return "the number of the faulty line"
        return f"a letter, {self.keys[0]} to {self.keys[-1]}"

    def mark(self, given: str) -> Marked:
        """Judge an answer as it was typed. Raises Unreadable for what is no answer to this question."""
        question, text = self.question, given.strip().lower()
        if isinstance(question, Number):
            value = number(text)
            right = question.accepts(value)
            answer = f"{question.answer:g} {question.unit}".strip()
            return Marked(right, question.because if right else question.reason(value), answer)
        if text not in self.keys:
            raise Unreadable(f"Answer with {self.wanted}.")
        if isinstance(question, Bug):
            reasons = dict(question.others)
            right = int(text) == question.line
            answer = f"line {question.line}, which should be: {question.repaired.strip()}"
            return Marked(right, question.because if right else reasons[int(text)], answer)
        option = self.options[self.keys.index(text)]
        right_at = next(at for at, other in enumerate(self.options) if other.right)
        return Marked(option.right, option.reason, f"({LETTERS[right_at]}) {self.options[right_at].text}")


def ask(question: Question, rng: random.Random) -> Asked:
    """Put a question, its options shuffled by `rng`."""
    if not isinstance(question, Choice):
        return Asked(question)
    options = list(question.options)
    rng.shuffle(options)
    return Asked(question, tuple(options))


def number(text: str) -> float:
    """The number that somebody typed: 0.5, 0,5, 1/2, 50 %, or with a unit behind it."""
    match = re.match(r"([-+]?[\d.,]*\d(?:e[-+]?\d+)?)\s*(?:/\s*(\d+(?:\.\d+)?))?\s*(%?)", text.replace("−", "-"))
    if match:
        try:
            digits = match[1]
            # 20,000 has thousands, 0,5 a decimal comma
            grouped = re.fullmatch(r"[-+]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?", digits)
            value = float(digits.replace(",", "" if grouped else "."))
            return value / float(match[2] or 1) / (100 if match[3] else 1)
        except (ValueError, ZeroDivisionError):
            pass
    raise Unreadable("Answer with a number, such as 0.5 or 3/4.")
