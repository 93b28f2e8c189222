"""Lesson 06's starting point: a simulator that looks after one user at a time, in a loop over users.

Each function is right and takes what its namesake in the lesson takes. What they cost is the lesson's subject.
"""

from typing import Any

import torch
from torch import Tensor

State = dict[str, Tensor]


def click_probability(
    theta: Tensor, drift: Tensor, satiation: Tensor, items: Tensor, topics: Tensor, actions: Tensor, params: Any
) -> Tensor:
    """Probability [B] that each user clicks the item shown."""
    rows = []
    for user in range(len(actions)):
        item = actions[user]
        liking = torch.dot(theta[user] + drift[user], items[item])
        logit = params.alpha * liking - params.beta * satiation[user, topics[item]] + params.c
        rows.append(torch.sigmoid(logit))
    return torch.stack(rows)


def step(state: State, actions: Tensor, uniforms: Tensor, params: Any) -> tuple[State, Tensor, Tensor]:
    """The next state, the clicks [B] and who has lost patience [B]."""
    rows: dict[str, list[Tensor]] = {name: [] for name in state}
    clicks, terminated = [], []
    for user in range(len(actions)):
        theta, drift, satiation = state["theta"][user], state["drift"][user], state["satiation"][user]
        item = params.items[actions[user]]
        topic = params.topics[actions[user]]
        logit = params.alpha * torch.dot(theta + drift, item) - params.beta * satiation[topic] + params.c
        click = uniforms[user] < torch.sigmoid(logit)
        bored = torch.clamp(satiation - params.delta, min=0)
        bored[topic] = torch.clamp(satiation[topic] + 1, max=params.S)
        patience = state["patience"][user]
        if click:
            moved = params.rho * drift + params.eta * item
            patience = torch.clamp(patience + params.g, max=params.P)
        else:
            moved = params.rho * drift
            patience = patience - 1
        new = {
            "theta": theta,
            "drift": moved,
            "satiation": bored,
            "patience": patience,
            "time": state["time"][user] + 1,
        }
        for name, value in new.items():
            rows[name].append(value)
        clicks.append(click)
        terminated.append(patience <= 0)
    return {name: torch.stack(values) for name, values in rows.items()}, torch.stack(clicks), torch.stack(terminated)


def reset_where(state: State, done: Tensor, fresh: State) -> State:
    """The fresh user in the place of each who is done, the others as they are."""
    rows: dict[str, list[Tensor]] = {name: [] for name in state}
    for user in range(len(done)):
        chosen = fresh if done[user] else state
        for name in state:
            rows[name].append(chosen[name][user])
    return {name: torch.stack(values) for name, values in rows.items()}


def top_k_unseen(scores: Tensor, seen: Tensor, k: int) -> Tensor:
    """The k best items [B, k] that each user has not seen, best first."""
    rows = []
    for user in range(len(scores)):
        allowed = torch.where(seen[user], float("-inf"), scores[user])
        rows.append(torch.topk(allowed, k).indices)
    return torch.stack(rows)


def discounted_sums(rewards: Tensor, gamma: float) -> Tensor:
    """The discounted sum [T, B] of each reward and those after it."""
    columns = []
    for user in range(rewards.shape[1]):
        total, sums = torch.zeros_like(rewards[0, user]), []
        for reward in rewards[:, user].flip(0):
            total = reward + gamma * total
            sums.append(total)
        columns.append(torch.stack(sums).flip(0))
    return torch.stack(columns, dim=1)


def batched_gae(
    rewards: Tensor,
    values: Tensor,
    next_values: Tensor,
    terminated: Tensor,
    ended: Tensor,
    gamma: float,
    lam: float,
) -> Tensor:
    """Advantages [T, B] by generalised advantage estimation."""
    columns = []
    for user in range(rewards.shape[1]):
        following, advantages = torch.zeros_like(rewards[0, user]), []
        for t in reversed(range(len(rewards))):
            error = rewards[t, user] - values[t, user]
            if not terminated[t, user]:
                error = error + gamma * next_values[t, user]
            following = error if ended[t, user] else error + gamma * lam * following
            advantages.append(following)
        columns.append(torch.stack(advantages[::-1]))
    return torch.stack(columns, dim=1)
