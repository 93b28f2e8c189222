"""Simulated histories of what people watched, drawn from a known mixture of long- and short-term interest."""

import numpy as np
from numpy.typing import NDArray

GENRES, FILMS = 12, 5
SERIES, EPISODES = 10, 4
N_FILMS = GENRES * FILMS
N_ITEMS = N_FILMS + SERIES * EPISODES
LOVED, BEGINS = 0.85, 0.3
"""how often a film is of the user's own genre; how often a series begins after a film"""


def simulated_histories(n_users: int, length: int, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """What each user watched, `length` items in time order, numbered 0 to N_ITEMS − 1.

    Items 0 to 59 are films, ten in each of six genres (item // 10). The others are the episodes of four series, five
    each. A user has one favourite genre for ever, the long-term interest: a film is from it with probability 0.75, and
    any film otherwise. After a film, with probability 0.2, a series begins, each as likely, and is then watched to its
    end, the short-term interest. So what comes next depends now on the last item alone, and now on all films before.
    """
    histories = np.empty((n_users, length), dtype=np.int64)
    loved = np.argsort(rng.random((n_users, GENRES)), axis=1)[:, :2]
    last = np.zeros(n_users, dtype=np.int64)  # as after a film
    for step in range(length):
        within = (last >= N_FILMS) & ((last - N_FILMS) % EPISODES < EPISODES - 1)
        after_film = last < N_FILMS
        genre = loved[np.arange(n_users), rng.integers(2, size=n_users)]
        own = genre * FILMS + rng.integers(FILMS, size=n_users)
        film = np.where(rng.random(n_users) < LOVED, own, rng.integers(N_FILMS, size=n_users))
        pilot = N_FILMS + rng.integers(SERIES, size=n_users) * EPISODES
        begins = after_film & (rng.random(n_users) < BEGINS)
        last = np.where(within, last + 1, np.where(begins, pilot, film))
        histories[:, step] = last
    return list(histories)
