"""What RL² is trained on in benchmarks.rl2, for how long, and what others published of the same tasks."""

from __future__ import annotations

import dataclasses
from typing import Any

from benchmarks.rl2_training import Recipe, Stage

EPISODES = 10
"""Steps of an episode of the decision processes."""


@dataclasses.dataclass(frozen=True)
class Setting:
    """A recipe, and on how many tasks its policies are judged."""

    recipe: Recipe
    tasks: int
    pulls: int
    """steps of a trial"""
    arms: int = 0
    """of a bandit; 0 for a decision process"""
    seeds: int = 3


def bandit(arms: int, *stages: tuple[int, int, int, float], tasks: int, **others: Any) -> Setting:
    """Stages are (pulls, tasks at once, updates, learning rate)."""
    made = [Stage({"n_arms": arms, "n_pulls": pulls}, pulls, at_once, *rest) for pulls, at_once, *rest in stages]
    return Setting(Recipe("metarec/Bandit-v0", tuple(made), **others), tasks, stages[-1][0], arms)


def mdp(*stages: tuple[int, int, int, float], tasks: int, seeds: int, **others: Any) -> Setting:
    """Stages are (episodes, tasks at once, updates, learning rate)."""
    made = [Stage({"episodes_per_trial": n}, EPISODES * n, at_once, *rest) for n, at_once, *rest in stages]
    recipe = Recipe("metarec/RandomMDP-v0", tuple(made), **others)
    return Setting(recipe, tasks, EPISODES * stages[-1][0], seeds=seeds)


ARMS: dict[str, Any] = {"shared": True, "hidden": 24}
"""All arms share one small GRU: on 100 pulls of 5 arms a plain one earned 76 in two minutes, this one 78."""
RECIPES = {
    "bandit_n10_k5": bandit(5, (10, 512, 100, 5e-3), tasks=10_000, **ARMS),
    "bandit_n10_k10": bandit(10, (10, 512, 100, 5e-3), tasks=10_000, **ARMS),
    "bandit_n10_k50": bandit(50, (10, 256, 100, 5e-3), tasks=10_000, **ARMS),
    "bandit_n100_k5": bandit(5, (10, 256, 30, 5e-3), (100, 128, 90, 5e-3), tasks=2000, **ARMS),
    "bandit_n100_k10": bandit(10, (10, 256, 30, 5e-3), (100, 96, 90, 5e-3), tasks=2000, **ARMS),
    "bandit_n100_k50": bandit(50, (10, 128, 40, 5e-3), (100, 24, 60, 5e-3), tasks=1000, **ARMS),
    "mdp_n10": mdp((3, 256, 60, 5e-3), (10, 192, 120, 5e-3), tasks=1000, seeds=1, hidden=128, gamma=0.99),
    "mdp_n25": mdp(
        (3, 256, 60, 5e-3), (10, 192, 120, 5e-3), (25, 96, 60, 3e-3), tasks=1000, seeds=1, hidden=128, gamma=0.99
    ),
}

BANDIT_METHODS = ("random", "gittins", "thompson", "optimistic_thompson", "ucb1", "epsilon_greedy", "greedy", "rl2")
PUBLISHED: dict[str, dict[str, float]] = {
    "bandit_n10_k5": dict(zip(BANDIT_METHODS, (5.0, 6.6, 5.7, 6.5, 6.7, 6.6, 6.6, 6.7), strict=True)),
    "bandit_n10_k10": dict(zip(BANDIT_METHODS, (5.0, 6.6, 5.5, 6.2, 6.7, 6.6, 6.6, 6.7), strict=True)),
    "bandit_n10_k50": dict(zip(BANDIT_METHODS, (5.1, 6.5, 5.2, 5.5, 6.6, 6.5, 6.5, 6.8), strict=True)),
    "bandit_n100_k5": dict(zip(BANDIT_METHODS, (49.9, 78.3, 74.7, 77.9, 78.0, 75.4, 74.8, 78.7), strict=True)),
    "bandit_n100_k10": dict(zip(BANDIT_METHODS, (49.9, 82.8, 76.7, 81.4, 82.4, 77.4, 77.1, 83.5), strict=True)),
    "bandit_n100_k50": dict(zip(BANDIT_METHODS, (49.8, 85.2, 64.5, 67.7, 84.3, 78.3, 78.0, 84.9), strict=True)),
    "mdp_n10": {"random": 100.1, "beb": 150.2, "rl2": 156.2},
    "mdp_n25": {"random": 250.2, "beb": 427.8, "rl2": 445.7},
}
"""Earned in a trial (Duan et al. 2016, tables 1 and 2)."""
