"""From a table of trials to one array of scores: rows x columns x replicates."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
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
_WORSE = "the majority-class error, or the worst score of its row where that is worse"
# What a diverged trial is charged with where an amount is needed, by the rule for it.
CHARGE: dict[str, str] = {"loss": _WORSE, "majority": "the majority-class error", "drop": _WORSE}
# What becomes of a diverged trial, in words.
COUNTED_AS: dict[str, str] = {
    "loss": f"a method loses a row where more than half of its seeds diverged; elsewhere each counts with {_WORSE}",
    "majority": "each counts with the majority-class error",
    "drop": "they are left out",
}
Key = tuple[Any, ...]
Floats = NDArray[np.float64]

ORDER = {"activation": list(ACTIVATIONS), "normalizer": list(NORMALIZERS)}
SHOWN = 5  # names listed in a message before "and N more"


@dataclass(frozen=True)
class Scores:
    """`values[i, j, k]` is the score of column j (a method) on row i (a data set) in replicate k (a seed).

    NaN: missing (not run, failed, or dropped). `diverged`, of the same shape, is 1 where the selected trial diverged
    (and NaN where there is none), whatever the rule; between 0 and 1 where replicates were merged. `penalty` is what a
    diverged trial of that cell is charged with: the majority-class error, or the worst score of its row where that is
    worse. `chosen[i, j, k]` is the position of the selected trial in the table, -1 where missing. `loses`: a column
    loses a row where more than half of its replicates diverged.
    """

    rows: list[Key]
    columns: list[Key]
    replicates: list[Key]
    values: Floats
    diverged: Floats
    penalty: Floats
    chosen: NDArray[np.int64]
    direction: Direction = "min"
    loses: bool = True

    @property
    def there(self) -> NDArray[np.bool_]:
        """(rows, columns, replicates): cells that have a score."""
        return ~np.isnan(self.values)

    @property
    def partial(self) -> list[Key]:
        """Blocks, as row + replicate, in which some columns have a score and others have none."""
        some = np.asarray(self.there.any(axis=1) & ~self.there.all(axis=1))
        return [(*self.rows[i], *self.replicates[k]) for i, k in np.argwhere(some)]

    def compared(self) -> Scores:
        """These scores without the rows in which some column has no score at all."""
        return self._rows(np.flatnonzero(np.asarray(self.there.any(axis=2)).all(axis=1)))

    def without(self, rows: Collection[Key]) -> Scores:
        return self._rows([i for i, row in enumerate(self.rows) if row not in rows])

    def _rows(self, kept: Sequence[int] | NDArray[np.intp]) -> Scores:
        return replace(self, rows=[self.rows[i] for i in kept], **{name: getattr(self, name)[kept] for name in ARRAYS})

    def merged(self, groups: Sequence[Key]) -> Scores:
        """These scores with the replicates of one group (one key for each replicate) merged into their mean."""
        keys = sorted(set(groups))
        parts = [[k for k, group in enumerate(groups) if group == key] for key in keys]
        means = {
            name: np.stack([nanmean(getattr(self, name)[:, :, part], axis=2) for part in parts], axis=2)
            for name in ("values", "diverged", "penalty")
        }
        chosen = np.stack([self.chosen[:, :, part].max(axis=2) for part in parts], axis=2)
        return replace(self, replicates=keys, chosen=chosen, **means)

    def mean(self) -> Floats:
        """(rows, columns): mean over the replicates that have a score; NaN where none has."""
        return nanmean(self.values, axis=2)

    def standing(self) -> Floats:
        """(rows, columns): what wins, ranks and profiles are taken from: the mean; infinitely bad where it is lost."""
        return standing(self.values, self.lost, self.direction)

    @property
    def lost(self) -> Floats | None:
        """`diverged` where a row can be lost by it."""
        return self.diverged if self.loses else None

    def pick(self, column: NDArray[Any]) -> Floats:
        """Another number of the selected trials, shaped like `values`; NaN where there is no trial."""
        taken = column.astype(np.float64)[self.chosen]
        return np.where(self.chosen >= 0, taken, np.nan)


ARRAYS = ("values", "diverged", "penalty", "chosen")


def standing(values: Floats, diverged: Floats | None, direction: Direction) -> Floats:
    """Mean of `values` over the last axis; infinitely bad where more than half of `diverged` is 1."""
    mean = nanmean(values, axis=-1)
    if diverged is None or not np.any(diverged > 0):
        return mean
    return np.where(nanmean(diverged, axis=-1) > 0.5, np.inf if direction == "min" else -np.inf, mean)


def nanmean(table: Floats, axis: int) -> Floats:
    """Mean without the NaNs; NaN, silently, where nothing is left."""
    count = (~np.isnan(table)).sum(axis=axis)
    return np.divide(np.nansum(table, axis=axis), count, out=np.full(np.shape(count), np.nan), where=count > 0)


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
    `state`) are never selected while another is left, and count as `diverged` says: charged with the majority-class
    error (see `charge`), where more than half of the replicates diverged as a lost row (`loss`) or not (`majority`), or
    as if missing (`drop`). Failed and unfinished trials are missing, and so is a cell that lacks one of its candidates.
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
    sign = 1.0 if direction == "min" else -1.0
    amount, lost = numbers(frame, value), np.zeros(len(frame), dtype=bool)
    judged = sign * numbers(frame, by if select else value)
    if "state" in frame:
        state = frame["state"].to_numpy(dtype=object)
        lost = state == "diverged"
        amount = np.where(state == "done", amount, np.nan)
        judged = np.where(lost, np.inf, judged)
    if diverged == "majority" and lost.any():
        require_column(frame, "majority_error")

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
    scored = present & (~np.isnan(amount) | lost)[table]
    # A candidate is wanted where its row knows it under some method and its method knows it on some row.
    in_row, in_column = np.asarray(present.any(axis=(1, 2))), np.asarray(present.any(axis=(0, 2)))
    wanted = in_row[:, None, None, :] & in_column[None, :, None, :]
    whole = (scored | ~wanted).all(axis=3) & scored.any(axis=3)
    criterion = np.where(scored, judged[table], np.inf)
    criterion = np.where(np.isnan(criterion), np.inf, criterion)
    best = np.argmin(criterion, axis=3)
    # With every criterion infinite argmin takes the first option, which may be one that is not there.
    best = np.where(np.isinf(criterion.min(axis=3)), np.argmax(scored, axis=3), best)
    chosen = np.take_along_axis(table, best[..., None], axis=3)[..., 0]
    gone = np.where(whole, lost[chosen], np.nan)
    values = np.where(whole, amount[chosen], np.nan)
    penalty = filled(
        np.where(whole, charge(frame, value, direction)[chosen], np.nan), values, sign, diverged == "majority"
    )
    values = np.where(gone == 1, penalty, values)
    if diverged == "drop":
        whole &= ~(present & lost[table]).any(axis=3)
        values = np.where(whole, values, np.nan)
    chosen = np.where(whole, chosen, -1)
    return Scores(labels[0], labels[1], labels[2], values, gone, penalty, chosen, direction, diverged == "loss")


def charge(frame: pd.DataFrame, value: str, direction: Direction) -> Floats:
    """What each trial would be charged with had it diverged: the test part's majority-class error (of an accuracy the
    share that is left); NaN where the table or the metric (a loss) has none."""
    if "majority_error" not in frame or "loss" in value:
        return np.full(len(frame), np.nan)
    error = numbers(frame, "majority_error")
    return error if direction == "min" else 1 - error


def filled(penalty: Floats, values: Floats, sign: float, plain: bool) -> Floats:
    """`penalty` (rows, columns, replicates), unless `plain` no better than the row's worst value: diverging never pays.

    Where unknown it is the row's worst one, else its worst value, else the worst value of all, else the worst that an
    error or an accuracy can be.
    """
    known, scored = (np.where(np.isnan(x), -np.inf, sign * x) for x in (penalty, values))
    known = np.where(np.isinf(known), known.max(axis=(1, 2), keepdims=True), known)
    worst = scored.max(axis=(1, 2), keepdims=True)
    known = np.where(np.isinf(known), worst, known if plain else np.maximum(known, worst))
    last = scored.max() if np.isfinite(scored).any() else max(sign, 0.0)
    return sign * np.where(np.isinf(known), last, known)


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
