"""Cold-start users of MovieLens-100K: a split by user, item features, and each user as a task to adapt to.

A film rated 4 or 5 is a like. Users with 15 likes or more take part, 799 of 943: 539 to train on, 88 to choose settings
on, 172 to be judged on, by one fixed draw. Whatever describes a film is made of the training users' ratings alone.
There are two settings, `Catalogue` and `Reranking`. In both ten films of each user are reserved by one draw, with k
shots the first k of them are shown, and what is asked is the same at every k.
"""

import dataclasses
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from metarec.data import MovieLens
from metarec.functional import Loss
from metarec.tasks import Tasks

Part = Literal["train", "validation", "test"]

LIKED, FEWEST_LIKES = 4, 15
RESERVED = 10
SHOTS = (1, 3, 5, 10)
NEGATIVES = 10
"""how many films of the whole catalogue, drawn evenly, stand against each like"""
ASKED = 32
"""how many rows of a training user are asked for at a time"""
DIMENSIONS = 32
SIZES: dict[Part, int] = {"train": 539, "validation": 88, "test": 172}
DRAW = 20241
"""the seed of the one draw"""


@dataclasses.dataclass(frozen=True)
class ColdStart:
    """The users who take part and all I films: ratings [U, I] with 0 for none, and the rows of each part."""

    ratings: NDArray[np.float64]
    rows: dict[Part, NDArray[np.int64]]

    def of(self, part: Part) -> NDArray[np.float64]:
        """The ratings of a part of the users."""
        return self.ratings[self.rows[part]]

    def similarity(self, shrink: float = 20.0) -> NDArray[np.float64]:
        """Cosines [I, I] of the films by who of the training users likes them; `shrink` doubts the rare ones."""
        likes = (self.of("train") >= LIKED).astype(float)
        together, count = likes.T @ likes, likes.sum(axis=0)
        return np.asarray(together / (np.sqrt(np.outer(count, count)) + shrink + 1e-9))

    def means(self, prior: float = 5.0) -> NDArray[np.float64]:
        """The mean rating [I] by the training users, drawn to the mean of all as by so many ratings more."""
        ratings = self.of("train")
        count = (ratings > 0).sum(axis=0)
        overall = ratings.sum() / count.sum()
        return np.asarray((ratings.sum(axis=0) + prior * overall) / (count + prior))

    def features(self) -> Tensor:
        """What is known of each film, [I, 34], each column of mean square 1 or so.

        How often it is liked (logarithm), its mean rating, and coordinates whose scalar products give the similarity.
        """
        likes = (self.of("train") >= LIKED).sum(axis=0)
        columns = [np.log1p(likes), self.means()]
        standard = [(column - column.mean()) / column.std() for column in columns]
        strengths, directions = np.linalg.eigh(self.similarity())
        places = directions[:, -DIMENSIONS:] * np.sqrt(strengths[-DIMENSIONS:])
        # the sign of an eigenvector is anyone's choice: make it everyone's
        places *= np.sign(places[np.abs(places).argmax(axis=0), np.arange(DIMENSIONS)])
        places /= np.sqrt(np.mean(places**2))
        return torch.tensor(np.column_stack([*standard, places]), dtype=torch.float32)


def cold_start(data: MovieLens) -> ColdStart:
    """Split the users who take part. The draw is fixed."""
    ratings = np.zeros((data.n_users, data.n_items))
    ratings[data.user, data.item] = data.rating
    ratings = ratings[(ratings >= LIKED).sum(axis=1) >= FEWEST_LIKES]
    drawn = np.random.default_rng(DRAW).permutation(len(ratings))
    ends = np.cumsum(list(SIZES.values()))[:-1]
    return ColdStart(ratings, dict(zip(SIZES, np.split(drawn, ends), strict=True)))


def _reserve(eligible: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Ten of each row's films [U, 10], in the order in which they are shown."""
    rng = np.random.default_rng(DRAW)
    return np.stack([rng.permutation(np.flatnonzero(row))[:RESERVED] for row in eligible])


class Setting:
    """What both settings share: users as tasks for `metarec.functional.mlp` over a film's features.

    features [I, F] are those of the films, `loss` is the one to adapt with.
    """

    loss: Loss

    def __init__(self, users: ColdStart, features: Tensor) -> None:
        self.users, self.features = users, features
        self._train = torch.as_tensor(users.of("train"), dtype=torch.float32)

    def eligible(self, part: Part) -> NDArray[np.bool_]:
        """Which films of each user can be shown and asked for, [U, I]."""
        raise NotImplementedError

    def shown(self, part: Part, k: int) -> NDArray[np.int64]:
        """The k films shown of each user, [U, k]."""
        return _reserve(self.eligible(part))[:, :k]

    def candidates(self, part: Part) -> NDArray[np.bool_]:
        """Which films are ranked for each user, [U, I]."""
        raise NotImplementedError

    def relevance(self, part: Part) -> NDArray[np.int64]:
        """What each film is worth to each user, [U, I], 0 or more; 0 for the reserved ones."""
        raise NotImplementedError

    def _asked(self, part: Part) -> NDArray[np.bool_]:
        left = self.eligible(part).copy()
        np.put_along_axis(left, self.shown(part, RESERVED), False, axis=1)
        return left


class Catalogue(Setting):
    """Rank all films by whether the user will like them. The support: k likes, ten times each, and 10·k negatives.

    So both classes weigh the same. Negatives are drawn evenly from the whole catalogue, since what a new user does not
    like is not known: a few of them are likes. Relevance is 1 for a like that is not reserved.
    """

    loss: Loss = "logistic"

    def eligible(self, part: Part) -> NDArray[np.bool_]:
        """The likes."""
        return self.users.of(part) >= LIKED

    def candidates(self, part: Part) -> NDArray[np.bool_]:
        """All but the reserved ones."""
        everything = np.ones_like(self.eligible(part))
        np.put_along_axis(everything, self.shown(part, RESERVED), False, axis=1)
        return everything

    def relevance(self, part: Part) -> NDArray[np.int64]:
        """1 for a like that is not reserved."""
        return self._asked(part).astype(np.int64)

    def support(self, part: Part, k: int) -> tuple[Tensor, Tensor]:
        """What each user is adapted to, x [U, 20·k, F] and y [U, 20·k, 1]; the negatives are drawn once for all."""
        generator = torch.Generator().manual_seed(DRAW)
        likes = torch.as_tensor(self.shown(part, k))
        against = torch.randint(len(self.features), (len(likes), NEGATIVES * RESERVED), generator=generator)
        return self._rows(likes.repeat(1, NEGATIVES), against[:, : NEGATIVES * k])

    def sample(self, users: int, k: int, generator: torch.Generator) -> Tasks:
        """Tasks of so many training users: k of their likes to adapt to, others to be judged on."""
        ratings = self._train[torch.randint(len(self._train), (users,), generator=generator)]
        likes = (ratings >= LIKED).float()
        shown = torch.multinomial(likes, k, generator=generator)
        asked = torch.multinomial(likes.scatter(1, shown, 0.0), ASKED, replacement=True, generator=generator)
        against = torch.randint(likes.shape[1], (users, NEGATIVES * k + ASKED), generator=generator)
        support = self._rows(shown.repeat(1, NEGATIVES), against[:, ASKED:])
        return (*support, *self._rows(asked, against[:, :ASKED]))

    def _rows(self, likes: Tensor, against: Tensor) -> tuple[Tensor, Tensor]:
        y = torch.cat([torch.ones(likes.shape), torch.zeros(against.shape)], dim=1)
        return self.features[torch.cat([likes, against], dim=1)], y[:, :, None]


class Reranking(Setting):
    """Rank the films that the user has rated, by rating. The support: k ratings, less the mean of all.

    Relevance is the rating, 1 to 5.
    """

    loss: Loss = "squared"

    def __init__(self, users: ColdStart, features: Tensor) -> None:
        super().__init__(users, features)
        self.middle = float(self._train[self._train > 0].mean())

    def eligible(self, part: Part) -> NDArray[np.bool_]:
        """The films rated."""
        return self.users.of(part) > 0

    def candidates(self, part: Part) -> NDArray[np.bool_]:
        """The films rated that are not reserved."""
        return self._asked(part)

    def relevance(self, part: Part) -> NDArray[np.int64]:
        """The rating of a film that is not reserved."""
        return (self.users.of(part) * self._asked(part)).astype(np.int64)

    def support(self, part: Part, k: int) -> tuple[Tensor, Tensor]:
        """What each user is adapted to, x [U, k, F] and y [U, k, 1]."""
        return self._rows(torch.as_tensor(self.users.of(part)), torch.as_tensor(self.shown(part, k)))

    def sample(self, users: int, k: int, generator: torch.Generator) -> Tasks:
        """Tasks of so many training users: k of their ratings to adapt to, others to be judged on."""
        ratings = self._train[torch.randint(len(self._train), (users,), generator=generator)]
        rated = (ratings > 0).float()
        shown = torch.multinomial(rated, k, generator=generator)
        asked = torch.multinomial(rated.scatter(1, shown, 0.0), ASKED, replacement=True, generator=generator)
        return (*self._rows(ratings, shown), *self._rows(ratings, asked))

    def _rows(self, ratings: Tensor, films: Tensor) -> tuple[Tensor, Tensor]:
        y = ratings.gather(1, films).float() - self.middle
        return self.features[films], y[:, :, None]
