"""A causal transformer with a key-value cache, and the policies of lesson 09 that were pretrained for long."""

import torch
from torch import Tensor, nn

from metarec import shipped

Cache = list[tuple[Tensor, Tensor]]
"""Keys and values [B, H, N, D] of all positions so far, for each layer; empty at the start."""


class CausalTransformer(nn.Module):
    """Reads tokens [B, N, token_size], answers at each position [B, N, outputs], and never looks ahead.

    It is the network of lesson 09's `InContextPolicy`, under the same names, for tokens and answers of any kind. A
    token also gets its age, log(1 + position): attention takes means and does not know of how many.
    """

    def __init__(self, token_size: int, outputs: int, width: int, layers: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.embed = nn.Sequential(nn.Linear(token_size + 1, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

        def each(make: type[nn.Module], *sizes: int) -> nn.ModuleList:
            return nn.ModuleList([make(*sizes) for _ in range(layers)])

        self.norms, self.middles = each(nn.LayerNorm, width), each(nn.LayerNorm, width)
        self.projections, self.mixers = each(nn.Linear, width, 3 * width), each(nn.Linear, width, width)
        self.wideners, self.narrowers = each(nn.Linear, width, 4 * width), each(nn.Linear, 4 * width, width)
        self.last, self.head = nn.LayerNorm(width), nn.Linear(width, outputs)

    def forward(self, tokens: Tensor) -> Tensor:
        """Answers [B, N, outputs] to a whole sequence."""
        return self.read(tokens, [])[0]

    def read(self, tokens: Tensor, cache: Cache) -> tuple[Tensor, Cache]:
        """Answers [B, N, outputs] to tokens that follow those in the cache, and the cache with them.

        At the start the cache is empty and N is any number, afterwards N is 1: the new token alone goes through the
        layers, and attends to the keys and values that are kept. The old cache stays as it was.
        """
        return self._read(tokens, cache, None)

    def attention(self, tokens: Tensor) -> Tensor:
        """How much each position attends to each [B, layers, H, N, N], rows summing to 1: for pictures."""
        watched: list[Tensor] = []
        self._read(tokens, [], watched)
        return torch.stack(watched, dim=1)

    def _read(self, tokens: Tensor, cache: Cache, watched: list[Tensor] | None) -> tuple[Tensor, Cache]:
        seen, count = cache[0][0].shape[2] if cache else 0, tokens.shape[1]
        age = torch.arange(seen, seen + count, device=tokens.device).log1p()
        x = self.embed(torch.cat([tokens, age[:, None].expand(*tokens.shape[:2], 1)], dim=2))
        kept: Cache = []
        for layer in range(len(self.norms)):
            # [B, N, 3 · width] becomes three times [B, H, N, D]
            parts = self.projections[layer](self.norms[layer](x)).unflatten(2, (3, self.heads, -1))
            query, key, value = parts.permute(2, 0, 3, 1, 4)
            if cache:
                key, value = (torch.cat(pair, dim=2) for pair in zip(cache[layer], (key, value), strict=True))
            kept.append((key, value))
            mixed = nn.functional.scaled_dot_product_attention(query, key, value, is_causal=not cache)
            if watched is not None:
                # the weights themselves are the means of the rows of the identity
                rows = torch.eye(count).expand(*query.shape[:2], -1, -1)
                watched.append(nn.functional.scaled_dot_product_attention(query, key, rows, is_causal=True))
            x = x + self.mixers[layer](mixed.transpose(1, 2).flatten(2))
            x = x + self.narrowers[layer](nn.functional.gelu(self.wideners[layer](self.middles[layer](x))))
        answers: Tensor = self.head(self.last(x))
        return answers, kept


class ArmsAlike(nn.Module):
    """One small transformer for all arms of a bandit: an arm's logit is read from the history as this arm sees it.

    A token [B, N, K + 1], action and reward as in lesson 09, becomes one of three numbers for each arm: was it this
    one, what did it pay then, what did another one pay. The arms' names thus play no part, by construction, and what
    is learnt of one arm holds for all. For any number of arms.
    """

    def __init__(self, each: CausalTransformer) -> None:
        """`each` reads tokens of three numbers and gives one."""
        super().__init__()
        self.each = each

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits [B, N, K] to a whole sequence."""
        return self.read(tokens, [])[0]

    def read(self, tokens: Tensor, cache: Cache) -> tuple[Tensor, Cache]:
        """As `CausalTransformer.read`; the cache's first dimension is B · K."""
        chosen, reward = tokens[..., :-1], tokens[..., -1:]
        seen = torch.stack([chosen, chosen * reward, (1 - chosen) * reward], dim=-1)  # [B, N, K, 3]
        answers, cache = self.each.read(seen.transpose(1, 2).flatten(0, 1), cache)
        return answers.unflatten(0, (-1, chosen.shape[2]))[..., 0].transpose(1, 2), cache


def transformer(state: dict[str, Tensor], heads: int) -> CausalTransformer:
    """A transformer with these weights, which it no longer changes; its other sizes are theirs."""
    state = {name: value.float() for name, value in state.items()}
    width, token_size = len(state["last.weight"]), state["embed.0.weight"].shape[1]
    layers = sum(name.startswith("norms.") and name.endswith(".weight") for name in state)
    with torch.random.fork_rng():
        made = CausalTransformer(token_size - 1, len(state["head.bias"]), width, layers, heads)
    made.load_state_dict(state)
    return made.requires_grad_(requires_grad=False)


def bandit_policy(n_arms: int) -> CausalTransformer:
    """Lesson 09's policy for bandits of so many arms and 100 pulls; FileNotFoundError where none is kept."""
    return transformer(shipped.weights(f"in_context_bandit_k{n_arms}"), heads=8)


def arms_alike(n_arms: int) -> ArmsAlike:
    """The same with one network for all arms; FileNotFoundError where none is kept."""
    return ArmsAlike(transformer(shipped.weights(f"in_context_alike_k{n_arms}"), heads=4))


def newcomer_policy() -> CausalTransformer:
    """Lesson 09's recommender for users of `metarec/Interest-v0` whose interests are hidden."""
    return transformer(shipped.weights("in_context_newcomers"), heads=8)
