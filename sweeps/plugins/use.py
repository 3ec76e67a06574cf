"""Which plug-ins the vocabulary holds beside what the package ships."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager

from sweeps.errors import UsageError
from sweeps.plugins.plugin import Plugin
from sweeps.words.vocabulary import NORMALIZERS, Normalizer


def use(plugins: Iterable[Plugin]) -> None:
    """Puts what they declare into the vocabulary, in the place of other versions. UsageError for a taken name."""
    NORMALIZERS.update(_entries(plugins))


def known(plugins: Iterable[Plugin]) -> None:
    """Puts into the vocabulary what they declare under names that nothing else has."""
    for plugin in plugins:
        for name, entry in plugin.normalizers.items():
            NORMALIZERS.setdefault(name, entry)


@contextmanager
def alone(plugins: Iterable[Plugin]) -> Generator[None]:
    """Within it, the vocabulary holds what the package ships and what these declare, and nothing else.

    Afterwards what they declare stays: in the place of another version where their code is at hand; where it is not,
    as they come from a record, only under names that nothing else has. A record may be older than a method of the
    package of the same name, which then comes back.
    """
    given = tuple(plugins)
    entries = _entries(given)
    shipped = {name: NORMALIZERS[name] for name in entries if taken(name)}
    before = _ours()
    _drop(before)
    NORMALIZERS.update(entries)
    try:
        yield
    finally:
        _drop(entries.keys() - shipped.keys())  # the others keep their place
        kept = {name for plugin in given if plugin.code for name in plugin.normalizers}
        after = entries | {name: entry for name, entry in before.items() if name not in kept}
        NORMALIZERS.update(after | shipped)


def taken(name: str) -> bool:
    """Whether the package itself ships a method of that name."""
    return name in NORMALIZERS and not NORMALIZERS[name].plugin


def _ours() -> dict[str, Normalizer]:
    return {name: entry for name, entry in NORMALIZERS.items() if entry.plugin}


def _drop(names: Iterable[str]) -> None:
    for name in names:
        NORMALIZERS.pop(name, None)


def _entries(plugins: Iterable[Plugin]) -> dict[str, Normalizer]:
    entries: dict[str, Normalizer] = {}
    homes: dict[str, Plugin] = {}
    for plugin in plugins:
        for name, entry in plugin.normalizers.items():
            if plugin.code and taken(name):
                raise UsageError(f"{plugin.file}: the name '{name}' is taken by a method of normsweep: choose another")
            if name in homes:
                raise UsageError(f"{plugin.file}: the name '{name}' is taken by {homes[name].file}: choose another")
            entries[name], homes[name] = entry, plugin
    return entries
