"""New users of metarec/Interest-v0 whose interests are hidden: what six ways to learn earn from the first click on.

    python -m benchmarks.newcomers [--users 1000] [--sessions 4096] [--seeds 1] [--json FILE]

All meet the same fresh users, see what `observe="history"` shows and, unless said otherwise, the clicks of the session.
NAME is the clicks per session, mean over seeds of training, NAME_interval half the width of a 95 % interval over users,
NAME_first_20 the clicks of the first 20 steps. What each is given:

    transformer     logged sessions of other users, each step labelled with the item that a planner who knew the user
                    would show (decision-pretraining); it never acted itself before
    transformer_plans   the same network's guess of the interest, learnt from the true ones, given to the planner
    maml            the same logs without labels: a click model that adapts by gradient steps on the session,
                    meta-trained for it (lesson 07); shown is what it finds likeliest, satiation weighed threefold
    thompson        the simulator's equations and the distribution of users: draws an interest from its posterior, and
                    shows what the planner would show such a user
    posterior_mean  the same with the mean in place of a draw
    rl2             no logs: learnt by rewards from sessions with other users, with a recurrent state for memory (lesson
                    08; `python -m benchmarks.rl2_interest` has trained and kept it)
    dqn             nothing: learns by 1,500 steps with 1,024 users, from rewards (lesson 04). It has no memory but the
                    short-term interest, which moves with what is clicked
    dqn_short       the same with 150 steps
    planner, impersonal, random     for comparison: knows the user; the same for all; anything

The logs are of loggers that do not know their users: half plan for an interest that they made up, half sample from the
posterior, all with noise. Where the comparison leans: each is trained with `--seeds` seeds, which is one unless you ask
for more, so intervals are over users alone; the transformer's recipe was tried out more often than the others' and it
gets 1,000 updates, MAML 400; the planner's rule is given to some and not to others, as said above; DQN is lesson 04's,
with that lesson's numbers, which were not chosen for hidden interests.

It keeps `in_context_newcomers` (weights and record), takes about ten minutes of one core, and goes on where it was
stopped.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import torch
from torch import Tensor, nn

from benchmarks import newcomer_policies, rl2_interest, simulator_values
from benchmarks.newcomer_policies import RATE, STEPS, Adapting, Greedy, Posterior, Reader, Taste, token
from benchmarks.pieces import Key, Pieces, Result
from benchmarks.report import arguments, report
from benchmarks.simulator_values import Impersonal, Oracle, Policy, Random, interval, make
from metarec import functional, recurrent, shipped
from metarec import transformer as transformers
from metarec.functional import Params, init
from metarec.interest import OBSERVED, PARAMS, SIZE, TOPICS, fields
from metarec.transformer import CausalTransformer
from metarec.vector import InterestVector
from solutions import maml
from solutions.dqn import train_dqn
from solutions.maml import maml_loss

COMMAND = "python -m benchmarks.newcomers"
FRESH = 20_261_125
"""The seed of those on whom all are judged. Recipes were chosen on users of another one, 7000000."""
LOGGED = 1_000_000
WIDTH, LAYERS, HEADS, BATCH = 64, 2, 8, 32
UPDATES = {"transformer": 1000, "maml": 400}
HISTORY = OBSERVED["history"]


def played(envs: InterestVector, policy: Policy, seed: int, noise: float = 0.0) -> dict[str, Tensor]:
    """First sessions [N, T]: actions, clicks, observations, whom they met, and the steps before the session's end."""
    observation, _ = envs.reset(seed=seed)
    generator = torch.Generator().manual_seed(seed)
    active = torch.ones(envs.num_envs, dtype=torch.bool)
    rows = []
    for _ in range(PARAMS.T):
        parts = fields(observation)
        actions = policy.act(parts)
        if noise:
            anything = torch.randint(len(envs.topics), actions.shape, generator=generator)
            actions = torch.where(torch.rand(actions.shape, generator=generator) < noise, anything, actions)
        following, clicks, terminated, truncated, _ = envs.step(actions)
        policy.learn(parts, actions, clicks)
        rows.append({"actions": actions, "clicks": clicks * active, "seen": observation, "active": active})
        active = active & ~(terminated | truncated)
        observation = following
    return {name: torch.stack([row[name] for row in rows], dim=1) for name in rows[0]}


def logs(sessions: int, seed: int = LOGGED, **catalogue: int) -> dict[str, Tensor]:
    """Sessions of loggers that do not know their users, and what the planner would have shown at each step."""
    envs = make(sessions // 2, **catalogue)
    planner = Oracle(envs, weight=4, not_fresh=2)
    halves = []
    for half, policy in enumerate((Taste(envs, seed), Posterior(envs, seed))):
        kept = played(envs, policy, seed + half * sessions, noise=0.15)
        best = [planner.act(fields(kept["seen"][:, t])) for t in range(PARAMS.T)]
        halves.append({**kept, "best": torch.stack(best, dim=1)})
    return {name: torch.cat([half[name] for half in halves]) for name in halves[0]}


def pretrained(log: dict[str, Tensor], items: Tensor, updates: int, *, seed: int) -> CausalTransformer:
    """Decision-pretraining: at each step of a log name the planner's item, and tell the user's interest."""
    generator = torch.Generator().manual_seed(seed)
    done = torch.cat([items[log["actions"]], log["clicks"][..., None]], dim=2)
    tokens = token(nn.functional.pad(done, (0, 0, 1, 0))[:, :-1], log["seen"][..., :HISTORY])
    interest = log["seen"][..., HISTORY:]
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        policy = CausalTransformer(tokens.shape[2], items.shape[1] + SIZE, WIDTH, LAYERS, HEADS)
    optimiser = torch.optim.Adam(policy.parameters(), lr=0.003)
    for update in range(updates):
        optimiser.param_groups[0]["lr"] = 0.003 * min(1.0, (update + 1) / 50) * (1 - update / updates)
        batch = torch.randint(len(tokens), (BATCH,), generator=generator)
        active = log["active"][batch]
        answer = policy(tokens[batch])[active]
        loss = nn.functional.cross_entropy(answer[:, :-SIZE] @ items.T, log["best"][batch][active])
        loss = loss + nn.functional.mse_loss(answer[:, -SIZE:], interest[batch][active])
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(policy.parameters(), 1.0)
        optimiser.step()
    return policy


def meta_trained(log: dict[str, Tensor], envs: InterestVector, seed: int) -> Params:
    """A start from which a few gradient steps on the first clicks of a session predict those that follow."""
    updates = UPDATES["maml"]
    generator = torch.Generator().manual_seed(seed)
    level = log["seen"][..., SIZE : SIZE + TOPICS].gather(2, envs.topics[log["actions"]][..., None])
    drift = log["seen"][..., :SIZE]
    items = envs.item_vectors[log["actions"]]
    x = torch.cat([items, (items * drift).sum(dim=2, keepdim=True), level], dim=2)
    y = log["clicks"][..., None]
    long = (log["active"].sum(dim=1) >= 40).nonzero()[:, 0]
    start = {name: value.requires_grad_() for name, value in init((SIZE + 2, 32, 1), generator).items()}
    optimiser = torch.optim.Adam(start.values(), lr=0.01)
    for update in range(updates):
        optimiser.param_groups[0]["lr"] = 0.01 * (1 - update / updates)
        tasks = long[torch.randint(len(long), (64,), generator=generator)]
        support = (2, 5, 10, 20)[update % 4]
        parts = (
            x[tasks, :support],
            y[tasks, :support],
            x[tasks, support : support + 20],
            y[tasks, support : support + 20],
        )
        loss = maml_loss(start, *parts, RATE, STEPS, "logistic")
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return {name: value.detach() for name, value in start.items()}


def trained(key: Key) -> Result:
    """One method with one seed of training: clicks [N, T] of the fresh users, and weights to keep."""
    name, seed = key["name"], key["seed"]
    envs = make(key["users"])
    policy: Policy
    if name == "transformer":
        network = pretrained(logs(key["sessions"]), envs.item_features, UPDATES["transformer"], seed=seed)
        weights = dict(network.state_dict())
        reader = transformers.transformer(weights, HEADS)
        plans = played(envs, Reader(envs, reader, plans=True), FRESH)["clicks"]
        return {
            "clicks": played(envs, Reader(envs, reader, plans=False), FRESH)["clicks"],
            "plans": plans,
            "weights": weights,
        }
    if name == "maml":
        policy = Adapting(envs, meta_trained(logs(key["sessions"]), envs, seed))
    elif name in ("dqn", "dqn_short"):
        learning: Any = gym.make_vec("metarec/Interest-v0", 1024, "vector_entry_point", observe="history")
        network = train_dqn(learning, 1500 if name == "dqn" else 150, seed=seed)
        policy = Greedy(lambda observation: network(observation, envs.item_features))
    else:
        given: dict[str, Callable[[], Policy]] = {
            "thompson": lambda: Posterior(envs, seed),
            "posterior_mean": lambda: Posterior(envs),
            "rl2": lambda: rl2_interest.Recurrent(recurrent.recommender(), envs),
            "planner": lambda: Oracle(envs, weight=4, not_fresh=2),
            "impersonal": lambda: Impersonal(envs),
            "random": lambda: Random(envs, seed),
        }
        policy = given[name]()
    return {"clicks": played(envs, policy, FRESH)["clicks"]}


METHODS = (
    "random",
    "impersonal",
    "thompson",
    "posterior_mean",
    "planner",
    "transformer",
    "maml",
    "rl2",
    "dqn_short",
    "dqn",
)
LEARNT = ("transformer", "maml", "dqn_short", "dqn")


def main() -> None:
    """Measure, keep, print, write."""
    asked = arguments(__doc__, users=1000, sessions=4096, seeds=1)
    pieces = Pieces(
        "newcomers", simulator_values, newcomer_policies, functional, transformers, maml, sys.modules[__name__]
    )
    keys = [
        {"name": name, "seed": seed, "users": asked.users, "sessions": asked.sessions}
        for name in METHODS
        for seed in range(asked.seeds if name in LEARNT else 1)
    ]
    clicks: dict[str, list[Tensor]] = {}
    for key, result in pieces.over(keys, trained):
        clicks.setdefault(key["name"], []).append(result["clicks"])
        if "plans" in result:
            clicks.setdefault("transformer_plans", []).append(result["plans"])
        if key["name"] == "transformer" and key["seed"] == 0:
            shipped.keep_weights("in_context_newcomers", {k: v.half() for k, v in result["weights"].items()})
    figures: dict[str, float] = {}
    curves = {}
    for name, runs in clicks.items():
        each = torch.stack(runs)
        total = each.sum(dim=2)
        figures |= {name: float(total.mean()), f"{name}_interval": interval(total.mean(dim=0))}
        figures |= {f"{name}_seed_{seed}": float(mean) for seed, mean in enumerate(total.mean(dim=1)) if len(runs) > 1}
        figures[f"{name}_first_20"] = float(each[..., :20].sum(dim=2).mean())
        curves[name] = [round(float(x), 4) for x in each.mean(dim=(0, 1))]
    shipped.keep_record("in_context_newcomers", {"clicks_by_step": curves, "figures": figures}, command=COMMAND)
    report("new users of metarec/Interest-v0: clicks per session", figures, asked.json)


if __name__ == "__main__":
    main()
