"""`metarec/Tabular-v0`: the one dynamics in its smallest form, 243 states with a known transition table."""

from functools import cache, cached_property
from itertools import product
from typing import Any

import gymnasium
import numpy as np
from gymnasium.error import ResetNeeded
from gymnasium.spaces import Discrete
from numpy.typing import NDArray

from metarec import dynamics

TOPICS = 4
LEVELS = 3
PARAMS = dynamics.Params(alpha=1, beta=1, c=-0.5, rho=0, eta=0, S=LEVELS - 1, delta=1, g=1, P=3, T=500)
INTEREST = (2.5, 1.0, -1.0, -2.5)

Row = tuple[float, int, int, bool]
"""Click probability, state after a click, state after none, whether no click ends the session."""


class Tabular(gymnasium.Env[int, int]):
    """A user who bores of a topic shown too often, and leaves when nothing has pleased for too long.

    An action is one of 4 topics; a state is the satiation 0–2 with each topic and a patience of 1–3, 243 in
    all. A click earns 1. A session starts at satiation 0 and patience 3, is terminated when patience
    reaches 0 and truncated after 500 steps: at gamma 0.98 what the best policy has beyond them is worth
    less than 0.00001. The last observation of a terminated session shows patience 1: only `terminated`
    tells that nothing is to come.

    It teaches that a click now is not all: a topic shown again bores, and recovers while another is shown.
    At gamma 0.98 a session is worth 25.8 to the optimal policy, 15.3 to the myopic one (greatest click
    probability now), 2.75 to a uniformly random one, and 8.9, in the mean of the four user types, to the
    best of the sequences of up to 6 topics, shown again and again, which are blind to the type and to the clicks
    (it is topics 0 and 1 in turn, also the myopic policy for the mean user).

    `user_type` 0–3 rotates the interests (2.5, 1, −1, −2.5) by that many topics. `P`, `transition` and
    `reward` are the exact model, `P` in the form of Gymnasium's toy-text environments.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 (as the base class has it)

    def __init__(self, user_type: int = 0, render_mode: str | None = None) -> None:
        if user_type not in range(TOPICS):
            raise ValueError(f"user_type must be 0, 1, 2 or 3, not {user_type!r}")
        self.render_mode = render_mode
        self.observation_space = Discrete(LEVELS**TOPICS * PARAMS.P)  # type: ignore[assignment]
        self.action_space = Discrete(TOPICS)  # type: ignore[assignment]
        self._rows = _rows(int(user_type))
        self._state: int | None = None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
        """The start of a new session and an empty info."""
        super().reset(seed=seed)
        self._key = dynamics.stream(int(self.np_random.integers(1 << 63)), 0)
        self._time = 0
        self._state = START
        return START, {}

    def step(self, action: int) -> tuple[int, float, bool, bool, dict[str, Any]]:
        """State, click (1.0 or 0.0), terminated, False (the time limit is the wrapper's), an empty info."""
        if self._state is None:
            raise ResetNeeded("the session has ended: call reset() before step()")
        if not 0 <= action < TOPICS:
            raise ValueError(f"an action is 0, 1, 2 or 3, not {action!r}")
        probability, clicked, ignored, final = self._rows[self._state][action]
        click = dynamics.draw(self._key, self._time) < probability
        self._time += 1
        if click:
            self._state = clicked
            return clicked, 1.0, False, False, {}
        self._state = None if final else ignored
        return ignored, 0.0, final, False, {}

    def encode(self, satiation: tuple[int, ...], patience: int) -> int:
        """The index of the state with this satiation (4 levels 0–2) and patience (1–3)."""
        return encode(satiation, patience)

    def decode(self, state: int) -> tuple[tuple[int, ...], int]:
        """The satiation with each topic and the patience of a state."""
        return decode(state)

    @cached_property
    def P(self) -> dict[int, dict[int, list[tuple[float, int, float, bool]]]]:  # noqa: N802 (Gymnasium's name)
        """`P[state][action]`: the outcomes (probability, next state, reward, terminated), a click first."""
        return {
            state: {
                action: [(p, clicked, 1.0, False), (1 - p, ignored, 0.0, final)]
                for action, (p, clicked, ignored, final) in enumerate(row)
            }
            for state, row in enumerate(self._rows)
        }

    @cached_property
    def transition(self) -> NDArray[np.float64]:
        """Probabilities [S, A, S] of going on to each state; a row lacks that of the session's end."""
        table = np.zeros((len(self._rows), TOPICS, len(self._rows)))
        for state, row in enumerate(self._rows):
            for action, (p, clicked, ignored, final) in enumerate(row):
                table[state, action, clicked] += p
                if not final:
                    table[state, action, ignored] += 1 - p
        return table

    @cached_property
    def reward(self) -> NDArray[np.float64]:
        """Expected rewards [S, A]: the probabilities of a click."""
        return np.array([[outcome[0] for outcome in row] for row in self._rows])


def encode(satiation: tuple[int, ...], patience: int) -> int:
    """The index of the state with this satiation (4 levels 0–2) and patience (1–3), else a ValueError."""
    if len(satiation) != TOPICS or not all(0 <= level < LEVELS for level in satiation):
        raise ValueError(f"a satiation is {TOPICS} levels from 0 to {LEVELS - 1}, not {satiation!r}")
    if not 1 <= patience <= PARAMS.P:
        raise ValueError(f"a patience is from 1 to {PARAMS.P}, not {patience!r}")
    index = 0
    for level in satiation:
        index = index * LEVELS + int(level)
    return index * PARAMS.P + int(patience) - 1


def decode(state: int) -> tuple[tuple[int, ...], int]:
    """The satiation with each topic and the patience of a state 0–242, else a ValueError."""
    if not 0 <= state < LEVELS**TOPICS * PARAMS.P:
        raise ValueError(f"a state is from 0 to {LEVELS**TOPICS * PARAMS.P - 1}, not {state!r}")
    index, patience = divmod(int(state), PARAMS.P)
    levels = []
    for _ in range(TOPICS):
        index, level = divmod(index, LEVELS)
        levels.append(level)
    return tuple(reversed(levels)), patience + 1


START = encode((0,) * TOPICS, PARAMS.P)


@cache
def _rows(user_type: int) -> tuple[tuple[Row, ...], ...]:
    """The outcomes of every state and action, by putting all of them through the dynamics as one batch."""
    pairs = list(product(range(LEVELS**TOPICS * PARAMS.P), range(TOPICS)))
    decoded = [decode(state) for state, _ in pairs]
    actions = np.array([action for _, action in pairs])
    users = len(pairs)
    state = {
        "theta": np.tile(np.roll(INTEREST, user_type), (users, 1)),
        "drift": np.zeros((users, TOPICS)),
        "satiation": np.array([satiation for satiation, _ in decoded]),
        "patience": np.array([patience for _, patience in decoded]),
        "time": np.zeros(users),
    }
    items, topics = np.eye(TOPICS), np.arange(TOPICS)
    probability = dynamics.click_probability(
        state["theta"], state["drift"], state["satiation"], items, topics, actions, PARAMS
    )
    clicked, _, _ = dynamics.step(state, actions, np.zeros(users), items, topics, PARAMS)
    ignored, _, final = dynamics.step(state, actions, np.ones(users), items, topics, PARAMS)

    def indices(after: dynamics.State) -> list[int]:
        shown = np.maximum(after["patience"], 1)
        return [
            encode(tuple(levels), left)
            for levels, left in zip(after["satiation"].tolist(), shown.tolist(), strict=True)
        ]

    outcomes = list(zip(probability.tolist(), indices(clicked), indices(ignored), final.tolist(), strict=True))
    return tuple(tuple(outcomes[first : first + TOPICS]) for first in range(0, users, TOPICS))
