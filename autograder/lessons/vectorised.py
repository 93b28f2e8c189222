"""Lesson 06: all users at once, on whatever device they lie, judged for values, for the device, and by a race.

Values first: two or three users, read on the card. Then what holds of each exercise: it stays on the device of its
inputs (watched on torch's meta device), keeps their dtype, and serves a user so many times as fast as the given loop.
The tiers of the races come from `python -m benchmarks.races`.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from autograder.exercise import Exercise, exercise
from autograder.proxy import derived, traced
from autograder.racing import Times, times_as_fast
from metarec import loops
from metarec.params import INTEREST, World
from solutions import vectorised as reference

Arguments = tuple[Any, ...]

DEVICE = "stays on the device of its inputs, with no more operations for more users"
DTYPE = "answers in the dtype that it is given"
STAYS = "nothing left the device"
MORE = "more users took more operations: there is a loop over users"
ELSEWHERE = "what it returned does not lie on the device"


def _on_device(target: Any, inputs: Callable[[int], Arguments]) -> Any:
    """In words what the function did with a device that has no values; twice, with few users and with more."""
    return derived(_in_words, traced(target, *inputs(3)), traced(target, *inputs(9)))


def _in_words(few: Any, many: Any) -> str:
    if few["left"]:
        return str(few["left"][0])
    if len(many["operations"]) > len(few["operations"]):
        return MORE
    return STAYS if set(few["devices"]) == {"meta"} else ELSEWHERE


def _raced(
    target: Any, inputs: Callable[[int], Arguments], few: int, tiers: tuple[float, float]
) -> Iterator[tuple[str, Any, Times]]:
    """Two labels: the first is beyond any loop over users, the second what any vectorised answer reaches."""
    name = repr(target)  # a proxy is called what its exercise is
    times = times_as_fast(target, getattr(reference, name), getattr(loops, name), inputs, few, max(tiers))
    for tier in tiers:
        yield f"serves a user {tier:g} times as fast as the given loop", times, Times(tier)


def _generator(rng: np.random.Generator) -> torch.Generator:
    return torch.Generator().manual_seed(int(rng.integers(2**31)))


def _rounded(draw: torch.Generator, low: float, high: float, *shape: int) -> Tensor:
    return ((torch.rand(shape, generator=draw) * (high - low) + low) * 10).round() / 10


def _doubles(value: Any) -> Any:
    """The same in double precision: tensors of numbers with a point, wherever they are."""
    if isinstance(value, Tensor):
        return value.double() if value.is_floating_point() else value
    if isinstance(value, dict):
        return {key: _doubles(item) for key, item in value.items()}
    if isinstance(value, World):
        return World(**_doubles(vars(value)))
    return value


def _dtypes(target: Any, arguments: Arguments, names: Callable[[Any], Any]) -> Any:
    """The dtypes of what it answers, in single and in double precision."""
    single, double = target(*arguments), target(*(_doubles(value) for value in arguments))
    return derived(lambda one, other: [names(one), names(other)], single, double)


def _dtype(answer: Any) -> str:
    return str(np.asarray(answer).dtype)


def _world(draw: torch.Generator, size: int, topics: int, items: int) -> World:
    """A catalogue in which an item's topic is not its number."""
    order = torch.randperm(items, generator=draw) % topics
    return World.of(INTEREST, _rounded(draw, -1, 1, items, size), order)


def _users(draw: torch.Generator, users: int, size: int, topics: int) -> dict[str, Tensor]:
    """Users in the middle of their sessions: nobody has been shown as much of a topic as can be, or nothing of it."""
    return {
        "theta": _rounded(draw, -2, 2, users, size),
        "drift": _rounded(draw, -0.5, 0.5, users, size),
        "satiation": _rounded(draw, 0.3, 4, users, topics),
        "patience": torch.randint(3, 8, (users,), generator=draw).float(),
        "time": torch.randint(1, 50, (users,), generator=draw).float(),
    }


def _actions(draw: torch.Generator, users: int, items: int) -> Tensor:
    """Items none of which is shown twice, as long as there are enough."""
    if users <= items:
        return torch.randperm(items, generator=draw)[:users]
    return torch.randint(items, (users,), generator=draw)


def _many(draw: torch.Generator, users: int) -> tuple[dict[str, Tensor], World, Tensor]:
    """As many users as asked for, in a world as large as Interest-v0's."""
    return _users(draw, users, 16, 20), _world(draw, 16, 20, 500), _actions(draw, users, 500)


@exercise(
    reference.click_probability,
    points=2,
    minutes=10,
    hints=[
        "Write the formula for one user, then ask of each symbol: which tensor holds it for all users, and in what "
        "shape? Everything should end as [B].",
        "`items[actions]` picks a row for each user: [B, D]. A scalar product for each user is a product, summed over "
        "dimension 1. `topics[actions]` is [B].",
        "One column for each user: `satiation.gather(1, topics[actions][:, None])[:, 0]`. Gather wants an index with "
        "as many dimensions as the tensor has.",
    ],
    afterword="No loop, no `if`, and nothing said about a device: the same lines run on a CPU and on a GPU. Indexing a "
    "table by a tensor is a gather, and recommenders are made of gathers.",
)
def click_probability(target: Any, rng: np.random.Generator) -> Iterator[tuple[Any, ...]]:
    """Each part of the logit alone, then all of them."""
    draw = _generator(rng)

    def small(users: int) -> Arguments:
        world, state = _world(draw, 2, 3, 5), _users(draw, users, 2, 3)
        parts = (state["theta"], state["drift"], state["satiation"])
        return *parts, world.items, world.topics, _actions(draw, users, 5), world

    def many(users: int) -> Arguments:
        state, world, actions = _many(draw, users)
        return state["theta"], state["drift"], state["satiation"], world.items, world.topics, actions, world

    theta, drift, satiation, *rest = small(2)
    yield (
        "likes what lies along an interest, the long one and the short one",
        target(theta, drift, torch.zeros_like(satiation), *rest),
    )
    theta, drift, satiation, *rest = small(2)
    yield (
        "is less for a topic that bores the user",
        target(torch.zeros_like(theta), torch.zeros_like(drift), satiation, *rest),
    )
    yield "is the sigmoid of all of it, for each user", target(*small(3))
    yield DTYPE, _dtypes(target, small(2), _dtype)
    yield DEVICE, _on_device(target, small)
    yield from _raced(target, many, 96, (20, 35))


def _click_probability(name: str, diagnosis: str, logit: Callable[..., Tensor], squash: Any = torch.sigmoid) -> None:
    """A mistaken probability, of another logit."""

    def mistaken(
        theta: Tensor, drift: Tensor, satiation: Tensor, items: Tensor, topics: Tensor, actions: Tensor, params: Any
    ) -> Tensor:
        liking = ((theta + drift) * items[actions]).sum(dim=1)
        level = satiation.gather(1, topics[actions][:, None])[:, 0]
        return squash(logit(liking, level, params, theta, drift, satiation, items[actions], topics[actions]))

    mistaken.__name__, mistaken.__doc__ = name, diagnosis
    click_probability.mistake(mistaken)


_click_probability(
    "no_sigmoid",
    "It returns the logit, which may be any number: its sigmoid is the probability.",
    lambda liking, level, p, *_: p.alpha * liking - p.beta * level + p.c,
    squash=lambda logit: logit,
)
_click_probability(
    "drift_forgotten",
    "The short-term interest has no part in it: the product is of the item with theta + drift.",
    lambda liking, level, p, theta, drift, satiation, vectors, topics: (
        p.alpha * (theta * vectors).sum(dim=1) - p.beta * level + p.c
    ),
)
_click_probability(
    "alpha_on_theta_alone",
    "alpha weighs theta and not the drift: it belongs to the whole product, of theta + drift.",
    lambda liking, level, p, theta, drift, satiation, vectors, topics: (
        p.alpha * (theta * vectors).sum(dim=1) + (drift * vectors).sum(dim=1) - p.beta * level + p.c
    ),
)
_click_probability(
    "boredom_attracts",
    "Satiation makes a click likelier: its sign is turned round. It is subtracted.",
    lambda liking, level, p, *_: p.alpha * liking + p.beta * level + p.c,
)
_click_probability(
    "constant_forgotten",
    "The constant `params.c` is missing: the logit of an item that meets neither interest nor boredom.",
    lambda liking, level, p, *_: p.alpha * liking - p.beta * level,
)
_click_probability(
    "bored_by_every_topic",
    "It adds up the satiation with all topics: only the topic of the item shown counts. Gather one column for each "
    "user.",
    lambda liking, level, p, theta, drift, satiation, vectors, topics: (
        p.alpha * liking - p.beta * satiation.sum(dim=1) + p.c
    ),
)
_click_probability(
    "everybody_s_topics",
    "`satiation[:, topics[actions]]` pairs every user with every topic shown: [B, B], of which you want the diagonal. "
    "Give rows and columns, or gather.",
    lambda liking, level, p, theta, drift, satiation, vectors, topics: (
        (p.alpha * liking)[:, None] - p.beta * satiation[:, topics] + p.c
    ),
)
_click_probability(
    "satiation_in_a_column",
    "`gather` keeps the dimension: a satiation of [B, 1] meets a product of [B], and all pairs come out, [B, B]. Take "
    "`[:, 0]` of what it gives.",
    lambda liking, level, p, *_: p.alpha * liking - p.beta * level[:, None] + p.c,
)
_click_probability(
    "mean_for_the_product",
    "It takes the mean over the dimensions: a scalar product is the *sum* of the products.",
    lambda liking, level, p, theta, drift, satiation, vectors, topics: (
        p.alpha * ((theta + drift) * vectors).mean(dim=1) - p.beta * level + p.c
    ),
)
_click_probability(
    "sums_over_the_users",
    "`sum()` adds up everything, the users too: each has a product of his own, `sum(dim=1)`.",
    lambda liking, level, p, theta, drift, satiation, vectors, topics: (
        p.alpha * ((theta + drift) * vectors).sum() - p.beta * level + p.c
    ),
)
_click_probability(
    "neighbour_s_satiation",
    "The satiation comes from the first user's row, or from one that belongs to another user: row b of the result must "
    "come from row b of the state.",
    lambda liking, level, p, theta, drift, satiation, vectors, topics: (
        p.alpha * liking - p.beta * satiation[0][topics] + p.c
    ),
)


@exercise(
    reference.step,
    points=3,
    minutes=15,
    hints=[
        "Every `if click` of the loop becomes a choice between two tensors, both computed for everybody: "
        "`torch.where(clicks, one, other)`.",
        "The drift of all: `rho * drift`, plus `eta * v` where clicked. `clicks` is [B] and vectors are [B, D], so "
        "`clicks[:, None]` makes them meet.",
        "Lower all satiations, keep them at 0 or more, then write into one column of each row: `.scatter(1, shown, "
        "raised)` with `shown` [B, 1] and `raised` = the old level + 1, at most S.",
    ],
    afterword="Both branches are computed for everybody and half of it is thrown away. On a device that is cheaper "
    "than to ask who takes which: a mask in place of a branch.",
)
def step(target: Any, rng: np.random.Generator) -> Iterator[tuple[Any, ...]]:
    """Each part of the state, borders last."""
    draw = _generator(rng)

    def ready(state: dict[str, Tensor], world: World, actions: Tensor) -> Arguments:
        """With uniforms of which none is too close to call, and about as many clicks as none."""
        parts = (state["theta"], state["drift"], state["satiation"])
        chance = reference.click_probability(*parts, world.items, world.topics, actions, world)
        clicked = torch.rand(len(actions), generator=draw) < 0.5
        clicked[:3] = torch.tensor([True, False, False])[: len(actions)]
        return state, actions, torch.where(clicked, chance * 0.8, chance + (1 - chance) * 0.2), world

    def small(users: int) -> Arguments:
        return ready(_users(draw, users, 2, 3), _world(draw, 2, 3, 5), _actions(draw, users, 5))

    state, actions, uniforms, world = small(2)
    uniforms = (uniforms * 100).round() / 100
    after = target(state, actions, uniforms, world)
    yield "clicks where uniform < probability", derived(lambda a: np.asarray(a[1], dtype=float), after)
    for name, label in {
        "drift": "lets the short-term interest fade, and move with a click",
        "satiation": "bores by the topic shown, and lets the others recover",
        "patience": "gives patience back for a click, and takes it where there is none",
    }.items():
        yield label, derived(lambda a, name=name: a[0][name], after)
    yield "counts time and leaves theta", derived(lambda a: [a[0]["theta"], a[0]["time"]], after)
    state, actions, uniforms, world = small(3)
    shown = world.topics[actions]
    state["satiation"][torch.arange(3), shown] = world.S - 0.5
    state["satiation"][torch.arange(3), (shown + 1) % 3] = 0.1
    state["patience"] = torch.tensor([float(world.P), 1.0, 0.5])
    # the first user goes on: what a time limit cuts off has not ended
    state["time"][0] = world.T - 1
    actions_of_three = ready(state, world, actions)
    after = target(*actions_of_three)
    yield (
        "keeps satiation from 0 to S and patience up to P",
        derived(lambda a: [a[0]["satiation"], a[0]["patience"]], after),
    )
    yield "tells who has lost patience", derived(lambda a: np.asarray(a[2], dtype=float), after)
    yield DTYPE, _dtypes(target, small(2), lambda a: {name: _dtype(a[0][name]) for name in state})
    yield DEVICE, _on_device(target, small)
    yield from _raced(target, lambda users: ready(*_many(draw, users)), 32, (20, 50))


Parts = dict[str, Any]


def _step(name: str, diagnosis: str, **differs: Callable[[Parts], Any]) -> None:
    """A mistaken step: the reference's, in which one part is made otherwise."""

    def mistaken(
        state: dict[str, Tensor], actions: Tensor, uniforms: Tensor, params: Any
    ) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        theta, drift, satiation = state["theta"], state["drift"], state["satiation"]
        chance = reference.click_probability(theta, drift, satiation, params.items, params.topics, actions, params)
        parts: Parts = {**state, "p": params, "uniforms": uniforms, "chance": chance}
        parts |= {"v": params.items[actions], "shown": params.topics[actions][:, None], "actions": actions}
        usual: dict[str, Callable[[Parts], Any]] = {
            "clicks": lambda s: s["uniforms"] < s["chance"],
            "drift": lambda s: s["p"].rho * s["drift"] + torch.where(s["clicks"][:, None], s["p"].eta * s["v"], 0.0),
            "satiation": lambda s: _bored(s["satiation"], s["shown"], s["p"]),
            "patience": lambda s: torch.where(s["clicks"], s["patience"] + s["p"].g, s["patience"] - 1).clamp(
                max=s["p"].P
            ),
            "time": lambda s: s["time"] + 1,
            "theta": lambda s: s["theta"],
        }
        usual |= {part: make for part, make in differs.items() if part in usual}
        parts["clicks"] = usual.pop("clicks")(parts)
        after = {part: make(parts) for part, make in usual.items()}
        terminated = differs.get("terminated", lambda s: s["left"] <= 0)({**parts, "left": after["patience"]})
        return {part: after[part] for part in state}, parts["clicks"], terminated

    mistaken.__name__, mistaken.__doc__ = name, diagnosis
    step.mistake(mistaken)


def _bored(satiation: Tensor, shown: Tensor, params: Any) -> Tensor:
    raised = (satiation.gather(1, shown) + 1).clamp(max=params.S)
    return (satiation - params.delta).clamp(min=0).scatter(1, shown, raised)


_step(
    "clicks_where_above",
    "The comparison is turned round: a click where uniform < probability, or a likely item is clicked rarely.",
    clicks=lambda s: s["uniforms"] > s["chance"],
)
_step(
    "drifts_without_a_click",
    "Every item shown moves the interest: only a click does. Multiply by `clicks[:, None]`, or use `torch.where`.",
    drift=lambda s: s["p"].rho * s["drift"] + s["p"].eta * s["v"],
)
_step(
    "drift_never_fades",
    "The short-term interest adds up for ever: rho of it is left after a step, whether there is a click or not.",
    drift=lambda s: s["drift"] + torch.where(s["clicks"][:, None], s["p"].eta * s["v"], 0.0),
)
_step(
    "drift_fades_with_a_click_alone",
    "Where there is no click the drift stays as it was: rho is for everybody, eta for those who click.",
    drift=lambda s: torch.where(s["clicks"][:, None], s["p"].rho * s["drift"] + s["p"].eta * s["v"], s["drift"]),
)
_step(
    "clicks_along_the_dimensions",
    "The clicks [B] meet the dimensions of the vectors [B, D], not the users: that fails, or worse, it does not, where "
    "B is D. Give them a second dimension, `clicks[:, None]`.",
    drift=lambda s: s["p"].rho * s["drift"] + s["p"].eta * s["clicks"] * s["v"],
)
_step(
    "shown_topic_recovers_too",
    "The topic shown is first lowered by delta and then raised: it is raised by a whole 1 from where it was.",
    satiation=lambda s: (
        (s["satiation"] - s["p"].delta)
        .clamp(min=0)
        .scatter_add(1, s["shown"], torch.ones_like(s["satiation"][:, :1]))
        .clamp(max=s["p"].S)
    ),
)
_step(
    "bored_by_clicks_alone",
    "Only what is clicked bores: what is *shown* does, clicked or not.",
    satiation=lambda s: torch.where(
        s["clicks"][:, None], _bored(s["satiation"], s["shown"], s["p"]), (s["satiation"] - s["p"].delta).clamp(min=0)
    ),
)
_step(
    "others_stay_bored",
    "The topics that are not shown never recover: each loses delta, down to 0.",
    satiation=lambda s: s["satiation"].scatter(
        1, s["shown"], (s["satiation"].gather(1, s["shown"]) + 1).clamp(max=s["p"].S)
    ),
)
_step(
    "satiation_unclipped",
    "Satiation leaves its bounds: it stays from 0 to S.",
    satiation=lambda s: (s["satiation"] - s["p"].delta).scatter(
        1, s["shown"], s["satiation"].gather(1, s["shown"]) + 1
    ),
)
_step(
    "patience_without_a_bound",
    "Patience grows beyond P: a user who clicks much is not patient for ever.",
    patience=lambda s: torch.where(s["clicks"], s["patience"] + s["p"].g, s["patience"] - 1),
)
_step(
    "patience_for_clicks_alone",
    "Patience never falls, so that nobody ever leaves: without a click it is less by 1.",
    patience=lambda s: torch.where(s["clicks"], s["patience"] + s["p"].g, s["patience"]).clamp(max=s["p"].P),
)
_step(
    "patience_kept_from_falling_below_zero",
    "It keeps patience from falling below 0: only the upper bound is asked for. Who is at 0.5 and does not click has "
    "-0.5 left, and has lost patience.",
    patience=lambda s: torch.where(s["clicks"], s["patience"] + s["p"].g, s["patience"] - 1).clamp(0, s["p"].P),
)
_step(
    "click_costs_patience_too",
    "It takes 1 from everybody and then gives g back for a click: either the one or the other.",
    patience=lambda s: torch.where(s["clicks"], s["patience"] + s["p"].g - 1, s["patience"] - 1).clamp(max=s["p"].P),
)
_step(
    "leaves_too_late",
    "A user whose patience is exactly 0 goes on: 0 is the end already, so `<= 0`.",
    terminated=lambda s: s["left"] < 0,
)
_step(
    "judged_by_the_old_patience",
    "It looks at the patience *before* the step: who loses the last of it now has left.",
    terminated=lambda s: s["patience"] <= 0,
)
_step(
    "time_limit_ends",
    "It reports a time limit as a termination: that a session was cut off at T says nothing about the user. Only lost "
    "patience terminates; whoever runs the sessions truncates them.",
    terminated=lambda s: (s["left"] <= 0) | (s["time"] + 1 >= s["p"].T),
)
_step("time_stands_still", "Time does not go on: it is one more after each step.", time=lambda s: s["time"])


@exercise(
    reference.reset_where,
    points=1,
    minutes=7,
    hints=[
        "Do not ask who is done. Say for each place which of two values belongs there: that is "
        "`torch.where(mask, one, other)`.",
        "The mask is [B], and some parts are [B, n]: give it a second dimension there, `done[:, None]`, or "
        "`done.reshape(-1, *[1] * (x.ndim - 1))` for any.",
    ],
    afterword="`state[done] = fresh[done]` gives the same numbers. But how many rows are there on the right? The host "
    "has to wait for the device to say so. `torch.where` needs no answer.",
)
def reset_where(target: Any, rng: np.random.Generator) -> Iterator[tuple[Any, ...]]:
    """Those who are done, those who are not, all and nobody."""
    draw = _generator(rng)

    def many(users: int) -> Arguments:
        state, fresh = (_users(draw, users, 16, 20) for _ in range(2))
        return state, torch.rand(users, generator=draw) < 0.3, fresh

    def small(users: int) -> Arguments:
        state, fresh = (_users(draw, users, 2, 2) for _ in range(2))
        done = torch.zeros(users, dtype=torch.bool)
        done[int(rng.integers(users))] = True
        return state, done, fresh

    state, done, fresh = small(3)
    after = target(state, done, fresh)
    yield "gives a fresh user for each who is done", derived(lambda a: _rows(a, done.numpy()), after)
    yield "leaves the others as they are", derived(lambda a: _rows(a, ~done.numpy()), after)
    state, done, fresh = small(2)
    yield (
        "resets all, or nobody",
        [target(state, torch.ones_like(done), fresh), target(state, torch.zeros_like(done), fresh)],
    )
    yield DTYPE, _dtypes(target, small(2), lambda a: {name: _dtype(a[name]) for name in state})
    yield DEVICE, _on_device(target, small)
    yield from _raced(target, many, 256, (8, 12))


def _rows(state: Any, mask: np.ndarray) -> dict[str, Any]:
    return {name: np.asarray(part)[mask] for name, part in state.items()}


def _reset_where(name: str, diagnosis: str, choose: Callable[[str, Tensor, Tensor, Tensor], Tensor]) -> None:
    """A mistaken reset, which chooses otherwise between the old rows and the fresh ones."""

    def mistaken(state: dict[str, Tensor], done: Tensor, fresh: dict[str, Tensor]) -> dict[str, Tensor]:
        return {
            name: choose(name, done.reshape(-1, *[1] * (old.ndim - 1)), old, fresh[name]) for name, old in state.items()
        }

    mistaken.__name__, mistaken.__doc__ = name, diagnosis
    reset_where.mistake(mistaken)


_reset_where(
    "resets_the_others",
    "It is the wrong way round: those who go on get a fresh start, and those who are done go on. `torch.where(done, "
    "fresh, old)`.",
    lambda name, done, old, new: torch.where(done, old, new),
)
_reset_where(
    "resets_everybody",
    "As soon as one is done, all get a fresh start: each row has a mask of its own.",
    lambda name, done, old, new: torch.where(done.any(), new, old),
)
_reset_where(
    "keeps_theta",
    "It keeps the long-term interest of who has left: the fresh user is somebody else.",
    lambda name, done, old, new: old if name == "theta" else torch.where(done, new, old),
)
_reset_where(
    "back_to_zero",
    "It sets those who are done to 0: their new values are those of `fresh`.",
    lambda name, done, old, new: torch.where(done, torch.zeros_like(old), old),
)
_reset_where(
    "adds_the_fresh",
    "It adds the fresh values to the old ones: those of who is done have to go.",
    lambda name, done, old, new: old + done.to(old.dtype) * new,
)
_reset_where(
    "first_rows_of_the_fresh",
    "It takes the first rows of `fresh` for those who are done, in turn: row b of `fresh` is for user b.",
    lambda name, done, old, new: torch.where(done, new[(done.reshape(-1).cumsum(0) - 1).clamp(min=0)], old),
)


def _row_by_row(name: str, diagnosis: str, mask: Callable[[Tensor], Tensor]) -> None:
    """A mistaken reset, whose mask has one shape for parts of either shape."""

    def mistaken(state: dict[str, Tensor], done: Tensor, fresh: dict[str, Tensor]) -> dict[str, Tensor]:
        return {name: torch.where(mask(done), fresh[name], old) for name, old in state.items()}

    mistaken.__name__, mistaken.__doc__ = name, diagnosis
    reset_where.mistake(mistaken)


_row_by_row(
    "mask_without_a_dimension",
    "The mask [B] meets the second dimension of parts that are [B, n]: give it one of its own there, `done[:, None]`.",
    lambda done: done,
)
_row_by_row(
    "mask_in_a_column_everywhere",
    "The mask is [B, 1] for parts that are [B] too, and all pairs come out, [B, B]: give it as many dimensions as the "
    "part has.",
    lambda done: done[:, None],
)


def _masks_rows(state: dict[str, Tensor], done: Tensor, fresh: dict[str, Tensor]) -> dict[str, Tensor]:
    after = {name: old.clone() for name, old in state.items()}
    for name in after:
        after[name][done] = fresh[name][done]
    return after


_masks_rows.__name__ = "selects_rows_by_the_mask"
_masks_rows.__doc__ = (
    "`x[done]` has as many rows as are done, and the host has to wait for the device to count them, at every step. "
    "`torch.where` writes the same rows and asks nothing."
)
reset_where.mistake(_masks_rows)


@exercise(
    reference.top_k_unseen,
    points=2,
    minutes=8,
    hints=[
        "What has been seen must never win. Give it a score below any other, and leave the others alone.",
        "`scores.masked_fill(seen, float('-inf'))` is a new tensor; `.topk(k, dim=1).indices` are the best of each "
        "row, best first.",
    ],
    afterword="Sorting all items would do as well, and costs more: `topk` need not order what it throws away. Here the "
    "time is in reading the scores, so that all the cleverness in the world gains little more.",
)
def top_k_unseen(target: Any, rng: np.random.Generator) -> Iterator[tuple[Any, ...]]:
    """Distinct scores; what is seen is often what scores best."""
    draw = _generator(rng)

    def made(users: int, items: int, k: int, shift: float) -> Arguments:
        ranks = torch.rand(users, items, generator=draw).argsort(dim=1)
        best_first = torch.rand(users, items, generator=draw) + 0.4 * ranks / items
        seen = best_first.argsort(dim=1, descending=True).argsort(dim=1) < items - k - 1
        return (ranks - items / 2 + shift).round(decimals=1) / 2, seen, k

    yield "takes the best that is unseen", target(*made(2, 4, 1, 0.0))
    yield "puts the best first", target(*made(2, 6, 3, 0.0))
    yield "minds what is unseen where all scores are below 0", target(*made(2, 5, 2, -4.0))
    scores, seen, _ = made(2, 5, 2, 0.0)
    yield "takes all that is left", target(scores, seen, int((~seen).sum(dim=1).min()))
    yield "answers with whole numbers", derived(lambda a: np.asarray(a).dtype.kind, target(*made(2, 4, 1, 0.0)))
    yield DEVICE, _on_device(target, lambda users: made(users, 6, 2, 0.0))
    yield from _raced(target, lambda users: made(users, 24, 3, 0.0), 256, (6, 12))


def _top_k(name: str, diagnosis: str, ranked: Callable[[Tensor, Tensor, int], Tensor]) -> None:
    def mistaken(scores: Tensor, seen: Tensor, k: int) -> Tensor:
        return ranked(scores, seen, k)

    mistaken.__name__, mistaken.__doc__ = name, diagnosis
    top_k_unseen.mistake(mistaken)


_top_k(
    "seen_items_too",
    "It takes no notice of `seen`: people are shown again what they have had.",
    lambda scores, seen, k: scores.topk(k, dim=1).indices,
)
_top_k(
    "seen_score_nothing",
    "It sets the scores of seen items to 0: where the others are below 0 that is the best of all. Take minus infinity.",
    lambda scores, seen, k: (scores * ~seen).topk(k, dim=1).indices,
)
_top_k(
    "seen_tie_with_the_worst",
    "What has been seen gets the least score there is, and ties with an unseen item that has it: take minus infinity.",
    lambda scores, seen, k: scores.where(~seen, scores.min()).topk(k, dim=1).indices,
)
_top_k(
    "in_order_of_number",
    "The right items come in the order of their numbers: best first is asked for, as `topk` gives them.",
    lambda scores, seen, k: scores.masked_fill(seen, float("-inf")).topk(k, dim=1).indices.sort(dim=1).values,
)
_top_k(
    "only_the_seen",
    "The mask is the wrong way round: it recommends what has been seen.",
    lambda scores, seen, k: scores.masked_fill(~seen, float("-inf")).topk(k, dim=1).indices,
)
_top_k(
    "worst_first",
    "The worst of the best comes first: best first is asked for.",
    lambda scores, seen, k: scores.masked_fill(seen, float("-inf")).topk(k, dim=1).indices.flip(1),
)
_top_k(
    "the_worst",
    "It takes the items of least score: `argsort` begins with them, unless it is told `descending=True`.",
    lambda scores, seen, k: scores.masked_fill(seen, float("inf")).argsort(dim=1)[:, :k],
)
_top_k(
    "scores_for_indices",
    "It returns the scores: the *indices* of the items are asked for.",
    lambda scores, seen, k: scores.masked_fill(seen, float("-inf")).topk(k, dim=1).values,
)
_top_k(
    "indices_with_a_point",
    "The indices are floating-point numbers, and nothing can be indexed with those: leave them as they come.",
    lambda scores, seen, k: scores.masked_fill(seen, float("-inf")).topk(k, dim=1).indices.float(),
)
_top_k(
    "best_of_all_users",
    "It looks for the best over all users together: each row has its own. `dim=1`.",
    lambda scores, seen, k: scores.masked_fill(seen, float("-inf")).amax(dim=0).topk(k).indices.repeat(len(scores), 1),
)


@exercise(
    reference.discounted_sums,
    points=2,
    minutes=8,
    hints=[
        "Each sum needs the one after it, so time must be a loop. Users need nothing of each other: a row of them at a "
        "time.",
        "`following = rewards[t] + gamma * following`, from the last t to the first, with `following` [B].",
    ],
    afterword="What depends on what decides which loop can go. Time cannot, users can: one short loop of long rows. "
    "(With powers of gamma and one matrix product time can go too; it is then T times T.)",
)
def discounted_sums(target: Any, rng: np.random.Generator) -> Iterator[tuple[Any, ...]]:
    """Short sessions to read, then long ones."""
    draw = _generator(rng)
    gamma = float(rng.choice([0.5, 0.8, 0.9]))

    def made(steps: int, users: int) -> Arguments:
        return _rounded(draw, -2, 2, steps, users), gamma

    rewards, _ = made(2, 2)
    yield "adds the next reward at its discount", target(rewards, gamma)
    yield "discounts what is further away by more", target(*made(4, 2))
    yield (
        "keeps users apart",
        derived(lambda s: np.asarray(s)[:, 0], target(made(3, 1)[0] * torch.tensor([1, 0, 3.0]), gamma)),
    )
    yield "is the reward itself where nothing follows", target(*made(1, 3))
    yield (
        "is a number after 300 steps too",
        derived(lambda s: np.asarray(s)[[0, 150, -1]], target(made(300, 2)[0], 0.5)),
    )
    yield DTYPE, _dtypes(target, made(3, 2), _dtype)
    yield DEVICE, _on_device(target, lambda users: made(4, users))
    yield from _raced(target, lambda users: made(16, users), 24, (80, 120))


def _sums(name: str, diagnosis: str, summed: Callable[[Tensor, float], Tensor]) -> None:
    def mistaken(rewards: Tensor, gamma: float) -> Tensor:
        return summed(rewards, gamma)

    mistaken.__name__, mistaken.__doc__ = name, diagnosis
    discounted_sums.mistake(mistaken)


def _powers(rewards: Tensor, gamma: float) -> Tensor:
    steps = torch.arange(len(rewards), device=rewards.device, dtype=rewards.dtype)
    return (gamma**steps)[:, None]


def _with_powers(rewards: Tensor, gamma: float) -> Tensor:
    sums, following = torch.zeros_like(rewards), torch.zeros_like(rewards[0])
    for t in reversed(range(len(rewards))):
        following = rewards[t] + gamma**t * following
        sums[t] = following
    return sums


_sums(
    "undiscounted",
    "Nothing is discounted: each later reward counts gamma times as much as the one before it.",
    lambda rewards, gamma: rewards.flip(0).cumsum(dim=0).flip(0),
)
_sums(
    "from_the_start",
    "It sums what came *before*: the sum at t is of that reward and all after it. Go from the last to the first.",
    lambda rewards, gamma: reference.discounted_sums(rewards.flip(0), gamma).flip(0),
)
_sums(
    "discounted_from_the_start",
    "Every reward is discounted by its time from the start: sums[t] counts from t. Divide by the weight of t, or use "
    "the recursion.",
    lambda rewards, gamma: (rewards * _powers(rewards, gamma)).flip(0).cumsum(dim=0).flip(0),
)
_sums(
    "divides_by_powers",
    "It divides by powers of gamma, which become too small for floats over many steps: inf and NaN. The recursion "
    "never meets one.",
    lambda rewards, gamma: (rewards * _powers(rewards, gamma)).flip(0).cumsum(dim=0).flip(0) / _powers(rewards, gamma),
)
_sums(
    "along_the_users",
    "It sums along the users: rewards are [T, B], time first.",
    lambda rewards, gamma: reference.discounted_sums(rewards.T, gamma).T,
)
_sums(
    "backwards",
    "The sums come out last first: turn them round again.",
    lambda rewards, gamma: reference.discounted_sums(rewards, gamma).flip(0),
)
_sums(
    "without_this_reward",
    "The reward at t itself is missing: sums[t] = rewards[t] + gamma · sums[t + 1].",
    lambda rewards, gamma: reference.discounted_sums(rewards, gamma) - rewards,
)
_sums(
    "this_reward_discounted_too",
    "The reward at t itself is discounted: gamma stands before what *follows* it, and before nothing else.",
    lambda rewards, gamma: gamma * reference.discounted_sums(rewards, gamma),
)
_sums(
    "power_in_the_recursion",
    "It takes gamma to the power of t in the recursion: each step back discounts once, by gamma. The powers come about "
    "by themselves.",
    _with_powers,
)
_sums(
    "first_sum_alone",
    "It gives the sum from the start alone, [B]: one for each time is asked for.",
    lambda rewards, gamma: reference.discounted_sums(rewards, gamma)[0],
)


@exercise(
    reference.batched_gae,
    points=2,
    minutes=10,
    hints=[
        "All errors first, without any loop: [T, B] in one expression. A mask takes away the next value where "
        "`terminated`.",
        "Then the recursion from the last time to the first: `following = errors[t] + weight[t] * following`, where "
        "the weight is gamma · lam, and 0 where `ended`.",
    ],
    afterword="The loop over time is all that is left, of two operations each. Lesson 05's `gae` is written in this "
    "way already: that is why it could train on a thousand users.",
)
def batched_gae(target: Any, rng: np.random.Generator) -> Iterator[tuple[Any, ...]]:
    """One end of each kind to read, then many."""
    draw = _generator(rng)
    gamma, lam = float(rng.choice([0.8, 0.9])), float(rng.choice([0.5, 0.7]))

    def made(steps: int, users: int, terminations: float = 0.2, ends: float = 0.4) -> Arguments:
        rewards, values, following = (_rounded(draw, -2, 2, steps, users) for _ in range(3))
        kind = torch.rand(steps, users, generator=draw)
        return rewards, values, following, kind < terminations, kind < ends, gamma, lam

    yield "adds up errors to come, by gamma and lam", target(*made(3, 2, 0.0, 0.0))
    yield "bootstraps from no value past a termination", target(*made(1, 2, 1.0, 1.0))
    yield "bootstraps past a truncation, from what followed before the reset", target(*made(1, 2, 0.0, 1.0))
    yield "sums nothing across an end", target(*made(3, 2, 0.0, 0.5))
    yield "keeps users apart", target(*made(6, 3))
    yield DTYPE, _dtypes(target, made(3, 2), _dtype)
    yield DEVICE, _on_device(target, lambda users: made(4, users))
    yield from _raced(target, lambda users: made(16, users), 8, (60, 120))


def _gae(name: str, diagnosis: str, **differs: Callable[..., Any]) -> None:
    """Mistaken advantages: the reference's, of other inputs."""

    def mistaken(
        rewards: Tensor,
        values: Tensor,
        next_values: Tensor,
        terminated: Tensor,
        ended: Tensor,
        gamma: float,
        lam: float,
    ) -> Tensor:
        given = dict(
            zip(
                ("rewards", "values", "next_values", "terminated", "ended", "gamma", "lam"),
                (rewards, values, next_values, terminated, ended, gamma, lam),
                strict=True,
            )
        )
        return reference.batched_gae(**{**given, **{key: make(**given) for key, make in differs.items()}})

    mistaken.__name__, mistaken.__doc__ = name, diagnosis
    batched_gae.mistake(mistaken)


_gae(
    "truncation_taken_for_a_termination",
    "A truncation takes the next value away: the user would have gone on. Only `terminated` does that.",
    terminated=lambda ended, **_: ended,
)
_gae(
    "sums_across_truncations",
    "A truncated session runs on into the next one: `ended` stops the recursion, `terminated` alone does not.",
    ended=lambda terminated, **_: terminated,
)
_gae(
    "sums_across_every_end",
    "Sessions run on into each other: nothing is summed across an end. The weight is 0 where `ended`.",
    ended=lambda ended, **_: torch.zeros_like(ended),
)
_gae(
    "bootstraps_past_the_end",
    "It adds a next value after a termination: nobody is there any more.",
    terminated=lambda terminated, **_: torch.zeros_like(terminated),
)
_gae(
    "lam_forgotten",
    "lam has no part in it: errors to come are weighed by gamma · lam.",
    lam=lambda **_: 1.0,
)
_gae(
    "one_error_alone",
    "It is the error of one step: those to come belong to it, weighed by (gamma · lam)^k.",
    lam=lambda **_: 0.0,
)
_gae(
    "values_of_the_row_after",
    "It takes values[t + 1] for the next value: after an end that is somebody else's. `next_values` is given.",
    next_values=lambda values, next_values, **_: torch.cat([values[1:], next_values[-1:]]),
)
_gae(
    "return_for_advantage",
    "The value is not subtracted: an advantage is *better than expected*.",
    values=lambda values, **_: torch.zeros_like(values),
)


EXERCISES = [click_probability, step, reset_where, top_k_unseen, discounted_sums, batched_gae]


def _first(value: Any) -> Tensor:
    """The first tensor in what a function returns."""
    while not isinstance(value, Tensor):
        value = next(iter(value.values() if isinstance(value, dict) else value))
    return value


def _everywhere(name: str, diagnosis: str, answer: Callable[[Exercise, Arguments], Any]) -> None:
    """The same mistake in every exercise."""

    def add(made: Exercise) -> None:
        def mistaken(*arguments: Any) -> Any:
            return answer(made, arguments)

        mistaken.__name__, mistaken.__doc__ = name, diagnosis
        made.mistake(mistaken)

    for made in EXERCISES:
        add(made)


def _leaves(name: str, diagnosis: str, leave: Callable[[Tensor], Any]) -> None:
    """A right answer that leaves the device on its way."""

    def answer(made: Exercise, arguments: Arguments) -> Any:
        right = made.reference(*arguments)
        leave(_first(right))
        return right

    _everywhere(name, diagnosis, answer)


_everywhere(
    "loop_over_users",
    "It serves one user after the other. Each operation costs some microseconds to ask for, whether it is for one user "
    "or for a thousand: say it once for all of them, with [B] as the first dimension.",
    lambda made, arguments: getattr(loops, made.name)(*arguments),
)
_leaves(
    "reads_by_item",
    "`.item()` fetches a number from the device, and the host waits until it is there. Leave it a tensor: tensors of "
    "one number take part in everything.",
    lambda tensor: tensor.flatten()[0].item(),
)
_leaves(
    "branches_on_a_tensor",
    "An `if` (or `and`, `max`, `bool`) on a tensor has the host wait for the device, and then takes one way for all "
    "users. Compute both and choose by `torch.where`.",
    lambda tensor: bool((tensor == 0).any()),
)
_leaves(
    "through_the_cpu",
    "`.cpu()` brings everything over to the host. All that is asked for exists as a torch operation on the device.",
    lambda tensor: tensor.cpu(),
)
_leaves(
    "through_numpy",
    "NumPy computes on the host alone: on a GPU `.numpy()` fails. torch has the same function, mostly by that name.",
    lambda tensor: tensor.numpy(),
)
_leaves(
    "through_lists",
    "`.tolist()` makes a Python number of every value, on the host. Stay with tensors.",
    lambda tensor: tensor.tolist(),
)
for _maker in ("zeros", "arange"):
    _leaves(
        f"{_maker}_on_the_default_device",
        f"`torch.{_maker}` makes its tensor on the default device, which need not be that of the inputs: give "
        "`device=...` of one of them, or use what follows them, as `zeros_like` and `new_zeros` do.",
        lambda tensor, maker=_maker: getattr(torch, maker)(3),  # type: ignore[misc]
    )


def _singles(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.float() if value.is_floating_point() else value
    if isinstance(value, dict):
        return {key: _singles(item) for key, item in value.items()}
    return tuple(_singles(item) for item in value)


_everywhere(
    "in_single_precision",
    "It answers in single precision whatever it is given: `.float()`, or a tensor made without `dtype=...`. Keep the "
    "dtype of the inputs.",
    lambda made, arguments: _singles(made.reference(*arguments)),
)
top_k_unseen.mistakes.pop()  # its answers are whole numbers
