"""How long a pack will take: operations times what one took so far."""

from __future__ import annotations

from orchestrator.planning.cost import ASSUMED_FLOPS_PER_SECOND
from orchestrator.planning.plan import facts_once
from orchestrator.store import Store
from orchestrator.store.roster import RosterPack
from sweeps.cost import flops

SAMPLE = 100  # parts that are looked at
CAUTION = 2.0  # trials differ, and so do machines


class Estimate:
    """From the workspace's own finished trials where there are any. What nothing is known of takes no time."""

    def __init__(self, store: Store) -> None:
        self._facts = facts_once()
        self._rate = self._measured(store)
        self._seconds: dict[str, float] = {}

    def seconds(self, pack: RosterPack) -> float:
        """Seconds that the pack takes from its start, cautiously."""
        if pack.id not in self._seconds:
            counts = [flops(trial, self._facts(trial.dataset)) or 0.0 for trial in pack.trials]
            self._seconds[pack.id] = CAUTION * sum(counts) * self._rate
        return self._seconds[pack.id]

    def _measured(self, store: Store) -> float:
        """Seconds per operation: the median of the newest trials."""
        ledger, roster = store.ledger, store.roster
        done = ledger.done()
        packs = [pack for pack in roster.packs.values() if pack.id in done][-SAMPLE:]
        rows, _ = ledger.read([pack.id for pack in packs], ["trial_id", "seconds"])
        seconds = dict(zip(rows["trial_id"].to_pylist(), rows["seconds"].to_pylist(), strict=True))
        rates: list[float] = []
        for pack in packs:
            for trial in pack.trials:
                count = flops(trial, self._facts(trial.dataset))
                if count and seconds.get(trial.id):
                    rates.append(seconds[trial.id] / count)
        return sorted(rates)[len(rates) // 2] if rates else 1 / ASSUMED_FLOPS_PER_SECOND
