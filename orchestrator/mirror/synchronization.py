"""One synchronization, by who holds the lease: which trials lack a run, their runs, the sweeps' own runs."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from threading import Lock
from typing import Any

from orchestrator.mirror.journal import Journal, Mirrored, SyncResult, content, nothing_to_do, report_page, stamp
from orchestrator.mirror.run_data import SINCE_TAG, UNTIL_TAG, member_tag, run_data, varying
from orchestrator.mirror.tracker import Refused, TrialRun
from orchestrator.mirror.trackers import open_tracker
from orchestrator.store import Store
from orchestrator.store.leases import Lease
from orchestrator.store.owner import beat
from orchestrator.store.parts import decode
from orchestrator.store.roster import Roster, RosterPack
from orchestrator.store.sweeps import SweepVersion
from sweeps.errors import DamagedError, UnavailableError, UsageError
from sweeps.identity import short
from sweeps.trial import younger
from sweeps.words.near import unknown

NO_SWEEP = "normsweep"  # experiment of trials that no recorded sweep names
_VARIED = ("activation", "depth", "seed")  # names such a trial's run
_BEAT_SECONDS = 15.0

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class RecordedSweep:
    """The recorded versions of a sweep and their files, oldest first."""

    name: str
    paths: list[Path]
    versions: list[SweepVersion]
    roster: Roster

    @property
    def plan(self) -> str:
        return self.versions[-1].plan

    @cached_property
    def newest(self) -> set[str]:
        """The trials that the sweep wants."""
        return self.trials(-1)

    def trials(self, first: int = 0, last: int | None = None) -> set[str]:
        return {trial for version in self.versions[first:last] for trial in version.trials}

    @cached_property
    def tags(self) -> dict[str, dict[str, str]]:
        """By trial, what its run says of the versions that want it or did."""
        return self.tags_of(len(self.versions))

    def tags_of(self, count: int) -> dict[str, dict[str, str]]:
        """The same, when the first `count` versions were all."""
        found: dict[str, dict[str, str]] = {}
        for version in self.versions[:count]:
            for trial in version.trials:
                tags = found.setdefault(trial, {SINCE_TAG + self.name: str(version.number)})
                tags[UNTIL_TAG + self.name] = str(version.number)
        for trial in self.versions[count - 1].trials if count else ():
            found[trial].pop(UNTIL_TAG + self.name, None)
            found[trial][member_tag(self.name)] = self.plan
        return found

    @cached_property
    def varied(self) -> list[str]:
        """The settings in which its trials differ, of all versions."""
        every = self.trials()
        packs = [pack for pack in self.roster.packs.values() if not every.isdisjoint(pack.trial_ids)]
        ids = ((pack, zip(pack.trial_ids, pack.own, strict=True)) for pack in packs)
        absent = {pack.id: {n: v for n, v in younger().items() if n not in pack.common} for pack in packs}
        own = (absent[pack.id] | own for pack, members in ids for trial, own in members if trial in every)
        return varying(chain((pack.common for pack in packs), own))


def recorded_sweeps(store: Store) -> dict[str, RecordedSweep]:
    """The sweeps by name."""
    return {
        name: RecordedSweep(name, paths, store.sweeps.versions(name), store.roster)
        for name in store.sweeps.names()
        if (paths := store.sweeps.paths(name))
    }


def synchronize(
    store: Store,
    lease: Lease,
    uri: str,
    *,
    sweep: str | None = None,
    verify: bool = False,
    progress: Progress | None = None,
) -> SyncResult:
    """`sync` of the module of that name, which says what it raises, for who holds the lease."""
    now, journal = stamp(store.workspace), Journal(store.workspace, uri)
    nothing = nothing_to_do(journal, now, verify)
    return nothing or Synchronization(store, lease, journal, sweep, progress).run(now, verify)


class Synchronization:
    def __init__(
        self, store: Store, lease: Lease, journal: Journal, sweep: str | None, progress: Progress | None
    ) -> None:
        self._sweeps = recorded_sweeps(store)
        if sweep is not None and sweep not in self._sweeps:
            raise UsageError(unknown("sweep", sweep, self._sweeps))
        self._store = store
        self._lease = lease
        self._journal = journal
        self._only = None if sweep is None else self._sweeps[sweep].trials()
        self._progress = progress
        self._result, self._counting = SyncResult(), Lock()
        self._tracker = open_tracker(store.workspace, journal.uri)
        self._roster = store.roster
        self._roster.read()
        self._homes: defaultdict[str, list[str]] = defaultdict(list)  # trial: sweeps that want it or once did
        for name, recorded in self._sweeps.items():
            for trial in recorded.trials():
                self._homes[trial].append(name)
        self._refused: set[str] = set()  # sweeps whose experiment was deleted
        self._parents: dict[str, str] = {}
        self._beats, self._beaten = 0, -_BEAT_SECONDS

    def run(self, stamp: str, verify: bool) -> SyncResult:
        """`stamp`: of the workspace, taken before its files are read."""
        with self._tracker.quiet():
            self._check_experiments()
            tagged = self._rebuild() if verify or not self._journal.known or self._other_database() else {}
            for sweep in self._sweeps.values():
                self._tag(sweep, tagged)
                self._present(sweep)
            self._write_packs()
            if self._result.busy:
                return self._result
            for name in self._sweeps.keys() - self._refused:
                self._close(self._sweeps[name])
                self._log_artifacts(self._sweeps[name])
        if self._only is None and not self._result.problems:
            self._journal.all_synced(stamp)
        return self._result

    def _check_experiments(self) -> None:
        for name in self._experiments:
            try:
                self._tracker.check(name)
            except Refused as sentence:
                self._refused.add(name)
                self._result.problems.append(str(sentence))

    @property
    def _experiments(self) -> list[str]:
        return [name for name in [*self._sweeps, NO_SWEEP] if name not in self._refused]

    def _other_database(self) -> bool:
        """Another database behind the same address: what the journal says is not there."""
        known = next(iter(self._journal.runs.values()), None)
        return known is not None and not self._tracker.has(known.run)

    def _rebuild(self) -> dict[str, dict[str, str]]:
        """Makes the journal from the tags of the runs. Returns the tags of each trial's run."""
        runs: defaultdict[str, list[TrialRun]] = defaultdict(list)
        for run in self._tracker.runs(self._experiments):
            runs[run.trial].append(run)
        kept = {trial: self._keep_one(those) for trial, those in runs.items()}
        self._journal.restart(
            {trial: Mirrored(run.run, run.pack) for trial, run in kept.items() if run.complete},
            [trial for trial, run in kept.items() if not run.complete],
        )
        return {trial: run.tags for trial, run in kept.items()}

    def _outdated(self, pack: str) -> bool:
        """Whether a retry or a split has replaced the pack, so that its result no longer counts."""
        return pack in self._roster.replaced

    def _keep_one(self, runs: list[TrialRun]) -> TrialRun:
        """The first of a trial's runs whose result counts, or the first of all; the others are removed."""
        kept = next((run for run in runs if not self._outdated(run.pack)), runs[0])
        for run in runs:
            if run is not kept:
                self._remove(run)
        return kept

    def _remove(self, run: TrialRun) -> None:
        self._tracker.delete(run.run)
        self._count("removed")

    def _count(self, what: str) -> None:
        with self._counting:
            setattr(self._result, what, getattr(self._result, what) + 1)

    def _tag(self, sweep: RecordedSweep, tagged: Mapping[str, Mapping[str, str]]) -> None:
        """Brings the runs' tags in line with the newest version of the sweep; `tagged`: what `_rebuild` returns."""
        known = self._journal.files.get(sweep.name, 0)
        if known >= len(sweep.paths):
            return
        keys = (member_tag(sweep.name), SINCE_TAG + sweep.name, UNTIL_TAG + sweep.name)
        before = sweep.tags_of(known) if known else tagged
        for trial, (run, _) in self._journal.runs.items():
            old, new = before.get(trial, {}), sweep.tags.get(trial, {})
            for key in keys:
                # A plan's hash stays what it was when the trial came to the sweep.
                if (key in old) != (key in new) or (key != keys[0] and old.get(key) != new.get(key)):
                    self._tracker.tag(run, key, new.get(key))

    def _present(self, sweep: RecordedSweep) -> None:
        """Has the sweep's page show what is compared and what varies, once for each version."""
        if self._journal.files.get(sweep.name, 0) >= len(sweep.paths) or sweep.name in self._refused:
            return
        metrics = dict.fromkeys((sweep.versions[-1].analysis.metric, "val_error", "train_loss"))
        axes = [*(["dataset", "normalizer"]), *(name for name in sweep.varied if name != "normalizer")]
        axes[2:2] = ["normalizer_options"] * ("normalizer" in sweep.varied)
        self._tracker.present(sweep.name, [*metrics], axes, f"tags.`{member_tag(sweep.name)}` LIKE '%'")
        self._journal.tagged(sweep.name, len(sweep.paths))

    def _todo(self) -> Iterator[tuple[RosterPack, list[str]]]:
        """Packs with a part, and those of their trials without a complete run."""
        done = self._store.ledger.done()
        for pack in self._roster.live:
            if pack.id in done:
                wanted = [t for t in pack.trial_ids if self._only is None or t in self._only]
                missing = self._missing(wanted)
                self._result.unchanged += len(wanted) - len(missing)
                if missing:
                    yield pack, missing

    def _missing(self, trials: list[str]) -> list[str]:
        return [t for t in trials if t not in self._journal.runs or self._outdated(self._journal.runs[t].pack)]

    def _write_packs(self) -> None:
        todo = list(self._todo())
        total, done = sum(len(trials) for _, trials in todo), 0
        with ThreadPoolExecutor(self._tracker.threads) as pool:
            for pack, trials in todo:
                if self._lost():
                    return
                self._write_pack(pack.id, self._missing(trials), pool)
                done += len(trials)
                if self._progress is not None:
                    self._progress(done, total)

    def _lost(self) -> bool:
        if time.monotonic() - self._beaten >= _BEAT_SECONDS:
            self._beats, self._beaten = self._beats + 1, time.monotonic()
            beat(self._store.workspace, self._store.disk, self._lease.owner, self._beats)
        if self._store.leases.superseded(self._lease):
            self._result.busy = "another process has taken the mirror over"
        return self._result.busy is not None

    def _write_pack(self, pack: str, trials: list[str], pool: ThreadPoolExecutor) -> None:
        part = self._store.workspace.part(pack)
        try:
            table, written = decode(part), part.stat().st_mtime
        except FileNotFoundError:  # set aside in this moment
            return
        except DamagedError as torn:
            self._result.problems.append(str(torn))
            return
        rows = {row["trial_id"]: row for row in table.to_pylist() if row["trial_id"] in trials}
        begun, runs = self._journal.begun, self._journal.runs
        there = {t: self._tracker.runs(self._experiments, t) for t in trials if t in begun or t in runs}
        self._journal.begin(list(rows))
        for trial in rows:
            if (home := self._home(trial)) in self._sweeps:
                self._parent(self._sweeps[home])
        seen = self._readings(pack)
        given = ([there.get(t, []) for t in rows], [written] * len(rows), [seen.get(t, []) for t in rows])
        done = pool.map(self._write, rows.values(), *given)
        self._journal.complete(pack, {trial: run for trial, run in zip(rows, done, strict=True) if run is not None})

    def _readings(self, pack: str) -> dict[str, list[dict[str, Any]]]:
        """What the probes of a pack saw of each trial."""
        table, problems = self._store.ledger.readings([pack])
        self._result.problems += problems
        found: dict[str, list[dict[str, Any]]] = {}
        for row in table.to_pylist():
            found.setdefault(row["trial_id"], []).append(row)
        return found

    def _write(
        self, row: Mapping[str, Any], there: list[TrialRun], written: float, readings: list[dict[str, Any]]
    ) -> str | None:
        """Ends with one complete run of the trial, which has the runs `there`; its id, None when MLflow refuses it."""
        sweeps = [self._sweeps[name] for name in self._homes[row["trial_id"]]]
        tags = {key: value for sweep in sweeps for key, value in sweep.tags[row["trial_id"]].items()}
        home = self._home(row["trial_id"])
        varied = self._sweeps[home].varied if home in self._sweeps else _VARIED
        data = run_data(row, tags, written, varied, readings)
        try:
            kept = self._keep_one(there) if there else None
            if kept and self._outdated(kept.pack):
                self._remove(kept)
                kept = None
            if kept and kept.complete:
                self._count("unchanged")
                return kept.run
            if home is None:
                return None
            run = self._tracker.write(data, home, self._parents.get(home), kept.run if kept else None)
        except Refused as sentence:
            self._result.problems.append(f"trial {short(data.trial)} is not in MLflow, which says: {sentence}")
            return None
        self._count("completed" if kept else "created")
        return run

    def _home(self, trial: str) -> str | None:
        """The experiment that a new run of the trial goes to: of its first sweep by name; None when it was deleted."""
        return next((name for name in self._homes[trial] or [NO_SWEEP] if name not in self._refused), None)

    def _parent(self, sweep: RecordedSweep) -> str:
        if sweep.name not in self._parents:
            self._parents[sweep.name] = self._tracker.parent(sweep.name, sweep.plan)
        return self._parents[sweep.name]

    def _close(self, sweep: RecordedSweep) -> None:
        """Says in the sweep's own run how far it is, when that changed."""
        wanted = sweep.newest
        done = len(wanted & self._journal.runs.keys())
        if self._journal.closed.get(sweep.name) != (progress := f"{done}/{len(wanted)}"):
            self._tracker.progress(self._parent(sweep), done, len(wanted))
            self._journal.close(sweep.name, progress)

    def _log_artifacts(self, sweep: RecordedSweep) -> None:
        """The newest version of the sweep and its report, when they changed."""
        for path in (sweep.paths[-1], report_page(self._store.workspace, sweep.name)):
            name = f"{sweep.name}/{path.name}"
            if path.exists() and self._journal.artifacts.get(name) != (sha256 := content(path)):
                try:
                    self._tracker.attach(self._parent(sweep), path)
                    self._journal.logged(name, sha256)
                except (Refused, UnavailableError) as sentence:  # the runs matter more, and are there
                    self._result.problems.append(f"{name} is not in MLflow, which says: {sentence}")
