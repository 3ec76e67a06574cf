"""What is here, what is missing, and loading it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from sweeps.errors import MissingError, UsageError
from sweeps.facts import DatasetFacts
from trainers.data import facts_cache
from trainers.data.listings.registry import lookup
from trainers.data.sources import Source, locate

if TYPE_CHECKING:
    from trainers.data.dataset import Dataset
    from trainers.data.folders import FolderDataset


class MissingData(MissingError):
    """Known data sets that are not on this machine; `names` maps each to the way to get it."""

    def __init__(self, names: dict[str, str]) -> None:
        super().__init__("; ".join(f"{name} is not here: {how}" for name, how in names.items()))
        self.names = names


def facts(name: str) -> DatasetFacts:
    """Sizes and digest of a data set, from the cache where its source is unchanged.

    UsageError for an unknown name or an altered file, MissingData (a UsageError) for a set that is not here.
    """
    source = _source(name)
    known = facts_cache.read(name, source.stamp)
    if known is None:
        known = source.read(None).facts
        if _source(name).stamp == source.stamp:  # else the files changed while they were read
            facts_cache.write(known, source.stamp)
    else:
        source.look()
    return known


def read(name: str) -> Dataset | FolderDataset:
    """The data set, its content checked, or the index of one that stays in the user's folder. Errors as of `facts`."""
    source = _source(name)
    return source.read(facts_cache.read(name, source.stamp))


def load(name: str) -> Dataset:
    """The data set, its content checked; images are bytes, memory-mapped. Errors as of `facts`."""
    found = read(name)
    if not hasattr(found, "x"):
        raise UsageError(f"{name} stays in its folder and is read image by image: use `load_folder`")
    return cast("Dataset", found)


def load_folder(name: str) -> FolderDataset:
    """The index of a data set that stays in the user's folder (imagenet). Errors as of `facts`."""
    found = read(name)
    if hasattr(found, "x"):
        raise UsageError(f"{name} is not read from a folder: use `load`")
    return cast("FolderDataset", found)


def verify(name: str) -> DatasetFacts:
    """Facts of the whole content read again, whatever the cache says. Errors as of `facts`."""
    return verified(name)[0]


def verified(name: str) -> tuple[DatasetFacts, str]:
    """As `verify`, and a sentence about what could not be compared."""
    source = _source(name)
    found = source.read(None)
    return found.facts, source.verify()


def missing(names: Iterable[str]) -> dict[str, str]:
    """Those of the data sets that are not here, each with the way to get it. UsageError for an unknown name."""
    return {name: lookup(name).how for name in names if locate(name, lookup(name)) is None}


def _source(name: str) -> Source:
    listing = lookup(name)
    source = locate(name, listing)
    if source is None:
        raise MissingData({name: listing.how})
    return source
