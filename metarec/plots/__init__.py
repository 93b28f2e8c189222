"""The figures of the lessons: each function returns a `Chart`, which carries its text alternative.

They are loaded when first asked for: a notebook that draws nothing, as one that is graded, is spared Matplotlib.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from metarec.plots.bandits import beliefs, estimate_intervals, regret_curves
    from metarec.plots.curves import objective_by_ratio, training_curves
    from metarec.plots.in_context import reading, scaling
    from metarec.plots.interest import filmstrip, q_heatmap
    from metarec.plots.tabular import learning_curve, policy_map, session_strip
    from metarec.style import show

_HOMES = {
    "beliefs": "metarec.plots.bandits",
    "estimate_intervals": "metarec.plots.bandits",
    "regret_curves": "metarec.plots.bandits",
    "training_curves": "metarec.plots.curves",
    "objective_by_ratio": "metarec.plots.curves",
    "reading": "metarec.plots.in_context",
    "scaling": "metarec.plots.in_context",
    "filmstrip": "metarec.plots.interest",
    "q_heatmap": "metarec.plots.interest",
    "learning_curve": "metarec.plots.tabular",
    "policy_map": "metarec.plots.tabular",
    "session_strip": "metarec.plots.tabular",
    "show": "metarec.style",
}
__all__ = [
    "beliefs",
    "estimate_intervals",
    "filmstrip",
    "learning_curve",
    "objective_by_ratio",
    "policy_map",
    "q_heatmap",
    "reading",
    "regret_curves",
    "scaling",
    "session_strip",
    "show",
    "training_curves",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
