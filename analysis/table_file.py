"""Tables as files: CSV, Parquet, Feather or JSON lines, by the ending of the name. What is written is read here."""

from __future__ import annotations

import json
import math
import re
from io import BytesIO, StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from analysis.statistics.scores import plain
from sweeps.errors import DamagedError, MissingError, UsageError

if TYPE_CHECKING:
    import pyarrow as pa

ENDINGS = (".csv", ".parquet", ".feather", ".jsonl")
_NUMBER = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(%?)")
_MISSING = ("", "nan", "NaN")  # pandas would read a method called "None" or "NA" as missing, too


def ending(path: Path) -> str:
    """The ending in small letters. UsageError for one that is no table's."""
    if (found := path.suffix.lower()) not in ENDINGS:
        raise UsageError(f"{path}: a table's name ends in {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}")
    return found


def load(path: str | Path, *, curves: bool = False) -> pd.DataFrame:
    """Reads a table; the list columns `curve_*` only if asked for.

    A CSV may have `,`, `;` or tabs between its columns; without `,` there, `0,5` is a number, and `15%` is 0.15.
    MissingError where there is no file, UsageError for another ending, DamagedError for what cannot be read.
    """
    path = Path(path)
    if not path.exists():
        raise MissingError(f"no file {path}: name a table ({', '.join(ENDINGS)}), such as `normsweep export` writes")
    kind = ending(path)
    try:
        frame = _csv(path.read_text("utf-8-sig")) if kind == ".csv" else _columns(path, kind, curves)
    except (ValueError, OSError) as error:  # pandas' and pyarrow's own errors are among them
        if isinstance(error, UsageError):
            raise
        raise DamagedError(f"{path} cannot be read as a table ({str(error).splitlines()[0]})") from None
    return frame if curves else frame.loc[:, [not str(name).startswith("curve_") for name in frame]]


def encoded(table: pa.Table, kind: str) -> bytes:
    """The bytes of a file with one of `ENDINGS`."""
    sink = BytesIO()
    if kind == ".csv":
        from pyarrow import csv

        csv.write_csv(table, sink)
    elif kind == ".parquet":
        from pyarrow import parquet

        parquet.write_table(table, sink, compression="zstd")
    elif kind == ".feather":
        from pyarrow import feather

        feather.write_feather(table, sink, compression="zstd")
    else:
        rows = ({k: None if _unwritable(v) else v for k, v in row.items()} for row in table.to_pylist())
        sink.write("".join(json.dumps(row, allow_nan=False) + "\n" for row in rows).encode())
    return sink.getvalue()


def _unwritable(value: Any) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def _columns(path: Path, kind: str, curves: bool) -> pd.DataFrame:
    if kind == ".jsonl":
        return pd.DataFrame([json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()])
    from pyarrow import feather, parquet

    if kind == ".feather":
        return feather.read_table(path).to_pandas()
    names = [n for n in parquet.read_schema(path).names if curves or not n.startswith("curve_")]
    return parquet.read_table(path, columns=names).to_pandas()


def _csv(text: str) -> pd.DataFrame:
    heads = re.sub(r'"[^"]*"', "", text.split("\n", 1)[0])
    between = max("\t;,", key=heads.count) if re.search(r"[\t;,]", heads) else ","
    frame = pd.read_csv(StringIO(text), sep=between, keep_default_na=False, na_values=list(_MISSING))
    for name in frame.columns[[not pd.api.types.is_numeric_dtype(kind) for kind in frame.dtypes]]:
        numbers = [_number(plain(value), between) for value in frame[name]]
        if all(number is not None for number in numbers):
            frame[name] = pd.Series(numbers, index=frame.index, dtype="float64")
    return frame


def _number(value: object, between: str) -> float | None:
    """A text as a person reads it; None for one that is no number. A missing value is NaN."""
    text = str(value).strip()
    if text in _MISSING:
        return math.nan
    found = _NUMBER.fullmatch(text if between == "," else text.replace(",", ".", 1))
    return float(found[1]) / (100 if found[2] else 1) if found else None
