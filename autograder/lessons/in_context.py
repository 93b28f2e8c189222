"""Lesson 09: a transformer that is pretrained across tasks and learns a new one from what it reads."""

import dataclasses
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from autograder.exercise import exercise
from autograder.judges import AtLeast, SameFrequencies
from autograder.proxy import derived, flows, gradient, repeated
from metarec.posterior import best_arm, counts
from solutions import in_context as reference


def _rounded(rng: np.random.Generator, low: float, high: float, *shape: int) -> Tensor:
    return torch.tensor(np.round(rng.uniform(low, high, shape), 1), dtype=torch.float32)


def _close(one: Any, other: Any) -> bool:
    first, second = np.asarray(one), np.asarray(other)
    return first.shape == second.shape and bool(np.allclose(first, second, rtol=1e-3, atol=1e-4))


@exercise(
    reference.causal_attention,
    points=3,
    minutes=12,
    hints=[
        "Three steps: how well does each query fit each key; which of these may it see at all; and with the weights "
        "that come out of it, the mean of the values.",
        "`scores = query @ key.transpose(-2, -1)` is [B, H, T, T], queries in rows, keys in columns; divide by √D. "
        "Position t may see columns 0 … t: the others must get no weight in the softmax over the *columns*.",
        "`later = torch.ones(T, T, dtype=torch.bool).triu(1)` marks what is above the diagonal; then "
        "`scores.masked_fill(later, -torch.inf).softmax(dim=-1) @ value`.",
    ],
    afterword="This is all that a transformer knows of time. `torch.nn.functional.scaled_dot_product_attention(..., "
    "is_causal=True)` computes the same without ever holding the [T, T] table, and the model below uses it.",
)
def causal_attention(attend: Any, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """A short history, the same with another future, a single position, and large scalar products."""
    shape = (int(rng.integers(1, 3)), int(rng.integers(2, 4)), int(rng.integers(4, 6)), int(rng.integers(2, 4)))
    batch, heads, positions, _ = shape
    query, key, value = (_rounded(rng, -2, 2, *shape) for _ in range(3))
    # without this a mistake of scale could hide where all scores are alike
    query[..., 1:, 0], key[..., 0, 0], key[..., 1, 0] = 1.5, 2.0, -2.0
    # a score of 0 is a score
    query[..., 2, 1:], key[..., 2, 0] = 0.0, 0.0
    out = attend(query, key, value)
    yield "gives means of the values, weighed by the softmax of ⟨query, key⟩ / √D over what came so far", out
    cut = int(rng.integers(1, positions - 1))
    other_key, other_value = key.clone(), value.clone()
    other_key[..., cut:, :] = _rounded(rng, -2, 2, batch, heads, positions - cut, shape[3])
    other_value[..., cut:, :] = -1 - value[..., cut:, :]
    yield (
        "lets no position see a later one",
        derived(
            lambda before, after: _close(np.asarray(before)[:, :, :cut], np.asarray(after)[:, :, :cut]),
            out,
            attend(query, other_key, other_value),
        ),
    )
    yield (
        "gives the first position its own value",
        derived(lambda o: np.asarray(o)[:, :, 0], attend(query[:, :, :1], key[:, :, :1], value[:, :, :1])),
    )
    yield (
        "keeps heads and batch apart",
        derived(lambda o: np.asarray(o)[-1:, -1:], attend(query.flip(0, 1), key.flip(0, 1), value.flip(0, 1))),
    )
    large = torch.zeros(1, 1, 3, 4)
    large[..., 0] = torch.tensor([90.0, -100.0, 100.0])
    yield (
        "stays exact for scalar products up to ±10,000",
        attend(large, -large, value[:1, :1, :3, :1].repeat(1, 1, 1, 4)),
    )
    yield (
        "lets gradients flow back to queries, keys and values",
        [gradient(attend, query, key, value, wrt=argument) for argument in range(3)],
    )


def _attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    scale: float | None = None,
    hidden: Callable[[Tensor], Tensor] = lambda ones: ones.triu(1),
    by: float = -math.inf,
    axis: int = -1,
) -> Tensor:
    """Attention that differs from the reference in one place."""
    scores = query @ key.transpose(-2, -1) * (query.shape[-1] ** -0.5 if scale is None else scale)
    ones = torch.ones(query.shape[-2], query.shape[-2], dtype=torch.bool)
    return scores.masked_fill(hidden(ones), by).softmax(dim=axis) @ value


@causal_attention.mistake
def sees_the_future(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Every position sees the whole sequence: while it learns it reads the answer, and when it acts there is none.
    Give no weight to what is above the diagonal.
    """
    return _attention(query, key, value, hidden=lambda ones: ~ones)


@causal_attention.mistake
def sees_one_later(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Every position sees the one after it: the diagonal above the main one is the future already, `triu(1)`."""
    return _attention(query, key, value, hidden=lambda ones: ones.triu(2))


@causal_attention.mistake
def does_not_see_itself(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """A position does not see itself: the first then sees nothing, and the softmax of nothing is NaN. Hide what is
    *above* the diagonal, `triu(1)`, not the diagonal too.
    """
    return _attention(query, key, value, hidden=lambda ones: ones.triu(0))


@causal_attention.mistake
def sees_the_future_alone(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """The mask is turned round: queries stand in the rows, and what lies *below* the diagonal is the past."""
    return _attention(query, key, value, hidden=lambda ones: ones.tril(-1))


@causal_attention.mistake
def scale_missing(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """The scalar products are not divided by √D: the more numbers a head has, the harder its softmax becomes."""
    return _attention(query, key, value, scale=1.0)


@causal_attention.mistake
def scaled_by_d(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """It divides by D, and should by √D: a sum of D products of independent numbers has a spread of √D."""
    return _attention(query, key, value, scale=1 / query.shape[-1])


@causal_attention.mistake
def scaled_up(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """It multiplies by √D: divide."""
    return _attention(query, key, value, scale=query.shape[-1] ** 0.5)


@causal_attention.mistake
def scaled_by_positions(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """It divides by the root of the number of positions: D, the last dimension, is asked for, not T."""
    return _attention(query, key, value, scale=query.shape[-2] ** -0.5)


@causal_attention.mistake
def softmax_over_queries(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """The softmax runs over the queries, `dim=-2`: the weights of one position are to sum to 1 over the *keys*,
    `dim=-1`.
    """
    return _attention(query, key, value, axis=-2)


@causal_attention.mistake
def future_at_zero(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Later scores are set to 0: exp(0) is 1, so that the softmax gives them weight. Set them to −inf."""
    return _attention(query, key, value, by=0.0)


@causal_attention.mistake
def future_not_low_enough(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Later scores are set to a number that is low, but not lower than every score: set them to −inf."""
    return _attention(query, key, value, by=-100.0)


@causal_attention.mistake
def scores_of_zero_hidden(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """It hides each score that is 0: what is above the diagonal after `tril()`, and also every key that a query may see
    and finds at right angles. Mask by position.
    """
    scores = (query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])).tril()
    return scores.masked_fill(scores == 0, -torch.inf).softmax(dim=-1) @ value


@causal_attention.mistake
def masked_after_the_softmax(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Weights of later positions are set to 0 after the softmax: those that are left no longer sum to 1. Mask the
    scores before it.
    """
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
    return scores.softmax(dim=-1).tril() @ value


@causal_attention.mistake
def softmax_missing(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """There is no softmax: scores are no weights, they can be negative and sum to anything."""
    return (query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])).tril() @ value


@causal_attention.mistake
def exponentials_divided(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """It computes exp of the scores: exp(1000) is infinite, and infinite by infinite is NaN. Let `softmax` do it."""
    weights = (query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])).exp().tril()
    return weights / weights.sum(dim=-1, keepdim=True) @ value


@causal_attention.mistake
def keys_ask(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Queries and keys have changed places: row t is to hold what *query* t thinks of each key."""
    return _attention(key, query, value)


@causal_attention.mistake
def heads_averaged(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """All heads look at the same places: the scores are mixed over the heads. Each has a softmax of its own."""
    scores = (query @ key.transpose(-2, -1)).mean(dim=1, keepdim=True) / math.sqrt(query.shape[-1])
    later = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
    return scores.masked_fill(later, -torch.inf).softmax(dim=-1).expand(-1, query.shape[1], -1, -1) @ value


@causal_attention.mistake
def weights_detached(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """The weights are cut off from their gradient: where it looks would never be learnt."""
    return _attention(query.detach(), key.detach(), value)


@exercise(
    reference.interaction_tokens,
    points=1,
    minutes=5,
    hints=[
        "Two parts, side by side along the last dimension: which action it was, as a row of zeros with a single 1, and "
        "what it earned.",
        "`torch.nn.functional.one_hot(actions, n_actions)` makes rows of integers [B, T, n_actions]. Rewards are "
        "[B, T]: a last dimension of 1 is missing.",
        "`torch.cat([one_hot.float(), rewards[..., None]], dim=-1)`.",
    ],
    afterword="One token holds an action *and* its reward. In RL² of lesson 08 the reward came a step later, with the "
    "next input. Either works, as long as what belongs together can be told.",
)
def interaction_tokens(make: Any, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """A few interactions, rewards that are no clicks, actions that never occur, and no interaction at all."""
    batch, steps, n_actions = int(rng.integers(2, 4)), int(rng.integers(3, 5)), int(rng.integers(3, 5))
    actions = torch.tensor(rng.integers(0, n_actions - 1, (batch, steps)))
    actions[0, 0], actions[0, 1], actions[1, 0] = 1, 0, 0
    rewards = torch.tensor(rng.integers(0, 2, (batch, steps)), dtype=torch.float32)
    rewards[0, :2] = torch.tensor([1.0, 0.0])
    tokens = make(actions, rewards, n_actions)
    yield "gives a token [B, T, n_actions + 1] for each interaction", derived(lambda x: list(np.shape(x)), tokens)
    yield "puts a 1 in the place of the action", derived(lambda x: np.asarray(x)[..., :n_actions], tokens)
    yield "ends with the reward that this action earned", derived(lambda x: np.asarray(x)[..., -1], tokens)
    odd = rewards * 3.5 - 0.7
    yield (
        "leaves rewards as they are, whatever number",
        derived(lambda x: np.asarray(x)[..., -1], make(actions, odd, n_actions)),
    )
    yield "gives no token for no interaction", make(actions[:, :0], rewards[:, :0], n_actions)


def _joined(chosen: Tensor, rewards: Tensor) -> Tensor:
    return torch.cat([chosen, rewards.float()[..., None]], dim=-1)


@interaction_tokens.mistake
def reward_of_the_step_before(actions: Tensor, rewards: Tensor, n_actions: int) -> Tensor:
    """The rewards are shifted by one: a token holds what the action *before* earned. An action and its own reward
    belong together.
    """
    return reference.interaction_tokens(actions, nn.functional.pad(rewards, (1, 0))[:, : rewards.shape[1]], n_actions)


@interaction_tokens.mistake
def reward_of_the_step_after(actions: Tensor, rewards: Tensor, n_actions: int) -> Tensor:
    """The rewards are shifted by one: a token holds what the action *after* will earn, which nobody knows yet."""
    return reference.interaction_tokens(actions, nn.functional.pad(rewards, (0, 1))[:, 1:], n_actions)


@interaction_tokens.mistake
def reward_missing(actions: Tensor, rewards: Tensor, n_actions: int) -> Tensor:
    """The reward does not get in: then no history can tell a good action from a bad one."""
    return _joined(nn.functional.one_hot(actions, n_actions).float(), torch.zeros_like(rewards))


@interaction_tokens.mistake
def actions_alone(actions: Tensor, rewards: Tensor, n_actions: int) -> Tensor:
    """A token is the action alone, [B, T, n_actions]: the reward is to follow it."""
    return nn.functional.one_hot(actions, n_actions).float()


@interaction_tokens.mistake
def reward_first(actions: Tensor, rewards: Tensor, n_actions: int) -> Tensor:
    """The reward comes first: the action is to come first and the reward last."""
    return torch.cat([rewards[..., None], nn.functional.one_hot(actions, n_actions).float()], dim=-1)


@interaction_tokens.mistake
def reward_in_the_action_s_place(actions: Tensor, rewards: Tensor, n_actions: int) -> Tensor:
    """The reward stands in the place of the 1: an action that earned 0 is then no action at all."""
    chosen = nn.functional.one_hot(actions, n_actions) * rewards[..., None]
    return _joined(chosen, rewards)


@interaction_tokens.mistake
def action_as_a_number(actions: Tensor, rewards: Tensor, n_actions: int) -> Tensor:
    """The action is a number, [B, T, 2]: to a network item 4 would be twice item 2. Use a one-hot row."""
    return torch.stack([actions.float(), rewards], dim=-1)


@interaction_tokens.mistake
def as_many_as_occur(actions: Tensor, rewards: Tensor, n_actions: int) -> Tensor:
    """The rows are as long as the greatest action that occurs asks for: take their length from `n_actions`."""
    return _joined(nn.functional.one_hot(actions).float(), rewards)


@interaction_tokens.mistake
def rewards_made_whole(actions: Tensor, rewards: Tensor, n_actions: int) -> Tensor:
    """The rewards become whole numbers: the one-hot row is of integers, and what is joined to it must not be. Make
    the row float.
    """
    return torch.cat([nn.functional.one_hot(actions, n_actions), rewards.long()[..., None]], dim=-1).float()


@interaction_tokens.mistake
def reward_as_a_click(actions: Tensor, rewards: Tensor, n_actions: int) -> Tensor:
    """It shows whether the reward was positive: take it as it is, rewards need not be clicks."""
    return reference.interaction_tokens(actions, (rewards > 0).float(), n_actions)


@interaction_tokens.mistake
def rewards_made_signs(actions: Tensor, rewards: Tensor, n_actions: int) -> Tensor:
    """Rewards are turned into −1 and 1: leave them as they are, they need not be clicks."""
    return reference.interaction_tokens(actions, 2 * (rewards > 0).float() - 1, n_actions)


@interaction_tokens.mistake
def a_token_for_the_start(actions: Tensor, rewards: Tensor, n_actions: int) -> Tensor:
    """It adds a token for the start: T interactions are T tokens. The start is the policy's affair."""
    return nn.functional.pad(reference.interaction_tokens(actions, rewards, n_actions), (0, 0, 1, 0))


@exercise(
    reference.InContextPolicy,
    points=4,
    minutes=25,
    hints=[
        "Five parts: tokens, a token for the start, a linear layer to `width` numbers, `layers` causal blocks, a "
        "linear layer to `n_actions` logits. T interactions and the start make T + 1 positions.",
        "Torch has the block: `nn.TransformerEncoderLayer(width, heads, 4 * width, dropout=0.0, batch_first=True, "
        "norm_first=True)`. It is causal only if you give it a mask.",
        "`tokens = nn.functional.pad(interaction_tokens(actions, rewards, n_actions), (0, 0, 1, 0))` puts a token of "
        "zeros first. Give each position its age as a further number, `torch.arange(T + 1).log1p()`: attention takes "
        "means, and does not know of how many.",
        "`mask = nn.Transformer.generate_square_subsequent_mask(T + 1)`, and for each block "
        "`x = block(x, src_mask=mask, is_causal=True)`.",
    ],
    afterword="Nothing in it is made for bandits. What it will know about exploring, about favourites and about bad "
    "luck is what the tasks teach it.",
)
def in_context_policy(make: Any, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """Any causal network of these sizes: what it answers is random, what its answers hang on is not."""
    n_actions, batch, steps = int(rng.integers(3, 6)), 3, int(rng.integers(4, 6))
    actions = torch.tensor(rng.integers(0, n_actions, (batch, steps)))
    rewards = torch.tensor(rng.integers(0, 2, (batch, steps)), dtype=torch.float32)
    policy = make(n_actions, 16, 2, 2)
    logits = policy(actions, rewards)
    yield (
        "gives logits [B, T + 1, n_actions], before each interaction and after the last",
        derived(lambda x: list(np.shape(x)), logits),
    )
    yield "the same call gives the same answers", derived(_close, policy(actions, rewards), logits)
    nothing = policy(actions[:, :0], rewards[:, :0])
    yield (
        "answers before anything has happened, T = 0",
        derived(lambda x, whole: _close(x, np.asarray(whole)[:, :1]), nothing, logits),
    )
    cut = int(rng.integers(1, steps - 1))
    other_actions, other_rewards = actions.clone(), rewards.clone()
    other_actions[:, cut:] = (actions[:, cut:] + 1) % n_actions
    other_rewards[:, cut:] = 1 - rewards[:, cut:]
    yield (
        "lets no entry see what happens from there on",
        derived(
            lambda a, b: _close(np.asarray(a)[:, : cut + 1], np.asarray(b)[:, : cut + 1]),
            logits,
            policy(other_actions, other_rewards),
        ),
    )
    for label, other in (
        ("reads each action, the latest and the first", ((actions + 1) % n_actions, rewards)),
        ("reads each reward, the latest and the first", (actions, 1 - rewards)),
    ):
        seen = []
        for place in (0, steps - 1):
            changed = [one.clone() for one in (actions, rewards)]
            for one, new in zip(changed, other, strict=True):
                one[:, place] = new[:, place]
            answer = policy(*changed)
            later = (place + 1, steps)
            seen.append(derived(lambda a, b, later=later: [_moved(a, b, at) for at in later], answer, logits))
        yield label, seen
    yield (
        "answers each context alone",
        derived(lambda one, whole: _close(one, np.asarray(whole)[1:2]), policy(actions[1:2], rewards[1:2]), logits),
    )
    yield "gives logits, not probabilities", derived(_probabilities, logits)
    yield "lets gradients flow back", flows(policy, actions, rewards, wrt=1)
    sizes = [make(n_actions, *size).state_dict() for size in ((16, 2, 2), (32, 2, 2), (16, 4, 2))]
    yield "is as wide as `width` says", derived(lambda a, b: _parameters(b) > _parameters(a), *sizes[:2])
    yield "is as deep as `layers` says", derived(lambda a, b: _parameters(b) > _parameters(a), sizes[0], sizes[2])


def _moved(one: Any, other: Any, place: int) -> bool:
    return bool(np.abs(np.asarray(one)[:, place] - np.asarray(other)[:, place]).max() > 1e-6)


def _probabilities(logits: Any) -> bool:
    table = np.asarray(logits)
    return bool((table >= 0).all() and np.allclose(table.sum(axis=-1), 1, atol=1e-3))


def _parameters(state: dict[str, Any]) -> int:
    return sum(np.size(array) for array in state.values())


def _policy(
    name: str,
    diagnosis: str,
    *,
    width: int | None = None,
    layers: int | None = None,
    reads: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]] = lambda actions, rewards: (actions, rewards),
    answer: Callable[[Tensor], Tensor] = lambda logits: logits,
) -> None:
    """A mistaken policy: the reference's, with something done to its sizes, to what it reads or to its answer."""

    class Mistaken(reference.InContextPolicy):
        def __init__(self, n_actions: int, width_: int, layers_: int, heads: int) -> None:
            super().__init__(n_actions, width or width_, layers or layers_, heads)

        def forward(self, actions: Tensor, rewards: Tensor) -> Tensor:
            return answer(super().forward(*reads(actions, rewards)))

    Mistaken.__name__, Mistaken.__doc__ = name, diagnosis
    in_context_policy.mistake(Mistaken)


_policy(
    "start_missing",
    "There is no token for the start, so that there are T answers: the first action has to be chosen before "
    "anything has happened. Put one token before the others.",
    answer=lambda logits: logits[:, 1:],
)
_policy(
    "last_answer_missing",
    "The answer after the last interaction is missing: that is the one to act upon.",
    answer=lambda logits: logits[:, :-1],
)
_policy(
    "last_answer_alone",
    "It gives the last answer alone, [B, n_actions]: it is to learn from all T + 1 positions.",
    answer=lambda logits: logits[:, -1],
)
_policy(
    "one_step_late",
    "Entry t has not seen the interaction just before it: everything is shifted by one. One start token is enough.",
    answer=lambda logits: torch.cat([logits[:, :1], logits[:, :-1]], dim=1),
)
_policy(
    "probabilities",
    "It returns probabilities: the loss takes logits and applies a softmax of its own.",
    answer=lambda logits: logits.softmax(dim=-1),
)
_policy(
    "contexts_normalised_together",
    "A context's answer depends on the others in the batch: normalise over the numbers of one position (LayerNorm), "
    "not over the batch.",
    answer=lambda logits: logits - logits.mean(dim=0),
)
_policy(
    "rewards_unread",
    "The rewards do not reach the answer: without them a history says what was done, and not whether it was any good.",
    reads=lambda actions, rewards: (actions, rewards * 0),
)
_policy(
    "actions_unread",
    "The actions do not reach the answer: it sees that something paid, and not what.",
    reads=lambda actions, rewards: (actions * 0, rewards),
)
_policy(
    "detached",
    "The answer is cut off from its gradient: nothing would ever be learnt.",
    answer=lambda logits: logits.detach(),
)
_policy("width_ignored", "The layers have a width of their own: take it from `width`.", width=24)
_policy("layers_ignored", "The number of blocks is its own: make as many as `layers` says.", layers=3)


_policy(
    "drops_out",
    "Something is left out at random, dropout: the same history gets another answer each time, and while acting too. "
    "`nn.TransformerEncoderLayer` drops out a tenth unless it is told `dropout=0.0`.",
    answer=lambda logits: nn.functional.dropout(logits, 0.5),
)


def _time_first(name: str, diagnosis: str, masked: bool) -> None:
    """A mistaken policy of torch's layers, which read [T, B, width] unless they are told otherwise."""

    class Mistaken(reference.InContextPolicy):
        def __init__(self, n_actions: int, width: int, layers: int, heads: int) -> None:
            super().__init__(n_actions, width, layers, heads)
            blocks = [nn.TransformerEncoderLayer(width, heads, 4 * width, dropout=0.0) for _ in range(layers)]
            self.blocks = nn.ModuleList(blocks)

        def forward(self, actions: Tensor, rewards: Tensor) -> Tensor:
            tokens = reference.interaction_tokens(actions, rewards, self.n_actions)
            x = self.embed(nn.functional.pad(tokens, (0, 1, 1, 0)))
            later = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).triu(1)
            for block in self.blocks:
                x = block(x, src_mask=later if masked else None)
            logits: Tensor = self.head(x)
            return logits

    Mistaken.__name__, Mistaken.__doc__ = name, diagnosis
    in_context_policy.mistake(Mistaken)


_time_first(
    "mask_over_the_batch",
    "The mask is [T + 1, T + 1], and the layer asks for [B, B]: it takes the batch for time. "
    "`nn.TransformerEncoderLayer` reads [T, B, width] unless it is told `batch_first=True`.",
    masked=True,
)
_time_first(
    "batch_taken_for_time",
    "Contexts attend to one another, position by position, and none to its own past: the batch is taken for time. "
    "`nn.TransformerEncoderLayer` reads [T, B, width] unless it is told `batch_first=True`.",
    masked=False,
)


@in_context_policy.mistake
class FutureInTheBlocks(reference.InContextPolicy):
    """An entry sees what happens after it: the blocks have no causal mask. Then the policy learns from the answers,
    and is lost when it has to act.
    """

    def forward(self, actions: Tensor, rewards: Tensor) -> Tensor:
        """Every entry knows the whole context."""
        logits = super().forward(actions, rewards)
        return logits + logits[:, -1:]


@in_context_policy.mistake
class LatestAlone(reference.InContextPolicy):
    """An entry knows the latest interaction alone: a policy that forgets cannot find out anything. Each position must
    attend to all before it.
    """

    def forward(self, actions: Tensor, rewards: Tensor) -> Tensor:
        """Each entry from a context of one."""
        start = super().forward(actions[:, :0], rewards[:, :0])
        pairs = zip(actions.unbind(dim=1), rewards.unbind(dim=1), strict=True)
        return torch.cat(
            [start, *(super(LatestAlone, self).forward(a[:, None], r[:, None])[:, 1:] for a, r in pairs)], 1
        )


@in_context_policy.mistake
class NeedsAHistory(reference.InContextPolicy):
    """It cannot answer where nothing has happened yet, T = 0: the start token alone is a context too."""

    def forward(self, actions: Tensor, rewards: Tensor) -> Tensor:
        """Looks at the last interaction, which need not be there."""
        if actions.shape[1] == 0:
            raise IndexError("index -1 is out of bounds for dimension 1 with size 0")
        return super().forward(actions, rewards)


@exercise(
    reference.dpt_loss,
    points=2,
    minutes=8,
    hints=[
        "One label for each context, and T + 1 answers to it: each of them is to name the same best action.",
        "`nn.functional.cross_entropy` takes logits [N, K] and labels [N]. Repeat each label T + 1 times, in the order "
        "in which the logits lie.",
        "`labels = best_action[:, None].expand(B, T + 1)`, then flatten both: `cross_entropy(logits.flatten(0, 1), "
        "labels.flatten())`.",
    ],
    afterword="Whoever makes this small over many tasks answers with the probability that each action is best, given "
    "what was seen: Bayes' posterior, without a formula for it.",
)
def dpt_loss(loss: Any, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """Random logits, errors at the first and at the last position alone, no interaction, large logits."""
    batch, positions, count = int(rng.integers(2, 4)), int(rng.integers(3, 5)), int(rng.integers(3, 5))
    logits = _rounded(rng, -2, 2, batch, positions, count)
    best = torch.tensor(rng.integers(0, count, batch))
    best[0], best[1] = 1, 2
    yield "is the cross-entropy, mean over the batch and all positions", loss(logits, best)
    sure = torch.zeros(batch, positions, count)
    sure[torch.arange(batch), :, best] = 30.0
    for label, place in (
        ("counts the answer before anything was seen", 0),
        ("counts the answer to all that was seen", -1),
    ):
        wrong = sure.clone()
        wrong[:, place] = -sure[:, place] / 10
        yield label, loss(wrong, best)
    yield "serves a context of nothing, T = 0", loss(logits[:, :1], best)
    yield (
        "stays exact for logits up to ±1000",
        loss(logits[:1, :2] * 0 + torch.tensor([1000.0, *[-1000.0] * (count - 1)]), best[:1]),
    )
    yield "lets gradients flow back", gradient(loss, logits, best, wrt=0)


@dpt_loss.mistake
def last_position_alone(logits: Tensor, best_action: Tensor) -> Tensor:
    """Only the answer to the whole context counts: the policy then never learns what to do with a short one, and
    every context is short when it begins to act.
    """
    return nn.functional.cross_entropy(logits[:, -1], best_action)


@dpt_loss.mistake
def empty_prefix_skipped(logits: Tensor, best_action: Tensor) -> Tensor:
    """The answer before anything was seen does not count: it is a decision too, the first of every task."""
    kept = logits[:, 1:] if logits.shape[1] > 1 else logits
    return reference.dpt_loss(kept, best_action)


@dpt_loss.mistake
def last_position_skipped(logits: Tensor, best_action: Tensor) -> Tensor:
    """The last answer does not count: no action follows it in the log, but the label is the task's and holds there
    too.
    """
    kept = logits[:, :-1] if logits.shape[1] > 1 else logits
    return reference.dpt_loss(kept, best_action)


@dpt_loss.mistake
def first_position_alone(logits: Tensor, best_action: Tensor) -> Tensor:
    """Only the answer before anything was seen counts: the context is never used."""
    return nn.functional.cross_entropy(logits[:, 0], best_action)


@dpt_loss.mistake
def logits_averaged(logits: Tensor, best_action: Tensor) -> Tensor:
    """It takes the mean of the logits over the positions, and one loss of that: each position is an answer with a loss
    of its own. Take the mean of the losses.
    """
    return nn.functional.cross_entropy(logits.mean(dim=1), best_action)


@dpt_loss.mistake
def summed(logits: Tensor, best_action: Tensor) -> Tensor:
    """It sums: the mean over the batch and all positions is asked for, or the step size changes with both."""
    return reference.dpt_loss(logits, best_action) * logits.shape[0] * logits.shape[1]


@dpt_loss.mistake
def summed_over_positions(logits: Tensor, best_action: Tensor) -> Tensor:
    """It sums over the positions: longer contexts would count more. Take the mean over all of them."""
    return reference.dpt_loss(logits, best_action) * logits.shape[1]


@dpt_loss.mistake
def one_for_each(logits: Tensor, best_action: Tensor) -> Tensor:
    """It gives a loss for each position, [B, T + 1]: the mean of them is asked for."""
    labels = best_action[:, None].expand(logits.shape[:2])
    return nn.functional.cross_entropy(logits.transpose(1, 2), labels, reduction="none")


@dpt_loss.mistake
def labels_in_another_order(logits: Tensor, best_action: Tensor) -> Tensor:
    """Logits and labels are flattened in different orders: `repeat` runs through the batch T + 1 times, and the logits
    lie context by context. Use `expand` or `repeat_interleave`.
    """
    return nn.functional.cross_entropy(logits.flatten(0, 1), best_action.repeat(logits.shape[1]))


@dpt_loss.mistake
def softmax_twice(logits: Tensor, best_action: Tensor) -> Tensor:
    """A softmax comes before `cross_entropy`, which applies one itself: it takes logits."""
    return reference.dpt_loss(logits.softmax(dim=-1), best_action)


@dpt_loss.mistake
def log_of_the_softmax(logits: Tensor, best_action: Tensor) -> Tensor:
    """It takes the logarithm of a softmax: where a probability is rounded to 0 that is −inf. Take `log_softmax`, or
    `cross_entropy`, which does.
    """
    labels = best_action[:, None, None].expand(*logits.shape[:2], 1)
    return -logits.softmax(dim=-1).log().gather(2, labels).mean()


@dpt_loss.mistake
def squared_error(logits: Tensor, best_action: Tensor) -> Tensor:
    """It is a squared error of the probabilities: the cross-entropy, −log of the label's probability, is asked for."""
    wanted = nn.functional.one_hot(best_action, logits.shape[-1]).float()[:, None]
    return ((logits.softmax(dim=-1) - wanted) ** 2).sum(dim=-1).mean()


@dpt_loss.mistake
def likelihood_made_small(logits: Tensor, best_action: Tensor) -> Tensor:
    """The sign is turned round: as a loss this makes the best action *un*likely."""
    return -reference.dpt_loss(logits, best_action)


@dpt_loss.mistake
def own_choice_as_label(logits: Tensor, best_action: Tensor) -> Tensor:
    """The label is the policy's own favourite: it would learn to be sure, whatever is true."""
    return nn.functional.cross_entropy(logits.flatten(0, 1), logits.flatten(0, 1).argmax(dim=1))


@dpt_loss.mistake
def logits_detached(logits: Tensor, best_action: Tensor) -> Tensor:
    """The logits are cut off from their gradient: nothing is learnt."""
    return reference.dpt_loss(logits.detach(), best_action)


ROWS = 4000


@exercise(
    reference.sample_action,
    points=2,
    minutes=8,
    hints=[
        "Divide the logits by the temperature, make probabilities of them, draw. One temperature cannot be divided by.",
        "At temperature 0 return `logits.argmax(dim=1)`. Otherwise `(logits / temperature).softmax(dim=1)` has a "
        "distribution in each row.",
        "`probabilities.multinomial(1, generator=generator)[:, 0]` draws one action for each row, from your generator.",
    ],
    afterword="At temperature 1 this is Thompson sampling, if the logits are right: each action as often as it is "
    "likely to be the best. At ¼ the likely ones come more often still, p⁴ in place of p.",
)
def sample_action(sample: Any, rng: np.random.Generator) -> Iterator[tuple[Any, ...]]:
    """Many equal rows at three temperatures, different rows, the best, equal seeds, large logits."""
    seed, count = int(rng.integers(1, 1000)), int(rng.integers(3, 5))
    row = torch.tensor([0.6, -0.4, 0.1, -0.2][:count])[torch.tensor(rng.permutation(count))]
    rows = row.repeat(ROWS, 1)

    def generator(at: int = seed) -> torch.Generator:
        return torch.Generator().manual_seed(at)

    def frequencies(drawn: Any) -> np.ndarray:
        return np.bincount(np.asarray(drawn), minlength=count)

    for label, temperature in (
        ("draws from softmax(logits) at temperature 1", 1.0),
        ("is sharper below 1", 0.25),
        ("is flatter above 1", 3.0),
    ):
        yield label, derived(frequencies, sample(rows, temperature, generator())), SameFrequencies()
    certain = 40.0 * nn.functional.one_hot(torch.tensor(rng.permutation(count)), count).float()
    yield "draws an action for each row, [B]", sample(certain, 1.0, generator())
    mixed = _rounded(rng, -1, 1, 4, count) + 2.0 * torch.eye(count)[torch.tensor(rng.integers(0, count, 4))]
    yield "takes the action of greatest logit at temperature 0", sample(mixed, 0.0, generator())
    close_call = torch.full((2, count), -1000.0)
    close_call[0, 1], close_call[1, 0] = 1000.0, 1000.0
    yield "stays exact for logits up to ±1000", sample(close_call, 0.25, generator())
    once, again, other = (sample(rows[:40], 1.0, generator(at)) for at in (seed, seed, seed + 1))
    yield "draws the same from equal generators", derived(lambda a, b: _close(a, b), once, again)
    yield "draws otherwise from another generator", derived(lambda a, b: _close(a, b), once, other)
    yield (
        "goes on drawing with each call",
        derived(lambda draws: _close(*draws), repeated(sample, 2, rows[:40], 1.0, generator())),
    )


def _drawn(probabilities: Tensor, generator: torch.Generator) -> Tensor:
    return probabilities.multinomial(1, generator=generator)[:, 0]


@sample_action.mistake
def temperature_inverted(logits: Tensor, temperature: float, generator: torch.Generator) -> Tensor:
    """It multiplies by the temperature: a low one is to make the policy *sharper*. Divide."""
    if temperature == 0:
        return logits.argmax(dim=1)
    return _drawn((logits * temperature).softmax(dim=1), generator)


@sample_action.mistake
def divides_by_zero(logits: Tensor, temperature: float, generator: torch.Generator) -> Tensor:
    """It divides by the temperature 0: ±inf and NaN are no probabilities. At 0 the best action is asked for."""
    return _drawn((logits / temperature).softmax(dim=1), generator)


@sample_action.mistake
def zero_taken_for_one(logits: Tensor, temperature: float, generator: torch.Generator) -> Tensor:
    """At temperature 0 it draws as at 1: `temperature or 1` takes 0 for missing. At 0 the best action is asked for."""
    return _drawn((logits / (temperature or 1.0)).softmax(dim=1), generator)


@sample_action.mistake
def always_the_best(logits: Tensor, temperature: float, generator: torch.Generator) -> Tensor:
    """It always takes the best action: only at temperature 0 is it to do so. Whoever never tries anything else never
    learns of anything else.
    """
    return logits.argmax(dim=1)


@sample_action.mistake
def uniform_above_zero(logits: Tensor, temperature: float, generator: torch.Generator) -> Tensor:
    """It draws any action, as epsilon-greedy does when it explores: draw from softmax(logits / temperature)."""
    return logits.argmax(dim=1) if temperature == 0 else _drawn(torch.ones_like(logits), generator)


@sample_action.mistake
def temperature_without_effect(logits: Tensor, temperature: float, generator: torch.Generator) -> Tensor:
    """But for 0 the temperature has no effect: it is left out, or divides the probabilities, whose ratios stay as they
    were. Divide the logits, *before* the softmax.
    """
    if temperature == 0:
        return logits.argmax(dim=1)
    return _drawn(logits.softmax(dim=1) / temperature, generator)


@sample_action.mistake
def softmax_of_a_softmax(logits: Tensor, temperature: float, generator: torch.Generator) -> Tensor:
    """It takes a softmax of a softmax: from 1.0 and 0.0 that makes 0.73 and 0.27, and nothing is ever likely."""
    if temperature == 0:
        return logits.argmax(dim=1)
    return _drawn((logits.softmax(dim=1) / temperature).softmax(dim=1), generator)


@sample_action.mistake
def softmax_over_the_batch(logits: Tensor, temperature: float, generator: torch.Generator) -> Tensor:
    """The softmax runs over the batch, `dim=0`: each row is to be a distribution of its own, `dim=1`."""
    if temperature == 0:
        return logits.argmax(dim=1)
    return _drawn((logits / temperature).softmax(dim=0) + 1e-12, generator)


@sample_action.mistake
def exponentials_overflow(logits: Tensor, temperature: float, generator: torch.Generator) -> Tensor:
    """It computes exp of the logits: exp(1000) is infinite. `softmax` subtracts the greatest first."""
    return logits.argmax(dim=1) if temperature == 0 else _drawn((logits / temperature).exp(), generator)


@sample_action.mistake
def worst_at_zero(logits: Tensor, temperature: float, generator: torch.Generator) -> Tensor:
    """At temperature 0 it takes the *least* logit: the greatest is the best."""
    return logits.argmin(dim=1) if temperature == 0 else reference.sample_action(logits, temperature, generator)


@sample_action.mistake
def one_draw_for_all(logits: Tensor, temperature: float, generator: torch.Generator) -> Tensor:
    """It draws once, from the first row, for the whole batch: each row needs a draw of its own."""
    return reference.sample_action(logits[:1], temperature, generator).expand(len(logits))


@sample_action.mistake
def in_a_column(logits: Tensor, temperature: float, generator: torch.Generator) -> Tensor:
    """The actions are [B, 1]: `multinomial(1)` gives a column. Take `[:, 0]`."""
    return reference.sample_action(logits, temperature, generator)[:, None]


@sample_action.mistake
def draws_from_another(logits: Tensor, temperature: float, generator: torch.Generator) -> Tensor:
    """It does not draw from `generator`: then nothing that follows can be repeated. Pass `generator=generator`."""
    fresh = torch.Generator()
    fresh.seed()
    return reference.sample_action(logits, temperature, fresh)


@sample_action.mistake
def seeds_again(logits: Tensor, temperature: float, generator: torch.Generator) -> Tensor:
    """It seeds anew in every call: each call then makes the same draws. Use the generator as it comes."""
    return reference.sample_action(logits, temperature, torch.Generator().manual_seed(0))


@dataclasses.dataclass(frozen=True)
class Known:
    """Probabilities within a distance of those that Bayes' rule gives.

    What is compared with is the known value, where it is near that, whatever a reference learnt: two trainings may lie
    on different sides of it. A mistake's value, which is not near, stands for itself.
    """

    value: tuple[float, ...]
    distance: float

    def __call__(self, got: Any, wanted: Any) -> bool:
        """Whether every entry is near enough."""
        actual, expected, known = (np.asarray(x, dtype=float) for x in (got, wanted, self.value))
        if actual.shape != known.shape or expected.shape != known.shape:
            return False
        aim = known if np.abs(expected - known).max() <= self.distance else expected
        return bool(np.abs(actual - aim).max() <= self.distance)


ARMS, PULLS, STEPS = 5, 20, 400
JUDGED_TASKS, TEMPERATURE = 2000, 0.25
THRESHOLD = 13.5


@exercise(
    reference.pretrain,
    points=4,
    minutes=25,
    trains=True,
    hints=[
        "In each update: new tasks, what a logger did in them, what it earned, which arm is really best; one loss; one "
        "step of the optimiser.",
        "`rates = torch.rand(batch, 5, generator=generator)`. A logger with a taste: random numbers [batch, 5], "
        "larger in some tasks than in others; their softmax says how often it pulls which arm. It sees no rates.",
        "`actions = taste.softmax(dim=1).multinomial(20, replacement=True, generator=generator)`, and a pull pays "
        "where a uniform number is less than `rates.gather(1, actions)`.",
        "`loss = dpt_loss(policy(actions, rewards), rates.argmax(dim=1))`; Adam with 0.004, rising over 50 "
        "updates, then falling to 0; make the network under `torch.random.fork_rng()` after `torch.manual_seed(seed)`.",
    ],
    afterword="Nobody told it how to explore, and no reward was made large: it learnt to *infer*, and acting on what "
    "it infers is exploring. What it can infer is what the tasks have in common.",
)
def pretrain(train: Any, rng: np.random.Generator) -> Iterator[tuple[Any, ...]]:
    """Contexts of which Bayes' rule says what to think, the seed, then new tasks."""
    seed = int(rng.integers(1, 1000))
    policy = train(STEPS, seed=seed)

    def thinks(actions: Any, rewards: Any) -> Any:
        """The probabilities [B, K] after all of these interactions [B, T]."""
        logits = policy(torch.as_tensor(np.asarray(actions)), torch.as_tensor(np.asarray(rewards), dtype=torch.float32))
        return derived(lambda x: _softmax(np.asarray(x)[:, -1]), logits)

    yield (
        "is undecided where it has seen nothing",
        derived(lambda p: np.sort(p[0]), thinks(np.zeros((1, 0), int), np.zeros((1, 0)))),
        Known((0.2,) * ARMS, 0.1),
    )
    each = np.arange(ARMS)
    once = [thinks(each[:, None], np.full((ARMS, 1), paid)) for paid in (1.0, 0.0)]
    yield (
        "knows what a single pull tells: 1/3 after a success, 1/15 after a failure",
        derived(lambda won, lost: [float(p[each, each].mean()) for p in (won, lost)], *once),
        Known((1 / 3, 1 / 15), 0.11),
    )
    names, order = rng.permutation(ARMS), rng.permutation(PULLS)
    for label, (pulls, won) in (
        ("weighs what an arm paid, not how often it was pulled", ((10, 3, 3, 2, 2), (3, 3, 0, 1, 0))),
        ("trusts much evidence more than little", ((9, 4, 3, 2, 2), (7, 3, 0, 1, 0))),
    ):
        shown = np.repeat(names, pulls)
        paid = np.concatenate([np.arange(tried) < hits for tried, hits in zip(pulls, won, strict=True)])
        yield (
            label,
            derived(lambda p: p[0, names], thinks(shown[None, order], paid[None, order])),
            Known(tuple(best_arm(won, np.subtract(pulls, won))), 0.27),
        )

    def trained(at: int) -> Any:
        return train(2, seed=at)(torch.tensor([[0, 1]]), torch.tensor([[1.0, 0.0]]))

    one, same, other = trained(seed), trained(seed), trained(seed + 1)
    yield "draws everything from the seed", derived(np.array_equal, one, same)
    yield "learns otherwise from another seed", derived(np.array_equal, one, other)
    yield (
        f"earns {THRESHOLD:g} or more with {PULLS} pulls of a new bandit, sampled at a quarter",
        earned(policy, JUDGED_TASKS, seed + 10_000),
        AtLeast(THRESHOLD),
    )


def _softmax(logits: Any) -> np.ndarray:
    return torch.as_tensor(np.asarray(logits)).softmax(dim=-1).numpy()


def earned(policy: Any, tasks: int, seed: int) -> Any:
    """What the arms that a policy pulls pay on average over PULLS pulls, in so many new tasks; or a Fault."""
    rng = np.random.default_rng(seed)
    generator = torch.Generator().manual_seed(seed)
    rates = rng.random((tasks, ARMS))
    actions, rewards = torch.zeros(tasks, 0, dtype=torch.int64), torch.zeros(tasks, 0)
    total = np.zeros(tasks)
    for _ in range(PULLS):
        chosen = derived(
            lambda x: reference.sample_action(torch.as_tensor(np.asarray(x)[:, -1]), TEMPERATURE, generator),
            policy(actions, rewards),
        )
        if not isinstance(chosen, Tensor):
            return chosen
        means = rates[np.arange(tasks), chosen.numpy()]
        total += means
        pays = torch.as_tensor(rng.random(tasks) < means, dtype=torch.float32)
        actions, rewards = torch.cat([actions, chosen[:, None]], 1), torch.cat([rewards, pays[:, None]], 1)
    return float(total.mean())


class _Believer(nn.Module):
    """Answers with what Bayes' rule says in a mistaken world: where a training on it ends, without the training.

    `believes(actions, rewards)` gives the probabilities [B, K] after all of the interactions [B, T].
    """

    def __init__(self, believes: Callable[[Tensor, Tensor], Any], shift: float = 0.0) -> None:
        super().__init__()
        self.believes, self.shift = believes, shift

    def forward(self, actions: Tensor, rewards: Tensor) -> Tensor:
        """Logits [B, T + 1, K]."""
        seen = [self.believes(actions[:, :t], rewards[:, :t]) for t in range(actions.shape[1] + 1)]
        probabilities = torch.as_tensor(np.stack([np.asarray(p) for p in seen], axis=1), dtype=torch.float32)
        return probabilities.clamp_min(1e-6).log() + self.shift


def _right(actions: Tensor, rewards: Tensor) -> np.ndarray:
    won, lost = counts(actions, rewards, ARMS)
    return best_arm(won[:, -1], lost[:, -1])


def _by_particles(
    likelihood: Callable[[np.ndarray, int, float], np.ndarray],
    answers: Callable[[np.ndarray, list[int], list[float]], np.ndarray],
) -> Callable[[Tensor, Tensor], np.ndarray]:
    """Beliefs in a world of which 20,000 cases are drawn, each five rates and five tastes of a logger, [M, 10].

    `likelihood(cases, action, reward)` [M] is that of one interaction, `answers(cases, actions, rewards)` [M, K] what
    is learnt in each case after these.
    """
    draw = np.random.default_rng(0)
    rates, liked = draw.random((20_000, ARMS)), 4 * draw.random((20_000, 1)) * draw.standard_normal((20_000, ARMS))
    cases = np.hstack([rates, liked])

    def believes(actions: Tensor, rewards: Tensor) -> np.ndarray:
        rows = []
        for did, got in zip(actions.tolist(), rewards.tolist(), strict=True):
            logs = np.zeros(len(cases))
            for action, reward in zip(did, got, strict=True):
                logs = logs + np.log(likelihood(cases, action, reward) + 1e-30)
            weight = np.exp(logs - logs.max())
            rows.append(weight @ answers(cases, did, got) / weight.sum())
        return np.array(rows).reshape(-1, ARMS)

    return believes


def _pays(cases: np.ndarray, action: int, reward: float) -> np.ndarray:
    return np.asarray(np.where(reward > 0.5, cases[:, action], 1 - cases[:, action]))


def _pulls(cases: np.ndarray) -> np.ndarray:
    """How often the logger of each case pulls each arm [M, K]."""
    powers = np.exp(cases[:, ARMS:])
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _best(cases: np.ndarray, *_: Any) -> np.ndarray:
    return np.eye(ARMS)[cases[:, :ARMS].argmax(axis=1)]


def _paid_most(cases: np.ndarray, did: list[int], got: list[float]) -> np.ndarray:
    """The arm that will have paid most often in the log, once all of its pulls are made."""
    draw = np.random.default_rng(1)
    left = PULLS - len(did)
    pulled = (_pulls(cases)[:, None].cumsum(axis=2) < draw.random((len(cases), left, 1))).sum(axis=2).clip(max=ARMS - 1)
    paid = draw.random((len(cases), left)) < np.take_along_axis(cases, pulled, axis=1)
    total = ((pulled[..., None] == np.arange(ARMS)) & paid[..., None]).sum(axis=1).astype(float)
    for action, reward in zip(did, got, strict=True):
        total[:, action] += reward
    return np.eye(ARMS)[(total + 0.1 * draw.random(total.shape)).argmax(axis=1)]


def _mistaken(name: str, diagnosis: str, believes: Callable[[Tensor, Tensor], Any]) -> None:
    def train(steps: int, *, seed: int) -> Any:
        return _Believer(believes, shift=float(np.sin(seed)))

    train.__name__, train.__doc__ = name, diagnosis
    pretrain.mistake(train)


_mistaken(
    "nothing_learnt",
    "After any history it finds all arms alike. Either nothing is learnt (is there a step of the optimiser, and the "
    "loss of *this* update?), or the parts do not belong together: rewards must be of the arms that were pulled, "
    "labels of the tasks that they were pulled in.",
    lambda actions, rewards: np.full((len(actions), ARMS), 1 / ARMS),
)
_mistaken(
    "worst_arm_for_label",
    "It learns to name the arm of *least* rate: the label is the argmax of the rates.",
    lambda actions, rewards: _right(actions, 1 - rewards),
)
_mistaken(
    "does_what_was_done",
    "It learns what the logger does next: that is imitation. The label is the arm that is best in the task, whatever "
    "the logger pulled.",
    _by_particles(lambda cases, action, reward: _pulls(cases)[:, action], lambda cases, *_: _pulls(cases)),
)
_mistaken(
    "logger_knows_the_rates",
    "The logger looks at the rates: then its pulls give the answer away, and the policy learns to trust what was "
    "pulled often. When it acts for itself nobody knows the rates. Draw the logger's taste apart from them.",
    _by_particles(
        lambda cases, action, reward: (
            _pays(cases, action, reward) * np.exp(8 * cases[:, action]) / np.exp(8 * cases[:, :ARMS]).sum(axis=1)
        ),
        _best,
    ),
)
_mistaken(
    "rates_for_rewards",
    "The contexts hold the arms' rates in the place of rewards: without chance one success says that an arm always "
    "pays. A pull pays 1 with its arm's rate, and else 0.",
    _by_particles(lambda cases, action, reward: np.exp(-(((cases[:, action] - reward) / 0.02) ** 2) / 2), _best),
)
_mistaken(
    "label_from_the_log",
    "The label is the arm that paid most often in the log: what was pulled often is then called good. The label is the "
    "arm of greatest *rate*, which the log does not show.",
    _by_particles(
        lambda cases, action, reward: _pays(cases, action, reward) * _pulls(cases)[:, action],
        _paid_most,
    ),
)


@pretrain.mistake
def one_task_for_ever(steps: int, *, seed: int) -> Any:
    """The task is drawn once, before the loop: it learns which arm is best *there*, and no history changes its mind.
    Draw new rates in each update, for each context.
    """
    return _Believer(lambda actions, rewards: np.tile(np.eye(ARMS)[seed % ARMS], (len(actions), 1)))


@pretrain.mistake
def draws_elsewhere(steps: int, *, seed: int) -> Any:
    """Two trainings with one seed differ: make the first weights under `torch.random.fork_rng()` after
    `torch.manual_seed(seed)`, and draw all else from one `torch.Generator().manual_seed(seed)`.
    """
    return _Believer(_right, shift=float(np.random.default_rng().normal()))


@pretrain.mistake
def seed_ignored(steps: int, *, seed: int) -> Any:
    """Another seed changes nothing: a seed of its own stands in the code. Take the one given."""
    return _Believer(_right)
