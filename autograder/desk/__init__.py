"""The learner's desk: what their own checks said, what is left, what is next, and grading before handing in."""


def progress() -> None:
    """Show which exercises have passed, how many minutes are left, and what is next."""
    # it looks at all lessons, which takes seconds to import
    from autograder.desk.telling import show_progress

    show_progress()
