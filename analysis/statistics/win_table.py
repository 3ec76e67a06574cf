"""How often each method is the best: win counts over rows such as data sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.frame import with_options
from analysis.statistics.scores import Direction, Diverged, Floats, Key, Scores, label, listed, scores
from sweeps.errors import UsageError
from sweeps.file.sections import asked

Ties = Literal["shared", "split", "none"]
Constant = Literal["count", "skip"]
TOLERANCE = 1e-9
METHOD = ("activation", "normalizer")


@dataclass(frozen=True)
class WinTable:
    """Wins of each column, in the columns' order, and the rows that they were or were not counted on."""

    columns: list[Key]
    wins: list[float]
    counted: list[Key]
    constant: list[Key]  # every column equal (in some group of `within`); counted or not as asked
    incomplete: list[Key]  # rows that lack a column; not counted
    partial: list[Key]  # blocks (row, replicate) of counted rows that lack a column, whose mean is over the others
    skipped: list[Key]
    direction: Direction = "min"  # which end of the value was counted as better

    def as_json(self) -> list[dict[str, object]]:
        """`[{"column": "relu, bn", "wins": 9, "direction": "min"}, ...]`: the column's values joined by ", "; a whole
        count is an int."""
        return [
            {"column": label(c), "wins": int(w) if float(w).is_integer() else w, "direction": self.direction}
            for c, w in zip(self.columns, self.wins, strict=True)
        ]


def wins(
    frame: pd.DataFrame,
    *,
    rows: Sequence[str] = ("dataset",),
    columns: Sequence[str] | None = None,
    value: str = "test_error",
    within: Sequence[str] = (),
    ties: Ties = "shared",
    constant: Constant = "count",
    skip: Sequence[str] = (),
    select: Sequence[str] = (),
    by: str = "val_error",
    average: Sequence[str] = (),
    direction: Direction | None = None,
    tolerance: float = TOLERANCE,
    diverged: Diverged = "loss",
) -> WinTable:
    """Counts, for each combination of `columns`, the rows on which its `value` is the best.

    `columns` left out are activation and normalizer. All columns may be options: `normalizer.n`.
    `within` (some of `columns`) compares only columns that agree in it: the VCL paper's Table 4 is
    `columns=["activation", "normalizer"], within=["activation"]`, its Table 5 is the same without `within`.
    `skip` leaves out rows that have one of these values. Rows that lack a column are not counted and are named in the
    result. `select`, `by`, `average`, `diverged`: see `scores`. `ties`, `constant`, `tolerance`: see `count`.
    `direction` is `min` unless it is given; UsageError where it is not and the name of `value` says accuracy.
    """
    if direction is None and "accuracy" in value.lower():
        raise UsageError(f"{value} does not say which end is better: give the direction, max (--direction max) or min")
    columns = method_columns(frame) if columns is None else columns
    frame = with_options(frame, [*rows, *columns, *select, *average])
    stray = [w for w in within if w not in columns]
    if stray:
        raise UsageError(f"within {stray[0]!r} must be one of the columns {listed(columns)}")
    table = scores(
        frame,
        rows=rows,
        columns=columns,
        value=value,
        average=average,
        select=select,
        by=by,
        direction=direction or "min",
        diverged=diverged,
    )
    groups = [tuple(c[list(columns).index(w)] for w in within) for c in table.columns]
    return tally(table, groups, ties=ties, constant=constant, skip=skip, tolerance=tolerance)


def method_columns(frame: pd.DataFrame) -> tuple[str, ...]:
    """What makes a method where nothing is said; a table may know no activation."""
    return METHOD[1:] if METHOD[0] not in frame and METHOD[1] in frame else METHOD


def tally(
    table: Scores,
    groups: Sequence[Key] | None = None,
    *,
    ties: Ties = "shared",
    constant: Constant = "count",
    skip: Sequence[str] = (),
    tolerance: float = TOLERANCE,
) -> WinTable:
    """Wins of the columns of `table` by their `standing` on each row; columns of one group compete."""
    groups = [()] * len(table.columns) if groups is None else groups
    skipped = skipped_rows(table.rows, skip)
    whole = table.compared()
    if not whole.rows:
        raise UsageError(
            f"no row has a result for each of the {len(table.columns)} columns "
            f"({listed([label(c) for c in table.columns])}): compare fewer columns or complete the sweep"
        )
    keep = [i for i, row in enumerate(whole.rows) if row not in skipped]
    kept = [whole.rows[i] for i in keep]
    mean = whole.standing()[keep]
    flat = np.asarray(constant_rows(mean, groups, tolerance).any(axis=1))
    return WinTable(
        columns=table.columns,
        wins=[float(w) for w in count(mean, groups, table.direction, ties, constant, tolerance)],
        counted=kept,
        constant=[row for row, f in zip(kept, flat, strict=True) if f],
        incomplete=[row for row in table.rows if row not in whole.rows],
        partial=[block for block in whole.partial if block[: len(table.rows[0])] not in skipped],
        skipped=[row for row in table.rows if row in skipped],
        direction=table.direction,
    )


def count(
    values: Floats,
    groups: Sequence[Key],
    direction: Direction = "min",
    ties: Ties = "shared",
    constant: Constant = "count",
    tolerance: float = TOLERANCE,
) -> Floats:
    """Wins of each column of `values` (rows, columns), among the columns of the same group.

    A column wins a row when its value is within `tolerance` of the row's best. Several such columns each win
    (`shared`), win 1/k each (`split`), or not at all (`none`). A row whose values are all equal is a tie of all, or is
    left out (`constant="skip"`). An infinite value never wins.
    """
    asked(direction=direction, ties=ties, constant=constant)
    loss = values if direction == "min" else -values
    flat = constant_rows(values, groups, tolerance)
    total = np.zeros(values.shape[1])
    for g, members in enumerate(group_members(groups)):
        part = loss[:, members]
        best = part.min(axis=1, keepdims=True)
        won = (part <= best + tolerance) & np.isfinite(part)
        shares = won.sum(axis=1, keepdims=True)
        if constant == "skip":
            won = won & ~flat[:, [g]]
        if ties == "none":
            won = won & (shares == 1)
        weight = 1 / np.maximum(shares, 1) if ties == "split" else np.ones(shares.shape)
        total[members] = (won * weight).sum(axis=0)
    return total


def constant_rows(values: Floats, groups: Sequence[Key], tolerance: float = TOLERANCE) -> NDArray[np.bool_]:
    """(rows, groups): whether a row's values are all equal within a group of two or more columns."""
    flat = [
        (len(m) > 1) & (values[:, m].max(axis=1) <= values[:, m].min(axis=1) + tolerance) for m in group_members(groups)
    ]
    return np.stack(flat, axis=1)


def group_members(groups: Sequence[Key]) -> list[list[int]]:
    return [[i for i, g in enumerate(groups) if g == key] for key in dict.fromkeys(groups)]


def skipped_rows(rows: Sequence[Key], skip: Sequence[str]) -> set[Key]:
    names = {str(part) for row in rows for part in row}
    for name in skip:
        if name not in names:
            near = get_close_matches(name, names, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {listed(sorted(names))}"
            raise UsageError(f"no row {name!r} to skip; {hint}")
    return {row for row in rows if any(str(part) in skip for part in row)}
