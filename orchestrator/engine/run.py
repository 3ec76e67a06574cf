"""`normsweep run`: plan, train what is lacking, mirror to MLflow. Run it again and it goes on where it was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from orchestrator.engine import child
from orchestrator.engine.driver import Outcome, missing_packs
from orchestrator.engine.stalls.silence import SILENT_SECONDS
from orchestrator.engine.view import Watcher
from orchestrator.mirror.child import Mirroring
from orchestrator.planning import room
from orchestrator.planning.plan import commit_and_tell
from orchestrator.planning.preview import beside
from orchestrator.planning.source import tell_other_sources
from orchestrator.store import Store
from sweeps.file.spec import SweepSpec
from sweeps.select import Selector

MLFLOW_SECONDS = 3.0  # that MLflow gets for the last results of a run that was stopped


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """Trials of the sweep by state after a run, and how the run ended. `diverged` are among those `done`."""

    total: int
    done: int
    failed: int
    stopped: bool
    given_up: int
    diverged: int = 0
    cancelled: int = 0
    signal: int = 0  # that stopped it

    @property
    def exit_code(self) -> int:
        """0 done, 3 incomplete, 4 failures, 130 stopped by INT, 143 by TERM."""
        if self.signal:
            return 128 + self.signal
        if self.done + self.failed < self.total:
            return 3
        return 4 if self.failed else 0


def run(
    store: Store,
    spec: SweepSpec,
    watcher: Watcher,
    *,
    cpus: int,
    gpus: int = 0,
    where: Selector | None = None,
    tracking_uri: str | None = None,
    confirm: Callable[[str], None] = lambda _: None,
    same_results: bool = False,
    driver: str = child.MODULE,
    silent_seconds: float = SILENT_SECONDS,
) -> Summary:
    """Trains every trial of the sweep that the ledger lacks, on this machine, and shows the results in MLflow.

    `where`: trains only these. `confirm`: as of `planning.plan.commit`. `tracking_uri` `none`: shows the results
    nowhere. `same_results`: records that results of other sources are those of the present one. `driver`: the module
    that is run as the driver, and calls `child.main`. Ray is started anew when it does not answer for `silent_seconds`.
    UsageError for bad input, before anything is written.
    """
    outcome, interrupts = Outcome(), child.Interrupts()

    def patience() -> float:
        """Of who waits for MLflow: without end, unless an interrupt was heard."""
        if not interrupts.number:
            return float("inf")
        return MLFLOW_SECONDS if outcome.began else 0.0

    room.on_machine(spec, cpus, gpus)
    mirroring = Mirroring(
        store.workspace,
        tracking_uri,
        say=watcher.tell,
        waiting=lambda: watcher.waiting("mirroring the results to MLflow"),
    )
    planned = commit_and_tell(store, spec, where, confirm, watcher.tell, same_results=same_results)
    for sentence in store.ledger.set_torn_aside(p.id for p in planned.serving):
        watcher.tell(sentence)
    tell_other_sources(store, planned.serving, spec.name, watcher.tell, same_results=same_results)
    wanted = set(planned.trials)
    packs = missing_packs(store, wanted)
    done = store.ledger.done()
    store.leases.forget_finished(done)
    todo = sum(len(planned.chosen(p)) for p in packs)
    before = sum(len(planned.chosen(p)) for p in planned.serving if p.id in done)
    if packs:
        watcher.tell(
            f"{spec.name}: {todo} of {todo + before} trials to train, in {len(packs)} packs, on {cpus} cores"
            + (f" and {gpus} GPUs" if gpus else "")
        )
        if told := beside(store, planned):
            watcher.tell(told)
        work = child.Work(
            root=str(store.workspace.root),
            wanted=wanted,
            run=spec.run,
            cpus=max(cpus, spec.run.cpus),
            gpus=gpus,
            silent_seconds=silent_seconds,
        )
        total, begun = sum(len(p.trial_ids) for p in packs) + before, {p.id for p in planned.begun}
        with (
            interrupts.noted(),
            mirroring.going(patience),
            watcher.training(spec.name, total, before, packs, begun) as view,
        ):
            outcome = child.keep_driving(store, work, view, interrupts, driver)
    else:
        watcher.tell(f"{spec.name}: nothing is left to train, {before} trials are done")
        mirroring.catch_up()
    store.ledger.renew_cache(p.id for p in store.roster.live)
    return _summary(store, wanted, outcome, interrupts.number)


def _summary(store: Store, wanted: set[str], outcome: Outcome, signal: int) -> Summary:
    serving = [p for p in store.roster.live if not wanted.isdisjoint(p.trial_ids)]
    rows, _ = store.ledger.read([p.id for p in serving], ["trial_id", "state"])
    states = {t: s for t, s in zip(rows["trial_id"].to_pylist(), rows["state"].to_pylist(), strict=True) if t in wanted}
    failed = sum(1 for state in states.values() if state == "failed")
    store.decisions.read()
    called_off = store.decisions.cancelled
    cancelled = sum(len(wanted.intersection(p.trial_ids) - states.keys()) for p in serving if p.id in called_off)
    return Summary(
        total=len(wanted),
        done=len(states) - failed,
        failed=failed,
        stopped=outcome.stopped,
        given_up=outcome.given_up,
        diverged=sum(1 for state in states.values() if state == "diverged"),
        cancelled=cancelled,
        signal=signal,
    )
