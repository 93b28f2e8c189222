"""Lesson 10: references for mining long- and short-term interest, and for placing a new item."""

import torch
from torch import Tensor, nn


def decayed_interest(item_vectors: Tensor, decay: float) -> Tensor:
    """The weighted mean [D] of the items seen, in which each step back in time weighs `decay` times as much.

    `item_vectors` [T, D] are in time order, the last seen last, T at least 1. `decay` is from 0 to 1: the
    last item weighs 1, the one before it `decay`, the first decay^(T − 1); the weights are divided by their
    sum. At 1 it is the plain mean, at 0 the last item alone (0⁰ is 1).
    """
    steps_back = torch.arange(len(item_vectors) - 1, -1, -1)
    weights = torch.as_tensor(decay, dtype=item_vectors.dtype) ** steps_back  # [T]
    return weights @ item_vectors / weights.sum()


def attention_interest(history: Tensor, mask: Tensor, candidate: Tensor) -> Tensor:
    """What each user has liked, weighed by its likeness to a candidate: [B, D].

    `history` [B, T, D] holds item vectors, `mask` [B, T] bool is true where there is an item, `candidate`
    is [B, D]. The weights of a row are the softmax, over its true places alone, of ⟨history, candidate⟩ / √D
    (Vaswani et al. 2017, section 3.2.1); they are exact for products up to ±1000. Zeros where a row has no
    item. Differentiable, with finite gradients for such rows too.
    """
    scores = (history * candidate[:, None]).sum(dim=2) / candidate.shape[1] ** 0.5  # [B, T]
    # the least finite number and not −inf: a row without an item has no 0/0 then, forwards or backwards
    weights = scores.masked_fill(~mask, torch.finfo(scores.dtype).min).softmax(dim=1) * mask
    return (weights[:, :, None] * history).sum(dim=1)


class InterestModel(nn.Module):
    """Scores each item of a catalogue for each user, from what the user has seen so far.

    `InterestModel(n_items, size)`: a long-term interest, of all that was seen, and a short-term one, in
    which the latest counts most, both of `size` numbers. A gate weighs the two.
    """

    def __init__(self, n_items: int, size: int) -> None:
        """Make the item vectors and the gate, with random weights."""
        super().__init__()
        self.seen = nn.Embedding(n_items, size)  # an item as a part of a history
        self.items = nn.Embedding(n_items, size)  # an item as a candidate
        self.query = nn.Parameter(torch.zeros(size))  # what to look for in the long run
        self.everyone = nn.Parameter(torch.zeros(size))  # the interest of somebody of whom nothing is known
        self.forgetting = nn.Parameter(torch.zeros(()))
        self.gate = nn.Linear(2 * size, 1)
        for table in (self.seen, self.items):
            nn.init.normal_(table.weight, std=size**-0.5)

    def interests(self, history: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The long-term and the short-term interest [B, size], and the share [B, 1] of the long one."""
        vectors = self.seen(history.where(mask, 0))  # [B, T, size]
        long = attention_interest(vectors, mask, self.query.expand(len(history), -1))
        later = mask.sum(dim=1, keepdim=True) - mask.cumsum(dim=1)  # [B, T], how many items came after
        weights = self.forgetting.sigmoid() ** later * mask
        short = (weights[:, :, None] * vectors).sum(dim=1) / weights.sum(dim=1, keepdim=True).clamp(min=1)
        return long, short, self.gate(torch.cat([long, short], dim=1)).sigmoid()

    def forward(self, history: Tensor, mask: Tensor) -> Tensor:
        """The score [B, n_items] of each item for each row, of those seen too: finite, before any softmax.

        `history` [B, T] holds item numbers, 0 to n_items − 1, in time order; `mask` [B, T] bool is true where
        there is an item; what stands elsewhere, after the items of a shorter row, is padding and has no
        influence. The gate is computed from the row's own two interests. A row without any item gets
        finite scores, the same ones for all such rows.
        """
        long, short, gate = self.interests(history, mask)
        return (gate * long + (1 - gate) * short + self.everyone) @ self.items.weight.T


def recall_at_k(ranked: Tensor, relevant: Tensor, k: int) -> float:
    """The share of rows whose one relevant item is among the first k.

    `ranked` [N, K] holds item numbers, best first; `relevant` [N] an item number for each row; N at least 1,
    k from 1 to K.
    """
    return (ranked[:, :k] == relevant[:, None]).any(dim=1).float().mean().item()


def new_item_vector(features: Tensor, feature_vectors: Tensor) -> Tensor:
    """Where to place an item that nobody has seen: the mean [D] of the vectors of its features.

    `features` [F] bool says which features the item has, `feature_vectors` [F, D] holds one vector for each.
    Zeros where it has none.
    """
    own = features.to(feature_vectors.dtype)
    return own @ feature_vectors / own.sum().clamp(min=1)


def train_interest_model(histories: list[Tensor], steps: int, *, seed: int) -> InterestModel:
    """Learn to say what comes next, in `steps` steps of gradient descent.

    `histories` holds an array of item numbers for each user, in time order; the greatest of all numbers is
    the catalogue's last item. A step draws some moments: a user and one of the items from the second on. It is
    to be predicted from those before it, and from nothing else, by a softmax over the whole catalogue.
    All randomness comes from `seed`: equal seeds give equal networks.
    """
    size, batch_size = 32, 256
    lengths = torch.tensor([len(history) for history in histories])
    longest = min(50, int(lengths.max()) - 1)  # what lies further back is not looked at
    items = torch.cat([torch.as_tensor(history).long() for history in histories])  # one after the other
    first = (lengths.cumsum(0) - lengths).repeat_interleave(lengths)  # where the history of each item begins
    place = torch.arange(len(items))
    moments = place[place > first]
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = InterestModel(int(items.max()) + 1, size)
    optimiser = torch.optim.Adam(network.parameters(), lr=0.03)
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = 0.03 * (1 - step / steps)
        now = moments[torch.randint(len(moments), (batch_size,), generator=generator)]
        # the items before now, the latest `longest` of them: begin there, and stop before now
        begin = torch.maximum(first[now], now - longest)
        before = begin[:, None] + torch.arange(longest)  # [B, T]
        mask = before < now[:, None]
        history = items[before.where(mask, 0)]
        loss = nn.functional.cross_entropy(network(history, mask), items[now])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return network
