"""From a raw table to a data set, and what was found on the way."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sweeps.errors import UsageError
from sweeps.words.near import one_of, unknown
from trainers.data.dataset import Dataset, assemble
from trainers.data.tables import cells, columns, parting
from trainers.data.tables.columns import KINDS, NUMERIC, ORDINAL, Column
from trainers.data.tables.features import Features, features
from trainers.data.tables.raw import Options, Raw, counts

TARGETS = ("class", "target", "label", "y")  # in small letters: what is predicted, unless --target says it
MISSING = ("error", "median+flag", "drop-row")
CATEGORICAL = ("one-hot", "ordinal")
LEAST = 5  # rows of a class, so that each part may have one
QUANTITY = 20  # different numbers, and a twentieth of the rows: a target with more of them is no class
SHOWN = 10  # sentences, and row numbers in a sentence


@dataclass(frozen=True, kw_only=True)
class Table:
    """`about`: how the columns were read, classes, splits, and what was said; JSON."""

    dataset: Dataset
    about: dict[str, Any]


def made(name: str, raw: Raw, options: Options) -> Table:
    """The data set. UsageError with one sentence for each thing in the table that cannot be used."""
    frame, said, rows = raw.frame, list(raw.said), raw.frame.index.to_numpy()
    if not len(rows):
        raise UsageError("there are no rows")
    valid(options, list(frame.columns))
    target = options.target or _target(raw)
    split = options.split if options.split in frame.columns else ""
    for column, role in ((split, "--split"), (options.group, "--group")):
        if column == target:
            raise UsageError(f"column {column} is the target: {role} names another")
    if target in options.drop:
        raise UsageError(f"column {target} is the target: --drop names another")
    for column in (*options.drop, split, options.group):
        if column in options.kinds:
            asked = shlex.quote(f"{column}={options.kinds[column]}")
            raise UsageError(f"column {column} is no feature: leave out --as {asked}")
    dropped = {*options.drop, *(n for n in raw.drop if n not in options.kinds), target, split, options.group}
    names = [str(n) for n in frame.columns if n not in dropped]
    for column in list(names):
        first = cells.text_of(frame[column].iloc[0])
        if first in ("0", "1") and column not in options.kinds and counts(raw.texts(column)):
            names.remove(column)
            said.append(
                f"column {column} counts the rows: left out (--as {shlex.quote(f'{column}={NUMERIC}')} keeps it)"
            )
    found, problems = columns.typed(raw, names, options)
    goal, goal_problems = _classes_of(raw, target, options)
    absent = {c.name: np.isnan(c.values) for c in found} | ({target: np.isnan(goal.values)} if goal else {})
    partly = {n: m for n, m in absent.items() if m.any() and (n == target or not m.all())}
    if options.missing != "drop-row":
        problems += [
            f"column {n} has missing values ({m.sum():,}), the first in row {rows[m][0]}: " + _way_out(n == target)
            for n, m in partly.items()
            if options.missing == "error" or n == target
        ]
    problems += goal_problems
    if problems or goal is None:
        raise UsageError("\n".join(_few(problems)))
    kept = np.ones(len(rows), dtype=np.bool_)
    if options.missing == "drop-row":
        kept = ~np.any([~kept, *partly.values()], axis=0)
        if not kept.all():
            said.append(f"{(~kept).sum():,} of {len(rows):,} rows are left out, as they have missing values")
    y, classes = _labels(goal.take(kept), rows[kept], target)
    x = features([column.take(kept) for column in found])
    said += x.said
    if not x.names:
        raise UsageError(f"no column is left to learn {target} from")
    groups, group_names = _groups(raw, options.group)
    groups = groups if groups is None else groups[kept]
    codes, by = _splits(name, raw, options, split, y, kept, groups)
    way_out = "say another --seed" if by.startswith("drawn") else "mend the split"
    said += parting.check(codes, y, classes, groups, options.group, group_names, way_out)
    said += _repeated(x.x, y)
    dataset = assemble(name, x.x, y, len(classes), codes=codes, seeded=False)
    return Table(dataset=dataset, about=_about(dataset, raw, options, target, classes, found, x, absent, by, said))


def valid(options: Options, names: Sequence[str]) -> None:
    """UsageError for an option that names no column, or a word that it does not know."""
    named = [options.target, options.group, *options.drop, *options.kinds]
    if options.split and not Path(options.split).suffix:
        named.append(options.split)
    for column in named:
        if column and column not in names:
            raise UsageError(unknown("column", column, names))
    for column, kind in options.kinds.items():
        word, colon, _ = kind.partition(":")
        one_of(f"kind of column {column}", word, KINDS)
        if colon and word != ORDINAL:
            raise UsageError(f"--as {column}={kind}: an order belongs to {ORDINAL}")


def _target(raw: Raw) -> str:
    if raw.target in raw.frame.columns:
        return raw.target
    found = [str(name) for name in raw.frame.columns if str(name).lower() in TARGETS]
    if len(found) != 1:
        names = ", ".join(map(str, raw.frame.columns[:SHOWN])) + (", …" if raw.frame.shape[1] > SHOWN else "")
        raise UsageError(f"which column holds the classes? Say --target COLUMN; there are {names}")
    return found[0]


def _classes_of(raw: Raw, target: str, options: Options) -> tuple[Column | None, list[str]]:
    """The target as numbers or as categories; None where it is neither, with the sentences that say so."""
    kinds = {target: options.kinds.get(target, "")}
    texts = raw.column(target)
    if texts.dtype == object and not kinds[target]:
        words = [text for text in texts.unique() if not cells.missing(text)]
        kinds = {target: "" if words and cells.decimal_of(words) else columns.ONE_HOT}
    asked = Options(kinds={k: v for k, v in kinds.items() if v}, decimal=options.decimal)
    plain = Raw(frame=pd.DataFrame({target: texts}))
    found, problems = columns.typed(plain, [target], asked)
    if found and found[0].kind == NUMERIC and texts.dtype == object and not asked.kinds:
        problems += _one_number(texts, found[0])
    return (found[0] if found else None), problems


def _one_number(texts: pd.Series, goal: Column) -> list[str]:
    """A sentence where two texts of the target are one number."""
    first: dict[float, tuple[Any, str]] = {}
    for (row, text), value in zip(texts.items(), goal.values.tolist(), strict=True):
        before, other = first.setdefault(value, (row, text)) if value == value else (row, text)
        if other != text:
            kept = shlex.quote(f"{goal.name}={columns.ONE_HOT}")
            return [
                f"column {goal.name}: {other!r} in row {before} and {text!r} in row {row} are one number: say --as "
                f"{kept} to keep them apart, or --as {shlex.quote(f'{goal.name}={NUMERIC}')} to join them"
            ]
    return []


def _labels(goal: Column, rows: NDArray[np.int64], target: str) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Labels 0 … C - 1 and the names of the classes, in their order."""
    here, y, count = np.unique(goal.values, return_inverse=True, return_counts=True)
    many = len(here) > max(QUANTITY, len(y) / QUANTITY)
    if many:
        what = "numbers" if goal.kind == NUMERIC else "texts"
        raise UsageError(
            f"the target {target} holds {len(here):,} different {what} in {len(y):,} rows, which are no classes: name "
            "another column with --target, or make classes of it"
        )
    names = tuple(cells.shortest(v) if goal.kind == NUMERIC else goal.levels[int(v)] for v in here.tolist())
    if len(names) < 2:
        raise UsageError(
            f"the target {target} is {names[0]!r} in every row: there is nothing to learn"
            if names
            else "no row is left"
        )
    rare = [
        f"class {names[c]!r} of {target} has {n} rows ({', '.join(f'row {row}' for row in rows[y == c])}): {LEAST} at "
        "least are needed; join it with another class, or take its rows out"
        for c, n in enumerate(count.tolist())
        if n < LEAST
    ]
    if rare:
        raise UsageError("\n".join(_few(rare)))
    return y.astype(np.int64), names


def _groups(raw: Raw, group: str) -> tuple[NDArray[np.int64] | None, list[str]]:
    """The group of each row, by its place in the groups' names."""
    if not group:
        return None, []
    texts = raw.texts(group)
    for row, text in zip(raw.frame.index, texts, strict=True):
        if cells.missing(text):
            raise UsageError(f"column {group}, row {row}: a group is missing")
    names = sorted(set(texts))
    place = {name: i for i, name in enumerate(names)}
    return np.array([place[text] for text in texts], dtype=np.int64), names


def _splits(
    name: str,
    raw: Raw,
    options: Options,
    split: str,
    y: NDArray[np.int64],
    kept: NDArray[np.bool_],
    groups: NDArray[np.int64] | None,
) -> tuple[NDArray[np.uint8], str]:
    """Codes (splits, n), and how they came."""
    key = name if options.seed == 0 else f"{name}/{options.seed}"
    together = f", rows of one {options.group} together" if groups is not None else ""
    rows = raw.frame.index.to_numpy()
    if split:
        codes, by = parting.published(raw.texts(split), rows.tolist(), f"column {split}"), f"column {split}"
    elif options.split:
        codes, by = parting.from_file(Path(options.split).expanduser(), rows), f"file {options.split}"
    elif raw.codes is not None:
        codes, by = raw.codes[None], "parts of the file"
    else:
        return parting.drawn(y, groups, key), f"drawn with seed {options.seed}, stratified by class{together}"
    codes = codes[:, kept]
    if (codes == parting.VALIDATION).any(axis=1).all():
        return codes, by
    held = f"{by}; a fifth of the training part held out for validation, drawn with seed {options.seed}{together}"
    return parting.completed(codes, y, groups, key), held


def _repeated(x: NDArray[np.float32], y: NDArray[np.int64]) -> list[str]:
    whole = np.concatenate([np.nan_to_num(x, nan=-np.inf), y[:, None].astype(np.float32)], axis=1)
    more = len(whole) - len(np.unique(np.ascontiguousarray(whole).view(f"V{whole.itemsize * whole.shape[1]}")))
    if not more:
        return []
    told = "row repeats" if more == 1 else "rows repeat"
    return [f"{more:,} {told} an earlier one: copies may train and test (--group keeps rows together)"]


def _about(
    dataset: Dataset,
    raw: Raw,
    options: Options,
    target: str,
    classes: Sequence[str],
    found: Sequence[Column],
    x: Features,
    absent: dict[str, NDArray[np.bool_]],
    by: str,
    said: list[str],
) -> dict[str, Any]:
    typed = {column.name: column for column in found}

    def described(name: str) -> dict[str, Any]:
        column = typed.get(name)
        gone = int(absent[name].sum()) if name in absent else 0
        if column is None:
            role = {target: "target", options.split: "split", options.group: "group"}.get(name, "left out")
            return {"column": name, "read_as": role, "features": [], "missing": gone, "detail": ""}
        detail = column.detail if column.kind == NUMERIC else ", ".join(column.levels)
        kind = column.kind if x.of[name] else "left out"
        return {"column": name, "read_as": kind, "features": list(x.of[name]), "missing": gone, "detail": detail}

    facts = dataset.facts
    return {
        "name": facts.name,
        "digest": facts.digest,
        "rows": facts.n,
        "target": target,
        "classes": {name: int((dataset.y == c).sum()) for c, name in enumerate(classes)},
        "columns": [described(str(name)) for name in raw.frame.columns],
        "features": list(x.names),
        "missing": options.missing,
        "splits": [{"train": s.train, "validation": s.validation, "test": s.test} for s in facts.splits],
        "split_by": by,
        "said": said,
    }


def _few(sentences: list[str]) -> list[str]:
    return [*sentences[:SHOWN], *([f"and {len(sentences) - SHOWN} more"] if len(sentences) > SHOWN else [])]


def _way_out(of_target: bool) -> str:
    return "say --missing drop-row" if of_target else "say --missing median+flag or --missing drop-row"
