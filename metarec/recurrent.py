"""Recurrent policies that were trained for long, and how they are loaded: their state learns, their weights rest."""

import torch
from torch import Tensor, nn

from metarec import shipped


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


def bandit_policy(n_pulls: int, n_arms: int) -> RecurrentPolicy:
    """The policy of lesson 08 for bandits of so many arms and pulls; FileNotFoundError where none is kept."""
    return _loaded(f"rl2_bandit_n{n_pulls}_k{n_arms}")


def mdp_policy(episodes: int) -> RecurrentPolicy:
    """The policy of lesson 08 for `metarec/RandomMDP-v0`, so many episodes; FileNotFoundError where none is kept."""
    return _loaded(f"rl2_mdp_n{episodes}")


def _loaded(name: str) -> RecurrentPolicy:
    state = {key: value.float() for key, value in shipped.weights(name).items()}
    n_actions, hidden = state["actor.weight"].shape
    with torch.random.fork_rng():
        policy = RecurrentPolicy(state["memory.weight_ih_l0"].shape[1], n_actions, hidden)
    policy.load_state_dict(state)
    return policy.requires_grad_(requires_grad=False)
