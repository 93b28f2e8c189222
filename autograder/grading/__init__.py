"""Grading at the size of a class: submissions are found, read with care, judged behind the wall, and remembered."""
