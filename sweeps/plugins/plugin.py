"""A plug-in: a file, its digest, and what it declares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sweeps.identity import short
from sweeps.words.declared import Option
from sweeps.words.vocabulary import Normalizer

_OPTION = ("kind", "default", "low", "high", "packs", "help")


@dataclass(frozen=True, slots=True)
class Declared:
    """What a class of a plug-in says of itself: the name in sweep files, its entry, and the line that says so."""

    name: str
    entry: Normalizer
    line: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Plugin:
    """`file`: as the sweep file names it. `digest`: of its bytes, 64 hex digits. `code`: its bytes; empty for a plug-in
    that is known from a record alone, which can name its methods but not run them."""

    file: str
    digest: str
    normalizers: Mapping[str, Normalizer] = field(hash=False)
    code: bytes = field(default=b"", compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.file} ({short(self.digest)})"

    def as_json(self) -> dict[str, Any]:
        """Plain data, without the code; `Plugin.from_json` is its inverse."""
        entries = {name: _entry_json(entry) for name, entry in self.normalizers.items()}
        return {"file": self.file, "digest": self.digest, "normalizers": entries}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Plugin:
        digest = data["digest"]
        entries = {name: _entry(entry, digest) for name, entry in data["normalizers"].items()}
        return cls(file=data["file"], digest=digest, normalizers=entries)


def _entry_json(entry: Normalizer) -> dict[str, Any]:
    options = {
        name: {key: getattr(option, key) for key in _OPTION} | {"words": list(option.words)}
        for name, option in entry.options.items()
    }
    return {
        "summary": entry.summary,
        "source": entry.source,
        "points": sorted(entry.points),
        "revision": entry.revision,
        "least_values": entry.least_values,
        "own_activation": entry.own_activation,
        "options": options,
    }


def _entry(data: Mapping[str, Any], digest: str) -> Normalizer:
    options = {
        name: Option(**{key: option[key] for key in _OPTION}, words=tuple(option["words"]))
        for name, option in data["options"].items()
    }
    return Normalizer(
        summary=data["summary"],
        source=data["source"],
        points=frozenset(data["points"]),
        revision=data["revision"],
        least_values=data["least_values"],
        own_activation=data.get("own_activation", False),
        options=options,
        plugin=digest,
    )
