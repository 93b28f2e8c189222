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
from collections.abc import Iterator, Sequence
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

    def write(self, results: Sequence[SubmissionResult], *, anew: bool) -> Iterator[tuple[str, str]]:
        """Bring results into the gradebook by nbgrader's own steps, which find them in the ledger.

        Whoever is in the gradebook already is left alone, unless `anew`. Yields learner/assignment and what went wrong.
        """
        places = {self.place_of(Path(result.path)): result for result in results if result.graded}
        folders = {place[:2]: result for place, result in places.items() if place is not None}
        reasons = {assignment: self._why_not(assignment) for _, assignment in folders}
        for (learner, assignment), result in folders.items():
            reason = reasons[assignment] or self._write(learner, assignment, result, anew)
            yield f"{learner}/{assignment}", reason

    def _why_not(self, assignment: str) -> str:
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

    def _write(self, learner: str, assignment: str, result: SubmissionResult, anew: bool) -> str:
        directory = self.directory()
        directory.student_id, directory.assignment_id = glob.escape(learner), assignment
        autograde = Autograde(coursedir=directory, config=self._config_of(result))
        autograde.force = anew
        autograde.log = logging.getLogger("autograder.nbgrader")
        autograde.log.setLevel(logging.CRITICAL)
        try:
            autograde.start()
        except (NbGraderException, SystemExit) as error:
            return f"nbgrader did not take it: {error}"
        return ""

    def _config_of(self, result: SubmissionResult) -> Config:
        config = Config(self.config)
        steps = Autograde(config=config).autograde_preprocessors
        config.Autograde.autograde_preprocessors = [ExecuteBehindWall if step is Execute else step for step in steps]
        config.ExecuteBehindWall.unsafe_no_sandbox = not result.sandboxed
        return config


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
