"""Which plug-ins the vocabulary holds beside what the package ships."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager

from sweeps.errors import UsageError
from sweeps.plugins.plugin import Key, Plugin
from sweeps.words.declared import Entry
from sweeps.words.kinds import KINDS, NAMES


def use(plugins: Iterable[Plugin]) -> None:
    """Puts what they declare into the vocabulary, in the place of other versions. UsageError for a taken name."""
    _put(_entries(plugins))


def known(plugins: Iterable[Plugin]) -> None:
    """Puts into the vocabulary what they declare under names that nothing else has."""
    for plugin in plugins:
        for (field, name), entry in plugin.entries.items():
            NAMES[field].setdefault(name, entry)


@contextmanager
def alone(plugins: Iterable[Plugin]) -> Generator[None]:
    """Within it, the vocabulary holds what the package ships and what these declare, and nothing else.

    Afterwards what they declare stays: in the place of another version where their code is at hand; where it is not,
    as they come from a record, only under names that nothing else has. A record may be older than a name of the
    package, which then comes back.
    """
    given = tuple(plugins)
    entries = _entries(given)
    shipped: dict[Key, Entry] = {(field, name): NAMES[field][name] for field, name in entries if taken(field, name)}
    before = _ours()
    _drop(before)
    _put(entries)
    try:
        yield
    finally:
        _drop(entries.keys() - shipped.keys())  # the others keep their place
        kept = {key for plugin in given if plugin.code for key in plugin.entries}
        _put(entries | {key: entry for key, entry in before.items() if key not in kept} | shipped)


def taken(field: str, name: str) -> bool:
    """Whether the package itself ships a name."""
    return name in NAMES[field] and not NAMES[field][name].plugin


def _ours() -> dict[Key, Entry]:
    return {(f, name): entry for f, names in NAMES.items() for name, entry in names.items() if entry.plugin}


def _put(entries: Mapping[Key, Entry]) -> None:
    for (field, name), entry in entries.items():
        NAMES[field][name] = entry


def _drop(keys: Iterable[Key]) -> None:
    for field, name in keys:
        NAMES[field].pop(name, None)


def _entries(plugins: Iterable[Plugin]) -> dict[Key, Entry]:
    entries: dict[Key, Entry] = {}
    homes: dict[Key, Plugin] = {}
    for plugin in plugins:
        for key, entry in plugin.entries.items():
            field, name = key
            if plugin.code and taken(field, name):
                raise UsageError(f"{plugin.file}: {taken_by(field, name)}: choose another")
            if key in homes:
                raise UsageError(f"{plugin.file}: the name '{name}' is taken by {homes[key].file}: choose another")
            entries[key], homes[key] = entry, plugin
    return entries


def taken_by(field: str, name: str) -> str:
    kind = KINDS[field].kind
    return f"the name '{name}' is taken by {'an' if kind[0] in 'aeiou' else 'a'} {kind} of normsweep"
