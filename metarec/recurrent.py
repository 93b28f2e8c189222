"""Recurrent policies that were trained for long, and how they are loaded: their state learns, their weights rest."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from metarec import shipped
from metarec.interest import PARAMS, SIZE, TOPICS, fields


class RecurrentPolicy(nn.Module):
    """A GRU, with one layer that reads a policy from its state and one that reads a value.

    It has the interface of lesson 08's network, a step at a time, and `unroll` for all steps at once.
    """

    def __init__(self, input_size: int, n_actions: int, hidden: int) -> None:
        super().__init__()
        self.hidden = hidden
        self.memory = nn.GRU(input_size, hidden)
        self.actor = nn.Linear(hidden, n_actions)
        self.critic = nn.Linear(hidden, 1)

    def forward(self, inputs: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits [B, A], value [B] and the next state [B, H] for inputs [B, F] and a state [B, H]."""
        states, last = self.memory(inputs[None], hidden[None])
        return self.actor(states[0]), self.critic(states[0])[:, 0], last[0]

    def unroll(self, inputs: Tensor, hidden: Tensor) -> Tensor:
        """The states [T, B, H] after each of the inputs [T, B, F] of one trial, from the state [B, H] before."""
        states, _ = self.memory(inputs, hidden[None])
        return states


class ArmsPolicy(nn.Module):
    """A recurrent policy that knows that arms are interchangeable: all of them share one small GRU.

    Each arm has `width` numbers of the state. Their GRU sees whether that arm was pulled, what it paid, and that a step
    went by; a small network reads an arm's logit from its own numbers and from the mean and the maximum over all arms.
    Interface and input are those of `RecurrentPolicy`, for any number of arms; the state [B, H] is all arms' numbers,
    K times `width`.
    """

    def __init__(self, n_arms: int, width: int) -> None:
        super().__init__()
        self.n_arms, self.width, self.hidden = n_arms, width, n_arms * width
        self.memory = nn.GRU(4, width)
        self.reader = nn.Sequential(nn.Linear(3 * width, 2 * width), nn.ReLU(), nn.Linear(2 * width, 1))
        self.valuer = nn.Linear(2 * width, 1)

    def forward(self, inputs: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits [B, K], value [B] and the next state [B, H] for inputs [B, F] and a state [B, H]."""
        state = self.unroll(inputs[None], hidden)[0]
        return self.actor(state), self.critic(state)[..., 0], state

    def unroll(self, inputs: Tensor, hidden: Tensor) -> Tensor:
        """The states [T, B, H] after each of the inputs [T, B, F] of one trial, from the state [B, H] before."""
        (steps, users, _), K = inputs.shape, self.n_arms
        taken, reward, start = inputs[..., 1 : 1 + K], inputs[..., -2:-1], inputs[..., -1:]
        seen = torch.stack([taken, taken * reward, reward.expand_as(taken), start.expand_as(taken)], dim=3)
        states, _ = self.memory(seen.reshape(steps, users * K, 4), hidden.reshape(1, users * K, self.width))
        return states.reshape(steps, users, self.hidden)

    def actor(self, states: Tensor) -> Tensor:
        """Logits [..., K] of states [..., H]."""
        arms, mean, most = self.pooled(states)
        whole = torch.cat([mean, most], dim=-1)[..., None, :].expand(*arms.shape[:-1], 2 * self.width)
        return self.reader(torch.cat([arms, whole], dim=-1))[..., 0]

    def critic(self, states: Tensor) -> Tensor:
        """Values [..., 1] of states [..., H]."""
        return self.valuer(torch.cat(self.pooled(states)[1:], dim=-1))

    def pooled(self, states: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Each arm's numbers [..., K, W], and their mean and maximum over the arms [..., W]."""
        arms = states.unflatten(-1, (self.n_arms, self.width))
        return arms, arms.mean(dim=-2), arms.amax(dim=-2)


def bandit_policy(n_pulls: int, n_arms: int) -> ArmsPolicy:
    """The policy of lesson 08 for bandits of so many arms and pulls; FileNotFoundError where none is kept."""
    return arms_policy(shipped.weights(f"rl2_bandit_n{n_pulls}_k{n_arms}"), n_arms)


def arms_policy(state: Mapping[str, Tensor], n_arms: int) -> ArmsPolicy:
    """The policy for so many arms that has these weights, of any float type, which no longer change."""
    with torch.random.fork_rng():
        policy = ArmsPolicy(n_arms, state["memory.weight_hh_l0"].shape[1])
    policy.load_state_dict({key: value.float() for key, value in state.items()})
    return policy.requires_grad_(requires_grad=False)


def mdp_policy(episodes: int) -> RecurrentPolicy:
    """The policy of lesson 08 for `metarec/RandomMDP-v0`, so many episodes; FileNotFoundError where none is kept."""
    return gru_policy(shipped.weights(f"rl2_mdp_n{episodes}"))


def gru_policy(state: Mapping[str, Tensor]) -> RecurrentPolicy:
    """The policy that has these weights, of any float type, which no longer change."""
    n_actions, hidden = state["actor.weight"].shape
    with torch.random.fork_rng():
        policy = RecurrentPolicy(state["memory.weight_ih_l0"].shape[1], n_actions, hidden)
    policy.load_state_dict({key: value.float() for key, value in state.items()})
    return policy.requires_grad_(requires_grad=False)


RECOMMENDER_INPUT = 2 * (SIZE + TOPICS) + SIZE + 2 * TOPICS + 4


class RecurrentRecommender(nn.Module):
    """A recurrent policy over a catalogue: it scores items by their features, and so items that it has never seen.

    For `metarec/Interest-v0` with `observe="history"`: theta is hidden and must be found out from the clicks. The state
    [B, `hidden`] is all that it knows of a user. `belief` reads from it what theta is thought to be.
    """

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.hidden = hidden
        inputs, features = RECOMMENDER_INPUT, SIZE + TOPICS
        self.memory = nn.GRUCell(inputs, hidden)
        self.bend = nn.Sequential(nn.Linear(hidden + inputs, hidden), nn.ReLU(), nn.Linear(hidden, features))
        self.straight = nn.Linear(hidden + inputs, features)
        self.belief = nn.Linear(hidden, SIZE)

    def forward(self, inputs: Tensor, hidden: Tensor, items: Tensor) -> tuple[Tensor, Tensor]:
        """Logits [B, K] and the next state [B, H] for `recommender_input` [B, F], a state and features [K, D + C]."""
        state = self.memory(inputs, hidden)
        seen = torch.cat([state, inputs], dim=1)
        return (self.bend(seen) + self.straight(seen)) @ items.T, state


def recommender_input(
    observation: Tensor, previous_item: Tensor, previous_click: Tensor, begins: Tensor, items: Tensor
) -> Tensor:
    """What a `RecurrentRecommender` is shown [B, F]: `rl2_input` with items by their features, not by 500 names.

    `observation` [B, 38] of `observe="history"`; `previous_item` [B], −1 where a session begins; `previous_click` and
    `begins` [B]; `items` [K, D + C]. The features of the last item stand in the first half of their columns where it
    was clicked, in the second where it was not; satiation stands there twice, as a level and as whether there is any.
    """
    parts = fields(observation)
    shown = items[previous_item.clamp(min=0)] * (previous_item >= 0)[:, None]
    click = previous_click.float()[:, None]
    columns = [
        shown * click,
        shown * (1 - click),
        parts["drift"],
        parts["satiation"] / PARAMS.S,
        parts["satiation"].sign(),
    ]
    columns += [
        parts["patience"][:, None] / PARAMS.P,
        parts["time"][:, None] / PARAMS.T,
        click,
        begins.float()[:, None],
    ]
    return torch.cat(columns, dim=1)


def recommender() -> RecurrentRecommender:
    """The policy of lesson 08 for new users of `metarec/Interest-v0`, that `benchmarks.rl2_interest` has trained."""
    state = shipped.weights("rl2_interest")
    with torch.random.fork_rng():
        policy = RecurrentRecommender(len(state["memory.bias_ih"]) // 3)
    policy.load_state_dict({key: value.float() for key, value in state.items()})
    return policy.requires_grad_(requires_grad=False)
