"""The speaker's sheet of a lesson, one page of HTML to print: when, what to ask, where people go wrong, the answers.

All of it stands in the lesson already: the questions in its notebook, mistakes and answers in its exercises.
"""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from markupsafe import Markup

from autograder.course import Lesson
from autograder.editions import read, text
from autograder.exercise import Exercise
from autograder.registry import of_lesson
from autograder.report.files import write_whole
from autograder.report.html import render

WORDS_A_MINUTE = 130
"""of somebody who explains, an assumption: only how the sections share the lesson's minutes hangs on it"""
CODE = re.compile(r"```.*?```|\$\$.*?\$\$|^\|.*?$", re.DOTALL | re.MULTILINE)
QUESTION = re.compile(r"(?:^|(?<=[.!?:»”\"*] ))(?=[A-Z*«\"“])[^.!?\n]*(?:\.(?=\S)[^.!?\n]*)*\?")
OPTION = re.compile(r"^- \(([a-h])\) (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Choice:
    """A question of a quiz: its options, and why each wrong one is wrong (the right one has no reason)."""

    question: str
    options: list[tuple[str, str, str]]


@dataclass(frozen=True)
class Task:
    """An exercise as the speaker needs it."""

    exercise: Exercise
    choices: list[Choice]

    @property
    def mistakes(self) -> list[tuple[str, str]]:
        """Each known mistake with its diagnosis."""
        return [(m.__name__, " ".join((inspect.getdoc(m) or "").split())) for m in self.exercise.mistakes]

    @property
    def answer(self) -> str:
        """The reference without its docstring, which is the task."""
        return _undocumented(inspect.getsource(self.exercise.reference))


@dataclass
class Section:
    """What stands between two headings: a stretch of the lesson that is presented in one go."""

    title: str
    slides: list[str] = field(default_factory=list)
    prose: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    begins: int = 0
    minutes: int = 0

    @property
    def closes(self) -> bool:
        """Whether it is the lesson's answer to the interview question: all of it is wanted then."""
        return "in the interview" in self.title.lower()

    @property
    def questions(self) -> list[str]:
        """The questions that its text puts, each as a sentence, those of quizzes aside."""
        found = []
        for paragraph in re.split(r"\n\s*\n", "\n\n".join(self.prose)):
            if re.match(r"\*\*`|- \(", paragraph.strip()):
                continue
            found += [_plain(match) for match in QUESTION.findall(" ".join(paragraph.split()))]
        return list(dict.fromkeys(found))

    @property
    def weight(self) -> float:
        """Minutes that it takes by itself: what is said, and what learners write."""
        words = sum(len(CODE.sub("", part).split()) for part in self.prose)
        return words / WORDS_A_MINUTE + sum(task.exercise.minutes for task in self.tasks)


@dataclass(frozen=True)
class Sheet:
    """A lesson as its speaker needs it; `minutes` is what the lesson says that it takes."""

    title: str
    minutes: int
    opening: str
    sections: list[Section]


def sheet(lesson: Lesson) -> Sheet:
    """Read a lesson's sheet from its notebook and its exercises."""
    cells = [(cell, _kind(cell), text(cell)) for cell in read(lesson.notebook)["cells"]]
    by_name = {exercise.name: exercise for exercise in of_lesson(lesson.slug)}
    title, opening = _headed(cells[0][2])
    sections: list[Section] = []
    for cell, kind, source in cells[1:]:
        heading, _ = _headed(source) if cell["cell_type"] == "markdown" else ("", "")
        if not sections and kind == "skip":
            continue
        if (kind == "slide" and heading) or not sections:
            sections.append(Section(heading or title))
        section = sections[-1]
        role = cell["metadata"].get("nbgrader", {})
        if cell["cell_type"] == "markdown":
            (section.notes if kind == "notes" else section.prose).append(source)
            section.slides += [heading] if heading and kind == "subslide" else []
        elif role.get("grade"):
            section.tasks.append(_task(by_name[role["grade_id"]], "\n\n".join(section.prose)))
    stated = re.search(r"(\d+) minutes", opening)
    minutes = int(stated[1]) if stated else round(sum(section.weight for section in sections))
    _share(minutes, sections)
    return Sheet(title, minutes, opening, sections)


def write_sheet(lesson: Lesson, path: Path) -> None:
    """Write a lesson's sheet, whole or not at all; CourseError where it cannot be written."""
    write_whole(path, render("sheet.html", "", sheet=sheet(lesson), markdown=_html, words_a_minute=WORDS_A_MINUTE))


def _task(exercise: Exercise, prose: str) -> Task:
    """An exercise, with the options of its questions where it is a quiz: they stand in the notebook's text."""
    if not exercise.is_quiz:
        return Task(exercise, [])
    why = {mistake.__name__: " ".join((inspect.getdoc(mistake) or "").split()) for mistake in exercise.mistakes}
    choices = []
    for key in exercise.reference():
        asked = re.search(rf"\*\*`{key}`\*\*(.*?)(?=\*\*`|\Z)", prose, re.DOTALL)
        body = re.sub(r"\n +", " ", asked[1]) if asked else ""
        options = [(letter, option, why.get(f"{key}_{letter}", "")) for letter, option in OPTION.findall(body)]
        choices.append(Choice(" ".join(body.split("- (a)")[0].split()), options))
    return Task(exercise, choices)


def _share(minutes: int, sections: list[Section]) -> None:
    """Give each section its part of the lesson's minutes, by what is said in it and what learners write."""
    total = sum(section.weight for section in sections) or 1
    passed = 0.0
    for section in sections:
        section.begins = round(passed)
        passed += minutes * section.weight / total
        section.minutes = round(passed) - section.begins


def _kind(cell: dict[str, Any]) -> str:
    return str(cell["metadata"].get("slideshow", {}).get("slide_type", ""))


def _headed(source: str) -> tuple[str, str]:
    """The heading that a text begins with, else nothing, and the text below it."""
    first, _, rest = source.strip().partition("\n")
    return (_plain(first.lstrip("# ")), rest.strip()) if first.startswith("#") else ("", source)


def _plain(sentence: str) -> str:
    return sentence.replace("*", "").strip()


def _undocumented(source: str) -> str:
    return re.sub(r'^( +)(r?)"""(?:.*?)"""\n+', "", source, count=1, flags=re.DOTALL | re.MULTILINE)


def _html(source: str) -> Markup:
    """Markdown of the course's own as HTML, the headings in it as bold lines: the sheet has its own."""
    from nbconvert.filters import markdown2html

    source = re.sub(r"^#+ (.+)$", r"**\1**", source, flags=re.MULTILINE)
    # a page that loads nothing has no typesetter: a lone symbol is well enough in italics, a formula stays TeX
    return Markup(markdown2html(re.sub(r"\$([A-Za-z])\$", r"*\1*", source)))
