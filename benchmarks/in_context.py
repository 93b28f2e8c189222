"""Transformers that learn bandits from what they read: against Bayes' rule, by size and tasks, and on strange tasks.

    python -m benchmarks.in_context [--tasks 2000] [--sizes 5] [--workers 1] [--json FILE]

All are decision-pretrained on Bernoulli bandits with uniform rates (`benchmarks/pretraining.py`), and earn what the
arms that they pull pay on average, over as many held-out tasks, the same for all. NAME_interval is half the width of a
95 % interval over these tasks. It takes about 20 minutes of one core, goes on where it was stopped, and keeps
`in_context_bandit_kK` and `in_context_alike_kK` (weights) and `in_context` (the lesson's record).

1. 100 pulls, 5 and 10 arms, two seeds of training. bandit_n100_kK is the lesson's network, alike_n100_kK one network
   for all arms (`metarec.transformer.ArmsAlike`). _sampled (temperature 1) and _sharpened (¼) are means over seeds,
   _sampled_of_thompson and _sharpened_of_gittins shares of what these earn, _kl nats per decision from the posterior;
   beside them thompson_, sharpened_bayes_ and gittins_ with the exact posterior.
2. Scaling, 5 arms, 20 pulls: five sizes (or the first `--sizes`), each on 10 and 100 distinct tasks and on ever new
   ones, with 250 updates each, whatever the size. regret_P_N: what the best arm pays more over all pulls, with P
   parameters and N tasks, sharpened; kl_P_N: nats per decision from the posterior. `exponent_of_kl` is the slope of
   log kl by log P, up to the size with the least. The largest size has one seed, the next two, the others three.
3. Strange tasks for the policy of 100 pulls: rare clicks, arms that are nearly alike, arms that drift, three times as
   many pulls. Beside it the exact posterior of the same uniform prior, and of the right one or one that forgets, all
   at ¼: TASK_WHO_regret.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from benchmarks import bandit_baselines, pretraining
from benchmarks.pieces import Key, Pieces, Result
from benchmarks.pretraining import (
    Bayes,
    Indexed,
    Policy,
    Reader,
    earned,
    from_bayes,
    pool,
    pretrained,
    pretrained_alike,
    uniform,
)
from benchmarks.report import arguments, report
from metarec import posterior, shipped
from metarec import transformer as transformers
from solutions import in_context as lesson

COMMAND = "python -m benchmarks.in_context"
ARMS, PULLS = (5, 10), 100
STAGES = {5: ((20, 600), (100, 400)), 10: ((30, 1500), (100, 400))}
"""by arms: pulls of a context and updates, the short contexts first, since they are cheap and teach to count"""
ALIKE = ((30, 400), (100, 200))
"""the same with one network for all arms"""
SIZES = ((16, 1, 8), (32, 1, 8), (64, 1, 8), (128, 2, 8), (256, 4, 8))
"""width, layers, heads"""
TASKS = (10, 100, 0)
"""distinct tasks to pretrain on, 0 for ever new ones"""
SHORT, UPDATES, BATCH, BATCH_ALIKE = 20, 250, 48, 16
HELD_OUT = 20_261_125
"""The seed of the tasks that all are judged on. Recipes were chosen on others, of seeds 987654321 and 424242."""


def held_out(arms: int, tasks: int) -> pretraining.Rates:
    """The tasks that all are judged on."""
    return np.random.default_rng(HELD_OUT).random((tasks, arms))


def seeds_of(size: int) -> tuple[int, ...]:
    """Three seeds, of the two largest sizes fewer: they take most of the time."""
    return {3: (0, 1), 4: (0,)}.get(size, (0, 1, 2))


def bandits(key: Key) -> Result:
    """A policy for 100 pulls, and what it earns by temperature."""
    arms, policy = key["arms"], None
    for stage, (pulls, updates) in enumerate(STAGES[arms]):
        seed = key["seed"] + 1000 * stage
        policy = pretrained(
            (64, 1, 8), uniform(arms), pulls=pulls, updates=updates, batch=BATCH, seed=seed, start=policy
        )
    assert policy is not None
    return {"weights": policy.state_dict(), **judged(policy, key)}


def alike(key: Key) -> Result:
    """The same with one network for all arms."""
    policy = pretrained_alike((32, 1, 4), uniform(key["arms"]), ALIKE, batch=BATCH_ALIKE, seed=key["seed"])
    return {"weights": policy.each.state_dict(), **judged(policy, key)}


def judged(policy: Policy, key: Key) -> Result:
    """What a policy for 100 pulls earns by temperature, and how far it is from the posterior."""
    arms = key["arms"]
    rates = held_out(arms, key["tasks"])
    means = {str(t): earned(Reader(policy, len(rates), arms, t), rates, PULLS, key["seed"]) for t in (1.0, 0.25)}
    return {"means": means, "kl": from_bayes(policy, arms, PULLS)}


def yardsticks(key: Key) -> Result:
    """What is earned by who knows the prior."""
    arms, pulls = key["arms"], key["pulls"]
    rates = held_out(arms, key["tasks"])
    shape = rates.shape
    agents = {"thompson": Bayes(shape), "sharpened_bayes": Bayes(shape, power=4), "gittins": Indexed(shape, pulls)}
    return {name: earned(agent, rates, pulls, 1) for name, agent in agents.items()}


def scaling(key: Key) -> Result:
    """One size on one amount of tasks."""
    tasks = pool(key["tasks"], 5, key["seed"]) if key["tasks"] else uniform(5)
    policy = pretrained(SIZES[key["size"]], tasks, pulls=SHORT, updates=UPDATES, batch=BATCH, seed=key["seed"])
    rates = held_out(5, key["judged"])
    return {
        "parameters": sum(p.numel() for p in policy.parameters()),
        "kl": from_bayes(policy, 5, SHORT),
        "means": {str(t): earned(Reader(policy, len(rates), 5, t), rates, SHORT, 1) for t in (1.0, 0.25)},
    }


def strange(tasks: int) -> dict[str, tuple[pretraining.Rates, int, dict[str, Any]]]:
    """Tasks of another kind than those of the pretraining: rates, pulls, and what fits them better than the prior."""
    rng = np.random.default_rng(HELD_OUT + 1)
    base = rng.uniform(0.1, 0.9, (tasks, 1))
    early, late = (rng.random((tasks, 5)) for _ in range(2))
    share = np.linspace(0, 1, PULLS)[None, :, None]
    return {
        "as_trained": (held_out(5, tasks), PULLS, {}),
        "rare": (rng.beta(1, 19, (tasks, 5)), PULLS, {"prior": (1, 19)}),
        "alike": (base + rng.uniform(-0.1, 0.1, (tasks, 5)), PULLS, {}),
        "drifting": (np.where(share < 0.5, early[:, None], late[:, None]), PULLS, {"forgets": 0.05}),
        "longer": (held_out(5, tasks), 3 * PULLS, {}),
    }


def abroad(policy: transformers.CausalTransformer, tasks: int) -> dict[str, dict[str, torch.Tensor]]:
    """Regret [B, pulls] on strange tasks, by agent."""
    found: dict[str, dict[str, torch.Tensor]] = {}
    for name, (rates, pulls, fitting) in strange(tasks).items():
        shape = (tasks, 5)
        agents: dict[str, Reader | Bayes] = {
            "transformer": Reader(policy, tasks, 5, 0.25),
            "bayes": Bayes(shape, power=4),
        }
        if fitting:
            agents["fitting"] = Bayes(shape, power=4, **fitting)
        best = torch.as_tensor(rates.max(axis=-1), dtype=torch.float32)
        best = best if best.ndim == 2 else best[:, None]
        found[name] = {agent: best - earned(acts, rates, pulls, 1) for agent, acts in agents.items()}
    return found


def interval(values: torch.Tensor) -> float:
    """Half the width of a 95 % interval of the mean."""
    return 1.96 * float(values.std()) / math.sqrt(len(values))


def curve(means: torch.Tensor) -> list[float]:
    """The mean over tasks [pulls] of [B, pulls], for a record."""
    return [round(float(x), 4) for x in means.mean(dim=0)]


def exponent(parameters: list[float], kl: list[float]) -> tuple[float, float, int]:
    """Slope and offset of log kl by log parameters, over the sizes up to the last that is better than all before."""
    last = int(np.argmin(kl)) + 1
    if last < 2:
        return 0.0, math.log(kl[0]), last
    slope, offset = np.polyfit(np.log(parameters[:last]), np.log(kl[:last]), 1)
    return float(slope), float(offset), last


def long_bandits(over: Callable[..., Any], tasks: int, figures: dict[str, float]) -> dict[str, Any]:
    """Part 1; keeps the first seed's weights."""
    record = {}
    for arms in ARMS:
        (_, known), *_ = over([{"part": "known", "arms": arms, "pulls": PULLS, "tasks": tasks}], yardsticks)
        gittins = known["gittins"].sum(dim=1)
        for who, means in known.items():
            figures |= {f"{who}_n{PULLS}_k{arms}": float(means.sum(dim=1).mean())}
            figures |= {f"{who}_n{PULLS}_k{arms}_interval": interval(means.sum(dim=1))}
        best = torch.from_numpy(held_out(arms, tasks).max(axis=1)).float()[:, None]
        record[str(arms)] = {who: curve(best - means) for who, means in known.items()}
        for part, compute in (("bandits", bandits), ("alike", alike)):
            keys = [{"part": part, "arms": arms, "seed": seed, "tasks": tasks} for seed in (0, 1)]
            runs = [result for _, result in over(keys, compute)]
            kept = {name: value.half() for name, value in runs[0]["weights"].items()}
            shipped.keep_weights(f"in_context_{part.removesuffix('s')}_k{arms}", kept)
            name = f"{part.removesuffix('s')}_n{PULLS}_k{arms}"
            figures[f"{name}_kl"] = float(np.mean([run["kl"] for run in runs]))
            figures[f"{name}_parameters"] = sum(value.numel() for value in kept.values())
            for temperature, how in (("1.0", "sampled"), ("0.25", "sharpened")):
                each = torch.stack([run["means"][temperature].sum(dim=1) for run in runs])
                yard = gittins if how == "sharpened" else known["thompson"].sum(dim=1)
                figures[f"{name}_{how}"] = float(each.mean())
                figures[f"{name}_{how}_interval"] = interval(each.mean(dim=0))
                figures |= {f"{name}_{how}_seed_{seed}": float(mean) for seed, mean in enumerate(each.mean(dim=1))}
                beside = f"{name}_{how}_of_{'gittins' if how == 'sharpened' else 'thompson'}"
                figures[beside] = float(each.mean() / yard.mean())
                figures[f"{beside}_interval"] = interval((each.mean(dim=0) - yard) / yard.mean())
                means = torch.stack([run["means"][temperature] for run in runs]).mean(dim=0)
                record[str(arms)][f"{part.removesuffix('s')}_{how}"] = curve(best - means)
    return record


def by_size(over: Callable[..., Any], tasks: int, sizes: int, figures: dict[str, float]) -> dict[str, Any]:
    """Part 2."""
    (_, known), *_ = over([{"part": "known", "arms": 5, "pulls": SHORT, "tasks": tasks}], yardsticks)
    best = torch.from_numpy(held_out(5, tasks).max(axis=1)).float()
    yards = {who: float((best - means.mean(dim=1)).mean() * SHORT) for who, means in known.items()}
    figures |= {f"regret_{who}": value for who, value in yards.items()}
    keys = [
        {"part": "scaling", "size": size, "tasks": amount, "seed": seed, "judged": tasks}
        for size in range(sizes)
        for amount in TASKS
        for seed in seeds_of(size)
    ]
    cells: dict[tuple[int, int], list[Result]] = {}
    for key, result in over(keys, scaling):
        cells.setdefault((key["size"], key["tasks"]), []).append(result)
    rows = []
    for (_, amount), results in cells.items():
        each = torch.stack([(best - result["means"]["0.25"].mean(dim=1)) * SHORT for result in results])
        row = {
            "parameters": results[0]["parameters"],
            "tasks": amount,
            "regret": [float(x) for x in each.mean(dim=1)],
            "regret_interval": interval(each.mean(dim=0)),
            "kl": [result["kl"] for result in results],
            "by_pull": curve(best[:, None] - torch.stack([result["means"]["0.25"] for result in results]).mean(dim=0)),
        }
        rows.append(row)
        name = f"{row['parameters']}_{amount or 'all'}"
        figures |= {f"regret_{name}": float(np.mean(row["regret"])), f"regret_{name}_interval": row["regret_interval"]}
        figures[f"kl_{name}"] = float(np.mean(row["kl"]))
    fits = {}
    for amount in TASKS:
        line = [row for row in rows if row["tasks"] == amount]
        slope, offset, last = exponent([r["parameters"] for r in line], [float(np.mean(r["kl"])) for r in line])
        fits[str(amount)] = {"slope": slope, "offset": offset, "largest": line[last - 1]["parameters"]}
        figures |= {
            f"exponent_of_kl_{amount or 'all'}": slope,
            f"kl_falls_up_to_{amount or 'all'}": line[last - 1]["parameters"],
        }
    return {"rows": rows, "fits": fits, "yardsticks": yards, "updates": UPDATES, "batch": BATCH, "pulls": SHORT}


def main() -> None:
    """Measure, keep, print, write."""
    asked = arguments(__doc__, tasks=2000, sizes=len(SIZES), workers=1)
    pieces = Pieces("in_context", pretraining, bandit_baselines, lesson, posterior, transformers, sys.modules[__name__])

    def over(keys: list[Key], compute: Callable[[Key], Result]) -> list[tuple[Key, Result]]:
        return list(pieces.over(keys, compute, workers=asked.workers))

    figures: dict[str, float] = {}
    record: dict[str, Any] = {"bandits": long_bandits(over, asked.tasks, figures)}
    record["scaling"] = by_size(over, asked.tasks, asked.sizes, figures)
    regrets = abroad(transformers.bandit_policy(5), asked.tasks)
    record["strange"] = {task: {who: curve(r) for who, r in agents.items()} for task, agents in regrets.items()}
    for task, agents in regrets.items():
        for who, regret in agents.items():
            total = regret.sum(dim=1)
            figures |= {f"{task}_{who}_regret": float(total.mean()), f"{task}_{who}_regret_interval": interval(total)}
    shipped.keep_record("in_context", {**record, "figures": figures}, command=COMMAND)
    report("bandits in context", figures, asked.json)


if __name__ == "__main__":
    main()
