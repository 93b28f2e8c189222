"""Lesson 05: policy and value networks, and PPO on many users at once."""

from collections.abc import Callable, Iterator
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from torch import Tensor, nn

from autograder.exercise import exercise
from autograder.judges import AtLeast, Close
from autograder.playing import clicks_per_session
from autograder.proxy import derived, flows, gradient
from metarec.small_vector import NAMES
from solutions import actor_critic as reference


def _rounded(rng: np.random.Generator, low: float, high: float, *shape: int) -> Tensor:
    return torch.tensor(np.round(rng.uniform(low, high, shape), 1), dtype=torch.float32)


def _close(one: Any, other: Any) -> bool:
    first, second = np.asarray(one), np.asarray(other)
    return first.shape == second.shape and bool(np.allclose(first, second, rtol=1e-3, atol=1e-4))


# one network may have a value above 0 for everybody, so many have not
NETWORKS = 6
CROWD = 32


@exercise(
    reference.ActorCritic,
    points=2,
    minutes=12,
    hints=[
        "Two questions, two answers: which item for this user, and how much is still to come from this user? The first "
        "needs the items, the second does not.",
        "As in lesson 04: one tower maps the observation to [B, hidden], one maps the items to [K, hidden], and the "
        "logits are all scalar products, `user @ item.T`. The critic is a network of its own with one output.",
        "The critic's last layer gives [B, 1]: drop the last dimension by `[:, 0]` or `.squeeze(-1)`. Return "
        "`(logits, value)`, and no softmax: that is for whoever reads the logits.",
    ],
    afterword="Nothing ties the two together but the observation. Many implementations share the lower layers; then "
    "the value loss pulls at the policy's features too, and its weight becomes one more number to tune.",
)
def actor_critic(make: Any, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """Any network of these sizes: what it answers is random, how the answers hang together is not."""
    size, item_size = int(rng.integers(3, 6)), int(rng.integers(2, 5))
    users, count = int(rng.integers(3, 5)), int(rng.integers(4, 7))
    observation, items = _rounded(rng, -2, 2, users, size), _rounded(rng, -1, 1, count, item_size)
    # a right network may look at the sign of what it sees, which leaps at 0
    observation[observation == 0] = 0.3
    network = make(size, item_size, 16)
    answers = derived(_pair, network(observation, items))
    again = derived(_pair, network(observation, items))
    yield (
        "gives the same answers to the same question",
        derived(lambda one, other: all(_close(*parts) for parts in zip(one, other, strict=True)), answers, again),
    )
    logits, value = derived(lambda a: a[0], answers), derived(lambda a: a[1], answers)
    yield (
        "gives a logit [B, K] for each item and a value [B] for each user",
        derived(lambda a: [list(np.shape(part)) for part in a], answers),
    )
    kept = rng.permutation(count)[: count - 1]
    fewer = derived(_pair, network(observation, items[kept]))
    yield (
        "scores each item on its own, in any catalogue",
        derived(lambda few, all_of_them: _close(few[0], np.asarray(all_of_them)[:, kept]), fewer, logits),
    )
    yield (
        "values the user, whatever the catalogue",
        derived(lambda few, whole: _close(few[1], whole), fewer, value),
    )
    alone = derived(_pair, network(observation[1:2], items))
    yield (
        "answers each user alone",
        derived(_alone, alone, answers),
    )
    # a crowd: of few users all might by chance have logits below 0, which a ReLU then makes alike
    crowd = _rounded(rng, -2, 2, CROWD, size)
    seen = derived(_pair, network(crowd, items))
    yield "ranks items differently for different users", derived(lambda a: _interact(a[0]), seen)
    yield "values different users differently", derived(lambda a: bool(np.ptp(np.asarray(a[1])) > 1e-4), seen)
    far = [
        derived(_pair, make(size, item_size, 16)(_rounded(rng, -1000, 1000, 32, size), 1000 * items))
        for _ in range(NETWORKS)
    ]
    yield "gives numbers of any sign and size", derived(lambda *a: [_reach(*p) for p in zip(*a, strict=True)], *far)
    yield (
        "lets gradients flow back from both answers",
        [flows(network, crowd, items, wrt=wrt, of=of) for of, wrt in ((0, 0), (0, 1), (1, 0))],
    )
    wider = make(size, item_size, 64)
    yield (
        "is as wide as `hidden` says",
        derived(lambda less, more: _parameters(more) > _parameters(less), network.state_dict(), wider.state_dict()),
    )


def _pair(answers: Any) -> Any:
    if not isinstance(answers, tuple | list) or len(answers) != 2:
        raise TypeError("it must return a pair, (logits, value)")
    return answers


def _alone(alone: Any, together: Any) -> list[Any]:
    """The shapes of what one user gets, and whether it is what the second of many got."""
    got, wanted = [np.asarray(part) for part in alone], [np.asarray(part)[1] for part in together]
    pairs = zip(got, wanted, strict=True)
    same = all(_close(one.reshape(-1), other.reshape(-1)) for one, other in pairs)
    return [*(list(part.shape) for part in got), same]


def _reach(*answers: Any) -> str:
    """In words which numbers several networks answer to great inputs with."""
    numbers = np.concatenate([np.asarray(answer, dtype=float).reshape(-1) for answer in answers])
    if not (numbers < 0).any():
        return "none below 0"
    if not (numbers > 0).any():
        return "none above 0"
    usual, greatest = np.quantile(np.abs(numbers), [0.5, 1.0])
    return "any numbers" if greatest - usual > 1e-4 else f"none beyond {greatest:.0f}"


def _interact(logits: Any) -> bool:
    """Whether what is best depends on the user: not so if a logit is a user's part plus an item's part."""
    table = np.asarray(logits)
    mixed = table - table.mean(axis=0, keepdims=True) - table.mean(axis=1, keepdims=True) + table.mean()
    return bool(np.abs(mixed).max() > 1e-4)


def _parameters(state: dict[str, Any]) -> int:
    return sum(np.size(array) for array in state.values())


def _network(name: str, diagnosis: str, answer: Callable[..., tuple[Any, Any]], width: int | None = None) -> None:
    """A mistaken network: the reference's, whose answers go through `answer(logits, value, items)`."""

    class Mistaken(reference.ActorCritic):
        def __init__(self, observation_size: int, item_size: int, hidden: int) -> None:
            super().__init__(observation_size, item_size, hidden if width is None else width)

        def forward(self, observation: Tensor, items: Tensor) -> tuple[Any, Any]:
            logits, value = super().forward(observation, items)
            return answer(logits, value, items)

    Mistaken.__name__, Mistaken.__doc__ = name, diagnosis
    actor_critic.mistake(Mistaken)


_network(
    "value_in_a_column",
    "The value has the shape [B, 1] and not [B]: less a reward of [B] it silently becomes [B, B]. Drop the last "
    "dimension.",
    lambda logits, value, items: (logits, value[:, None]),
)
_network(
    "answers_swapped",
    "The answers come in the wrong order: first the logits, then the value.",
    lambda logits, value, items: (value, logits),
)
_network(
    "logits_never_below_zero",
    "No logit is ever below 0: behind the last layer stands a ReLU or a sigmoid. A logit may be any number.",
    lambda logits, value, items: (logits.relu(), value),
)
_network(
    "probabilities",
    "It returns probabilities: softmax makes each depend on all other items, and whoever takes them for logits "
    "applies it twice.",
    lambda logits, value, items: (logits.softmax(dim=1), value),
)
_network(
    "log_probabilities",
    "It returns log-probabilities: each then depends on all other items. Whoever reads the logits takes the softmax.",
    lambda logits, value, items: (logits.log_softmax(dim=1), value),
)
_network(
    "distribution",
    "It returns a distribution: the logits themselves are asked for, a tensor [B, K].",
    lambda logits, value, items: (torch.distributions.Categorical(logits=logits), value),
)
_network(
    "items_by_users",
    "The logits are [K, B], a row for each item: users come first, `user @ items.T`.",
    lambda logits, value, items: (logits.T, value),
)
_network(
    "drops_out",
    "The same question gets another answer each time: dropout draws anew in each call (`nn.TransformerEncoderLayer` "
    "brings it along, unless told `dropout=0.0`). PPO compares a policy with itself: leave dropout out.",
    lambda logits, value, items: (logits + torch.randn_like(logits), value + torch.randn_like(value)),
)
_network(
    "squeezes_the_batch_of_one",
    "A user alone gets a value without a dimension: `squeeze()` drops the batch of one too. Say which dimension is to "
    "go: `squeeze(-1)`, or `[:, 0]`.",
    lambda logits, value, items: (logits, value.squeeze()),
)
_network(
    "logits_squashed",
    "The logits are squashed, by a tanh behind the last layer: no item could then be more than e² times as likely as "
    "another. A logit may be any number.",
    lambda logits, value, items: (logits.tanh(), value),
)
_network(
    "value_never_below_zero",
    "No value is ever below 0: behind the last layer stands a ReLU or a sigmoid. A value is a sum of rewards, and may "
    "be any number.",
    lambda logits, value, items: (logits, value.sigmoid()),
)
_network(
    "value_squashed",
    "The value is squashed, by a tanh behind the last layer: a session can be worth far more than 1.",
    lambda logits, value, items: (logits, value.tanh()),
)
_network(
    "value_of_the_catalogue",
    "The value depends on the items: it is to be the value of the user, who stays the same when an item is added.",
    lambda logits, value, items: (logits, value + logits.mean(dim=1)),
)
_network(
    "value_of_each_item",
    "It gives a value to each item, [B, K]: those would be action values, as in lesson 04. A critic values the "
    "*observation*, one number for each user.",
    lambda logits, value, items: (logits, value[:, None] + logits),
)
_network(
    "users_normalised_together",
    "A user's answer depends on who else is in the batch: normalising over the batch mixes users. Whoever comes alone "
    "then gets another answer.",
    lambda logits, value, items: (logits - logits.mean(dim=0), value - value.mean()),
)
_network(
    "popularity_alone",
    "All users get the same ranking: the user's part must be *multiplied* with the item's. Added to it, or left out, "
    "it moves all logits of a row alike.",
    lambda logits, value, items: (logits.mean(dim=1, keepdim=True) + items.sum(dim=1), value),
)
_network(
    "one_value_for_all",
    "The value does not depend on the observation: as a baseline it cannot tell a user about to leave from one who "
    "stays.",
    lambda logits, value, items: (logits, torch.zeros_like(value)),
)
_network(
    "value_detached",
    "The value is cut off from its gradient: the critic would never learn. Detach values where they serve as data, "
    "not in the network.",
    lambda logits, value, items: (logits, value.detach()),
)
_network(
    "logits_detached",
    "The logits are cut off from their gradient: the policy would never learn.",
    lambda logits, value, items: (logits.detach(), value),
)
_network(
    "width_ignored",
    "The inner layers have a width of their own: take it from `hidden`.",
    lambda logits, value, items: (logits, value),
    width=32,
)


@exercise(
    reference.log_prob_and_entropy,
    points=2,
    minutes=8,
    hints=[
        "exp(1000) is infinite in any float. Which function of torch takes the logarithm of a softmax without ever "
        "computing the softmax?",
        "`torch.log_softmax(logits, dim=1)` has all log-probabilities [B, K]. One of each row is asked for, and the "
        "entropy is the mean of −log p under p itself.",
        "`log_probs.gather(1, actions[:, None])[:, 0]` and `-(log_probs.exp() * log_probs).sum(dim=1)`.",
    ],
    afterword="A policy that is almost sure of an item has log-probabilities of −50 and less for the others. "
    "`log(softmax(...))` makes them −inf, the next loss NaN, and the training is over without a word.",
)
def log_prob_and_entropy(measure: Any, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """Small logits, equal ones, very large ones; then the gradients of both."""
    users, count = int(rng.integers(2, 4)), int(rng.integers(3, 5))
    logits = _rounded(rng, -1.5, 1.5, users, count)
    # somebody is shown something else than his best item
    logits[0, 0], logits[0, 1] = 1.2, -1.1
    actions = torch.tensor(rng.integers(0, count, users))
    actions[0] = 1
    answers = measure(logits, actions)
    yield "gives the log-probability [B] of each action that was taken", derived(lambda a: a[0], answers)
    yield "gives the entropy [B] of each whole distribution, in nats", derived(lambda a: a[1], answers)
    yield "is largest, ln K, where all logits are equal", derived(lambda a: a[1], measure(logits * 0 + 0.7, actions))
    gap = float(np.round(rng.uniform(0.5, 2), 1))
    large = torch.full((2, count), -1000.0)
    large[:, 0], large[:, 1] = 1000.0, 1000.0 - gap
    yield "stays exact for logits up to ±1000", measure(large, torch.tensor([1, count - 1]))
    yield "lets gradients flow back from both answers", gradient(measure, logits, actions, wrt=0)
    yield "keeps its gradients finite for logits up to ±1000", gradient(measure, large, torch.tensor([1, 0]), wrt=0)


@log_prob_and_entropy.mistake
def log_of_softmax(logits: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
    """It takes the logarithm of a softmax: where a probability is rounded to 0 that is −inf, and 0 · −inf is NaN."""
    probabilities = logits.softmax(dim=1)
    log_probs = probabilities.log()
    return log_probs.gather(1, actions[:, None])[:, 0], -(probabilities * log_probs).sum(dim=1)


@log_prob_and_entropy.mistake
def small_number_added(logits: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
    """A small number inside the logarithm keeps it finite and makes it wrong: no log-probability can then be
    below −18, and there is no gradient left.
    """
    probabilities = logits.softmax(dim=1)
    log_probs = (probabilities + 1e-8).log()
    return log_probs.gather(1, actions[:, None])[:, 0], -(probabilities * log_probs).sum(dim=1)


@log_prob_and_entropy.mistake
def exponentials_divided(logits: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
    """It computes exp of the logits: exp(1000) is infinite, and infinite by infinite is NaN. Subtract the greatest
    logit first, or let `log_softmax` do it.
    """
    log_probs = logits - logits.exp().sum(dim=1, keepdim=True).log()
    return log_probs.gather(1, actions[:, None])[:, 0], -(log_probs.exp() * log_probs).sum(dim=1)


@log_prob_and_entropy.mistake
def logits_clamped(logits: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
    """It clamps the logits: that keeps everything finite and forgets who was ahead. Differences of logits count,
    not their size.
    """
    return reference.log_prob_and_entropy(logits.clamp(-20, 20), actions)


@log_prob_and_entropy.mistake
def negative_log_prob(logits: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
    """The sign is turned round: log-probabilities are 0 or less. `cross_entropy` gives their negative."""
    log_prob, entropy = reference.log_prob_and_entropy(logits, actions)
    return -log_prob, entropy


@log_prob_and_entropy.mistake
def probability_of_the_action(logits: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
    """It gives the probability of the action: its logarithm is asked for."""
    log_prob, entropy = reference.log_prob_and_entropy(logits, actions)
    return log_prob.exp(), entropy


@log_prob_and_entropy.mistake
def logit_of_the_action(logits: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
    """It takes the logit itself for a log-probability: logits are not normalised, their exponentials need not sum
    to 1.
    """
    return logits.gather(1, actions[:, None])[:, 0], reference.log_prob_and_entropy(logits, actions)[1]


@log_prob_and_entropy.mistake
def best_action(logits: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
    """It looks at the most probable action, not at the one that was taken."""
    return reference.log_prob_and_entropy(logits, logits.argmax(dim=1))


@log_prob_and_entropy.mistake
def softmax_over_the_batch(logits: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
    """The softmax runs over the users, `dim=0`: a user's probabilities are to sum to 1 over the *items*, `dim=1`."""
    log_probs = logits.log_softmax(dim=0)
    return log_probs.gather(1, actions[:, None])[:, 0], -(log_probs.exp() * log_probs).sum(dim=1)


@log_prob_and_entropy.mistake
def negative_entropy(logits: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
    """The minus is missing: an entropy is 0 or more. As a bonus the negative one would *reward* certainty."""
    log_prob, entropy = reference.log_prob_and_entropy(logits, actions)
    return log_prob, -entropy


@log_prob_and_entropy.mistake
def entropy_of_the_action(logits: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
    """It takes −log p of the one action that was taken: the entropy is the *mean* of it over all actions."""
    log_prob, _ = reference.log_prob_and_entropy(logits, actions)
    return log_prob, -log_prob


@log_prob_and_entropy.mistake
def entropy_unweighted(logits: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
    """It averages −log p over the items as if all were shown equally often: weigh each by its probability."""
    log_prob, _ = reference.log_prob_and_entropy(logits, actions)
    return log_prob, -logits.log_softmax(dim=1).mean(dim=1)


@log_prob_and_entropy.mistake
def entropy_in_bits(logits: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
    """The entropy is in bits: nats are asked for, with the natural logarithm."""
    log_prob, entropy = reference.log_prob_and_entropy(logits, actions)
    return log_prob, entropy / float(np.log(2))


@log_prob_and_entropy.mistake
def entropy_of_the_batch(logits: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
    """The entropy is averaged over the batch: one for each row is asked for, [B]."""
    log_prob, entropy = reference.log_prob_and_entropy(logits, actions)
    return log_prob, entropy.mean()


@log_prob_and_entropy.mistake
def all_actions(logits: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
    """It gives the log-probabilities of all items, [B, K]: pick out the action that was taken, with `gather`."""
    return logits.log_softmax(dim=1), reference.log_prob_and_entropy(logits, actions)[1]


@log_prob_and_entropy.mistake
def in_a_column(logits: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
    """The log-probability has the shape [B, 1] and not [B]: `gather` keeps the dimension, drop it by `[:, 0]`."""
    log_prob, entropy = reference.log_prob_and_entropy(logits, actions)
    return log_prob[:, None], entropy


@log_prob_and_entropy.mistake
def everybodys_actions(logits: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
    """`log_probs[:, actions]` gives each row the actions of *all* rows, [B, B]: row b wants action b alone. `gather`
    does that.
    """
    return logits.log_softmax(dim=1)[:, actions], reference.log_prob_and_entropy(logits, actions)[1]


@log_prob_and_entropy.mistake
def softmax_twice(logits: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
    """It takes a softmax of a softmax: `log_softmax` wants the logits, not probabilities."""
    return reference.log_prob_and_entropy(logits.softmax(dim=1), actions)


@log_prob_and_entropy.mistake
def entropy_divided_by_items(logits: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
    """It takes the mean of −p log p over the items: the probabilities are the weights already, so sum."""
    log_prob, entropy = reference.log_prob_and_entropy(logits, actions)
    return log_prob, entropy / logits.shape[1]


@log_prob_and_entropy.mistake
def entropy_first(logits: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
    """The answers come in the wrong order: first the log-probability, then the entropy."""
    log_prob, entropy = reference.log_prob_and_entropy(logits, actions)
    return entropy, log_prob


@log_prob_and_entropy.mistake
def entropy_detached(logits: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
    """The entropy is cut off from its gradient: as a bonus in the loss it would do nothing."""
    log_prob, entropy = reference.log_prob_and_entropy(logits, actions)
    return log_prob, entropy.detach()


@log_prob_and_entropy.mistake
def log_prob_detached(logits: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
    """The log-probability is cut off from its gradient: this is the way by which a policy learns."""
    log_prob, entropy = reference.log_prob_and_entropy(logits, actions)
    return log_prob.detach(), entropy


Steps = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]


def _steps(
    rng: np.random.Generator, ends: dict[tuple[int, int], str], length: int, users: int
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Rewards, values, next values, terminated, ended [T, B]: next values are the values one step later, but where a
    session ends: there somebody else's session begins, and the next value is that of the one who was there.
    """
    rewards, values = _rounded(rng, 0, 2, length, users), _rounded(rng, -2, 2, length, users)
    after = _rounded(rng, 1, 3, length, users)
    terminated, ended = (torch.zeros(length, users, dtype=torch.bool) for _ in range(2))
    for place, kind in ends.items():
        ended[place] = True
        terminated[place] = kind == "terminated"
    next_values = torch.cat([values[1:], after[-1:]])
    next_values = torch.where(ended, after, next_values)
    # who begins anew is worth less than who was there before, plainly
    values[1:][ended[:-1]] = -1.5
    return rewards, values, next_values, terminated, ended


@exercise(
    reference.gae,
    points=3,
    minutes=15,
    hints=[
        "Two sums in one: the TD error of a step, and the discounted sum of all TD errors from there on. Which of the "
        "two asks what follows, and which asks whether anything follows?",
        "TD errors first, all at once: `rewards + gamma * next_values * (~terminated) - values`. A terminated session "
        "has no next value; a truncated one has, and `next_values` holds it.",
        "Then backwards in time, as with returns: the sum at t is the error at t plus gamma · lam times the sum at "
        "t + 1, and nothing of the sum at t + 1 if the session *ended* at t, in either way.",
        "`for t in reversed(range(T)): following = errors[t] + gamma * lam * (~ended[t]) * following`, and keep each.",
    ],
    afterword="lam 0 trusts the critic after one step: little noise, and all of the critic's bias. lam 1 trusts the "
    "rewards alone: no bias, and all the noise. Two flags, two places: `terminated` in the error, `ended` in the sum.",
)
def gae(estimate: Any, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """One step, no end, each kind of end in the middle, the two limits of lam, and users who end at other times."""
    gamma, lam = float(np.round(rng.uniform(0.8, 0.95), 2)), float(np.round(rng.uniform(0.5, 0.75), 2))
    length = int(rng.integers(3, 5))
    users = int(rng.integers(1, 3))
    middle = (int(rng.integers(0, length - 1)), int(rng.integers(0, users)))
    yield "is the TD error for a single step", estimate(*_steps(rng, {}, 1, 2), gamma, lam)
    yield (
        "adds the later TD errors, each weighed by gamma · lam once more",
        estimate(*_steps(rng, {}, length, users), gamma, lam),
    )
    yield (
        "adds no next value after a termination",
        estimate(*_steps(rng, {middle: "terminated"}, length, users), gamma, lam),
    )
    yield (
        "adds the next value after a truncation, that of before the reset",
        estimate(*_steps(rng, {(0, 0): "truncated"}, 1, 1), gamma, lam),
    )
    yield (
        "carries nothing over from the session that begins after a truncation",
        estimate(*_steps(rng, {middle: "truncated"}, length, users), gamma, lam),
    )
    yield (
        "is the TD error alone at lam 0",
        estimate(*_steps(rng, {middle: "truncated"}, length, users), gamma, 0.0),
    )
    yield (
        "is the return less the value at lam 1",
        estimate(*_steps(rng, {middle: "terminated"}, length, users), gamma, 1.0),
    )
    ends = {(0, 0): "terminated", (1, 1): "truncated", (length - 1, 2): "truncated"}
    yield "treats each user alone", estimate(*_steps(rng, ends, length, 3), gamma, lam)


@gae.mistake
def truncation_ends(
    rewards: Tensor, values: Tensor, next_values: Tensor, terminated: Tensor, ended: Tensor, gamma: float, lam: float
) -> Tensor:
    """It drops the next value where the session was *truncated*: nobody left, we stopped looking. Only `terminated`
    stops the bootstrap.
    """
    return reference.gae(rewards, values, next_values, ended, ended, gamma, lam)


@gae.mistake
def leaks_across_a_truncation(
    rewards: Tensor, values: Tensor, next_values: Tensor, terminated: Tensor, ended: Tensor, gamma: float, lam: float
) -> Tensor:
    """The sum runs on across a truncation: the next row belongs to another session. `ended` stops the recursion,
    not `terminated`.
    """
    return reference.gae(rewards, values, next_values, terminated, terminated, gamma, lam)


@gae.mistake
def the_sum_never_stops(
    rewards: Tensor, values: Tensor, next_values: Tensor, terminated: Tensor, ended: Tensor, gamma: float, lam: float
) -> Tensor:
    """The sum runs on across every end: each session then takes credit for the one after it. `ended` stops the
    recursion.
    """
    return reference.gae(
        rewards + gamma * next_values * ~terminated, values, 0 * values, terminated, ended & False, gamma, lam
    )


@gae.mistake
def flags_swapped(
    rewards: Tensor, values: Tensor, next_values: Tensor, terminated: Tensor, ended: Tensor, gamma: float, lam: float
) -> Tensor:
    """The two flags are swapped: `terminated` belongs to the next value, `ended` to the sum."""
    return reference.gae(rewards, values, next_values, ended, terminated, gamma, lam)


@gae.mistake
def no_ends(
    rewards: Tensor, values: Tensor, next_values: Tensor, terminated: Tensor, ended: Tensor, gamma: float, lam: float
) -> Tensor:
    """It knows no ends: after a termination there is no next value, and no sum runs from one session into the next."""
    never = torch.zeros_like(ended)
    return reference.gae(rewards, values, next_values, never, never, gamma, lam)


@gae.mistake
def bootstraps_past_the_end(
    rewards: Tensor, values: Tensor, next_values: Tensor, terminated: Tensor, ended: Tensor, gamma: float, lam: float
) -> Tensor:
    """It adds a next value after a termination too: the user has left, nothing follows."""
    return reference.gae(rewards, values, next_values, torch.zeros_like(ended), ended, gamma, lam)


@gae.mistake
def values_after_the_reset(
    rewards: Tensor, values: Tensor, next_values: Tensor, terminated: Tensor, ended: Tensor, gamma: float, lam: float
) -> Tensor:
    """It takes `values[t + 1]` for the next value: after an end that row is a *new* session. `next_values` holds what
    was there before the reset.
    """
    shifted = torch.cat([values[1:], next_values[-1:]])
    return reference.gae(rewards, values, shifted, terminated, ended, gamma, lam)


@gae.mistake
def value_in_place_of_the_next(
    rewards: Tensor, values: Tensor, next_values: Tensor, terminated: Tensor, ended: Tensor, gamma: float, lam: float
) -> Tensor:
    """The TD error takes the value of the state that was left for the next value: what follows is `next_values`."""
    return reference.gae(rewards, values, values, terminated, ended, gamma, lam)


@gae.mistake
def forward_in_time(
    rewards: Tensor, values: Tensor, next_values: Tensor, terminated: Tensor, ended: Tensor, gamma: float, lam: float
) -> Tensor:
    """The sum runs forwards in time: an advantage is made of what came *after* the action. Start at the last step."""
    errors = rewards + gamma * next_values * ~terminated - values
    advantages, before = torch.zeros_like(errors), torch.zeros_like(errors[0])
    for t in range(len(errors)):
        before = errors[t] + gamma * lam * before
        advantages[t] = before
        before = before * ~ended[t]
    return advantages


@gae.mistake
def ended_one_step_late(
    rewards: Tensor, values: Tensor, next_values: Tensor, terminated: Tensor, ended: Tensor, gamma: float, lam: float
) -> Tensor:
    """It asks `ended[t + 1]` whether the sum may go on: `ended[t]` says whether step t was the last of its session."""
    late = torch.cat([ended[1:], torch.zeros_like(ended[:1])])
    return reference.gae(rewards, values, next_values, terminated, late, gamma, lam)


@gae.mistake
def last_step_forgotten(
    rewards: Tensor, values: Tensor, next_values: Tensor, terminated: Tensor, ended: Tensor, gamma: float, lam: float
) -> Tensor:
    """The last step has no advantage: its sum is its own TD error, with nothing after it. Start there, and not one step
    before.
    """
    before = reference.gae(rewards[:-1], values[:-1], next_values[:-1], terminated[:-1], ended[:-1], gamma, lam)
    return torch.cat([before, torch.zeros_like(rewards[:1])])


@gae.mistake
def first_step_forgotten(
    rewards: Tensor, values: Tensor, next_values: Tensor, terminated: Tensor, ended: Tensor, gamma: float, lam: float
) -> Tensor:
    """The first step has no advantage: `range(T - 1, 0, -1)` stops before 0. `reversed(range(T))` has them all."""
    advantages = reference.gae(rewards, values, next_values, terminated, ended, gamma, lam)
    return torch.cat([torch.zeros_like(rewards[:1]), advantages[1:]])


@gae.mistake
def nothing_at_an_end(
    rewards: Tensor, values: Tensor, next_values: Tensor, terminated: Tensor, ended: Tensor, gamma: float, lam: float
) -> Tensor:
    """Where a session ends it drops the whole advantage: the last step of a session has a TD error as any other has.
    Only what is *carried back to it* from the next row is to go.
    """
    errors = rewards + gamma * next_values * ~terminated - values
    return reference.gae(errors * ~ended, 0 * values, 0 * values, ended, ended, gamma, lam)


@gae.mistake
def masks_inverted(
    rewards: Tensor, values: Tensor, next_values: Tensor, terminated: Tensor, ended: Tensor, gamma: float, lam: float
) -> Tensor:
    """The masks are upside down: true says that it is *over*, so what is multiplied is `~terminated` and `~ended`."""
    return reference.gae(rewards, values, next_values, ~terminated, ~ended, gamma, lam)


@gae.mistake
def without_lam(
    rewards: Tensor, values: Tensor, next_values: Tensor, terminated: Tensor, ended: Tensor, gamma: float, lam: float
) -> Tensor:
    """Lam is missing: the later TD errors are weighed by gamma · lam, and not by gamma alone."""
    return reference.gae(rewards, values, next_values, terminated, ended, gamma, 1.0)


@gae.mistake
def one_step(
    rewards: Tensor, values: Tensor, next_values: Tensor, terminated: Tensor, ended: Tensor, gamma: float, lam: float
) -> Tensor:
    """It stops at the TD error: that is the advantage at lam 0. Add the errors of the steps that follow."""
    return reference.gae(rewards, values, next_values, terminated, ended, gamma, 0.0)


@gae.mistake
def lam_alone(
    rewards: Tensor, values: Tensor, next_values: Tensor, terminated: Tensor, ended: Tensor, gamma: float, lam: float
) -> Tensor:
    """The later TD errors are weighed by lam alone: they lie in the future, so gamma discounts them too."""
    errors = rewards + gamma * next_values * ~terminated - values
    return reference.gae(errors, 0 * values, 0 * values, terminated, ended, 1.0, lam)


@gae.mistake
def gamma_and_lam_swapped(
    rewards: Tensor, values: Tensor, next_values: Tensor, terminated: Tensor, ended: Tensor, gamma: float, lam: float
) -> Tensor:
    """Gamma and lam are swapped: gamma discounts the next value. Lam has no part in the TD error."""
    return reference.gae(rewards, values, next_values, terminated, ended, lam, gamma)


@gae.mistake
def next_value_undiscounted(
    rewards: Tensor, values: Tensor, next_values: Tensor, terminated: Tensor, ended: Tensor, gamma: float, lam: float
) -> Tensor:
    """The next value is not discounted: it comes one step later, so gamma stands before it."""
    return reference.gae(rewards, values, next_values / gamma, terminated, ended, gamma, lam)


@gae.mistake
def value_not_subtracted(
    rewards: Tensor, values: Tensor, next_values: Tensor, terminated: Tensor, ended: Tensor, gamma: float, lam: float
) -> Tensor:
    """The value is not subtracted: an advantage says how much *better* than expected it went."""
    return reference.gae(rewards, 0 * values, next_values, terminated, ended, gamma, lam)


@gae.mistake
def returns(
    rewards: Tensor, values: Tensor, next_values: Tensor, terminated: Tensor, ended: Tensor, gamma: float, lam: float
) -> Tensor:
    """It adds the values to the advantages: that is what the critic learns from. Advantages alone are asked for."""
    return reference.gae(rewards, values, next_values, terminated, ended, gamma, lam) + values


@gae.mistake
def normalised(
    rewards: Tensor, values: Tensor, next_values: Tensor, terminated: Tensor, ended: Tensor, gamma: float, lam: float
) -> Tensor:
    """It normalises the advantages: the critic's targets are made of them as they are. Normalise later, for the policy
    alone.
    """
    advantages = reference.gae(rewards, values, next_values, terminated, ended, gamma, lam)
    return (advantages - advantages.mean()) / (advantages.std(correction=0) + 1e-8)


@gae.mistake
def sign_turned(
    rewards: Tensor, values: Tensor, next_values: Tensor, terminated: Tensor, ended: Tensor, gamma: float, lam: float
) -> Tensor:
    """The sign is turned round: an advantage is above 0 where it went *better* than the value had said."""
    return -reference.gae(rewards, values, next_values, terminated, ended, gamma, lam)


@exercise(
    reference.ppo_loss,
    points=2,
    minutes=10,
    hints=[
        "How much likelier is the action now than when it was taken? Probabilities divide, so log-probabilities "
        "subtract.",
        "There are two objectives: ratio · advantage, and the same with the ratio clamped to 1 − clip … 1 + clip. "
        "Which of them may a pessimist count on?",
        "The lesser, whichever sign the advantage has: `torch.minimum`. An objective is made large and a loss small: "
        "one minus in front, and the mean.",
    ],
    afterword="The lesser of the two is the whole idea. What has already been gained beyond the clip counts no more, "
    "so nothing pulls further; what has gone wrong counts in full, so that it is pulled back.",
)
def ppo_loss(loss: Any, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """Both signs of the advantage, with the ratio within the clip, above it and below it."""
    clip = float(np.round(rng.uniform(0.1, 0.3), 2))
    old = -_rounded(rng, 0.5, 2, 2)
    good, bad = _rounded(rng, 0.5, 2, 2), -_rounded(rng, 0.5, 2, 2)
    inside = torch.log1p(torch.tensor([0.6 * clip, -0.6 * clip]))
    above, below = torch.log1p(torch.tensor([clip + 0.4, clip + 0.2])), torch.log1p(-torch.tensor([clip + 0.4] * 2))
    mixed = torch.stack([good[0], bad[0]])
    yield "is minus the mean advantage where the policy has not moved", loss(old, old, mixed, clip)
    yield "weighs each advantage by the ratio, new over old", loss(old + inside, old, mixed, clip)
    yield "gains nothing beyond 1 + clip where it went well", loss(old + above, old, good, clip)
    yield "gains nothing beyond 1 − clip where it went badly", loss(old + below, old, bad, clip)
    yield (
        "counts in full what has become worse",
        [
            loss(old + above, old, bad, clip),
            loss(old + below, old, good, clip),
        ],
    )
    yield (
        "pulls good actions up and bad ones down",
        gradient(loss, old + inside, old, mixed, clip, wrt=0),
    )
    yield "pulls no more once the clip is reached", gradient(loss, old + above, old, mixed, clip, wrt=0)


@ppo_loss.mistake
def sign_missing(new_log_prob: Tensor, old_log_prob: Tensor, advantage: Tensor, clip: float) -> Tensor:
    """The minus is missing: an optimiser makes a loss small, and would make good actions rarer."""
    return -reference.ppo_loss(new_log_prob, old_log_prob, advantage, clip)


@ppo_loss.mistake
def never_clips(new_log_prob: Tensor, old_log_prob: Tensor, advantage: Tensor, clip: float) -> Tensor:
    """It never clips: the same samples then pull on and on, far from the policy that they came from."""
    return -((new_log_prob - old_log_prob).exp() * advantage).mean()


@ppo_loss.mistake
def clipped_alone(new_log_prob: Tensor, old_log_prob: Tensor, advantage: Tensor, clip: float) -> Tensor:
    """The clipped objective stands alone: beyond the clip nothing pulls an action back that has gone *wrong*. Take the
    lesser of the two.
    """
    return -((new_log_prob - old_log_prob).exp().clamp(1 - clip, 1 + clip) * advantage).mean()


@ppo_loss.mistake
def greater_of_the_two(new_log_prob: Tensor, old_log_prob: Tensor, advantage: Tensor, clip: float) -> Tensor:
    """It takes the greater of the two objectives: that is the optimist's bound, and beyond the clip it pulls on."""
    ratio = (new_log_prob - old_log_prob).exp()
    return -torch.maximum(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage).mean()


@ppo_loss.mistake
def lesser_of_the_means(new_log_prob: Tensor, old_log_prob: Tensor, advantage: Tensor, clip: float) -> Tensor:
    """It takes the lesser of two *means*: each sample has a lesser objective of its own. `torch.minimum` first, then
    the mean.
    """
    ratio = (new_log_prob - old_log_prob).exp()
    return -min((ratio * advantage).mean(), (ratio.clamp(1 - clip, 1 + clip) * advantage).mean())


@ppo_loss.mistake
def minimum_of_the_ratios(new_log_prob: Tensor, old_log_prob: Tensor, advantage: Tensor, clip: float) -> Tensor:
    """It takes the lesser *ratio*, before the advantage: for a bad action that is the greater objective. Multiply
    first.
    """
    ratio = (new_log_prob - old_log_prob).exp()
    return -(torch.minimum(ratio, ratio.clamp(1 - clip, 1 + clip)) * advantage).mean()


@ppo_loss.mistake
def clips_above_alone(new_log_prob: Tensor, old_log_prob: Tensor, advantage: Tensor, clip: float) -> Tensor:
    """It clips above alone: a bad action can then be pushed down without end. The clip has two sides."""
    ratio = (new_log_prob - old_log_prob).exp()
    return -torch.minimum(ratio * advantage, ratio.clamp(max=1 + clip) * advantage).mean()


@ppo_loss.mistake
def ratio_inverted(new_log_prob: Tensor, old_log_prob: Tensor, advantage: Tensor, clip: float) -> Tensor:
    """The ratio is upside down: it is *new* over old, how much likelier the action has become."""
    return reference.ppo_loss(old_log_prob, new_log_prob, advantage, clip)


@ppo_loss.mistake
def ratio_of_the_logarithms(new_log_prob: Tensor, old_log_prob: Tensor, advantage: Tensor, clip: float) -> Tensor:
    """It divides log-probabilities: the ratio is that of the *probabilities*, exp(new − old)."""
    ratio = new_log_prob / old_log_prob
    return -torch.minimum(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage).mean()


@ppo_loss.mistake
def difference_for_ratio(new_log_prob: Tensor, old_log_prob: Tensor, advantage: Tensor, clip: float) -> Tensor:
    """The exponential is missing: the difference of log-probabilities is the *logarithm* of the ratio."""
    ratio = new_log_prob - old_log_prob
    return -torch.minimum(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage).mean()


@ppo_loss.mistake
def policy_gradient_alone(new_log_prob: Tensor, old_log_prob: Tensor, advantage: Tensor, clip: float) -> Tensor:
    """It weighs the log-probability: that is the plain policy gradient, right for one step from fresh samples. PPO
    weighs the *ratio*, so that samples can be used again.
    """
    return -(new_log_prob * advantage).mean()


@ppo_loss.mistake
def normalises_inside(new_log_prob: Tensor, old_log_prob: Tensor, advantage: Tensor, clip: float) -> Tensor:
    """It normalises the advantages: take them as given. Whoever calls decides about normalising."""
    spread = advantage.std(correction=0) + 1e-8
    return reference.ppo_loss(new_log_prob, old_log_prob, (advantage - advantage.mean()) / spread, clip)


@ppo_loss.mistake
def normalises_by_the_sample_deviation(
    new_log_prob: Tensor, old_log_prob: Tensor, advantage: Tensor, clip: float
) -> Tensor:
    """It normalises the advantages, by `std()`: take them as given. Whoever calls decides about normalising."""
    spread = advantage.std() + 1e-8
    return reference.ppo_loss(new_log_prob, old_log_prob, (advantage - advantage.mean()) / spread, clip)


@ppo_loss.mistake
def sums(new_log_prob: Tensor, old_log_prob: Tensor, advantage: Tensor, clip: float) -> Tensor:
    """It sums over the batch: with the mean the size of a step does not depend on the size of the batch."""
    return reference.ppo_loss(new_log_prob, old_log_prob, advantage, clip) * len(advantage)


@ppo_loss.mistake
def one_for_each(new_log_prob: Tensor, old_log_prob: Tensor, advantage: Tensor, clip: float) -> Tensor:
    """It gives a loss for each sample, [B]: the mean of them is asked for."""
    ratio = (new_log_prob - old_log_prob).exp()
    return -torch.minimum(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage)


@ppo_loss.mistake
def clips_the_objective(new_log_prob: Tensor, old_log_prob: Tensor, advantage: Tensor, clip: float) -> Tensor:
    """It clips the ratio times the advantage to 1 − clip … 1 + clip: the *ratio* is to be clipped, around 1."""
    objective = (new_log_prob - old_log_prob).exp() * advantage
    return -torch.minimum(objective, objective.clamp(1 - clip, 1 + clip)).mean()


@ppo_loss.mistake
def new_policy_detached(new_log_prob: Tensor, old_log_prob: Tensor, advantage: Tensor, clip: float) -> Tensor:
    """The new log-probabilities are cut off from their gradient: it is the *old* ones that are data."""
    return reference.ppo_loss(new_log_prob.detach(), old_log_prob, advantage, clip)


@ppo_loss.mistake
def adds_a_penalty(new_log_prob: Tensor, old_log_prob: Tensor, advantage: Tensor, clip: float) -> Tensor:
    """It adds a penalty for moving away: that is PPO's other variant. With the clip nothing is added."""
    moved = (old_log_prob - new_log_prob).mean()
    return reference.ppo_loss(new_log_prob, old_log_prob, advantage, clip) + moved.abs()


# what a critic learns in the rooms is known, and a mistake misses it, or the policy, by 0.3 or more
NEAR = Close(absolute=0.15)
ROOMS_USERS, ROOMS_UPDATES = 256, 40
SHOP, CORRIDOR, CURTAIN, TREASURY, VOID = range(5)
INTEREST = "metarec/Interest-v0"
INTEREST_USERS, INTEREST_UPDATES = 1024, 60
JUDGED_USERS = 2048
THRESHOLD = 59.0


def make_vec(name: str, users: int) -> Any:
    """A vectorised environment of as many users, autoreset in the same step."""
    return gym.make_vec(name, users, "vector_entry_point")


@exercise(
    reference.train_ppo,
    points=5,
    minutes=30,
    trains=True,
    hints=[
        "Three parts, again and again: play some steps with all users and write everything down; estimate advantages; "
        "learn from what was written down, several times over.",
        "Write down for each step: observation, action, its log-probability *then*, reward, value, next value, "
        "terminated, ended. All but the last part happens under `torch.no_grad()`: it is data.",
        'The next value is that of `info["final_obs"]`, which shows what followed before any reset. The critic\'s '
        "target is advantage + value, before you normalise the advantages for the policy.",
        "In each minibatch: `logits, value = network(seen[batch], items)`, then `log_prob_and_entropy(logits, "
        "action[batch])`, then `ppo_loss(new, old[batch], advantage[batch], 0.2)` plus half the critic's squared error "
        "less a little entropy. Flatten all parts in the same way: [T, B] to [T · B].",
    ],
    afterword="Three networks in the question, two in this code. PPO has no target network: its critic's targets lean "
    "on rewards, and each batch is thrown away. What holds the policy is the clip.",
)
def train_ppo(train: Any, rng: np.random.Generator) -> Iterator[tuple[Any, ...]]:
    """Five rooms of known values, the seed, then the recommender."""
    seed = int(rng.integers(1, 1000))
    rooms = make_vec("metarec/OpenRooms-v0", ROOMS_USERS)
    everywhere, items = torch.eye(len(NAMES)), rooms.item_features
    answers = train(rooms, ROOMS_UPDATES, seed=seed)(everywhere, items)
    policy = derived(lambda a: _softmax(a[0]), answers)
    value = derived(lambda a: np.asarray(a[1]), answers)
    yield "learns to show what earns most", derived(lambda p: p[SHOP], policy), NEAR
    yield "prefers more later to less now", derived(lambda p: p[CORRIDOR], policy), NEAR
    yield (
        "learns what a session is worth, and that nothing follows a termination",
        derived(lambda v: v[[SHOP, CORRIDOR, TREASURY, VOID]], value),
        NEAR,
    )
    yield (
        "looks beyond a truncation, at what followed before the reset",
        derived(lambda v: v[CURTAIN], value),
        NEAR,
    )

    def trained(at: int) -> Any:
        return train(rooms, 2, seed=at)(everywhere, items)

    once, again, other = trained(seed), trained(seed), trained(seed + 1)
    yield "draws everything from the seed", derived(_equal, once, again)
    yield "learns otherwise from another seed", derived(_equal, once, other)
    yield (
        f"earns {THRESHOLD:g} clicks or more per session on Interest-v0",
        clicks_per_session(
            train(make_vec(INTEREST, INTEREST_USERS), INTEREST_UPDATES, seed=seed), JUDGED_USERS, seed + 10_000
        ),
        AtLeast(THRESHOLD),
    )


def _softmax(logits: Any) -> np.ndarray:
    return torch.as_tensor(np.asarray(logits)).softmax(dim=-1).numpy()


def _equal(one: Any, other: Any) -> bool:
    return all(np.array_equal(np.asarray(a), np.asarray(b)) for a, b in zip(one, other, strict=True))


Record = dict[str, Tensor]
"""What was written down of the steps of all users, [T, B] each."""


def _started(record: Record) -> Tensor:
    return record["advantage"] + record["value"]


def _trainer(
    *,
    seeded: bool = True,
    followed: Callable[[Tensor, Tensor], Tensor] = lambda final, first: final,
    nothing_follows: Callable[[Record], Tensor] = lambda record: record["terminated"],
    gamma: float = 0.98,
    normalise_first: bool = False,
    target: Callable[[Record], Tensor] = _started,
    flat: Callable[[Tensor], Tensor] = lambda part: part.flatten(0, 1),
    sign: float = 1.0,
    policy_weight: float = 1.0,
    value_weight: float = 0.5,
) -> Any:
    """A trainer that differs from the reference in one place, and is not as patient."""

    def train(envs: Any, updates: int, *, seed: int) -> reference.ActorCritic:
        drawing = torch.Generator()
        drawing.manual_seed(seed if seeded else drawing.seed())
        observation, _ = envs.reset(seed=seed if seeded else None)
        with torch.random.fork_rng():
            torch.random.set_rng_state(drawing.get_state())
            network = reference.ActorCritic(observation.shape[1], envs.item_features.shape[1], 64)
        optimiser = torch.optim.Adam(network.parameters(), lr=1e-2)
        for _ in range(updates):
            rows: list[Record] = []
            with torch.no_grad():
                for _ in range(4):
                    logits, value = network(observation, envs.item_features)
                    action = logits.softmax(dim=1).multinomial(1, generator=drawing)[:, 0]
                    log_prob, _ = reference.log_prob_and_entropy(logits, action)
                    first, reward, terminated, truncated, info = envs.step(action)
                    _, next_value = network(followed(info["final_obs"], first), envs.item_features)
                    row = {"seen": observation, "action": action, "log_prob": log_prob, "reward": reward}
                    row |= {"value": value, "next_value": next_value, "terminated": terminated}
                    rows.append(row | {"ended": terminated | truncated})
                    observation = first
                record = {name: torch.stack([row[name] for row in rows]) for name in rows[0]}
                record["advantage"] = reference.gae(
                    record["reward"],
                    record["value"],
                    record["next_value"],
                    nothing_follows(record),
                    record["ended"],
                    gamma,
                    0.9,
                )
                if normalise_first:
                    record["advantage"] = _normalised(record["advantage"])
                record["target"] = target(record)
                record["advantage"] = sign * _normalised(record["advantage"])
            seen = flat(record.pop("seen"))
            record = {name: part.flatten(0, 1) for name, part in record.items()}
            for _ in range(2):
                for batch in torch.randperm(len(seen), generator=drawing).chunk(2):
                    logits, value = network(seen[batch], envs.item_features)
                    log_prob, entropy = reference.log_prob_and_entropy(logits, record["action"][batch])
                    gain = reference.ppo_loss(log_prob, record["log_prob"][batch], record["advantage"][batch], 0.2)
                    miss = nn.functional.mse_loss(value, record["target"][batch])
                    optimiser.zero_grad()
                    (policy_weight * gain + value_weight * miss - 0.003 * entropy.mean()).backward()
                    nn.utils.clip_grad_norm_(network.parameters(), 0.5)
                    optimiser.step()
        return network

    return train


def _normalised(advantage: Tensor) -> Tensor:
    return (advantage - advantage.mean()) / (advantage.std() + 1e-8)


def _mistaken(name: str, diagnosis: str, **differs: Any) -> None:
    mistake = _trainer(**differs)
    mistake.__name__, mistake.__doc__ = name, diagnosis
    train_ppo.mistake(mistake)


_mistaken(
    "truncation_taken_for_an_end",
    "It drops the next value where a session was truncated: we stopped looking, and the user would have gone on. Only "
    "`terminated` stops the bootstrap in `gae`.",
    nothing_follows=lambda record: record["ended"],
)
_mistaken(
    "next_value_of_the_next_session",
    "The next values are those of the observations that `step` returns: where a session ended these belong to a *new* "
    'user already. Take `info["final_obs"]`.',
    followed=lambda final, first: first,
)
_mistaken(
    "bootstraps_past_a_termination",
    "It adds a next value after a termination too: the user has left. Give `terminated` to `gae`.",
    nothing_follows=lambda record: torch.zeros_like(record["terminated"]),
)
_mistaken(
    "policy_climbs_down",
    "The policy learns to avoid what is good: a sign is turned round once too often. `ppo_loss` is a loss already.",
    sign=-1.0,
)
_mistaken(
    "policy_never_learns",
    "The critic learns and the policy stays as it was: the policy's loss has no gradient, or no part in the sum.",
    policy_weight=0.0,
)
_mistaken(
    "critic_never_learns",
    "The policy learns and the critic stays as it was: the critic's loss has no gradient, or no part in the sum.",
    value_weight=0.0,
)
_mistaken(
    "advantage_for_target",
    "The critic learns the advantages: its target is the return, advantage + value.",
    target=lambda record: record["advantage"],
)
_mistaken(
    "rewards_for_target",
    "The critic learns the next reward alone: its target is the return, advantage + value.",
    target=lambda record: record["reward"],
)
_mistaken(
    "normalised_before_the_target",
    "It normalises the advantages before it makes the critic's targets of them: the values then have no unit. Make the "
    "targets first.",
    normalise_first=True,
)
_mistaken(
    "next_reward_alone",
    "Nothing of what comes later reaches an action: gamma is 0, or the next values are missing.",
    gamma=0.0,
)
_mistaken(
    "rows_mixed_up",
    "Observations and actions do not belong together any more: one was flattened time first, the other users first. "
    "Flatten all parts in the same way, and index them with the same minibatch.",
    flat=lambda part: part.transpose(0, 1).flatten(0, 1),
)
_mistaken(
    "draws_elsewhere",
    "Two trainings with one seed differ. Three things draw: the first weights (under `torch.random.fork_rng()` after "
    "`torch.manual_seed(seed)`), the environment (`envs.reset(seed=seed)`, once), and actions and minibatches (from "
    "one `torch.Generator().manual_seed(seed)`).",
    seeded=False,
)


def _always_the_same(envs: Any, updates: int, *, seed: int) -> reference.ActorCritic:
    trained: reference.ActorCritic = _trainer()(envs, updates, seed=0)
    return trained


_always_the_same.__name__ = "seed_ignored"
_always_the_same.__doc__ = "Another seed changes nothing: a seed of its own stands in the code. Take the one given."
train_ppo.mistake(_always_the_same)
