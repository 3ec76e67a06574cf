"""UCI sets prepared by Fernández-Delgado et al. (2014), with the splits of Klambauer et al. (2017), as Parquet."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sweeps.errors import UsageError
from trainers.data.dataset import Dataset, assemble
from trainers.data.listings.listing import Listing


def read(name: str, listing: Listing, table: Path, folds: Path) -> Dataset:
    """The data set of the two files. UsageError, with the way out, when they are torn or not what is published."""
    try:
        x, y = _table(table, listing)
        check_table(x, y, listing)
        codes = read_codes(folds, listing.n)
        dataset = assemble(name, x, y, listing.classes, codes=codes, standardized=listing.standardized)
        check_identity(dataset, listing)
    except ValueError as error:
        raise UsageError(f"{name}: {error}; `normsweep data fetch {name}` replaces {table}") from None
    return dataset


def check_table(x: NDArray[np.float32], y: NDArray[np.int64], listing: Listing) -> None:
    """UsageError unless the table has the rows, columns and labels of its listing, all finite."""
    if x.shape != (listing.n, listing.d) or y.shape != (listing.n,):
        raise UsageError(f"{listing.n} rows of {listing.d} features are expected, not {x.shape[0]} of {x.shape[1]}")
    if not np.isfinite(x).all():
        row, column = np.argwhere(~np.isfinite(x))[0]
        raise UsageError(f"there is {x[row, column]} in row {row}, column f{column}")
    if not np.array_equal(np.unique(y), np.arange(listing.classes)):
        raise UsageError(f"the labels 0 … {listing.classes - 1} are expected, not {_shown(np.unique(y))}")


def check_identity(dataset: Dataset, listing: Listing) -> None:
    """UsageError unless the content is the one that the name stands for."""
    wanted = listing.digest if len(dataset.codes) else listing.unsplit
    if wanted and dataset.facts.digest != wanted:
        raise UsageError(
            f"the content is not the published one (digest {dataset.facts.digest[:16]}, not {wanted[:16]})"
        )


def read_codes(path: Path, n: int) -> NDArray[np.uint8]:
    """Codes (splits, n) of a folds file; no rows where it says that there are no published splits."""
    try:
        folds = json.loads(path.read_bytes())["folds"]
        codes = np.array([np.frombuffer(fold.encode(), dtype=np.uint8) - ord("0") for fold in folds], dtype=np.uint8)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{path.name} cannot be read ({error})") from None
    if len(folds) == 0:
        return np.zeros((0, n), dtype=np.uint8)
    if codes.ndim != 2 or codes.shape[1] != n or codes.max() > 2:
        raise UsageError(f"{path.name} must hold strings of {n} digits 0, 1, 2 under `folds`")
    return codes


def _table(path: Path, listing: Listing) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path, memory_map=True) as file:
            table = file.read()
        wanted = [*(f"f{j}" for j in range(listing.d)), "label"]
        if table.column_names != wanted:
            raise UsageError(f"the columns f0 … f{listing.d - 1}, label are expected, not {_shown(table.column_names)}")
        # DLPack, because to_numpy imports pandas; it refuses nulls and text
        columns = [np.from_dlpack(column.combine_chunks()) for column in table.columns]
    except (pa.ArrowException, OSError) as error:
        raise UsageError(f"{path.name} cannot be read ({str(error).splitlines()[0]})") from None
    x = np.empty((table.num_rows, listing.d), dtype=np.float32)
    for j, column in enumerate(columns[:-1]):
        x[:, j] = column
    return x, columns[-1].astype(np.int64)


def _shown(values: Iterable[object]) -> str:
    text = ", ".join(str(value) for value in values)
    return text if len(text) <= 60 else f"{text[:40]} … {text[-15:]}"
