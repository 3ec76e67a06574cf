"""Image sets as memory-mapped arrays, and the splits of all sets with an official test part."""

from __future__ import annotations

import json
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweeps.errors import UsageError
from sweeps.facts import DatasetFacts
from trainers.data.dataset import TEST, VALIDATION, Dataset, assemble
from trainers.data.listings.listing import Listing
from trainers.data.splits import stratified

HELD_OUT = 4  # splits with a validation part, beside split 0 without
SVHN_HELD_OUT = (400, 200)  # of a class of train, of a class of extra (Sermanet et al. 2012)


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    """Rows of the official parts, in this order."""

    train: int
    extra: int = 0
    test: int = 0

    def as_json(self) -> dict[str, int]:
        return asdict(self)


def split_codes(name: str, y: NDArray[np.int64], parts: Parts) -> NDArray[np.uint8]:
    """The splits of a set with an official test part, (5, n).

    Split 0 trains on the whole of train and extra and has no validation part. Splits 1 to 4 hold out a stratified
    tenth of train, or with an extra part `SVHN_HELD_OUT` of each class.
    """
    free = parts.train + parts.extra
    codes = np.zeros((1 + HELD_OUT, len(y)), dtype=np.uint8)
    codes[:, free:] = TEST
    for k in range(1, 1 + HELD_OUT):
        if parts.extra:
            for rows, count in zip((slice(0, parts.train), slice(parts.train, free)), SVHN_HELD_OUT, strict=True):
                codes[k, rows] = _of_each_class(y[rows], f"{name}/{rows.start}", k, count)
        else:
            codes[k, :free] = stratified(y[:free], name, k, validation=free // 10, test=0)
    return codes


def read(name: str, listing: Listing, files: tuple[Path, Path, Path], known: DatasetFacts | None) -> Dataset:
    """The data set, memory-mapped copy-on-write; its content is hashed unless `known` facts are given."""
    about_file, x_file, y_file = files
    try:
        about: dict[str, Any] = json.loads(about_file.read_bytes())
        parts = Parts(**about["parts"])
        x = np.load(x_file, mmap_mode="c", allow_pickle=False)
        y = np.load(y_file, allow_pickle=False)
        if (
            x.shape != (listing.n, *listing.shape)
            or y.shape != (listing.n,)
            or sum(about["parts"].values()) != listing.n
        ):
            raise UsageError(f"the samples must be {listing.n} of shape {listing.shape}, not {x.shape}")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{name} cannot be read ({error}); to replace it {listing.how}") from None
    codes = split_codes(name, y, parts)
    digest = known.digest if known else ""
    dataset = assemble(name, x, y, listing.classes, codes=codes, seeded=False, digest=digest)
    if dataset.facts.digest != about["digest"]:
        raise UsageError(f"{name} was altered since it was imported; to replace it {listing.how}")
    return dataset


def read_sample(name: str, listing: Listing, file: Path) -> Dataset:
    """A sample of CIFAR from its npz file."""
    try:
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as kept:
            x = np.concatenate([kept["x_train"], kept["x_test"]]).transpose(0, 3, 1, 2)
            y = np.concatenate([kept["y_train"], kept["y_test"]]).astype(np.int64)
            parts = Parts(train=len(kept["y_train"]), test=len(kept["y_test"]))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise UsageError(f"{name}: {file} cannot be read ({error}); {listing.how}") from None
    if x.dtype != np.uint8 or x.shape != (listing.n, *listing.shape):
        raise UsageError(f"{name}: {file} must hold {listing.n} uint8 images of shape {listing.shape}, not {x.shape}")
    codes = split_codes(name, y, parts)
    return assemble(name, np.ascontiguousarray(x), y, listing.classes, codes=codes, seeded=False)


def _of_each_class(y: NDArray[np.int64], name: str, k: int, count: int) -> NDArray[np.uint8]:
    codes = np.zeros(len(y), dtype=np.uint8)
    for label in np.unique(y):
        rows = np.flatnonzero(y == label)
        own = stratified(np.zeros(len(rows), dtype=np.int64), f"{name}/{label}", k, validation=count, test=0)
        codes[rows[own == VALIDATION]] = VALIDATION
    return codes
