"""What long computations left behind: weights of trained networks, and records of figures.

Each is made by a command in benchmarks/, which its record names, and lies under `metarec/kept/`.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

KEPT = Path(__file__).parent / "kept"


def weights(name: str) -> dict[str, Tensor]:
    """The state dict kept under this name. FileNotFoundError, with the names there are, where there is none."""
    with np.load(_path(name, ".npz"), allow_pickle=False) as arrays:
        return {key: torch.as_tensor(arrays[key]) for key in arrays.files}


def record(name: str) -> dict[str, Any]:
    """The figures that were kept under this name; "command" is what made them. FileNotFoundError as for weights."""
    kept: dict[str, Any] = json.loads(_path(name, ".json").read_text())
    return kept


def keep_weights(name: str, state: Mapping[str, Tensor]) -> Path:
    """Keep a state dict; the file's path. Equal weights give equal files."""
    path = KEPT / f"{name}.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **{key: value.detach().cpu().numpy() for key, value in state.items()})  # type: ignore[arg-type]
    return path


def keep_record(name: str, figures: Mapping[str, Any], *, command: str) -> Path:
    """Keep figures that JSON can hold, with the command that makes them; the file's path."""
    path = KEPT / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"command": command, **figures}, indent=1, allow_nan=False) + "\n")
    return path


def _path(name: str, suffix: str) -> Path:
    path = KEPT / f"{name}{suffix}"
    if not path.is_file():
        names = sorted(found.relative_to(KEPT).stem for found in KEPT.rglob(f"*{suffix}"))
        raise FileNotFoundError(f"nothing is kept as {name!r}; there is {', '.join(names) or 'nothing'}")
    return path
