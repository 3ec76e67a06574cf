"""The UCI sets from the archives that people have of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from sweeps.errors import UsageError
from trainers.data.bringing.bundle import Bundle
from trainers.data.home import uci_files
from trainers.data.making.embedded import as_published
from trainers.data.uci import read_codes

Table = tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.uint8]]  # x, y and the codes of the published splits


def bundle_names(bundle: Bundle) -> Iterator[str]:
    """Data sets in the SNN bundle of Klambauer et al. (2017): data/<name>/<name>_py.dat."""
    for member in bundle.ending("_py.dat"):
        path = PurePosixPath(member)
        if path.name == f"{path.parent.name}_py.dat":
            yield path.parent.name


def from_bundle(bundle: Bundle, name: str) -> Table:
    """Features and labels with commas, and two tables n × 4 of 0 and 1: test rows, and validation rows."""
    (member,) = [entry for entry in bundle.ending(f"{name}_py.dat") if PurePosixPath(entry).parent.name == name]
    folder = PurePosixPath(member).parent
    x, labels, test, validation = (
        _numbers(bundle, str(folder / file), ",")
        for file in (f"{name}_py.dat", "labels_py.dat", "folds_py.dat", "validation_folds_py.dat")
    )
    for table in (test, validation):
        if table.shape != (len(x), 4) or not np.isin(table, (0, 1)).all():
            raise UsageError(f"the folds in {folder} must be {len(x)} rows of four columns of 0 and 1")
    codes = np.where(test == 1, 2, validation).T.astype(np.uint8)
    return x.astype(np.float32), labels.reshape(-1).astype(np.int64), np.ascontiguousarray(codes)


def collection_names(bundle: Bundle) -> Iterator[str]:
    """Data sets of Fernández-Delgado et al. (2014): <name>/<name>_R.dat, or _train_R.dat and _test_R.dat."""
    for member in bundle.ending("_R.dat"):
        path = PurePosixPath(member)
        if path.name in (f"{path.parent.name}_R.dat", f"{path.parent.name}_train_R.dat"):
            yield path.parent.name


def from_collection(bundle: Bundle, name: str) -> Table:
    """Tables of R: a line of names, then row number, features and class with tabs; an official test part comes last.

    The collection does not have the published splits: they are taken from the folds file that is here, if it is.
    """
    endings = (f"/{name}_R.dat", f"/{name}_train_R.dat", f"/{name}_test_R.dat")
    members = [
        entry for ending in endings for entry in bundle.ending(ending) if PurePosixPath(entry).parent.name == name
    ]
    if len(members) == 1 and members[0].endswith("_train_R.dat"):
        raise UsageError(f"{members[0].replace('_train_R', '_test_R')} is missing in {bundle.path.name}")
    rows = np.vstack([_numbers(bundle, member, None, skip=1)[:, 1:] for member in members])
    return rows[:, :-1].astype(np.float32), rows[:, -1].astype(np.int64), _folds_here(name, len(rows))


def from_miniboone(bundle: Bundle) -> Table:
    """UCI 199, MiniBooNE_PID.txt: a line with the numbers of signal and background rows, then the rows, 50 features.

    Label 0 is signal, 1 background. The published splits are taken from the folds file that is here, if it is.
    """
    (member,) = bundle.ending("MiniBooNE_PID.txt")
    stream = bundle.open(member)
    counts = stream.readline().split()
    if len(counts) != 2 or not all(count.isdigit() for count in counts):
        raise UsageError(f"{member} must begin with the numbers of signal and background rows")
    x = _parsed(stream.read().decode("ascii", errors="replace"), member, None)
    y = np.repeat([0, 1], [int(count) for count in counts])
    if len(x) != len(y):
        raise UsageError(f"{member} must have {len(y)} rows, as its first line says, not {len(x)}")
    return as_published(x), y, _folds_here("miniboone", len(y))


def _folds_here(name: str, n: int) -> NDArray[np.uint8]:
    folds = uci_files(name)[1]
    return read_codes(folds, n) if folds.exists() else np.zeros((0, n), dtype=np.uint8)


def _numbers(bundle: Bundle, member: str, separator: str | None, skip: int = 0) -> NDArray[np.float64]:
    return _parsed(bundle.read(member).decode("ascii", errors="replace"), member, separator, skip)


def _parsed(text: str, member: str, separator: str | None, skip: int = 0) -> NDArray[np.float64]:
    lines = text.splitlines()[skip:]
    if not lines:
        raise UsageError(f"{member} has no rows")
    try:
        return np.loadtxt(lines, delimiter=separator, ndmin=2, dtype=np.float64)
    except ValueError as error:
        raise UsageError(f"{member} is not a table of numbers ({error})") from None
