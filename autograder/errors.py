"""What can go wrong with the course itself, said in one line.

Every exception that the course raises on purpose derives from `CourseError`; the command line
prints its message and leaves with its `exit_code`.
"""


class CourseError(Exception):
    """A fault with a message for people: what was expected, what was found, what to do.

    `exit_code` is that of the command line: 1 for a fault, 2 (`UsageError`) for a wrong call.
    """

    exit_code = 1


class UsageError(CourseError):
    """A command was called in a way that makes no sense."""

    exit_code = 2
