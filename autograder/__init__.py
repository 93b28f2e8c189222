"""The course's grader. A learner needs `check`, `hint` and `reveal`, and at the end `drill`; see also `exercises`."""

from autograder.desk import progress
from autograder.glance.joining import join, leave
from autograder.interview import drill, repair, weak_spots
from autograder.notebook import CheckFailed, check, hint, judge, reveal
from autograder.registry import exercises

__all__ = [
    "CheckFailed",
    "check",
    "drill",
    "exercises",
    "hint",
    "join",
    "judge",
    "leave",
    "progress",
    "repair",
    "reveal",
    "weak_spots",
]
