"""Ratings cut in time: histories to learn from, and later moments to be judged at. Nothing looks ahead."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from metarec.data.movielens import MovieLens


@dataclasses.dataclass(frozen=True)
class Moments:
    """N moments at which somebody rated a film, with what was known of this user just before.

    user [N]. target [N]: the film rated. history [N, T]: the latest films rated before, in time order, padded with 0
    at the end; mask [N, T] true where there is one. seen [N, I]: all films that the user had rated before.
    """

    user: NDArray[np.int64]
    target: NDArray[np.int64]
    history: NDArray[np.int64]
    mask: NDArray[np.bool_]
    seen: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.target)


def histories_before(ratings: MovieLens, cut: float) -> list[NDArray[np.int64]]:
    """The films that each user rated before the time `cut`, in time order; users who rated none are left out.

    Films rated in the same second stand in the order of the file, which is that of chance.
    """
    kept = [rated[seconds < cut] for rated, seconds in _by_user(ratings)]
    return [rated for rated in kept if len(rated)]


def moments_after(ratings: MovieLens, cut: float, *, most: int = 20, longest: int = 50) -> Moments:
    """Up to `most` moments of each user at the time `cut` or later, evenly spread over those that have a history.

    A history holds ratings of an earlier second alone: who rated two films in one second may have seen them in either
    order. It holds the latest `longest` of them.
    """
    users, targets, befores = [], [], []
    for user, (rated, seconds) in enumerate(_by_user(ratings)):
        earlier = np.searchsorted(seconds, seconds)
        places = np.flatnonzero((seconds >= cut) & (earlier > 0))
        if len(places) > most:
            places = places[np.linspace(0, len(places) - 1, most).round().astype(int)]
        users += [user] * len(places)
        targets += rated[places].tolist()
        befores += [rated[: earlier[place]] for place in places]
    N = len(targets)
    history = np.zeros((N, longest), dtype=np.int64)
    mask, seen = np.zeros((N, longest), dtype=bool), np.zeros((N, ratings.n_items), dtype=bool)
    for row, before in enumerate(befores):
        latest = before[-longest:]
        history[row, : len(latest)], mask[row, : len(latest)], seen[row, before] = latest, True, True
    return Moments(np.array(users, dtype=np.int64), np.array(targets, dtype=np.int64), history, mask, seen)


def _by_user(ratings: MovieLens) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """For each user the films and the seconds of the ratings, in time order."""
    order = np.lexsort((ratings.timestamp, ratings.user))  # stable: the file's order within a second
    ends = np.searchsorted(ratings.user[order], np.arange(1, ratings.n_users))
    return [(ratings.item[part], ratings.timestamp[part]) for part in np.split(order, ends)]
