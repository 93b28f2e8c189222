"""The figures of the lessons: each function returns a `Chart`, which carries its text alternative."""

from metarec.plots.tabular import learning_curve, policy_map, session_strip
from metarec.style import show

__all__ = ["learning_curve", "policy_map", "session_strip", "show"]
