"""The course's grader. A learner needs `check`, `hint` and `reveal`; everybody else starts at `exercises`."""

from autograder.notebook import CheckFailed, check, hint, judge, reveal
from autograder.registry import exercises

__all__ = ["CheckFailed", "check", "exercises", "hint", "judge", "reveal"]
