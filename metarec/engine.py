"""The engine room of `metarec/Interest-v0`: whole rollouts of many users, eager or compiled, that never wait.

The equations are those of `metarec.dynamics`, arranged for speed; tests hold the two together. docs/ENGINE.md says
what each arrangement is worth. Only what differs between users is kept, in 244 bytes for each:

    theta           float32 [2, N, 16]: of the session under way, and of the one to follow
    drift           float32 [N, 16]: an item's row and a user's are read side by side
    boredom         int32 [5, N]: a satiation is a multiple of 1/8 from 0 to 6, so that 7 bits hold it, four to a number
    patience, time  int32 [N]
    position        int64 [N]: where a user is in the stream of random numbers of the session
    following       int64 [N]: where the session to follow begins
    begun           int32 [N]: 1 where it has begun

beside a seed and the number of the session, int64 [N] each. No session is shorter than its first patience, 10 steps. So
in each period of 10 steps everybody comes to an end once at the most, and the users who follow can be drawn for all at
its beginning, without asking who will need one.
"""

import functools
import math
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from metarec import dynamics
from metarec.interest import PARAMS, SIZE

PERIOD = PARAMS.P
"""Steps in which nobody's session ends twice; they are one compiled function."""
BLOCK, SMALLEST = 4096, 256
"""Most users who go through all steps together on a CPU, so that intermediate results stay small; and fewest for whom
another thread is worth its while."""
FIELD, IN_WORD = 7, 4
"""Bits of a satiation, and satiations in a number of 32 bits."""
MASK = (1 << FIELD) - 1
ONES = sum(1 << FIELD * place for place in range(IN_WORD))
LEVELS = round(1 / PARAMS.delta)
"""Levels of satiation that a showing adds."""
MOST = round(PARAMS.S * LEVELS)

Policy = Callable[[Tensor], Tensor]
"""Observations [N, n] to items [N]; each row on its own, in torch operations alone."""
Parts = dict[str, Tensor]
"""theta [N, 16], drift, boredom, patience, time and position of N users."""


class Users(NamedTuple):
    """What is kept of N users, as the module says."""

    theta: Tensor
    drift: Tensor
    boredom: Tensor
    patience: Tensor
    time: Tensor
    position: Tensor
    following: Tensor
    begun: Tensor


class World(NamedTuple):
    """What all users share."""

    items: Tensor
    """float32 [K, 16]"""
    places: Tensor
    """int32 [K], where the satiation with an item's topic lies"""
    mu: Tensor
    """float32 [16]"""
    offsets: Tensor
    """int64 [16], of the draws that an interest is made of, in a stream"""


@dataclass(frozen=True)
class Rollout:
    """What happened, time first, in one number for each step and user: codes int32 [T, N]."""

    codes: Tensor

    @property
    def actions(self) -> Tensor:
        """The items shown, int32 [T, N]."""
        return self.codes >> 3

    @property
    def rewards(self) -> Tensor:
        """1 for a click and 0 for none, float32 [T, N]."""
        return (self.codes & 1).to(torch.float32)

    @property
    def terminated(self) -> Tensor:
        """Who lost patience, bool [T, N]."""
        return self.codes & 2 > 0

    @property
    def truncated(self) -> Tensor:
        """Whom the time limit stopped, bool [T, N]."""
        return self.codes & 4 > 0


def why_no_compiler(device: str = "cpu") -> str:
    """In one sentence why nothing can be compiled for the device here; empty if it can."""
    if torch.device(device).type == "cuda":
        return "" if torch.cuda.is_available() else "There is no CUDA device here, so nothing can be compiled for one."
    try:
        from torch._inductor.cpp_builder import get_cpp_compiler

        get_cpp_compiler()
    except Exception:
        return "There is no C++ compiler here, so torch.compile cannot be used: everything runs uncompiled."
    return ""


def pack(satiation: Tensor) -> Tensor:
    """Satiations [N, 20], multiples of 1/8, as numbers [5, N] of four each."""
    levels = (satiation * LEVELS).round().to(torch.int32).T.reshape(-1, IN_WORD, len(satiation))
    places = torch.arange(IN_WORD, dtype=torch.int32, device=satiation.device)[:, None]
    return (levels << FIELD * places).sum(dim=1, dtype=torch.int32).contiguous()


def unpack(boredom: Tensor) -> Tensor:
    """Satiations [N, 20] of numbers [5, N]."""
    levels = torch.stack([boredom >> FIELD * place & MASK for place in range(IN_WORD)], dim=1)
    return levels.flatten(0, 1).T.to(torch.float32) / LEVELS


def place_of(topics: Tensor) -> Tensor:
    """For each item [K] where its topic's satiation lies: number · 32 + shift, int32."""
    return (topics // IN_WORD * 32 + topics % IN_WORD * FIELD).to(torch.int32)


def begin(theta: Tensor, **parts: Tensor) -> Users:
    """Users with these parts, before their first `renew`."""
    nobody = torch.zeros_like(parts["time"])
    # each a tensor of its own: a compiled function is compiled anew for arguments that are the same one
    return Users(torch.stack([theta, theta]), **parts, following=parts["position"].clone(), begun=nobody)


def under_way(users: Users) -> Tensor:
    """The long-term interests [N, 16] of the sessions under way."""
    return torch.where((users.begun > 0)[:, None], users.theta[1], users.theta[0])


def renew(users: Users, seeds: Tensor, sessions: Tensor, world: World) -> tuple[Users, Tensor]:
    """Those who have begun take their places, others are drawn to follow; and the sessions [N] under way."""
    sessions = sessions + users.begun
    keys = dynamics.stream(seeds, sessions + 1)
    draws = _uniform(dynamics.mixed(keys[:, None] + world.offsets))
    radius = torch.sqrt(-2 * torch.log(1 - draws[:, : SIZE // 2]))
    angle = 2 * math.pi * draws[:, SIZE // 2 :]
    fresh = world.mu + torch.cat([radius * torch.cos(angle), radius * torch.sin(angle)], dim=1)
    theta, nobody = torch.stack([under_way(users), fresh]), torch.zeros_like(users.begun)
    return users._replace(theta=theta, following=keys + dynamics.INCREMENT, begun=nobody), sessions


def advance(users: Users, world: World, steps: int, policy: Policy | None, profile: bool) -> tuple[Users, Tensor]:
    """So many steps of all users, who are shown what `policy` says of their observations, or random items for None.

    What happened is written into one number for each step and user, [steps, N].
    """
    _, drift, boredom, patience, time, position, following, begun = users
    items, interests, words = world.items, users.theta.flatten(0, 1), list(boredom.unbind(0))
    first = torch.arange(len(time), device=time.device)
    rows = []
    for _ in range(steps):
        bits = dynamics.mixed(position)
        interest = interests[first + len(time) * begun]
        if policy is None:
            # the click takes the upper bits of a draw, so that the lower ones are free
            actions = (_uniform(bits << 32) * len(items)).to(torch.int32).clamp(max=len(items) - 1)
        else:
            parts = [drift, unpack(torch.stack(words)), patience[:, None].float(), time[:, None].float()]
            actions = policy(torch.cat([*parts, interest] if profile else parts, dim=1)).to(torch.int32)
        vectors, place = items[actions], world.places[actions]
        word, shift = place >> 5, place & 31
        shown = words[-1]
        for number, other in enumerate(words[:-1]):
            shown = torch.where(word == number, other, shown)
        level = shown >> shift & MASK

        liking = ((interest + drift) * vectors).sum(dim=1)
        logit = PARAMS.alpha * liking - PARAMS.beta / LEVELS * level.to(torch.float32) + PARAMS.c
        clicks = _uniform(bits) < 0.5 + 0.5 * torch.tanh(0.5 * logit)
        patience = torch.where(clicks, (patience + PARAMS.g).clamp(max=PARAMS.P), patience - 1)
        time = time + 1
        terminated, late = patience <= 0, time >= PARAMS.T
        ended = terminated | late
        kinds = terminated.to(torch.int32) * 2 + (late & ~terminated).to(torch.int32) * 4
        rows.append(actions * 8 + clicks.to(torch.int32) + kinds)

        # all four satiations of a number lose a level at once, but for those that are 0: the carry into bit 6 tells
        change = ((level + LEVELS).clamp(max=MOST) - (level - 1).clamp(min=0)) << shift
        words = [
            torch.where(ended, 0, x - (x + ONES * (MASK >> 1) >> FIELD - 1 & ONES) + torch.where(word == n, change, 0))
            for n, x in enumerate(words)
        ]
        fades = torch.where(ended, 0.0, PARAMS.rho)
        moves = torch.where(ended, 0.0, torch.where(clicks, PARAMS.eta, 0.0))
        drift = fades[:, None] * drift + moves[:, None] * vectors
        patience = torch.where(ended, PARAMS.P, patience)
        time = torch.where(ended, 0, time)
        position = torch.where(ended, following, position + dynamics.INCREMENT)
        begun = torch.where(ended, 1, begun)
    after = Users(users.theta, drift, torch.stack(words), patience, time, position, following, begun)
    return after, torch.stack(rows)


def period(
    users: Users, seeds: Tensor, sessions: Tensor, world: World, steps: int, policy: Policy | None, profile: bool
) -> tuple[Users, Tensor, Tensor]:
    """Up to 10 steps from a `renew` on: the users then, the sessions [N] at its beginning, and what happened."""
    users, sessions = renew(users, seeds, sessions, world)
    users, codes = advance(users, world, steps, policy, profile)
    return users, sessions, codes


def _uniform(bits: Tensor) -> Tensor:
    """Draws in [0, 1) of 24 bits each, as `dynamics.draw` makes them."""
    return (bits >> 40 & 0xFFFFFF).to(torch.int32).to(torch.float32) * 2.0**-24


class Engine:
    """Rollouts of users on one device, compiled once for each number of users in a block and each policy."""

    def __init__(self, items: Tensor, topics: Tensor, mu: Tensor, profile: bool, compiled: bool) -> None:
        self.device, self.profile, self.compiled = items.device, profile, compiled
        offsets = torch.tensor([dynamics.wrap(-n * dynamics.INCREMENT) for n in range(SIZE)], device=items.device)
        self.world = World(items, place_of(topics), mu, offsets)
        self._period: Callable[..., tuple[Users, Tensor, Tensor]] = period
        self._ready: set[tuple[Policy | None, int]] = set()
        if compiled:
            if reason := why_no_compiler(str(items.device)):
                raise RuntimeError(reason)
            self._period = torch.compile(period, fullgraph=True, dynamic=False, options=self._options())

    def _options(self) -> dict[str, Any]:
        if self.device.type == "cuda":
            return {"triton.cudagraphs": True}
        # intermediate results are kept and not worked out again for each that needs them; the loops over users are
        # written with vectors although the items are fetched from all over the table; and blocks run side by side,
        # each in one thread, outside of Python's lock
        options: dict[str, Any] = {"realize_opcount_threshold": 3, "cpp.enable_tiling_heuristics": False}
        return options | {"assert_indirect_indexing": False, "cpp.threads": 1, "cpp_wrapper": True}

    def play(
        self, parts: Parts, seeds: Tensor, sessions: Tensor, steps: int, policy: Policy | None
    ) -> tuple[Parts, Tensor, Rollout]:
        """So many steps of all users, given by their parts: these afterwards, the sessions [N], and what happened."""
        count = len(seeds)
        size = _block_size(count) if self.compiled and self.device.type == "cpu" else count

        @torch.no_grad()
        def block(first: int) -> tuple[Parts, Tensor, Tensor]:
            some = slice(first, first + size)
            own = {
                name: part[:, some].contiguous() if name == "boredom" else part[some] for name, part in parts.items()
            }
            return self._block(own, seeds[some], sessions[some], steps, policy)

        starts = range(0, count, size)
        # what compiles does so alone, before others run it
        done = [block(0)] if len(starts) == 1 or (policy, size) not in self._ready else []
        self._ready.add((policy, size))
        if rest := starts[len(done) :]:
            done += _workers(torch.get_num_threads()).map(block, rest)
        after, last_sessions, codes = zip(*done, strict=True)
        joined = {name: torch.cat([b[name] for b in after], dim=int(name == "boredom")) for name in parts}
        return joined, torch.cat(last_sessions), Rollout(torch.cat(codes, dim=1))

    def _block(
        self, parts: Parts, seeds: Tensor, sessions: Tensor, steps: int, policy: Policy | None
    ) -> tuple[Parts, Tensor, Tensor]:
        users, rows = begin(**parts), []
        for start in range(0, steps, PERIOD):
            few = min(PERIOD, steps - start)
            play = self._period if few == PERIOD else period
            made = play(users, seeds, sessions, self.world, few, policy, self.profile)
            users, sessions, codes = self._kept(made)
            rows.append(codes)
        after = {**users._asdict(), "theta": under_way(users)}
        return {name: after[name] for name in parts}, sessions + users.begun, torch.cat(rows)

    def _kept(self, made: Any) -> Any:
        """What a CUDA graph has made, copied: its next replay writes to the same place."""
        if not self.compiled or self.device.type == "cpu":
            return made
        if isinstance(made, Tensor):
            return made.clone()
        kept = [self._kept(part) for part in made]
        return type(made)(*kept) if hasattr(made, "_fields") else tuple(kept)


def _block_size(count: int) -> int:
    """Users in a block: as many blocks as there are threads, or a multiple of it; none of them large, few small."""
    threads = torch.get_num_threads() if count >= SMALLEST * torch.get_num_threads() else 1
    blocks = math.ceil(count / (BLOCK * threads)) * threads
    return math.ceil(count / blocks)


@functools.cache
def _workers(count: int) -> ThreadPoolExecutor:
    """Threads whose torch operations use no further ones."""
    workers = ThreadPoolExecutor(count, initializer=torch.set_num_threads, initargs=(1,))
    meeting = threading.Barrier(count + 1)
    for _ in range(count):
        workers.submit(meeting.wait)
    meeting.wait()
    torch.set_num_threads(count)  # what they set for themselves they set for threads to come as well
    return workers
