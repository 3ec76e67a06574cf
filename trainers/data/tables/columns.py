"""What a column holds: numbers, categories, or what cannot be learned from (text, dates)."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sweeps.errors import UsageError
from trainers.data.tables import cells
from trainers.data.tables.raw import Options, Raw

NUMERIC, ONE_HOT, ORDINAL = "numeric", "one-hot", "ordinal"
KINDS = (NUMERIC, ONE_HOT, ORDINAL)
LARGEST = 2**53  # whole numbers up to it are exact
CATEGORIES = 100  # more different words are text
MOSTLY = 0.5  # share of numbers above which a word among them is a mistake
COARSE = 2.0**-24  # of a number in single precision
TRUTH = {"true": 1.0, "false": 0.0}


@dataclass(frozen=True, kw_only=True)
class Column:
    """`values` (n,) float64: numbers, or the places of categories in `levels`; NaN where missing."""

    name: str
    kind: str
    values: NDArray[np.float64]
    levels: tuple[str, ...] = ()
    detail: str = ""

    def take(self, rows: NDArray[np.bool_]) -> Column:
        return replace(self, values=self.values[rows])


def typed(raw: Raw, names: list[str], options: Options) -> tuple[list[Column], list[str]]:
    """The columns, and one sentence for each that cannot be used."""
    texts = {name: _texts(raw.column(name)) for name in names}
    decimal = options.decimal or _decimal(texts)
    found: list[Column] = []
    problems: list[str] = []
    for name in names:
        kind, _, order = options.kinds.get(name, "").partition(":")
        levels = tuple(part.strip() for part in order.split(",")) if order else raw.levels.get(name, ())
        if not kind and name in raw.levels:
            kind = options.categorical
        try:
            found.append(_column(raw.column(name), texts[name], kind, levels, decimal, options))
        except UsageError as error:
            problems.append(f"column {name}: {error}")
    return found, problems


def _texts(column: pd.Series) -> list[str] | None:
    """Its different texts that are not missing; None for a column of numbers."""
    if pd.api.types.is_numeric_dtype(column.dtype):
        return None
    return [text for text in pd.unique(column) if not cells.missing(text)]


def _decimal(columns: Mapping[str, list[str] | None]) -> str:
    """The decimal sign of columns that are numbers with one sign only; empty where they differ or say nothing."""
    found: set[str] = set()
    for texts in columns.values():
        signs = cells.decimal_of(texts) if texts else set[str]()
        if len(signs) == 1:
            found |= signs
    return found.pop() if len(found) == 1 else ""


def _column(
    column: pd.Series, texts: list[str] | None, kind: str, levels: tuple[str, ...], decimal: str, options: Options
) -> Column:
    name = str(column.name)
    if texts is None:
        numbers = _checked(_native(column), column, name)
        if kind in ("", NUMERIC):
            return Column(name=name, kind=NUMERIC, values=numbers)
        column = pd.Series(map(cells.text_of, numbers.tolist()), index=column.index, dtype=object, name=name)
        return _categories(column, _texts(column) or [], kind, levels)
    if kind in (ONE_HOT, ORDINAL):
        return _categories(column, texts, kind, levels)
    truth = {text: TRUTH[text.lower()] for text in texts if text.lower() in TRUTH}
    if texts and len(truth) == len(texts):
        values = column.map(truth).to_numpy(np.float64)
        return Column(name=name, kind=NUMERIC, values=values, detail="true is 1, false is 0")
    sign = _sign(column, texts, decimal, options)
    quick = cells.plain(texts) if sign == "." else None
    values = quick.tolist() if quick is not None else [cells.number(text, sign) for text in texts]
    read: dict[str, float | None] = dict(zip(texts, values, strict=True))
    words = [text for text, value in read.items() if value is None]
    if words and all(word.lower() in cells.MISSING_NUMBER for word in words) and len(words) < len(texts):
        words = []
    if not words:
        marks = [text for text in texts if read[text] is None]
        numbers = _checked(column.map(read).to_numpy(np.float64), column, name)
        said = ["decimal comma"] if sign == "," and not cells.same([t for t in texts if t not in marks]) else []
        said += [f"{', '.join(map(repr, marks))} is missing"] if marks else []
        zeros = next((text for text in texts if len(text) > 1 and text.isdigit() and text[0] == "0"), "")
        told = cells.shortest(read[zeros] or 0.0) if zeros else ""
        said += [f"{zeros} is {told}, --as {shlex.quote(f'{name}={ONE_HOT}')} for codes"] if zeros else []
        said += ["15% is 0.15"] if any(text.endswith("%") for text in texts) else []
        return Column(name=name, kind=NUMERIC, values=numbers, detail="; ".join(said))
    first = _row(column, words[0])
    if cells.dates([text for text in texts if text.lower() not in cells.MISSING_NUMBER]):
        raise UsageError(
            f"it holds dates ({words[0]!r} in row {first}), which are not read: leave it out with {drop(name)}, or "
            "replace it by numbers"
        )
    present = int((~column.map(cells.missing)).sum())
    of_numbers = present - int(column.isin(words).sum())
    if kind == NUMERIC or of_numbers > MOSTLY * present:
        raise UsageError(
            f"{words[0]!r} in row {first} is no number, as {of_numbers:,} other values are: mend it, or read the "
            f"column as categories with --as {shlex.quote(f'{name}={ONE_HOT}')}"
        )
    if len(texts) > min(CATEGORIES, present / 2):
        raise UsageError(
            f"it holds text ({len(texts):,} different values in {present:,} rows, {_short(words[0])} in row {first}): "
            f"leave it out with {drop(name)}, or read it as categories with --as {shlex.quote(f'{name}={ONE_HOT}')}"
        )
    return _categories(column, texts, options.categorical, levels)


def _sign(column: pd.Series, texts: list[str], decimal: str, options: Options) -> str:
    """The decimal sign of a column. UsageError where it may be either."""
    signs = cells.decimal_of(texts)
    if options.decimal or len(signs) == 1:
        return options.decimal or signs.pop()
    if not signs or cells.same(texts):
        return decimal or "."
    if decimal or not any("," in text for text in texts):
        return decimal or "."
    unclear = next(text for text in texts if not cells.same([text]))
    told = " or ".join(cells.shortest(cells.number(unclear, sign) or 0.0) for sign in (",", "."))
    raise UsageError(f"{unclear!r} in row {_row(column, unclear)} may be {told}: say --decimal , or --decimal .")


def _native(column: pd.Series) -> NDArray[np.float64]:
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


def _checked(values: NDArray[np.float64], column: pd.Series, name: str) -> NDArray[np.float64]:
    """UsageError for infinities, identifiers and what single precision cannot hold."""
    if (infinite := np.flatnonzero(np.isinf(values))).size:
        raise UsageError(
            f"row {column.index[infinite[0]]} holds {column.iloc[int(infinite[0])]}, no finite number: mend it"
        )
    for place in np.flatnonzero(np.abs(values) >= LARGEST).tolist():
        text = str(column.iloc[place])
        if text.lstrip("+-").isdigit():
            raise UsageError(
                f"row {column.index[place]} holds {text}, beyond 2^53, where whole numbers are not exact, so it is an "
                f"identifier: leave it out with {drop(name)}"
            )
    if (large := np.flatnonzero(np.abs(values) > np.finfo(np.float32).max)).size:
        raise UsageError(
            f"row {column.index[large[0]]} holds {column.iloc[int(large[0])]}, beyond single precision: rescale it"
        )
    present = values[~np.isnan(values)]
    low, high = (float(present.min()), float(present.max())) if len(present) else (0.0, 0.0)
    if low < high and present.astype(np.float32).std() == 0:
        raise UsageError(
            f"its values lie between {cells.shortest(low)} and {cells.shortest(high)}, one number in single precision: "
            "subtract their mean"
        )
    return values


def _categories(column: pd.Series, texts: list[str], kind: str, levels: tuple[str, ...]) -> Column:
    """Words as categories: in the order given, else numbers by value and words by their letters."""
    if kind == ORDINAL and levels:
        if "" in levels or len(set(levels)) < len(levels):
            raise UsageError(f"the order {','.join(levels)} must name each category once, and nothing else")
        for text in texts:
            if text not in levels:
                raise UsageError(f"{text!r} in row {_row(column, text)} is not in the order {', '.join(levels)}")
        order = list(levels)
    else:
        order = ordered(texts)
    code = {text: float(place) for place, text in enumerate(order)}
    values = column.map(code).to_numpy(np.float64)
    alike: dict[str, str] = {}
    said: list[str] = []
    for text in order:
        if text.casefold() in alike:
            said.append(f"{alike[text.casefold()]!r} and {text!r} differ in capitals only")
        alike[text.casefold()] = text
    return Column(name=str(column.name), kind=kind, values=values, levels=tuple(order), detail="; ".join(said))


def ordered(texts: list[str]) -> list[str]:
    """Numbers by value, words by their letters."""
    numbers = {text: cells.number(text) for text in texts}
    if all(number is not None for number in numbers.values()):
        return sorted(texts, key=lambda text: (numbers[text] or 0.0, text))
    return sorted(texts)


def _row(column: pd.Series, text: str) -> Any:
    return column.index[int(np.flatnonzero((column == text).to_numpy())[0])]


def _short(text: str) -> str:
    return repr(text if len(text) <= 30 else f"{text[:30]}…")


def drop(name: str) -> str:
    """What leaves a column out, as a shell reads it."""
    return f"--drop {shlex.quote(name)}"
