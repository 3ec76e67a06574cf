"""Data sets: what is here, loading, splits. Imports no torch, and NumPy only to load."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainers.data.catalog import MissingData, facts, load, load_folder, missing, read, verified, verify
from trainers.data.listings.registry import GROUPS, REGISTRY, lookup, names

if TYPE_CHECKING:
    from trainers.data.dataset import Dataset, Split
    from trainers.data.decoding import decode
    from trainers.data.folders import FolderDataset
    from trainers.data.standardize import scale, standardized

__all__ = [
    "GROUPS",
    "REGISTRY",
    "Dataset",
    "FolderDataset",
    "MissingData",
    "Split",
    "decode",
    "facts",
    "load",
    "load_folder",
    "lookup",
    "missing",
    "names",
    "read",
    "scale",
    "standardized",
    "verified",
    "verify",
]

_LATER = {
    "Dataset": "dataset",
    "Split": "dataset",
    "FolderDataset": "folders",
    "decode": "decoding",
    "scale": "standardize",
    "standardized": "standardize",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
