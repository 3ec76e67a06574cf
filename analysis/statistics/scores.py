"""From a table of trials to one array of scores: rows x columns x replicates."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sweeps.errors import UsageError
from sweeps.file.sections import asked
from sweeps.records import ALIASES, CIRCUMSTANCES, CURVES, RESULTS
from sweeps.words.activations import ACTIVATIONS
from sweeps.words.vocabulary import NORMALIZERS

Direction = Literal["min", "max"]
Diverged = Literal["loss", "majority", "drop"]
# What becomes of a diverged trial, in words.
COUNTED_AS: dict[str, str] = {
    "loss": "where one is selected, its method loses",
    "majority": "where one is selected, it counts with the majority-class error",
    "drop": "they are left out",
}
Key = tuple[Any, ...]
Floats = NDArray[np.float64]

ORDER = {"activation": list(ACTIVATIONS), "normalizer": list(NORMALIZERS)}
SHOWN = 5  # names listed in a message before "and N more"


@dataclass(frozen=True)
class Scores:
    """`values[i, j, k]` is the score of column j (a method) on row i (a data set) in replicate k (a seed).

    NaN: missing (not run, failed, or dropped). Infinite: diverged and counted as a loss.
    `chosen[i, j, k]` is the position of the selected trial in the table, -1 where missing.
    """

    rows: list[Key]
    columns: list[Key]
    replicates: list[Key]
    values: Floats
    chosen: NDArray[np.int64]
    direction: Direction = "min"

    @cached_property
    def complete(self) -> NDArray[np.bool_]:
        """(rows, replicates): blocks in which every column has a score."""
        return np.asarray(~np.isnan(self.values).any(axis=1))

    @property
    def partial(self) -> list[Key]:
        """Blocks, as row + replicate, in which some columns have a score and others have none."""
        some = np.asarray(~np.isnan(self.values).all(axis=1)) & ~self.complete
        return [(*self.rows[i], *self.replicates[k]) for i, k in np.argwhere(some)]

    def complete_blocks(self) -> Scores:
        """These scores without the blocks that lack a column; rows that keep no block are gone."""
        keep = np.asarray(self.complete.any(axis=1))
        values = np.where(self.complete[:, None, :], self.values, np.nan)[keep]
        chosen = np.where(self.complete[:, None, :], self.chosen, -1)[keep]
        return replace(self, rows=[r for r, k in zip(self.rows, keep, strict=True) if k], values=values, chosen=chosen)

    def without(self, rows: Collection[Key]) -> Scores:
        keep = [i for i, row in enumerate(self.rows) if row not in rows]
        return replace(self, rows=[self.rows[i] for i in keep], values=self.values[keep], chosen=self.chosen[keep])

    def part(self, replicates: Sequence[int]) -> Scores:
        """These scores of some replicates, by position."""
        index = list(replicates)
        kept = [self.replicates[k] for k in index]
        return replace(self, replicates=kept, values=self.values[:, :, index], chosen=self.chosen[:, :, index])

    def mean(self) -> Floats:
        """(rows, columns): mean over the replicates that have a score; NaN where none has."""
        count = (~np.isnan(self.values)).sum(axis=2)
        total = np.nansum(self.values, axis=2)
        return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)

    def filled(self, substitute: Floats) -> Scores:
        """These scores with `substitute` (same shape) where a trial diverged, for statistics that need amounts."""
        return replace(self, values=np.where(np.isinf(self.values), substitute, self.values))

    def pick(self, column: NDArray[Any]) -> Floats:
        """Another number of the selected trials, shaped like `values`; NaN where there is no trial."""
        taken = column.astype(np.float64)[self.chosen]
        return np.where(self.chosen >= 0, taken, np.nan)


def scores(
    frame: pd.DataFrame,
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    value: str = "test_error",
    average: Sequence[str] = (),
    select: Sequence[str] = (),
    by: str = "val_error",
    direction: Direction = "min",
    diverged: Diverged = "loss",
) -> Scores:
    """Arranges a table with one row a trial; of trials that differ only in `select`, the best `by` is taken.

    Selection is made for each replicate (each combination of `average`) by itself; ties go to the smallest values of
    `select` (the shallowest network). `by` is better in the same direction as `value`. Diverged trials (column
    `state`) are never selected while another is left, and score as `diverged` says: worst of all, `majority_error`,
    or as if missing. Failed and unfinished trials are missing. A cell that lacks one of its candidates is missing.
    Raises UsageError for unknown columns and for cells in which several trials are left.
    """
    asked(direction=direction, diverged=diverged)
    keys = [*rows, *columns, *average, *select]
    needed = [*keys, value, *([by] if select else [])]
    for name in needed:
        require_column(frame, name)
    if not rows or not columns:
        raise UsageError("wins need at least one column name for rows and one for columns, such as dataset, normalizer")
    repeated = sorted({k for k in keys if keys.count(k) > 1})
    if repeated:
        raise UsageError(f"{repeated[0]!r} has two roles: a column is one of rows, columns, select or average")
    if frame.empty:
        raise UsageError("the table has no rows: nothing to compare")
    worst = np.inf if direction == "min" else -np.inf
    amount, judged = judge(frame, value, by if select else value, worst, diverged)

    codes: list[NDArray[np.int64]] = []
    labels: list[list[Key]] = []
    for names in (rows, columns, average, select):
        code, label = encode(frame, names)
        codes.append(code)
        labels.append(label)
    row, column, replicate, option = codes
    shape = tuple(len(label) for label in labels)
    cell: NDArray[np.int64] = np.ravel_multi_index((row, column, replicate, option), shape)
    refuse_repeats(frame, cell, [*rows, *columns, *average], keys)

    table = np.full(int(np.prod(shape)), -1, dtype=np.int64)
    table[cell] = np.arange(len(frame))
    table = table.reshape(shape)
    present = table >= 0
    scored = present & ~np.isnan(amount)[table]
    # A candidate is wanted where its row knows it under some method and its method knows it on some row.
    in_row, in_column = np.asarray(present.any(axis=(1, 2))), np.asarray(present.any(axis=(0, 2)))
    wanted = in_row[:, None, None, :] & in_column[None, :, None, :]
    whole = (scored | ~wanted).all(axis=3) & scored.any(axis=3)
    sign = 1.0 if direction == "min" else -1.0
    criterion = np.where(scored, sign * judged[table], np.inf)
    criterion = np.where(np.isnan(criterion), np.inf, criterion)
    best = np.argmin(np.where(scored, criterion, np.inf), axis=3)
    # With every criterion infinite argmin takes the first option, which may be one that is not there.
    best = np.where(np.isinf(criterion.min(axis=3)), np.argmax(scored, axis=3), best)
    chosen = np.take_along_axis(table, best[..., None], axis=3)[..., 0]
    chosen = np.where(whole, chosen, -1)
    values = np.where(whole, amount[chosen], np.nan)
    return Scores(labels[0], labels[1], labels[2], values, chosen, direction)


def judge(frame: pd.DataFrame, value: str, by: str, worst: float, diverged: Diverged) -> tuple[Floats, Floats]:
    """Each trial's score and selection criterion, with its state taken into account."""
    amount = numbers(frame, value)
    judged = numbers(frame, by)
    if "state" not in frame:
        return amount, judged
    state = frame["state"].to_numpy(dtype=object)
    lost = state == "diverged"
    if diverged == "majority" and lost.any():
        amount = np.where(lost, numbers(frame, "majority_error"), amount)
    else:
        amount = np.where(lost, worst if diverged == "loss" else np.nan, amount)
    amount = np.where(lost | (state == "done"), amount, np.nan)
    return amount, np.where(lost, worst, judged)


def numbers(frame: pd.DataFrame, name: str) -> Floats:
    require_column(frame, name)
    try:
        return frame[name].to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError):
        wrong = [(i, v) for i, v in enumerate(frame[name]) if not _is_number(v)]
        # Beside one that is none, `15%` stayed a text, too.
        place, value = next(((i, v) for i, v in wrong if not _is_number(_bare(v))), wrong[0])
        row = frame.index[place]
        raise UsageError(
            f"column {name!r} must hold numbers to be compared, but row {int(row) + 1} holds {plain(value)!r}"
        ) from None


def _bare(value: Any) -> Any:
    """A text without what a table's file may say of a number: `15%`, `0,5`."""
    return value.strip().removesuffix("%").replace(",", ".", 1) if isinstance(value, str) else value


def _is_number(value: Any) -> bool:
    try:
        float(math.nan if value is None or value is pd.NA else value)
    except (TypeError, ValueError):
        return False
    return True


def encode(frame: pd.DataFrame, names: Sequence[str]) -> tuple[NDArray[np.int64], list[Key]]:
    """Codes of the combinations of `names`, and their labels: known words in the vocabulary's order, numbers rising."""
    if not names:
        return np.zeros(len(frame), dtype=np.int64), [()]
    parts: list[NDArray[np.int64]] = []
    sizes: list[int] = []
    values: list[list[Any]] = []
    for name in names:
        code, found = pd.factorize(frame[name], use_na_sentinel=False)
        words = [plain(v) for v in found]
        order = sorted(range(len(words)), key=lambda i: rank_of(name, words[i]))
        place = np.empty(len(words), dtype=np.int64)
        place[order] = np.arange(len(words))
        parts.append(place[code])
        sizes.append(len(words))
        values.append([words[i] for i in order])
    joint = np.ravel_multi_index(parts, sizes)
    used, code = np.unique(joint, return_inverse=True)
    unravelled = np.unravel_index(used, sizes)
    labels = [tuple(v[int(i)] for v, i in zip(values, place, strict=True)) for place in zip(*unravelled, strict=True)]
    return code.astype(np.int64), labels


def plain(value: Any) -> Any:
    value = value.item() if isinstance(value, np.generic) else value
    return "" if value is None or value != value or value is pd.NA else value


def rank_of(name: str, word: Any) -> tuple[int, float, str]:
    known = ORDER.get(name, [])
    base = str(word).split("(")[0]
    if base in known:
        return 0, known.index(base), str(word)
    return (1, float(word), "") if isinstance(word, int | float) else (2, 0.0, str(word))


def refuse_repeats(frame: pd.DataFrame, cell: NDArray[np.int64], shown: list[str], used: Sequence[str]) -> None:
    unique, first, count = np.unique(cell, return_index=True, return_counts=True)
    if len(unique) == len(cell):
        return
    k = int(np.argmax(count > 1))
    same = frame.loc[cell == unique[k]]
    where = ", ".join(f"{name}={frame[name].iloc[int(first[k])]}" for name in shown)
    known = {"trial_id", "pack_id", "trial", "digest", *RESULTS, *ALIASES, *CURVES, *CIRCUMSTANCES}
    axes = [c for c in map(str, frame.columns) if c not in used and c not in known and len(same[c].unique()) > 1]
    hint = f" (they differ in {listed(axes)})" if axes else ""
    raise UsageError(
        f"the cell {where} holds {count[k]} rows{hint}: choose one with --select COLUMN (`analysis.select` in a "
        "sweep file), take their mean with --average COLUMN (`analysis.average`), or keep them apart by naming the "
        "column in --rows or --columns (`analysis.rows`, `analysis.columns`; `compare --by`)"
    )


def require_column(frame: pd.DataFrame, name: str) -> None:
    if name not in frame:
        names = [str(c) for c in frame.columns]
        near = get_close_matches(name, names, n=1)
        raise UsageError(
            f"no column {name!r}; " + (f"did you mean {near[0]!r}?" if near else f"there are {listed(names)}")
        )


def listed(names: Sequence[object], most: int = SHOWN) -> str:
    shown = [str(n) for n in names[:most]]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def label(key: Key, between: str = ", ") -> str:
    """A key as text: its values, `between` them a comma."""
    return between.join(str(v) for v in key)


def short(key: Key) -> str:
    """A key as a name in prose and figures: `relu/bn`."""
    return label(key, "/")
