"""The one dynamics of every environment in metarec, for a batch of users, in NumPy or torch.

A user has a long-term interest theta, a short-term one (the drift s), a satiation with each topic and some
patience:

    logit     = alpha·⟨theta + s, v_a⟩ − beta·sat[topic(a)] + c          click ~ Bernoulli(sigmoid(logit))
    s'        = rho·s + eta·click·v_a
    sat'      = clip(sat + 1[topic] − delta·(1 − 1[topic]), 0, S)
    patience' = min(P, patience + g·click − (1 − click))

Shapes: B users, D dimensions of an interest, K items, C topics. Results keep the library, device and dtype of
the state.
"""

import math
from typing import Any

import numpy as np
from array_api_compat import numpy as numpy_namespace

from metarec.params import Params as Params  # what it is called here by everybody

Array = Any
"""A NumPy array or a torch tensor."""

State = dict[str, Array]
"""theta [B, D], drift [B, D], satiation [B, C], patience [B] and time [B] of B users."""

INCREMENT = 0x9E3779B97F4A7C15 - (1 << 64)
"""What one draw is further on than the one before it in a SplitMix64 stream."""
_FIRST = 0xBF58476D1CE4E5B9 - (1 << 64)
_SECOND = 0x94D049BB133111EB - (1 << 64)


def click_probability(
    theta: Array, drift: Array, satiation: Array, items: Array, topics: Array, actions: Array, params: Params
) -> Array:
    """Probability [B] that each user clicks the item shown.

    theta, drift [B, D]; satiation [B, C]; items [K, D]; topics [K] and actions [B] integers.
    """
    xp = _namespace(theta)
    users = xp.arange(actions.shape[0], device=theta.device)
    level = satiation[users, topics[actions]]
    return _click_probability(theta, drift, level, items[actions], params)


def step(
    state: State, actions: Array, uniforms: Array, items: Array, topics: Array, params: Params
) -> tuple[State, Array, Array]:
    """The next state, the clicks [B] and who has lost patience [B], both bool; no argument changes.

    A user clicks where uniform < probability. To reset who is terminated, and to truncate a session whose
    `time` has reached `params.T`, is left to the caller.
    """
    theta, drift, satiation, patience = state["theta"], state["drift"], state["satiation"], state["patience"]
    xp = _namespace(theta)
    users = xp.arange(actions.shape[0], device=theta.device)
    # Memory is what a step waits for: each row is gathered once, and what is ours is changed in place.
    shown, vectors = xp.take(topics, actions), xp.take(items, actions, axis=0)
    level = satiation[users, shown]
    clicks = uniforms < _click_probability(theta, drift, level, vectors, params)

    vectors *= (params.eta * xp.astype(clicks, vectors.dtype))[:, None]
    moved = params.rho * drift
    moved += vectors
    sated = satiation - params.delta
    xp.clip(sated, 0, params.S, out=sated)
    sated[users, shown] = xp.clip(level + 1, 0, params.S)
    left = xp.clip(xp.where(clicks, patience + params.g, patience - 1), None, params.P)

    after = {"theta": theta, "drift": moved, "satiation": sated, "patience": left, "time": state["time"] + 1}
    return after, clicks, left <= 0


def step_alone(
    theta: Array, drift: Array, satiation: Array, patience: int, item: Array, topic: int, uniform: float, params: Params
) -> tuple[bool, int]:
    """The same equations for one user shown one item, drift and satiation in place; the click and the patience left.

    NumPy arrays theta, drift, item [D] and satiation [C]. A call on an array takes a microsecond however short it is,
    so that a batch of one takes five times as long.
    """
    level = float(satiation[topic])
    logit = params.alpha * float((theta + drift).dot(item)) - params.beta * level + params.c
    click = uniform < 0.5 + 0.5 * math.tanh(0.5 * logit)

    drift *= params.rho
    if click:
        drift += params.eta * item
    satiation -= params.delta
    np.maximum(satiation, 0, out=satiation)
    satiation[topic] = min(level + 1, params.S)
    return click, min(params.P, patience + params.g) if click else patience - 1


def uniforms(seed: int | Array, user: int | Array, step: int | Array) -> Any:
    """Uniform draws in [0, 1), each a function of (seed, user, step) alone.

    Integers, or integer arrays that broadcast; modulo 2^64. Python integers give a float, arrays float32,
    of 24 random bits, so that Python, NumPy and torch have exactly the same draws. A user's draws are the
    SplitMix64 stream whose seed is the user-th output of the stream of `seed` (Steele, Lea and Flood 2014,
    "Fast splittable pseudorandom number generators").
    """
    return draw(stream(seed, user), step)


def stream(seed: int | Array, user: int | Array) -> Any:
    """The key of a user's draws: `draw(stream(seed, user), step)` is `uniforms(seed, user, step)`."""
    return _splitmix(_integer(seed), _integer(user))


def draw(key: int | Array, step: int | Array) -> Any:
    """The uniform draw of a step in the stream with this key."""
    bits = (_splitmix(_integer(key), _integer(step)) >> 40) & 0xFFFFFF
    if isinstance(bits, int):
        return bits * 2.0**-24
    xp = _namespace(bits)
    return xp.astype(bits, xp.float32) * 2.0**-24


def normals(key: int | Array, count: int) -> Any:
    """Standard normal draws [..., count] of the streams with these keys: float32, count even, none beyond ±5.8.

    They are made of the uniform draws of the steps −1 to −count, which no session comes to (Box and Muller 1958, "A
    note on the generation of random normal deviates"). NumPy and torch agree but for rounding.
    """
    xp = numpy_namespace if isinstance(key, (int, np.generic)) else _namespace(key)
    keys = key if isinstance(key, (int, np.generic)) else key[..., None]
    steps = xp.arange(-1, -1 - count, -1, device=getattr(keys, "device", None))
    draws = draw(keys, steps)
    radius = xp.sqrt(-2 * xp.log(1 - draws[..., : count // 2]))
    angle = 2 * math.pi * draws[..., count // 2 :]
    return xp.concat([radius * xp.cos(angle), radius * xp.sin(angle)], axis=-1)


def _click_probability(theta: Array, drift: Array, level: Array, vectors: Array, params: Params) -> Array:
    """Probability [B] of a click on items with these vectors [B, D], whose topics sate each user to this level [B]."""
    xp = _namespace(theta)
    logit = params.alpha * xp.vecdot(theta + drift, vectors) - params.beta * level + params.c
    # A sigmoid that no logit overflows.
    return 0.5 + 0.5 * xp.tanh(0.5 * logit)


def _splitmix(key: Any, n: Any) -> Any:
    """The n-th output of the SplitMix64 stream with this seed, as a signed 64-bit integer."""
    # Signed, since torch lacks unsigned arithmetic: the masks take off the sign that ">>" carries along.
    return mixed(wrap(key + wrap((n + 1) * INCREMENT)))


def mixed(x: Any) -> Any:
    """The output of a SplitMix64 stream at this position, a signed 64-bit integer as the position is."""
    x = wrap((x ^ (x >> 30 & 0x3FFFFFFFF)) * _FIRST)
    x = wrap((x ^ (x >> 27 & 0x1FFFFFFFFF)) * _SECOND)
    return x ^ (x >> 31 & 0x1FFFFFFFF)


def wrap(x: Any) -> Any:
    """A Python integer to the signed 64-bit one that it would overflow to; arrays do so by themselves."""
    return (x + (1 << 63)) % (1 << 64) - (1 << 63) if isinstance(x, int) else x


def _integer(x: Any) -> Any:
    """A Python integer within 64 bits or an int64 array."""
    if isinstance(x, int):
        return wrap(x)
    if isinstance(x, (np.generic, np.ndarray)) and x.ndim == 0:  # NumPy's scalars warn where its arrays wrap.
        return wrap(int(x))
    xp = _namespace(x)
    return xp.astype(x, xp.int64, copy=False)


def _namespace(x: Array) -> Any:
    """NumPy or torch under the array API's names."""
    # array_api_compat.array_namespace does this too, but makes torch.compile warn of its cache.
    if isinstance(x, (np.generic, np.ndarray)):
        return numpy_namespace
    from array_api_compat import (
        torch as torch_namespace,
    )  # Here, so that only torch tensors bring torch along.

    return torch_namespace
