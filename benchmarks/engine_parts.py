"""What each arrangement of the compiled engine is worth: the whole beside the whole without one of them.

    python -m benchmarks.engine_parts [--rounds 15] [--json FILE]

16,384 users, random items, one thread, processor time; all take turns in every round, after each has been compiled. A
figure is how many times as slow the engine is without the part: the median over the rounds of the round's ratio.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any
from unittest import mock

import gymnasium as gym
import torch

import metarec  # noqa: F401
from benchmarks.report import arguments, report
from metarec import engine

USERS, STEPS = 16384, 200
WITHOUT_OPTION = {
    "keeping_intermediate_results": "realize_opcount_threshold",
    "a_wrapper_in_cpp": "cpp_wrapper",
    "leaving_out_the_check_of_indices": "assert_indirect_indexing",
}
WITHOUT_CONSTANT = {"ten_steps_in_one_function": ("PERIOD", 1), "users_in_blocks": ("BLOCK", USERS)}


def contender(*dropped: str, **constants: int) -> Callable[[], float]:
    """Plays STEPS of all users without some options of the compiler, with other constants; seconds of the processor."""
    chosen = engine.Engine._options

    def options(self: engine.Engine) -> dict[str, Any]:
        return {name: value for name, value in chosen(self).items() if name not in dropped}

    with mock.patch.object(engine.Engine, "_options", options):
        envs: Any = gym.make_vec("metarec/Interest-v0", USERS, "vector_entry_point", compile=True)
    envs.reset(seed=0)

    def play() -> float:
        with ExitStack() as changed:
            for name, value in constants.items():
                changed.enter_context(mock.patch.object(engine, name, value))
            began = time.process_time()
            envs.rollout(STEPS)
            return time.process_time() - began

    return play


def main() -> None:
    """Compile all, measure in turns, print, write."""
    asked = arguments(__doc__, rounds=15)
    if reason := engine.why_no_compiler():
        raise SystemExit(reason)
    torch.set_num_threads(1)
    whole = contender()
    without = {name: contender(option) for name, option in WITHOUT_OPTION.items()}
    without |= {name: contender(**{constant: value}) for name, (constant, value) in WITHOUT_CONSTANT.items()}
    for play in (whole, *without.values()):
        play()
    rounds = []
    for _ in range(asked.rounds):
        base = whole()
        rounds.append({name: play() / base for name, play in without.items()})
    figures = {f"times_as_slow_without_{name}": statistics.median(row[name] for row in rounds) for name in without}
    report(f"metarec/Interest-v0, compiled, {USERS} users, one thread", figures, asked.json)


if __name__ == "__main__":
    main()
