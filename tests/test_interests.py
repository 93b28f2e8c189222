"""Lesson 10: laws of interests, histories of known truth, and the proof that no prediction knows the future."""

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmarks import interests as study
from metarec.data import MovieLens, simulated_histories
from metarec.data.histories import CLIPS, GENRES, GOES_ON, LOVED, N_FILMS, N_ITEMS, STARTS
from metarec.data.moments import histories_before, moments_after
from solutions.interests import (
    InterestModel,
    attention_interest,
    decayed_interest,
    new_item_vector,
    recall_at_k,
    train_interest_model,
)


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_a_decay_of_one_is_the_mean_and_of_none_the_last_item() -> None:
    vectors = drawn(7, 3)
    torch.testing.assert_close(decayed_interest(vectors, 1.0), vectors.mean(dim=0))
    torch.testing.assert_close(decayed_interest(vectors, 0.0), vectors[-1])


@pytest.mark.parametrize("decay", [0.2, 0.9])
def test_a_decayed_interest_is_what_one_gets_item_by_item(decay: float) -> None:
    """The running form that a serving system keeps: a sum and a weight, both decayed with each new item."""
    vectors = drawn(9, 4)
    total, weight = torch.zeros(4, dtype=torch.float64), 0.0
    for vector in vectors:
        total, weight = decay * total + vector, decay * weight + 1
    torch.testing.assert_close(decayed_interest(vectors, decay), total / weight)


def test_attention_is_torch_s_scaled_dot_product_attention() -> None:
    history, candidate = drawn(5, 6, 8), drawn(5, 8, seed=1)
    mask = torch.rand(5, 6, generator=torch.Generator().manual_seed(2)) < 0.6
    mask[:, 0] = True
    wanted = torch.nn.functional.scaled_dot_product_attention(
        candidate[:, None], history, history, attn_mask=mask[:, None]
    )[:, 0]
    torch.testing.assert_close(attention_interest(history, mask, candidate), wanted)


def test_attention_knows_no_order() -> None:
    history, candidate, mask = drawn(3, 6, 4), drawn(3, 4, seed=1), torch.arange(6) < torch.tensor([[6], [4], [1]])
    shuffled = torch.randperm(6, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(
        attention_interest(history[:, shuffled], mask[:, shuffled], candidate),
        attention_interest(history, mask, candidate),
    )


def test_an_empty_row_spoils_no_gradient() -> None:
    history, candidate = drawn(2, 3, 4).requires_grad_(), drawn(2, 4, seed=1).requires_grad_()
    mask = torch.tensor([[True, True, False], [False, False, False]])
    attention_interest(history, mask, candidate).sum().backward()
    for leaf in (history, candidate):
        assert leaf.grad is not None
        assert torch.isfinite(leaf.grad).all()
        assert (leaf.grad[1] == 0).all()


@pytest.fixture(scope="module")
def network() -> InterestModel:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return InterestModel(9, 4).requires_grad_(False)


@pytest.mark.parametrize("place", ["before", "between", "after"])
def test_padding_may_stand_anywhere(network: InterestModel, place: str) -> None:
    padded = {"before": [5, 8, 1, 2, 3], "between": [1, 5, 2, 8, 3], "after": [1, 2, 3, 5, 8]}[place]
    mask = torch.isin(torch.tensor([padded]), torch.tensor([1, 2, 3]))
    alone = network(torch.tensor([[1, 2, 3]]), torch.ones(1, 3, dtype=torch.bool))
    torch.testing.assert_close(network(torch.tensor([padded]), mask), alone)


def test_the_long_term_interest_knows_no_order_and_the_short_term_one_does(network: InterestModel) -> None:
    mask = torch.ones(1, 4, dtype=torch.bool)
    long, short, gate = network.interests(torch.tensor([[1, 2, 3, 4]]), mask)
    other_long, other_short, _ = network.interests(torch.tensor([[4, 2, 1, 3]]), mask)
    torch.testing.assert_close(long, other_long)
    assert not torch.allclose(short, other_short, atol=1e-2)
    assert 0 < float(gate) < 1


def test_recall_over_the_whole_ranking_is_one_and_grows_with_k() -> None:
    ranked = torch.stack([torch.randperm(20, generator=torch.Generator().manual_seed(seed)) for seed in range(50)])
    relevant = torch.arange(50) % 20
    recalls = [recall_at_k(ranked, relevant, k) for k in range(1, 21)]
    assert recalls == sorted(recalls)
    assert recalls[-1] == 1.0
    # two at most of 50 come in with each place on average; by hand, from the inverse permutation
    places = ranked.argsort(dim=1)[torch.arange(50), relevant]
    assert recalls[4] == pytest.approx(float((places < 5).float().mean()))


def test_a_new_item_lies_between_its_features() -> None:
    vectors = drawn(5, 3)
    features = torch.tensor([False, True, False, True, True])
    torch.testing.assert_close(new_item_vector(features, vectors), vectors[[1, 3, 4]].mean(dim=0))
    assert new_item_vector(torch.zeros(5, dtype=torch.bool), vectors).tolist() == [0.0, 0.0, 0.0]


def test_training_leaves_everybody_else_s_random_numbers_alone() -> None:
    histories = [torch.tensor([0, 1, 2, 0]), torch.tensor([2, 1])]
    state = torch.get_rng_state()
    once, again = (train_interest_model(histories, 2, seed=4).state_dict() for _ in range(2))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(once[name], again[name]) for name in once)


def test_simulated_histories_obey_their_own_probabilities() -> None:
    histories = np.stack(simulated_histories(4000, 30, np.random.default_rng(0)))
    assert histories.min() == 0
    assert histories.max() == N_ITEMS - 1
    before, after = histories[:, :-1], histories[:, 1:]
    film, clip = before < N_FILMS, after >= N_FILMS
    assert clip[film].mean() == pytest.approx(STARTS, abs=0.01)
    assert clip[~film].mean() == pytest.approx(GOES_ON, abs=0.01)
    going_on = ~film & clip
    assert np.all((after - before)[going_on] % CLIPS == 1)
    # two genres of eight hold all loved films, and a quarter of the others
    genres = np.where(histories < N_FILMS, histories // (N_FILMS // GENRES), -1)
    counts = np.stack([(genres == genre).sum(axis=1) for genre in range(GENRES)], axis=1)
    top_two = np.sort(counts, axis=1)[:, -2:].sum() / counts.sum()
    assert top_two == pytest.approx(LOVED + (1 - LOVED) / 4, abs=0.03)


def made_ratings(seed: int = 0, users: int = 30, length: int = 12) -> MovieLens:
    """Ratings of simulated users, a few in each second, all users at once."""
    items = np.concatenate(simulated_histories(users, length, np.random.default_rng(seed)))
    n = users * length
    seconds = np.tile(np.arange(length) // 2, users) + np.repeat(np.arange(users) % 5, length)
    return MovieLens(
        user=np.repeat(np.arange(users), length),
        item=items,
        rating=np.full(n, 4.0),
        timestamp=seconds,
        item_ids=np.arange(N_ITEMS),
        titles=tuple(map(str, range(N_ITEMS))),
        years=np.full(N_ITEMS, 1995),
        genres=np.ones((N_ITEMS, 1), dtype=bool),
        genre_names=("Drama",),
        user_ids=np.arange(users),
        ages=np.full(users, 30),
        genders=("F",) * users,
        occupations=("student",) * users,
    )


def changed_from(ratings: MovieLens, second: int) -> MovieLens:
    """The same ratings up to that second, and from it on other films in another order."""
    rng = np.random.default_rng(1)
    item, timestamp = ratings.item.copy(), ratings.timestamp.copy()
    later = timestamp >= second
    item[later] = rng.integers(N_ITEMS, size=later.sum())
    timestamp[later] += rng.integers(0, 5, size=later.sum())
    return dataclasses.replace(ratings, item=item, timestamp=timestamp)


CUT = 5


def test_what_is_learnt_from_lies_before_the_cut_and_what_is_asked_after() -> None:
    ratings = made_ratings()
    assert sum(map(len, histories_before(ratings, CUT))) == (ratings.timestamp < CUT).sum()
    asked = moments_after(ratings, CUT, most=10**6)
    for row in range(len(asked)):
        own = ratings.user == asked.user[row]
        seconds = ratings.timestamp[own & (ratings.item == asked.target[row])]
        assert seconds.max() >= CUT
        history = asked.history[row][asked.mask[row]]
        assert set(history) == set(np.flatnonzero(asked.seen[row]))
        # all of it was rated before some rating of the target
        assert any(
            np.array_equal(np.sort(history), np.sort(ratings.item[own & (ratings.timestamp < second)]))
            for second in seconds
        )


def test_the_popularity_of_the_last_days_counts_what_lies_before_the_cut_alone() -> None:
    ratings = made_ratings()
    ratings = dataclasses.replace(ratings, timestamp=86400 * np.arange(len(ratings)))
    np.testing.assert_array_equal(study.latest(ratings, 50 * 86400, 3), ratings.item[47:50])


def test_histories_are_in_time_order_whatever_the_order_of_the_file() -> None:
    ratings = made_ratings()
    ratings = dataclasses.replace(ratings, timestamp=np.arange(len(ratings)))
    mixed = np.random.default_rng(2).permutation(len(ratings))
    shuffled = dataclasses.replace(
        ratings, **{name: getattr(ratings, name)[mixed] for name in ("user", "item", "rating", "timestamp")}
    )
    for one, other in zip(histories_before(ratings, 200), histories_before(shuffled, 200), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("method", study.METHODS)
def test_no_prediction_knows_the_future(method: str) -> None:
    """Other films at and after a moment, and the scores at that moment are the same to the last bit."""
    ratings = made_ratings()

    def predicted(of: MovieLens) -> dict[tuple[int, ...], Any]:
        histories = [torch.as_tensor(history) for history in histories_before(of, CUT)]
        asked = moments_after(of, CUT, most=10**6)
        found = study.scores(method, histories, asked, n_items=N_ITEMS, seed=0, steps=5)
        keys = [(int(u), *h[m].tolist()) for u, h, m in zip(asked.user, asked.history, asked.mask, strict=True)]
        return dict(zip(keys, found, strict=True))

    for second in (CUT, CUT + 2):
        before, after = predicted(ratings), predicted(changed_from(ratings, second))
        # whoever had rated the same until then is told the same, whatever anybody rates later
        shared = before.keys() & after.keys()
        assert len(shared) >= 10
        assert all(torch.equal(before[key], after[key]) for key in shared)


def test_ranks_count_what_scores_higher_among_what_is_open() -> None:
    asked = moments_after(made_ratings(), CUT)
    scores = torch.arange(float(N_ITEMS)).expand(len(asked), -1)
    rank = study.ranks(scores, asked)
    for row in range(len(asked)):
        target = int(asked.target[row])
        if not asked.seen[row, target]:
            assert rank[row] == N_ITEMS - 1 - target - asked.seen[row, target:].sum()
    assert torch.equal(study.ranks(0 * scores, asked)[0], torch.tensor((N_ITEMS - 1 - asked.seen[0].sum()) / 2))


def test_figures_are_means_of_users_and_not_of_moments() -> None:
    rank, user = torch.tensor([0.0, 0.0, 0.0, 50.0]), np.array([3, 3, 3, 9])
    judged = study.judged(rank, user)
    assert judged["recall10"].tolist() == [1.0, 0.0]
    assert study.judged(torch.tensor([9.0, 10.0]), np.array([0, 1]))["recall10"].tolist() == [1.0, 0.0]
    assert study.judged(torch.tensor([0.0, 2.0]), np.array([0, 1]))["ndcg10"].tolist() == [1.0, 0.5]


def test_als_solves_its_least_squares() -> None:
    """The folded-in vector is where the loss of one user stands still."""
    table = (torch.rand(12, 8, generator=torch.Generator().manual_seed(0)) < 0.4).float()
    scores = study.als(table, table, seed=0)
    assert scores.shape == (12, 8)
    assert float(scores[table == 1].mean()) > float(scores[table == 0].mean())
