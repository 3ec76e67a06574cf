"""`normsweep cancel`: selected trials that have no result are not trained, until `retry` brings them back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.store import Store
from orchestrator.store.roster import RosterPack
from orchestrator.watch.states import Observer, SweepStates
from orchestrator.words import counted
from sweeps.select import Selector
from sweeps.trial import Trial

OPEN = ("todo", "running")


@dataclass(frozen=True, kw_only=True)
class Cancellation:
    """What a cancellation would do: `whole` packs stop, those in `parted` are split first, `left` ones go on."""

    observer: Observer
    chosen: set[str]
    whole: list[RosterPack]
    parted: list[RosterPack]
    left: list[RosterPack]
    others: list[str]  # sweeps that want some of the trials as well

    @property
    def count(self) -> int:
        """Trials that would not be trained."""
        return sum(len(self.chosen.intersection(p.trial_ids)) for p in [*self.whole, *self.parted])

    def as_json(self) -> dict[str, Any]:
        """`kept`: selected trials that go on, as their packs are begun; `shared_with`: sweeps that want some, too."""
        return {
            "trials": self.count,
            "packs": [p.id for p in self.whole],
            "split_packs": [p.id for p in self.parted],
            "kept": self._kept,
            "shared_with": self.others,
        }

    @property
    def _kept(self) -> int:
        return sum(len(self.chosen.intersection(p.trial_ids)) for p in self.left)

    def __str__(self) -> str:
        told = [f"to cancel: {counted(self.count, 'trial')} in {counted(len(self.whole) + len(self.parted), 'pack')}"]
        running = sum(p.id in self.observer.running for p in self.whole)
        if running:
            told.append(f"running now, to be saved and stopped: {counted(running, 'pack')}")
        if self.parted:
            told.append(f"to be split, since not all their trials were selected: {counted(len(self.parted), 'pack')}")
        if self.left:
            told.append(
                f"left as they are, since their packs are begun and not all their trials were selected: "
                f"{counted(self._kept, 'trial')}"
            )
        if self.others:
            told.append(f"sweep {', '.join(self.others)} wants some of these trials as well")
        return "\n".join(told)

    def apply(self) -> None:
        """Splits what is to be split, then writes the decision."""
        roster = self.observer.roster
        while parents := [p for p in self.parted if p.id not in roster.replaced]:
            halves = [half for pack in parents for half in self._halves(pack)]
            if not roster.append(halves, replaces=[p.id for p in parents]):
                roster.read()
        selected = [p for p in roster.live if self.chosen.issuperset(p.trial_ids)]
        # The parents as well: a driver that read the roster before the split still has them in its queue.
        stopped = {p.id for p in [*self.whole, *self.parted, *selected]}
        if stopped:
            self.observer.decisions.cancel(stopped)

    def _halves(self, pack: RosterPack) -> list[Sequence[Trial]]:
        chosen = [t for t in pack.trials if t.id in self.chosen]
        return [chosen, [t for t in pack.trials if t.id not in self.chosen]]


def cancellation(store: Store, sweep: str, where: Selector) -> Cancellation:
    """Writes nothing. UsageError for an unknown sweep or a selector that names no trial."""
    observer = Observer(store)
    states = observer.sweep(store.sweeps.latest(sweep).name)
    chosen = {trial for trial in states.selected(where) if states.of[trial] in OPEN}
    packs = [p for p in _open_packs(observer, states) if not chosen.isdisjoint(p.trial_ids)]
    elsewhere = {t: name for name, v in observer.versions.items() if name != states.name for t in v.trials}
    whole: list[RosterPack] = []
    parted: list[RosterPack] = []
    left: list[RosterPack] = []
    for pack in packs:
        kept = [t for t in pack.trial_ids if t not in chosen and (t in states.of or t in elsewhere)]
        begun = pack.id in observer.running or store.workspace.checkpoint(pack.id).exists()
        (whole if not kept else left if begun else parted).append(pack)
    affected = {t for p in [*whole, *parted] for t in p.trial_ids if t in chosen}
    return Cancellation(
        observer=observer,
        chosen=chosen,
        whole=whole,
        parted=parted,
        left=left,
        others=sorted({elsewhere[t] for t in affected if t in elsewhere}),
    )


def _open_packs(observer: Observer, states: SweepStates) -> list[RosterPack]:
    return [p for p in states.packs if p.id not in observer.done and p.id not in observer.decisions.cancelled]
