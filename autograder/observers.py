"""What is observed of an implementation in place of its result, on whichever side of the wall it lives.

A proxy names an observer; it is run beside the implementation, so that many calls cross the wall as one. This module
imports nothing of the grader, so that it can be carried into a sandbox as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autograder.beside import is_tensor


def gradient(
    function: Callable[..., Any], *arguments: Any, wrt: int = 0, of: int | None = None, **keywords: Any
) -> Any:
    """The gradient of the weighted sum of what `function` returns with respect to its argument number `wrt`.

    Of several results it is that of number `of` alone, or of all together if None.
    The weights are fixed and differ, so that a gradient that only sums right does not pass; zeros where none flows.
    The argument may be a dict of tensors, and so may the result, whose order of names plays no part.
    """
    import torch

    given = arguments[wrt]
    parts = given if isinstance(given, dict) else {"": given}
    leaves = {name: tensor.detach().clone().requires_grad_() for name, tensor in parts.items()}
    leaf = dict(leaves) if isinstance(given, dict) else leaves[""]
    result = function(*arguments[:wrt], leaf, *arguments[wrt + 1 :], **keywords)
    if isinstance(result, dict):
        result = [result[name] for name in sorted(result)]
    total, place = torch.zeros(()), 0
    for value in _leaves(result if of is None else result[of]):
        # a number or an array, as what has been detached is, has no slope
        tensor = torch.as_tensor(value, dtype=None if torch.is_tensor(value) else torch.float32)
        # one row of weights over all: a list of rows is as good as a table
        weights = torch.cos(torch.arange(place, place + tensor.numel(), dtype=tensor.dtype))
        total = total + (tensor.flatten() * weights).sum()
        place += tensor.numel()
    slopes = {name: torch.zeros_like(leaf) for name, leaf in leaves.items()}
    if total.requires_grad:
        found = torch.autograd.grad(total, list(leaves.values()), allow_unused=True)
        slopes |= {name: slope for name, slope in zip(slopes, found, strict=True) if slope is not None}
    return slopes if isinstance(given, dict) else slopes[""]


def traced(function: Callable[..., Any], *arguments: Any, **keywords: Any) -> dict[str, Any]:
    """Run `function` on torch's meta device: no value is computed, so that what needs one cannot hide.

    Returns `devices`, `dtypes` and `shapes` of the tensors returned, `operations`, the names of those dispatched, and
    `left`, in words each way in which it left the device, on a CUDA device too where there is one. What it raises after
    it has left the device is a consequence, and not raised.
    """
    from autograder.tracing import Watch, waits_on_cuda

    watch = Watch()
    moved = [watch.move(value) for value in arguments]
    named = {key: watch.move(value) for key, value in keywords.items()}
    result: Any = ()
    try:
        with watch.watching():
            result = function(*moved, **named)
    except Exception:
        if not watch.left:
            raise
    tensors = _leaves(result)
    return {
        "devices": [str(getattr(tensor, "device", "none")) for tensor in tensors],
        "dtypes": [str(getattr(tensor, "dtype", type(tensor).__name__)) for tensor in tensors],
        "shapes": [tuple(getattr(tensor, "shape", ())) for tensor in tensors],
        "operations": watch.operations,
        "left": watch.left or waits_on_cuda(function, arguments, keywords),
    }


def _leaves(value: Any) -> list[Any]:
    """What is in a container, in what is in it, and so on."""
    if isinstance(value, dict | list | tuple):
        inside = value.values() if isinstance(value, dict) else value
        return [leaf for item in inside for leaf in _leaves(item)]
    return [value]


def repeated(function: Callable[..., Any], *arguments: Any, times: int, **keywords: Any) -> list[Any]:
    """The results of as many calls, one after the other: one crossing of the wall in place of many."""
    return [function(*arguments, **keywords) for _ in range(times)]


def greedy(function: Callable[..., Any], *arguments: Any) -> Any:
    """The best item [B] by the scores [B, K] that `function` returns, alone or as the first of several."""
    import torch

    with torch.no_grad():
        scores = function(*arguments)
    return torch.as_tensor(scores[0] if isinstance(scores, tuple | list) else scores).argmax(dim=-1)


def raced(function: Callable[..., Any], *arguments: Any, times: int) -> list[Any]:
    """The results of the first and the last of as many calls, to be timed from outside.

    Each call has arguments of its own, `varied`: what has been kept of an earlier one is of no use.
    """
    turns = [[varied(value, turn) for value in arguments] for turn in range(times)]
    answers = [function(*given) for given in turns]
    return [answers[0], answers[-1]]


def varied(value: Any, turn: int) -> Any:
    """A copy whose numbers of float tensors are larger by one part in a million for each turn."""
    if is_tensor(value):
        return value * (1 + 1e-6 * turn) if value.is_floating_point() else value.clone()
    if isinstance(value, dict):
        return {key: varied(item, turn) for key, item in value.items()}
    return type(value)(varied(item, turn) for item in value) if isinstance(value, list | tuple) else value


OBSERVERS: dict[str, Callable[..., Any]] = {
    "gradient": gradient,
    "traced": traced,
    "repeated": repeated,
    "raced": raced,
    "greedy": greedy,
}
