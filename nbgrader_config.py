"""How nbgrader runs this course: found from the course's folder, and from a workspace through its own file.

All that nbgrader writes lies under classroom/, which git ignores: release, submitted, autograded, feedback,
gradebook.db and the exchange through which `nbgrader submit` and `nbgrader collect` meet on one machine.
"""

import contextlib
import os
import sys
from pathlib import Path

from nbgrader.converters import Autograde, GenerateAssignment
from nbgrader.preprocessors import DeduplicateIds, Execute

c = get_config()  # noqa: F821  (traitlets puts it there)

ROOT = Path(__file__).resolve().parent
CLASSROOM = ROOT / "classroom"
# SQLite makes the gradebook but not its folder, and Assignment List calls a missing exchange an error.
# Whoever may only read the course is a learner, and needs neither.
with contextlib.suppress(OSError):
    (CLASSROOM / "exchange").mkdir(parents=True, exist_ok=True)

# nbgrader calls `alembic` by name when it makes a gradebook; it is found only in an activated environment.
SCRIPTS = str(Path(sys.executable).parent)
if SCRIPTS not in os.get_exec_path():
    os.environ["PATH"] = os.pathsep.join([SCRIPTS, *os.get_exec_path()])

c.CourseDirectory.course_id = "learning-to-recommend"
c.CourseDirectory.root = str(ROOT)
c.CourseDirectory.db_url = f"sqlite:///{CLASSROOM / 'gradebook.db'}"
c.CourseDirectory.source_directory = "notebooks"
c.CourseDirectory.release_directory = "classroom/release"
c.CourseDirectory.submitted_directory = "classroom/submitted"
c.CourseDirectory.autograded_directory = "classroom/autograded"
c.CourseDirectory.feedback_directory = "classroom/feedback"

c.Exchange.root = str(CLASSROOM / "exchange")
c.Exchange.cache = str(CLASSROOM / "cache")
c.Exchange.assignment_dir = str(ROOT / "workspace")

# Solutions are written in solutions/ alone; the rest of each list is nbgrader's own.
c.GenerateAssignment.preprocessors = [
    "autograder.preprocessors.InlineSolutions",
    *GenerateAssignment.preprocessors.default(),
]

sanitize = Autograde.sanitize_preprocessors.default()
sanitize[sanitize.index(DeduplicateIds) : sanitize.index(DeduplicateIds)] = [
    "autograder.preprocessors.MergeCopies",
    "autograder.preprocessors.NeverSkipGraded",
]
c.Autograde.sanitize_preprocessors = sanitize

# Submissions run behind the wall; Validate runs a learner's own notebook, and needs none.
c.Autograde.autograde_preprocessors = [
    "autograder.grading.execute.ExecuteBehindWall" if step is Execute else step
    for step in Autograde.autograde_preprocessors.default()
]

# For Validate. Training takes up to 40 s on 2 cores, and some machines are slower.
c.Execute.timeout = 180
c.Execute.skip_cells_with_tag = "demo"
