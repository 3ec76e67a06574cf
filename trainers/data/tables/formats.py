"""Parquet, Excel, ARFF and NumPy's npz as tables; CSV is in `delimited`."""

from __future__ import annotations

import csv
import gzip
import importlib.util
import io
import re
import shlex
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sweeps.errors import MissingError, UsageError
from trainers.data.dataset import TEST, TRAIN, VALIDATION
from trainers.data.tables import cells, delimited
from trainers.data.tables.raw import Options, Raw, of_rows, unique

TARGETS = ("y", "target", "label", "labels")
FEATURES = ("x", "X", "data", "features")
PARTS = {"train": TRAIN, "val": VALIDATION, "test": TEST}
MOST = 2**31  # bytes of a table that is unpacked or downloaded
_ATTRIBUTE = re.compile(r"""@attribute\s+('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\S+)\s+(.+)""", re.IGNORECASE)


def read_file(path: Path, options: Options) -> Raw:
    """The table of a file, by the ending of its name. UsageError that names file and row, MissingError."""
    if not path.exists():
        raise MissingError(f"{path} does not exist")
    if (ending := ending_of(path)) not in READERS:
        raise UsageError(f"{path}: the name of a table ends in {', '.join(READERS)}, also with .gz behind it")
    try:
        data = path.read_bytes()
        return READERS[ending](_unpacked(data) if path.suffix.lower() == ".gz" else data, options)
    except UsageError as error:
        raise UsageError("\n".join(f"{path.name}: {line}" for line in str(error).splitlines())) from None
    except (OSError, EOFError, zlib.error) as error:
        raise UsageError(f"{path} cannot be read ({error})") from None


def _unpacked(data: bytes) -> bytes:
    with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
        content = file.read(MOST + 1)
    if len(content) > MOST:
        raise UsageError(f"it unpacks to more than {MOST:,} bytes: unpack it before, if it is a table")
    return content


def ending_of(path: Path) -> str:
    """In small letters, without `.gz`."""
    name = path.name.lower().removesuffix(".gz")
    return Path(name).suffix


def _parquet(data: bytes, options: Options) -> Raw:
    import pyarrow.parquet as pq

    try:
        unique([name.strip() for name in pq.read_schema(io.BytesIO(data)).names])
        frame = pd.read_parquet(io.BytesIO(data), dtype_backend="numpy_nullable")
    except UsageError:
        raise
    except Exception as error:  # noqa: BLE001  a damaged file raises anything
        raise UsageError(f"it is no Parquet file that can be read ({_first(error)})") from None
    if not isinstance(frame.index, pd.RangeIndex):
        named = [name for name in frame.index.names if name]
        frame = frame.reset_index(drop=not named)
    return _native(frame, ["Parquet"], drop=options.drop)


def of_frame(frame: pd.DataFrame, said: list[str], target: str = "") -> Raw:
    """A table that is in memory."""
    return _native(frame.reset_index(drop=True), said, target)


def _native(frame: pd.DataFrame, said: list[str], target: str = "", drop: Sequence[str] = ()) -> Raw:
    """Columns of numbers stay so, all others become text. UsageError that names row and column of what is no cell,
    unless the column is one of `drop`.
    """
    columns: dict[str, pd.Series] = {}
    frame.index = pd.RangeIndex(1, len(frame) + 1)
    frame.columns = [str(name).strip() for name in frame.columns]
    unique(list(frame.columns))
    for name, column in frame.items():
        kind = column.dtype
        if pd.api.types.is_numeric_dtype(kind) and not (
            pd.api.types.is_bool_dtype(kind) or pd.api.types.is_complex_dtype(kind)
        ):
            columns[str(name)] = column
            continue
        texts = [cells.text_of(value) for value in column.astype(object)]
        if None in texts and name not in drop:
            row = texts.index(None)
            kind = type(column.iloc[row]).__name__
            out = f"--drop {shlex.quote(str(name))} leaves it out"
            raise UsageError(f"row {row + 1}, column {name}: the type {kind} is no number and no text: {out}")
        columns[str(name)] = pd.Series(texts, index=frame.index, dtype=object)
    return Raw(frame=pd.DataFrame(columns, index=frame.index), said=tuple(said), target=target)


def _excel(data: bytes, options: Options) -> Raw:
    if importlib.util.find_spec("openpyxl") is None:
        raise UsageError("reading Excel needs openpyxl: `pip install 'normsweep[excel]'`, or save the sheet as CSV")
    try:
        with pd.ExcelFile(io.BytesIO(data), engine="openpyxl") as book:
            first, *others = [str(name) for name in book.sheet_names]
            sheet: Any = pd.read_excel(book, sheet_name=0, header=None, dtype=object, na_filter=False)
    except Exception as error:  # noqa: BLE001  as of a Parquet file
        raise UsageError(f"it is no Excel file that can be read ({_first(error)})") from None
    said = [f"Excel, sheet {first}", *([f"other sheets are not read: {', '.join(others)}"] if others else [])]
    rows = [[cells.text_of(cell) or "" for cell in row] for row in sheet.to_numpy().tolist()]
    return delimited.of_text(rows, list(range(1, len(rows) + 1)), options, said)


def _arff(data: bytes, options: Options) -> Raw:
    """Read here: SciPy's reader refuses text and letters beyond ASCII, and names no row."""
    text, said = delimited.decoded(data, options.encoding)
    names: list[str] = []
    levels: dict[str, tuple[str, ...]] = {}
    rows: list[list[str]] = []
    numbers: list[int] = []
    below = False
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("%"):
            continue
        if below:
            if line.startswith("{"):
                raise UsageError(f"row {number} is sparse ARFF, which is not read: save it as dense ARFF or CSV")
            rows.append(_values(line, number))
            numbers.append(number)
            if len(rows[-1]) != len(names):
                raise UsageError(f"row {number} has {len(rows[-1])} values for {len(names)} attributes: mend it")
        elif line.lower().startswith("@data"):
            below = True
        elif found := _ATTRIBUTE.fullmatch(line):
            name = _unquoted(found[1])
            names.append(name)
            if found[2].startswith("{"):
                levels[name] = tuple(_values(found[2].strip().removeprefix("{").removesuffix("}"), number))
        elif not line.lower().startswith("@relation"):
            raise UsageError(f"row {number} is no line of an ARFF header: {line[:40]!r}")
    if not names or not rows:
        raise UsageError("it has no attributes or no rows below @data, as ARFF has")
    for place, name in enumerate(names):
        for number, row in zip(numbers, rows, strict=True):
            if name in levels and row[place] not in (*levels[name], "?"):
                raise UsageError(f"row {number}, column {name}: {row[place]!r} is none of its declared categories")
    table = of_rows(names, rows, numbers)
    target = next((n for n in names if n.lower() in ("class", "target")), names[-1] if names[-1] in levels else "")
    return Raw(frame=table.frame, said=("ARFF", *said, *table.said), levels=levels, target=target)


def _values(line: str, number: int) -> list[str]:
    quote = "'" if "'" in line else '"'
    try:
        (row,) = csv.reader([line], quotechar=quote, escapechar="\\", skipinitialspace=True, strict=True)
    except (csv.Error, ValueError):
        raise UsageError(f"row {number} has a quote that is not closed: mend it") from None
    return [cell.strip() for cell in row]


def _unquoted(name: str) -> str:
    return name[1:-1].replace("\\'", "'").replace('\\"', '"') if name[0] in "'\"" else name


def _npz(data: bytes, options: Options) -> Raw:
    """`x` and `y`, or `x_train`, `y_train`, `x_test`, `y_test` and perhaps `x_val`, `y_val`, or a column each."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            arrays: dict[str, Any] = {name: np.asarray(file[name]) for name in file.files}
    except Exception as error:  # noqa: BLE001  as of a Parquet file
        raise UsageError(f"it is no npz file of numbers and text ({_first(error)})") from None
    codes = None
    x_name = next((name for name in FEATURES if name in arrays or f"{name}_train" in arrays), "")
    y_name = next((name for name in TARGETS if name in arrays or f"{name}_train" in arrays), "")
    if x_name and y_name and x_name not in arrays:
        here = [part for part in PARTS if f"{x_name}_{part}" in arrays and f"{y_name}_{part}" in arrays]
        try:
            codes = np.concatenate([np.full(len(arrays[f"{y_name}_{p}"]), PARTS[p], np.uint8) for p in here])
            for name in (x_name, y_name):
                arrays[name] = np.concatenate([arrays.pop(f"{name}_{part}") for part in here])
        except (ValueError, TypeError) as error:
            raise UsageError(f"its parts {', '.join(here)} are not of one shape ({error})") from None
    arrays = {n: a[:, 0] if a.ndim == 2 and a.shape[1] == 1 else a for n, a in arrays.items()}
    lengths = {name: array.shape[:1] for name, array in arrays.items() if name != "feature_names"}
    if not arrays or len(set(lengths.values())) != 1 or () in lengths.values():
        told = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise UsageError(f"its arrays must have one length, the number of rows: {told or 'there are none'}")
    columns: list[tuple[str, Any]] = []
    for name, array in arrays.items():
        if name == "feature_names":
            continue
        if array.ndim > 2:
            raise UsageError(f"{name} has the shape {array.shape}: a table has rows and columns")
        if array.ndim == 1:
            columns.append((name, array))
            continue
        given = [str(n) for n in np.atleast_1d(arrays.get("feature_names", ()))]
        names = given if len(given) == array.shape[1] else [f"{name}{j + 1}" for j in range(array.shape[1])]
        columns += [(n, array[:, j]) for j, n in enumerate(names)]
    unique([n for n, _ in columns])
    table = _native(pd.DataFrame(dict(columns)), ["npz"], y_name if y_name in dict(columns) else "", options.drop)
    return Raw(frame=table.frame, said=table.said, target=table.target, codes=codes)


def _first(error: Exception) -> str:
    """The first line of what it says, or its kind where it says nothing."""
    return (str(error).splitlines() or [type(error).__name__])[0]


READERS: dict[str, Callable[[bytes, Options], Raw]] = {
    ".csv": delimited.read,
    ".tsv": delimited.read,
    ".tab": delimited.read,
    ".txt": delimited.read,
    ".data": delimited.read,
    ".parquet": _parquet,
    ".pq": _parquet,
    ".arff": _arff,
    ".xlsx": _excel,
    ".xlsm": _excel,
    ".npz": _npz,
}
