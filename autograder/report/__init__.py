"""What grading found, and how it is told: JSON, HTML and CSV."""

from autograder.report.csv import class_csv, write_csv
from autograder.report.html import class_html, learner_html, write_html
from autograder.report.results import (
    FAULT_KINDS,
    ExerciseResult,
    GradingFault,
    SubmissionResult,
    read_json,
    write_json,
)

__all__ = [
    "FAULT_KINDS",
    "ExerciseResult",
    "GradingFault",
    "SubmissionResult",
    "class_csv",
    "class_html",
    "learner_html",
    "read_json",
    "write_csv",
    "write_html",
    "write_json",
]
