"""Image sets that stay in the user's folder and are read while training: ImageNet, and any with a folder a class."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweeps.errors import UsageError
from sweeps.facts import DatasetFacts
from sweeps.identity import digest, short
from trainers.data.arrays import HELD_OUT, Parts, split_codes
from trainers.data.bringing.placing import building, synced
from trainers.data.dataset import Split, describe
from trainers.data.decoding import centre, view
from trainers.data.home import cache_home, folder_files
from trainers.data.listings.listing import Listing
from trainers.data.reading import check_images
from trainers.data.splits import RULE, stratified

LEVELS = 1  # of the way they are counted
LEAST = 2  # images of a class in each part, on average
SUFFIXES = (".jpeg", ".jpg", ".png")


FIGURED = 1024  # images of a training part whose pixels stand for all of them


@dataclass(frozen=True, kw_only=True, slots=True)
class FolderDataset:
    """Files below `root` and their labels; `decode(dataset.path(i))` gives image i. Splits as of a `Dataset`.

    `facts.shape` is that of samples which no augmentation crops.
    """

    facts: DatasetFacts
    root: Path
    files: tuple[str, ...]
    y: NDArray[np.int64]
    codes: NDArray[np.uint8]

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
        image = view(data.path(i), side, centre)
        for channel in range(3):
            counts[channel] += np.bincount(image[..., channel].reshape(-1), minlength=256)
    with contextlib.suppress(OSError, UsageError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        with building(kept.parent) as place:
            np.save(place / kept.name, counts)
            (place / kept.name).replace(kept)
    return counts


def bring(name: str, listing: Listing | None, root: Path) -> None:
    """Write the index of a folder with train/<class>/ and val/<class>/, classes in the order of their names.

    Every image is read once, to its end. The identity of the set is the digest of the files' names, sizes and labels.
    Without a listing any number of classes and images will do, val/ may be named test/, and a folder that holds the
    classes themselves gets seeded stratified splits.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    folders = _parts(root)
    classes = sorted(entry.name for entry in os.scandir(root / folders["train"]) if entry.is_dir())
    if listing and len(classes) != listing.classes:
        raise UsageError(
            f"{root / folders['train']} must have {listing.classes} folders, one a class, not {len(classes)}; "
            "another set of images needs a name: --name NAME"
        )
    if len(classes) < 2:
        raise UsageError(f"{root / folders['train']} must have folders, one a class, not {len(classes)} of them")
    files: list[str] = []
    sizes: list[int] = []
    labels: list[int] = []
    counts: dict[str, int] = {}
    for part, folder in folders.items():
        before = len(files)
        for label, wnid in enumerate(classes):
            try:
                own = sorted(_images(root / folder / wnid))
            except OSError as error:
                raise UsageError(
                    f"{root / folder / wnid} cannot be read ({error.strerror}): it holds a class"
                ) from None
            files += [str(PurePosixPath(folder, wnid, file)) for file, _ in own]
            sizes += [size for _, size in own]
            labels += [label] * len(own)
        counts[part] = len(files) - before
        if listing is None and counts[part] < LEAST * len(classes):
            raise UsageError(
                f"{root / folder} must have {LEAST} images a class at least ({', '.join(SUFFIXES)}), not "
                f"{counts[part]} of {len(classes)} classes"
            )
    if listing and len(files) != listing.n:
        raise UsageError(f"{root} must have {listing.n} images in train and val, not {len(files)}")
    check_images(root, files)
    about_file, index_file = folder_files(name)
    columns: dict[str, Any] = {"file": files, "bytes": sizes, "label": labels}
    about = {
        "name": name,
        "root": str(root.resolve()),
        "parts": Parts(**{"test": 0} | counts).as_json(),
        "classes": len(classes),
        "digest": _digest(columns),
    }
    with building(about_file.parent) as place:
        pq.write_table(pa.table(columns), place / index_file.name)
        (place / about_file.name).write_text(json.dumps(about))
        for target in (index_file, about_file):
            synced(place / target.name)
            (place / target.name).replace(target)


def read(name: str, listing: Listing, paths: tuple[Path, Path], known: DatasetFacts | None) -> FolderDataset:
    """The indexed folder. UsageError when the index is torn, its folder is gone or, unless facts are `known`, a file
    is missing or of another size.
    """
    about_file, index_file = paths
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        about: dict[str, Any] = json.loads(about_file.read_bytes())
        columns = pq.read_table(index_file).to_pydict()
        parts, root = Parts(**about["parts"]), Path(about["root"])
        if _digest(columns) != about["digest"] or len(columns["file"]) != listing.n:
            raise UsageError("it was altered")
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
        raise UsageError(f"the index of {name} cannot be read ({error}): {listing.how}") from None
    if not root.is_dir():
        raise UsageError(f"{name}: {root} is gone; {listing.how}")
    if known is None:
        _check_files(root, columns["file"], columns["bytes"])
    y = np.array(columns["label"], dtype=np.int64)
    codes = split_codes(name, y, parts) if parts.test else _seeded(name, y)
    facts = describe(name, about["digest"], listing.shape, listing.classes, codes, seeded=False)
    return FolderDataset(facts=facts, root=root, files=tuple(columns["file"]), y=y, codes=codes)


def _parts(root: Path) -> dict[str, str]:
    """The folder of each part that has one of its own."""
    if not (root / "train").is_dir():
        return {"train": "."}
    for folder in ("val", "test"):
        if (root / folder).is_dir():
            return {"train": "train", "test": folder}
    raise UsageError(f"{root} has a folder train, so it must have val or test too")


def _seeded(name: str, y: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Splits 0 to 4 in the shares of `assemble`."""
    test = len(y) // 4
    return np.stack([stratified(y, name, k, validation=(len(y) - test) // 5, test=test) for k in range(1 + HELD_OUT)])


def _images(folder: Path) -> list[tuple[str, int]]:
    with os.scandir(folder) as entries:
        return [(entry.name, entry.stat().st_size) for entry in entries if entry.name.lower().endswith(SUFFIXES)]


def _check_files(root: Path, files: list[str], sizes: list[int]) -> None:
    for file, size in zip(files, sizes, strict=True):
        try:
            found = (root / file).stat().st_size
        except OSError as error:
            raise UsageError(f"{root / file} cannot be read ({error.strerror}): restore it, or import again") from None
        if found != size:
            raise UsageError(f"{root / file} has {found} bytes, not {size}: restore it, or import the folder again")


def _digest(columns: dict[str, Any]) -> str:
    return digest({**columns, "rule": RULE})
