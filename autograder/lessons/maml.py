"""Lesson 07: learning to learn by gradients, and what a ranking is worth."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import grad

from autograder.exercise import exercise
from autograder.judges import AtLeast, Close, SameFrequencies
from autograder.proxy import derived, gradient, observed, repeated
from metarec.functional import Loss, Params, init, mlp, task_loss
from metarec.tasks import Sinusoids, Stairs
from solutions import maml as reference


def _rounded(rng: np.random.Generator, low: float, high: float, *shape: int) -> Tensor:
    return torch.tensor(np.round(rng.uniform(low, high, shape), 2), dtype=torch.float32)


def _start(rng: np.random.Generator, *sizes: int) -> Params:
    """Small parameters to read; no unit of the hidden layer is asleep at the start."""
    params = {}
    for layer, (inputs, outputs) in enumerate(pairwise(sizes)):
        params[f"{2 * layer}.weight"] = _rounded(rng, -1, 1, outputs, inputs)
        params[f"{2 * layer}.bias"] = _rounded(rng, 0.1, 0.9, outputs)
    return params


def _clicks(rng: np.random.Generator, *shape: int) -> Tensor:
    """Zeros and ones, both of them."""
    clicks = np.arange(np.prod(shape)) % 2
    return torch.tensor(rng.permutation(clicks).reshape(shape), dtype=torch.float32)


@exercise(
    reference.adapt,
    points=3,
    minutes=12,
    hints=[
        "One step: take the slope of the loss at the parameters, and from each parameter the learning rate times its "
        "slope. Then the same again, from there.",
        "`grad(task_loss)(params, x, y, loss)` is a dict of slopes, one for each parameter. It is a pure function: "
        "nothing has to be zeroed, no tensor needs `requires_grad`.",
        "`adapted = {name: value - learning_rate * slopes[name] for name, value in adapted.items()}`: a new dict in "
        "each step. Nothing in place, no `detach`, no `no_grad`: the outer loop must see all of it.",
    ],
    afterword="An optimiser changes parameters and forgets how they came about. This one gives new ones, and each of "
    "them still knows how it depends on the start. That is all that MAML needs.",
)
def adapt(adapt: Any, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """One step, several, none, the other loss; then the way back to the start."""
    params = _start(rng, 1, 2, 1)
    x, y = _rounded(rng, -2, 2, 3, 1), _rounded(rng, 2, 4, 3, 1)
    rate = float(np.round(rng.uniform(0.05, 0.1), 2))
    yield "takes a plain step down the mean squared error", adapt(params, x, y, rate, 1)
    steps = int(rng.integers(2, 4))
    yield "takes as many steps as asked, each from where the last one ended", adapt(params, x, y, rate, steps)
    yield "stays where it is with no step", adapt(params, x, y, rate, 0)
    features, clicks = _rounded(rng, -2, 2, 4, 2), _clicks(rng, 4, 1)
    scorer = _start(rng, 2, 2, 1)
    yield "goes down the logistic loss where asked to", adapt(scorer, features, clicks, 0.5, 2, loss="logistic")
    yield "is differentiable to the start, through every step", gradient(adapt, params, x, y, rate, 2)


def _adapting(
    slopes_at: Callable[..., Params] = lambda params, x, y, loss: grad(task_loss)(params, x, y, loss),
    step: Callable[[Tensor, Tensor, float], Tensor] = lambda value, slope, rate: value - rate * slope,
    counted: Callable[[int], int] = lambda steps: steps,
) -> Any:
    """An adapt that differs from the reference in one place."""

    def adapting(params: Params, x: Tensor, y: Tensor, learning_rate: float, steps: int, loss: Loss = "squared") -> Any:
        for _ in range(counted(steps)):
            slopes = slopes_at(params, x, y, loss)
            params = {name: step(value, slopes[name], learning_rate) for name, value in params.items()}
        return dict(params)

    return adapting


def _known(made: Any, of: Any, name: str, diagnosis: str) -> None:
    made.__name__, made.__doc__ = name, diagnosis
    of.mistake(made)


def _adapts(name: str, diagnosis: str, **differs: Any) -> None:
    _known(_adapting(**differs), adapt, name, diagnosis)


_adapts(
    "climbs",
    "It goes *up* the loss: subtract the slope.",
    step=lambda value, slope, rate: value + rate * slope,
)
_adapts(
    "learning_rate_left_out",
    "The learning rate is missing: a step is the slope times the rate.",
    step=lambda value, slope, rate: value - slope,
)
_adapts(
    "gradient_normalised",
    "It divides the slope by its length: a plain step is shorter where the loss is flatter.",
    step=lambda value, slope, rate: value - rate * slope / (slope.norm() + 1e-8),
)
_adapts(
    "one_step_alone",
    "It takes one step, however many are asked for: the loop over `steps` is missing, or it returns inside.",
    counted=lambda steps: min(steps, 1),
)
_adapts(
    "one_step_too_many",
    "It takes a step more than asked for. With 0 steps the parameters stay as they are.",
    counted=lambda steps: steps + 1,
)
_adapts(
    "sums_the_points",
    "It goes down the *sum* over the points: then ten points mean ten times the step. The mean is asked for.",
    slopes_at=lambda params, x, y, loss: grad(lambda p: task_loss(p, x, y, loss) * len(x))(params),
)
_adapts(
    "half_the_squared_error",
    "It goes down half the squared error: the slope of the square itself has a factor 2.",
    slopes_at=lambda params, x, y, loss: grad(lambda p: task_loss(p, x, y, loss) / (1 + (loss == "squared")))(params),
)
_adapts(
    "logistic_ignored",
    "It goes down the squared error whatever `loss` says: hand `loss` on to `task_loss`.",
    slopes_at=lambda params, x, y, loss: grad(task_loss)(params, x, y),
)


def _of_probabilities(params: Params, x: Tensor, y: Tensor, loss: Loss) -> Tensor:
    if loss == "squared":
        return task_loss(params, x, y)
    return nn.functional.binary_cross_entropy_with_logits(mlp(params, x).sigmoid(), y)


_adapts(
    "sigmoid_twice",
    "It squashes the answers twice: the loss with logits takes the sigmoid itself.",
    slopes_at=lambda params, x, y, loss: grad(_of_probabilities)(params, x, y, loss),
)
_adapts(
    "slopes_detached",
    "The slopes are cut off from the start: then the start seems to move all that comes of it along, unchanged. That "
    "is first-order MAML, and a matter for its own exercise. With `torch.autograd.grad` it takes `create_graph=True`.",
    slopes_at=lambda params, x, y, loss: {
        name: slope.detach() for name, slope in grad(task_loss)(params, x, y, loss).items()
    },
)
_adapts(
    "last_layer_alone",
    "It adapts the last layer alone: all parameters take the step.",
    slopes_at=lambda params, x, y, loss: {
        name: slope * name.startswith(str(len(params) - 2))
        for name, slope in grad(task_loss)(params, x, y, loss).items()
    },
)


@adapt.mistake
def slopes_of_the_start(
    params: Params, x: Tensor, y: Tensor, learning_rate: float, steps: int, loss: Loss = "squared"
) -> Params:
    """Every step uses the slope at the *start*: take it anew where the last step ended."""
    slopes = grad(task_loss)(params, x, y, loss)
    return {name: value - steps * learning_rate * slopes[name] for name, value in params.items()}


@adapt.mistake
def each_step_from_the_start(
    params: Params, x: Tensor, y: Tensor, learning_rate: float, steps: int, loss: Loss = "squared"
) -> Params:
    """Every step begins at the start again, and the steps before it are lost: begin where the last one ended."""
    adapted = dict(params)
    for _ in range(steps):
        slopes = grad(task_loss)(adapted, x, y, loss)
        adapted = {name: value - learning_rate * slopes[name] for name, value in params.items()}
    return adapted


@adapt.mistake
def cut_off_from_the_start(
    params: Params, x: Tensor, y: Tensor, learning_rate: float, steps: int, loss: Loss = "squared"
) -> Params:
    """The result is cut off from the start (`detach`, `no_grad`, `.data`, or a copy): nothing can be learnt about the
    start then. This is the inner loop of an outer one.
    """
    return {name: value.detach() for name, value in reference.adapt(params, x, y, learning_rate, steps, loss).items()}


@adapt.mistake
def calls_backward(
    params: Params, x: Tensor, y: Tensor, learning_rate: float, steps: int, loss: Loss = "squared"
) -> Params:
    """It calls `backward()`: the parameters need not require a gradient, and what lies in `.grad` is cut off from the
    start. `grad(task_loss)(params, x, y, loss)` returns the slopes.
    """
    adapted = {name: value * 1 for name, value in params.items()}
    for _ in range(steps):
        task_loss(adapted, x, y, loss).backward()
        adapted = {name: value - learning_rate * value.grad for name, value in adapted.items()}  # type: ignore[operator]
    return adapted


@adapt.mistake
def adapts_in_place(
    params: Params, x: Tensor, y: Tensor, learning_rate: float, steps: int, loss: Loss = "squared"
) -> Params:
    """It changes the parameters in place: then the first task spoils the start for all others, and no gradient finds
    its way back. Make new tensors.
    """
    for _ in range(steps):
        slopes = grad(task_loss)(params, x, y, loss)
        with torch.no_grad():
            for name, value in params.items():
                value -= learning_rate * slopes[name]
    return params


@adapt.mistake
def with_momentum(
    params: Params, x: Tensor, y: Tensor, learning_rate: float, steps: int, loss: Loss = "squared"
) -> Params:
    """It keeps a momentum: plain gradient steps are asked for, each with its own slope alone."""
    adapted, moving = dict(params), {name: torch.zeros_like(value) for name, value in params.items()}
    for _ in range(steps):
        slopes = grad(task_loss)(adapted, x, y, loss)
        moving = {name: 0.9 * value + slopes[name] for name, value in moving.items()}
        adapted = {name: value - learning_rate * moving[name] for name, value in adapted.items()}
    return adapted


@adapt.mistake
def returns_the_slopes(
    params: Params, x: Tensor, y: Tensor, learning_rate: float, steps: int, loss: Loss = "squared"
) -> Params:
    """It returns the slopes: the parameters after the steps are asked for."""
    return grad(task_loss)(params, x, y, loss)


@exercise(
    reference.split_support_query,
    points=1,
    minutes=5,
    hints=[
        "Shuffle all indices once, then cut the row in two.",
        "`shuffled = rng.permutation(n)`; the first `n_support` of them are the support.",
    ],
    afterword="Every leak that one can think of has been published. The one here is the commonest: something of what "
    "the query asks was already in the support.",
)
def split_support_query(split: Any, rng: np.random.Generator) -> Iterator[tuple[Any, ...]]:
    """Sizes, all indices once, every choice equally likely, and the generator."""
    n, size = int(rng.integers(6, 9)), int(rng.integers(2, 4))
    pair = derived(_pair, split(n, size, rng))
    yield (
        "gives so many indices to the support and all others to the query",
        derived(lambda p: [list(np.shape(part)) for part in p], pair),
    )
    yield "holds each index once", derived(lambda p: sorted(int(i) for part in p for i in part), pair)
    ends = [derived(_pair, split(n, m, rng)) for m in (0, n)]
    yield "works for no support, and for no query", derived(lambda *p: [[len(s), len(q)] for s, q in p], *ends)
    drawn = repeated(split, 400, 5, 2, rng)
    yield "draws every support equally often", derived(_how_often_pairs, drawn), SameFrequencies()
    seed = int(rng.integers(2**31))
    turns = [derived(_how_often_pairs, repeated(split, 30, 5, 2, np.random.default_rng(seed))) for _ in range(2)]
    yield "draws from the generator that it is given", derived(np.array_equal, *turns)
    first, second = (observed(split, 9, 4, rng).left[2] for _ in range(2))
    yield "draws from the generator that it is given", derived(lambda one, two: one != two, first, second)


def _pair(given: Any) -> Any:
    if not isinstance(given, tuple | list) or len(given) != 2:
        raise TypeError("it must return a pair, (support, query)")
    return given


def _how_often_pairs(drawn: Any) -> list[int]:
    """How often each of the ten pairs of 0 … 4 was the support; the query is looked at elsewhere."""
    counts = np.zeros((5, 5), dtype=int)
    for support, _ in drawn:
        first, second = sorted(int(i) for i in support)
        counts[first, second] += 1
    return [*counts[np.triu_indices(5, 1)].tolist(), int(np.trace(counts))]


@split_support_query.mistake
def not_shuffled(n: int, n_support: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """It cuts the row as it stands: ratings lie in some order, of time or of title, and the query then differs from
    the support in more than chance.
    """
    rng.random()
    return np.arange(n)[:n_support], np.arange(n)[n_support:]


@split_support_query.mistake
def support_stays_in_the_query(n: int, n_support: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The query holds the support too: a model that has learnt its support by heart then looks as if it could
    generalise. Take the rest.
    """
    return rng.permutation(n)[:n_support], np.arange(n)


@split_support_query.mistake
def drawn_with_replacement(n: int, n_support: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """It draws with replacement: an index may come twice. `rng.choice` does so unless told `replace=False`."""
    support = rng.integers(0, n, n_support)
    return support, np.setdiff1d(np.arange(n), support)


@split_support_query.mistake
def drawn_apart(n: int, n_support: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Support and query are drawn apart from each other: some indices are in both, some in neither. Shuffle once,
    and cut.
    """
    return rng.permutation(n)[:n_support], rng.permutation(n)[n_support:]


@split_support_query.mistake
def query_and_support_swapped(n: int, n_support: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The two come in the wrong order: first the support."""
    support, query = reference.split_support_query(n, n_support, rng)
    return query, support


@split_support_query.mistake
def as_many_in_each(n: int, n_support: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The query is as small as the support: all others belong to it."""
    shuffled = rng.permutation(n)
    return shuffled[:n_support], shuffled[n_support : 2 * n_support]


@split_support_query.mistake
def support_one_too_few(n: int, n_support: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The support has one too few: a slice ends *before* its second number, so `[:n_support]` has n_support of them."""
    shuffled = rng.permutation(n)
    return shuffled[: n_support - 1], shuffled[n_support:]


@split_support_query.mistake
def size_left_to_chance(n: int, n_support: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The support has n_support indices only on average: a coin for each index leaves the size to chance. Shuffle all,
    and cut.
    """
    chosen = rng.random(n) < n_support / n
    return np.flatnonzero(chosen), np.flatnonzero(~chosen)


@split_support_query.mistake
def last_ones_counted_from_the_end(n: int, n_support: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """It cuts at `[-n_support:]`, and with 0 that is everything: cut at `[:n_support]` and `[n_support:]`."""
    shuffled = rng.permutation(n)
    return shuffled[-n_support:], shuffled[: n - n_support]


@split_support_query.mistake
def block_of_neighbours(n: int, n_support: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The support is a block of neighbours: shuffle, so that every choice is equally likely."""
    turned = np.roll(np.arange(n), int(rng.integers(n)))
    return turned[:n_support], turned[n_support:]


@split_support_query.mistake
def generator_of_its_own(n: int, n_support: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """It draws from another generator than `rng`: nobody can repeat what it did, and seeds are of no use."""
    return reference.split_support_query(n, n_support, np.random.default_rng())


Sets = tuple[Tensor, Tensor, Tensor, Tensor]
Pair = tuple[Tensor, Tensor]
"""x and y of one task's support or query."""


def _tasks(rng: np.random.Generator, count: int, support: int = 3, query: int = 2) -> Sets:
    """So many tasks [T, k, 1], whose levels differ plainly; what is asked is not what was shown."""
    levels = torch.tensor(rng.permutation(count), dtype=torch.float32)[:, None, None] * 1.5
    x = _rounded(rng, -2, 2, count, support, 1), _rounded(rng, -2, 2, count, query, 1)
    y = _rounded(rng, 2, 3, count, support, 1) + levels, _rounded(rng, 0, 1, count, query, 1) - levels
    return x[0], y[0], x[1], y[1]


def _click_tasks(rng: np.random.Generator, count: int) -> Sets:
    x = _rounded(rng, -2, 2, count, 4, 2), _rounded(rng, -2, 2, count, 2, 2)
    return x[0], _clicks(rng, count, 4, 1), x[1], _clicks(rng, count, 2, 1)


@exercise(
    reference.maml_loss,
    points=3,
    minutes=12,
    hints=[
        "For one task it is two lines: adapt to the support, then take the adapted parameters' loss on the query.",
        "Write those two lines as a function of one task's four tensors. `vmap` of it runs all tasks at once, each "
        "from the same `params`; a loop over the tasks does as well.",
        "`vmap(after_adapting)(support_x, support_y, query_x, query_y).mean()`. Hand `loss` on to both, `adapt` and "
        "`task_loss`.",
    ],
    afterword="Nothing here says second derivative. `adapt` is made of slopes, the outer loop takes slopes of that, "
    "and torch does the rest.",
)
def maml_loss(measure: Any, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """One task, several, several steps, no step, the other loss; then the gradient."""
    params, rate = _start(rng, 1, 2, 1), float(np.round(rng.uniform(0.05, 0.1), 2))
    yield "adapts to the support, then measures on the query", measure(params, *_tasks(rng, 1), rate, 1)
    several = _tasks(rng, 2)
    yield "is the mean over the tasks, each of which begins at the start", measure(params, *several, rate, 1)
    yield "takes as many steps as asked", measure(params, *several, rate, 2)
    yield "with no step is the loss of the start on the query", measure(params, *several, rate, 0)
    clicks = _click_tasks(rng, 1)
    yield "takes the logistic loss where asked to", measure(_start(rng, 2, 2, 1), *clicks, 0.5, 1, loss="logistic")
    yield "lets its gradient flow through the adaptation", gradient(measure, params, *several, rate, 1)


def _of_one_task(params: Params, support: Pair, query: Pair, rate: float, steps: int, loss: Loss) -> Tensor:
    return task_loss(reference.adapt(params, *support, rate, steps, loss), *query, loss)


def _measuring(
    one: Callable[..., Tensor] = _of_one_task, over: Callable[[Tensor], Tensor] = lambda losses: losses.mean()
) -> Any:
    """A loss over tasks that differs from `maml_loss` in one place."""

    def measuring(
        params: Params,
        support_x: Tensor,
        support_y: Tensor,
        query_x: Tensor,
        query_y: Tensor,
        learning_rate: float,
        steps: int,
        loss: Loss = "squared",
    ) -> Tensor:
        each = zip(support_x, support_y, query_x, query_y, strict=True)
        losses = [one(params, (sx, sy), (qx, qy), learning_rate, steps, loss) for sx, sy, qx, qy in each]
        return over(torch.stack(losses))

    return measuring


def _first_order(params: Params, support: Pair, query: Pair, rate: float, steps: int, loss: Loss) -> Tensor:
    start = {name: value.detach() for name, value in params.items()}
    adapted = reference.adapt(start, *support, rate, steps, loss)
    return task_loss({name: value + adapted[name] - start[name] for name, value in params.items()}, *query, loss)


One = Callable[..., Tensor]
"""The loss of one task: (params, support, query, rate, steps, loss)."""


def _slope_of_the_start(params: Params, support: Pair, query: Pair, rate: float, steps: int, loss: Loss) -> Tensor:
    before = task_loss(params, *query, loss)
    return before + (_of_one_task(params, support, query, rate, steps, loss) - before).detach()


def _joined(one: Pair, other: Pair) -> Pair:
    return torch.cat([one[0], other[0]]), torch.cat([one[1], other[1]])


def _chained(one: One) -> Any:
    def measuring(
        params: Params, sx: Any, sy: Any, qx: Any, qy: Any, rate: float, steps: int, loss: Loss = "squared"
    ) -> Any:
        losses = []
        for task in zip(sx, sy, qx, qy, strict=True):
            losses.append(one(params, task[:2], task[2:], rate, steps, loss))
            params = reference.adapt(params, *task[:2], rate, steps, loss)
        return torch.stack(losses).mean()

    return measuring


def _together(one: One) -> Any:
    def measuring(
        params: Params, sx: Any, sy: Any, qx: Any, qy: Any, rate: float, steps: int, loss: Loss = "squared"
    ) -> Any:
        support, query = (sx.flatten(0, 1), sy.flatten(0, 1)), (qx.flatten(0, 1), qy.flatten(0, 1))
        return one(params, support, query, rate, steps, loss)

    return measuring


SHARED: dict[str, tuple[str, Callable[[One], Any]]] = {
    "support_as_query": (
        "It measures on the support that it has just adapted to: that rewards learning by heart. The query asks what "
        "the support did not tell.",
        lambda one: _measuring(lambda p, support, query, *how: one(p, support, support, *how)),
    ),
    "adapts_to_the_query": (
        "It adapts to the query: those answers are not known yet when somebody new comes. Adapt to the support.",
        lambda one: _measuring(lambda p, support, query, *how: one(p, query, query, *how)),
    ),
    "sets_swapped": (
        "The two sets are swapped: adapt to the support, measure on the query.",
        lambda one: _measuring(lambda p, support, query, *how: one(p, query, support, *how)),
    ),
    "measures_on_everything": (
        "It measures on support and query together: half of that it has just been told.",
        lambda one: _measuring(lambda p, support, query, *how: one(p, support, _joined(support, query), *how)),
    ),
    "does_not_adapt": (
        "It never adapts: that is ordinary training on all tasks at once. Take the loss of the *adapted* parameters.",
        lambda one: _measuring(lambda p, support, query, rate, steps, loss: task_loss(p, query[0], query[1], loss)),
    ),
    "one_step_inside": (
        "The inner loop takes one step, however many are asked for: hand `steps` on to `adapt`.",
        lambda one: _measuring(
            lambda p, support, query, rate, steps, loss: one(p, support, query, rate, min(steps, 1), loss)
        ),
    ),
    "sums_over_the_tasks": (
        "It sums over the tasks: take the mean, so that an outer step is as long however many there are.",
        lambda one: _measuring(one, over=lambda losses: losses.sum()),
    ),
    "one_loss_for_each_task": (
        "It gives a loss for each task: the mean of them is asked for.",
        lambda one: _measuring(one, over=lambda losses: losses),
    ),
    "tasks_chained": (
        "Each task begins where the one before ended: all begin at the start. Does a loop give its result the name "
        "`params`?",
        _chained,
    ),
    "one_adaptation_for_all": (
        "It adapts once, to the supports of all tasks together: each task adapts on its own, from the same start.",
        _together,
    ),
    "squared_error_whatever_is_asked": (
        "It takes the squared error whatever `loss` says: hand `loss` on, to `adapt` and to `task_loss`.",
        lambda one: _measuring(
            lambda p, support, query, rate, steps, loss: one(p, support, query, rate, steps, "squared")
        ),
    ),
    "logistic_outside_alone": (
        "The inner loop still goes down the squared error: hand `loss` on to `adapt` too.",
        lambda one: _measuring(
            lambda p, support, query, rate, steps, loss: (
                one(p, support, query, rate, steps, loss)
                if loss == "squared"
                else task_loss(reference.adapt(p, support[0], support[1], rate, steps), query[0], query[1], loss)
            )
        ),
    ),
    "outer_gradient_cut": (
        "The outer gradient is cut: nothing reaches the start (`detach`, `no_grad`, `.data` or `.item()` on the way), "
        "and meta-training would never move.",
        lambda one: _measuring(one, over=lambda losses: losses.mean().detach()),
    ),
    "gradient_at_the_start": (
        "The gradient is that of the loss *before* adapting: it must be taken where the adaptation ended.",
        lambda one: _measuring(_slope_of_the_start),
    ),
}
"""What goes wrong in either loss over tasks, with its diagnosis, given the loss of one task."""


for _name, (_diagnosis, _make) in SHARED.items():
    _known(_make(_of_one_task), maml_loss, _name, _diagnosis)

_known(
    _measuring(_first_order),
    maml_loss,
    "first_order",
    "Its gradient takes the adaptation for a constant: that is *first-order* MAML, the next exercise. Here the slopes "
    "of the inner loop must not be cut off (`detach`, or `torch.autograd.grad` without `create_graph=True`).",
)


@exercise(
    reference.first_order_maml_loss,
    points=2,
    minutes=8,
    hints=[
        "The value is that of `maml_loss`. Only the gradient differs: what the adaptation added is a constant to it.",
        "Adapt from a copy that is cut off, `start = {name: value.detach() ...}`. What the adaptation added is "
        "`adapted[name] - start[name]`: a number without a past.",
        "Measure at `{name: value + (adapted[name] - start[name]) for name, value in params.items()}`: the same place, "
        "and each parameter reaches it by the way of a plain sum.",
    ],
    afterword="The cut-off copy costs no memory for the way back, and an inner loop of any length is no longer one "
    "long computation to differentiate. What is lost is the advice on how to be adaptable.",
)
def first_order_maml_loss(measure: Any, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """The values of maml_loss, another gradient."""
    params, rate = _start(rng, 1, 2, 1), float(np.round(rng.uniform(0.05, 0.1), 2))
    one, several = _tasks(rng, 1), _tasks(rng, 2)
    yield "has the value of the loss after adapting", measure(params, *one, rate, 1)
    yield "is the mean over the tasks, each of which begins at the start", measure(params, *several, rate, 1)
    yield "takes as many steps as asked", measure(params, *several, rate, 2)
    clicks = _click_tasks(rng, 1)
    yield "takes the logistic loss where asked to", measure(_start(rng, 2, 2, 1), *clicks, 0.5, 1, loss="logistic")
    yield (
        "has the gradient at the adapted parameters, as if the way there were given",
        gradient(measure, params, *several, rate, 1),
    )


for _name, (_diagnosis, _make) in SHARED.items():
    _known(_make(_first_order), first_order_maml_loss, _name, _diagnosis)

_known(
    _measuring(_of_one_task),
    first_order_maml_loss,
    "full_gradient",
    "This is MAML in full: its gradient goes through the adaptation. Here what the adaptation added is a constant.",
)


@exercise(
    reference.reptile_update,
    points=1,
    minutes=5,
    hints=[
        "Where did the tasks end on average? Go a part of the way there.",
        "For each name: `adapted[name]` has the shape [T, ...]. Its mean over the first axis, less the parameter, is "
        "the way to go.",
    ],
    afterword="No derivative of a derivative, no query set, not even a loss: Reptile only looks at where ordinary "
    "training went.",
)
def reptile_update(update: Any, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """Part of the way, all of it, none of it."""
    params = _start(rng, 1, 2, 1)
    count = int(rng.integers(2, 4))
    adapted = {name: _rounded(rng, -3, 3, count, *value.shape) for name, value in params.items()}
    step_size = float(np.round(rng.uniform(0.1, 0.4), 1))
    yield "goes part of the way to where the tasks ended on average", update(params, adapted, step_size)
    yield "lands on their mean at a step size of 1", update(params, adapted, 1.0)
    yield "stays where it is at a step size of 0", update(params, adapted, 0.0)
    alone = {name: value[:1] for name, value in adapted.items()}
    yield "works for a single task", update(params, alone, step_size)


def _updating(towards: Callable[[Tensor, Tensor, float], Tensor]) -> Any:
    def updating(params: Params, adapted: Params, step_size: float) -> Params:
        return {name: towards(value, adapted[name], step_size) for name, value in params.items()}

    return updating


for _name, _diagnosis, _towards in (
    (
        "moves_away",
        "It moves *away* from where the tasks ended: the way to go is their mean less the start.",
        lambda value, ends, size: value - size * (ends.mean(dim=0) - value),
    ),
    (
        "step_size_inverted",
        "Start and mean have changed places: a step size of 0 stays at the start, one of 1 lands on the mean.",
        lambda value, ends, size: ends.mean(dim=0) + size * (value - ends.mean(dim=0)),
    ),
    (
        "sums_the_tasks",
        "It adds up the ways of all tasks: take the mean, so that many tasks do not mean a long step.",
        lambda value, ends, size: value + size * (ends - value).sum(dim=0),
    ),
    (
        "forgets_the_start",
        "It adds a share of where the tasks ended: the *way* there, their mean less the start, is to be added.",
        lambda value, ends, size: value + size * ends.mean(dim=0),
    ),
    (
        "lands_on_the_mean",
        "It jumps to the tasks' mean: go `step_size` of the way. The tasks of one batch are not all tasks.",
        lambda value, ends, size: ends.mean(dim=0),
    ),
    (
        "first_task_alone",
        "It looks at one task alone: take the mean over the first axis.",
        lambda value, ends, size: value + size * (ends[0] - value),
    ),
    (
        "mean_of_everything",
        "It takes the mean over all axes, one number: only the first axis is that of the tasks, `mean(dim=0)`.",
        lambda value, ends, size: value + size * (ends.mean() - value),
    ),
    (
        "start_for_each_task",
        "It keeps the axis of the tasks, a start for each: there is one start for all.",
        lambda value, ends, size: value + size * (ends - value),
    ),
):
    _known(_updating(_towards), reptile_update, _name, _diagnosis)


# starts that have learnt the stairs answer about this, within 0.3 of each other, and a mistake is off by more than 0.6
LEARNT_STAIRS = np.array([1.0, 2.75, 4.5])


def _near(got: Any, wanted: Any) -> bool:
    """Whether a start answers as another that has learnt the stairs; mistakes lie closer to each other."""
    learnt = Close(absolute=0.9)(wanted, LEARNT_STAIRS)
    return Close(absolute=0.6 if learnt else 0.1)(got, wanted)


INNER_RATE, INNER_STEPS = 0.01, 3
STAIRS_STEPS, SHORT_STEPS = 250, 100
SINUSOIDS, SINUSOID_STEPS = Sinusoids(), 400
JUDGED_TASKS = 1000
THRESHOLD = 0.75


@exercise(
    reference.meta_train,
    points=4,
    minutes=25,
    trains=True,
    hints=[
        "It is an ordinary training loop. What it goes down is `maml_loss`, and a batch is a batch of *tasks*.",
        "One generator for everything: `torch.Generator().manual_seed(seed)`, for `init` and for `sample_tasks`. Draw "
        "a new batch in each step.",
        "`for value in params.values(): value.requires_grad_()`, then `torch.optim.Adam(params.values(), lr=0.01)`. In "
        "each step: `maml_loss(params, *sample_tasks(generator), learning_rate=0.01, steps=3)`, zero the gradients, go "
        "back, step. Let the rate fall linearly to 0.",
    ],
    afterword="What you return fits no task well. It is where all of them are near.",
)
def meta_train(train: Any, rng: np.random.Generator) -> Iterator[tuple[Any, ...]]:
    """Stairs, whose right answer is known; what it learns from; the seed; then sinusoids."""
    seed = int(rng.integers(1, 1000))
    start = train(Stairs(), STAIRS_STEPS, seed=seed)
    yield "learns what the support says about the query", derived(_up_the_stairs, start), _near

    def few(tasks: Any, at: int) -> Any:
        return train(tasks, 3, seed=at)

    once, again, other = few(Stairs(), seed), few(Stairs(), seed), few(Stairs(), seed + 1)
    moved_left, moved_right = few(Stairs(left=-2.0), seed), few(Stairs(right=-2.0), seed)
    yield "learns from the support", derived(_differ, once, moved_left)
    yield "learns from the query", derived(_differ, once, moved_right)
    yield "draws everything from the seed", derived(lambda *two: not _differ(*two), once, again)
    yield "learns otherwise from another seed", derived(_differ, once, other)
    yield (
        f"explains {THRESHOLD:.0%} or more of new sinusoids after {INNER_STEPS} steps",
        derived(lambda p: _explained(p, seed + 10_000), train(SINUSOIDS, SINUSOID_STEPS, seed=seed)),
        AtLeast(THRESHOLD),
    )


def _params(found: Any) -> Params:
    return {name: torch.as_tensor(np.asarray(value), dtype=torch.float32) for name, value in found.items()}


def _differ(one: Any, other: Any) -> bool:
    first, second = _params(one), _params(other)
    return any(not torch.equal(first[name], second[name]) for name in first)


def _up_the_stairs(start: Any) -> np.ndarray:
    """What is answered behind the step, in the mean, once adapted to 0, 1 and 2 before it."""
    params, left = _params(start), torch.linspace(-0.95, -0.05, 10)[:, None]
    answers = []
    for level in (0.0, 1.0, 2.0):
        adapted = reference.adapt(params, left, torch.full_like(left, level), INNER_RATE, INNER_STEPS)
        answers.append(float(mlp(adapted, -left).mean()))
    return np.nan_to_num(np.array(answers), nan=1e6, posinf=1e6, neginf=-1e6).clip(-1e6, 1e6)


def _explained(start: Any, seed: int) -> float:
    """The share of the queries' mean square that is explained after adapting, on so many new sinusoids."""
    tasks = Sinusoids(tasks=JUDGED_TASKS)(torch.Generator().manual_seed(seed))
    with torch.no_grad():
        miss = reference.maml_loss(_params(start), *tasks, INNER_RATE, INNER_STEPS)
    return float(1 - miss / tasks[3].square().mean())


def _trainer(
    *,
    loss: Callable[..., Tensor] = reference.maml_loss,
    rate: float = INNER_RATE,
    inner: int = INNER_STEPS,
    seeds: Callable[[int], int] = lambda seed: seed,
    sign: float = 1.0,
    outer_rate: float = 0.01,
    same_batch: bool = False,
    zeroes: bool = True,
    steps_at_most: int = STAIRS_STEPS,
) -> Any:
    """A trainer that differs from the reference in one place, and stops early where other lines than the first tell."""

    def train(sample_tasks: Any, steps: int, *, seed: int) -> Params:
        generator = torch.Generator().manual_seed(seeds(seed))
        tasks = sample_tasks(generator)
        params = init((tasks[0].shape[-1], 40, 40, tasks[1].shape[-1]), generator)
        for value in params.values():
            value.requires_grad_()
        optimiser = torch.optim.Adam(params.values(), lr=outer_rate)
        steps = min(steps, steps_at_most)
        for step in range(steps):
            optimiser.param_groups[0]["lr"] = outer_rate * (1 - step / steps)
            if not same_batch:
                tasks = sample_tasks(generator)
            if zeroes:
                optimiser.zero_grad()
            (sign * loss(params, *tasks, rate, inner)).backward()
            optimiser.step()
        return {name: value.detach() for name, value in params.items()}

    return train


def _on_all_at_once(params: Params, sx: Tensor, sy: Tensor, qx: Tensor, qy: Tensor, rate: float, steps: int) -> Tensor:
    return task_loss(params, torch.cat([sx, qx], dim=1), torch.cat([sy, qy], dim=1))


SHORT: dict[str, Any] = {"steps_at_most": SHORT_STEPS}
_differs: dict[str, Any]
for _name, _diagnosis, _differs in (
    (
        "support_as_query",
        SHARED["support_as_query"][0],
        SHORT | {"loss": lambda p, sx, sy, qx, qy, *how: reference.maml_loss(p, sx, sy, sx, sy, *how)},
    ),
    (
        "adapts_to_the_query",
        SHARED["adapts_to_the_query"][0],
        {"loss": lambda p, sx, sy, qx, qy, *how: reference.maml_loss(p, qx, qy, qx, qy, *how)},
    ),
    (
        "sets_swapped",
        SHARED["sets_swapped"][0],
        {"loss": lambda p, sx, sy, qx, qy, *how: reference.maml_loss(p, qx, qy, sx, sy, *how)},
    ),
    (
        "no_inner_loop",
        "It trains one network on the data of all tasks: that fits their mean, and is no start that is near each.",
        {"loss": _on_all_at_once},
    ),
    (
        "first_order",
        "The outer gradient does not go through the adaptation: that is first-order MAML, and here the slopes of the "
        "inner loop matter. Go down `maml_loss`.",
        {"loss": reference.first_order_maml_loss},
    ),
    (
        "never_learns",
        "The start never moves: the outer gradient is cut, or the optimiser holds other tensors than those that the "
        "loss is made of.",
        {"outer_rate": 0.0, "steps_at_most": 1},
    ),
    (
        "climbs",
        "It goes *up* the loss: a sign is turned round.",
        {"sign": -1.0},
    ),
    (
        "another_inner_loop",
        "The start is learnt for another inner loop than the one that will be used: 3 steps at rate 0.01.",
        {"rate": 0.1},
    ),
    (
        "one_batch_for_ever",
        "It sees one batch of tasks for ever: call `sample_tasks` in each step, with a generator that is seeded once.",
        {"same_batch": True},
    ),
    (
        "gradients_pile_up",
        "The gradients of all steps pile up: zero them before each `backward()`.",
        {"zeroes": False},
    ),
    (
        "draws_elsewhere",
        "Two trainings with one seed differ: `init` and `sample_tasks` draw from one generator, "
        "`torch.Generator().manual_seed(seed)`.",
        SHORT | {"seeds": lambda seed: torch.Generator().seed()},
    ),
    (
        "seed_ignored",
        "Another seed changes nothing: a seed of its own stands in the code. Take the one given.",
        SHORT | {"seeds": lambda seed: 0},
    ),
):
    _known(_trainer(**_differs), meta_train, _name, _diagnosis)


@exercise(
    reference.ndcg_at_k,
    points=2,
    minutes=10,
    hints=[
        "Two sums of the same form: one over the ranking as it is, one over the best order there is. The first divided "
        "by the second.",
        "The gains are `2.0 ** relevance - 1`, the discounts `np.log2(rank + 1)` for ranks 1 to k.",
        "For the best order sort *all* K gains, greatest first, and only then take the first k: what was left out of "
        "the list counts too. If that sum is 0, the answer is 0.",
    ],
    afterword="A recommender that leaves the best film out of its list must be told so. That is what the ideal is for.",
)
def ndcg_at_k(measure: Any, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """One relevant item at rank 2 and 3, graded ones, what was left out, nothing, and a k that is too large."""
    count = int(rng.integers(6, 9))
    second, third = np.eye(count, dtype=int)[1:3]
    yield "discounts by the logarithm of the rank", [measure(second, 4), measure(third, 4)]
    graded = rng.permutation(np.array([0, 1, 2, 3]))
    yield "gains 2 to the relevance, less 1", measure(graded, 4)
    left_out = np.concatenate([[1, 0, 1], np.zeros(count - 5, dtype=int), [2, 3]]).astype(int)
    yield "compares with the best order of all items, also of those that it left out", measure(left_out, 3)
    many = rng.permutation(np.array([1] * 5 + [0] * 4))
    many[:3] = np.array([1, 0, 1])
    yield "counts the first k alone, in the best order too", measure(many, 3)
    yield "is 0 where nothing is relevant", measure(np.zeros(count, dtype=int), 3)
    yield "takes a k greater than the number of items", measure(graded, 10)


def _ndcg(
    gains: Callable[[np.ndarray], np.ndarray] = lambda relevance: 2.0**relevance - 1,
    discounts: Callable[[np.ndarray], np.ndarray] = lambda rank: np.log2(rank + 1),
    best: Callable[[np.ndarray, int], np.ndarray] = lambda gained, k: np.sort(gained)[::-1][:k],
    shown: Callable[[np.ndarray, int], np.ndarray] = lambda gained, k: gained[:k],
    nothing: float = 0.0,
) -> Any:
    def measuring(relevance: np.ndarray, k: int) -> float:
        gained = gains(np.asarray(relevance, dtype=float))

        def discounted(some: np.ndarray) -> float:
            return float(np.sum(some / discounts(np.arange(1, len(some) + 1))))

        with np.errstate(divide="ignore", invalid="ignore"):
            most, found = discounted(best(gained, k)), discounted(shown(gained, k))
        return found / most if most > 0 else nothing

    return measuring


def _count(gained: np.ndarray, k: int) -> np.ndarray:
    return np.ones(min(k, len(gained)))


for _name, _diagnosis, _differs in (
    (
        "ideal_of_the_shown",
        "Its ideal is the best order of the k items *shown*: then a list that leaves the best items out can still be "
        "perfect. Sort all items, then take the first k.",
        {"best": lambda gained, k: np.sort(gained[:k])[::-1]},
    ),
    (
        "ideal_of_everything",
        "Its ideal counts all items, beyond the first k: no list of k could ever reach 1.",
        {"best": lambda gained, k: np.sort(gained)[::-1]},
    ),
    (
        "counts_everything",
        "It counts all items, and not the first k alone.",
        {"best": lambda gained, k: np.sort(gained)[::-1], "shown": lambda gained, k: gained},
    ),
    (
        "ideal_upside_down",
        "Its ideal order is the worst one: `np.sort` puts the smallest first.",
        {"best": lambda gained, k: np.sort(gained)[:k] if np.sort(gained)[:k].any() else np.sort(gained)},
    ),
    (
        "linear_gain",
        "The gain is the relevance itself: 2 to the relevance, less 1, is asked for, so that the best count far more.",
        {"gains": lambda relevance: relevance},
    ),
    (
        "gain_without_less_one",
        "The gain is 2 to the relevance: less 1, so that an item without relevance gains nothing.",
        {"gains": lambda relevance: 2.0**relevance},
    ),
    (
        "relevant_or_not",
        "It only asks whether an item is relevant: how much it is counts too.",
        {"gains": lambda relevance: (relevance > 0).astype(float)},
    ),
    (
        "without_discount",
        "All ranks count the same: divide by log2(rank + 1).",
        {"discounts": lambda rank: np.ones(len(rank))},
    ),
    (
        "discount_by_the_rank",
        "It divides by the rank: the logarithm of rank + 1 falls far more slowly.",
        {"discounts": lambda rank: rank.astype(float)},
    ),
    (
        "one_plus_the_logarithm",
        "It divides by 1 + log2(rank): the 1 stands inside, log2(rank + 1).",
        {"discounts": lambda rank: 1 + np.log2(rank)},
    ),
    (
        "logarithm_of_the_rank",
        "It divides by log2(rank), and at the first rank that is 0: log2(rank + 1) is asked for.",
        {"discounts": lambda rank: np.log2(rank)},
    ),
    (
        "rank_one_too_late",
        "It divides by log2(rank + 2): ranks begin at 1, or, if yours begin at 0, 2 is to be added to *those*.",
        {"discounts": lambda rank: np.log2(rank + 2)},
    ),
    (
        "first_two_alike",
        "It divides by the logarithm of the rank, and by 1 at the first: log2(rank + 1) is asked for, at all ranks.",
        {"discounts": lambda rank: np.maximum(np.log2(rank), 1.0)},
    ),
    (
        "not_normalised",
        "It is not normalised: divide by the gain of the best order.",
        {"best": lambda gained, k: np.ones(1)},
    ),
    (
        "normalised_by_the_length",
        "It divides by what k items of gain 1 would earn: divide by the best order of *these* items.",
        {"best": _count},
    ),
    (
        "nan_for_nothing",
        "Where nothing is relevant it is NaN, 0/0: there the answer is 0.",
        {"nothing": float("nan")},
    ),
    (
        "perfect_for_nothing",
        "Where nothing is relevant it answers 1: nothing was found, and the answer is 0.",
        {"nothing": 1.0},
    ),
):
    _known(_ndcg(**_differs), ndcg_at_k, _name, _diagnosis)
