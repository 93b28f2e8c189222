"""RL² on the paper's bandits and decision processes, beside what does well there and what was published.

    python -m benchmarks.rl2 [--workers 1] [--json FILE]

For each setting policies are trained from seeds 0, 1 and 2 by the recipes in `benchmarks.rl2_recipes`
(`benchmarks.rl2_training` says how that differs from the lesson's trainer), and play tasks that nobody has been trained
on, the likeliest action each time.

    bandit_nN_kK            earned in N pulls of K arms: the mean over seeds and 10,000 tasks (2,000 where N is 100)
    mdp_nN                  earned in N episodes of ten steps, over 1,000 tasks
    NAME_interval           half the width of a 95 % interval over tasks, each task's figure the mean over seeds
    NAME_seeds_sd           standard deviation between the seeds
    NAME_METHOD             what a baseline earns on the same tasks (bandit_baselines, mdp_baselines)
    NAME_over_METHOD        RL² less that baseline, with an interval over the same tasks
    NAME_published_METHOD   Duan et al. 2016, tables 1 and 2
    NAME_seconds            of one core, to train one policy, the mean over seeds

What a pull earns is the mean of the arm pulled, so that its luck adds no noise. The weights of seed 0, in half
precision, are kept as `rl2_bandit_nN_kK` and `rl2_mdp_nN`, and all figures are of policies rounded like that.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks import bandit_baselines, mdp_baselines, rl2_training
from benchmarks.pieces import Key, Pieces, Result
from benchmarks.report import report
from benchmarks.rl2_recipes import EPISODES, PUBLISHED, RECIPES, Setting
from metarec import recurrent
from metarec.shipped import keep_record, keep_weights

SEEDS = 3
HELD_OUT = 1_000_000_000
"""The seed of the tasks that all are judged on: far from every seed of training or tuning."""
COMMAND = "python -m benchmarks.rl2"


def trained(key: Key) -> Result:
    """The weights of one policy, in half precision, what it earns at each step of each held-out task, and seconds."""
    torch.set_num_threads(1)
    setting = RECIPES[key["name"]]
    began = time.process_time()
    policy = rl2_training.train(setting.recipe, key["seed"])
    seconds = time.process_time() - began
    weights = {name: value.detach().half() for name, value in policy.state_dict().items()}
    return {"weights": weights, "earned": judged(setting, weights), "seconds": seconds}


def judged(setting: Setting, weights: Mapping[str, Tensor]) -> Tensor:
    """What a policy with these weights earns at each step of each held-out task [T, N]."""
    policy = recurrent.arms_policy(weights, setting.arms) if setting.recipe.shared else recurrent.gru_policy(weights)
    envs = rl2_training.make(setting.recipe, setting.recipe.stages[-1], setting.tasks)
    observation, _ = envs.reset(seed=HELD_OUT)
    return rl2_training.play(policy, envs, observation, setting.pulls, None)["expected"]


def baselines(key: Key) -> Result:
    """What each baseline earns at each step of the held-out tasks [T, N], by name."""
    torch.set_num_threads(1)
    setting = RECIPES[key["name"]]
    if setting.arms:
        chosen = bandit_baselines.policies(setting.arms, setting.pulls)
        return {
            name: bandit_baselines.play(policy, setting.arms, setting.pulls, setting.tasks, HELD_OUT)
            for name, policy in chosen.items()
        }
    episodes = setting.pulls // EPISODES
    plans = mdp_baselines.plans(episodes)
    return {name: mdp_baselines.play(plan, episodes, setting.tasks, HELD_OUT) for name, plan in plans.items()}


def interval(values: Tensor) -> float:
    """Half the width of a 95 % interval of the mean."""
    return 1.96 * float(values.std()) / math.sqrt(len(values))


def figures_of(name: str, seeds: list[Result], others: Result) -> dict[str, float]:
    """All figures of one setting."""
    totals = torch.stack([result["earned"].sum(dim=0) for result in seeds])
    ours = totals.mean(dim=0)
    found = {name: float(ours.mean()), f"{name}_interval": interval(ours)}
    if len(seeds) > 1:
        found[f"{name}_seeds_sd"] = float(totals.mean(dim=1).std())
    found[f"{name}_seconds"] = sum(result["seconds"] for result in seeds) / len(seeds)
    for other, earned in others.items():
        total = earned.sum(dim=0)
        found |= {f"{name}_{other}": float(total.mean()), f"{name}_over_{other}": float((ours - total).mean())}
        found[f"{name}_over_{other}_interval"] = interval(ours - total)
    return found | {f"{name}_published_{method}": value for method, value in PUBLISHED.get(name, {}).items()}


def curves_of(seeds: list[Result], others: Result) -> dict[str, list[list[float]]]:
    """By method the mean earned at each step, over tasks, and half of its interval."""
    runs = {"rl2": torch.stack([result["earned"] for result in seeds]).mean(dim=0)} | others
    return {
        name: [[round(float(x), 4) for x in earned.mean(dim=1)], [round(interval(row), 4) for row in earned]]
        for name, earned in runs.items()
    }


def main() -> None:
    """Train what is not trained yet, judge, print, keep, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as a flat JSON object")
    parser.add_argument("--workers", type=int, default=1, help="processes that train, default 1")
    asked = parser.parse_args()
    keys: list[Key] = [
        {"name": name, "seed": seed, "recipe": repr(setting)}
        for seed in range(SEEDS)
        for name, setting in RECIPES.items()
        if seed < setting.seeds
    ]
    policies: dict[str, list[Result]] = {}
    for key, result in Pieces("rl2", rl2_training, recurrent).over(keys, trained, workers=asked.workers):
        policies.setdefault(key["name"], []).append(result)
    names: list[Key] = [{"name": name, "tasks": setting.tasks} for name, setting in RECIPES.items()]
    known = Pieces("rl2_baselines", bandit_baselines, mdp_baselines)
    figures: dict[str, Any] = {}
    curves: dict[str, Any] = {}
    for key, others in known.over(names, baselines, workers=asked.workers):
        name, seeds = key["name"], policies[key["name"]]
        figures |= figures_of(name, seeds, others)
        curves[name] = curves_of(seeds, others)
        keep_weights(f"rl2_{name}", seeds[0]["weights"])
    kept = {name: round(value, 4) for name, value in figures.items()}
    keep_record("rl2", {"figures": kept, "curves": curves}, command=COMMAND)
    report("RL²", figures, asked.json)


if __name__ == "__main__":
    main()
