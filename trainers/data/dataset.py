"""A data set in memory, its content's digest and its splits."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sweeps.facts import DatasetFacts, SplitSizes
from sweeps.identity import canonical
from trainers.data.splits import RULE, stratified

TRAIN, VALIDATION, TEST = 0, 1, 2  # the codes of a split, one a row


@dataclass(frozen=True, kw_only=True, slots=True)
class Split:
    """Row numbers (ascending int64) of the three parts."""

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Dataset:
    """`x` (n, *shape) float32, for images uint8; `y` (n,) int64 in 0..classes-1; `codes` (published splits, n) uint8.

    `fixed_test`: the published test part is the official one, so that seeded splits draw from the other rows only.
    `standardized`: the features are published standardized.
    """

    facts: DatasetFacts
    x: NDArray[np.float32] | NDArray[np.uint8]
    y: NDArray[np.int64]
    codes: NDArray[np.uint8]
    fixed_test: bool = False
    standardized: bool = False

    def split(self, k: int) -> Split:
        """Split `k`: a published one, or beyond them a seeded stratified one (`facts.seeded`). UsageError else."""
        sizes = self.facts.sizes(k)
        if k < len(self.codes):
            codes = self.codes[k]
        elif self.fixed_test:
            codes = np.full(self.facts.n, TEST, dtype=np.uint8)
            free = np.flatnonzero(self.codes[0] != TEST)
            codes[free] = stratified(self.y[free], self.facts.name, k, validation=sizes.validation, test=0)
        else:
            codes = stratified(self.y, self.facts.name, k, validation=sizes.validation, test=sizes.test)
        train, validation, test = (np.flatnonzero(codes == part).astype(np.int64) for part in (TRAIN, VALIDATION, TEST))
        return Split(train=train, validation=validation, test=test)


def assemble(
    name: str,
    x: NDArray[np.float32] | NDArray[np.uint8],
    y: NDArray[np.int64],
    classes: int,
    *,
    codes: NDArray[np.uint8] | None = None,
    seeded: bool = True,
    standardized: bool = False,
    digest: str = "",
) -> Dataset:
    """The data set of these arrays. Without published splits: 60 % train, 15 % validation, 25 % test, as in the
    splits of Klambauer et al. (2017): test ⌊n/4⌋ rows, validation ⌊1/5⌋ of the others.
    `digest`: of this very content, where it is known.
    """
    if codes is None:
        codes = np.zeros((0, len(y)), dtype=np.uint8)
    facts = describe(
        name,
        digest or content_digest(name, x, y, classes, codes),
        tuple(x.shape[1:]),
        classes,
        codes,
        seeded=seeded,
    )
    fixed = len(codes) > 0 and bool(np.all((codes == TEST) == (codes[0] == TEST)))
    return Dataset(facts=facts, x=x, y=y, codes=codes, fixed_test=fixed, standardized=standardized)


def describe(
    name: str, digest: str, shape: tuple[int, ...], classes: int, codes: NDArray[np.uint8], *, seeded: bool
) -> DatasetFacts:
    """Facts of a data set with these published splits, (splits, n)."""
    n = codes.shape[1]
    test = n // 4
    validation = (n - test) // 5
    sizes = tuple(_sizes(row) for row in codes)
    return DatasetFacts(
        name=name,
        digest=digest,
        n=n,
        shape=shape,
        classes=classes,
        splits=sizes or (SplitSizes(train=n - test - validation, validation=validation, test=test),),
        seeded=seeded,
    )


def content_digest(
    name: str,
    x: NDArray[np.float32] | NDArray[np.uint8],
    y: NDArray[np.int64],
    classes: int,
    codes: NDArray[np.uint8],
) -> str:
    """SHA-256 (64 hex digits) of a header in canonical JSON (name, shapes, classes, the rule of seeded splits) and a
    line feed, then `x` in row order (float32 little endian, or uint8), `y` (int64 little endian) and `codes` (uint8).
    """
    kind = "uint8" if x.dtype == np.uint8 else "float32"
    header = {"name": name, "x": [kind, *x.shape], "classes": classes, "splits": len(codes), "rule": RULE}
    total = hashlib.sha256(canonical(header).encode() + b"\n")
    total.update(np.ascontiguousarray(x, dtype="u1" if kind == "uint8" else "<f4").data)
    total.update(np.ascontiguousarray(y, dtype="<i8").data)
    total.update(np.ascontiguousarray(codes).data)
    return total.hexdigest()


def _sizes(codes: NDArray[np.uint8]) -> SplitSizes:
    train, validation, test = np.bincount(codes, minlength=3).tolist()
    return SplitSizes(train=train, validation=validation, test=test)
