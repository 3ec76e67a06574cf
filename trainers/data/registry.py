"""Every data set that a sweep may name."""

from __future__ import annotations

import difflib

from trainers.data.builtin_listings import BUILTIN
from trainers.data.image_listings import IMAGES
from trainers.data.listing import Listing
from trainers.data.uci_listings import UCI

REGISTRY: dict[str, Listing] = {**UCI, **BUILTIN, **IMAGES}

GROUPS: dict[str, tuple[str, ...]] = {
    "uci44": tuple(UCI),
    "images": tuple(name for name in IMAGES if IMAGES[name].archives),
}


def lookup(name: str) -> Listing:
    """The entry of a data set; ValueError with the near matches for a name that is none."""
    if name in REGISTRY:
        return REGISTRY[name]
    near = difflib.get_close_matches(name, REGISTRY, n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else "`normsweep data list` shows them all"
    raise ValueError(f"unknown data set {name!r}: {hint}")
