"""How much a submission may use, all its processes together."""

from __future__ import annotations

import dataclasses

MIB = 1 << 20


@dataclasses.dataclass(frozen=True)
class Limits:
    """Sizes in bytes, times in seconds.

    `memory` counts the whole sandbox: what its processes hold, memfds, /tmp and /dev/shm (`scratch` each); `tasks` are
    processes and threads; `address_space`, `file_size` and `open_files` hold for each process. A time is one of
    computing: three times as much may be spent waiting. `exercise_seconds` is for all calls of an exercise
    (`training_seconds` where it trains), `run_seconds` for a notebook without what trains. `output` is what a cell may
    put out, `message` one message of the kernel, `answers` all that the calls of an exercise return. A kernel that ends
    is replaced `restarts` times.
    """

    memory: int = 2048 * MIB
    address_space: int = 4096 * MIB
    file_size: int = 64 * MIB
    scratch: int = 64 * MIB
    open_files: int = 512
    tasks: int = 128
    threads: int = 1
    start_seconds: float = 60.0
    cell_seconds: float = 60.0
    call_seconds: float = 10.0
    exercise_seconds: float = 30.0
    training_seconds: float = 240.0
    run_seconds: float = 900.0
    output: int = 2 * MIB
    message: int = 8 * MIB
    answers: int = 256 * MIB
    restarts: int = 8


WAITING = 3.0
"""How many times longer than computing a cell or a call may wait, for the machine may be busy with others."""
