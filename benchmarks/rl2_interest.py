"""RL² on new users of metarec/Interest-v0, whose interests are hidden: clicks per session.

    python -m benchmarks.rl2_interest [--updates 200] [--users 2048] [--json FILE]

A session is a trial. The policy sees drift, satiation, patience and time, and must find out theta from the clicks; it
is `metarec.recurrent.RecurrentRecommender`, whose items come by their features. Trained as in
`benchmarks.rl2_training`: the critic, the advantages and the reader of the belief know theta, the policy does not.
Judged, showing the item of greatest logit, on the users of `benchmarks.simulator_values`, beside its policies:

    rl2                     clicks per session, and _interval, 95 % over users
    random, impersonal, learnt_myopic, learnt_threefold, myopic_oracle, planner
                            the same of benchmarks.simulator_values
    rl2_over_NAME           the difference on the same users, and _interval
    seconds                 of one core, to train

Keeps the weights in half precision as `rl2_interest` (judged like that), and the figures as a record of that name.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks import rl2_training
from benchmarks.pieces import Key, Pieces, Result
from benchmarks.report import arguments, report
from benchmarks.simulator_values import POLICIES, interval, make, play
from metarec import interest, recurrent
from metarec.dynamics import click_probability
from metarec.interest import OBSERVED, PARAMS, Array, fields
from metarec.recurrent import RecurrentRecommender, recommender_input
from metarec.shipped import keep_record, keep_weights

FRESH = 5000
"""The seed of the users of benchmarks.simulator_values."""
USERS, HORIZON, EPOCHS, PARTS = 512, 25, 2, 8
HIDDEN, GAMMA, LAM, CLIP = 128, 0.98, 0.9, 0.2
RATE, ENTROPY, BELIEF = 3e-3, 0.003, 0.5


def trained(key: Key) -> Result:
    """The weights of a policy after so many updates, in half precision, and the seconds it took."""
    torch.set_num_threads(1)
    began = time.process_time()
    seed = key["seed"]
    policy = train(make(USERS), key["updates"], seed=seed, users=1_000_000 * (seed + 1))
    weights = {name: value.detach().half() for name, value in policy.state_dict().items()}
    return {"weights": weights, "seconds": time.process_time() - began}


def train(envs: Any, updates: int, *, seed: int, users: int) -> RecurrentRecommender:
    """A policy for new users of `envs`, learnt from those of the seed `users`; equal seeds give equal policies."""
    generator = torch.Generator().manual_seed(seed)
    count = envs.num_envs
    items, known = envs.item_features, OBSERVED["history"]
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        policy = RecurrentRecommender(HIDDEN)
        critic = nn.Sequential(
            nn.Linear(HIDDEN + recurrent.RECOMMENDER_INPUT + interest.SIZE, 64), nn.ReLU(), nn.Linear(64, 1)
        )
    optimiser = torch.optim.Adam([*policy.parameters(), *critic.parameters()], lr=RATE, eps=1e-5)
    observation, _ = envs.reset(seed=users)
    none, hidden = torch.zeros(count), torch.zeros(count, HIDDEN)
    inputs = recommender_input(observation[:, :known], none.long() - 1, none, none == 0, items)
    for update in range(updates):
        optimiser.param_groups[0]["lr"] = RATE * (1 - update / updates)
        begun, rows = hidden, []
        with torch.no_grad():
            for _ in range(HORIZON):
                logits, state = policy(inputs, hidden, items)
                action = rl2_training.draw(logits, generator)
                old = logits.log_softmax(dim=1).gather(1, action[:, None])[:, 0]
                parts = fields(observation)
                chance = click_probability(
                    parts["theta"], parts["drift"], parts["satiation"], envs.item_vectors, envs.topics, action, PARAMS
                )
                facts = torch.cat([state, inputs, parts["theta"]], dim=1)
                observation, click, terminated, truncated, _ = envs.step(action)
                over = terminated | truncated
                rows.append((inputs, action, old, chance, critic(facts)[:, 0], parts["theta"].clone(), over))
                hidden = torch.where(over[:, None], 0.0, state)
                shown, earned = torch.where(over, -1, action), torch.where(over, 0.0, click)
                inputs = recommender_input(observation[:, :known], shown, earned, over, items)
            _, state = policy(inputs, hidden, items)
            following = critic(torch.cat([state, inputs, fields(observation)["theta"]], dim=1))[:, 0]
            columns = [torch.stack(column) for column in zip(*rows, strict=True)]
            seen, action, old, chance, value, theta, over = columns
            advantage, later = torch.zeros_like(value), torch.zeros(count)
            for t in reversed(range(HORIZON)):
                later = chance[t] + GAMMA * ~over[t] * (following + LAM * later) - value[t]
                advantage[t], following = later, value[t]
            target = advantage + value
            advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
        for _ in range(EPOCHS):
            for some in torch.randperm(count, generator=generator).chunk(PARTS):
                state, losses = begun[some], []
                for t in range(HORIZON):
                    logits, state = policy(seen[t, some], state, items)
                    log_prob = logits.log_softmax(dim=1)
                    ratio = (log_prob.gather(1, action[t, some, None])[:, 0] - old[t, some]).exp()
                    gain = advantage[t, some]
                    objective = torch.minimum(ratio * gain, ratio.clamp(1 - CLIP, 1 + CLIP) * gain)
                    entropy = -(log_prob.exp() * log_prob).sum(dim=1)
                    worth = critic(torch.cat([state, seen[t, some], theta[t, some]], dim=1))[:, 0]
                    miss, untold = (
                        (worth - target[t, some]) ** 2,
                        ((policy.belief(state) - theta[t, some]) ** 2).mean(dim=1),
                    )
                    losses.append((0.1 * miss + BELIEF * untold - objective - ENTROPY * entropy).mean())
                    state = torch.where(over[t, some, None], 0.0, state)
                optimiser.zero_grad()
                torch.stack(losses).mean().backward()
                nn.utils.clip_grad_norm_(optimiser.param_groups[0]["params"], 1.0)
                optimiser.step()
    return policy


class Recurrent:
    """A recommender for `simulator_values.play`: the item of greatest logit, theta covered."""

    def __init__(self, policy: RecurrentRecommender, envs: Any) -> None:
        self.policy, self.items = policy, envs.item_features
        self.state = torch.zeros(envs.num_envs, policy.hidden)
        none = torch.zeros(envs.num_envs)
        self.last, self.click, self.begins = none.long() - 1, none, none == 0

    @torch.no_grad()
    def act(self, parts: dict[str, Array]) -> Tensor:
        """Items [N]."""
        names = ("drift", "satiation", "patience", "time")
        observation = torch.cat([p if p.ndim == 2 else p[:, None] for p in (parts[name] for name in names)], dim=1)
        inputs = recommender_input(observation, self.last, self.click, self.begins, self.items)
        logits, self.state = self.policy(inputs, self.state, self.items)
        return logits.argmax(dim=1)

    def learn(self, parts: dict[str, Array], actions: Tensor, clicks: Tensor) -> None:
        """Remember what was shown and what came of it."""
        self.last, self.click, self.begins = actions, clicks, torch.zeros_like(self.begins)


def main() -> None:
    """Train, judge, print, keep, write."""
    asked = arguments(__doc__, updates=200, users=2048)
    keys: list[Key] = [{"updates": asked.updates, "seed": 0}]
    modules = (sys.modules[__name__], rl2_training, recurrent)
    ((_, result),) = Pieces("rl2_interest", *modules).over(keys, trained)
    keep_weights("rl2_interest", result["weights"])
    policy = recurrent.recommender()
    clicks = {}
    for name, maker in {"rl2": lambda envs: Recurrent(policy, envs), **POLICIES}.items():
        envs = make(asked.users)
        clicks[name] = play(envs, maker(envs), FRESH)
    figures: dict[str, float] = {"seconds": result["seconds"]}
    for name, values in clicks.items():
        figures |= {name: float(values.mean()), f"{name}_interval": interval(values)}
        if name != "rl2":
            over = clicks["rl2"] - values
            figures |= {f"rl2_over_{name}": float(over.mean()), f"rl2_over_{name}_interval": interval(over)}
    kept = {name: round(value, 4) for name, value in figures.items()}
    keep_record("rl2_interest", {"figures": kept}, command="python -m benchmarks.rl2_interest")
    report("RL² on new users of metarec/Interest-v0", figures, asked.json)


if __name__ == "__main__":
    main()
