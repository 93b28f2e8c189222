"""Lesson 08: a recurrent policy whose hidden state is the learner."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from torch import Tensor, nn

import metarec  # noqa: F401 (its environments)
from autograder.exercise import exercise
from autograder.judges import AtLeast, Close
from autograder.proxy import derived, flows, gradient
from solutions import rl2 as reference


def _rounded(rng: np.random.Generator, low: float, high: float, *shape: int) -> Tensor:
    return torch.tensor(np.round(rng.uniform(low, high, shape), 1), dtype=torch.float32)


def _close(one: Any, other: Any) -> bool:
    first, second = np.asarray(one), np.asarray(other)
    return first.shape == second.shape and bool(np.allclose(first, second, rtol=1e-3, atol=1e-5))


@exercise(
    reference.rl2_input,
    points=2,
    minutes=8,
    hints=[
        "Four parts side by side: what is seen, what was done, what it earned, whether an episode has just begun. Each "
        "needs two dimensions, [B, something].",
        "A one-hot row is a comparison: `previous_action[:, None] == torch.arange(n_actions)` is [B, n_actions]. What "
        "does it say where the action is −1?",
        "`torch.cat([observation, taken.float(), previous_reward[:, None], episode_start[:, None].float()], dim=1)`.",
    ],
    afterword="The last two inputs make the difference to every network before. Without the action and the reward it "
    "can see where it is, and never how it went.",
)
def rl2_input(join: Any, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """A usual step, the first of a trial, the first of a later episode, and actions that are all small."""
    users, size, actions = int(rng.integers(2, 4)), int(rng.integers(1, 3)), int(rng.integers(3, 5))
    observation, reward = _rounded(rng, -2, 2, users, size), _rounded(rng, 0.2, 2, users)
    reward[0] = -0.4
    action = torch.tensor(rng.integers(0, actions, users))
    action[0], action[-1] = actions - 1, 0
    never, always = torch.zeros(users).bool(), torch.ones(users).bool()
    yield (
        "joins observation, action, reward and episode start in this order",
        join(observation, action, reward, never, actions),
    )
    begins = torch.full((users,), -1)
    yield (
        "shows that nothing was done yet, −1, as a row of zeros",
        join(observation, begins, reward * 0, always, actions),
    )
    yield (
        "keeps the last action and reward where a later episode begins",
        join(observation, action, reward, always, actions),
    )
    mixed = torch.arange(users) == 0
    yield (
        "answers each user alone",
        join(observation, torch.where(mixed, -1, action), torch.where(mixed, 0.0, reward), mixed, actions),
    )
    yield (
        "has a column for each of n_actions actions, whichever were taken",
        join(observation, torch.ones(users, dtype=torch.int64), reward, never, actions + 1),
    )


@rl2_input.mistake
def nothing_is_action_zero(
    observation: Tensor, previous_action: Tensor, previous_reward: Tensor, episode_start: Tensor, n_actions: int
) -> Tensor:
    """It takes −1 for action 0: "nothing was done yet" then looks like "item 0 was shown and earned nothing". Such a
    row is all zeros.
    """
    return reference.rl2_input(observation, previous_action.clamp(min=0), previous_reward, episode_start, n_actions)


@rl2_input.mistake
def one_hot_of_nothing(
    observation: Tensor, previous_action: Tensor, previous_reward: Tensor, episode_start: Tensor, n_actions: int
) -> Tensor:
    """`one_hot` takes no −1, "nothing was done yet": compare with `torch.arange(n_actions)`, or clamp to 0 and then
    make those rows zeros.
    """
    taken = nn.functional.one_hot(previous_action, n_actions).float()
    return torch.cat([observation, taken, previous_reward[:, None], episode_start[:, None].float()], dim=1)


@rl2_input.mistake
def nothing_is_the_last_action(
    observation: Tensor, previous_action: Tensor, previous_reward: Tensor, episode_start: Tensor, n_actions: int
) -> Tensor:
    """It takes −1 for the last action: as an index −1 counts from the end, and `torch.eye(n)[-1]` is the last row
    without a word. Such a row is all zeros.
    """
    taken = torch.eye(n_actions)[previous_action]
    return torch.cat([observation, taken, previous_reward[:, None], episode_start[:, None].float()], dim=1)


@rl2_input.mistake
def column_for_nothing(
    observation: Tensor, previous_action: Tensor, previous_reward: Tensor, episode_start: Tensor, n_actions: int
) -> Tensor:
    """The one-hot row has the wrong width: one column more, for "nothing". −1 is to be a row of zeros, and needs no
    column.
    """
    taken = nn.functional.one_hot(previous_action + 1, n_actions + 1).float()
    return torch.cat([observation, taken, previous_reward[:, None], episode_start[:, None].float()], dim=1)


@rl2_input.mistake
def width_from_the_data(
    observation: Tensor, previous_action: Tensor, previous_reward: Tensor, episode_start: Tensor, n_actions: int
) -> Tensor:
    """The one-hot row is as wide as the greatest action in this batch: `one_hot` without a number of classes. The
    network needs `n_actions` columns, always.
    """
    taken = nn.functional.one_hot(previous_action.clamp(min=0)).float() * (previous_action >= 0)[:, None]
    return torch.cat([observation, taken, previous_reward[:, None], episode_start[:, None].float()], dim=1)


@rl2_input.mistake
def action_as_a_number(
    observation: Tensor, previous_action: Tensor, previous_reward: Tensor, episode_start: Tensor, n_actions: int
) -> Tensor:
    """The action is one number: then action 4 is twice as much as action 2. Actions are names, so that each has a
    column of its own.
    """
    parts = [observation, previous_action[:, None], previous_reward[:, None], episode_start[:, None]]
    return torch.cat([part.float() for part in parts], dim=1)


@rl2_input.mistake
def forgets_where_an_episode_begins(
    observation: Tensor, previous_action: Tensor, previous_reward: Tensor, episode_start: Tensor, n_actions: int
) -> Tensor:
    """It wipes action and reward where any episode begins: within a trial the task goes on, and the last step of an
    episode is news like every other. Only −1 stands for nothing.
    """
    return reference.rl2_input(
        observation,
        torch.where(episode_start, -1, previous_action),
        torch.where(episode_start, 0.0, previous_reward),
        episode_start,
        n_actions,
    )


@rl2_input.mistake
def reward_missing(
    observation: Tensor, previous_action: Tensor, previous_reward: Tensor, episode_start: Tensor, n_actions: int
) -> Tensor:
    """The reward is missing: the network would know what it did, and never how it went. Nothing could be learnt from
    that within a trial.
    """
    return reference.rl2_input(observation, previous_action, previous_reward * 0, episode_start, n_actions)


@rl2_input.mistake
def reward_as_a_click(
    observation: Tensor, previous_action: Tensor, previous_reward: Tensor, episode_start: Tensor, n_actions: int
) -> Tensor:
    """It shows whether the reward was positive: take the reward as it is, its size and its sign are news too."""
    return reference.rl2_input(observation, previous_action, (previous_reward > 0).float(), episode_start, n_actions)


@rl2_input.mistake
def start_missing(
    observation: Tensor, previous_action: Tensor, previous_reward: Tensor, episode_start: Tensor, n_actions: int
) -> Tensor:
    """The episode's start is not shown: the network could not tell a jump back to the beginning from a transition."""
    return reference.rl2_input(observation, previous_action, previous_reward, episode_start & False, n_actions)


@rl2_input.mistake
def start_inverted(
    observation: Tensor, previous_action: Tensor, previous_reward: Tensor, episode_start: Tensor, n_actions: int
) -> Tensor:
    """The flag is turned round: it is 1 where an episode begins, and 0 within one."""
    return reference.rl2_input(observation, previous_action, previous_reward, ~episode_start, n_actions)


@rl2_input.mistake
def start_before_reward(
    observation: Tensor, previous_action: Tensor, previous_reward: Tensor, episode_start: Tensor, n_actions: int
) -> Tensor:
    """The last two columns are swapped: first the reward, then the start of the episode."""
    whole = reference.rl2_input(observation, previous_action, previous_reward, episode_start, n_actions)
    return torch.cat([whole[:, :-2], whole[:, -1:], whole[:, -2:-1]], dim=1)


@rl2_input.mistake
def action_before_observation(
    observation: Tensor, previous_action: Tensor, previous_reward: Tensor, episode_start: Tensor, n_actions: int
) -> Tensor:
    """The action comes first: the order is observation, action, reward, start of the episode."""
    whole, size = (
        reference.rl2_input(observation, previous_action, previous_reward, episode_start, n_actions),
        observation.shape[1],
    )
    return torch.cat([whole[:, size : size + n_actions], whole[:, :size], whole[:, size + n_actions :]], dim=1)


@exercise(
    reference.carry_hidden,
    points=2,
    minutes=6,
    hints=[
        "What was learnt is about the task. When does the task change?",
        "`episode_ended` is not needed at all: it is there to tempt you. Where `trial_ended` the row becomes zeros.",
        "`torch.where(trial_ended[:, None], 0.0, hidden)`: the flag needs a second dimension, so that it chooses rows.",
    ],
    afterword="This line is what RL² is: across episodes the state goes on, so that the second episode can be better "
    "than the first one. Reset it with each episode and you have an ordinary recurrent policy.",
)
def carry_hidden(carry: Any, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """As many users as numbers in a state, so that rows and columns can be mixed up."""
    users = int(rng.integers(3, 5))
    hidden = _rounded(rng, 0.1, 0.9, users, users)
    # what is kept may be anything, also below 0
    hidden[:, 0] *= -1
    none, everyone = torch.zeros(users).bool(), torch.ones(users).bool()
    episode = torch.tensor(rng.permutation(users) < 2)
    trial = episode & (torch.arange(users) == int(episode.long().argmax()))
    yield "keeps all states where nothing has ended", carry(hidden, none, none)
    yield "keeps a state where an episode has ended and the trial goes on", carry(hidden, episode, none)
    yield "forgets the users whose trial has ended, and no others", carry(hidden, episode, trial)
    yield "starts from zeros where all trials have ended", carry(hidden, everyone, everyone)
    yield "lets gradients flow through what is kept, and nothing else", gradient(carry, hidden, episode, trial, wrt=0)


@carry_hidden.mistake
def forgets_with_each_episode(hidden: Tensor, episode_ended: Tensor, trial_ended: Tensor) -> Tensor:
    """It forgets with each episode: the task stays the same for a whole trial, and what was learnt of it in one
    episode is what the next one lives on. Only `trial_ended` counts.
    """
    return reference.carry_hidden(hidden, episode_ended, episode_ended)


@carry_hidden.mistake
def never_forgets(hidden: Tensor, episode_ended: Tensor, trial_ended: Tensor) -> Tensor:
    """It never forgets: after a trial the next user comes, and the state of the one before leaks into their session.
    They would be taken for somebody else.
    """
    return hidden


@carry_hidden.mistake
def forgets_everybody(hidden: Tensor, episode_ended: Tensor, trial_ended: Tensor) -> Tensor:
    """As soon as one trial ends all users are forgotten: trials end at different times, and each row is somebody
    else's.
    """
    return torch.zeros_like(hidden) if bool(trial_ended.any()) else hidden


@carry_hidden.mistake
def forgets_when_all_have_ended(hidden: Tensor, episode_ended: Tensor, trial_ended: Tensor) -> Tensor:
    """It waits until all trials have ended: until then new users go on with the states of those before."""
    return torch.zeros_like(hidden) if bool(trial_ended.all()) else hidden


@carry_hidden.mistake
def forgets_the_others(hidden: Tensor, episode_ended: Tensor, trial_ended: Tensor) -> Tensor:
    """The flag is turned round: it keeps those whose trial has ended, and forgets all who are still in one."""
    return reference.carry_hidden(hidden, episode_ended, ~trial_ended)


@carry_hidden.mistake
def chooses_columns(hidden: Tensor, episode_ended: Tensor, trial_ended: Tensor) -> Tensor:
    """It sets columns to zero, not rows: `trial_ended` [B] against [B, H] lines up with the last dimension. Write
    `trial_ended[:, None]`.
    """
    return torch.where(trial_ended, 0.0, hidden)


@carry_hidden.mistake
def begins_at_one(hidden: Tensor, episode_ended: Tensor, trial_ended: Tensor) -> Tensor:
    """A new trial begins at something else than zeros: all begin at the same, and the network is told which."""
    return torch.where(trial_ended[:, None], 1.0, hidden)


@carry_hidden.mistake
def state_detached(hidden: Tensor, episode_ended: Tensor, trial_ended: Tensor) -> Tensor:
    """The state is cut off from its gradient: the network could then never learn what to remember for later."""
    return reference.carry_hidden(hidden.detach(), episode_ended, trial_ended)


@carry_hidden.mistake
def others_states(hidden: Tensor, episode_ended: Tensor, trial_ended: Tensor) -> Tensor:
    """The rows move up: where a trial has ended the others' states slide into its place, so that they leak from user to
    user. Each row stays where it is.
    """
    kept = hidden[~trial_ended]
    return torch.cat([kept, hidden.new_zeros(len(hidden) - len(kept), hidden.shape[1])])


@exercise(
    reference.RecurrentActorCritic,
    points=2,
    minutes=10,
    hints=[
        "One part changes the state by what is seen, two parts read the state. torch has the first one ready: "
        "`nn.GRUCell(input_size, hidden)`.",
        "`state = self.memory(inputs, hidden)`, then a linear layer to the logits and one to the value, both of the "
        "*new* state: the last reward is news for this very step.",
        "Return `(logits, value, state)`, the value [B]: drop its last dimension by `[:, 0]`. Nothing is kept in "
        "`self`.",
    ],
    afterword="The weights say how to learn, the state what was learnt. Training changes the weights; in a trial only "
    "the state changes.",
)
def recurrent_actor_critic(make: Any, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """Any network of these sizes: what it answers is random, how the answers hang together is not."""
    size, actions, width = int(rng.integers(3, 6)), int(rng.integers(2, 5)), int(rng.integers(6, 9))
    users = int(rng.integers(3, 5))
    inputs, hidden = _rounded(rng, -2, 2, users, size), _rounded(rng, -0.9, 0.9, users, width)
    network = make(size, actions, width)
    answers = derived(_triple, network(inputs, hidden))
    yield (
        "gives logits [B, A], a value [B] and a state [B, H]",
        derived(lambda a: [list(np.shape(part)) for part in a], answers),
    )
    yield "gives logits, not probabilities", derived(lambda a: _probabilities(a[0]), answers)
    again = derived(_triple, network(inputs, hidden))
    # dropout ends with eval(), a memory of its own does not
    network.eval()
    twice = [derived(_triple, network(inputs, hidden)) for _ in range(2)]
    network.train()
    yield (
        "keeps nothing itself: the same call gives the same answers",
        [derived(_same, answers, again), derived(_same, *twice)],
    )
    # nobody stays in their place
    order = np.roll(np.arange(users), int(rng.integers(1, users)))
    permuted = derived(_triple, network(inputs[order], hidden[order]))
    yield (
        "answers each user alone",
        derived(
            lambda moved, a: _same(moved, [np.asarray(part)[order] for part in a]),
            permuted,
            answers,
        ),
    )
    alone = derived(_triple, network(inputs[1:2], hidden[1:2]))
    yield (
        "answers each user alone",
        derived(lambda one, a: _same(one, [np.asarray(part)[1:2] for part in a]), alone, answers),
    )
    elsewhere = derived(_triple, network(inputs, -hidden))
    yield "answers by what it remembers", derived(_differ, answers, elsewhere)
    news = derived(_triple, network(-inputs, hidden))
    yield "answers by what it sees now", derived(_differ, answers, news)
    yield (
        "lets gradients flow back from each answer, to what it saw and to what it remembered",
        [flows(network, inputs, hidden, wrt=wrt, of=of) for wrt in (0, 1) for of in range(3)],
    )


def _triple(answers: Any) -> Any:
    if not isinstance(answers, tuple | list) or len(answers) != 3:
        raise TypeError("it must return three things, (logits, value, hidden)")
    return answers


def _probabilities(logits: Any) -> bool:
    table = np.asarray(logits)
    return bool((table >= 0).all() and np.allclose(table.sum(axis=1), 1, atol=1e-3))


def _same(one: Any, other: Any) -> bool:
    return all(_close(a, b) for a, b in zip(one, other, strict=True))


def _differ(one: Any, other: Any) -> list[bool]:
    """For logits, value and state each: whether some user's differ. All need not: two values can meet by chance."""
    return [bool(np.abs(np.asarray(a) - np.asarray(b)).max() > 1e-5) for a, b in zip(one, other, strict=True)]


Forward = Callable[[reference.RecurrentActorCritic, Tensor, Tensor], tuple[Tensor, ...]]


def _usual(network: reference.RecurrentActorCritic, inputs: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return reference.RecurrentActorCritic.forward(network, inputs, hidden)


def _network(name: str, diagnosis: str, answer: Forward, width: int | None = None) -> None:
    """A mistaken network: the reference's parts, and another way through them."""

    class Mistaken(reference.RecurrentActorCritic):
        def __init__(self, input_size: int, n_actions: int, hidden: int) -> None:
            super().__init__(input_size, n_actions, hidden if width is None else width)
            self.kept: Tensor | None = None

        def forward(self, inputs: Tensor, hidden: Tensor) -> Any:
            return answer(self, inputs, hidden)

    Mistaken.__name__, Mistaken.__doc__ = name, diagnosis
    recurrent_actor_critic.mistake(Mistaken)


def _kept_inside(network: Any, inputs: Tensor, hidden: Tensor) -> tuple[Tensor, ...]:
    before = hidden if network.kept is None or len(network.kept) != len(hidden) else network.kept
    answers = _usual(network, inputs, before)
    network.kept = answers[2].detach()
    return answers


def _users_as_time(network: Any, inputs: Tensor, hidden: Tensor) -> tuple[Tensor, ...]:
    rows, state = [], hidden[:1]
    for one in inputs:
        logits, value, state = _usual(network, one[None], state)
        rows.append((logits, value, state))
    return tuple(torch.cat(parts) for parts in zip(*rows, strict=True))


def _read_before(network: Any, inputs: Tensor, hidden: Tensor) -> tuple[Tensor, ...]:
    return network.actor(hidden), network.critic(hidden)[:, 0], network.memory(inputs, hidden)


def _dropped(network: Any, inputs: Tensor, hidden: Tensor, at_random: bool) -> tuple[Tensor, ...]:
    state = network.memory(inputs, hidden)
    read = nn.functional.dropout(state, 0.5, at_random)
    return network.actor(read), network.critic(read)[:, 0], state


def _value_of_the_input(network: Any, inputs: Tensor, hidden: Tensor) -> tuple[Tensor, ...]:
    logits, _, state = _usual(network, inputs, hidden)
    return logits, inputs.sum(dim=1), state


_network(
    "value_in_a_column",
    "The value has the shape [B, 1] and not [B]: less a reward of [B] it silently becomes [B, B]. Drop the last "
    "dimension.",
    lambda network, inputs, hidden: (lambda a: (a[0], a[1][:, None], a[2]))(_usual(network, inputs, hidden)),
)
_network(
    "state_first",
    "The answers come in the wrong order: logits, value, state.",
    lambda network, inputs, hidden: (lambda a: (a[2], a[0], a[1]))(_usual(network, inputs, hidden)),
)
_network(
    "state_not_moved",
    "It returns the state that it was given: what was seen in this step is forgotten at once. Return the new one.",
    lambda network, inputs, hidden: (*_usual(network, inputs, hidden)[:2], hidden),
)
_network(
    "begins_anew_each_step",
    "It begins from zeros at each step: the state that it is given plays no part, and nothing can be remembered.",
    lambda network, inputs, hidden: _usual(network, inputs, torch.zeros_like(hidden)),
)
_network(
    "read_before_seen",
    "Policy and value read the *old* state: the last reward reaches them a step late. Read the state after this step's "
    "input.",
    _read_before,
)
_network(
    "value_without_memory",
    "The value looks at this step's input alone: what a trial is still worth depends on what has been found out in it.",
    _value_of_the_input,
)
_network(
    "state_kept_inside",
    "The network keeps the state itself and goes on with that: then the same call gives another answer each time, and "
    "a second batch of users would begin with the memories of the first. Take the state that you are given.",
    _kept_inside,
)
_network(
    "users_taken_for_time",
    "Users are taken for time steps, so that each begins with the memory of the one before: `nn.GRU` reads [B, F] as a "
    "sequence of B steps. `nn.GRUCell` takes a batch.",
    _users_as_time,
)


@recurrent_actor_critic.mistake
class SequencesForUsers(reference.RecurrentActorCritic):
    """`nn.GRU` reads [B, F] as one sequence of B steps, and then asks for the state of one user. `nn.GRUCell` takes a
    step of each user in a batch.
    """

    def __init__(self, input_size: int, n_actions: int, hidden: int) -> None:
        super().__init__(input_size, n_actions, hidden)
        self.sequences = nn.GRU(input_size, hidden)

    def forward(self, inputs: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Raises, unless there is one user."""
        states, last = self.sequences(inputs, hidden)
        return self.actor(states), self.critic(states)[:, 0], last


_network(
    "users_normalised_together",
    "A user's answer depends on who else is in the batch: normalising over the batch mixes users.",
    lambda network, inputs, hidden: _usual(network, inputs - inputs.mean(dim=0), hidden),
)
_network(
    "probabilities",
    "It returns probabilities: whoever reads the logits applies a softmax, and a second one makes all actions nearly "
    "equally likely. Leave out the softmax.",
    lambda network, inputs, hidden: (lambda a: (a[0].softmax(dim=1), *a[1:]))(_usual(network, inputs, hidden)),
)
_network(
    "drops_out",
    "Something is left out at random, as dropout does: the same user in the same state gets other answers each time, "
    "and in the update others than were acted upon. Leave dropout out.",
    lambda network, inputs, hidden: _dropped(network, inputs, hidden, network.training),
)
_network(
    "drops_out_always",
    "Something is left out at random, and after `eval()` too: the same user in the same state gets other answers each "
    "time. Leave out `nn.functional.dropout`, or whatever draws.",
    lambda network, inputs, hidden: _dropped(network, inputs, hidden, True),
)
_network(
    "new_state_detached",
    "The new state is cut off from its gradient: no later step could teach the network what to remember. Return it as "
    "it comes from the cell.",
    lambda network, inputs, hidden: (lambda a: (a[0], a[1], a[2].detach()))(_usual(network, inputs, hidden)),
)
_network(
    "logits_detached",
    "The logits are cut off from their gradient: the policy would never learn. Return them as they come from their "
    "layer.",
    lambda network, inputs, hidden: (lambda a: (a[0].detach(), *a[1:]))(_usual(network, inputs, hidden)),
)
_network(
    "value_detached",
    "The value is cut off from its gradient: either the critic would never learn, or the memory would learn nothing "
    "from it. Read the state as it is, and return what comes.",
    lambda network, inputs, hidden: (lambda a: (a[0], a[1].detach(), a[2]))(_usual(network, inputs, hidden)),
)
_network(
    "memory_detached",
    "The state that it is given is cut off from its gradient: the network could then never learn what to remember for "
    "later.",
    lambda network, inputs, hidden: _usual(network, inputs, hidden.detach()),
)
_network(
    "width_ignored",
    "The state has a width of its own: take it from `hidden`.",
    lambda network, inputs, hidden: _usual(network, inputs, nn.functional.pad(hidden, (0, 32 - hidden.shape[1]))),
    width=32,
)


DOORS_USERS, DOORS_UPDATES, DOORS_STEPS = 128, 20, 10
BANDIT_USERS, BANDIT_UPDATES = 512, 60
JUDGED_DOORS, JUDGED_TASKS = 64, 4096
STATE = 64
THRESHOLD = 6.2
# what is earned at a step of the doors is 0, 1/2 or 1, and the first value of a mistake 0.45 off or more
NEAR, WORTH = Close(absolute=0.1), Close(absolute=0.2)


def make_vec(name: str, users: int) -> Any:
    """A vectorised environment of as many users, autoreset in the same step."""
    return gym.make_vec(name, users, "vector_entry_point")


@exercise(
    reference.train_rl2,
    points=5,
    minutes=35,
    trains=True,
    hints=[
        "It is lesson 05's trainer with one thing more to carry along: the hidden state. Play with all users and write "
        "everything down; estimate advantages; learn from what was written down, several times over.",
        "After each step: `over = info.get('trial_ended', terminated | truncated)`, then `carry_hidden`, and the next "
        "input with action −1 and reward 0 where a trial is over. Within a trial the value of the next step counts "
        "across the ends of episodes; beyond the trial nothing does.",
        "To learn, the network must see each step after the steps before it: keep the state that the rollout began "
        "with, take minibatches of whole *users*, and replay their steps from that state, with the same resets.",
        "The replay: `state = begun[some]`, then for each t `logits, value, after = network(seen[t, some], state)` and "
        "`state = carry_hidden(after, ended[t, some], over[t, some])`. Stack, and the loss is that of PPO.",
    ],
    afterword="PPO changed the weights slowly, over thousands of tasks. What it made is fast: a policy that changes "
    "its mind after one click, with its weights held still.",
)
def train_rl2(train: Any, rng: np.random.Generator) -> Iterator[tuple[Any, ...]]:
    """Doors of known values, the seed, then bandits that nobody has seen."""
    seed = int(rng.integers(1, 1000))
    doors = make_vec("metarec/Doors-v0", DOORS_USERS)
    judged = make_vec("metarec/Doors-v0", JUDGED_DOORS)
    network = train(doors, DOORS_UPDATES, seed=seed)
    played = _played(network, judged, DOORS_STEPS, seed + 10_000)
    earned = derived(lambda p: p.reward.mean(axis=1), played)
    yield "uses in one step what the last one earned", derived(lambda e: e[1], earned), NEAR
    yield "remembers within an episode what it has found out", derived(lambda e: e[3], earned), NEAR
    yield "remembers it in the next episode of the trial", derived(lambda e: e[[5, 6, 8]], earned), NEAR
    yield (
        "expects of a new trial what it is worth to somebody who knows nothing yet",
        derived(lambda p: p.value[0, ~judged.told.numpy()].mean(), played),
        WORTH,
    )
    # the doors have changed places: who finds the new one at once has learnt to use what must not be there
    yield (
        "has not learnt to rely on the last action and reward of the trial before",
        derived(
            lambda p: _finds(network(p.inputs(p.action, p.last, 2), p.state * 0), judged.doors, judged.told), played
        ),
    )

    def trained(at: int) -> Any:
        return derived(lambda p: p.value, _played(train(doors, 2, seed=at), judged, 3, seed))

    once, again, other = trained(seed), trained(seed), trained(seed + 1)
    yield "draws everything from the seed", derived(np.array_equal, once, again)
    yield "learns otherwise from another seed", derived(np.array_equal, once, other)
    bandits = make_vec("metarec/Bandit-v0", JUDGED_TASKS)
    yield (
        f"earns {THRESHOLD:g} or more in 10 pulls of 5 arms that nobody has seen",
        derived(
            lambda p: float(p.expected.sum(axis=0).mean()),
            _played(
                train(make_vec("metarec/Bandit-v0", BANDIT_USERS), BANDIT_UPDATES, seed=seed),
                bandits,
                bandits.n_pulls,
                seed + 10_000,
            ),
        ),
        AtLeast(THRESHOLD),
    )


@dataclasses.dataclass(frozen=True)
class Played:
    """What was seen of a trial [T, N], and where it left off [N]."""

    reward: np.ndarray
    value: np.ndarray
    expected: np.ndarray
    """of bandits the mean of the arm, elsewhere the reward"""
    observation: Tensor
    action: Tensor
    last: Tensor
    """reward"""
    state: Tensor

    def inputs(self, action: Tensor, reward: Tensor, actions: int) -> Tensor:
        """Of a next step that begins an episode, if this was the last action and reward."""
        return reference.rl2_input(self.observation, action, reward, torch.ones(len(action)).bool(), actions)


def _played(network: Any, envs: Any, steps: int, seed: int) -> Any:
    """So many steps of a first trial, the likeliest action each time; a Fault where the network cannot act."""
    observation, _ = envs.reset(seed=seed)
    users, actions = envs.num_envs, int(envs.single_action_space.n)
    action, reward = torch.full((users,), -1), torch.zeros(users)
    begins, state = torch.ones(users).bool(), torch.zeros(users, STATE)
    means = getattr(envs, "means", None)
    rows = []
    for _ in range(steps):
        inputs = reference.rl2_input(observation, action, reward, begins, actions)
        answers = derived(lambda a: _checked(a, users, actions), network(inputs, state))
        if not isinstance(answers, tuple):
            return answers
        action, value, state = answers
        observation, reward, terminated, truncated, _ = envs.step(action)
        begins = terminated | truncated
        rows.append((reward, value, reward if means is None else means.gather(1, action[:, None])[:, 0]))
    earned, values, expected = (torch.stack(column).numpy() for column in zip(*rows, strict=True))
    return Played(earned, values, expected, observation, action, reward, state)


def _finds(answers: Any, doors: Tensor, among: Tensor) -> Any:
    """Whether the likeliest door is the right one for nearly all of some users."""
    chosen = derived(lambda a: _checked(a, len(doors), 2)[0], answers)
    return derived(lambda c: bool((c == doors)[among].float().mean() > 0.9), chosen)


def _checked(answers: Any, users: int, actions: int) -> tuple[Tensor, Tensor, Tensor]:
    """The likeliest actions, the values and the states, of the shapes that they must have."""
    logits, value, hidden = (torch.as_tensor(np.asarray(part)) for part in _triple(answers))
    shapes = [list(part.shape) for part in (logits, value, hidden)]
    if shapes != [[users, actions], [users], [users, STATE]]:
        raise ValueError(f"for {users} users it gave logits, value and state of shapes {shapes}")
    return logits.argmax(dim=1), value, hidden


Masks = Callable[[Tensor, Tensor], Tensor]
"""Of who has ended an episode [N] and who a trial [N]."""


def _ended(ended: Tensor, over: Tensor) -> Tensor:
    return ended


def _over(ended: Tensor, over: Tensor) -> Tensor:
    return over


def _nobody(ended: Tensor, over: Tensor) -> Tensor:
    return torch.zeros_like(over)


def _trainer(
    *,
    seeded: bool = True,
    forgets: Masks = _over,
    wiped: Masks = _over,
    stops: Masks = _over,
    shown: Callable[[Tensor, Tensor], Tensor] = lambda reward, before: reward,
    remembered: Callable[[Tensor], Tensor] = lambda state: state,
    begun: Callable[[Tensor], Tensor] = lambda state: state,
    gamma: float = 0.99,
    sign: float = 1.0,
    policy_weight: float = 1.0,
) -> Any:
    """A trainer that differs from the reference in one place, and is not as patient.

    `forgets` says whose state begins anew, `wiped` whose last action and reward, `stops` where no value follows;
    `shown` is the reward in the next input, given the one before it; `remembered` what the replay goes on with from
    step to step, and `begun` what it starts from.
    """

    def train(envs: Any, updates: int, *, seed: int) -> reference.RecurrentActorCritic:
        drawing = torch.Generator()
        drawing.manual_seed(seed if seeded else drawing.seed())
        observation, _ = envs.reset(seed=seed if seeded else None)
        users, actions, horizon = envs.num_envs, int(envs.single_action_space.n), 10
        with torch.random.fork_rng():
            torch.random.set_rng_state(drawing.get_state())
            network = reference.RecurrentActorCritic(observation.shape[1] + actions + 2, actions, STATE)
        optimiser = torch.optim.Adam(network.parameters(), lr=0.01)
        hidden, none = torch.zeros(users, STATE), torch.zeros(users)
        inputs = reference.rl2_input(observation, none.long() - 1, none, none == 0, actions)
        before = none
        for update in range(updates):
            optimiser.param_groups[0]["lr"] = 0.01 * (1 - update / updates)
            rows, start = [], hidden
            with torch.no_grad():
                for _ in range(horizon):
                    logits, value, after = network(inputs, hidden)
                    action = logits.softmax(dim=1).multinomial(1, generator=drawing)[:, 0]
                    old = logits.log_softmax(dim=1).gather(1, action[:, None])[:, 0]
                    observation, reward, terminated, truncated, info = envs.step(action)
                    ended = terminated | truncated
                    over = info["trial_ended"]
                    rows.append((inputs, action, old, reward, value, forgets(ended, over), stops(ended, over)))
                    hidden = reference.carry_hidden(after, ended, forgets(ended, over))
                    clean = wiped(ended, over)
                    inputs = reference.rl2_input(
                        observation,
                        torch.where(clean, -1, action),
                        torch.where(clean, 0.0, shown(reward, before)),
                        ended,
                        actions,
                    )
                    before = reward
                _, following, _ = network(inputs, hidden)
            columns = [torch.stack(column) for column in zip(*rows, strict=True)]
            seen, action, old, reward, value, forgotten, stopped = columns
            advantage, later = torch.zeros_like(reward), torch.zeros(users)
            for t in reversed(range(horizon)):
                error = reward[t] + gamma * following * ~stopped[t] - value[t]
                later = error + gamma * 0.7 * ~stopped[t] * later
                advantage[t], following = later, value[t]
            target = advantage + value
            advantage = sign * (advantage - advantage.mean()) / (advantage.std() + 1e-8)
            for _ in range(4):
                for some in torch.randperm(users, generator=drawing).chunk(4):
                    state, replayed = begun(start)[some], []
                    for t in range(horizon):
                        logits, worth, after = network(seen[t, some], remembered(state))
                        replayed.append((logits, worth))
                        state = reference.carry_hidden(after, forgotten[t, some], forgotten[t, some])
                    logits, worth = (torch.stack(column) for column in zip(*replayed, strict=True))
                    log_prob = logits.log_softmax(dim=2)
                    ratio = (log_prob.gather(2, action[:, some, None])[..., 0] - old[:, some]).exp()
                    gain = torch.minimum(ratio * advantage[:, some], ratio.clamp(0.8, 1.2) * advantage[:, some]).mean()
                    entropy = -(log_prob.exp() * log_prob).sum(dim=2).mean()
                    miss = nn.functional.mse_loss(worth, target[:, some])
                    optimiser.zero_grad()
                    (0.5 * miss - policy_weight * gain - 0.003 * entropy).backward()
                    nn.utils.clip_grad_norm_(network.parameters(), 1.0)
                    optimiser.step()
        return network

    return train


def _mistaken(name: str, diagnosis: str, **differs: Any) -> None:
    mistake = _trainer(**differs)
    mistake.__name__, mistake.__doc__ = name, diagnosis
    train_rl2.mistake(mistake)


_mistaken(
    "state_reset_with_each_episode",
    "The hidden state is reset between the episodes of one trial: the task is still the same, and all that was found "
    "out is lost. Give `carry_hidden` the end of the *trial*.",
    forgets=_ended,
)
_mistaken(
    "state_leaks_into_the_next_trial",
    "The hidden state leaks from one user to the next: it is not reset where a trial ends. Here that looks like luck, "
    "since the next trial's door is always the other one. With people it is taking one for another.",
    forgets=_nobody,
)
_mistaken(
    "last_reward_leaks_into_the_next_trial",
    "The first input of a trial still shows the last action and reward of the trial before, of another task. Show "
    "action −1 and reward 0 there.",
    wiped=_nobody,
)
_mistaken(
    "reward_missing",
    "The last reward is missing from the input, or always the same: the network sees what it did and never how it "
    "went, so that there is nothing to learn from in a trial.",
    shown=lambda reward, before: torch.zeros_like(reward),
)
_mistaken(
    "reward_shifted_by_one",
    "The reward in the input is one step too old: it belongs to the action before the one that it stands next to. "
    "Build the next input after `envs.step`, of that step's action and that step's reward.",
    shown=lambda reward, before: before,
)
_mistaken(
    "replay_without_memory",
    "It learns as if each step stood alone: in the update the network begins from zeros at each step, while it played "
    "with a memory. Replay each user's steps in their order, from the state that the rollout began with.",
    remembered=torch.zeros_like,
)
_mistaken(
    "credit_ends_with_the_episode",
    "No value is passed on from one episode of a trial to the one before: what is found out then seems to earn nothing "
    "beyond its own episode. Only the end of the *trial* stops the bootstrap and the sum.",
    stops=_ended,
)
_mistaken(
    "credit_crosses_trials",
    "The value of the next trial is added to the end of this one: nothing that is done in a trial can change the next "
    "user's. Where a trial is over nothing follows.",
    stops=_nobody,
)
_mistaken(
    "next_reward_alone",
    "Nothing of what comes later reaches an action: gamma is 0, or the next values are missing. Then there is no "
    "reason to find anything out.",
    gamma=0.0,
)
_mistaken(
    "policy_climbs_down",
    "The policy learns to avoid what is good: a sign is turned round once too often. A loss is to be small, a gain "
    "large.",
    sign=-1.0,
)
_mistaken(
    "policy_never_learns",
    "The critic learns and the policy stays as it was: the policy's loss has no gradient, or no part in the sum.",
    policy_weight=0.0,
)
_mistaken(
    "draws_elsewhere",
    "Two trainings with one seed differ. Three things draw: the first weights (under `torch.random.fork_rng()` after "
    "`torch.manual_seed(seed)`), the environment (`envs.reset(seed=seed)`, once), and actions and minibatches (from "
    "one `torch.Generator().manual_seed(seed)`).",
    seeded=False,
)


def _always_the_same(envs: Any, updates: int, *, seed: int) -> reference.RecurrentActorCritic:
    trained: reference.RecurrentActorCritic = _trainer()(envs, updates, seed=0)
    return trained


_always_the_same.__name__ = "seed_ignored"
_always_the_same.__doc__ = "Another seed changes nothing: a seed of its own stands in the code. Take the one given."
train_rl2.mistake(_always_the_same)
