"""What the benchmarks share: a table for people, a flat JSON object of figures for programs."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

STUDENT = {2: 12.71, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 7: 2.447, 8: 2.365, 9: 2.306, 10: 2.262, 20: 2.093}
"""Student's t for a two-sided 95 % interval, by the number of seeds."""


def arguments(description: str | None, **integers: int) -> argparse.Namespace:
    """The command line of a benchmark: `--json FILE`, and whole numbers by name with their defaults."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as a flat JSON object")
    for name, default in integers.items():
        parser.add_argument(f"--{name}", type=int, default=default, help=f"default {default}")
    return parser.parse_args()


def report(title: str, figures: Mapping[str, float], file: Path | None) -> None:
    """Print the figures, and write them if a file is named."""
    table = Table("figure", "value", title=title)
    for name, value in figures.items():
        table.add_row(name, f"{value:.4g}")
    Console().print(table)
    if file is not None:
        file.write_text(json.dumps(dict(figures), indent=1) + "\n", encoding="utf-8")


def over_seeds(values: list[float]) -> float:
    """Half the width of a 95 % interval of the mean."""
    return STUDENT[len(values)] * float(np.std(values, ddof=1)) / math.sqrt(len(values))
