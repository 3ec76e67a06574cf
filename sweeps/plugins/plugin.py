"""A plug-in: a file, its digest, and what it declares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from sweeps.identity import short
from sweeps.words.declared import Entry, Option
from sweeps.words.kinds import KINDS, plural

Key = tuple[str, str]  # the field of a trial and the name

_OPTION = ("kind", "default", "low", "high", "packs", "help")
_APART = ("options", "implementation", "plugin", "packs")  # fields of an entry that a record has otherwise, or not
_MADE: dict[str, Any] = {"points": frozenset, "takes": tuple, "learns": dict}  # of what JSON has in another form


@dataclass(frozen=True, slots=True)
class Declared:
    """What a class or function of a plug-in says of itself: its name in sweep files, its entry, and the line that says
    so."""

    name: str
    entry: Entry
    line: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Plugin:
    """`file`: as the sweep file names it. `digest`: of its bytes, 64 hex digits. `code`: its bytes; empty for a plug-in
    that is known from a record alone, which can name what it declares but not run it."""

    file: str
    digest: str
    entries: Mapping[Key, Entry] = field(hash=False)
    code: bytes = field(default=b"", compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.file} ({short(self.digest)})"

    def names(self, field: str) -> list[str]:
        """What it declares of one kind."""
        return [name for kind, name in self.entries if kind == field]

    def as_json(self) -> dict[str, Any]:
        """Plain data, without the code; `Plugin.from_json` is its inverse."""
        return {"file": self.file, "digest": self.digest, **self.declared()}

    def declared(self) -> dict[str, Any]:
        """What it declares, as plain data, kind by kind; those of which there is nothing are left out but the first."""
        found: dict[str, Any] = {plural("normalizer"): {}}
        for (kind, name), entry in self.entries.items():
            found.setdefault(plural(kind), {})[name] = _entry_json(entry)
        return found

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Plugin:
        digest = data["digest"]
        given = {kind: data["normalizers"] if kind == "normalizer" else data.get(plural(kind), {}) for kind in KINDS}
        entries = {
            (kind, name): _entry(KINDS[kind], entry, digest)
            for kind, own in given.items()
            for name, entry in own.items()
        }
        return cls(file=data["file"], digest=digest, entries=entries)


def _entry_json(entry: Entry) -> dict[str, Any]:
    plain = {f.name: _plain(getattr(entry, f.name)) for f in fields(entry) if f.name not in _APART}
    packs = {} if entry.packs else {"packs": False}
    return plain | packs | {"options": {name: _option_json(option) for name, option in entry.options.items()}}


def _option_json(option: Option) -> dict[str, Any]:
    length = {"length": option.length} if option.length else {}
    return {key: _plain(getattr(option, key)) for key in _OPTION} | {"words": list(option.words)} | length


def _plain(value: Any) -> Any:
    if isinstance(value, frozenset):
        return sorted(value)
    return list(value) if isinstance(value, tuple) else dict(value) if isinstance(value, Mapping) else value


def _entry(kind: type[Entry], data: Mapping[str, Any], digest: str) -> Entry:
    options = {name: _option(option) for name, option in data["options"].items()}
    plain = {f.name: data[f.name] for f in fields(kind) if f.name in data and f.name != "options"}
    return kind(**{n: _MADE[n](v) if n in _MADE else v for n, v in plain.items()}, options=options, plugin=digest)


def _option(data: Mapping[str, Any]) -> Option:
    given: dict[str, Any] = {key: data[key] for key in (*_OPTION, "words")}
    listed: dict[str, Any] = {key: tuple(value) for key, value in given.items() if isinstance(value, list)}
    return Option(**(given | listed), length=data.get("length", 0))
