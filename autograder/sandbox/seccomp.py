"""A system-call filter: memory that nobody is seen to hold, modes of files, doors to the kernel that no lesson needs.

Written as classic BPF (linux/filter.h, linux/seccomp.h). A call that is denied answers ENOSYS, as if the kernel were
older, and so does every call of a foreign architecture. One that is ignored says that it was done: where root grades,
a submission owns the host's devices, and it must not change who may use them.
"""

from __future__ import annotations

import errno
import platform
import struct

# numbers from asm/unistd_64.h and asm-generic/unistd.h
DENIED = (
    *("shmget", "semget", "msgget", "mq_open", "ptrace", "add_key", "request_key", "keyctl"),
    *("perf_event_open", "bpf", "memfd_create", "userfaultfd", "io_uring_setup", "memfd_secret"),
)
IGNORED = (
    *("fchmod", "fchmodat", "fchmodat2", "fchown", "fchownat"),
    *("setxattr", "lsetxattr", "fsetxattr", "setxattrat", "chmod", "chown", "lchown"),
)
NUMBERS = {
    "x86_64": (
        (29, 64, 68, 240, 101, 248, 249, 250, 298, 321, 319, 323, 425, 447),
        (91, 268, 452, 93, 260, 188, 189, 190, 463, 90, 92, 94),
    ),
    # the last three of those ignored are not among its calls
    "aarch64": (
        (194, 190, 186, 180, 117, 217, 218, 219, 241, 280, 279, 282, 425, 447),
        (52, 53, 452, 55, 54, 5, 6, 7, 463),
    ),
}
ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
LOAD, EQUAL, AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06
ALLOW, ANSWER = 0x7FFF0000, 0x00050000
# x86-64 answers a second set of numbers, from this one on
SECOND_SET = 0x40000000


def program(machine: str | None = None) -> bytes | None:
    """The filter for a machine (this one if None); None for one that it is not written for."""
    machine = machine or platform.machine()
    if machine not in NUMBERS:
        return None
    denied, ignored = NUMBERS[machine]
    # the last three lines: allow, ignore, deny
    allow = 4 + len(denied) + len(ignored)
    ignore, deny = allow + 1, allow + 2
    targets = [(number, deny) for number in denied] + [(number, ignore) for number in ignored]
    lines = [
        (LOAD, 0, 0, 4),  # the architecture
        (EQUAL, 0, deny - 2, ARCHITECTURE[machine]),  # a jump counts from the next line
        (LOAD, 0, 0, 0),  # the number
        (AT_LEAST, deny - 4, 0, SECOND_SET),
        *((EQUAL, target - place - 1, 0, number) for place, (number, target) in enumerate(targets, start=4)),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, ANSWER),
        (RETURN, 0, 0, ANSWER | errno.ENOSYS),
    ]
    return b"".join(struct.pack("=HBBI", *line) for line in lines)
