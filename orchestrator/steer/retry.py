"""`normsweep retry`: failed, given-up and cancelled trials are trained again by the next run.

A failed trial's part stays what it is. A roster entry replaces its pack by one of the same trials with an id of its
own, which has no part, no lease and no failure yet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from orchestrator.planning.source import other_sources
from orchestrator.store import Store
from orchestrator.store.roster import RosterPack
from orchestrator.watch.states import Observer
from orchestrator.words import counted
from sweeps.select import Selector


@dataclass(frozen=True, kw_only=True)
class Retry:
    """What a retry would do: `failed` packs, and those of another source, are replaced, `forgiven` ones get a new
    budget or are cancelled no more."""

    observer: Observer
    chosen: set[str]
    failed: list[RosterPack]
    forgiven: list[RosterPack]

    @property
    def count(self) -> int:
        """Trials that would be trained."""
        return sum(len(p.trial_ids) for p in [*self.failed, *self.forgiven])

    def as_json(self) -> dict[str, Any]:
        """`beside`: trials that were not selected, in a pack with a selected one."""
        return {
            "trials": self.count,
            "packs": [p.id for p in [*self.failed, *self.forgiven]],
            "beside": self._beside,
        }

    @property
    def _beside(self) -> int:
        packs = [*self.failed, *self.forgiven]
        return self.count - sum(len(self.chosen.intersection(p.trial_ids)) for p in packs)

    def __str__(self) -> str:
        packs = [*self.failed, *self.forgiven]
        told = [f"to try again: {counted(self.count, 'trial')} in {counted(len(packs), 'pack')}"]
        if self._beside:
            told.append(f"not selected, but in a pack with a selected one: {counted(self._beside, 'trial')}")
        return "\n".join(told)

    def apply(self) -> None:
        roster, decisions = self.observer.roster, self.observer.decisions
        while packs := [p for p in self.failed if p.id not in roster.replaced]:
            if not roster.append([p.trials for p in packs], replaces=[p.id for p in packs]):
                roster.read()
        if self.forgiven:
            decisions.retry({p.id: self._last_generation(p.id) for p in self.forgiven})

    def _last_generation(self, pack: str) -> int:
        return max((f.generation for f in self.observer.store.attempts.failures(pack)), default=0)


def retrial(store: Store, sweep: str, where: Selector | None, *, other_source: bool = False) -> Retry:
    """Writes nothing. `other_source`: also results that were made by another source than the present one; without
    `where` only these.

    MissingError for an unknown sweep, UsageError for a selector that names no trial.
    """
    observer = Observer(store)
    states = observer.sweep(store.sweeps.latest(sweep).name)
    chosen = states.selected(where)
    failed: list[RosterPack] = []
    forgiven: list[RosterPack] = []
    stale = {p for other in other_sources(store, states.packs) for p in other.packs} if other_source else set[str]()
    only = other_source and not where
    ever_failed = store.attempts.failed_packs()
    for pack in states.packs:
        selected = chosen.intersection(pack.trial_ids)
        if pack.id in observer.done:
            if selected and (
                pack.id in stale or (not only and any(states.of[trial] == "failed" for trial in selected))
            ):
                failed.append(pack)
        elif (
            selected
            and not only
            and (pack.id in observer.decisions.cancelled or (pack.id in ever_failed and observer.failures(pack.id)))
        ):
            forgiven.append(pack)
    return Retry(observer=observer, chosen=chosen, failed=failed, forgiven=forgiven)
