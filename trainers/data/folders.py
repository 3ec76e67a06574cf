"""Image sets that stay in the user's folder and are read while training: ImageNet, and any with a folder a class."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sweeps.errors import UsageError
from sweeps.facts import DatasetFacts
from sweeps.identity import digest, short
from trainers.data.arrays import HELD_OUT, Parts, split_codes
from trainers.data.bringing.placing import building
from trainers.data.dataset import Split, describe
from trainers.data.decoding import centre, view
from trainers.data.home import cache_home
from trainers.data.images import index
from trainers.data.images.conversion import Conversion
from trainers.data.images.index import Index
from trainers.data.listings.listing import Listing
from trainers.data.reading import check_images
from trainers.data.splits import stratified

LEVELS = 1  # of the way they are counted
FIGURED = 1024  # images of a training part whose pixels stand for all of them


@dataclass(frozen=True, kw_only=True, slots=True)
class FolderDataset:
    """Files below `root` and their labels; `decode(dataset.path(i), dataset.conversion)` gives image i. Splits as of a
    `Dataset`.

    `facts.shape` is that of samples which no augmentation crops. Without a conversion images become RGB by Pillow's own
    rule.
    """

    facts: DatasetFacts
    root: Path
    files: tuple[str, ...]
    y: NDArray[np.int64]
    codes: NDArray[np.uint8]
    conversion: Conversion | None = None

    def path(self, i: int) -> Path:
        return self.root / self.files[i]

    def split(self, k: int) -> Split:
        self.facts.sizes(k)
        train, validation, test = (np.flatnonzero(self.codes[k] == part).astype(np.int64) for part in range(3))
        return Split(train=train, validation=validation, test=test)


def levels(data: FolderDataset, split: Split) -> NDArray[np.int64]:
    """(3, 256): how many pixels of each level `FIGURED` images, evenly spaced in the training part, have in each
    channel, seen as at evaluation. Kept in the cache. UsageError for a file that cannot be decoded.
    """
    count = min(FIGURED, len(split.train))
    rows = split.train[np.arange(count) * len(split.train) // count]
    kept = cache_home() / "levels" / f"{short(digest([LEVELS, data.facts.digest, rows.tolist()]))}.npy"
    try:
        counts: NDArray[np.int64] = np.load(kept, allow_pickle=False)
        if counts.shape == (3, 256) and counts.dtype == np.int64:
            return counts
    except (OSError, ValueError, EOFError):
        pass
    side = data.facts.shape[-1]
    counts = np.zeros((3, 256), np.int64)
    for i in rows.tolist():
        image = view(data.path(i), side, centre, data.conversion)
        for channel in range(3):
            counts[channel] += np.bincount(image[..., channel].reshape(-1), minlength=256)
    with contextlib.suppress(OSError, UsageError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        with building(kept.parent) as place:
            np.save(place / kept.name, counts)
            (place / kept.name).replace(kept)
    return counts


def read(name: str, listing: Listing, paths: tuple[Path, Path], known: DatasetFacts | None) -> FolderDataset:
    """The indexed folder. UsageError when the index is torn, its folder is gone or a file is not what was imported, as
    far as sizes and times tell; of an index of names and sizes alone, unless facts are `known`.
    """
    found = _indexed(name, listing, paths)
    if found.whole or known is None:
        index.look(found)
    y = np.array(found.columns["label"], dtype=np.int64)
    codes = part_codes(name, y, found)
    facts = describe(name, found.digest, listing.shape, listing.classes, codes, seeded=False)
    files = tuple(found.columns["file"])
    return FolderDataset(facts=facts, root=found.root, files=files, y=y, codes=codes, conversion=found.conversion)


def look(name: str, listing: Listing, paths: tuple[Path, Path]) -> None:
    """UsageError where `read` raises it, for a folder whose facts are known."""
    found = _indexed(name, listing, paths)
    if found.whole:
        index.look(found)


def verify(name: str, listing: Listing, paths: tuple[Path, Path]) -> str:
    """Read every file. UsageError that names those which are not what was imported; of an index of names and sizes
    alone those which cannot be decoded, with a sentence about that as the answer.
    """
    found = _indexed(name, listing, paths)
    if found.whole:
        index.compare(found, range(listing.n))
        return ""
    check_images(found.root, found.columns["file"])
    return f"names and sizes alone were compared, since its import kept no more; to compare bytes {listing.how}"


def part_codes(name: str, y: NDArray[np.int64], found: Index) -> NDArray[np.uint8]:
    """The splits, (·, n): the folder's own three parts; with a test part alone as `split_codes`; else splits 0 to 4 in
    the shares of `assemble`.
    """
    if found.parts.get("validation"):
        return np.array([found.columns["part"]], dtype=np.uint8)
    if found.parts.get("test"):
        return split_codes(name, y, Parts(train=found.parts["train"], test=found.parts["test"]))
    test = len(y) // 4
    return np.stack([stratified(y, name, k, validation=(len(y) - test) // 5, test=test) for k in range(1 + HELD_OUT)])


def _indexed(name: str, listing: Listing, paths: tuple[Path, Path]) -> Index:
    found = index.read(name, paths, listing.how)
    if len(found.columns["file"]) != listing.n:
        raise UsageError(f"the index of {name} has {len(found.columns['file'])} images, not {listing.n}: {listing.how}")
    return found
