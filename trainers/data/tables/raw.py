"""A table as its file has it, before its columns are typed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sweeps.errors import UsageError
from trainers.data.tables import cells


@dataclass(frozen=True, kw_only=True)
class Options:
    """What `data import` is asked for. Empty: as it is found, or not wanted.

    `kinds`: column -> numeric, one-hot, ordinal or ordinal:a,b,c. `split`: a column, or a file.
    """

    target: str = ""
    split: str = ""
    group: str = ""
    drop: tuple[str, ...] = ()
    kinds: Mapping[str, str] = field(default_factory=dict[str, str])
    missing: str = "error"
    categorical: str = "one-hot"
    seed: int = 0
    separator: str = ""
    decimal: str = ""
    encoding: str = ""
    header: str = ""


@dataclass(frozen=True, kw_only=True)
class Raw:
    """`frame`: columns of numbers or of text, its index the numbers of the rows as the file counts them.

    `said`: how it was read. `target`: the column to predict, and `codes` (n,) uint8 the split, where the source itself
    says so. `levels`: the categories that the format declares for a column, in their order.
    """

    frame: pd.DataFrame
    said: tuple[str, ...] = ()
    target: str = ""
    drop: tuple[str, ...] = ()
    levels: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    codes: NDArray[np.uint8] | None = None

    def column(self, name: str) -> pd.Series:
        found: Any = self.frame[name]
        return found

    def texts(self, name: str) -> list[str]:
        """The cells of a column as text, empty where missing."""
        return [cells.text_of(value) or "" for value in self.column(name).astype(object)]


def of_rows(
    names: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[int], said: Sequence[str] = ()
) -> Raw:
    """The table of rows of text. UsageError for columns that share a name, or that hold values and have none.

    Left out, and said: a column without name and values, and a first one without name that counts the rows.
    """
    names, said = [name.strip() for name in names], list(said)
    columns = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in names]
    kept = list(range(len(names)))
    for place, name in enumerate(names):
        if name:
            continue
        if not any(cell.strip() for cell in columns[place]):
            said.append(f"column {place + 1}, which has no name and no values, is left out")
        elif place == 0 and counts(columns[0]):
            said.append("column 1, which has no name and counts the rows, is left out")
        else:
            raise UsageError(f"column {place + 1} has no name, though it holds values: give it one")
        kept.remove(place)
    unique([names[place] for place in kept], kept)
    frame = pd.DataFrame({names[p]: pd.Series(columns[p], index=list(numbers), dtype=object) for p in kept})
    return Raw(frame=frame, said=tuple(said))


def unique(names: Sequence[str], places: Sequence[int] | None = None) -> None:
    """UsageError where two columns share a name."""
    first: dict[str, int] = {}
    for place, name in zip(places or range(len(names)), names, strict=True):
        if name in first:
            raise UsageError(f"columns {first[name] + 1} and {place + 1} are both called {name!r}: rename one of them")
        first[name] = place


def counts(cells: Sequence[str]) -> bool:
    """Whether the cells are 0, 1, 2, … or 1, 2, 3, …"""
    return any(list(cells) == [str(first + i) for i in range(len(cells))] for first in (0, 1))
