"""Submissions that lie in nbgrader's tree: whose course they are of, how they are read, and the gradebook's one writer.

A course is found by the configuration above the path that was named, never by one below it: that may come from a
learner, and a configuration is run.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import glob
import logging
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import nbformat
from nbconvert.preprocessors import Preprocessor
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.converters import Autograde
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import Execute
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader
from traitlets.utils.importstring import import_item

from autograder.errors import CourseError
from autograder.grading import reading
from autograder.grading.execute import ExecuteBehindWall, ordinary_task
from autograder.grading.one import Task
from autograder.grading.submissions import Submission
from autograder.report.results import GradingFault, SubmissionResult

CONFIGURATION = "nbgrader_config.py"


@dataclasses.dataclass(frozen=True)
class NbGraderCourse:
    """A course folder of nbgrader: `submitted` is where submissions lie in it."""

    root: Path
    submitted: Path
    config: Config

    def directory(self) -> CourseDirectory:
        """Nbgrader's own idea of it."""
        return CourseDirectory(config=self.config)

    @functools.cached_property
    def steps(self) -> list[Preprocessor]:
        """The steps by which nbgrader makes a submission what it was before a learner could change it."""
        steps = Autograde(coursedir=self.directory(), config=self.config).sanitize_preprocessors
        kinds = [import_item(step) if isinstance(step, str) else step for step in steps]
        return [kind(config=self.config) for kind in kinds]

    def place_of(self, file: Path) -> tuple[str, str, str] | None:
        """Learner, assignment and notebook of a file in the submitted tree; None for any other file."""
        with contextlib.suppress(ValueError):
            parts = Path(os.path.abspath(file)).relative_to(self.submitted).parts  # noqa: PTH100 (keeps links)
            if len(parts) == 3:
                return parts[0], parts[1], Path(parts[2]).stem
        return None

    def ordinary_task(self, submission: Submission, *, unsafe: bool) -> Task:
        """The task of a submission for an assignment that is no lesson of this course."""
        learner, assignment, notebook = self.place_of(submission.path) or ("", "", "")
        name = f"{assignment}/{notebook}"
        task = Task(learner, name, str(submission.path), b"", (), unsafe=unsafe, ordinary=True, shown=True)
        content = reading.content_of(submission.path)
        if isinstance(content, GradingFault):
            return dataclasses.replace(task, content=content)
        read = reading.notebook_of(content)
        if isinstance(read, GradingFault):
            return dataclasses.replace(task, content=read)
        about = {"student": learner, "assignment": assignment, "notebook": notebook, "db_url": self.directory().db_url}
        try:
            with Gradebook(about["db_url"]) as gradebook:
                gradebook.find_notebook(notebook, assignment)
            nb = nbformat.reads(content.decode("utf-8-sig"), as_version=4)
            resources = {"nbgrader": about, "metadata": {"path": str(submission.path.parent)}}
            for step in self.steps:
                nb, resources = step(nb, resources)
        except MissingEntry:
            fault = GradingFault(
                "foreign", f"The gradebook knows no notebook {name}: run nbgrader generate_assignment."
            )
            return dataclasses.replace(task, content=fault)
        except Exception as error:  # a damaged notebook fails nbgrader's steps in as many ways as there are
            fault = GradingFault("unreadable", f"nbgrader cannot read it ({type(error).__name__}: {error})")
            return dataclasses.replace(task, content=fault)
        return ordinary_task(nb, about, submission.path, unsafe=unsafe)

    def write(self, learner: str, assignment: str, *, anew: bool, unsafe: bool) -> str:
        """Bring a learner's results into the gradebook by nbgrader's own steps, which find them in the ledger.

        Whoever is in the gradebook already is left alone, unless `anew`. Returns what went wrong, in words.
        """
        directory = self.directory()
        directory.student_id, directory.assignment_id = glob.escape(learner), assignment
        autograde = Autograde(coursedir=directory, config=self._config(unsafe=unsafe))
        autograde.force = anew
        autograde.log = logging.getLogger("autograder.nbgrader")
        autograde.log.setLevel(logging.CRITICAL)
        try:
            autograde.start()
        except (NbGraderException, SystemExit) as error:
            return f"nbgrader did not take it: {error}"
        return ""

    def why_not(self, assignment: str) -> str:
        """Why an assignment is not in the gradebook; empty if it is."""
        url = self.directory().db_url
        file = url.removeprefix("sqlite:///")
        reason = f"the gradebook knows no {assignment}: run nbgrader generate_assignment {assignment}"
        # to ask would make one
        if file != url and not Path(file).exists():
            return reason
        try:
            with Gradebook(url) as gradebook:
                gradebook.find_assignment(assignment)
        except MissingEntry:
            return reason
        return ""

    def _config(self, *, unsafe: bool) -> Config:
        config = Config(self.config)
        steps = Autograde(config=config).autograde_preprocessors
        config.Autograde.autograde_preprocessors = [ExecuteBehindWall if step is Execute else step for step in steps]
        config.ExecuteBehindWall.unsafe_no_sandbox = unsafe
        return config


class Writer:
    """Brings results into a gradebook as they come, while others are being graded: the only one that writes there.

    `files` are all that will come; the notebooks of one folder are written together, with its last. `reasons` holds
    what went wrong, and for whom.
    """

    def __init__(self, course: NbGraderCourse, files: Iterable[Path]) -> None:
        self.course = course
        self.left = Counter(place[:2] for place in map(course.place_of, files) if place is not None)
        self.waiting: dict[tuple[str, str], list[tuple[SubmissionResult, bool]]] = {}
        self.reasons: dict[str, list[str]] = {}
        self._why_not = functools.cache(course.why_not)

    def add(self, result: SubmissionResult, *, anew: bool) -> None:
        """Take a result, and write its folder if that was the last of it. What could not be graded is not written."""
        place = self.course.place_of(Path(result.path))
        if place is None:
            return
        folder = place[:2]
        self.left[folder] -= 1
        if result.graded:
            self.waiting.setdefault(folder, []).append((result, anew))
        if not self.left[folder] and folder in self.waiting:
            self._write(folder, self.waiting.pop(folder))

    def _write(self, folder: tuple[str, str], found: list[tuple[SubmissionResult, bool]]) -> None:
        learner, assignment = folder
        unsafe = not all(result.sandboxed for result, _ in found)
        anew = any(new for _, new in found)
        reason = self._why_not(assignment) or self.course.write(learner, assignment, anew=anew, unsafe=unsafe)
        if reason:
            self.reasons.setdefault(reason, []).append(f"{learner}/{assignment}")


def course_above(path: Path) -> NbGraderCourse | None:
    """The course in whose submitted tree a path lies, if any. Raises CourseError where its configuration fails."""
    here = Path(os.path.abspath(path))  # noqa: PTH100 (keeps links)
    for root in here.parents:
        if not (root / CONFIGURATION).is_file():
            continue
        try:
            config = PyFileConfigLoader(CONFIGURATION, path=str(root)).load_config()
        except Exception as error:
            raise CourseError(f"{root / CONFIGURATION} cannot be loaded: {type(error).__name__}: {error}") from error
        config.CourseDirectory.setdefault("root", str(root))
        directory = CourseDirectory(config=config)
        submitted = Path(directory.root) / directory.submitted_directory
        if here.is_relative_to(submitted):
            return NbGraderCourse(root, submitted, config)
    return None
