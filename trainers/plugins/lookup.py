"""From a name of the vocabulary to what computes it."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from sweeps.errors import UsageError
from sweeps.identity import short
from sweeps.words.kinds import NAMES, entry_of


def implementation(field: str, name: str) -> Any:
    """The class or function of a name that a field of a trial may hold; no composition.

    UsageError for a name that is not known, and for one of a plug-in of which only a record is at hand.
    """
    entry = NAMES[field].get(name) or entry_of(field, name)
    if not entry.implementation:
        raise UsageError(f"{name} is declared by a plug-in ({short(entry.plugin)}) that is not loaded here")
    return getattr(import_module(entry.module), entry.implementation.partition(":")[2])
