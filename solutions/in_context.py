"""Lesson 09: references for in-context reinforcement learning (Lee et al. 2023, decision-pretrained transformer)."""

import math

import torch
from torch import Tensor, nn


def causal_attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Scaled dot-product attention [B, H, T, D] in which no position sees a later one.

    `query`, `key` and `value` are [B, H, T, D]: batch, heads, positions, numbers per head. Position
    t gets a mean of the values at positions 0 … t, weighed by the softmax over them of ⟨query_t,
    key_u⟩ / √D (Vaswani et al. 2017, section 3.2.1). Any T of 1 or more; stable for large scalar
    products, up to ±1e4; differentiable.
    """
    positions = query.shape[-2]
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])  # [B, H, T, T]
    later = torch.ones(positions, positions, dtype=torch.bool, device=query.device).triu(1)
    return scores.masked_fill(later, -torch.inf).softmax(dim=-1) @ value


def interaction_tokens(actions: Tensor, rewards: Tensor, n_actions: int) -> Tensor:
    """What a transformer reads of the past: a token [B, T, n_actions + 1] for each interaction.

    `actions` [B, T] are integers from 0 to n_actions − 1, `rewards` [B, T] any numbers; T may be 0.
    A token is the action as a one-hot row and then the reward that *this* action earned. Floats.
    """
    chosen = nn.functional.one_hot(actions.long(), n_actions).float()
    return torch.cat([chosen, rewards.float()[..., None]], dim=-1)


class InContextPolicy(nn.Module):
    """A causal transformer that reads what it did and what it earned, and says what it would do.

    `InContextPolicy(n_actions, width, layers, heads)`: tokens are mapped to `width` numbers; then
    come `layers` blocks, each of causal attention with `heads` heads (`width` is a multiple of it)
    and a small network for each position; then a logit for each action. It never changes a weight
    when it acts: all that it learns of a task is in what it reads. Nothing in it is random once it is
    made.
    """

    def __init__(self, n_actions: int, width: int, layers: int, heads: int) -> None:
        """Make the layers, with their usual random weights."""
        super().__init__()
        self.n_actions, self.heads = n_actions, heads
        # the bend lets a token say "this action paid" before anything is averaged
        self.embed = nn.Sequential(nn.Linear(n_actions + 2, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

        def each(make: type[nn.Module], *sizes: int) -> nn.ModuleList:
            return nn.ModuleList([make(*sizes) for _ in range(layers)])

        self.norms, self.middles = each(nn.LayerNorm, width), each(nn.LayerNorm, width)
        self.projections, self.mixers = each(nn.Linear, width, 3 * width), each(nn.Linear, width, width)
        self.wideners, self.narrowers = each(nn.Linear, width, 4 * width), each(nn.Linear, 4 * width, width)
        self.last, self.head = nn.LayerNorm(width), nn.Linear(width, n_actions)

    def forward(self, actions: Tensor, rewards: Tensor) -> Tensor:
        """Logits [B, T + 1, n_actions]: entry t is what it would do having seen the first t pairs.

        `actions` [B, T] integers, `rewards` [B, T] numbers; T may be 0, for entry 0 has seen
        nothing. Nothing that happens from t on changes entry t.
        """
        # a token of zeros begins each context: that is what the first logits are read from
        tokens = nn.functional.pad(interaction_tokens(actions, rewards, self.n_actions), (0, 0, 1, 0))
        # how much was seen: attention alone takes means, and forgets of how many
        age = torch.arange(tokens.shape[1], device=tokens.device).log1p()
        x = self.embed(torch.cat([tokens, age[:, None].expand(*tokens.shape[:2], 1)], dim=2))
        for layer in range(len(self.norms)):
            # [B, T + 1, 3 · width] becomes three times [B, H, T + 1, D]
            parts = self.projections[layer](self.norms[layer](x)).unflatten(2, (3, self.heads, -1))
            query, key, value = parts.permute(2, 0, 3, 1, 4)
            mixed = nn.functional.scaled_dot_product_attention(query, key, value, is_causal=True)
            x = x + self.mixers[layer](mixed.transpose(1, 2).flatten(2))
            x = x + self.narrowers[layer](nn.functional.gelu(self.wideners[layer](self.middles[layer](x))))
        logits: Tensor = self.head(self.last(x))
        return logits


def dpt_loss(logits: Tensor, best_action: Tensor) -> Tensor:
    """The loss of decision-pretraining, a scalar to be made small (Lee et al. 2023, equation 2).

    `logits` [B, T + 1, K] are a policy's after 0 … T interactions, `best_action` [B] integers: the
    action that is best in the *task*, whatever was done in it. Cross-entropy, mean over the batch and
    all T + 1 positions: having seen little, too, it must say what is likely best. Differentiable.
    """
    labels = best_action.long()[:, None].expand(logits.shape[:2])
    return nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten())


def sample_action(logits: Tensor, temperature: float, generator: torch.Generator) -> Tensor:
    """An action [B] for each row of `logits` [B, K], drawn from softmax(logits / temperature).

    At temperature 1 the policy's own probabilities; below 1 sharper ones; at 0 the action of greatest
    logit. 0 or more. Draws from `generator` alone. Integers.
    """
    if temperature == 0:
        return logits.argmax(dim=1)
    probabilities = (logits / temperature).softmax(dim=1)
    return probabilities.multinomial(1, generator=generator)[:, 0]


def pretrain(steps: int, *, seed: int) -> InContextPolicy:
    """Decision-pretrain a policy on Bernoulli bandits with five arms, in `steps` updates.

    Each update draws new tasks, whose five rates are uniform from 0 to 1. For each of them a logging
    policy, which knows nothing of the rates, pulls 20 times: every arm often in some tasks, one arm
    most of the time in others. A pull pays 1 with its arm's rate, else 0. The label is the arm of
    greatest rate; `dpt_loss` is made small. All randomness comes from `seed`, the first weights too:
    equal seeds give equal networks.
    """
    arms, pulls, batch, highest = 5, 20, 64, 0.004
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        policy = InContextPolicy(arms, width=64, layers=1, heads=8)
    optimiser = torch.optim.Adam(policy.parameters(), betas=(0.9, 0.95))
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = highest * min(1.0, (step + 1) / 50) * (1 - step / steps)
        rates = torch.rand(batch, arms, generator=generator)
        # the logger's taste: from none to one favourite, and never a look at the rates
        taste = 4 * torch.rand(batch, 1, generator=generator) * torch.randn(batch, arms, generator=generator)
        actions = taste.softmax(dim=1).multinomial(pulls, replacement=True, generator=generator)
        rewards = (torch.rand(batch, pulls, generator=generator) < rates.gather(1, actions)).float()
        loss = dpt_loss(policy(actions, rewards), rates.argmax(dim=1))
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(policy.parameters(), 1.0)
        optimiser.step()
    return policy
