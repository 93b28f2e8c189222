"""Lesson 07: references for meta-learning by gradients (Finn et al. 2017; Nichol et al. 2018)."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.func import grad, vmap

from metarec.functional import Loss, Params, init, task_loss


def adapt(params: Params, x: Tensor, y: Tensor, learning_rate: float, steps: int, loss: Loss = "squared") -> Params:
    """The parameters after so many plain gradient steps on one task: the inner loop.

    `params` are those of `metarec.functional.mlp`; `x` is [k, D] and `y` [k, 1]. Each step goes down the mean
    loss over all k points: of the squared error, or with `loss="logistic"` of the cross-entropy of clicks (`y` is
    0 or 1, the network's answers are logits). `task_loss(params, x, y, loss)` computes either. Steps start
    where the last one ended; 0 steps change nothing. Returns a new dict, differentiable with respect to `params`
    through every step, whether or not `params` require a gradient now.
    """
    adapted = dict(params)
    for _ in range(steps):
        slopes = grad(task_loss)(adapted, x, y, loss)
        adapted = {name: value - learning_rate * slopes[name] for name, value in adapted.items()}
    return adapted


def split_support_query(n: int, n_support: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Split the indices 0 … n − 1 at random: those to adapt to, and those to be judged on.

    Returns (support, query), integer arrays [n_support] and [n − n_support], in any order. No index is in both,
    each is in one; every choice of the support is equally likely. 0 ≤ n_support ≤ n. Draws from `rng` alone.
    """
    shuffled = rng.permutation(n)
    return shuffled[:n_support], shuffled[n_support:]


def maml_loss(
    params: Params,
    support_x: Tensor,
    support_y: Tensor,
    query_x: Tensor,
    query_y: Tensor,
    learning_rate: float,
    steps: int,
    loss: Loss = "squared",
) -> Tensor:
    """How well one adapts from here: the loss on the query after adapting to the support, mean over tasks, a scalar.

    `support_x` is [T, k, D], `support_y` [T, k, 1], `query_x` [T, q, D], `query_y` [T, q, 1]. Each of the T tasks
    adapts from `params` on its own support, by `adapt` with `learning_rate`, `steps` and `loss`; then `loss`
    is taken on its own query. Differentiable with respect to `params`, through the adaptation (Finn et al. 2017,
    equation 1).
    """

    def after_adapting(support_x: Tensor, support_y: Tensor, query_x: Tensor, query_y: Tensor) -> Tensor:
        adapted = adapt(params, support_x, support_y, learning_rate, steps, loss)
        return task_loss(adapted, query_x, query_y, loss)

    return vmap(after_adapting)(support_x, support_y, query_x, query_y).mean()


def first_order_maml_loss(
    params: Params,
    support_x: Tensor,
    support_y: Tensor,
    query_x: Tensor,
    query_y: Tensor,
    learning_rate: float,
    steps: int,
    loss: Loss = "squared",
) -> Tensor:
    """The value of `maml_loss`, with a cheaper gradient: that of the query's loss at the adapted parameters.

    Shapes as for `maml_loss`. What the adaptation added to `params` counts as a constant, as if it did not
    depend on them (Finn et al. 2017, section 5.2).
    """
    start = {name: value.detach() for name, value in params.items()}

    def after_adapting(support_x: Tensor, support_y: Tensor, query_x: Tensor, query_y: Tensor) -> Tensor:
        adapted = adapt(start, support_x, support_y, learning_rate, steps, loss)
        moved = {name: value + (adapted[name] - start[name]) for name, value in params.items()}
        return task_loss(moved, query_x, query_y, loss)

    return vmap(after_adapting)(support_x, support_y, query_x, query_y).mean()


def reptile_update(params: Params, adapted: Params, step_size: float) -> Params:
    """Move the start towards where the tasks ended: Reptile's outer step (Nichol et al. 2018, section 3).

    `adapted` holds the parameters that T tasks ended with, under the names of `params`, each with a leading task
    axis: [T, ...]. The new start lies on the line from `params` to the tasks' mean, `step_size` of the way.
    """
    return {name: value + step_size * (adapted[name].mean(dim=0) - value) for name, value in params.items()}


def meta_train(
    sample_tasks: Callable[[torch.Generator], tuple[Tensor, Tensor, Tensor, Tensor]], steps: int, *, seed: int
) -> Params:
    """A start from which tasks of one family are learnt by 3 gradient steps at rate 0.01: the outer loop.

    `sample_tasks(generator)` draws a batch of tasks, (support_x, support_y, query_x, query_y) with the shapes of
    `maml_loss`. Each of the `steps` outer steps draws a new batch and goes down its `maml_loss` (squared error).
    Returns the start, for `metarec.functional.mlp`, with as many inputs and outputs as the tasks have. All
    randomness, the first parameters' and the tasks', comes from `seed`: equal seeds give equal starts.
    """
    generator = torch.Generator().manual_seed(seed)
    x, y, _, _ = sample_tasks(generator)
    params = init((x.shape[-1], 40, 40, y.shape[-1]), generator)
    for value in params.values():
        value.requires_grad_()
    optimiser = torch.optim.Adam(params.values(), lr=0.01)
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = 0.01 * (1 - step / steps)
        meta_loss = maml_loss(params, *sample_tasks(generator), learning_rate=0.01, steps=3)
        optimiser.zero_grad()
        meta_loss.backward()
        optimiser.step()
    return {name: value.detach() for name, value in params.items()}


def ndcg_at_k(relevance: np.ndarray, k: int) -> float:
    """Normalised discounted cumulative gain of the first k of a ranking, from 0 to 1.

    `relevance` [K] holds how relevant each item is, 0 or more, in ranked order: the best place first. The item at
    rank 1, 2, ... gains (2^relevance − 1) / log2(rank + 1). The gain of the first k is divided by the most that
    any order of all K items could gain there. 0 where nothing is relevant. k is 1 or more and may exceed K.
    After Järvelin and Kekäläinen (2002); here every rank below the first is discounted.
    """
    gains = 2.0 ** np.asarray(relevance, dtype=float) - 1
    shown = min(k, len(gains))
    discounts = np.log2(np.arange(2, shown + 2))
    ideal = np.sum(np.sort(gains)[::-1][:shown] / discounts)
    return float(np.sum(gains[:shown] / discounts) / ideal) if ideal > 0 else 0.0
