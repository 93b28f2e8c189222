"""Making, behind the wall, what the host sent by name: generators, tensors, environments, functions and the like."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np


def generator(payload: Any) -> np.random.Generator:
    """A NumPy generator in the state given."""
    _, name, state, entropy = payload
    bits = getattr(np.random, name)(np.random.SeedSequence(entropy))
    bits.state = state
    return np.random.Generator(bits)


def torch_generator(payload: Any) -> Any:
    """A torch generator in the state given."""
    import torch

    made = torch.Generator()
    made.set_state(torch.from_numpy(payload[1]))
    return made


def tensor(payload: Any) -> Any:
    """A tensor of the dtype that it had, a leaf that wants a gradient if it did."""
    import torch

    array, dtype, requires_grad = payload
    return torch.from_numpy(array).to(getattr(torch, dtype)).requires_grad_(requires_grad)


def environment(specification: str) -> Any:
    """A fresh environment of the same specification."""
    import gymnasium

    return gymnasium.make(gymnasium.envs.registration.EnvSpec.from_json(specification))


def named(payload: Any) -> Any:
    """A function or a class, by its module and name."""
    module, name = payload
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return found


def of_dataclass(payload: Any) -> Any:
    """A dataclass with the fields given."""
    module, name, fields = payload
    return named((module, name))(**fields)


MAKERS: dict[str, Callable[[Any], Any]] = {
    "generator": generator,
    "torch generator": torch_generator,
    "tensor": tensor,
    "scalar": lambda array: array[()],
    "pairs": dict,
    "set": set,
    "frozenset": frozenset,
    "range": lambda bounds: range(*bounds),
    "environment": environment,
    "named": named,
    "dataclass": of_dataclass,
}
