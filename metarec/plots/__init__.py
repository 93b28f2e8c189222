"""The figures of the lessons: each function returns a `Chart`, which carries its text alternative.

They are loaded when first asked for: a notebook that draws nothing, as one that is graded, is spared Matplotlib.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from metarec.plots.adaptation import adaptation_steps, scores_by_shots
    from metarec.plots.bandits import beliefs, estimate_intervals, regret_curves
    from metarec.plots.capstone import around_jump, bounds_by_log, score_by_cost, scores
    from metarec.plots.curves import objective_by_ratio, training_curves
    from metarec.plots.in_context import reading, scaling
    from metarec.plots.interest import filmstrip, q_heatmap
    from metarec.plots.interests import attention_bars, gate_path, interest_paths, item_map
    from metarec.plots.moving import move
    from metarec.plots.speed import time_bars, time_growth
    from metarec.plots.tabular import learning_curve, policy_map, session_strip
    from metarec.plots.trials import earned_by_step, one_trial
    from metarec.style import show

_HOMES = {
    "adaptation_steps": "metarec.plots.adaptation",
    "scores_by_shots": "metarec.plots.adaptation",
    "beliefs": "metarec.plots.bandits",
    "earned_by_step": "metarec.plots.trials",
    "estimate_intervals": "metarec.plots.bandits",
    "regret_curves": "metarec.plots.bandits",
    "around_jump": "metarec.plots.capstone",
    "bounds_by_log": "metarec.plots.capstone",
    "score_by_cost": "metarec.plots.capstone",
    "scores": "metarec.plots.capstone",
    "training_curves": "metarec.plots.curves",
    "objective_by_ratio": "metarec.plots.curves",
    "reading": "metarec.plots.in_context",
    "scaling": "metarec.plots.in_context",
    "filmstrip": "metarec.plots.interest",
    "q_heatmap": "metarec.plots.interest",
    "move": "metarec.plots.moving",
    "attention_bars": "metarec.plots.interests",
    "gate_path": "metarec.plots.interests",
    "interest_paths": "metarec.plots.interests",
    "item_map": "metarec.plots.interests",
    "time_bars": "metarec.plots.speed",
    "time_growth": "metarec.plots.speed",
    "learning_curve": "metarec.plots.tabular",
    "one_trial": "metarec.plots.trials",
    "policy_map": "metarec.plots.tabular",
    "session_strip": "metarec.plots.tabular",
    "show": "metarec.style",
}
__all__ = [
    "adaptation_steps",
    "around_jump",
    "attention_bars",
    "beliefs",
    "bounds_by_log",
    "earned_by_step",
    "estimate_intervals",
    "filmstrip",
    "gate_path",
    "interest_paths",
    "item_map",
    "learning_curve",
    "move",
    "objective_by_ratio",
    "one_trial",
    "policy_map",
    "q_heatmap",
    "reading",
    "regret_curves",
    "scaling",
    "score_by_cost",
    "scores",
    "scores_by_shots",
    "session_strip",
    "show",
    "time_bars",
    "time_growth",
    "training_curves",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
