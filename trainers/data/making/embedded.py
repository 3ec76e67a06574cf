"""Data sets that need no download: scikit-learn's bundled ones, and the Titanic from its contingency table."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Table = tuple[NDArray[np.float32], NDArray[np.int64]]

# Dawson (1995), table 1: class, adult or child, sex → who survived, who died.
TITANIC = (
    ("first", "adult", "male", 57, 118),
    ("first", "adult", "female", 140, 4),
    ("first", "child", "male", 5, 0),
    ("first", "child", "female", 1, 0),
    ("second", "adult", "male", 14, 154),
    ("second", "adult", "female", 80, 13),
    ("second", "child", "male", 11, 0),
    ("second", "child", "female", 13, 0),
    ("third", "adult", "male", 75, 387),
    ("third", "adult", "female", 76, 89),
    ("third", "child", "male", 13, 35),
    ("third", "child", "female", 14, 17),
    ("crew", "adult", "male", 192, 670),
    ("crew", "adult", "female", 20, 3),
)
CLASSES = ("first", "second", "third", "crew")


def titanic() -> Table:
    """2,201 × 3: class, age, sex of everyone aboard, label 1 for survivors; rows and figures as in the prepared
    collection of Fernández-Delgado et al. (2014).
    """
    rows: list[tuple[int, bool, bool]] = []
    labels: list[int] = []
    for rank, age, sex, survived, died in TITANIC:
        rows += [(CLASSES.index(rank), age == "child", sex == "male")] * (survived + died)
        labels += [1] * survived + [0] * died
    return as_published(np.array(rows, dtype=np.float64)), np.array(labels, dtype=np.int64)


def optical_test() -> Table:
    """1,797 × 62: scikit-learn's digits, the test part of `optical`, without its columns 0 and 39 as published."""
    x, y = _bundled("digits.csv.gz", header=0)
    return np.delete(x, [0, 39], axis=1), y


def wine() -> Table:
    """178 × 13: the cultivar of a wine from its chemistry."""
    return _bundled("wine_data.csv")


def breast_cancer() -> Table:
    """569 × 30: malignant (0) or benign (1) from a cell image's figures."""
    return _bundled("breast_cancer.csv")


def iris() -> Table:
    """150 × 4: the species of an iris from its petals and sepals."""
    return _bundled("iris.csv")


def as_published(x: NDArray[np.float64]) -> NDArray[np.float32]:
    """Columns standardized over all rows (ddof = 1), to six significant digits, as the collection's are."""
    z = (x - x.mean(axis=0)) / x.std(axis=0, ddof=1)
    levels, where = np.unique(z, return_inverse=True)
    return np.array([float(f"{level:g}") for level in levels], dtype=np.float32)[where].reshape(z.shape)


def _bundled(file: str, header: int = 1) -> Table:
    """A table that scikit-learn ships, the class in its last column: without importing scikit-learn, which takes two
    seconds."""
    package = find_spec("sklearn")
    assert package is not None
    assert package.origin is not None
    values = np.loadtxt(Path(package.origin).parent / "datasets" / "data" / file, delimiter=",", skiprows=header)
    return values[:, :-1].astype(np.float32), values[:, -1].astype(np.int64)
