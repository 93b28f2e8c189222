"""The README's table of results, from the records that the benchmarks kept.

    python -m benchmarks.results

A row stands for one record. Those whose record is not kept yet are left out, and named.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from autograder.course import ROOT
from autograder.errors import CourseError
from metarec import shipped

README = ROOT / "README.md"
BEGIN, END = "<!-- results: written by make figures -->", "<!-- end of results -->"
Record = dict[str, Any]


def figure(record: Record, name: str, digits: int, scale: float = 1.0) -> str:
    """A figure of a record with half its 95 % interval: 0.65 ± 0.05."""
    return stated(scale * record[name], scale * record[f"{name}_interval"], digits)


def stated(value: float, half: float, digits: int) -> str:
    """A value with half its interval, a minus as a minus."""
    return f"{value:.{digits}f} ± {half:.{digits}f}".replace("-", "−")


def beside(record: Record, names: dict[str, str], digits: int) -> str:
    """Several figures in a row, each after what it is called: {"what it is called": its name in the record}."""
    return ", ".join(f"{said} {figure(record, name, digits)}" for said, name in names.items())


def _agents(record: Record, ours: str) -> tuple[str, str]:
    figures = record["figures"]
    others = {
        "myopic oracle": "myopic_oracle_return",
        "stable-baselines3's": f"sb3_{ours}_return",
        "the same on our 1,024 users": f"sb3_{ours}_batched_return",
    }
    return figure(figures, f"{ours}_return", 1), beside(figures, others, 1)


def _coldstart(record: Record) -> tuple[str, str]:
    at_five = {
        name.removeprefix("ndcg10_"): stated(*by_shots["5"], 3)
        for name, by_shots in record["catalogue"].items()
        if name.startswith("ndcg10_")
    }
    others = {"item-kNN": "item_knn", "fine-tuning": "fine_tuning", "popularity": "popularity"}
    return at_five["maml"], ", ".join(f"{said} {at_five[name]}" for said, name in others.items())


def _interests(record: Record) -> tuple[str, str]:
    others = {
        "short-term alone": "recall10_short_only",
        "factorisation": "recall10_als",
        "item-kNN": "recall10_item_knn",
        "popularity of the last month": "recall10_popularity_month",
        "of all time": "recall10_popularity",
    }
    return figure(record, "recall10_gated", 3), beside(record, others, 3)


def _capstone(record: Record) -> tuple[str, str]:
    others = {
        "transformer": "score_in_context",
        "RL²": "score_rl2",
        "myopic": "score_myopic",
        "PPO": "score_ppo",
        "DQN": "score_dqn",
    }
    return figure(record["figures"], "score_adaptive", 2), beside(record["figures"], others, 2)


def _gate(record: Record) -> tuple[str, str]:
    figures = record["figures"]
    return (
        f"{figure(figures, 'gate_false_pass', 1, 100)} % pass that are no better",
        f"{figure(figures, 'gate_false_stop', 1, 100)} % are stopped that are better",
    )


def _rl2(record: Record) -> tuple[str, str]:
    figures, name = record["figures"], "bandit_n100_k5"
    others = {"Gittins' indices": "gittins", "Thompson sampling": "thompson", "random": "random"}
    told = ", ".join(f"{said} {figures[f'{name}_{other}']:.1f}" for said, other in others.items())
    return figure(figures, name, 1), told


def _rl2_interest(record: Record) -> tuple[str, str]:
    others = {
        "planner": "planner",
        "posterior mean, satiation threefold": "learnt_threefold",
        "the same for everybody": "impersonal",
        "random": "random",
    }
    return figure(record["figures"], "rl2", 1), beside(record["figures"], others, 1)


def _in_context(record: Record) -> tuple[str, str]:
    figures = record["figures"]
    others = {"Gittins' indices": "gittins_n100_k5", "Bayes, as sharp": "sharpened_bayes_n100_k5"}
    return figure(figures, "bandit_n100_k5_sharpened", 1), beside(figures, others, 1)


def _newcomers(record: Record) -> tuple[str, str]:
    others = {"planner": "planner", "posterior mean": "posterior_mean", "MAML": "maml", "DQN": "dqn"}
    return figure(record["figures"], "transformer_plans", 1), beside(record["figures"], others, 1)


def _simulator(record: Record) -> tuple[str, str]:
    figures = record["figures"]
    others = {"eager": "eager_times_single_16384", "NumPy": "numpy_times_single_16384", "JAX": "jax_times_single_16384"}
    told = ", ".join(f"{said} {figures[name]:.0f}" for said, name in others.items() if name in figures)
    return f"{figures['compiled_times_single_16384']:.0f} times", told


Row = Callable[[Record], tuple[str, str]]
ROWS: list[tuple[str, str, str, Row]] = [
    ("04 DQN", "clicks per session of fresh users, theta seen", "agents", lambda record: _agents(record, "dqn")),
    ("05 actor-critic", "the same by PPO", "agents", lambda record: _agents(record, "ppo")),
    ("06 vectorised", "compiled steps of 16,384 users, against one user in a loop", "simulator", _simulator),
    ("07 MAML", "nDCG@10 over the catalogue, five films shown, users held out whole", "coldstart", _coldstart),
    ("08 RL²", "earned in 100 pulls of 5 arms", "rl2", _rl2),
    ("08 RL²", "clicks per session of new users, theta hidden", "rl2_interest", _rl2_interest),
    ("09 in context", "earned in 100 pulls of 5 arms by the transformer", "in_context", _in_context),
    ("09 in context", "clicks per session of new users, theta hidden", "in_context_newcomers", _newcomers),
    ("10 interests", "Recall@10 of the next film over the catalogue, by the gated model", "interests", _interests),
    ("11 policy optimisation", "score of the reference on new users: 0 random, 1 planner", "capstone", _capstone),
    ("11 policy optimisation", "policies at the gate, logs of 2,000 rows", "capstone", _gate),
]
"""Lesson, what was measured, the record, and from it: the figure, and what stands beside it."""


def kept(name: str) -> Record | None:
    """A record, or None where it is not kept yet."""
    try:
        return shipped.record(name)
    except FileNotFoundError:
        return None


def missing() -> list[str]:
    """The records that the table asks for and nobody has kept yet."""
    return sorted({name for _, _, name, _ in ROWS if kept(name) is None})


def table() -> str:
    """The table in Markdown, of the records that are kept."""
    lines = ["| lesson | measured | ± 95 % | beside it | by |", "|---|---|---|---|---|"]
    for lesson, what, name, row in ROWS:
        record = kept(name)
        if record is not None:
            found, others = row(record)
            lines.append(f"| {lesson} | {what} | **{found}** | {others} | `{record['command']}` |")
    return "\n".join(lines)


def filled(text: str) -> str:
    """A text with the table between its two marks. CourseError where they are not there once each, in this order."""
    parts = re.split(f"({re.escape(BEGIN)}|{re.escape(END)})", text)
    if parts[1::2] != [BEGIN, END]:
        raise CourseError(f"There is no place for the table: {BEGIN} and then {END}, once each, mark it.")
    return f"{parts[0]}{BEGIN}\n{table()}\n{END}{parts[4]}"


def main() -> None:
    """Write the table into the README."""
    README.write_text(filled(README.read_text(encoding="utf-8")), encoding="utf-8")
    if missing():
        print(f"Not kept yet, and not in the table: {', '.join(missing())}")


if __name__ == "__main__":
    main()
