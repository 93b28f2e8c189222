"""How well a handful of a new user's films says what else to recommend: MAML and its rivals on MovieLens-100K.

    python -m benchmarks.coldstart [--seeds 3] [--workers 1] [--json FILE]

Users are held out whole (`metarec.coldstart`). Figures are nDCG@10 in the mean over 172 test users and the seeds, and
NAME_interval half the width of a 95 % interval over users. `ndcg10_METHOD_kK` ranks the whole catalogue,
`reranking_ndcg10_METHOD_kK` the films that a user has rated; `maml_minus_OTHER_kK` are differences user by user.

    popularity, item_mean   the same ranking for everybody
    item_knn                by similarity to the films shown
    global                  one network, trained on the same users' rows by as many gradients as MAML: six for each of
                            its outer steps
    fine_tuning             the same, then gradient steps on the films shown
    reptile, first_order, maml   a start learnt for 5 gradient steps at a rate that was chosen

What is chosen is chosen by the nDCG of the 88 validation users: for each k the rate and the number of steps of
fine-tuning and item-kNN's shrinkage; for all k together, on the first seed, the inner rate of a meta-learner.
The catalogue takes about 8 minutes of one core, the reranking 5. The figures are kept for lesson 07 as the record
"coldstart". Pieces that are done are found again.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.func import vmap

import metarec.coldstart
import metarec.functional
import solutions.maml
from benchmarks.pieces import Key, Pieces, Result
from benchmarks.report import arguments, report
from metarec.coldstart import SHOTS, Catalogue, ColdStart, Part, Reranking, Setting, cold_start
from metarec.data import movielens_100k
from metarec.functional import Params, init, mlp, task_loss
from metarec.shipped import keep_record
from solutions.maml import adapt, first_order_maml_loss, maml_loss, ndcg_at_k, reptile_update

HIDDEN = 64
OUTER_STEPS, OUTER_RATE, USERS = 1000, 3e-3, 16
INNER_STEPS = 5
RATES = {"catalogue": (0.03, 0.1, 0.3), "reranking": (0.003, 0.01, 0.03)}
TUNING_STEPS = (1, 5, 20)
"""how many steps fine-tuning may choose from"""
SHRINKS = (0.0, 5.0, 20.0, 50.0, 100.0, 200.0, 500.0)
META = ("reptile", "first_order", "maml")

Scores = NDArray[np.float64]
"""nDCG@10 of each user at each k, [4, U]."""


def setting_of(name: str) -> Setting:
    """The setting of that name, with the data, which are fetched at the first call."""
    users = cold_start(movielens_100k())
    kind = Catalogue if name == "catalogue" else Reranking
    return kind(users, users.features())


def judged(setting: Setting, part: Part, score: Callable[[int], NDArray[Any]]) -> Scores:
    """nDCG@10 of each user of a part, by `score(k)` [U, I]."""
    candidates, relevance = setting.candidates(part), setting.relevance(part)
    found = np.zeros((len(SHOTS), len(candidates)))
    for place, k in enumerate(SHOTS):
        for user, scores in enumerate(score(k)):
            films = np.flatnonzero(candidates[user])
            order = films[np.argsort(-scores[films], kind="stable")]
            found[place, user] = ndcg_at_k(relevance[user, order], 10)
    return found


def adapted_scores(setting: Any, start: Params, part: Part, rate: float, steps: int) -> Callable[[int], NDArray[Any]]:
    """What the network answers for all films, [U, I], once it has adapted to the k films shown of each user."""

    def of_user(x: Tensor, y: Tensor) -> Tensor:
        return mlp(adapt(start, x, y, rate, steps, setting.loss), setting.features)[:, 0]

    def score(k: int) -> NDArray[Any]:
        x, y = setting.support(part, k)
        with torch.no_grad():
            return np.asarray(vmap(of_user, chunk_size=44)(x, y))

    return score


def trained(setting: Any, method: str, rate: float, seed: int) -> Params:
    """The start that a method learns from the training users."""
    generator = torch.Generator().manual_seed(seed)
    params = init((setting.features.shape[1], HIDDEN, 1), generator)
    for value in params.values():
        value.requires_grad_()
    optimiser = torch.optim.Adam(params.values(), lr=OUTER_RATE)
    steps = OUTER_STEPS * (1 + INNER_STEPS) if method == "global" else OUTER_STEPS
    for step in range(steps):
        left = 1 - step / steps
        k = SHOTS[int(torch.randint(len(SHOTS), (), generator=generator))]
        tasks = setting.sample(USERS, k, generator)
        if method == "reptile":
            params = _towards_the_tasks(params, tasks, rate, left, setting.loss)
            continue
        optimiser.param_groups[0]["lr"] = OUTER_RATE * left
        optimiser.zero_grad()
        if method == "global":
            task_loss(params, *_joined(tasks), setting.loss).backward()
        else:
            outer: Any = maml_loss if method == "maml" else first_order_maml_loss
            outer(params, *tasks, rate, INNER_STEPS, setting.loss).backward()
        optimiser.step()
    return {name: value.detach() for name, value in params.items()}


def _joined(tasks: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
    support_x, support_y, query_x, query_y = tasks
    return torch.cat([support_x, query_x], dim=1), torch.cat([support_y, query_y], dim=1)


def _towards_the_tasks(params: Params, tasks: Any, rate: float, step_size: float, loss: Any) -> Params:
    """Reptile: it has no query, so that its tasks are all their rows."""
    with torch.no_grad():
        ends = vmap(lambda x, y: adapt(params, x, y, rate, INNER_STEPS, loss))(*_joined(tasks))
        return reptile_update(params, ends, step_size)


def compute(key: Key) -> Result:
    """Train one network and judge it on both parts; for the global one with each number and rate of steps."""
    torch.set_num_threads(1)
    setting = setting_of(key["setting"])
    start = trained(setting, key["method"], key["rate"], key["seed"])
    loops = [(key["rate"], INNER_STEPS)]
    if key["method"] == "global":
        loops = [(0.0, 0), *((rate, steps) for rate in RATES[key["setting"]] for steps in TUNING_STEPS)]
    return {
        part: {
            f"{steps} steps at {rate:g}": torch.from_numpy(
                judged(setting, part, adapted_scores(setting, start, part, rate, steps))
            )
            for rate, steps in loops
        }
        for part in ("validation", "test")
    }


def neighbours(setting: Setting, part: Part, shrink: float) -> Callable[[int], NDArray[Any]]:
    """Item-kNN: by similarity to the films shown, in reranking by how those were rated against their means."""
    users: ColdStart = setting.users
    similarity, means = users.similarity(shrink), users.means()

    def score(k: int) -> NDArray[Any]:
        shown = setting.shown(part, k)
        if isinstance(setting, Catalogue):
            return np.asarray(similarity[shown].sum(axis=1))
        surprise = np.take_along_axis(users.of(part), shown, axis=1) - means[shown]
        weights = similarity[shown]
        return np.asarray(means + (surprise[:, :, None] * weights).sum(axis=1) / (weights.sum(axis=1) + 1))

    return score


def impersonal(setting: Setting, part: Part) -> dict[str, Callable[[int], NDArray[Any]]]:
    """The rankings that are the same for everybody."""
    users = setting.users
    likes = (users.of("train") >= metarec.coldstart.LIKED).sum(axis=0)
    people = len(users.rows[part])
    scores = {"popularity": likes}
    if isinstance(setting, Reranking):
        scores["item_mean"] = users.means()
    return {name: _to_all(row, people) for name, row in scores.items()}


def _to_all(row: NDArray[Any], people: int) -> Callable[[int], NDArray[Any]]:
    return lambda k: np.tile(row, (people, 1))


def best(validation: dict[Any, Scores]) -> Any:
    """The choice of the greatest mean over k and validation users."""
    return max(validation, key=lambda choice: float(validation[choice].mean()))


def best_at_each_k(validation: dict[str, Scores], test: dict[str, Scores]) -> tuple[Scores, list[str]]:
    """The test users' nDCG with the choice that is best for the validation users at each k; and the choices."""
    chosen = [best({choice: scores[place] for choice, scores in validation.items()}) for place in range(len(SHOTS))]
    return np.stack([test[choice][place] for place, choice in enumerate(chosen)]), chosen


def of_setting(name: str, pieces: Pieces, seeds: int, workers: int) -> tuple[dict[str, Scores], dict[str, Any]]:
    """For each method the test users' nDCG, mean over seeds [4, U]; and what was chosen."""
    setting = setting_of(name)
    test: dict[str, Scores] = {}
    chosen: dict[str, Any] = {}
    for method, score in impersonal(setting, "test").items():
        test[method] = judged(setting, "test", score)
    parts: tuple[Part, Part] = ("validation", "test")
    by_shrink = [
        {f"shrink {s:g}": judged(setting, part, neighbours(setting, part, s)) for s in SHRINKS} for part in parts
    ]
    test["item_knn"], chosen["item_knn"] = best_at_each_k(*by_shrink)

    def results(method: str, rate: float, which: range) -> Iterator[Result]:
        keys = [{"setting": name, "method": method, "rate": rate, "seed": seed} for seed in which]
        yield from (result for _, result in pieces.over(keys, compute, workers=workers))

    def mean(found: list[Result], part: Part, loop: str) -> Scores:
        return np.mean([np.asarray(result[part][loop]) for result in found], axis=0)

    runs = list(results("global", 0.0, range(seeds)))
    loops = list(runs[0]["validation"])
    test["global"] = mean(runs, "test", loops[0])
    tuned = [{loop: mean(runs, part, loop) for loop in loops[1:]} for part in parts]
    test["fine_tuning"], chosen["fine_tuning"] = best_at_each_k(*tuned)
    for method in META:
        first = {rate: next(results(method, rate, range(1))) for rate in RATES[name]}
        rate = best({r: np.asarray(*result["validation"].values()) for r, result in first.items()})
        loop = f"{INNER_STEPS} steps at {rate:g}"
        test[method] = mean(list(results(method, rate, range(seeds))), "test", loop)
        chosen[method] = loop
    return test, chosen


def half_width(values: NDArray[np.float64]) -> float:
    """Half the width of a 95 % interval of the mean over users."""
    return 1.96 * float(values.std(ddof=1)) / len(values) ** 0.5


def main() -> None:
    """Measure, print, write, keep."""
    asked = arguments(__doc__, seeds=3, workers=1)
    modules = (sys.modules[__name__], metarec.coldstart, metarec.functional, solutions.maml)
    pieces = Pieces("coldstart", *modules)
    figures: dict[str, float] = {}
    record: dict[str, Any] = {"seeds": asked.seeds, "shots": list(SHOTS)}
    for name, prefix in (("catalogue", ""), ("reranking", "reranking_")):
        test, chosen = of_setting(name, pieces, asked.seeds, asked.workers)
        rows = {f"ndcg10_{method}": scores for method, scores in test.items()}
        others = [method for method in test if method != "maml"]
        rows |= {f"maml_minus_{other}": test["maml"] - test[other] for other in others}
        kept: dict[str, dict[str, list[float]]] = {}
        for row, scores in rows.items():
            for k, values in zip(SHOTS, scores, strict=True):
                pair = float(values.mean()), half_width(values)
                figures |= {f"{prefix}{row}_k{k}": pair[0], f"{prefix}{row}_k{k}_interval": pair[1]}
                kept.setdefault(row, {})[str(k)] = [round(value, 4) for value in pair]
        record[name] = {"chosen": chosen, **kept}
    keep_record("coldstart", record, command="python -m benchmarks.coldstart")
    report("cold-start users of MovieLens-100K, nDCG@10", figures, asked.json)


if __name__ == "__main__":
    main()
