"""How a table looks: its cells as text, for pages and for LaTeX."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.showing.tables import Table

HEADS = {
    "p_wilcoxon_holm": "Wilcoxon–Holm p",
    "p_nemenyi": "Nemenyi p",
    "probability_better": "P(better)",
    "probability_equivalent": "P(equivalent)",
    "probability_worse": "P(worse)",
    "mean_bca": "mean, BCa",
}
CELLS = 20_000  # of one table on a page; the files hold all


@dataclass(frozen=True)
class Cell:
    """What a table shows, the key it sorts by, and how it looks."""

    text: str
    key: float | str
    number: bool = False
    best: bool = False


def heads(table: Table) -> list[str]:
    """The columns as shown: an interval's two ends are one."""
    names: list[str] = []
    for name in map(str, table.frame.columns):
        if name.endswith("_low"):
            names.append(f"{table.level:.0%} interval")
        elif not name.endswith("_high"):
            names.append(name if name in table.best_of else HEADS.get(name, name.replace("_", " ")))
    return names


def lines(table: Table) -> list[list[Cell]]:
    """The cells as shown, row by row, at most `CELLS` of them."""
    frame = table.frame.head(max(1, CELLS // max(1, len(table.frame.columns))))
    columns: list[list[Cell]] = []
    best = best_cells(frame, table)
    for name in map(str, frame.columns):
        if name.endswith("_high"):
            continue
        values = frame[name].tolist()
        if name.endswith("_low"):
            highs = frame[name.removesuffix("_low") + "_high"].tolist()
            columns.append([interval_cell(low, high, table.missing) for low, high in zip(values, highs, strict=True)])
        else:
            marks = best.get(name, [False] * len(values))
            columns.append([cell(v, m, table.missing) for v, m in zip(values, marks, strict=True)])
    return [list(line) for line in zip(*columns, strict=True)]


def best_cells(frame: pd.DataFrame, table: Table) -> dict[str, list[bool]]:
    if not table.best:
        return {}
    values = frame[list(table.best_of)].to_numpy(dtype=np.float64)
    extreme = np.nanmin(values, axis=1) if table.best == "min" else np.nanmax(values, axis=1)
    marks = np.abs(values - extreme[:, None]) <= 1e-9
    return {name: marks[:, j].tolist() for j, name in enumerate(table.best_of)}


def cell(value: Any, best: bool = False, missing: str = "–") -> Cell:
    if value is None or value != value:
        return Cell(missing, float("inf"), number=True)
    if isinstance(value, float):
        return Cell(decimal(value), value, number=True, best=best)
    if isinstance(value, int):
        return Cell(f"{value:,}", value, number=True, best=best)
    return Cell(str(value), str(value).lower())


def interval_cell(low: float | None, high: float | None, missing: str = "–") -> Cell:
    if low is None or high is None or low != low:
        return Cell(missing, float("inf"), number=True)
    return Cell(f"{decimal(low)} to {decimal(high)}", high - low, number=True)


def decimal(value: float) -> str:
    """Four decimals for shares and errors, fewer for large numbers, two digits for tiny ones; a true minus sign."""
    size = abs(value)
    text = f"{value:.1e}" if 0 < size < 1e-4 else f"{value:.4f}" if size < 10 else f"{value:,.1f}"
    return text.replace("-", "−") if float(text.replace(",", "")) else text.lstrip("-")


def signed(value: float) -> str:
    return f"{value:+.4f}".replace("-", "−")


def plural(n: int, noun: str) -> str:
    return f"{n:,} {noun}" + ("" if n == 1 else "s")
