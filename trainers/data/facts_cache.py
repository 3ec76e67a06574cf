"""Facts of data sets, kept between runs so that planning need not read the data."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sweeps.facts import DatasetFacts, SplitSizes
from sweeps.identity import digest, short
from trainers.data.home import cache_home

VERSION = 1  # of what facts say about the same content


def read(name: str, stamp: Sequence[str | int]) -> DatasetFacts | None:
    """The facts kept for this source, or None: not kept, unreadable, or not what was written."""
    key = _key(name, stamp)
    try:
        kept: dict[str, Any] = json.loads(_path(name, key).read_bytes())
        if kept["key"] != key or digest(kept["facts"]) != kept["check"]:
            return None
        values: dict[str, Any] = kept["facts"]
        values["splits"] = tuple(SplitSizes(**sizes) for sizes in values["splits"])
        values["shape"] = tuple(values["shape"])
        return DatasetFacts(**values)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write(facts: DatasetFacts, stamp: Sequence[str | int]) -> None:
    """Keep the facts; a folder that cannot be written to only means that they are computed again."""
    key = _key(facts.name, stamp)
    values = asdict(facts)
    path = _path(facts.name, key)
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".facts-")
        try:
            with os.fdopen(handle, "w") as file:
                json.dump({"key": key, "check": digest(values), "facts": values}, file)
            Path(temporary).replace(path)
        except OSError:
            Path(temporary).unlink(missing_ok=True)
            raise


def _key(name: str, stamp: Sequence[str | int]) -> str:
    return digest([VERSION, name, *stamp])


def _path(name: str, key: str) -> Path:
    return cache_home() / "facts" / f"{name}-{short(key)}.json"
