"""Two normalizers in one: `ws+bn` standardizes the weights and normalizes the batch."""

from __future__ import annotations

from sweeps.errors import UsageError
from sweeps.words.near import unknown
from sweeps.words.vocabulary import NORMALIZERS, Normalizer

# The moments of training, in the order in which they come.
POINTS = ("input", "before", "weight", "after", "activated", "penalty", "gradients", "project", "calibrate")


def parts(name: str) -> tuple[str, ...]:
    """The entries of `NORMALIZERS` that a name stands for, in the order of their first points.

    UsageError for a name that is not known and for parts that act at the same point.
    """
    if name in NORMALIZERS:
        return (name,)
    names = name.split("+")
    for part in names:
        if part not in NORMALIZERS:
            told = unknown("normalizer", part, NORMALIZERS)
            own = "" if told.endswith("?") else " A file that declares one of your own is named under `plugins`."
            raise UsageError(told + own)
    for i, a in enumerate(names):
        for b in names[i + 1 :]:
            _compatible(a, b)
    return tuple(sorted(names, key=lambda part: min(map(POINTS.index, NORMALIZERS[part].points))))


def brings_activation(name: str) -> bool:
    """Whether a name, or a part of a composition, activates as well."""
    return any(NORMALIZERS[part].own_activation for part in name.split("+"))


def normalizer(name: str) -> Normalizer:
    """The entry of a name or of a composition: options of all parts, the largest demand on the batch.

    An option that several parts have is meant for all of them. The revisions of the parts are added: they only ever
    rise, so mending one part changes the sum.
    """
    names = parts(name)
    if len(names) == 1:
        return NORMALIZERS[names[0]]
    entries = [NORMALIZERS[part] for part in names]
    return Normalizer(
        summary=" with ".join(entry.summary for entry in entries),
        source="; ".join(dict.fromkeys(entry.source for entry in entries if entry.source)),
        options={option: spec for entry in entries for option, spec in entry.options.items()},
        implementation="",
        points=frozenset().union(*(entry.points for entry in entries)),
        revision=sum(entry.revision for entry in entries),
        least_values=max(entry.least_values for entry in entries),
        own_activation=any(entry.own_activation for entry in entries),
        packs=all(entry.packs for entry in entries),
        plugin="+".join(sorted({entry.plugin for entry in entries if entry.plugin})),
    )


def _compatible(a: str, b: str) -> None:
    first, second = NORMALIZERS[a], NORMALIZERS[b]
    if not first.points or not second.points:
        raise UsageError(f"'{a}' and '{b}' do not compose: one of them does nothing")
    shared = sorted(first.points & second.points)
    if shared:
        raise UsageError(f"'{a}' and '{b}' do not compose: both act at '{shared[0]}'")
    for option in sorted(first.options.keys() & second.options.keys()):
        if first.options[option] != second.options[option]:
            raise UsageError(f"'{a}' and '{b}' do not compose: '{option}' means something else in each")
