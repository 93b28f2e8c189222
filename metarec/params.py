"""The constants of the dynamics, apart from its equations: lesson 06 asks for those."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Params:
    """The constants of the dynamics, under the names that the equations give them."""

    alpha: float
    """weight of an interest in the logit"""
    beta: float
    """weight of satiation in the logit"""
    c: float
    """logit of an item that meets no interest and no satiation"""
    rho: float
    """share of the short-term interest that lasts a step"""
    eta: float
    """what a click adds to the short-term interest"""
    S: float
    """greatest satiation"""
    delta: float
    """what a step without the topic takes from its satiation"""
    g: int
    """patience that a click gives back"""
    P: int
    """greatest patience"""
    T: int
    """steps after which a session is truncated"""


@dataclass(frozen=True)
class World(Params):
    """The constants and the catalogue: all that a step needs to know besides the users."""

    items: Any
    """[K, D], a vector for each item"""
    topics: Any
    """[K], the topic of each item, an integer"""

    @classmethod
    def of(cls, params: Params, items: Any, topics: Any) -> "World":
        """These constants with this catalogue."""
        return cls(**vars(params), items=items, topics=topics)


INTEREST = Params(alpha=1.5, beta=1, c=-1, rho=0.9, eta=0.1, S=6, delta=0.125, g=1, P=10, T=100)
"""The preset of `metarec/Interest-v0`."""
