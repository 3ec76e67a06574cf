"""Bringing files into the folder of data sets: made complete and checked first, then visible all at once."""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sweeps.errors import UsageError
from trainers.data.arrays import Parts, split_codes
from trainers.data.dataset import Dataset, assemble
from trainers.data.home import array_files, data_home, uci_files
from trainers.data.listings.listing import Listing
from trainers.data.uci import check_identity, check_table

BUILDING = ".building-"


def place_table(
    name: str, listing: Listing, x: NDArray[np.float32], y: NDArray[np.int64], codes: NDArray[np.uint8]
) -> None:
    """Check a UCI set and write its two files. UsageError if it is not what the registry says."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    check_table(x, y, listing)
    check_identity(assemble(name, x, y, listing.classes, codes=codes, standardized=True), listing)
    columns = {f"f{j}": x[:, j] for j in range(x.shape[1])}
    table, folds = uci_files(name)
    with building(table.parent) as folder:
        pq.write_table(pa.table({**columns, "label": y.astype(np.int16)}), folder / table.name)
        strings = [(row + ord("0")).tobytes().decode() for row in codes]
        (folder / folds.name).write_text(json.dumps({"name": name, "n": len(y), "folds": strings}))
        for target in (folds, table):  # a set is here once its table is, and then the folds are too
            synced(folder / target.name)
            (folder / target.name).replace(target)


class ArrayWriter:
    """Fills the arrays of an image set, part by part, on disk; `place` checks them and makes them visible."""

    def __init__(self, name: str, listing: Listing, folder: Path, kind: type[np.uint8 | np.float32]) -> None:
        self._name, self._listing, self._folder = name, listing, folder
        self._x = np.lib.format.open_memmap(folder / "x.npy", "w+", kind, (listing.n, *listing.shape))
        self._y = np.lib.format.open_memmap(folder / "y.npy", "w+", np.int64, (listing.n,))
        self._filled = 0
        self._parts: dict[str, int] = {}

    def add(self, part: str, x: NDArray[np.uint8] | NDArray[np.float32], y: NDArray[np.int64]) -> None:
        """Append samples to a part (train, extra, then test)."""
        listing, end = self._listing, self._filled + len(y)
        if x.shape != (len(y), *listing.shape):
            raise UsageError(f"{self._name} must have samples of shape {listing.shape}, not {x.shape[1:]}")
        if end > listing.n:
            raise UsageError(f"{self._name} must have {listing.n} samples, not {end} and more")
        if len(y) and not (y.min() >= 0 and y.max() < listing.classes):
            outside = y.max() if y.max() >= listing.classes else y.min()
            raise UsageError(f"{self._name} must have the labels 0 … {listing.classes - 1}, not {outside}")
        if x.dtype == np.float32 and not np.isfinite(x).all():
            raise UsageError(f"{self._name} holds values that are not finite in its part {part}")
        self._x[self._filled : end] = x
        self._y[self._filled : end] = y
        self._filled = end
        self._parts[part] = self._parts.get(part, 0) + len(y)

    def place(self) -> Dataset:
        """Check what was added, write `about.json` and give the folder its name."""
        if self._filled != self._listing.n:
            raise UsageError(f"{self._name} must have {self._listing.n} samples, not {self._filled}")
        parts = Parts(**self._parts)
        codes = split_codes(self._name, self._y, parts)
        dataset = assemble(self._name, self._x, self._y, self._listing.classes, codes=codes, seeded=False)
        check_identity(dataset, self._listing)
        about = {"name": self._name, "digest": dataset.facts.digest, "parts": parts.as_json()}
        (self._folder / "about.json").write_text(json.dumps(about))
        self._x.flush()
        self._y.flush()
        target = array_files(self._name)[0].parent
        for file in self._folder.iterdir():
            synced(file)
        target.parent.mkdir(parents=True, exist_ok=True)
        aside = self._folder.with_name(self._folder.name + "-old")
        if target.exists():  # an altered set, which the user asked to replace
            target.replace(aside)
        self._folder.replace(target)
        shutil.rmtree(aside, ignore_errors=True)
        return dataset


@contextmanager
def building(folder: Path | None = None) -> Generator[Path]:
    """A hidden folder to build in, on the file system of its target, removed in the end.

    A full disk becomes a UsageError with the way out.
    """
    folder = folder or data_home()
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(f"{BUILDING}*"):  # by a process that was killed
        if time.time() - left.stat().st_mtime > 86_400:
            shutil.rmtree(left, ignore_errors=True)
    place = Path(tempfile.mkdtemp(prefix=BUILDING, dir=folder))
    try:
        yield place
    except OSError as error:
        raise disk_full(folder) if error.errno in (errno.ENOSPC, errno.EDQUOT) else error from None
    finally:
        shutil.rmtree(place, ignore_errors=True)


def disk_full(folder: Path, needed: int = 0) -> UsageError:
    free = shutil.disk_usage(folder).free
    wanted = f"{needed / 1e6:,.0f} MB needed, " if needed else ""
    return UsageError(
        f"the disk of {folder} is full ({wanted}{free / 1e6:,.0f} MB free): free some, or name a larger one with "
        "NORMSWEEP_DATA"
    )


def synced(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
