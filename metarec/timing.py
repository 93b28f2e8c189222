"""How long something takes, on whatever device."""

import os
import time
from collections.abc import Callable
from typing import Any

import torch
import torch._dynamo  # a first operation on meta tensors would load it, for a second, in the middle of a check


def seconds(function: Callable[..., Any], *arguments: Any, times: int = 5) -> float:
    """The least seconds that a call takes, of so many; the first, which may compile, is not counted if times > 1.

    A GPU is waited for before the clock is read: its operations are only asked for when a call returns.
    """

    def once() -> float:
        began = time.perf_counter()
        function(*arguments)
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        return time.perf_counter() - began

    taken = [once() for _ in range(times)]
    return min(taken[1:] or taken)


def operations(function: Callable[..., Any], *arguments: Any, times: int = 20) -> dict[str, float]:
    """Milliseconds of a call by the operation of torch that takes them, from `torch.profiler`, mean of so many calls.

    What an operation spends in those that it calls counts for these. The GPU's own time where there is one.
    """
    activities = [torch.profiler.ProfilerActivity.CPU]
    if torch.cuda.is_available():
        activities.append(torch.profiler.ProfilerActivity.CUDA)
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # or it writes to stderr that it starts and stops
    function(*arguments)
    with torch.profiler.profile(activities=activities) as profile:
        for _ in range(times):
            function(*arguments)
    own = "self_device_time_total" if torch.cuda.is_available() else "self_cpu_time_total"
    found = {row.key.removeprefix("aten::"): getattr(row, own) / 1e3 / times for row in profile.key_averages()}
    return {name: value for name, value in found.items() if value > 0}
