"""What the benchmarks share: a table for people, a flat JSON object of figures for programs."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table


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
