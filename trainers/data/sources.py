"""Where a data set comes from on this machine: its files, or the rule that makes it."""

from __future__ import annotations

import importlib
import importlib.metadata
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sweeps.facts import DatasetFacts
from trainers.data.home import array_files, folder_files, sample_file, uci_files
from trainers.data.listings.listing import Listing
from trainers.data.tables import about

if TYPE_CHECKING:  # NumPy and pyarrow are imported by `read` alone, so that planning from cached facts is instant
    from trainers.data.dataset import Dataset
    from trainers.data.folders import FolderDataset


@dataclass(frozen=True, slots=True)
class Source:
    """`stamp` changes when the content may have changed; `read` loads and checks it, large sets only as far as no
    facts of this very stamp are known. Where the content does not lie in the stamped files, `look` raises UsageError
    when it was altered, as far as a quick look tells, and `verify` after reading it whole. What `verify` could not
    compare it says in a sentence.
    """

    stamp: tuple[str | int, ...]
    read: Callable[[DatasetFacts | None], Dataset | FolderDataset]
    look: Callable[[], None] = lambda: None
    verify: Callable[[], str] = lambda: ""


def locate(name: str, listing: Listing) -> Source | None:
    """The source of a data set, files before rules, or None where it is not here."""
    return in_files(name, listing) or _made(name, listing)


def in_files(name: str, listing: Listing) -> Source | None:
    """The source of a data set in the folder of data sets."""
    return (
        _uci(name, listing)
        or _arrays(name, listing)
        or _sample(name, listing)
        or _folder(name, listing)
        or _table(name, listing)
    )


def _uci(name: str, listing: Listing) -> Source | None:
    files = uci_files(name)
    stamp = _file_stamp(files)

    def read(_: DatasetFacts | None) -> Dataset:
        from trainers.data import uci

        return uci.read(name, listing, *files)

    return Source(stamp, read) if stamp else None


def _arrays(name: str, listing: Listing) -> Source | None:
    files = array_files(name)
    stamp = _file_stamp(files)

    def read(known: DatasetFacts | None) -> Dataset:
        from trainers.data import arrays

        return arrays.read(name, listing, files, known)

    return Source(stamp, read) if stamp else None


def _sample(name: str, listing: Listing) -> Source | None:
    file = sample_file(name)
    stamp = _file_stamp((file,)) if name.endswith("-sample") else ()

    def read(_: DatasetFacts | None) -> Dataset:
        from trainers.data import arrays

        return arrays.read_sample(name, listing, file)

    return Source(stamp, read) if stamp else None


def _folder(name: str, listing: Listing) -> Source | None:
    files = folder_files(name)
    stamp = _file_stamp(files)

    def read(known: DatasetFacts | None) -> FolderDataset:
        from trainers.data import folders

        return folders.read(name, listing, files, known)

    def look() -> None:
        from trainers.data import folders

        folders.look(name, listing, files)

    def verify() -> str:
        from trainers.data import folders

        return folders.verify(name, listing, files)

    return Source(stamp, read, look, verify) if stamp else None


def _table(name: str, listing: Listing) -> Source | None:
    files = about.files(name)
    stamp = _file_stamp(files) or _file_stamp(about.files(name))  # again, where it was replaced meanwhile

    def read(_: DatasetFacts | None) -> Dataset:
        from trainers.data.tables import stored

        return stored.read(name, listing, files[0])

    return Source(stamp, read) if stamp else None


def _made(name: str, listing: Listing) -> Source | None:
    if not listing.maker:
        return None

    def read(_: DatasetFacts | None) -> Dataset:
        from trainers.data.dataset import assemble

        module, function = listing.maker.split(":")
        x, y = getattr(importlib.import_module(f"trainers.data.making.{module}"), function)()
        return assemble(name, x, y, listing.classes, standardized=listing.standardized)

    return Source((listing.maker, listing.revision, *map(_version, listing.libraries)), read)


def _file_stamp(paths: tuple[Path, ...]) -> tuple[str | int, ...]:
    """Names, sizes and times of the files; empty unless all are here."""
    stamp: list[str | int] = []
    for path in paths:
        try:
            state = path.stat()
        except OSError:
            return ()
        stamp += [str(path.absolute()), state.st_size, state.st_mtime_ns]
    return tuple(stamp)


@cache
def _version(library: str) -> str:
    return f"{library} {importlib.metadata.version(library)}"
