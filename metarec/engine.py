"""The engine room of `metarec/Interest-v0`: whole rollouts of a batch of users, eager or compiled, that never wait.

The equations are those of `metarec.dynamics`, arranged for speed; tests hold the two together. docs/ENGINE.md says
what each arrangement is worth. Only what differs between users is kept, in 172 bytes for each:

    theta, drift    float32 [N, 16] each: an item's row and a user's are read side by side
    boredom         int32 [5, N]: a satiation is a multiple of 1/8 from 0 to 6, so that 7 bits hold it, four to a number
    patience, time  int32 [N]
    position        int64 [N]: where a user is in the stream of random numbers of the session
    session         int64 [N], and 80 bytes more: theta and position of the session to come

No session is shorter than its first patience, 10 steps. So in each period of 10 steps everybody comes to an end once at
the most, and the users who follow can be drawn for all at its beginning, without asking who will need one.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from metarec import dynamics
from metarec.interest import PARAMS, SIZE

PERIOD = PARAMS.P
"""Steps in which nobody's session ends twice."""
FUSED = 5
"""Steps in one compiled function; a divisor of the period."""
BLOCK = 4096
"""Users who go through all steps together on a CPU, so that what is known of them stays in its cache."""
FIELD, IN_WORD = 7, 4
"""Bits of a satiation, and satiations in a number of 32 bits."""
MASK = (1 << FIELD) - 1
ONES = sum(1 << FIELD * place for place in range(IN_WORD))
LEVELS = round(1 / PARAMS.delta)
"""Levels of satiation that a showing adds."""
MOST = round(PARAMS.S * LEVELS)

Policy = Callable[[Tensor], Tensor]
"""Observations [N, n] to items [N]; each row on its own, in torch operations alone."""


class Users(NamedTuple):
    """What is kept of N users, as the module says; and who of those who follow has begun, since the last `renew`."""

    theta: Tensor
    """[2, N, 16]: that of the session at the last `renew`, and of the one to follow"""
    drift: Tensor
    boredom: Tensor
    patience: Tensor
    time: Tensor
    position: Tensor
    following: Tensor
    """int64 [N], the first position of the session to follow"""
    begun: Tensor
    """int32 [N], 1 where it has begun"""


class Rollout(NamedTuple):
    """What happened, time first: [T, N] each."""

    actions: Tensor
    """int32"""
    rewards: Tensor
    """float32"""
    terminated: Tensor
    """bool"""
    truncated: Tensor
    """bool"""


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
    return sum(levels[:, place] << FIELD * place for place in range(IN_WORD))  # type: ignore[return-value]


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
    return Users(torch.stack([theta, theta]), **parts, following=parts["position"], begun=nobody)


def renew(users: Users, seeds: Tensor, sessions: Tensor, mu: Tensor, offsets: Tensor) -> tuple[Users, Tensor]:
    """Those who have begun take their places, others are drawn to follow; and the sessions [N] under way."""
    sessions = sessions + users.begun
    keys = dynamics.stream(seeds, sessions + 1)
    draws = _uniform(dynamics.mixed(keys[:, None] + offsets))
    radius = torch.sqrt(-2 * torch.log(1 - draws[:, : SIZE // 2]))
    angle = 2 * math.pi * draws[:, SIZE // 2 :]
    fresh = mu + torch.cat([radius * torch.cos(angle), radius * torch.sin(angle)], dim=1)
    under_way = torch.where((users.begun > 0)[:, None], users.theta[1], users.theta[0])
    following, nobody = keys + dynamics.INCREMENT, torch.zeros_like(users.begun)
    return users._replace(theta=torch.stack([under_way, fresh]), following=following, begun=nobody), sessions


def advance(
    users: Users, items: Tensor, places: Tensor, steps: int, policy: Policy | None, profile: bool
) -> tuple[Users, Tensor]:
    """So many steps of all users, who are shown what `policy` says of their observations, or random items for None.

    What happened is written into one number for each step and user, [steps, N].
    """
    _, drift, boredom, patience, time, position, following, begun = users
    interests, words = users.theta.flatten(0, 1), list(boredom.unbind(0))
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
        vectors, place = items[actions], places[actions]
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
        rows.append(actions * 8 + torch.where(clicks, 1, 0) + torch.where(terminated, 2, torch.where(late, 4, 0)).int())

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


def decoded(codes: Tensor) -> Rollout:
    """What `advance` wrote down."""
    return Rollout(codes >> 3, (codes & 1).to(torch.float32), codes & 2 > 0, codes & 4 > 0)


def _uniform(bits: Tensor) -> Tensor:
    """Draws in [0, 1) of 24 bits each, as `dynamics.draw` makes them."""
    return (bits >> 40 & 0xFFFFFF).to(torch.int32).to(torch.float32) * 2.0**-24


class Engine:
    """Rollouts of users on one device. `compiled` functions are made once for each number of users in a block."""

    def __init__(self, items: Tensor, topics: Tensor, mu: Tensor, profile: bool, compiled: bool) -> None:
        self.items, self.mu, self.profile = items, mu, profile
        self.places = place_of(topics)
        self.offsets = torch.tensor([dynamics.wrap(-n * dynamics.INCREMENT) for n in range(SIZE)], device=items.device)
        self.graphs = compiled and items.device.type == "cuda"
        self._advance, self._renew = advance, renew
        if compiled:
            if reason := why_no_compiler(str(items.device)):
                raise RuntimeError(reason)
            self._advance, self._renew = self._compiled(advance), self._compiled(renew)

    def _compiled(self, function: Any) -> Any:
        options: dict[str, Any] = {"triton.cudagraphs": True}
        if self.items.device.type == "cpu":
            # intermediate results are kept and not worked out again for each that needs them; the loops over users
            # are written with vectors although the items are fetched from all over the table
            options = {"realize_opcount_threshold": 3, "cpp.enable_tiling_heuristics": False}
            options["assert_indirect_indexing"] = False
        return torch.compile(function, fullgraph=True, dynamic=False, options=options)

    def play(
        self, parts: dict[str, Tensor], seeds: Tensor, sessions: Tensor, steps: int, policy: Policy | None
    ) -> tuple[dict[str, Tensor], Tensor, Rollout]:
        """So many steps of all users, given by their parts: these afterwards, the sessions [N], and what happened."""
        count = len(seeds)
        size = BLOCK if self.items.device.type == "cpu" else count
        done = []
        for first in range(0, count, size):
            some = slice(first, first + size)
            block = {name: part[..., some] if name == "boredom" else part[some] for name, part in parts.items()}
            done.append(self._block(block, seeds[some], sessions[some], steps, policy))
        after, under_way, codes = zip(*done, strict=True)
        joined = {name: torch.cat([b[name] for b in after], dim=int(name == "boredom")) for name in parts}
        return joined, torch.cat(under_way), decoded(torch.cat(codes, dim=1))

    def _block(
        self, parts: dict[str, Tensor], seeds: Tensor, sessions: Tensor, steps: int, policy: Policy | None
    ) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        users, rows = begin(**parts), []
        for start in range(0, steps, FUSED):
            if start % PERIOD == 0:
                users, sessions = self._kept(self._renew(users, seeds, sessions, self.mu, self.offsets))
            few = min(FUSED, steps - start)
            take = self._advance if few == FUSED else advance
            users, codes = self._kept(take(users, self.items, self.places, few, policy, self.profile))
            rows.append(codes)
        theta = torch.where((users.begun > 0)[:, None], users.theta[1], users.theta[0])
        after = {**users._asdict(), "theta": theta}
        return {name: after[name] for name in parts}, sessions + users.begun, torch.cat(rows)

    def _kept(self, made: Any) -> Any:
        """What a CUDA graph has made, copied: its next replay writes to the same place."""
        if not self.graphs:
            return made
        if isinstance(made, Tensor):
            return made.clone()
        kept = [self._kept(part) for part in made]
        return type(made)(*kept) if hasattr(made, "_fields") else tuple(kept)
