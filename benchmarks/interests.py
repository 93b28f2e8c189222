"""What long- and short-term interest are worth on MovieLens-100K in time order.

    python -m benchmarks.interests [--seeds 3] [--steps 800] [--json FILE]

All is learnt from the first 80 % of the ratings. Then, at up to 20 later moments of each user, the next film is
predicted from that user's earlier ratings, among all films that the user has not rated yet. recall10_METHOD and
ndcg10_METHOD are means over users of their moments' means, and over seeds; _interval is half the width of a 95 %
interval over users. gated_over_METHOD is the paired difference of Recall@10, month_over_popularity that of the two
popularities. Steps and weight decay were chosen on the ratings from 70 % to 80 %.

    popularity       how often a film was rated, of all time
    popularity_month     the same in the last 28 days before the split, a window chosen like the steps
    item_knn         cosine of films that the same users rated (Sarwar et al. 2001), summed over the history
    als              matrix factorisation for implicit feedback (Hu, Koren and Volinsky 2008), folded in by history
    long_only, short_only, gated      lesson 10's network, its gate at 1, at 0, and learnt

New films: a fifth of all, another one for each seed, is taken out of everything that is learnt from, and placed by
genre and decade (new_placed), at the vector of a random film (new_random), or learnt like any other (new_warm). Judged
at the moments whose target is one of them; percentile_NAME is the mean share of the catalogue that ranks below it.
simulated_NETWORK is Recall@10 of lesson 10's check, for new simulated users, a mean over seeds. The figures are kept as
the record "interests".
"""

from __future__ import annotations

import copy
import functools
from typing import Any

import numpy as np
import torch
from torch import Tensor

from autograder.lessons import interests as lesson
from benchmarks import pieces
from benchmarks.report import arguments, report
from metarec import data, shipped
from metarec.data import moments
from solutions import interests as reference

CUT = 0.8
K = 10
RATE = 0.01
DIMENSIONS, PENALTY, TRUST = 32, 5.0, 0.3
NETWORKS = {"long_only": lesson.LongOnly, "short_only": lesson.ShortOnly, "gated": reference.InterestModel}
METHODS = ("popularity", "item_knn", "als", *NETWORKS)
RECENT, DAYS = "popularity_month", 28
LEAST_RATINGS = 5
"""A film's vector says something once it has been rated so often."""


def scores(
    method: str, histories: list[Tensor], asked: moments.Moments, *, n_items: int, seed: int, steps: int
) -> Tensor:
    """The score [N, I] of each film at each moment, learnt from the histories alone."""
    seen = torch.as_tensor(asked.seen).float()
    if method == "popularity":
        return torch.bincount(torch.cat(histories), minlength=n_items).float().expand(len(asked), -1)
    if method in NETWORKS:
        network = learnt(method, histories, n_items, seed, steps)
        with torch.no_grad():
            return network(torch.as_tensor(asked.history), torch.as_tensor(asked.mask))
    table = torch.zeros(len(histories), n_items)
    for row, history in zip(table, histories, strict=True):
        row[history] = 1
    if method == "als":
        return als(table, seen, seed)
    together = table.T @ table
    often = together.diag().clamp(min=1)
    near = together / (often[:, None] * often).sqrt()
    return seen @ near.fill_diagonal_(0)


def learnt(method: str, histories: list[Tensor], n_items: int, seed: int, steps: int) -> reference.InterestModel:
    """A network trained on the histories, for a catalogue of all films."""
    train = lesson.trainer(make=NETWORKS[method], n_items=lambda _: n_items, rate=RATE)
    network: reference.InterestModel = train(histories, steps, seed=seed)
    return network


def als(table: Tensor, seen: Tensor, seed: int) -> Tensor:
    """The scores [N, I] for users who have `seen` [N, I], by item vectors learnt from `table` [U, I].

    Alternating least squares: a film not rated is a 0 that is trusted `TRUST` times as much as a 1.
    """
    items = 0.1 * torch.randn(table.shape[1], DIMENSIONS, generator=torch.Generator().manual_seed(seed))

    def solved(rows: Tensor, other: Tensor) -> Tensor:
        everywhere = TRUST * other.T @ other + PENALTY * torch.eye(DIMENSIONS)
        pairs = (other[:, :, None] * other[:, None]).flatten(1)  # [I, D²]
        own = (1 - TRUST) * (rows @ pairs).unflatten(1, (DIMENSIONS, DIMENSIONS))
        return torch.linalg.solve(everywhere + own, rows @ other)

    for _ in range(15):
        items = solved(table.T, solved(table, items))
    return solved(seen, items) @ items.T


def ranks(found: Tensor, asked: moments.Moments) -> Tensor:
    """How many films [N], of those that were not seen, score higher than the target; half of those as high."""
    open_scores = found.masked_fill(torch.as_tensor(asked.seen), -torch.inf)
    own = open_scores.gather(1, torch.as_tensor(asked.target)[:, None])
    return (open_scores > own).sum(dim=1) + ((open_scores == own).sum(dim=1) - 1) / 2


def by_user(values: Tensor, user: np.ndarray) -> Tensor:
    """The mean of each user's moments, users in order."""
    _, place = np.unique(user, return_inverse=True)
    counts = np.bincount(place)
    return torch.as_tensor(np.bincount(place, values.double().numpy()) / counts)


def judged(rank: Tensor, user: np.ndarray) -> dict[str, Tensor]:
    """Recall@10 and nDCG@10 [users]: one film is relevant at each moment, so that the ideal is 1."""
    hit = rank < K
    return {"recall10": by_user(hit, user), "ndcg10": by_user(hit / (rank + 2).log2(), user)}


@functools.cache
def split() -> tuple[data.MovieLens, list[Tensor], moments.Moments]:
    """The ratings, what is learnt from, and the moments that are judged."""
    ratings = data.movielens_100k()
    cut = float(np.quantile(ratings.timestamp, CUT))
    histories = [torch.as_tensor(history) for history in moments.histories_before(ratings, cut)]
    return ratings, histories, moments.moments_after(ratings, cut)


def latest(ratings: data.MovieLens, cut: float, days: float) -> Tensor:
    """The films that anybody rated in the last days before the cut."""
    seconds = cut - ratings.timestamp
    return torch.as_tensor(ratings.item[(seconds > 0) & (seconds <= days * 86400)])


def compared(key: dict[str, Any]) -> dict[str, Any]:
    """One method, by one seed."""
    ratings, histories, asked = split()
    method = key["method"]
    if method == RECENT:
        method, histories = "popularity", [latest(ratings, float(np.quantile(ratings.timestamp, CUT)), DAYS)]
    found = scores(method, histories, asked, n_items=ratings.n_items, seed=key["seed"], steps=key["steps"])
    return judged(ranks(found, asked), asked.user)


def simulated(key: dict[str, Any]) -> dict[str, Any]:
    """A network learnt from simulated histories as in the lesson's check, by one seed."""
    rng = np.random.default_rng(key["seed"])
    histories = data.simulated_histories(lesson.SIMULATED_USERS, lesson.SIMULATED_LENGTH, rng)
    network = lesson.trainer(make=NETWORKS[key["simulated"]])(histories, lesson.SIMULATED_STEPS, seed=key["seed"])
    with torch.no_grad():
        return {"recall10": float(lesson.recall_on(network, rng))}


def features_of(ratings: data.MovieLens) -> Tensor:
    """What is known of a film before anybody has seen it [I, F]: its genres, and the decade of its title's year."""
    decades = ratings.years // 10
    return torch.as_tensor(np.concatenate([ratings.genres, decades[:, None] == np.unique(decades)], axis=1))


def feature_vectors(features: Tensor, vectors: Tensor, known: Tensor) -> Tensor:
    """The mean vector [F, D] of the known films that have a feature; of all of them where none has it."""
    own = (features & known[:, None]).T.float()  # [F, I]
    middle = vectors[known].mean(dim=0)
    count = own.sum(dim=1, keepdim=True)
    return torch.where(count > 0, own @ vectors / count.clamp(min=1), middle)


def moved(network: reference.InterestModel, which: Tensor, places: Tensor) -> reference.InterestModel:
    """A copy of the network in which some films [I] bool are offered at other places."""
    other = copy.deepcopy(network)
    with torch.no_grad():
        other.items.weight[which] = places
    return other


def new_films(key: dict[str, Any]) -> dict[str, Any]:
    """A fifth of the films held out whole, and placed in three ways."""
    ratings, histories, asked = split()
    generator = torch.Generator().manual_seed(key["seed"])
    new = torch.zeros(ratings.n_items, dtype=torch.bool)
    new[torch.randperm(ratings.n_items, generator=generator)[: ratings.n_items // 5]] = True
    rows = np.flatnonzero(new.numpy()[asked.target])
    # those who rated new films alone have no history left
    rows = rows[(asked.mask[rows] & ~new.numpy()[asked.history[rows]]).any(axis=1)]
    judged_at = moments.Moments(*(part[rows] for part in vars(asked).values()))
    history, mask = torch.as_tensor(judged_at.history), torch.as_tensor(judged_at.mask)
    kept = [history[~new[history]] for history in histories]
    network = learnt(
        "gated", [history for history in kept if len(history) > 0], ratings.n_items, key["seed"], key["steps"]
    )
    known = torch.bincount(torch.cat(kept), minlength=ratings.n_items) >= LEAST_RATINGS
    features, vectors = features_of(ratings), network.items.weight.detach()
    of_feature = feature_vectors(features, vectors, known)
    some = known.nonzero()[:, 0]
    places = {
        "new_placed": torch.stack([reference.new_item_vector(own, of_feature) for own in features[new]]),
        "new_random": vectors[some[torch.randint(len(some), (int(new.sum()),), generator=generator)]],
    }
    # what the user has seen of the new films means nothing to a network that never saw them
    cold = mask & ~new[history]
    found = {name: moved(network, new, place)(history, cold) for name, place in places.items()}
    found["new_warm"] = learnt("gated", histories, ratings.n_items, key["seed"], key["steps"])(history, mask)
    results: dict[str, Any] = {}
    for name, score in found.items():
        rank = ranks(score.detach(), judged_at)
        open_films = torch.as_tensor((~judged_at.seen).sum(axis=1))
        results |= {f"{figure}_{name}": value for figure, value in judged(rank, judged_at.user).items()}
        results[f"percentile_{name}"] = by_user(1 - rank / (open_films - 1), judged_at.user)
    return results


def interval(values: Tensor) -> float:
    """Half the width of a 95 % interval of the mean over users."""
    return float(1.96 * values.std() / len(values) ** 0.5)


def main() -> None:
    """Measure, print, write, keep."""
    asked = arguments(__doc__, seeds=3, steps=800)
    study = pieces.Pieces("interests", lesson, reference, moments)
    keys = [
        {"method": method, "seed": seed, "steps": asked.steps}
        for method in (RECENT, *METHODS)
        for seed in range(1 if method in (RECENT, "popularity", "item_knn") else asked.seeds)
    ]
    found: dict[str, dict[str, list[Tensor]]] = {"recall10": {}, "ndcg10": {}}
    for key, result in study.over(keys, compared):
        for figure, values in result.items():
            found[figure].setdefault(key["method"], []).append(values)
    figures: dict[str, float] = {}
    for figure, methods in found.items():
        for method, runs in methods.items():
            users = torch.stack(runs).mean(dim=0)
            figures |= {f"{figure}_{method}": float(users.mean()), f"{figure}_{method}_interval": interval(users)}
            figures[f"{figure}_{method}_seed_spread"] = float(torch.stack(runs).mean(dim=1).std(correction=0))
    gated = torch.stack(found["recall10"]["gated"]).mean(dim=0)
    for method in (RECENT, *METHODS[:-1]):
        ahead = gated - torch.stack(found["recall10"][method]).mean(dim=0)
        figures |= {f"gated_over_{method}": float(ahead.mean()), f"gated_over_{method}_interval": interval(ahead)}
    month = torch.stack(found["recall10"][RECENT]) - torch.stack(found["recall10"]["popularity"])
    figures |= {"month_over_popularity": float(month.mean()), "month_over_popularity_interval": interval(month[0])}
    for name in NETWORKS:
        runs = study.over([{"simulated": name, "seed": seed} for seed in range(asked.seeds)], simulated)
        figures[f"simulated_{name}"] = float(np.mean([result["recall10"] for _, result in runs]))
    keys = [{"method": "new", "seed": seed, "steps": asked.steps} for seed in range(asked.seeds)]
    parts: dict[str, list[Tensor]] = {}
    for _, result in study.over(keys, new_films):
        for name, values in result.items():
            parts.setdefault(name, []).append(values)
    for name, several in parts.items():
        # another fifth of the films for each seed, and so other users: an interval over the user-seed pairs
        figures |= {name: float(torch.cat(several).mean()), f"{name}_interval": interval(torch.cat(several))}
    judged_moments = split()[2]
    figures |= {"users": len(np.unique(judged_moments.user)), "moments": len(judged_moments), "seeds": asked.seeds}
    report("the next film on MovieLens-100K", figures, asked.json)
    shipped.keep_record("interests", figures, command="python -m benchmarks.interests")


if __name__ == "__main__":
    main()
