"""What planning must know of a data set, without loading it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sweeps.errors import UsageError


@dataclass(frozen=True, kw_only=True, slots=True)
class SplitSizes:
    """Samples of each part of one split."""

    train: int
    validation: int
    test: int


@dataclass(frozen=True, kw_only=True, slots=True)
class DatasetFacts:
    """Sizes and identity of a data set that is here. `shape` of a sample: (features,) or (channels, height, width)."""

    name: str
    digest: str  # SHA-256 of its content, 64 hex digits
    n: int
    shape: tuple[int, ...]
    classes: int
    splits: tuple[SplitSizes, ...]  # the published ones; index = split
    seeded: bool = False  # splits beyond `splits` may be drawn (stratified, by number), all of the sizes of `splits[0]`

    def sizes(self, split: int) -> SplitSizes:
        if split < len(self.splits):
            return self.splits[split]
        if self.seeded:
            return self.splits[0]
        raise UsageError(f"split {split} of {self.name}: it has splits 0..{len(self.splits) - 1}")


Facts = Callable[[str], DatasetFacts]  # by name; UsageError for a data set that is not here
