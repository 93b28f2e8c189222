"""The course's functional network: an MLP whose parameters are an argument, so that one can differentiate through them.

Parameters are a dict of tensors, named as `nn.Sequential` names those of its layers: "0.weight" [hidden, D] and
"0.bias" [hidden] of the first linear layer, "2.weight" and "2.bias" of the second (place 1 is the ReLU between), and
so on. So `dict(network.named_parameters())` of such a network will do too, and `mlp` answers what
`torch.func.functional_call` of it answers.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

Params = dict[str, Tensor]
Loss = Literal["squared", "logistic"]


def init(sizes: Sequence[int], generator: torch.Generator) -> Params:
    """Random parameters of an MLP with layers of these sizes, inputs first: (1, 40, 40, 1).

    Uniform within 1/√inputs of each layer, as torch's own linear layers begin.
    """
    params = {}
    for layer, (inputs, outputs) in enumerate(zip(sizes[:-1], sizes[1:], strict=True)):
        for name, shape in (("weight", (outputs, inputs)), ("bias", (outputs,))):
            drawn = torch.rand(shape, generator=generator) * 2 - 1
            params[f"{2 * layer}.{name}"] = drawn / inputs**0.5
    return params


def mlp(params: Params, x: Tensor) -> Tensor:
    """What the network with these parameters answers to x [..., D]: [..., outputs], linear layers with ReLU between."""
    layers = len(params) // 2
    for layer in range(layers):
        x = nn.functional.linear(x, params[f"{2 * layer}.weight"], params[f"{2 * layer}.bias"])
        if layer < layers - 1:
            x = x.relu()
    return x


def task_loss(params: Params, x: Tensor, y: Tensor, loss: Loss = "squared") -> Tensor:
    """How badly a network fits one task, x [k, D] and y [k, 1]: a scalar, the mean over its k points.

    "squared" is the squared error. "logistic" takes the answers for logits of clicks, and y for 0 or 1 (or a
    probability between). ValueError for another name.
    """
    answers = mlp(params, x)
    wanted = y.reshape(answers.shape)  # [k] less [k, 1] would be [k, k], without a word
    if loss == "squared":
        return nn.functional.mse_loss(answers, wanted)
    if loss == "logistic":
        return nn.functional.binary_cross_entropy_with_logits(answers, wanted)
    raise ValueError(f'loss must be "squared" or "logistic", not {loss!r}')
