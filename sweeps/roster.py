"""Which recorded packs serve a sweep, and which of its trials no pack holds yet. Pure functions of ids."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple


class Service(NamedTuple):
    packs: list[str]  # recorded packs that hold a wanted trial, in the order in which they were recorded
    unheld: list[str]  # wanted trials that no recorded pack holds, in the order in which they are wanted


def service(recorded: Mapping[str, Sequence[str]], replaced: Iterable[str], wanted: Iterable[str]) -> Service:
    """`recorded`: trial ids by pack id, oldest first; `replaced`: parents of a split, which no longer serve.

    A trial that two packs hold (two sweeps planned at once) is served by the older one alone.
    """
    gone, todo = set(replaced), dict.fromkeys(wanted)
    holder: dict[str, str] = {}
    for pack, trials in recorded.items():
        if pack not in gone:
            for trial in trials:
                holder.setdefault(trial, pack)
    serving = {holder[trial] for trial in todo if trial in holder}
    return Service([pack for pack in recorded if pack in serving], [trial for trial in todo if trial not in holder])
