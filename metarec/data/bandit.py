"""Logged bandit feedback: the small Open Bandit Dataset, and simulated logs of the same form.

Saito, Aihara, Matsutani, Narita (2021), "Open Bandit Dataset and Pipeline", NeurIPS Datasets and Benchmarks:
a fashion shop showed three items at a time, chosen at random or by Thompson sampling ("bts"), in one week of
November 2019. CC BY 4.0. The small version has 10,000 rows for each campaign and policy.
"""

import csv
import dataclasses
import io
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from metarec.data import wheels

Campaign = Literal["all", "men", "women"]
Behaviour = Literal["random", "bts"]

POSITIONS = 3
OBP = wheels.Wheel("obp", "0.4.1", "87dec9caf4283c25ab13036532e0a24566f1c7bdcad1653a8ded43b2f5ef8208", 1_338_290)


@dataclasses.dataclass(frozen=True)
class BanditLog:
    """What one policy showed and what came of it, N rows: one item at one place each.

    action [N]: the item, 0 to n_actions − 1. position [N]: its place in the row of three, 0 to 2. reward [N]: 1.0
    if clicked, else 0.0. propensity [N]: the probability with which the policy showed this item there, as logged.
    timestamp [N]: datetime64[us], UTC; NaT in simulated logs. item_features [n_actions, 4]: a number and three
    categories as codes from 0; their meaning was not published. click_rate [n_actions, 3]: the truth, NaN where
    nobody knows it.
    """

    campaign: str
    behaviour: str
    action: NDArray[np.int64]
    position: NDArray[np.int64]
    reward: NDArray[np.float64]
    propensity: NDArray[np.float64]
    timestamp: NDArray[np.datetime64]
    item_features: NDArray[np.float64]
    click_rate: NDArray[np.float64]

    @property
    def n_actions(self) -> int:
        """How many items the campaign has."""
        return len(self.item_features)

    def __len__(self) -> int:
        return len(self.action)


def open_bandit(campaign: Campaign, behaviour: Behaviour) -> BanditLog:
    """The small Open Bandit Dataset's log of a campaign under a policy, fetched at the first call.

    ValueError for another campaign or policy; DataUnavailable where it cannot be had.
    """
    _check(campaign, behaviour)
    return read_open_bandit(wheels.fetch(OBP), campaign, behaviour)


def read_open_bandit(wheel: Path, campaign: Campaign, behaviour: Behaviour) -> BanditLog:
    """The log of a campaign under a policy, from obp's wheel."""
    _check(campaign, behaviour)
    folder = f"obp/dataset/obd/{behaviour}/{campaign}"
    log_name, items_name = f"{folder}/{campaign}.csv", f"{folder}/item_context.csv"
    members = wheels.read_members(wheel, [log_name, items_name])
    log = _columns(members[log_name], ["timestamp", "item_id", "position", "click", "propensity_score"])
    names = ["item_id", *(f"item_feature_{k}" for k in range(4))]
    items = _columns(members[items_name], names)
    order = np.argsort(np.array(items["item_id"], dtype=np.int64))
    features = [np.array(items[names[1]], dtype=np.float64)]
    features += [np.unique(items[name], return_inverse=True)[1].astype(np.float64) for name in names[2:]]
    item_features = np.stack(features, axis=1)[order]
    return BanditLog(
        campaign,
        behaviour,
        action=np.array(log["item_id"], dtype=np.int64),
        position=np.array(log["position"], dtype=np.int64) - 1,
        reward=np.array(log["click"], dtype=np.float64),
        propensity=np.array(log["propensity_score"], dtype=np.float64),
        timestamp=np.array([text.removesuffix("+00:00") for text in log["timestamp"]], dtype="datetime64[us]"),
        item_features=item_features,
        click_rate=np.full((len(item_features), POSITIONS), np.nan),
    )


def simulated_log(
    campaign: Campaign, behaviour: Behaviour, rng: np.random.Generator, *, n_rows: int = 10_000
) -> BanditLog:
    """A simulated log in the form of `open_bandit`'s, with as many items as that campaign has and known click rates.

    The click rates belong to the campaign, the same whatever `rng` is. "bts" is a fixed policy that favours what
    looked good in a made-up past; it has more certain favourites at the first position.
    """
    _check(campaign, behaviour)
    n_items = {"all": 80, "men": 34, "women": 46}[campaign]
    world = np.random.default_rng([20191124, n_items])
    click_rate = world.beta(2, 400, size=(n_items, 1)) * np.array([1.0, 0.9, 0.8])
    believed = np.log(click_rate) + world.normal(0, 0.7, size=(n_items, 1))
    preference = np.exp(believed * np.array([1.5, 1.2, 1.0]))
    policy = preference / preference.sum(axis=0) if behaviour == "bts" else np.full(click_rate.shape, 1 / n_items)
    position = rng.integers(POSITIONS, size=n_rows)
    # one uniform number against the cumulative probabilities of the row's position
    action = (rng.random(n_rows)[:, None] > np.cumsum(policy, axis=0).T[position]).sum(axis=1)
    action = np.minimum(action, n_items - 1)
    return BanditLog(
        campaign,
        behaviour,
        action=action,
        position=position,
        reward=(rng.random(n_rows) < click_rate[action, position]).astype(np.float64),
        propensity=policy[action, position],
        timestamp=np.full(n_rows, np.datetime64("NaT"), dtype="datetime64[us]"),
        item_features=np.column_stack([world.normal(size=n_items), world.integers(0, 5, size=(n_items, 3))]),
        click_rate=click_rate,
    )


def _check(campaign: str, behaviour: str) -> None:
    for what, value, known in (
        ("campaign", campaign, get_args(Campaign)),
        ("behaviour", behaviour, get_args(Behaviour)),
    ):
        if value not in known:
            raise ValueError(f"{what} must be one of {', '.join(map(repr, known))}, not {value!r}")


def _columns(text: str, names: list[str]) -> dict[str, list[str]]:
    """The named columns of a table with a header."""
    header, *rows = csv.reader(io.StringIO(text))
    places = [header.index(name) for name in names]
    return {name: [row[place] for row in rows] for name, place in zip(names, places, strict=True)}
