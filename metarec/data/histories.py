"""Simulated histories of what people watched, drawn from a known mixture of long- and short-term interest."""

import numpy as np
from numpy.typing import NDArray

GENRES, FILMS_EACH, CLIPS = 8, 5, 20
N_FILMS = GENRES * FILMS_EACH
N_ITEMS = N_FILMS + CLIPS
LOVED = 0.9
"""how often a film is of a genre that the user loves"""
STARTS, GOES_ON = 0.25, 0.8
"""how often a clip follows a film, and the next clip a clip"""


def simulated_histories(n_users: int, length: int, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """What each user watched, `length` items in time order, numbered 0 to N_ITEMS − 1.

    Items 0 to 39 are films, five in each of eight genres (item // 5). A user loves two genres for ever, the long-term
    interest: a film is from these with probability 0.9, and any film otherwise. Items 40 to 59 are clips that play one
    after the other, round and round. After a film, with probability 0.25, comes some clip, and after a clip, with
    probability 0.8, the next one: the short-term interest. So what comes next depends now on the last item alone, and
    now on all the films before it.
    """
    histories = np.empty((n_users, length), dtype=np.int64)
    loved = np.argsort(rng.random((n_users, GENRES)), axis=1)[:, :2]
    everyone, last = np.arange(n_users), np.zeros(n_users, dtype=np.int64)
    for step in range(length):
        own = loved[everyone, rng.integers(2, size=n_users)] * FILMS_EACH + rng.integers(FILMS_EACH, size=n_users)
        film = np.where(rng.random(n_users) < LOVED, own, rng.integers(N_FILMS, size=n_users))
        clip = N_FILMS + np.where(last < N_FILMS, rng.integers(CLIPS, size=n_users), (last + 1 - N_FILMS) % CLIPS)
        last = np.where(rng.random(n_users) < np.where(last < N_FILMS, STARTS, GOES_ON), clip, film)
        histories[:, step] = last
    return list(histories)
