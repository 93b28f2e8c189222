"""MovieLens-100K, as the recommender library RecBole carries it.

Harper and Konstan (2015), "The MovieLens Datasets: History and Context", ACM TiiS 5(4). GroupLens allows use for
research and teaching, with that citation, and no redistribution: hence it is fetched and never shipped.
"""

import dataclasses
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from metarec.data import wheels

RECBOLE = wheels.Wheel(
    "recbole", "1.2.1", "9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407", 2_130_151
)
UNKNOWN_YEAR = 0


@dataclasses.dataclass(frozen=True)
class MovieLens:
    """N ratings of I items by U users, in the order of the file, which is not that of time.

    user, item [N]: indices into the users' and items' arrays below. rating [N]: 1 to 5. timestamp [N]: seconds since
    1970. item_ids [I], titles [I], years [I] (0 where unknown), genres [I, G] bool with genre_names [G].
    user_ids [U], ages [U] in years, genders [U] "M" or "F", occupations [U].
    """

    user: NDArray[np.int64]
    item: NDArray[np.int64]
    rating: NDArray[np.float64]
    timestamp: NDArray[np.int64]
    item_ids: NDArray[np.int64]
    titles: tuple[str, ...]
    years: NDArray[np.int64]
    genres: NDArray[np.bool_]
    genre_names: tuple[str, ...]
    user_ids: NDArray[np.int64]
    ages: NDArray[np.int64]
    genders: tuple[str, ...]
    occupations: tuple[str, ...]

    @property
    def n_users(self) -> int:
        """How many users there are."""
        return len(self.user_ids)

    @property
    def n_items(self) -> int:
        """How many items there are."""
        return len(self.item_ids)

    def __len__(self) -> int:
        return len(self.rating)


def movielens_100k() -> MovieLens:
    """MovieLens-100K: 100,000 ratings of 1,682 films by 943 users, fetched at the first call.

    DataUnavailable where it cannot be had.
    """
    return read_movielens(wheels.fetch(RECBOLE))


def read_movielens(wheel: Path) -> MovieLens:
    """The ratings, films and users in RecBole's wheel."""
    names = {kind: f"recbole/dataset_example/ml-100k/ml-100k.{kind}" for kind in ("inter", "item", "user")}
    members = wheels.read_members(wheel, names.values())
    ratings, films, users = (_columns(members[name]) for name in names.values())
    item_ids, user_ids = _numbers(films["item_id"]), _numbers(users["user_id"])
    kinds = [text.split() for text in films["class"]]
    genre_names = tuple(sorted({genre for several in kinds for genre in several}))
    years = [int(text) if text.isdigit() else UNKNOWN_YEAR for text in films["release_year"]]
    return MovieLens(
        user=_places(user_ids, _numbers(ratings["user_id"])),
        item=_places(item_ids, _numbers(ratings["item_id"])),
        rating=np.array(ratings["rating"], dtype=np.float64),
        timestamp=_numbers(ratings["timestamp"]),
        item_ids=item_ids,
        titles=tuple(films["movie_title"]),
        years=np.array(years, dtype=np.int64),
        genres=np.array([[genre in several for genre in genre_names] for several in kinds], dtype=np.bool_),
        genre_names=genre_names,
        user_ids=user_ids,
        ages=_numbers(users["age"]),
        genders=tuple(users["gender"]),
        occupations=tuple(users["occupation"]),
    )


def _columns(text: str) -> dict[str, list[str]]:
    """RecBole's atomic files: tab-separated, with a header of name:type."""
    header, *rows = (line.split("\t") for line in text.split("\n") if line)
    names = [field.partition(":")[0] for field in header]
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}


def _numbers(texts: list[str]) -> NDArray[np.int64]:
    return np.array(texts, dtype=np.float64).astype(np.int64)


def _places(known: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where each wanted id stands among the known ones."""
    place = {int(value): index for index, value in enumerate(known)}
    return np.array([place[int(value)] for value in wanted], dtype=np.int64)
