"""Columns as features: numbers as they are, categories by their codes, flags where a value is missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sweeps.errors import UsageError
from trainers.data.tables.columns import COARSE, NUMERIC, ONE_HOT, Column, drop

MOST = 2**28  # values that one column of categories may become


@dataclass(frozen=True, kw_only=True)
class Features:
    """`x` (n, d) float32, NaN where a number is missing; `of` maps each column to its features' names."""

    x: NDArray[np.float32]
    names: tuple[str, ...]
    of: dict[str, tuple[str, ...]]
    said: tuple[str, ...]


def features(columns: Sequence[Column]) -> Features:
    """Of the columns in their order; what is constant is left out, and said."""
    found: dict[str, NDArray[np.float64]] = {}
    of: dict[str, tuple[str, ...]] = {}
    said: list[str] = []
    for column in columns:
        if len(column.levels) * len(column.values) > MOST and column.kind == ONE_HOT:
            many = f"{len(column.levels):,} features in {len(column.values):,} rows"
            raise UsageError(f"column {column.name} would give {many}: leave it out with {drop(column.name)}")
        own = dict(_features(column))
        if column.detail and column.kind != NUMERIC:
            said.append(f"column {column.name}: {column.detail}")
        if not own:
            said.append(_left_out(column))
        elif coarse := _coarse(column):
            said.append(coarse)
        if twice := [feature for feature in own if feature in found]:
            raise UsageError(f"column {column.name} would give a second feature {twice[0]}: rename it")
        of[column.name] = tuple(own)
        found |= own
    n = len(columns[0].values) if columns else 0
    x = np.stack(list(found.values()), axis=1).astype(np.float32) if found else np.zeros((n, 0), np.float32)
    x[np.isnan(x)] = np.float32(np.nan)  # one NaN, so that the same content has the same digest
    return Features(x=x, names=tuple(found), of=of, said=tuple(said))


def _features(column: Column) -> Iterator[tuple[str, NDArray[np.float64]]]:
    values = column.values
    absent = np.isnan(values)
    here = np.unique(values[~absent])
    if column.kind == ONE_HOT:
        if len(here) + absent.any() > 1:
            for code in here.astype(int).tolist():
                yield f"{column.name}={column.levels[code]}", (values == code).astype(np.float64)
    elif len(here) > 1:
        yield column.name, values
    if absent.any() and len(here):
        yield f"{column.name}=?", absent.astype(np.float64)


def _left_out(column: Column) -> str:
    here = np.unique(column.values[~np.isnan(column.values)])
    if not len(here):
        return f"column {column.name} has no values: left out"
    value = f"{here[0]:g}" if column.kind == NUMERIC else repr(column.levels[int(here[0])])
    return f"column {column.name} is {value} in every row: left out"


def _coarse(column: Column) -> str:
    """What single precision takes from numbers that differ by little against their size."""
    if column.kind != NUMERIC:
        return ""
    values = column.values[~np.isnan(column.values)]
    if np.abs(values).max() * COARSE * 100 < values.std():
        return ""
    before, after = len(np.unique(values)), len(np.unique(values.astype(np.float32)))
    if after == before:
        return ""
    return (
        f"column {column.name}: single precision keeps {after:,} of its {before:,} different values, as they differ by "
        "little against their size: subtract their mean before"
    )
