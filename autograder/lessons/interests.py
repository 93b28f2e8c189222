"""Lesson 10: long- and short-term interest, a model that weighs the two, and a place for a new item."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from autograder.exercise import exercise
from autograder.judges import AtLeast, Close
from autograder.proxy import derived, gradient
from metarec.data import simulated_histories
from solutions import interests as reference


def _rounded(rng: np.random.Generator, low: float, high: float, *shape: int) -> Tensor:
    return torch.tensor(np.round(rng.uniform(low, high, shape), 1), dtype=torch.float32)


def _some_decay(rng: np.random.Generator) -> float:
    """A decay that is neither 0, 1 nor 1/2, where decay and 1 − decay could not be told apart."""
    return float(rng.choice([0.2, 0.3, 0.4, 0.6, 0.7, 0.8]))


@exercise(
    reference.decayed_interest,
    points=2,
    minutes=7,
    hints=[
        "Write the weights out for three items and decay 0.5, before they are divided: what does the last one weigh?",
        "The item at place t lies T − 1 − t steps back: `steps_back = torch.arange(T - 1, -1, -1)`.",
        "`weights = decay**steps_back`, then `weights @ item_vectors / weights.sum()`. The powers run up from 0, so "
        "that nothing grows without bounds and 0⁰ is 1.",
    ],
    afterword="One number says how long a memory is: of all the weight, 1 − decay lies on the last item, and about "
    "1 / (1 − decay) items matter. Long- and short-term interest are two settings of it.",
)
def decayed_interest(interest: Any, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """One item, a few, the two borders of decay, and a history so long that powers overflow."""
    yield "is the item's own vector where only one was seen", interest(_rounded(rng, -2, 2, 1, 2), _some_decay(rng))
    for length in (2, 3, 4):
        yield (
            "weighs each step back in time `decay` times as much",
            interest(_rounded(rng, -2, 2, length, 2), _some_decay(rng)),
        )
    yield "is the plain mean at decay 1", interest(_rounded(rng, -2, 2, 3, 2), 1.0)
    yield "is the last item's vector at decay 0", interest(_rounded(rng, -2, 2, 3, 2), 0.0)
    yield "is right for a long history too", interest(_rounded(rng, -2, 2, 300, 2), 0.5)


@decayed_interest.mistake
def reversed_in_time(item_vectors: Tensor, decay: float) -> Tensor:
    """The first item counts in full and the last one least: the powers run the wrong way. What came last is nearest."""
    return reference.decayed_interest(item_vectors.flip(0), decay)


@decayed_interest.mistake
def unnormalised(item_vectors: Tensor, decay: float) -> Tensor:
    """The weights are not divided by their sum: whoever has seen more would like everything more. It is a mean."""
    return decay ** torch.arange(len(item_vectors) - 1, -1, -1) @ item_vectors


@decayed_interest.mistake
def divided_by_the_length(item_vectors: Tensor, decay: float) -> Tensor:
    """It divides by the number of items: a weighted mean is divided by the sum of its *weights*."""
    return decay ** torch.arange(len(item_vectors) - 1, -1, -1) @ item_vectors / len(item_vectors)


@decayed_interest.mistake
def one_power_too_many(item_vectors: Tensor, decay: float) -> Tensor:
    """The last item weighs `decay` too. Divided by the sum this cancels out, until decay is 0: then it is 0/0. Count
    the steps back from 0.
    """
    weights = decay ** torch.arange(len(item_vectors), 0, -1)
    return weights @ item_vectors / weights.sum()


@decayed_interest.mistake
def powers_that_grow(item_vectors: Tensor, decay: float) -> Tensor:
    """It weighs by decay^(−t), which is the same after dividing, on paper: for long histories the powers overflow, and
    at decay 0 there are none.
    """
    weights = torch.tensor(decay) ** -torch.arange(len(item_vectors))
    return weights @ item_vectors / weights.sum()


@decayed_interest.mistake
def last_in_full_only(item_vectors: Tensor, decay: float) -> Tensor:
    """Every earlier item weighs `decay`, however far back it lies. Each step back multiplies once more: use a power."""
    weights = torch.full((len(item_vectors),), decay)
    weights[-1] = 1.0
    return weights @ item_vectors / weights.sum()


@decayed_interest.mistake
def linear_in_time(item_vectors: Tensor, decay: float) -> Tensor:
    """The weights fall along a line. Each step back in time *multiplies* the weight by decay: use a power."""
    weights = (1 - (1 - decay) * torch.arange(len(item_vectors) - 1, -1, -1)).clamp(min=0)
    return weights @ item_vectors / weights.sum()


@decayed_interest.mistake
def decay_for_its_complement(item_vectors: Tensor, decay: float) -> Tensor:
    """It takes `decay` for the share that is *lost*, and keeps 1 − decay: at decay 1 all would be forgotten."""
    return reference.decayed_interest(item_vectors, 1 - decay)


@decayed_interest.mistake
def decay_as_a_rate(item_vectors: Tensor, decay: float) -> Tensor:
    """It takes `decay` for a rate, in e^(−decay · steps): it is the factor of one step itself."""
    return reference.decayed_interest(item_vectors, float(np.exp(-decay)))


@decayed_interest.mistake
def running_from_zero(item_vectors: Tensor, decay: float) -> Tensor:
    """It runs `decay · old + (1 − decay) · new` from zero on: the weights then sum to less than 1, the more so the
    shorter the history. Divide by what they sum to.
    """
    interest = torch.zeros(item_vectors.shape[1])
    for vector in item_vectors:
        interest = decay * interest + (1 - decay) * vector
    return interest


@decayed_interest.mistake
def running_from_the_first(item_vectors: Tensor, decay: float) -> Tensor:
    """It runs `decay · old + (1 − decay) · new` from the first item on, which therefore weighs too much: 1 / (1 −
    decay) times what it should.
    """
    interest = item_vectors[0]
    for vector in item_vectors[1:]:
        interest = decay * interest + (1 - decay) * vector
    return interest


@decayed_interest.mistake
def plain_mean(item_vectors: Tensor, decay: float) -> Tensor:
    """It is the plain mean, whatever the decay: nothing is ever forgotten."""
    return item_vectors.mean(dim=0)


@decayed_interest.mistake
def last_item_alone(item_vectors: Tensor, decay: float) -> Tensor:
    """It is the last item alone, whatever the decay: all that came before is forgotten."""
    return item_vectors[-1]


@decayed_interest.mistake
def over_the_wrong_axis(item_vectors: Tensor, decay: float) -> Tensor:
    """It takes the mean over the numbers of each item, [T]. The mean goes over time and leaves [D]."""
    return item_vectors.mean(dim=1) * decay ** torch.arange(len(item_vectors) - 1, -1, -1)


@exercise(
    reference.attention_interest,
    points=3,
    minutes=12,
    hints=[
        "Three steps: a product for each place, [B, T]; weights by softmax over the true places; a weighted sum of the "
        "history, [B, D].",
        "Mask the *products*, before the softmax: what is left out must have no part in the sum that all are divided "
        "by. `scores.masked_fill(~mask, low)`, with a very low number.",
        "If `low` is −inf, a row without any item gives 0/0. Take the least finite number, "
        "`torch.finfo(scores.dtype).min`, and multiply the weights by the mask afterwards: then such a row is zeros.",
        "`scores = (history * candidate[:, None]).sum(dim=2) / D**0.5`, and the answer is "
        "`(weights[:, :, None] * history).sum(dim=1)`.",
    ],
    afterword="The same history, and another interest for each candidate: the thrillers count when a thriller is on "
    "offer. It knows no order. Whoever wants that must put the time into the vectors, as transformers do.",
)
def attention_interest(attend: Any, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """Alike and unlike items, padding that would attract, rows without items, great products, and gradients."""
    sizes = (4, 6, 9)
    everything = torch.ones(1, 3, dtype=torch.bool)
    for size in sizes:
        history = _rounded(rng, -2, 2, 1, 3, size)
        yield (
            "is the plain mean where the candidate is as near to all",
            attend(history, everything, torch.zeros(1, size)),
        )
        yield (
            "weighs by the softmax of ⟨history, candidate⟩ / √D",
            attend(history, everything, _rounded(rng, -1, 1, 1, size)),
        )
    for kept in ([True, False, True], [True, True, False], [False, True, True]):
        history, candidate = _rounded(rng, -1, 1, 1, 3, 4), _rounded(rng, 0.2, 1, 1, 4)
        mask = torch.tensor([kept])
        history[~mask] = 2.0  # nothing would be liked better
        yield "gives no weight to places without an item", attend(history, mask, candidate)
    far = history.clone()
    # in float32 a softmax over all places leaves nothing for the items
    far[~mask] = float(rng.integers(300, 500))
    yield "gives no weight to places without an item, however near", attend(far, mask, candidate)
    mask = torch.tensor([[False, False], [True, True]])
    history, candidate = _rounded(rng, -2, 2, 2, 2, 4), _rounded(rng, -1, 1, 2, 4)
    yield "is zeros where a row has no item", attend(history, mask, candidate)
    mask = torch.tensor([[True, True, False], [True, True, True], [True, False, False]])
    rows = _rounded(rng, -2, 2, 3, 3, 4), mask, _rounded(rng, -1, 1, 3, 4)
    yield "treats each row alone", attend(*rows)
    great = _rounded(rng, 10, 15, 1, 2, 4) * torch.tensor([1.0, -1.0])[:, None]
    yield "is exact for great products", attend(great, torch.ones(1, 2, dtype=torch.bool), _rounded(rng, 10, 15, 1, 4))
    history, candidate = _rounded(rng, -2, 2, 2, 2, 4), _rounded(rng, -1, 1, 2, 4)
    mask = torch.tensor([[True, True], [False, False]])
    yield (
        "passes finite gradients on to history and candidate, for a row without an item too",
        [gradient(attend, history, mask, candidate, wrt=argument) for argument in (0, 2)],
    )


def _products(history: Tensor, candidate: Tensor) -> Tensor:
    return (history * candidate[:, None]).sum(dim=2) / candidate.shape[1] ** 0.5


def _mixed(weights: Tensor, history: Tensor) -> Tensor:
    return (weights[:, :, None] * history).sum(dim=1)


@attention_interest.mistake
def without_the_scale(history: Tensor, mask: Tensor, candidate: Tensor) -> Tensor:
    """The products are not divided by √D: the larger the vectors' dimension, the more one item would take it all."""
    return reference.attention_interest(history, mask, candidate * candidate.shape[1] ** 0.5)


@attention_interest.mistake
def scaled_by_the_dimension(history: Tensor, mask: Tensor, candidate: Tensor) -> Tensor:
    """It divides by D in place of √D: a product of D independent terms spreads like √D."""
    return reference.attention_interest(history, mask, candidate / candidate.shape[1] ** 0.5)


@attention_interest.mistake
def scaled_by_the_length(history: Tensor, mask: Tensor, candidate: Tensor) -> Tensor:
    """It divides by √T, the length of the history: D is the dimension of the vectors."""
    return reference.attention_interest(history, mask, candidate * (candidate.shape[1] / history.shape[1]) ** 0.5)


@attention_interest.mistake
def softmax_before_masking(history: Tensor, mask: Tensor, candidate: Tensor) -> Tensor:
    """It masks *after* the softmax: the places left out have taken their share of the sum, and the rest no longer sums
    to 1. Mask the products.
    """
    return _mixed(_products(history, candidate).softmax(dim=1) * mask, history)


@attention_interest.mistake
def divided_by_what_is_left(history: Tensor, mask: Tensor, candidate: Tensor) -> Tensor:
    """It masks *after* the softmax, and divides by what is left: where the padding is nearer than the items by 100 or
    so, nothing is left in single precision. Mask the products, before the softmax.
    """
    weights = _products(history, candidate).softmax(dim=1) * mask
    return _mixed(weights / weights.sum(dim=1, keepdim=True).clamp(min=1e-9), history)


@attention_interest.mistake
def divided_by_nothing(history: Tensor, mask: Tensor, candidate: Tensor) -> Tensor:
    """It masks *after* the softmax, and divides by what is left. That is 0 where a row has no item, and where the
    padding is far nearer than the items: 0/0 is NaN. Mask the products, before the softmax.
    """
    weights = _products(history, candidate).softmax(dim=1) * mask
    return _mixed(weights / weights.sum(dim=1, keepdim=True), history)


@attention_interest.mistake
def masked_places_count(history: Tensor, mask: Tensor, candidate: Tensor) -> Tensor:
    """The mask is not used: padding is taken for items."""
    return _mixed(_products(history, candidate).softmax(dim=1), history)


@attention_interest.mistake
def masked_to_zero(history: Tensor, mask: Tensor, candidate: Tensor) -> Tensor:
    """It sets the products of masked places to 0: e⁰ is 1, and so they have weight. They need a very *low* number."""
    return _mixed((_products(history, candidate) * mask).softmax(dim=1) * mask, history)


@attention_interest.mistake
def mask_upside_down(history: Tensor, mask: Tensor, candidate: Tensor) -> Tensor:
    """The mask is upside down: true says that there *is* an item."""
    return reference.attention_interest(history, ~mask, candidate)


@attention_interest.mistake
def nan_for_an_empty_row(history: Tensor, mask: Tensor, candidate: Tensor) -> Tensor:
    """The weights of a row without items are 0/0: a softmax of −inf alone, or a division by weights that sum to 0. One
    such row spoils a whole batch's loss. Mask with the least finite number, and multiply the weights by the mask.
    """
    return _mixed(_products(history, candidate).masked_fill(~mask, -torch.inf).softmax(dim=1), history)


@attention_interest.mistake
def nan_in_the_gradient(history: Tensor, mask: Tensor, candidate: Tensor) -> Tensor:
    """The NaN of a row without items is replaced afterwards, by `torch.where`: the result is right, and its gradient is
    0 · NaN. No NaN may arise in the first place.
    """
    mixed = _mixed(_products(history, candidate).masked_fill(~mask, -torch.inf).softmax(dim=1), history)
    return torch.where(mask.any(dim=1, keepdim=True), mixed, 0.0)


@attention_interest.mistake
def padding_for_an_empty_row(history: Tensor, mask: Tensor, candidate: Tensor) -> Tensor:
    """Where a row has no item, all places are equally low, and so equally weighed: it returns the mean of the padding.
    Multiply the weights by the mask.
    """
    return _mixed(_products(history, candidate).masked_fill(~mask, -1e9).softmax(dim=1), history)


@attention_interest.mistake
def softmax_over_users(history: Tensor, mask: Tensor, candidate: Tensor) -> Tensor:
    """The softmax runs over the rows, the users: each user's weights must sum to 1 over *time*, `dim=1`."""
    scores = _products(history, candidate).masked_fill(~mask, torch.finfo(history.dtype).min)
    return _mixed(scores.softmax(dim=0) * mask, history)


@attention_interest.mistake
def one_candidate_for_all(history: Tensor, mask: Tensor, candidate: Tensor) -> Tensor:
    """All rows attend by the first row's candidate: row b of the history belongs to row b of the candidates."""
    return reference.attention_interest(history, mask, candidate[:1].expand_as(candidate))


@attention_interest.mistake
def no_softmax(history: Tensor, mask: Tensor, candidate: Tensor) -> Tensor:
    """The products themselves are the weights: they may be negative and sum to anything. A softmax makes shares of
    them.
    """
    return _mixed(_products(history, candidate) * mask, history)


@attention_interest.mistake
def softmax_overflows(history: Tensor, mask: Tensor, candidate: Tensor) -> Tensor:
    """It takes `exp` of the products as they are: beyond 88 that is inf in single precision, and inf/inf is NaN. Use
    `softmax`, or take away the greatest product first.
    """
    weights = _products(history, candidate).exp() * mask
    return _mixed(weights / weights.sum(dim=1, keepdim=True).clamp(min=1e-30), history)


@attention_interest.mistake
def mean_of_the_weighted(history: Tensor, mask: Tensor, candidate: Tensor) -> Tensor:
    """It divides by the number of places once more: the weights sum to 1 already, so that a sum is a mean."""
    return reference.attention_interest(history, mask, candidate) / mask.sum(dim=1, keepdim=True).clamp(min=1)


@attention_interest.mistake
def plain_mean_of_the_history(history: Tensor, mask: Tensor, candidate: Tensor) -> Tensor:
    """It is the plain mean of the history, whatever the candidate."""
    return reference.attention_interest(history, mask, torch.zeros_like(candidate))


@attention_interest.mistake
def nearest_item_alone(history: Tensor, mask: Tensor, candidate: Tensor) -> Tensor:
    """It takes the one item that is nearest to the candidate: attention is soft, all have a share."""
    return reference.attention_interest(history, mask, candidate * 1e4)


@attention_interest.mistake
def cosine(history: Tensor, mask: Tensor, candidate: Tensor) -> Tensor:
    """The vectors are brought to length 1 first: asked for is the plain product, divided by √D."""
    unit = nn.functional.normalize(history, dim=2)
    scores = _products(unit, nn.functional.normalize(candidate, dim=1)) * candidate.shape[1] ** 0.5
    return _mixed(scores.masked_fill(~mask, torch.finfo(scores.dtype).min).softmax(dim=1) * mask, history)


@attention_interest.mistake
def weights_cut_off(history: Tensor, mask: Tensor, candidate: Tensor) -> Tensor:
    """The weights are cut off from their gradient (`detach`, `no_grad`, or NumPy on the way): nothing could ever learn
    what to attend to.
    """
    scores = _products(history, candidate).masked_fill(~mask, torch.finfo(history.dtype).min)
    return _mixed(scores.softmax(dim=1).detach() * mask, history)


# of so many items some have a score below 0, or some one above 1, unless something squashes them
MANY_ITEMS = 60


@exercise(
    reference.InterestModel,
    points=3,
    minutes=20,
    hints=[
        "Item numbers become vectors by `nn.Embedding(n_items, size)`. From the vectors of a history make two "
        "interests, and then one: `gate * long + (1 - gate) * short`. Its products with all items' vectors are the "
        "scores.",
        "The long-term interest forgets nothing: the masked mean of the history, or `attention_interest` with a learnt "
        "query. The short-term one is a decayed mean.",
        "How many items came after place t? `later = mask.sum(dim=1, keepdim=True) - mask.cumsum(dim=1)`. The weights "
        "of the short-term interest are `decay**later * mask`, with a learnt decay between 0 and 1.",
        "The gate: `nn.Linear(2 * size, 1)` on `torch.cat([long, short], dim=1)`, then a sigmoid. Where a row has no "
        "item both interests are zeros: add a learnt vector for everybody, so that something can still be said.",
    ],
    afterword="Two tables of vectors, one for items in a history and one for items on offer: so it can learn that an "
    "item leads to another, and not only that they are alike.",
)
def interest_model(make: Any, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """Any network of these sizes: what it answers is random, how the answers hang together is not."""
    n_items, size, users = int(rng.integers(7, 10)), int(rng.integers(4, 7)), int(rng.integers(3, 5))
    network = make(n_items, size)
    history = torch.as_tensor(np.stack([rng.permutation(n_items)[:5] for _ in range(users)]))
    lengths = torch.as_tensor(rng.permutation([5, 4, 3, 2])[:users])
    mask = torch.arange(5) < lengths[:, None]
    scores = network(history, mask)
    yield "gives the same call the same answer", derived(_close, network(history, mask), scores)
    yield (
        "gives each row a finite score for each item, [B, n_items]",
        derived(lambda s: [*np.shape(s), bool(np.isfinite(np.asarray(s)).all())], scores),
    )
    yield "gives scores, not probabilities", derived(_squashed, make(MANY_ITEMS, size)(history, mask))
    alone = network(history[1:2], mask[1:2])
    yield "scores each row alone", derived(lambda one, whole: _close(one[0], np.asarray(whole)[1]), alone, scores)
    other = torch.where(mask, history, (history + 1) % n_items)
    last = history.gather(1, lengths[:, None] - 1)
    longer = torch.cat([history.where(mask, last), last, last], dim=1)
    more = torch.cat([mask, torch.zeros(users, 2, dtype=torch.bool)], dim=1)
    yield (
        "is not moved by padding, whatever number stands there and however much there is",
        derived(lambda a, b, s: [_close(a, s), _close(b, s)], network(other, mask), network(longer, more), scores),
    )
    nothing = network(history, torch.zeros_like(mask))
    yield "scores a row without an item, and all such rows alike", derived(_alike, nothing)
    # so many items that a decayed mean has forgotten the first of them
    many = torch.as_tensor(rng.integers(1, n_items, (2, 40)))
    many[:, 0] = many[:, -1] = torch.as_tensor([1, 2])
    everything = torch.ones(2, 40, dtype=torch.bool)
    first, latest = many.clone(), many.clone()
    first[:, 0], latest[:, -1] = 0, 0
    was = network(many, everything)
    yield (
        "still knows the first of forty items",
        derived(lambda a, b: _apart(a, b) > 1e-4, network(first, everything), was),
    )
    yield (
        "lets the latest item count more than the first",
        # the same change at either end: to a network that knows no order both are the same history
        derived(
            lambda a, b, s: _apart(b, s) > 1.01 * _apart(a, s),
            network(first, everything),
            network(latest, everything),
            was,
        ),
    )
    few, backwards = history[:, :3], history[:, :3].flip(1)
    full = torch.ones(users, 3, dtype=torch.bool)
    yield (
        "knows in what order items were seen",
        derived(lambda a, b: _apart(a, b) > 1e-3, network(few, full), network(backwards, full)),
    )
    yield (
        "weighs the two interests by what the history holds",
        derived(
            # in float32 a sum has an interaction of some 1e-7, and vectors of a spread of 0.02 one of 1e-5 or more
            lambda s: _interaction(s) > 1e-6,
            network(
                torch.as_tensor([[begin, 5, 6, end] for begin in range(5) for end in range(5)]),
                full[:1, :1].expand(25, 4),
            ),
        ),
    )
    wider = make(n_items, 64)
    yield (
        "is as wide as `size` says",
        derived(lambda less, more: _parameters(more) > _parameters(less), network.state_dict(), wider.state_dict()),
    )


def _squashed(scores: Any) -> list[bool]:
    """Whether all lie between 0 and 1, and whether each row sums to 1."""
    table = np.asarray(scores)
    bounded = table.shape[-1] == MANY_ITEMS and bool(((table >= 0) & (table <= 1)).all())
    return [bounded, bounded and np.allclose(table.sum(axis=-1), 1, atol=1e-3)]


def _close(one: Any, other: Any) -> bool:
    first, second = np.asarray(one), np.asarray(other)
    return first.shape == second.shape and bool(np.allclose(first, second, rtol=1e-3, atol=1e-4))


def _alike(scores: Any) -> list[bool]:
    rows = np.asarray(scores)
    return [bool(np.isfinite(rows).all()), _close(rows, np.broadcast_to(rows[:1], rows.shape))]


def _apart(one: Any, other: Any) -> float:
    """How far two tables of scores lie apart, in spreads of a row; where a score is infinite it is taken for 0."""
    first, second = (np.nan_to_num(np.asarray(table), neginf=0, posinf=0) for table in (one, other))
    return float(np.abs(first - second).max() / max(np.ptp(first, axis=-1).max(), 1e-12))


def _interaction(scores: Any) -> float:
    """By how much a change of both items differs from the sum of the two changes, at most, in spreads of a row."""
    table = np.nan_to_num(np.asarray(scores), neginf=0, posinf=0).reshape(5, 5, -1)
    both = table - table.mean(axis=0) - table.mean(axis=1, keepdims=True) + table.mean(axis=(0, 1))
    return float(np.abs(both).max() / max(np.ptp(table, axis=-1).max(), 1e-12))


def _parameters(state: dict[str, Any]) -> int:
    return sum(np.size(array) for array in state.values())


Interests = tuple[Tensor, Tensor, Tensor]


class LongOnly(reference.InterestModel):
    """The model with a gate that is always 1."""

    def interests(self, history: Tensor, mask: Tensor) -> Interests:
        """The two interests, and ones."""
        long, short, gate = super().interests(history, mask)
        return long, short, torch.ones_like(gate)


class ShortOnly(reference.InterestModel):
    """The model with a gate that is always 0."""

    def interests(self, history: Tensor, mask: Tensor) -> Interests:
        """The two interests, and zeros."""
        long, short, gate = super().interests(history, mask)
        return long, short, torch.zeros_like(gate)


def _network(
    name: str,
    diagnosis: str,
    base: type[reference.InterestModel] = reference.InterestModel,
    *,
    asked: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]] = lambda history, mask: (history, mask),
    weighed: Callable[[Interests], Interests] = lambda interests: interests,
    answer: Callable[[Tensor, Tensor], Tensor] = lambda scores, mask: scores,
    size: int | None = None,
) -> None:
    """A mistaken network: the reference's, with other inputs, another gate or another answer."""
    width = size

    class Mistaken(base):  # type: ignore[valid-type, misc]
        def __init__(self, n_items: int, size: int) -> None:
            super().__init__(n_items, size if width is None else width)

        def interests(self, history: Tensor, mask: Tensor) -> Interests:
            return weighed(super().interests(history, mask))

        def forward(self, history: Tensor, mask: Tensor) -> Tensor:
            return answer(super().forward(*asked(history, mask)), mask)

    Mistaken.__name__, Mistaken.__doc__ = name, diagnosis
    interest_model.mistake(Mistaken)


_network(
    "masked_items_count",
    "The mask is not used: padding is taken for items that the user has seen.",
    asked=lambda history, mask: (history, torch.ones_like(mask)),
)


def _last_column(history: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    changed = history.clone()
    place = (mask.sum(dim=1) - 1).clamp(min=0)
    changed[torch.arange(len(history)), place] = history[:, -1]
    return changed, mask


_network(
    "last_column",
    "It takes the last column for the last item seen: in a shorter row that is padding. The last item is the last true "
    "place of the mask.",
    asked=_last_column,
)
_network(
    "nan_without_history",
    "A row without any item is NaN: it divides by the number of items, or by the sum of weights that are all 0. Keep "
    "the divisor above 0.",
    answer=lambda scores, mask: torch.where(mask.any(dim=1, keepdim=True), scores, torch.nan),
)


def _something_seen(history: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    return history, mask | ~mask.any(dim=1, keepdim=True)


_network(
    "drops_out",
    "Two equal calls get different scores: `forward` draws at random, most likely by dropout. The check calls the "
    "network as it was made, in training mode. Leave dropout out here.",
    answer=lambda scores, mask: nn.functional.dropout(scores, 0.5),
)
_network(
    "probabilities",
    "It returns probabilities: the loss takes the softmax itself, and a second one makes all items nearly equally "
    "likely. Return the products as they are.",
    answer=lambda scores, mask: scores.softmax(dim=1),
)
_network(
    "each_a_probability",
    "All scores lie between 0 and 1, as behind a sigmoid: the softmax of the loss then can never make one item much "
    "likelier than another. Return the products as they are.",
    answer=lambda scores, mask: scores.sigmoid(),
)


class _OverAllColumns(reference.InterestModel):
    def interests(self, history: Tensor, mask: Tensor) -> Interests:
        long, short, gate = super().interests(history, mask)
        return long * mask.sum(dim=1, keepdim=True) / mask.shape[1], short, gate


_network(
    "weaker_by_padding",
    "The more padding, the weaker the interest: it divides by all T columns, or counts the steps back from the last "
    "column. Divide by the number of *items*, and count from the last of them.",
    _OverAllColumns,
)


class _HidesTheSeen(reference.InterestModel):
    def forward(self, history: Tensor, mask: Tensor) -> Tensor:
        seen = (nn.functional.one_hot(history, self.items.num_embeddings) * mask[:, :, None]).any(dim=1)
        return super().forward(history, mask).masked_fill(seen, -torch.inf)


class _HidesThePadding(reference.InterestModel):
    def forward(self, history: Tensor, mask: Tensor) -> Tensor:
        return super().forward(history, mask).scatter(1, history, -torch.inf)


_network(
    "seen_items_hidden",
    "What was seen is scored −inf. Give each item a finite score: whether one may come twice is for whoever uses the "
    "scores to say.",
    _HidesTheSeen,
)
_network(
    "padding_hidden_too",
    "It scores −inf whatever number stands in `history`, that of padding too. Give each item a finite score: whether "
    "one may come twice is for whoever uses the scores to say.",
    _HidesThePadding,
)
_network(
    "padding_for_an_empty_row",
    "Where a row has no item, its padding is taken for items: a softmax over places that are all equally low gives "
    "them equal weight. Multiply the weights by the mask.",
    asked=_something_seen,
)
_network(
    "short_only",
    "What was seen long ago has no influence at all: there is no long-term interest, or the gate never lets it "
    "through.",
    ShortOnly,
)
_network(
    "long_only",
    "The order in which items were seen has no influence: there is no short-term interest, or the gate never lets it "
    "through.",
    LongOnly,
)


class _FirstCountsMost(reference.InterestModel):
    def interests(self, history: Tensor, mask: Tensor) -> Interests:
        long, _, gate = super().interests(history, mask)
        weights = self.forgetting.sigmoid() ** (mask.cumsum(dim=1) - 1) * mask
        return long, _mixed(weights, self.seen(history)) / weights.sum(dim=1, keepdim=True).clamp(min=1), gate


_network(
    "short_interest_backwards",
    "The first item counts more than the latest: the short-term interest runs backwards in time. Count for each place "
    "how many items came *after* it, and let the weights fall with that.",
    _FirstCountsMost,
)
_network(
    "constant_gate",
    "The two interests are weighed by the same number for everybody, learnt or not: the gate must look at the history.",
    weighed=lambda interests: (*interests[:2], torch.full_like(interests[2], 0.5)),
)
_network(
    "gate_over_the_batch",
    "A row's scores depend on who else is in the batch: a softmax, a mean or a norm runs over the rows.",
    weighed=lambda interests: (*interests[:2], interests[2].softmax(dim=0)),
)
_network(
    "users_and_items_swapped",
    "The scores come as [n_items, B]: a row for each user, a column for each item.",
    answer=lambda scores, mask: scores.T,
)
_network(
    "one_score",
    "It gives the score of one item for each row: every item of the catalogue is to be scored.",
    answer=lambda scores, mask: scores[:, 0],
)
_network(
    "always_as_wide",
    "It is as wide whatever `size` says: a number stands in its place.",
    size=16,
)


@exercise(
    reference.recall_at_k,
    points=2,
    minutes=5,
    hints=[
        "For each row the question is yes or no: is its relevant item among the first k that are shown?",
        "`ranked[:, :k]` is what is shown, [N, k]. Compare it with `relevant[:, None]`: true where they are the same "
        "item.",
        "A row is a hit if any of its places is: `.any(dim=1)`. The share of hits is the mean of them as floats.",
    ],
    afterword="With one relevant item a row, recall@k is the hit rate. It does not care whether the item stands first "
    "or tenth; nDCG@k does. Over a sample of negatives in place of the full catalogue it would rank methods "
    "differently (Krichene and Rendle 2020).",
)
def recall_at_k(recall: Any, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """Single rows on both sides of the border, the two ends of k, several rows, and items that are not ranked at
    all.
    """
    n_items = int(rng.integers(5, 7))
    ranked = torch.as_tensor(rng.permutation(n_items))[None]
    for k in (2, 3):
        for place in (k - 1, k, 0):
            yield "is a hit where the item is among the first k", recall(ranked, ranked[:, place], k)
    yield "takes the first alone at k 1", recall(ranked, ranked[:, 0], 1)
    yield "takes the first alone at k 1", recall(ranked, ranked[:, 1], 1)
    yield "takes all at k K", recall(ranked, ranked[:, -1], n_items)
    for hits in ([0, 1, 3], [3, 0, 4, 1, 2], [2, 3, 4, 4]):
        rows = torch.as_tensor(np.stack([rng.permutation(n_items) for _ in hits]))
        relevant = rows[torch.arange(len(hits)), torch.as_tensor(rng.permutation(hits))]
        yield "is the share of rows that are hits", recall(rows, relevant, int(rng.integers(2, 4)))
    yield "is 0 where the item is not ranked at all", recall(ranked[:, :-1], ranked[:, -1], n_items - 1)
    rows = torch.as_tensor([[3, 2, 1, 0], [1, 0, 3, 2]])
    yield "looks in each row for its own item", recall(rows, torch.as_tensor([1, 3]), 2)


@recall_at_k.mistake
def one_too_many(ranked: Tensor, relevant: Tensor, k: int) -> float:
    """It looks at the first k + 1: places 0 to k − 1 are k of them, `ranked[:, :k]`."""
    return reference.recall_at_k(ranked, relevant, k + 1)


@recall_at_k.mistake
def one_too_few(ranked: Tensor, relevant: Tensor, k: int) -> float:
    """It looks at the first k − 1: places 0 to k − 1 are k of them, `ranked[:, :k]`."""
    return reference.recall_at_k(ranked, relevant, k - 1)


@recall_at_k.mistake
def rows_for_columns(ranked: Tensor, relevant: Tensor, k: int) -> float:
    """It takes the first k *rows*, `ranked[:k]`, and all items of each. Of every row the first k columns are asked for:
    `ranked[:, :k]`.
    """
    return (ranked[:k] == relevant[:k, None]).any(dim=1).float().mean().item()


@recall_at_k.mistake
def compared_along_the_row(ranked: Tensor, relevant: Tensor, k: int) -> float:
    """It compares [N, k] with [N], which puts user n's item beside *column* n. A row for each user takes a column of
    items: `relevant[:, None]`, [N, 1].
    """
    return (ranked[:, :k] == relevant).any(dim=1).float().mean().item()


@recall_at_k.mistake
def only_the_place_k(ranked: Tensor, relevant: Tensor, k: int) -> float:
    """It looks at place k alone: a hit may stand at any of the first k places."""
    return (ranked[:, k - 1] == relevant).float().mean().item()


@recall_at_k.mistake
def last_k(ranked: Tensor, relevant: Tensor, k: int) -> float:
    """It looks at the last k: `ranked` has the best first."""
    return reference.recall_at_k(ranked.flip(1), relevant, k)


@recall_at_k.mistake
def number_of_hits(ranked: Tensor, relevant: Tensor, k: int) -> float:
    """It counts the hits: asked for is their share of all rows."""
    return len(ranked) * reference.recall_at_k(ranked, relevant, k)


@recall_at_k.mistake
def precision(ranked: Tensor, relevant: Tensor, k: int) -> float:
    """It divides by k as well, which is precision@k: recall asks what share of the *relevant* was found, and each row
    has one.
    """
    return reference.recall_at_k(ranked, relevant, k) / k


@recall_at_k.mistake
def reciprocal_rank(ranked: Tensor, relevant: Tensor, k: int) -> float:
    """It weighs a hit by its place (1 / rank): a hit in recall@k counts 1, first or k-th."""
    hits = ranked[:, :k] == relevant[:, None]
    return (hits / torch.arange(1, hits.shape[1] + 1)).sum(dim=1).mean().item()


@recall_at_k.mistake
def anybody_s_item(ranked: Tensor, relevant: Tensor, k: int) -> float:
    """It takes a row for a hit if it shows *anybody's* relevant item: row n's is `relevant[n]`, so compare with
    `relevant[:, None]`.
    """
    return torch.isin(ranked[:, :k], relevant).any(dim=1).float().mean().item()


@recall_at_k.mistake
def items_for_scores(ranked: Tensor, relevant: Tensor, k: int) -> float:
    """It sorts `ranked` once more, as if it held scores: it holds item numbers, best first."""
    return reference.recall_at_k(ranked.argsort(dim=1, descending=True), relevant, k)


@recall_at_k.mistake
def items_for_places(ranked: Tensor, relevant: Tensor, k: int) -> float:
    """It takes the item's number for its place, `relevant < k`: where the item stands, `ranked` says."""
    return (relevant < k).float().mean().item()


# what is learnt of the small histories is known; a mistake misses it by 0.3 or more
NEAR = Close(absolute=0.2)
SMALL_STEPS = 250
SIMULATED_USERS, SIMULATED_LENGTH, SIMULATED_STEPS = 1000, 40, 400
JUDGED_USERS = 4000
THRESHOLD = 0.72
K = 10


@exercise(
    reference.train_interest_model,
    points=5,
    minutes=30,
    trains=True,
    hints=[
        "A training example is a moment: what one user had seen until then, and the item that came next. Histories of "
        "40 items hold 39 of them.",
        "Draw some moments. For each, `history[:t]` is the input and `history[t]` the target: not `history[:t + 1]`, "
        "which holds the answer. Shorter inputs are padded, and the mask says where.",
        "The loss is `nn.functional.cross_entropy(network(inputs, mask), targets)`: a softmax over the whole "
        "catalogue. Adam with a rate of 0.03 that falls to 0, 256 moments a step and 32 numbers a vector are enough.",
        "To be fast, put all histories one after the other into one tensor. The input of a moment is then a stretch of "
        "it: `places = begin[:, None] + torch.arange(longest)`, `mask = places < now[:, None]`, "
        "`inputs = items[places.where(mask, 0)]`.",
    ],
    afterword="Predicting what comes next is all there is to it: no label was needed but time. The one sin is to let "
    "the future in, and it never shows in the training loss, which only gets better.",
)
def train_interest_model(train: Any, rng: np.random.Generator) -> Iterator[tuple[Any, ...]]:
    """Small histories whose next item is known, the seed, then the simulated ones."""
    seed = int(rng.integers(1, 1000))
    network = train(_rounds(rng), SMALL_STEPS, seed=seed)
    yield (
        "has a score for each item up to the greatest number",
        derived(lambda s: list(np.shape(s)), network(*_asked([[0, 1]]))),
    )
    # all items of the ring each time, so that only their order tells what comes next
    following = network(*_asked([[*(j for j in range(ROUND) if j != i), i] for i in range(ROUND)]))
    nexts = [(i + 1) % ROUND for i in range(ROUND)]
    yield "learns what comes next from what came before", derived(lambda s: _chances(s, nexts), following), NEAR
    after_next = [(i + 2) % ROUND for i in range(ROUND)]
    yield "learns what comes next from what came before", derived(lambda s: _chances(s, after_next), following), NEAR
    yield (
        "learns from every moment of a history, and not from its end alone",
        derived(lambda s: _chances(s, [GOODBYE] * ROUND), following),
        NEAR,
    )
    settled = train(_tastes(rng), SMALL_STEPS, seed=seed)(*_asked([[0, 1, 2, *ADVERTS], [3, 4, 5, *ADVERTS]]))
    yield (
        "learns to remember a taste across what everybody sees",
        derived(lambda s: [_share(s, 0, [0, 1, 2]), _share(s, 1, [3, 4, 5])], settled),
        NEAR,
    )
    coins = train(_coins(rng), SMALL_STEPS, seed=seed)(*_asked([[0, 0, 0], [1, 1, 1]]))
    yield (
        "knows nothing where there is nothing to know",
        derived(lambda s: _chances(s, [0, 1]), coins),
        NEAR,
    )

    def trained(at: int) -> Any:
        return train(_tastes(np.random.default_rng(0)), 3, seed=at)(*_asked([[0, 1, 2], [3, 4, 5]]))

    once, again, other = trained(seed), trained(seed), trained(seed + 1)
    yield "draws everything from the seed", derived(_equal, once, again)
    yield "learns otherwise from another seed", derived(_equal, once, other)
    histories = simulated_histories(SIMULATED_USERS, SIMULATED_LENGTH, rng)
    yield (
        f"puts the next item among its first {K} in {THRESHOLD:.0%} of moments or more, for new simulated users",
        recall_on(train(histories, SIMULATED_STEPS, seed=seed), rng),
        AtLeast(THRESHOLD),
    )


ROUND, GOODBYE = 6, 7
"""items 0 to 5 follow each other in a ring, every history ends with 7, and nobody has seen item 6"""
ADVERTS = [6, 7, 8, 6, 7]


def _rounds(rng: np.random.Generator) -> list[np.ndarray]:
    """Histories of up to 15 items that go round in a ring, leap anywhere at every fifth step, and then say goodbye."""
    rounds = [np.array([0])]
    for _ in range(200):
        leaps = rng.integers(ROUND, size=rng.integers(1, 15))
        steps = np.where(rng.random(len(leaps)) < 0.8, 1, leaps)
        steps[0] = leaps[0]
        rounds.append(np.append(np.cumsum(steps) % ROUND, GOODBYE))
    return rounds


def _tastes(rng: np.random.Generator) -> list[np.ndarray]:
    """Users who like items 0 to 2 and users who like 3 to 5, at random, and adverts for both in between."""
    histories = []
    for user in range(200):
        own = 3 * (user % 2) + rng.integers(3, size=12)
        histories.append(np.concatenate([own[:3], ADVERTS, own[3:6], ADVERTS, own[6:9]]))
    return histories


def _coins(rng: np.random.Generator) -> list[np.ndarray]:
    """Item 0 or item 1, each time anew by the toss of a coin."""
    return [rng.integers(2, size=rng.integers(4, 9)) for _ in range(200)]


def _asked(histories: list[list[int]]) -> tuple[Tensor, Tensor]:
    history = torch.as_tensor(histories)
    return history, torch.ones(history.shape, dtype=torch.bool)


def _chances(scores: Any, items: list[int]) -> np.ndarray:
    return _softmax(scores)[np.arange(len(items)), items]


def _share(scores: Any, row: int, items: list[int]) -> float:
    """The chance of some items, as a share of that of all items that tell tastes apart."""
    chances = _softmax(scores)[row]
    return float(chances[items].sum() / chances[:6].sum())


def _softmax(scores: Any) -> np.ndarray:
    return torch.as_tensor(np.asarray(scores), dtype=torch.float64).softmax(dim=-1).numpy()


def _equal(one: Any, other: Any) -> bool:
    return np.array_equal(np.asarray(one), np.asarray(other))


def recall_on(network: Any, rng: np.random.Generator) -> Any:
    """Recall@10 of a network for new simulated users, at one moment each; a Fault where it cannot score."""
    histories = np.stack(simulated_histories(JUDGED_USERS, SIMULATED_LENGTH, rng))
    now = rng.integers(10, SIMULATED_LENGTH, JUDGED_USERS)
    before = torch.arange(SIMULATED_LENGTH) < torch.as_tensor(now)[:, None]
    history = torch.as_tensor(histories).where(before, 0)
    target = torch.as_tensor(histories[np.arange(JUDGED_USERS), now])
    return derived(
        lambda s: reference.recall_at_k(torch.as_tensor(np.asarray(s)).topk(K, dim=1).indices, target, K),
        network(history, before),
    )


Moments = tuple[Tensor, Tensor, Tensor]


def _before(items: Tensor, now: int) -> Tensor:
    return items[:now]


def trainer(
    *,
    make: Callable[[int, int], reference.InterestModel] = reference.InterestModel,
    seeded: bool = True,
    seen: Callable[[Tensor, int], Tensor] = _before,
    moments: Callable[[int], range] = lambda length: range(1, length),
    target: Callable[[Tensor, int], Tensor] = lambda items, now: items[now],
    aligned: Callable[[Tensor], Tensor] = lambda targets: targets,
    scored: Callable[[Tensor], Tensor] = lambda scores: scores,
    n_items: Callable[[Tensor], int] = lambda items: int(items.max()) + 1,
    sign: float = 1.0,
    rate: float = 0.03,
) -> Any:
    """A trainer that differs from the reference in one place: a mistake, or an ablation."""

    def train(histories: list[Any], steps: int, *, seed: int) -> reference.InterestModel:
        kept = [torch.as_tensor(history) for history in histories]
        drawing = torch.Generator()
        drawing.manual_seed(seed if seeded else drawing.seed())
        with torch.random.fork_rng():
            torch.random.set_rng_state(drawing.get_state())
            network = make(n_items(torch.cat(kept)), 32)
        pairs = [(seen(items, now), target(items, now)) for items in kept for now in moments(len(items))]
        inputs = nn.utils.rnn.pad_sequence([before[-50:] for before, _ in pairs], batch_first=True)
        lengths = torch.tensor([min(len(before), 50) for before, _ in pairs])
        targets = torch.stack([target for _, target in pairs])
        optimiser = torch.optim.Adam(network.parameters(), lr=rate)
        for step in range(steps):
            optimiser.param_groups[0]["lr"] = rate * (1 - step / steps)
            batch = torch.randint(len(pairs), (256,), generator=drawing)
            mask = torch.arange(inputs.shape[1]) < lengths[batch, None]
            scores = network(inputs[batch], mask)
            loss = sign * nn.functional.cross_entropy(scored(scores), aligned(targets[batch]))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        return network

    return train


def _mistaken(name: str, diagnosis: str, **differs: Any) -> None:
    mistake = trainer(**differs)
    mistake.__name__, mistake.__doc__ = name, diagnosis
    train_interest_model.mistake(mistake)


_mistaken(
    "softmax_twice",
    "It is sure of the likeliest item and has given up all others: probabilities go into `cross_entropy`, which takes "
    "a softmax itself. Give it the scores as they are.",
    scored=lambda scores: scores.softmax(dim=1),
)
_mistaken(
    "small_steps",
    "It learns the right thing, and has hardly begun: the steps are too small. Adam's own rate of 0.001 is a thirtieth "
    "of what these few steps need: 0.03, falling to 0.",
    rate=0.002,  # it falls to 0, and so goes as far as a constant 0.001
)
_mistaken(
    "two_ahead",
    "It learns what comes after the next item: the target lies one place too late. The input of moment t is "
    "`history[:t]`, and its target `history[t]`.",
    target=lambda items, now: items[min(now + 1, len(items) - 1)],
)
_mistaken(
    "last_item_leaks_the_target",
    "The item that is to be predicted stands in the input, alone or with all that came later: the network learns to "
    "say what it has just seen. The input of moment t is `history[:t]`, without t itself.",
    seen=lambda items, now: items[: now + 1],
)
_mistaken(
    "backwards_in_time",
    "Time runs backwards: it learns what came *before* from what came after. `histories` have the oldest item first.",
    seen=lambda items, now: items.flip(0)[:now],
    target=lambda items, now: items.flip(0)[now],
)
_mistaken(
    "ends_alone",
    "It learns from the last item of each history alone. Every moment from the second item on is an example.",
    moments=lambda length: range(max(length - 1, 1), length),
)
_mistaken(
    "long_only",
    "It never learns what follows what: the order of the history has no influence, since it is shuffled on the way or "
    "the network knows the long-term interest alone.",
    make=LongOnly,
)
_mistaken(
    "last_item_only",
    "It forgets a taste as soon as something else comes in between: only the last item goes into the network.",
    seen=lambda items, now: items[now - 1 : now],
)
_mistaken(
    "targets_mixed_up",
    "It has learnt nothing of what comes next. Inputs and targets may not belong together: index both by the same "
    "moments. Or the network stays as it was: no gradient, other parameters in the optimiser, no `step`.",
    aligned=lambda targets: targets.roll(1),
)
_mistaken(
    "climbs_instead",
    "It makes the right item ever less likely: a sign is turned round. `cross_entropy` is a loss already.",
    sign=-1.0,
)
_mistaken(
    "counts_the_items",
    "It makes as many scores as there are different items in the histories. Numbers that nobody has seen yet count "
    "too: the catalogue ends with the greatest number.",
    n_items=lambda items: len(items.unique()) if len(items.unique()) < int(items.max()) + 1 else int(items.max()) + 1,
)
_mistaken(
    "draws_elsewhere",
    "Two trainings with one seed differ. Two things draw: the first weights (under `torch.random.fork_rng()` after "
    "`torch.manual_seed(seed)`), and the moments (from one `torch.Generator().manual_seed(seed)`).",
    seeded=False,
)


def _always_the_same(histories: list[Any], steps: int, *, seed: int) -> reference.InterestModel:
    trained: reference.InterestModel = trainer()(histories, steps, seed=0)
    return trained


_always_the_same.__name__ = "seed_ignored"
_always_the_same.__doc__ = "Another seed changes nothing: a seed of its own stands in the code. Take the one given."
train_interest_model.mistake(_always_the_same)


@exercise(
    reference.new_item_vector,
    points=2,
    minutes=5,
    hints=[
        "Which rows of `feature_vectors` belong to this item? What is between them?",
        "A bool tensor picks rows: `feature_vectors[features]`. Numbers would pick rows 0 and 1.",
        "The mean over no rows is NaN. Divide the sum by the number of features, but by 1 at least.",
    ],
    afterword="No clicks were needed, and none will ever correct it: this is content-based placement, not "
    "meta-learning. Once clicks come in, let them take over.",
)
def new_item_vector(place: Any, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """One feature, several, all, none."""
    count = int(rng.integers(4, 6))
    vectors = _rounded(rng, -2, 2, count, 2)

    def having(*own: int) -> Tensor:
        features = torch.zeros(count, dtype=torch.bool)
        features[list(own)] = True
        return features

    order = [int(feature) for feature in rng.permutation(count)]
    yield "is the feature's own vector where it has one", place(having(order[0]), vectors)
    for some in (order[:2], order[1:4]):
        yield "is the mean of the vectors of its features, and of no others", place(having(*some), vectors)
    yield "is the mean of all where it has all", place(having(*order), vectors)
    yield "is zeros where it has none", place(having(), vectors)


@new_item_vector.mistake
def sum_for_mean(features: Tensor, feature_vectors: Tensor) -> Tensor:
    """It adds the vectors up: an item of three genres would lie three times as far out, and be liked three times as
    much.
    """
    return features.float() @ feature_vectors


@new_item_vector.mistake
def mean_of_all_features(features: Tensor, feature_vectors: Tensor) -> Tensor:
    """It takes the mean of all vectors, whatever features the item has."""
    return feature_vectors.mean(dim=0)


@new_item_vector.mistake
def divided_by_all_features(features: Tensor, feature_vectors: Tensor) -> Tensor:
    """It divides by the number of features that there *are*: divide by how many this item has."""
    return features.float() @ feature_vectors / len(features)


@new_item_vector.mistake
def features_it_lacks(features: Tensor, feature_vectors: Tensor) -> Tensor:
    """It takes the vectors of the features that the item does *not* have: true says that it has one."""
    return reference.new_item_vector(~features, feature_vectors)


@new_item_vector.mistake
def numbers_for_a_mask(features: Tensor, feature_vectors: Tensor) -> Tensor:
    """It indexes with 0s and 1s, which picks rows 0 and 1 over and over: a mask must be bool to pick where it is
    true.
    """
    return feature_vectors[features.long()].mean(dim=0)


@new_item_vector.mistake
def nan_without_features(features: Tensor, feature_vectors: Tensor) -> Tensor:
    """Without any feature it is the mean of nothing, NaN: zeros are asked for, a place in the middle."""
    return feature_vectors[features].mean(dim=0)


@new_item_vector.mistake
def greatest_of_each(features: Tensor, feature_vectors: Tensor) -> Tensor:
    """It takes the greatest number in each column: asked for is the mean."""
    masked = feature_vectors.masked_fill(~features[:, None], -torch.inf).amax(dim=0)
    return masked.nan_to_num(neginf=0.0)


@new_item_vector.mistake
def first_feature_alone(features: Tensor, feature_vectors: Tensor) -> Tensor:
    """It takes the first feature and leaves the others out."""
    first = features & (features.cumsum(dim=0) == 1)
    return reference.new_item_vector(first, feature_vectors)


@new_item_vector.mistake
def brought_to_length_one(features: Tensor, feature_vectors: Tensor) -> Tensor:
    """It brings the mean to length 1: asked for is the mean itself."""
    return nn.functional.normalize(reference.new_item_vector(features, feature_vectors), dim=0)
