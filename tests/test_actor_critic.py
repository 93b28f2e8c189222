"""Lesson 05's small environment, and what its network owes to items that it has never seen."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

import metarec  # noqa: F401
from metarec.small_vector import CORRIDOR, CURTAIN, NAMES, SHOP, TREASURY, VOID
from solutions.actor_critic import ActorCritic, train_ppo

USERS = 240


def played(name: str, item: int) -> dict[int, tuple[set[float], set[int], set[bool], set[bool]]]:
    """Rewards, following rooms, terminations and truncations by room, of one step with one item."""
    envs = gym.make_vec(name, USERS, "vector_entry_point")
    seen, _ = envs.reset(seed=3)
    _, reward, terminated, truncated, info = envs.step(torch.full((USERS,), item))
    by_room = {}
    for room in range(len(NAMES)):
        here = seen.argmax(dim=1) == room
        parts: list[Any] = [reward[here], info["final_obs"][here].argmax(dim=1), terminated[here], truncated[here]]
        by_room[room] = tuple(set(np.round(part.double().numpy(), 5).tolist()) for part in parts)
    return by_room  # type: ignore[return-value]


@pytest.mark.parametrize("item", range(3))
def test_open_rooms_are_rooms_with_an_open_treasury_and_a_poorer_corridor(item: int) -> None:
    rooms, opened = played("metarec/Rooms-v0", item), played("metarec/OpenRooms-v0", item)
    for room in (SHOP, CURTAIN, VOID):
        assert opened[room] == rooms[room]
    for room in (CORRIDOR, TREASURY):
        assert opened[room][1:] == rooms[room][1:]
    assert opened[TREASURY][0] == {1.0}
    assert opened[CORRIDOR][0] == {(0.0, 0.1, 0.0)[item]}


def test_opening_the_rooms_leaves_the_others_as_they_were() -> None:
    before = played("metarec/Rooms-v0", 0)
    gym.make_vec("metarec/OpenRooms-v0", 2, "vector_entry_point")
    assert played("metarec/Rooms-v0", 0) == before


def test_ppo_learns_the_known_values_of_the_rooms() -> None:
    envs: Any = gym.make_vec("metarec/OpenRooms-v0", 256, "vector_entry_point")
    state = torch.get_rng_state()
    network = train_ppo(envs, 40, seed=1)
    assert torch.equal(torch.get_rng_state(), state)
    with torch.no_grad():
        logits, value = network(torch.eye(len(NAMES)), envs.item_features)
    wanted = {SHOP: 0.9, CORRIDOR: 0.98, CURTAIN: 0.2 + 0.98, TREASURY: 1.0, VOID: 0.0}
    np.testing.assert_allclose(value[list(wanted)], list(wanted.values()), atol=0.05)
    assert logits[[SHOP, CORRIDOR, CURTAIN]].argmax(dim=1).tolist() == [1, 0, 1]


def test_a_new_item_is_scored_as_its_features_say_and_changes_nothing_else() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = ActorCritic(4, 3, hidden=8)
        observation, items = torch.randn(5, 4), torch.randn(6, 3)
    with torch.no_grad():
        logits, value = network(observation, items)
        more, same_value = network(observation, torch.cat([items, items[2:3]]))
    torch.testing.assert_close(more[:, :6], logits)
    torch.testing.assert_close(more[:, 6], logits[:, 2])
    torch.testing.assert_close(same_value, value)
