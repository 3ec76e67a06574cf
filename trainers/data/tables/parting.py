"""Which rows train, validate and test: as published, or drawn by a seed, groups together where there are any."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sweeps.errors import UsageError
from trainers.data.dataset import TEST, TRAIN, VALIDATION
from trainers.data.splits import random_order, stratified
from trainers.data.tables import cells, delimited, formats
from trainers.data.tables.raw import Options

DRAWN = 5  # splits
FOLDS = 1000  # at most
ORDERS = 16  # of groups
WORDS = {
    **dict.fromkeys(("train", "training"), TRAIN),
    **dict.fromkeys(("validation", "valid", "val", "dev"), VALIDATION),
    **dict.fromkeys(("test", "testing"), TEST),
}
Codes = NDArray[np.uint8]


def published(texts: Sequence[str], rows: Sequence[int], what: str) -> Codes:
    """Codes (splits, n) of a column that says train, validation or test, or the fold that each row tests in."""
    for text, row in zip(texts, rows, strict=True):
        if cells.missing(text):
            raise UsageError(f"{what}, row {row}: it does not say to which part the row belongs")
    if all(text.lower() in WORDS for text in texts):
        return np.array([[WORDS[text.lower()] for text in texts]], dtype=np.uint8)
    folds = sorted(set(texts))
    if len(folds) > FOLDS:
        raise UsageError(
            f"{what} holds {len(folds):,} different values, more than {FOLDS:,} folds: name another column"
        )
    numbered = all(cells.whole(text) for text in folds)
    if not numbered or len(folds) < 2 or set(folds) <= {"0", "1", "2"}:
        wrong = next(
            i for i, text in enumerate(texts) if numbered or (not cells.whole(text) and text.lower() not in WORDS)
        )
        told = "may be a part or a fold" if numbered else "is no part"
        raise UsageError(
            f"{what}, row {rows[wrong]}: {texts[wrong]!r} {told}: write train, validation or test, or folds 1, 2, 3, …"
        )
    of = np.array([int(text) for text in texts])
    return np.stack([np.where(of == fold, TEST, TRAIN) for fold in np.unique(of)]).astype(np.uint8)


def from_file(path: Path, rows: NDArray[np.int64]) -> Codes:
    """Codes (splits, n) of a file with a column a split, or OpenML's (type, rowid, repeat, fold), or JSON.

    JSON: `folds`, strings of 0 (train), 1 (validation) and 2 (test). Its rows are those of the table, in its order.
    """
    n = len(rows)
    if path.suffix.lower() == ".json":
        return _checked(path, _json(path), n)
    raw = formats.read_file(path, Options(header=_header(path)))
    frame = raw.frame.astype(object).map(lambda value: cells.text_of(value) or "")
    if {"type", "rowid", "fold"} <= set(frame.columns):
        return _openml(path, frame, n)
    if len(frame) != n:
        raise UsageError(f"{path.name} has {len(frame):,} rows, the table {n:,}: each row of the table needs one")
    found = [published(list(frame[name]), list(frame.index), f"{path.name}, column {name}") for name in frame.columns]
    return np.concatenate(found)


def completed(codes: Codes, y: NDArray[np.int64], groups: NDArray[np.int64] | None, key: str) -> Codes:
    """The splits, a fifth of the training part held out for validation where none is published."""
    codes = codes.copy()
    for k, row in enumerate(codes):
        if not (row == VALIDATION).any():
            free = np.flatnonzero(row == TRAIN)
            own = None if groups is None else groups[free]
            row[free] = _parted(y[free], own, key, k, validation=len(free) // 5, test=0)
    return codes


def drawn(y: NDArray[np.int64], groups: NDArray[np.int64] | None, key: str) -> Codes:
    """Codes (5, n): 60 % train, 15 % validation, 25 % test of each class, as `assemble` takes them."""
    test = len(y) // 4
    return np.stack([_parted(y, groups, key, k, validation=(len(y) - test) // 5, test=test) for k in range(DRAWN)])


def _parted(
    y: NDArray[np.int64], groups: NDArray[np.int64] | None, key: str, k: int, *, validation: int, test: int
) -> Codes:
    if groups is None:
        return stratified(y, key, k, validation=validation, test=test)
    return grouped(y, groups, key, k, validation=validation, test=test)


def grouped(y: NDArray[np.int64], groups: NDArray[np.int64], key: str, k: int, *, validation: int, test: int) -> Codes:
    """Codes (n,) with every group in one part, and of each class nearly the rows that a part should have.

    Groups come in an order drawn from (key, k); each goes to the part where it leaves the least squared distance
    between what the parts have of each class and should have. Of `ORDERS` orders the one that ends nearest counts.
    """
    _, of = np.unique(groups, return_inverse=True)
    _, label = np.unique(y, return_inverse=True)
    counts = np.zeros((of.max() + 1, label.max() + 1), dtype=np.int64)
    np.add.at(counts, (of, label), 1)
    parts = np.array([TRAIN, *([VALIDATION] if validation else []), *([TEST] if test else [])], dtype=np.uint8)
    if len(counts) < len(parts):
        raise UsageError(f"{len(counts)} groups are too few for {len(parts)} parts, as a group stays together")
    sizes = np.array(
        [{TRAIN: len(y) - validation - test, VALIDATION: validation, TEST: test}[p] for p in parts.tolist()]
    )
    wanted = sizes[:, None] * counts.sum(axis=0) / len(y)
    orders = [random_order(len(counts), f"{key}/order {i}", k) for i in range(ORDERS)]
    _, chosen = min((_dealt(counts, wanted, order) for order in orders), key=lambda found: found[0])
    return parts[chosen][of]


def _dealt(
    counts: NDArray[np.int64], wanted: NDArray[np.float64], order: NDArray[np.int64]
) -> tuple[float, NDArray[np.int64]]:
    """The distance that is left, and the place of each group's part. `counts` (G, C), `wanted` (parts, C)."""
    have, of_class = np.zeros_like(wanted), counts.sum(axis=0)
    chosen = np.zeros(len(counts), dtype=np.int64)
    for left, group in zip(range(len(order), 0, -1), order.tolist(), strict=True):
        cost = (((have + counts[group] - wanted) ** 2 - (have - wanted) ** 2) / of_class).sum(axis=1)
        empty = have.sum(axis=1) == 0
        if left == empty.sum():  # the last groups fill the parts that have none
            cost[~empty] = np.inf
        chosen[group] = np.argmin(cost)
        have[chosen[group]] += counts[group]
    return float(((have - wanted) ** 2 / of_class).sum()), chosen


def check(
    codes: Codes,
    y: NDArray[np.int64],
    classes: Sequence[str],
    groups: NDArray[np.int64] | None,
    group: str,
    group_names: Sequence[str],
    way_out: str,
) -> list[str]:
    """What is worth saying. UsageError for an empty part, a class that nothing is learned of, a group on two sides."""
    said: list[str] = []
    for k, row in enumerate(codes):
        if not (row == VALIDATION).any():
            raise UsageError(f"split {k} has no rows in its validation part, and too few to hold out: {way_out}")
        for part, word in ((TRAIN, "training"), (TEST, "test")):
            absent = np.setdiff1d(np.arange(len(classes)), y[row == part])
            if not (row == part).any():
                raise UsageError(f"split {k} has no rows in its {word} part: {way_out}")
            if len(absent):
                told = f"class {classes[absent[0]]!r} has no rows in the {word} part of split {k}"
                if part == TRAIN:
                    raise UsageError(f"{told}: {way_out}, or join the class with another")
                said.append(told)
        if groups is not None:
            pairs = np.unique(np.stack([groups, row.astype(np.int64)]), axis=1)
            names, sides = np.unique(pairs[0], return_counts=True)
            if (sides > 1).any():
                name = group_names[names[sides > 1][0]]
                raise UsageError(f"group {name!r} of column {group} lies on two sides of split {k}")
    return said


def _header(path: Path) -> str:
    """`no` for a text file that begins with a part's word."""
    if formats.READERS.get(formats.ending_of(path)) is not delimited.read or not path.is_file():
        return ""
    try:
        text, _ = delimited.decoded(path.read_bytes(), "") if path.suffix.lower() != ".gz" else ("", [])
    except UsageError:  # reading the file says it, with its name
        return ""
    words = text.partition("\n")[0].replace(",", " ").replace(";", " ").split()
    return "no" if words and all(word.strip('"').lower() in WORDS or word.isdigit() for word in words) else "yes"


def _json(path: Path) -> Any:
    try:
        folds = json.loads(path.read_bytes())["folds"]
        return np.array([[int(code) for code in fold] for fold in folds], dtype=np.uint8)
    except (OSError, ValueError, KeyError, TypeError, OverflowError) as error:
        raise UsageError(f"{path.name} cannot be read ({error}): `folds` must hold strings of 0, 1 and 2") from None


def _checked(path: Path, codes: Codes, n: int) -> Codes:
    if codes.ndim != 2 or codes.shape[1] != n or codes.max(initial=0) > TEST or not len(codes):
        raise UsageError(f"{path.name} must hold strings of {n:,} digits 0, 1 and 2, a digit a row of the table")
    return codes


def _openml(path: Path, frame: pd.DataFrame, n: int) -> Codes:
    """A split for each repeat and fold."""
    try:
        row = frame["rowid"].astype(int).to_numpy()
        test = frame["type"].str.upper().eq("TEST").to_numpy()
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{path.name}, column rowid: {error}") from None
    if row.min() < 0 or row.max() >= n:
        raise UsageError(f"{path.name} names row {row.max()}, the table has the rows 0 … {n - 1}")
    keys = [frame[name] for name in ("repeat", "fold") if name in frame]
    found: list[Codes] = []
    for _, places in frame.reset_index(drop=True).groupby([key.to_numpy() for key in keys]).groups.items():
        codes = np.full(n, TRAIN, dtype=np.uint8)
        here = np.asarray(places)
        codes[row[here][test[here]]] = TEST
        found.append(codes)
    return np.stack(found)
