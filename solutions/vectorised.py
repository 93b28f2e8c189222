"""Lesson 06: references for a simulator that serves all users at once, on whatever device they lie."""

from typing import Any

import torch
from torch import Tensor


def click_probability(
    theta: Tensor,
    drift: Tensor,
    satiation: Tensor,
    items: Tensor,
    topics: Tensor,
    actions: Tensor,
    params: Any,
) -> Tensor:
    """The probability [B] that each user clicks the item shown, for all users at once.

    `theta` and `drift` [B, D] are the users' interests, long and short; `satiation` [B, C] says how
    much each topic bores them; `items` [K, D], `topics` [K] the catalogue; `actions` [B] the item
    shown to each. Topics and actions are integers. With v and c the item's vector and topic,

        logit = alpha · <theta + drift, v> − beta · satiation[c] + params.c

    and the probability is its sigmoid; `params.alpha`, `params.beta` and `params.c` are numbers.
    Result on the device of `theta`, in its dtype.
    """
    liking = ((theta + drift) * items[actions]).sum(dim=1)
    level = satiation.gather(1, topics[actions][:, None])[:, 0]
    return torch.sigmoid(params.alpha * liking - params.beta * level + params.c)


def step(
    state: dict[str, Tensor], actions: Tensor, uniforms: Tensor, params: Any
) -> tuple[dict[str, Tensor], Tensor, Tensor]:
    """One step of all users: the next state, the clicks [B] and who has lost patience [B].

    `state` holds theta and drift [B, D], satiation [B, C], patience and time [B], and so does the
    next one. `params` holds the constants, and the catalogue as `params.items` [K, D] and
    `params.topics` [K]. A user clicks where `uniforms` [B] < probability; `clicks` may be bool or
    float. With v the vector of the item shown,

        drift     = rho · drift + eta · click · v
        satiation = satiation − delta, but satiation + 1 for the topic shown; from 0 to S
        patience  = patience + g where clicked, at most P; patience − 1 where not
        time      = time + 1

    and theta stays. A user is terminated where patience is 0 or less afterwards. Every tensor keeps
    device and dtype; nothing is reset here, and no argument changes.
    """
    theta, drift, satiation = state["theta"], state["drift"], state["satiation"]
    items, topics = params.items, params.topics
    clicks = uniforms < click_probability(theta, drift, satiation, items, topics, actions, params)
    shown = topics[actions][:, None]
    bored = (satiation.gather(1, shown) + 1).clamp(max=params.S)
    patience = torch.where(clicks, state["patience"] + params.g, state["patience"] - 1)
    patience = patience.clamp(max=params.P)
    after = {
        "theta": theta,
        "drift": params.rho * drift + torch.where(clicks[:, None], params.eta * items[actions], 0.0),
        "satiation": (satiation - params.delta).clamp(min=0).scatter(1, shown, bored),
        "patience": patience,
        "time": state["time"] + 1,
    }
    return after, clicks, patience <= 0


def reset_where(state: dict[str, Tensor], done: Tensor, fresh: dict[str, Tensor]) -> dict[str, Tensor]:
    """The state with the fresh user in the place of each who is done.

    `state` and `fresh` hold tensors of the same names and shapes, [B] or [B, n]; `done` [B] is
    bool. The result has the same names, shapes, dtypes and device; where `done` is true its rows
    are those of `fresh`, elsewhere those of `state`. No argument changes, and nobody asks how many
    are done.
    """
    return {name: torch.where(done.reshape(-1, *[1] * (old.ndim - 1)), fresh[name], old) for name, old in state.items()}


def top_k_unseen(scores: Tensor, seen: Tensor, k: int) -> Tensor:
    """The indices [B, k] of the best items that each user has not seen yet, best first.

    `scores` [B, K] are any finite numbers, `seen` [B, K] is bool; at least k items of each user are
    unseen. Indices are integers, on the device of `scores`; how ties are ordered is left open.
    """
    return scores.masked_fill(seen, float("-inf")).topk(k, dim=1).indices


def discounted_sums(rewards: Tensor, gamma: float) -> Tensor:
    """For each time and user the discounted sum [T, B] of that reward and all after it.

    `rewards` [T, B] is time first, T of 1 or more; sums[t] = rewards[t] + gamma · sums[t + 1], with
    nothing after the last. Device and dtype are those of `rewards`. A loop over time is fine.
    """
    sums = torch.zeros_like(rewards)
    following = torch.zeros_like(rewards[0])
    for t in reversed(range(len(rewards))):
        following = rewards[t] + gamma * following
        sums[t] = following
    return sums


def batched_gae(
    rewards: Tensor,
    values: Tensor,
    next_values: Tensor,
    terminated: Tensor,
    ended: Tensor,
    gamma: float,
    lam: float,
) -> Tensor:
    """Advantages [T, B] by generalised advantage estimation, as in lesson 05, for all users at once.

    All tensors are [T, B], time first. `next_values` are of the observations that followed, before
    any reset; `terminated` and `ended` (terminated or truncated) are bool. Nothing follows a
    termination, so no next value is added there; nothing is summed across an end of either kind.
    The last step is summed with nothing after it. Device and dtype are those of `rewards`. A loop
    over time is fine.
    """
    errors = rewards + gamma * next_values.masked_fill(terminated, 0.0) - values
    weights = gamma * lam * (~ended).to(rewards.dtype)
    advantages = torch.zeros_like(errors)
    following = torch.zeros_like(errors[0])
    for t in reversed(range(len(errors))):
        following = errors[t] + weights[t] * following
        advantages[t] = following
    return advantages
