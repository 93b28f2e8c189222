"""The split by user: nothing of whoever is judged reaches what is learnt, and what is asked was not shown."""

import dataclasses
from typing import get_args

import numpy as np
import pytest
import torch

from metarec.coldstart import (
    ASKED,
    FEWEST_LIKES,
    LIKED,
    NEGATIVES,
    RESERVED,
    SHOTS,
    SIZES,
    Catalogue,
    ColdStart,
    Part,
    Reranking,
    cold_start,
)
from metarec.data import MovieLens

USERS, FILMS = 810, 120
PARTS = get_args(Part)


def made_up() -> MovieLens:
    """Ratings of 810 users, 11 of whom like too few films to take part."""
    rng = np.random.default_rng(0)
    ratings = np.where(rng.random((USERS, FILMS)) < 0.4, rng.integers(1, 6, (USERS, FILMS)), 0)
    ratings[:, :20] = 5
    ratings[:11] = np.minimum(ratings[:11], LIKED - 1)
    user, item = np.nonzero(ratings)
    nothing = np.zeros(FILMS, dtype=np.int64), np.zeros((FILMS, 1), dtype=bool)
    return MovieLens(
        user,
        item,
        ratings[user, item].astype(float),
        np.zeros(len(user), dtype=np.int64),
        np.arange(FILMS),
        ("",) * FILMS,
        *nothing,
        ("drama",),
        np.arange(USERS),
        np.zeros(USERS, dtype=np.int64),
        ("F",) * USERS,
        ("",) * USERS,
    )


@pytest.fixture(scope="module")
def users() -> ColdStart:
    return cold_start(made_up())


@pytest.fixture(scope="module", params=[Catalogue, Reranking])
def setting(request: pytest.FixtureRequest, users: ColdStart) -> Catalogue | Reranking:
    made: Catalogue | Reranking = request.param(users, users.features())
    return made


def without(users: ColdStart, *parts: Part) -> ColdStart:
    """The same, but that everybody in these parts rates otherwise."""
    ratings = users.ratings.copy()
    for part in parts:
        ratings[users.rows[part]] = np.roll(ratings[users.rows[part]], 7, axis=1)
    return dataclasses.replace(users, ratings=ratings)


def test_each_user_who_takes_part_is_in_one_part_and_the_draw_is_fixed(users: ColdStart) -> None:
    assert {part: len(rows) for part, rows in users.rows.items()} == SIZES
    assert sorted(np.concatenate(list(users.rows.values()))) == list(range(sum(SIZES.values())))
    assert ((users.ratings >= LIKED).sum(axis=1) >= FEWEST_LIKES).all()
    again = cold_start(made_up())
    assert all(np.array_equal(users.rows[part], again.rows[part]) for part in PARTS)


def test_what_describes_a_film_is_of_the_training_users_alone(users: ColdStart) -> None:
    others = without(users, "validation", "test")
    assert not np.array_equal(others.ratings, users.ratings)
    assert torch.equal(others.features(), users.features())
    np.testing.assert_array_equal(others.similarity(), users.similarity())
    np.testing.assert_array_equal(others.means(), users.means())
    assert not torch.equal(without(users, "train").features(), users.features())


def test_tasks_to_learn_from_are_of_the_training_users_alone(setting: Catalogue | Reranking) -> None:
    others = type(setting)(without(setting.users, "validation", "test"), setting.features)
    drawn, again = (s.sample(8, 3, torch.Generator().manual_seed(1)) for s in (setting, others))
    assert all(torch.equal(one, other) for one, other in zip(drawn, again, strict=True))


@pytest.mark.parametrize("part", PARTS)
def test_what_was_shown_is_neither_ranked_nor_asked_for(setting: Catalogue | Reranking, part: Part) -> None:
    shown, candidates, relevance = setting.shown(part, RESERVED), setting.candidates(part), setting.relevance(part)
    assert shown.shape == (SIZES[part], RESERVED)
    assert all(len(set(row)) == RESERVED for row in shown.tolist())
    assert np.take_along_axis(setting.eligible(part), shown, axis=1).all()
    assert not np.take_along_axis(candidates, shown, axis=1).any()
    assert not relevance[~candidates].any()
    assert (relevance.sum(axis=1) > 0).all()
    for k in SHOTS:
        np.testing.assert_array_equal(setting.shown(part, k), shown[:, :k])


def test_the_catalogue_asks_for_all_likes_that_are_not_reserved(users: ColdStart) -> None:
    setting = Catalogue(users, users.features())
    likes = users.of("test") >= LIKED
    assert (setting.relevance("test").sum(axis=1) == likes.sum(axis=1) - RESERVED).all()
    assert (setting.candidates("test").sum(axis=1) == FILMS - RESERVED).all()


def test_reranking_ranks_the_films_rated_by_their_ratings(users: ColdStart) -> None:
    setting = Reranking(users, users.features())
    candidates = setting.candidates("test")
    np.testing.assert_array_equal(setting.relevance("test")[candidates], users.of("test")[candidates])
    assert (candidates.sum(axis=1) == (users.of("test") > 0).sum(axis=1) - RESERVED).all()


@pytest.mark.parametrize("k", SHOTS)
def test_a_support_in_the_catalogue_is_k_likes_ten_times_and_ten_films_against_each(users: ColdStart, k: int) -> None:
    setting = Catalogue(users, torch.arange(FILMS, dtype=torch.float32)[:, None])  # a film's feature is its number
    x, y = setting.support("test", k)
    assert x.shape == y.shape == (SIZES["test"], 2 * NEGATIVES * k, 1)
    likes = x[:, : NEGATIVES * k, 0].reshape(-1, NEGATIVES, k)
    assert torch.equal(likes, torch.as_tensor(setting.shown("test", k)).float()[:, None].expand_as(likes))
    assert float(y.mean()) == 0.5
    again, _ = setting.support("test", k)
    assert torch.equal(x, again)


def test_a_support_in_reranking_is_k_ratings_less_the_middle(users: ColdStart) -> None:
    setting = Reranking(users, torch.arange(FILMS, dtype=torch.float32)[:, None])
    x, y = setting.support("test", 3)
    ratings = np.take_along_axis(users.of("test"), x[:, :, 0].numpy().astype(int), axis=1)
    np.testing.assert_allclose(y[:, :, 0] + setting.middle, ratings, rtol=1e-5)


def test_a_sample_asks_for_other_films_than_it_shows(users: ColdStart) -> None:
    numbers = torch.arange(FILMS, dtype=torch.float32)[:, None]
    for setting in (Catalogue(users, numbers), Reranking(users, numbers)):
        support_x, support_y, query_x, query_y = setting.sample(20, 5, torch.Generator().manual_seed(0))
        assert query_x.shape[:2] == query_y.shape[:2]
        assert query_x.shape[1] in (ASKED, 2 * ASKED)
        for shown, asked in zip(support_x[:, :5, 0].tolist(), query_x[:, :ASKED, 0].tolist(), strict=True):
            assert len(set(shown)) == 5
            assert not set(shown) & set(asked)
        assert support_y.shape == support_x.shape


def test_similar_films_have_similar_coordinates(users: ColdStart) -> None:
    places = users.features()[:, 2:].double().numpy()
    similarity = users.similarity()
    close = places @ places.T
    outside = ~np.eye(FILMS, dtype=bool)
    assert np.corrcoef(close[outside], similarity[outside])[0, 1] > 0.5
