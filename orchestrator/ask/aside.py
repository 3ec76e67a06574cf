"""What stands below a table of results: which trials have none, and how those that diverged were counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import pandas as pd

from analysis.statistics.scores import COUNTED_AS
from orchestrator.store import Store
from orchestrator.store.sweeps import AT, name_of
from orchestrator.watch.states import Observer
from orchestrator.words import counted
from sweeps.file.sections import asked
from sweeps.records import FINAL
from sweeps.select import Selector


def aside(
    store: Store, sweeps: Iterable[str], frame: pd.DataFrame, diverged: str, where: Selector | None = None
) -> list[str]:
    """A line each for diverged, failed and missing trials, with the way on. `frame`: the trials that are compared.

    A sweep that this workspace has not recorded is left out.
    """
    observer = Observer(store)
    names = [name for name in sweeps if name_of(name) in observer.versions]
    lines = ended(frame, diverged, names)
    for name in names:
        found, latest = observer.sweep(name), {*observer.versions[name_of(name)].trials}
        wanted = found.selected(where, least=0)
        left: dict[str, Counter[str]] = {}  # by what can be done about it
        for trial, state in found.of.items():
            if trial in wanted and state not in FINAL:
                way = _way(name, state) if trial in latest else _way_of_dropped(name, state)
                left.setdefault(way, Counter())[state] += 1
        for way, states in left.items():
            told = ", ".join(f"{n} {state}" for state, n in states.items())
            have = "has" if states.total() == 1 else "have"
            lines.append(f"{counted(states.total(), 'trial')} of {name} {have} no result ({told}){way}")
    return lines


def _way(name: str, state: str) -> str:
    sweep = name_of(name)
    return f": `normsweep retry {sweep} -w state=cancelled`" if state == "cancelled" else f": `normsweep run {sweep}`"


def _way_of_dropped(name: str, state: str) -> str:
    """Of trials that the latest version does not want: only their own version is trained."""
    if state == "cancelled" or not name.partition(AT)[2].isdecimal():
        return ", which the latest version does not want"
    return f": `normsweep run {name}`"


def ended(frame: pd.DataFrame, diverged: str, sweeps: Sequence[str] = ()) -> list[str]:
    """A line each for the diverged and the failed trials of any table that has their state. UsageError for a word that
    `diverged` does not know."""
    asked(diverged=diverged)
    states = Counter(map(str, frame["state"])) if "state" in frame else Counter[str]()
    lines: list[str] = []
    if states["diverged"]:
        lines.append(f"{counted(states['diverged'], 'trial')} diverged: {COUNTED_AS[diverged]}")
    if states["failed"]:
        ways = " or ".join(f"`normsweep errors {name}`" for name in sweeps)
        lines.append(f"{counted(states['failed'], 'trial')} failed, so missing" + f": {ways} says why" * bool(ways))
    return lines
