"""Every data set that a sweep may name."""

from __future__ import annotations

import difflib
import json
import re
from typing import Any

from sweeps.errors import UsageError
from trainers.data.home import folder_files
from trainers.data.listings.builtin_listings import BUILTIN
from trainers.data.listings.image_listings import IMAGES
from trainers.data.listings.listing import Listing
from trainers.data.listings.uci_listings import UCI
from trainers.data.tables import about as tables

REGISTRY: dict[str, Listing] = {**UCI, **BUILTIN, **IMAGES}

GROUPS: dict[str, tuple[str, ...]] = {
    "uci44": tuple(UCI),
    "images": tuple(name for name in IMAGES if IMAGES[name].archives),
}


FREE = re.compile(r"[a-z0-9][a-z0-9._-]*")  # what a user may call a data set


def lookup(name: str) -> Listing:
    """The entry of a data set, or of a folder or table that was imported under this name.

    UsageError with the near matches for a name that is none, and where the record of what was imported is damaged.
    """
    if name in REGISTRY:
        return REGISTRY[name]
    if (own := _imported(name) or tables.listing(name)) is not None:
        return own
    for record in (folder_files(name)[0], tables.files(name)[0]) if FREE.fullmatch(name) else ():
        if record.exists():
            raise UsageError(f"{record} cannot be read: import {name} again")
    near = difflib.get_close_matches(name, names(), n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else "`normsweep data list` shows them all"
    raise UsageError(f"unknown data set {name!r}: {hint}")


def valid(name: str) -> None:
    """UsageError for a name that a user's data set cannot have: taken, malformed, or no text in a sweep file."""
    from sweeps.file.document import scalar

    if name in REGISTRY or name in GROUPS:
        what = "another data set" if name in REGISTRY else "a group of data sets"
        raise UsageError(f"--name {name} is the name of {what}: take another")
    if not FREE.fullmatch(name):
        raise UsageError(f"--name {name} is not a valid name: take small letters, digits, `-`, `_` and `.`")
    if not isinstance(scalar(name), str):
        raise UsageError(f"--name {name} would be no text in a sweep file: take a name such as set-{name}")


def names() -> list[str]:
    """Of all data sets, the folders and tables that were imported under names of their own last."""
    folders = folder_files("any")[0].parent.parent
    own = sorted(p.name for p in folders.iterdir() if p.name not in REGISTRY) if folders.is_dir() else []
    return [*REGISTRY, *(name for name in own if _imported(name) is not None), *tables.names()]


def _imported(name: str) -> Listing | None:
    """What the folder that was imported under this name is, or None."""
    if not FREE.fullmatch(name):
        return None
    try:
        about: dict[str, Any] = json.loads(folder_files(name)[0].read_bytes())
        return Listing(
            task="what an image shows",
            n=sum(about["parts"].values()),
            shape=IMAGES["imagenet"].shape,
            classes=about["classes"],
            source=about["root"],
            licence="not stated",
            how=f"run `normsweep data import FOLDER --name {name}` again",
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
