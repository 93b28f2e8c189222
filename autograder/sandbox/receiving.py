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
    """A fresh environment of the same specification, vectorised if that was."""
    import gymnasium

    spec = gymnasium.envs.registration.EnvSpec.from_json(specification)
    return gymnasium.make_vec(spec) if "vectorization_mode" in spec.kwargs else gymnasium.make(spec)


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


def network(payload: Any) -> Any:
    """A torch module of a class, with the public attributes, parameters, buffers and parts given."""
    import torch

    (module, name), training, attributes, parameters, buffers, parts = payload
    kind = named((module, name))
    made = kind.__new__(kind)
    torch.nn.Module.__init__(made)
    for key, value in attributes.items():
        setattr(made, key, value)
    for key, value in parameters.items():
        made.register_parameter(key, None if value is None else torch.nn.Parameter(value.detach(), value.requires_grad))
    for key, value in buffers.items():
        made.register_buffer(key, value)
    for key, part in parts.items():
        made.add_module(key, part)
    return made.train(training)


# what crosses once on a side, under a key, and is the same object in every call after that
TWINS = ("generator", "torch generator", "network")
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
    "network": lambda payload: network(payload[1:]),
}
