"""Where every trial of a sweep stands, from roster, ledger, leases and decisions. Reads only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa

from orchestrator.store import Store
from orchestrator.store.attempts import Failure, verdict
from orchestrator.store.leases import Lease
from orchestrator.store.owner import Liveness
from orchestrator.store.roster import RosterPack
from orchestrator.store.sweeps import SweepVersion
from sweeps.errors import UsageError
from sweeps.roster import service
from sweeps.select import Selector
from sweeps.trial import Trial

_COLUMNS = ["trial_id", "pack_id", "state", "seconds", "threads", "finished"]


@dataclass(frozen=True, kw_only=True)
class SweepStates:
    """`of`: the state of each wanted trial, by id; `packs`: who serves them; `rows`: of the finished ones."""

    version: SweepVersion
    packs: list[RosterPack]
    of: dict[str, str]
    running: dict[str, Lease]
    rows: pa.Table
    problems: list[str]

    @property
    def name(self) -> str:
        return self.version.name

    def selected(self, where: Selector | None, *, least: int = 1) -> set[str]:
        """The wanted trials that the selector names, by settings, `state`, `trial_id` or `pack_id`.

        UsageError when it names fewer than `least`.
        """
        if not where:
            return set(self.of)
        own, others = where.split()
        found: set[str] = set()
        for pack in self.packs:
            # What all trials of the pack share is asked of one: making a trial costs more than all else here.
            first = Trial.from_json(pack.common | pack.own[0])
            shared = Selector(tuple(c for c in own.clauses if c.field in pack.common))
            single = Selector(tuple(c for c in own.clauses if c.field not in pack.common))
            if not shared.matches(first):
                continue
            for number, trial_id in enumerate(pack.trial_ids):
                state = self.of.get(trial_id)
                if state is None or (single and not single.matches(pack.trials[number])):
                    continue
                result = {"state": state, "trial_id": trial_id, "pack_id": pack.id}
                if not others or others.matches({**vars(first), **result}):
                    found.add(trial_id)
        if len(found) < least:
            raise UsageError(f"the selector '{where}' names none of the {len(self.of)} trials of sweep {self.name}")
        return found


class Observer:
    """What a workspace holds, as it was at the last `look`; may look again and again."""

    def __init__(self, store: Store, runs: Callable[[str], bool | None] = lambda _: None) -> None:
        """`runs` says of a SLURM job's incarnation whether it runs; None when it cannot say."""
        self.store, self.workspace = store, store.workspace
        self.roster, self.decisions = store.roster, store.decisions
        self._liveness = Liveness(store.workspace, runs=runs)
        self.look()

    def look(self) -> None:
        self.roster.read()
        self.decisions.read()
        # Leases before parts: a pack that ends between the two looks is done, not lost.
        leases = self.store.leases.held()
        self.done = self.store.ledger.done()
        self.running = {
            pack: lease
            for pack, lease in leases.items()
            if pack not in self.done and not self._liveness.dead(lease.owner)
        }
        self.__dict__.pop("versions", None)

    @cached_property
    def versions(self) -> dict[str, SweepVersion]:
        """What every recorded sweep wants now: its newest version, by name."""
        found = {name: self.store.sweeps.newest(name) for name in self.store.sweeps.names()}
        return {name: version for name, version in found.items() if version is not None}

    def names(self, sweep: str | None) -> list[str]:
        """All recorded sweeps, or the one asked for, which may be `SWEEP@2`. MissingError when there is none."""
        if sweep is not None:
            self.store.sweeps.needed(sweep)
        return list(self.versions) if sweep is None else [sweep]

    def sweep(self, name: str) -> SweepStates:
        version = self.store.sweeps.needed(name)
        recorded_packs = {pack.id: pack.trial_ids for pack in self.roster.packs.values()}
        packs = [self.roster.packs[p] for p in service(recorded_packs, self.roster.replaced, version.trials).packs]
        rows, problems = self.store.ledger.read([p.id for p in packs if p.id in self.done], _COLUMNS)
        results = dict(zip(rows["trial_id"].to_pylist(), rows["state"].to_pylist(), strict=True))
        of = dict.fromkeys(version.trials, "todo")
        for pack in packs:
            otherwise = self.otherwise(pack.id)
            for trial in pack.trial_ids:
                if trial in of:
                    of[trial] = results.get(trial, otherwise)
        return SweepStates(
            version=version,
            packs=packs,
            of=of,
            running={p.id: self.running[p.id] for p in packs if p.id in self.running},
            rows=rows,
            problems=problems,
        )

    def otherwise(self, pack: str) -> str:
        """The state of the trials of a pack without a part."""
        if pack in self.running:
            return "running"
        return "cancelled" if pack in self.decisions.cancelled else "todo"

    @property
    def saved(self) -> set[str]:
        """The packs that have saved progress; file names only."""
        folder = self.workspace.progress("").parent
        return {path.stem for path in folder.glob("[0-9a-f]*.parquet")} if folder.is_dir() else set()

    def failures(self, pack: str) -> list[Failure]:
        """The pack's failures that count, oldest first."""
        return self.store.attempts.failures(pack, self.decisions.forgiven.get(pack, 0))

    def given_up(self, states: SweepStates) -> dict[str, Failure]:
        """The last failures of unfinished packs whose budget is spent."""
        found: dict[str, Failure] = {}
        for pack in (
            self.store.attempts.failed_packs().intersection(p.id for p in states.packs)
            - self.done
            - self.running.keys()
        ):
            history = self.failures(pack)
            if history and verdict(history, len(self.roster.packs[pack].trial_ids)) == "give up":
                found[pack] = history[-1]
        return found
