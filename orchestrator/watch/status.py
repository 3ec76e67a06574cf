"""`normsweep status`: what is done, running and left, as it looks from here. Reads only."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from orchestrator.cluster.jobs import Job, Jobs
from orchestrator.planning.cost import CostModel
from orchestrator.store import Store
from orchestrator.store.leases import Still
from orchestrator.store.parts import PROGRESS_REMEDY, decode
from orchestrator.store.roster import RosterPack
from orchestrator.store.sweeps import AT
from orchestrator.watch.spending import Spend, spend
from orchestrator.watch.states import Observer, SweepStates
from sweeps.errors import DamagedError
from sweeps.identity import short
from sweeps.records import FINAL, STATES
from sweeps.select import Selector

HOUR = 3600.0


@dataclass(frozen=True, kw_only=True, slots=True)
class RunningPack:
    """A leased pack. `started`: it has left the queue; `epoch`: saved ones; `age`: seconds since the last; `still`:
    where and since when it does not move, None while it does."""

    pack: str
    dataset: str
    normalizer: str
    trials: int
    started: bool
    epoch: int
    epochs: int
    age: float | None
    host: str
    pid: int
    still: Still | None = None


@dataclass(frozen=True, kw_only=True)
class SweepStatus:
    """`cells`: by data set and normalizer, how many trials are in which state; `seconds_to_go` None: not known."""

    name: str
    cells: dict[tuple[str, str], Counter[str]]
    running: list[RunningPack]
    jobs: list[Job]
    spend: Spend
    last_hour: int  # trials that got their result in the hour before `at`
    at: float  # seconds since 1970 when the workspace was looked at
    newest: float | None  # when the newest result came
    problems: list[str]
    version: int = 1
    latest: int = 1  # the number of what the sweep wants now
    waiting: int = 0  # of the running trials, those whose packs wait for a free core
    diverged: str = ""  # how the sweep's analysis counts diverged trials

    @property
    def counts(self) -> Counter[str]:
        return sum(self.cells.values(), Counter[str]())

    @property
    def exit_code(self) -> int:
        """0 done, 3 incomplete, 4 failures."""
        counts = self.counts
        if any(counts[state] for state in counts if state not in FINAL):
            return 3
        return 4 if counts["failed"] else 0

    @property
    def seconds_to_go(self) -> float | None:
        """With as many packs at a time as are in training now; not known while one does not move."""
        if any(pack.still is not None for pack in self.running):
            return None
        left = self.spend.seconds_left
        return left / self.started if self.started and left is not None else None

    @property
    def started(self) -> int:
        return sum(pack.started for pack in self.running)

    def as_json(self) -> dict[str, Any]:
        return {
            "sweep": self.name,
            "version": self.version,
            "latest_version": self.latest,
            "states": dict(self.counts),
            "cells": [{"dataset": d, "normalizer": n, **states} for (d, n), states in self.cells.items()],
            "waiting": self.waiting,
            "running": [asdict(pack) for pack in self.running],
            "jobs": [asdict(job) for job in self.jobs],
            "core_hours": self.spend.core_hours,
            "core_hours_left_p50": self.spend.core_hours_left,
            "seconds_to_go": self.seconds_to_go,
            "trials_in_the_last_hour": self.last_hour,
            "at": self.at,
            "newest_result": self.newest,
            "problems": self.problems,
        }


class StatusBoard:
    """Looks at a workspace, again and again."""

    def __init__(
        self, store: Store, sweep: str | None = None, where: Selector | None = None, *, all_versions: bool = False
    ) -> None:
        """`all_versions`: of each sweep, oldest first; else the one that the sweep wants now, or `SWEEP@2`."""
        self._jobs = Jobs(store)
        self._observer = Observer(store, runs=self._jobs.runs)
        self._names = self._observer.names(sweep)
        if all_versions:
            self._names = [f"{n}{AT}{v.number}" for n in self._names for v in store.sweeps.versions(n)]
        self._where, self._store = where, store
        self._costs, self._timed = CostModel(store), self._observer.done

    def look(self) -> list[SweepStatus]:
        self._jobs.look()
        self._observer.look()
        if self._observer.done != self._timed:
            self._costs, self._timed = CostModel(self._store), self._observer.done
        return [self._status(self._observer.sweep(name)) for name in self._names]

    def _status(self, states: SweepStates) -> SweepStatus:
        wanted = states.selected(self._where)
        cells: dict[tuple[str, str], Counter[str]] = {}
        cell_of = {trial: cell for p in states.packs for cell in [_cell_of(p)] for trial in p.trial_ids}
        for trial, state in states.of.items():  # in the order of the sweep's axes
            if trial in wanted:
                cells.setdefault(cell_of[trial], Counter())[state] += 1
        now = time.time()
        finished = [t for t in states.rows["finished"].to_pylist() if t is not None]
        saved = self._observer.saved - self._observer.done
        self._problems = list[str]()
        progress = {p.id: self._progress(p) for p in states.packs if p.id in saved}
        begun = {
            pack: (epoch / self._costs.of_pack(self._observer.roster.packs[pack]).epochs, seconds)
            for pack, (epoch, seconds, _) in progress.items()
            if epoch
        }
        leased = [p for p in states.packs if p.id in states.running]
        running = [self._running(p, states, *progress.get(p.id, (0, 0.0, None))) for p in leased]
        waiting = [p for p, pack in zip(leased, running, strict=True) if not pack.started]
        return SweepStatus(
            name=states.name,
            cells=cells,
            running=running,
            waiting=sum(t in wanted and states.of[t] == "running" for p in waiting for t in p.trial_ids),
            jobs=self._jobs.of(states.name, states.running.values()),
            spend=spend(states, self._costs, begun),
            last_hour=sum(t > now - HOUR for t in finished),
            at=now,
            newest=max(finished, default=None),
            problems=[*states.problems, *self._problems, *self._given_up(states), *self._jobs.problems],
            version=states.version.number,
            latest=self._observer.versions[states.name].number,
            diverged=states.version.analysis.diverged,
        )

    def _progress(self, pack: RosterPack) -> tuple[int, float, float | None]:
        """Epochs saved, the core-seconds they took, and when: of a pack without a part."""
        path = self._observer.workspace.progress(pack.id)
        try:
            saved = path.stat().st_mtime
            rows = decode(path, ["curve_val_error", "seconds", "threads"], PROGRESS_REMEDY).to_pylist()
        except FileNotFoundError:
            return 0, 0.0, None
        except DamagedError as error:
            self._problems.append(str(error))
            return 0, 0.0, None
        epochs = max(len(row["curve_val_error"] or ()) for row in rows)
        return epochs, sum(row["seconds"] * (row["threads"] or 1) for row in rows), saved

    def _running(
        self, pack: RosterPack, states: SweepStates, epoch: int, seconds: float, saved: float | None
    ) -> RunningPack:
        dataset, normalizer = _cell_of(pack)
        lease = states.running[pack.id]
        start = self._observer.store.leases.started(lease)
        return RunningPack(
            pack=pack.id,
            dataset=dataset,
            normalizer=normalizer,
            trials=len(pack.trial_ids),
            started=start is not None,
            epoch=epoch,
            epochs=self._costs.of_pack(pack).epochs,
            age=None if saved is None else max(time.time() - saved, 0.0),
            host=start.node if start else lease.owner.host,
            pid=start.pid if start else lease.owner.pid,
            still=self._observer.store.leases.still(lease),
        )

    def _given_up(self, states: SweepStates) -> list[str]:
        return [
            f"pack {short(pack)} is given up: {last.message} (`normsweep why`, then `normsweep retry {states.name} "
            f"-w pack_id={short(pack)}*`)"
            for pack, last in self._observer.given_up(states).items()
        ]


def status_of(store: Store, sweep: str | None = None, where: Selector | None = None) -> list[SweepStatus]:
    """The recorded sweeps, or one. UsageError when there is none of that name."""
    return StatusBoard(store, sweep, where).look()


def _cell_of(pack: RosterPack) -> tuple[str, str]:
    """All trials of a pack share data set and normalizer, whose options may differ."""
    data = pack.common | pack.own[0]
    return data["dataset"], data["normalizer"]["name"]


def ordered(counts: Counter[str]) -> dict[str, int]:
    return {state: counts[state] for state in STATES if counts[state]}
