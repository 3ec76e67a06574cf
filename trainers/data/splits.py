"""Seeded stratified splits."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from sweeps.errors import UsageError

RULE = 1  # of `stratified`; part of every digest: a change gives every data set a new one


def stratified(y: NDArray[np.int64], name: str, k: int, *, validation: int, test: int) -> NDArray[np.uint8]:
    """Codes (n,) of split `k` of data set `name`: 0 train, 1 validation, 2 test, with exactly the sizes given.

    Rows are laid out class by class, shuffled within the class; every (n/test)-th of them tests and every
    (n'/validation)-th of the n' others validates, from a random phase on. A class's share of the test part is thus
    its share of the rows to within one row, for validation to within two. Only raw bits of PCG64 are used, whose
    stream NumPy guarantees, keyed by SHA-256 of rule, name and k.
    """
    if validation + test > len(y):
        raise UsageError(f"{len(y)} rows are too few for a split with {validation} for validation and {test} for test")
    raw = _raw(len(y) + 2, name, k)
    phases = (raw[-2:] >> 11) * 2.0**-53
    order = np.lexsort((raw[:-2], y))
    codes = np.zeros(len(y), dtype=np.uint8)
    codes[order[_every(len(y), test, phases[0])]] = 2
    rest = order[codes[order] == 0]
    codes[rest[_every(len(rest), validation, phases[1])]] = 1
    return codes


def random_order(n: int, name: str, k: int) -> NDArray[np.int64]:
    """0 … n - 1 in an order drawn for split `k` of data set `name`."""
    return np.argsort(_raw(n, name, k), kind="stable")


def _raw(n: int, name: str, k: int) -> NDArray[np.uint64]:
    seed = hashlib.sha256(f"split {RULE}/{name}/{k}".encode()).digest()
    return np.random.PCG64(int.from_bytes(seed, "little")).random_raw(n)


def _every(n: int, count: int, phase: float) -> NDArray[np.bool_]:
    """A mask of n places with `count` of them set, evenly spaced."""
    if count == 0:
        return np.zeros(n, dtype=np.bool_)
    steps = np.floor(np.arange(n + 1, dtype=np.int64) * count / n + phase)
    return np.diff(steps) > 0
