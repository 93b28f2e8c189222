"""The capstone's methods on the same held-out cohorts of metarec/Interest-v0, theta hidden from all but the planner.

    python -m benchmarks.capstone [--more 15] [--users 512] [--json FILE]

A cohort is a catalogue and users of its own: there are five. Whoever trains for no more than seconds meets the new
users of 15 `more`, so that score_random, score_myopic and score_adaptive are means over twenty. Scores are on the scale
of lesson 11: 0 is the random policy, 1 the planner that sees theta, on the same users. NAME_interval is half the width
of a 95 % interval over cohorts (Student).

    score_NAME      on new users of the catalogue that it was trained on
        random      another draw of it
        myopic      the posterior mean of theta, the item of greatest click probability; nothing is trained
        dqn, ppo    lessons 04 and 05, from the history's observations
        rl2         lesson 08's recurrent recommender; its critic saw theta in training, it never did
        in_context  lesson 09's transformer, pretrained on logs of users whose theta was known: its guess of theta, for
                    which the planner plans
        adaptive    the reference of `train_policy`
    adaptive_over_myopic    the difference of the two scores on the same users
    NAME_lowest             of all cohorts
    NAME_CONDITION  the same on trained_users, on new_items (1,000, of which half are new), on a new_catalogue
    generalisation_gap      adaptive on the users of its training, less on new ones
    recovery_NAME           clicks in the 50 steps after theta has jumped, per user who was there at the jump
    gate_false_pass         share of logs by which a policy worth just what the running one is passes, at level 0.95
    gate_false_stop         share of logs by which the better one is stopped; both of 2,000 rows
    gate_bad_pass           share of logs by which the worse one passes

It keeps the record `capstone`, takes about twenty minutes of one core, and goes on where it was stopped.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from torch import Tensor

from benchmarks import newcomer_policies, newcomers, rl2_interest, simulator_values
from benchmarks.newcomer_policies import Reader
from benchmarks.pieces import Key, Pieces, Result
from benchmarks.report import arguments, over_seeds, report
from benchmarks.rl2_interest import Recurrent
from benchmarks.simulator_values import Learnt, Oracle, Parts, Policy, Random, play
from metarec import jumping, recurrent, shipped, transformer
from metarec import shortlist as shortlists
from metarec.interest import PARAMS, fields
from metarec.shortlist import shortlist
from solutions import actor_critic, dqn, policy_optimisation
from solutions.actor_critic import train_ppo
from solutions.dqn import train_dqn
from solutions.policy_optimisation import safe_to_deploy, train_policy

COMMAND = "python -m benchmarks.capstone"
JUMP, COHORTS = 50, 5
SESSIONS = 2048
"""logged, for the transformer"""
BUDGETS = {
    "yardstick": (0,),
    "planner": (0,),
    "random": (1,),
    "myopic": (0,),
    "dqn": (50, 200, 800),
    "ppo": (10, 30, 90),
    "rl2": (60,),
    "in_context": (300,),
    "adaptive": (0, 6),
}
QUICK = ("yardstick", "planner", "random", "myopic", "adaptive")
"""Updates, seconds of the reference; the last counts."""
ROWS, LOGS, LEVEL = (500, 2000), 40, 0.95
NEW = ("spares what bores", "no better", "more of the same")


def make(users: int, name: str = "Interest-v0", **options: Any) -> Any:
    """The environment of that many users."""
    return gym.make_vec(f"metarec/{name}", users, "vector_entry_point", **options)


class Served:
    """A policy as `train_policy` returns it; from step `until` on it learns no more about its users."""

    def __init__(self, policy: Any, users: int, until: int = PARAMS.T) -> None:
        self.policy, self.left = policy, until
        policy.reset(torch.ones(users, dtype=torch.bool))

    def act(self, parts: Parts) -> Tensor:
        """What it shows."""
        if self.left == 0:
            self.policy.learn = lambda click: None
        self.left -= 1
        items: Tensor = self.policy.act(_history(parts))
        return items

    def learn(self, parts: Parts, actions: Tensor, clicks: Tensor) -> None:
        """It reads the clicks off the next observation."""


class Greedy:
    """The item that a network scores highest."""

    def __init__(self, network: Any, envs: Any, *, first: bool) -> None:
        self.network, self.items, self.first = network, envs.item_features, first

    def act(self, parts: Parts) -> Tensor:
        """The items of greatest score."""
        with torch.no_grad():
            scores = self.network(_history(parts), self.items)
        return (scores[0] if self.first else scores).argmax(dim=1)

    def learn(self, parts: Parts, actions: Tensor, clicks: Tensor) -> None:
        """It has no memory."""


def _history(parts: Parts) -> Tensor:
    seen = [part if part.ndim == 2 else part[:, None] for name, part in parts.items() if name != "theta"]
    return torch.cat(seen, dim=1)


def conditions(cohort: int) -> dict[str, tuple[dict[str, int], int]]:
    """The catalogue, and the seed of the users, by whom and what a policy meets."""
    seed, item_seed = 4_000_000 + cohort * 10_000, 700_000 + 2 * cohort
    fresh = seed + 5_000_000
    return {
        "trained_users": ({"item_seed": item_seed}, seed),
        "new_users": ({"item_seed": item_seed}, fresh),
        "new_items": ({"item_seed": item_seed, "n_items": 1000}, fresh),
        "new_catalogue": ({"item_seed": item_seed + 1}, fresh),
    }


def computed(key: Key) -> Result:
    """A piece of the study."""
    return _gate(**key) if "rows" in key else _method(**key)


def _method(method: str, budget: int, cohort: int, users: int) -> Result:
    """Clicks per session under each condition, clicks by step around the jump, and what the training took."""
    catalogue, seed = conditions(cohort)["trained_users"]
    # the critic of RL² sees theta while it trains, its policy does not
    observed = "profile" if method == "rl2" else "history"
    learning, taken = make(users, observe=observed, **catalogue), 0
    step = learning.step

    def counted(actions: Tensor) -> Any:
        nonlocal taken
        taken += users
        return step(actions)

    learning.step = counted
    began = time.process_time()
    trained: Any
    if method == "in_context":
        log = newcomers.logs(SESSIONS, seed, **catalogue)
        taken = int(log["active"].sum())
        trained = newcomers.pretrained(log, learning.item_features, budget, seed=seed)
    else:
        trained = TRAINERS.get(method, _untrained)(learning, budget, seed=seed)
    result: Result = {"seconds": time.process_time() - began, "interactions": taken}

    def acting(options: dict[str, int], until: int = PARAMS.T) -> Policy:
        where = make(users, **options)
        if method in ("random", "yardstick"):
            return Random(where, seed=1 + budget)
        if method == "planner":
            return Oracle(where, weight=4, not_fresh=2)
        if method == "myopic":
            return Learnt(where, weight=1)
        if method == "rl2":
            return Recurrent(trained, where)
        if method == "in_context":
            return Reader(where, trained, plans=True)
        if method == "adaptive":
            # another catalogue's items are taken as they are, and with no training at all the prices of its first guess
            serves = (
                trained if options == catalogue else train_policy(make(users, observe="history", **options), 0, seed=1)
            )
            return Served(serves, users, until)
        return Greedy(trained, where, first=method == "ppo")

    whole = budget == BUDGETS[method][-1] and cohort < COHORTS
    for name, (options, whom) in conditions(cohort).items():
        if whole or name == "new_users":
            result[name] = float(play(make(users, **options), acting(options), whom).mean())
    if whole:
        fresh = conditions(cohort)["new_users"][1]
        jumping_users, usual = make(users, "Jumping-v0", **catalogue), make(users, **catalogue)
        result["jump"] = by_step(jumping_users, acting(catalogue), fresh)
        if method == "adaptive":
            result["frozen"] = by_step(jumping_users, acting(catalogue, until=JUMP), fresh)
            trained.__dict__.pop("learn", None)
            result["without a jump"] = by_step(usual, acting(catalogue), fresh)
    return result


def _untrained(envs: Any, budget: int, *, seed: int) -> None:
    """Nothing is learnt."""


def _recurrent(envs: Any, updates: int, *, seed: int) -> Any:
    """RL², from the users of the seed on."""
    return rl2_interest.train(envs, updates, seed=seed, users=seed)


TRAINERS: dict[str, Any] = {"dqn": train_dqn, "ppo": train_ppo, "rl2": _recurrent, "adaptive": train_policy}


def by_step(envs: Any, policy: Policy, seed: int) -> Tensor:
    """Clicks by step [T], of the users who were there at step JUMP; who has left since clicks no more."""
    observation, _ = envs.reset(seed=seed)
    active, there, rows = torch.ones(envs.num_envs, dtype=torch.bool), torch.empty(0), []
    for t in range(PARAMS.T):
        if t == JUMP:
            there = active
        parts = fields(observation)
        actions = policy.act(parts)
        observation, clicks, terminated, truncated, _ = envs.step(actions)
        policy.learn(parts, actions, clicks)
        rows.append(clicks * active)
        active = active & ~(terminated | truncated)
    return torch.stack(rows)[:, there].mean(dim=1)


def _gate(new: str, rows: int, cohort: int) -> Result:
    """Whether each of the logs lets a new policy through, and what it would be worth."""
    world = shortlist(4096, seed=6_000_000 + cohort, item_seed=700_000 + 2 * cohort)
    rng = np.random.default_rng([cohort, rows, NEW.index(new)])
    baseline, passes = world.worth("running"), 0
    for _ in range(LOGS):
        users, items, clicks = world.log(rows, rng)
        terms = clicks * world.policies[new][users, items] / world.policies["running"][users, items]
        passes += safe_to_deploy(terms, baseline, LEVEL, rng)
    return {"passes": passes, "worth": world.worth(new), "running": baseline}


def main() -> None:
    """Measure, keep, print, write."""
    asked = arguments(__doc__, more=15, users=512)
    methods = [(name, budget) for name, budgets in BUDGETS.items() for budget in budgets]
    quick = [(name, BUDGETS[name][-1]) for name in QUICK]
    keys: list[Key] = [
        {"method": method, "budget": budget, "cohort": cohort, "users": asked.users}
        for cohort in range(COHORTS + asked.more)
        for method, budget in (methods if cohort < COHORTS else quick)
    ]
    keys += [{"new": new, "rows": rows, "cohort": cohort} for cohort in range(COHORTS) for rows in ROWS for new in NEW]
    modules = (simulator_values, shortlists, jumping, dqn, actor_critic, policy_optimisation, rl2_interest, recurrent)
    modules += (newcomers, newcomer_policies, transformer, sys.modules[__name__])
    found = list(Pieces("capstone", *modules).over(keys, computed))
    played = {(k["method"], k["budget"], k["cohort"]): r for k, r in found if "method" in k}
    names = list(conditions(0))

    def score(method: str, budget: int, name: str) -> list[float]:
        found = [c for c in range(COHORTS + asked.more) if name in played.get((method, budget, c), {})]
        low, high = ([played[yard, 0, c][name] for c in found] for yard in ("yardstick", "planner"))
        got = [played[method, budget, c][name] for c in found]
        return [(x - a) / (b - a) for x, a, b in zip(got, low, high, strict=True)]

    record: dict[str, Any] = {"scores": {}, "efficiency": {}, "jump": {}, "gate": {}}
    figures: dict[str, float] = {}
    for method in list(BUDGETS)[2:]:
        budgets = BUDGETS[method]
        record["scores"][method] = {name: score(method, budgets[-1], name) for name in names}
        if method in (*TRAINERS, "in_context"):
            record["efficiency"][method] = [
                {
                    "interactions": mean_of([played[method, b, c]["interactions"] for c in range(COHORTS)]),
                    "seconds": mean_of([played[method, b, c]["seconds"] for c in range(COHORTS)]),
                    "scores": score(method, b, "new_users")[:COHORTS],
                }
                for b in budgets
            ]
        for name, scores in record["scores"][method].items():
            key = f"score_{method}" if name == "new_users" else f"{method}_{name}"
            figures |= {key: mean_of(scores), f"{key}_interval": over_seeds(scores)}
    reference, myopic = (record["scores"][name] for name in ("adaptive", "myopic"))
    gap = [a - b for a, b in zip(reference["trained_users"], reference["new_users"][:COHORTS], strict=True)]
    figures |= {"score_oracle": 1.0, "generalisation_gap": mean_of(gap), "generalisation_gap_interval": over_seeds(gap)}
    ahead = [a - b for a, b in zip(reference["new_users"], myopic["new_users"], strict=True)]
    figures |= {"adaptive_over_myopic": mean_of(ahead), "adaptive_over_myopic_interval": over_seeds(ahead)}
    figures |= {"adaptive_over_myopic_lowest": min(ahead), "score_adaptive_lowest": min(reference["new_users"])}
    shown = [("planner", "planner", "jump"), *((m, m, "jump") for m in list(BUDGETS)[3:])]
    shown += [("frozen", "adaptive", "frozen"), ("without a jump", "adaptive", "without a jump")]
    for name, method, part in shown:
        runs = torch.stack([played[method, BUDGETS[method][-1], c][part] for c in range(COHORTS)])
        record["jump"][name] = [[round(float(x), 4) for x in run] for run in runs]
        after = runs[:, JUMP:].sum(dim=1).tolist()
        figures |= {f"recovery_{name.replace(' ', '_')}": mean_of(after)}
        figures |= {f"recovery_{name.replace(' ', '_')}_interval": over_seeds(after)}
    for new in NEW:
        cells = {rows: [r for k, r in found if k.get("new") == new and k["rows"] == rows] for rows in ROWS}
        record["gate"][new] = {
            "worth": mean_of([r["worth"] for r in cells[ROWS[0]]]),
            "running": mean_of([r["running"] for r in cells[ROWS[0]]]),
            "passes": {str(rows): [r["passes"] / LOGS for r in results] for rows, results in cells.items()},
        }
    better, equal, worse = (record["gate"][new]["passes"][str(ROWS[-1])] for new in NEW)
    figures |= {"gate_false_pass": mean_of(equal), "gate_false_pass_interval": over_seeds(equal)}
    figures |= {"gate_false_stop": 1 - mean_of(better), "gate_false_stop_interval": over_seeds(better)}
    figures |= {"gate_bad_pass": mean_of(worse)}
    shipped.keep_record("capstone", record | {"figures": figures}, command=COMMAND)
    report("the capstone on held-out cohorts of metarec/Interest-v0", figures, asked.json)


def mean_of(values: list[float]) -> float:
    """Their mean."""
    return float(np.mean(values))


if __name__ == "__main__":
    main()
