"""`normsweep run`: plan, train what is lacking, mirror to MLflow. Run it again and it goes on where it was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from orchestrator.engine.view import Watcher
from orchestrator.mirror.child import Mirroring
from orchestrator.planning import room
from orchestrator.planning.plan import commit
from orchestrator.planning.preview import beside
from orchestrator.planning.source import accept, other_sources
from orchestrator.store import Store
from sweeps.file.spec import SweepSpec
from sweeps.select import Selector


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """Trials of the sweep by state after a run, and how the run ended."""

    total: int
    done: int
    failed: int
    stopped: bool
    given_up: int
    cancelled: int = 0

    @property
    def exit_code(self) -> int:
        """0 done, 3 incomplete, 4 failures."""
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
) -> Summary:
    """Trains every trial of the sweep that the ledger lacks, on this machine, and shows the results in MLflow.

    `where`: trains only these. `confirm`: as of `planning.plan.commit`. `tracking_uri` `none`: shows the results
    nowhere. `same_results`: records that results of other sources are those of the present one. UsageError for bad
    input, before anything is written.
    """
    from orchestrator.engine.driver import Outcome, drive, missing_packs
    from orchestrator.engine.local import LocalBackend

    room.on_machine(spec, cpus, gpus)
    mirroring = Mirroring(
        store.workspace,
        tracking_uri,
        say=watcher.tell,
        waiting=lambda: watcher.waiting("mirroring the results to MLflow"),
    )
    planned, changed = commit(store, spec, where, confirm)
    if changed:
        watcher.tell("\n  ".join([f"sweep {spec.name} changed:", *changed]))
    for sentence in store.ledger.set_torn_aside(p.id for p in planned.serving):
        watcher.tell(sentence)
    if others := other_sources(store, planned.serving):
        if same_results:
            accept(store, others)
        for other in [] if same_results else others:
            watcher.tell(other.sentence(spec.name))
    wanted = set(planned.trials)
    packs = missing_packs(store, wanted)
    done = store.ledger.done()
    store.leases.forget_finished(done)
    todo = sum(len(planned.chosen(p)) for p in packs)
    before = sum(len(planned.chosen(p)) for p in planned.serving if p.id in done)
    outcome = Outcome()
    if packs:
        watcher.tell(
            f"{spec.name}: {todo} of {todo + before} trials to train, in {len(packs)} packs, on {cpus} cores"
            + (f" and {gpus} GPUs" if gpus else "")
        )
        if told := beside(store, planned):
            watcher.tell(told)
        backend = LocalBackend(store.workspace, max(cpus, spec.run.cpus), gpus)
        with (
            mirroring.going(),
            watcher.training(spec.name, sum(len(p.trial_ids) for p in packs) + before, before, packs) as view,
        ):
            outcome = drive(store, wanted, spec.run, backend, view)
    else:
        watcher.tell(f"{spec.name}: nothing is left to train, {before} trials are done")
        mirroring.catch_up()
    store.ledger.renew_cache(p.id for p in store.roster.live)
    return _summary(store, wanted, outcome.stopped, outcome.given_up)


def _summary(store: Store, wanted: set[str], stopped: bool, given_up: int) -> Summary:
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
        stopped=stopped,
        given_up=given_up,
        cancelled=cancelled,
    )
