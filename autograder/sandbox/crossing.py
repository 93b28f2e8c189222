"""What a trial hands to an implementation, named so that it can be made anew behind the wall.

Only host to sandbox: the host's decoder knows none of these names.
"""

from __future__ import annotations

import dataclasses
import inspect
import itertools
import sys
from typing import Any

import numpy as np

from autograder import beside
from autograder.proxy import Proxy
from autograder.sandbox.codec import Refused

# what a function, a class or an environment may be named from: nothing else lies behind the wall
PACKAGES = ("metarec", "gymnasium", "numpy", "torch", "builtins", "math")
BITS = (np.random.PCG64, np.random.PCG64DXSM, np.random.MT19937, np.random.Philox, np.random.SFC64)

_keys = itertools.count()


class Crossing:
    """Names one side's arguments. A generator or a network crosses once, as a twin, and then by its number."""

    def __init__(self) -> None:
        self._twins: dict[int, tuple[Any, int]] = {}

    def prepare(self, value: Any) -> Any:
        """`value` with everything in it that is no plain data told apart from what is; containers are rebuilt."""
        if isinstance(value, Proxy):
            return self.prepare(value._handle)
        if isinstance(value, list | tuple) and type(value) in (list, tuple):
            return type(value)(self.prepare(item) for item in value)
        if type(value) is dict:
            return {key: self.prepare(item) for key, item in value.items()}
        return value

    def special(self, value: Any) -> tuple[str, Any] | None:
        """The name and the plain payload of what is no plain data; None if it may not cross."""
        if isinstance(value, np.random.Generator) or beside.is_torch_generator(value) or beside.is_network(value):
            return self._twin(value)
        if beside.is_tensor(value):
            return self._tensor(value)
        if isinstance(value, np.generic):
            return "scalar", np.asarray(value)
        if type(value) is dict:
            return "pairs", [(key, item) for key, item in value.items()]
        if type(value) in (set, frozenset):
            return type(value).__name__, list(value)
        if type(value) is range:
            return "range", (value.start, value.stop, value.step)
        if getattr(value, "spec", None) is not None and hasattr(value, "observation_space"):
            return "environment", _specification(value)
        if isinstance(value, type) or inspect.isroutine(value) or isinstance(value, np.ufunc):
            return "named", _name(value)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
            return "dataclass", (*_name(type(value)), fields)
        return None

    def _twin(self, value: Any) -> tuple[str, Any]:
        if id(value) in self._twins:
            return "twin", self._twins[id(value)][1]
        key = next(_keys)
        # the original is kept as well, so that its id is nobody else's
        self._twins[id(value)] = (value, key)
        if beside.is_network(value):
            return "network", (key, *_network(value))
        if not isinstance(value, np.random.Generator):
            return "torch generator", (key, value.get_state().numpy())
        twin = value.spawn(1)[0].bit_generator
        if not isinstance(twin, BITS):
            raise Refused(f"a {type(twin).__name__} cannot cross the wall")
        # its own seeds would tell those of the trial: what it spawns there is seeded from a digest of them
        entropy = [int(word) for word in twin.seed_seq.generate_state(4)]
        return "generator", (key, type(twin).__name__, twin.state, entropy)

    @staticmethod
    def _tensor(tensor: Any) -> tuple[str, Any]:
        import torch

        found = tensor.detach().cpu()
        name = str(found.dtype).removeprefix("torch.")
        if found.dtype is torch.bfloat16:
            found = found.float()
        return "tensor", (found.numpy(), name, bool(tensor.requires_grad))


def _network(network: Any) -> tuple[Any, ...]:
    """Its class, mode, public attributes, parameters, buffers and parts; Refused where it keeps more to itself."""
    bare = sys.modules["torch"].nn.Module()
    private = [name for name in vars(network) if name.startswith("_") and name not in vars(bare)]
    if private:
        raise Refused(f"a {type(network).__name__} cannot cross the wall: it keeps {', '.join(private)}")
    attributes = {name: value for name, value in vars(network).items() if name not in vars(bare)}
    own = (dict(network._parameters), dict(network._buffers), dict(network._modules))
    return (_name(type(network)), network.training, attributes, *own)


def _specification(environment: Any) -> str:
    spec = environment.spec
    points = [spec.entry_point, getattr(spec, "vector_entry_point", None)]
    points += [wrapper.entry_point for wrapper in spec.additional_wrappers]
    for point in points:
        if point is not None and not _ours(point):
            raise Refused(f"the environment {spec.id} is made by {point}: a string within {PACKAGES[:2]} is wanted")
    return str(spec.to_json())


def _ours(point: Any) -> bool:
    return isinstance(point, str) and point.partition(":")[0].partition(".")[0] in PACKAGES[:2]


def _name(value: Any) -> tuple[str, str]:
    module = "numpy" if isinstance(value, np.ufunc) else str(getattr(value, "__module__", ""))
    name = str(getattr(value, "__qualname__", getattr(value, "__name__", "")))
    if module.partition(".")[0] not in PACKAGES or "<" in name:
        raise Refused(f"{module}.{name} does not lie behind the wall, only what is of {', '.join(PACKAGES)}")
    return module, name
