"""`metarec/Interest-v0` in JAX: `jit` and `lax.scan`, with the same care as `metarec.engine`, for comparison.

What helps here was taken over, and tried in JAX's own terms: satiation in bits, the users to follow drawn every 10
steps, draws as a hash inside the loop, rows of items gathered, buffers donated. Two things were tried and left out, as
they cost: several steps unrolled in one body of the scan (2.4 times slower), and users along the last axis (1.3 times).
"""

from __future__ import annotations

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from metarec import engine, interest
from metarec.engine import FIELD, IN_WORD, LEVELS, MASK, MOST, ONES, PERIOD
from metarec.interest import PARAMS, SIZE, TOPICS

jax.config.update("jax_enable_x64", True)

INCREMENT = np.uint64(0x9E3779B97F4A7C15)
FIRST = np.uint64(0xBF58476D1CE4E5B9)
SECOND = np.uint64(0x94D049BB133111EB)
OFFSETS = np.array([-n * int(INCREMENT) % 2**64 for n in range(SIZE)], dtype=np.uint64)
SINGLE = np.float32
WHOLE = np.int32

Users = dict[str, Any]


def mixed(x: Any) -> Any:
    x = (x ^ (x >> np.uint64(30))) * FIRST
    x = (x ^ (x >> np.uint64(27))) * SECOND
    return x ^ (x >> np.uint64(31))


def stream(seed: Any, user: Any) -> Any:
    return mixed(seed + (user + np.uint64(1)) * INCREMENT)


def uniform(bits: Any) -> Any:
    return (bits >> np.uint64(40)).astype(jnp.int32).astype(jnp.float32) * SINGLE(2.0**-24)


def drawn(seeds: Any, sessions: Any, mu: Any) -> tuple[Any, Any]:
    """Theta [N, D] of the users of these sessions [N], and the first positions of their streams."""
    keys = stream(seeds, sessions)
    draws = uniform(mixed(keys[:, None] + OFFSETS))
    radius = jnp.sqrt(-2 * jnp.log(1 - draws[:, : SIZE // 2]))
    angle = SINGLE(2 * math.pi) * draws[:, SIZE // 2 :]
    return mu + jnp.concatenate([radius * jnp.cos(angle), radius * jnp.sin(angle)], axis=1), keys + INCREMENT


class Simulator:
    """N users who are shown random items."""

    def __init__(self, users: int, seed: int = 0) -> None:
        import torch

        catalogue = interest.catalogue()
        self.items, self.mu = jnp.asarray(catalogue.vectors), jnp.asarray(catalogue.mu)
        self.places = jnp.asarray(engine.place_of(torch.tensor(catalogue.topics)).numpy())
        seeds = jnp.arange(seed, seed + users, dtype=jnp.uint64)
        theta, position = drawn(seeds, jnp.zeros_like(seeds), self.mu)
        self.users: Users = {
            "seeds": seeds,
            "sessions": jnp.zeros_like(seeds),
            "theta": theta,
            "drift": jnp.zeros_like(theta),
            "words": tuple(jnp.zeros(users, dtype=jnp.int32) for _ in range(TOPICS // IN_WORD)),
            "patience": jnp.full(users, PARAMS.P, dtype=jnp.int32),
            "time": jnp.zeros(users, dtype=jnp.int32),
            "position": position,
        }

    def rollout(self, steps: int) -> Any:
        """Codes [steps / 10, 10, N] of what happened; steps is a multiple of 10."""
        self.users, codes = rollout(self.users, self.items, self.places, self.mu, steps // PERIOD)
        return jax.block_until_ready(codes)


@functools.partial(jax.jit, static_argnames="periods", donate_argnums=0)
def rollout(users: Users, items: Any, places: Any, mu: Any, periods: int) -> tuple[Users, Any]:
    def period(users: Users, _: None) -> tuple[Users, Any]:
        other, first = drawn(users["seeds"], users["sessions"] + np.uint64(1), mu)
        begun = jnp.zeros(len(first), dtype=bool)
        moving = (*(users[name] for name in ("drift", "words", "patience", "time", "position")), begun)

        def step(moving: Any, _: None) -> tuple[Any, Any]:
            drift, words, patience, time, position, begun = moving
            bits = mixed(position)
            actions = jnp.minimum((uniform(bits << np.uint64(32)) * len(items)).astype(jnp.int32), len(items) - 1)
            vectors, place = items[actions], places[actions]
            word, shift = place >> 5, place & 31
            shown = words[-1]
            for number, row in enumerate(words[:-1]):
                shown = jnp.where(word == number, row, shown)
            level = shown >> shift & MASK
            interest_now = jnp.where(begun[:, None], other, users["theta"]) + drift
            logit = SINGLE(PARAMS.alpha) * (interest_now * vectors).sum(axis=1) + SINGLE(PARAMS.c)
            logit -= SINGLE(PARAMS.beta / LEVELS) * level.astype(jnp.float32)
            clicks = uniform(bits) < SINGLE(0.5) + SINGLE(0.5) * jnp.tanh(SINGLE(0.5) * logit)
            patience = jnp.where(clicks, jnp.minimum(patience + PARAMS.g, PARAMS.P), patience - 1)
            time = time + 1
            terminated, late = patience <= 0, time >= PARAMS.T
            ended = terminated | late
            kind = jnp.where(terminated, WHOLE(2), jnp.where(late, WHOLE(4), WHOLE(0)))
            codes = actions * 8 + clicks.astype(jnp.int32) + kind
            change = (jnp.minimum(level + LEVELS, MOST) - jnp.maximum(level - 1, 0)) << shift
            words = tuple(
                jnp.where(
                    ended,
                    WHOLE(0),
                    x
                    - (x + WHOLE(ONES * (MASK >> 1)) >> FIELD - 1 & WHOLE(ONES))
                    + jnp.where(word == n, change, WHOLE(0)),
                )
                for n, x in enumerate(words)
            )
            fades = jnp.where(ended, SINGLE(0), SINGLE(PARAMS.rho))
            moves = jnp.where(clicks & ~ended, SINGLE(PARAMS.eta), SINGLE(0))
            drift = fades[:, None] * drift + moves[:, None] * vectors
            patience = jnp.where(ended, WHOLE(PARAMS.P), patience)
            time = jnp.where(ended, WHOLE(0), time)
            position = jnp.where(ended, first, position + INCREMENT)
            return (drift, words, patience, time, position, begun | ended), codes

        moving, codes = lax.scan(step, moving, None, length=PERIOD)
        drift, words, patience, time, position, begun = moving
        after = {"drift": drift, "words": words, "patience": patience, "time": time, "position": position}
        after["theta"] = jnp.where(begun[:, None], other, users["theta"])
        after["sessions"] = users["sessions"] + begun.astype(jnp.uint64)
        return {**users, **after}, codes

    return lax.scan(period, users, None, length=periods)
