"""Which results of a sweep were made by another source than the present one, and what to do about them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from orchestrator.planning.digest import defining, source_digest
from orchestrator.store import Store
from orchestrator.store.roster import RosterPack
from orchestrator.words import counted
from sweeps.trial import completed


@dataclass(frozen=True, kw_only=True)
class OtherSource:
    """Finished packs of one method, model and optimizer, made by sources that nobody said to be like `now`."""

    normalizer: str
    model: str
    optimizer: str
    now: str
    packs: dict[str, RosterPack]
    sources: set[str]

    def sentence(self, sweep: str) -> str:
        trials = sum(len(p.trial_ids) for p in self.packs.values())
        modules = ", ".join(dict.fromkeys(defining(self.normalizer, self.model, self.optimizer)))
        by = f" by {self.optimizer}" if self.optimizer != "sgd" else ""
        return (
            f"{counted(trials, 'result')} of {self.normalizer} on {self.model}{by} "
            f"{'was' if trials == 1 else 'were'} made by another source ({modules}, or what they import, was edited "
            f"since): if that changes results, raise the method's `revision`, and a run trains new trials; to train "
            f"these again, `normsweep retry {sweep} --other-source`; if it changes nothing, "
            f"`normsweep run {sweep} --same-results`"
        )


def other_sources(store: Store, packs: Sequence[RosterPack]) -> list[OtherSource]:
    """Of recorded packs. Results of before sources were recorded count as made by the present one."""
    done = store.ledger.done()
    finished = {p.id: p for p in packs if p.id in done}
    rows, _ = store.ledger.read(finished, ["pack_id", "source"])
    found: dict[tuple[str, str, str], OtherSource] = {}
    for pack, source in dict(zip(rows["pack_id"].to_pylist(), rows["source"].to_pylist(), strict=True)).items():
        data = completed(finished[pack].common | finished[pack].own[0])
        key = data["normalizer"]["name"], data["model"]["name"], data["optimizer"]["name"]
        now = source_digest(*key)
        if source is not None and not store.decisions.alike(source, now):
            new = OtherSource(normalizer=key[0], model=key[1], optimizer=key[2], now=now, packs={}, sources=set())
            other = found.setdefault(key, new)
            other.packs[pack] = finished[pack]
            other.sources.add(source)
    return list(found.values())


def tell_other_sources(
    store: Store, packs: Sequence[RosterPack], sweep: str, tell: Callable[[str], None], *, same_results: bool
) -> None:
    """Tells of the sweep's results that other sources made; with `same_results` records that these are those of the
    present one."""
    others = other_sources(store, packs)
    if others and same_results:
        store.decisions.accept({source: other.now for other in others for source in other.sources})
        return
    for other in others:
        tell(other.sentence(sweep))
