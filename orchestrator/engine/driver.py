"""The driver: gives the packs that lack a part to Ray Tune until all have one. Run it again and it goes on."""

from __future__ import annotations

import logging
import signal
import sys
import threading
import time
import warnings
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from orchestrator.engine.backend import Backend
from orchestrator.engine.meanwhile import meanwhile
from orchestrator.engine.stalls.silence import SILENT_SECONDS, answering
from orchestrator.engine.task import PackTask
from orchestrator.engine.view import View
from orchestrator.planning.suspects import suspects
from orchestrator.store import Store
from orchestrator.store.files import Disk
from orchestrator.store.leases import Lease
from orchestrator.store.owner import Owner, beat
from orchestrator.store.parts import part_rows
from orchestrator.store.roster import RosterPack
from orchestrator.version import code_version
from sweeps.file.sections import RunSection

if TYPE_CHECKING:  # ray reads its environment when it is imported: the backend comes first
    from orchestrator.engine.searcher import PackSearcher

BEAT_SECONDS = 15.0
# What each worker would import before it trains: `remote` as it begins, the others with its pack.
WORKER_IMPORTS = "orchestrator.engine.remote orchestrator.engine.gang trainers.tiles trainers.compiling.recording"


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """How a run ended: packs given up (their budget of lost processes is spent), whether it was stopped, whether the
    machines were too short a time ours for the packs that are left, whether others work on all that is left, whether
    any pack was begun."""

    given_up: int = 0
    stopped: bool = False
    out_of_time: bool = False
    elsewhere: bool = False
    began: bool = False

    @property
    def over(self) -> bool:
        return bool(self.given_up or self.stopped or self.out_of_time or self.elsewhere)


def drive(
    store: Store,
    wanted: set[str],
    run: RunSection,
    backend: Backend,
    view: View,
    *,
    silent_seconds: float = SILENT_SECONDS,
) -> Outcome:
    """Trains every live pack that holds a wanted trial and has no part.

    A pack that fails by its own fault is split and its halves are trained, until the culprit stands alone. The process
    ends with exit status `silence.SILENT` when Ray does not answer for `silent_seconds`.
    """
    with (
        _heartbeat(store, backend.owner),
        answering(silent_seconds) as answers,
        backend.ray() as folder,
        answers.expected(),
    ):
        view.phase("reading data")
        outcome = Outcome()
        while packs := missing_packs(store, wanted):
            began = outcome.began
            outcome = _tune(store, backend, packs, run, view, folder)
            outcome = replace(outcome, began=began or outcome.began)
            store.roster.read()
            if outcome.over:
                break
    return outcome


def missing_packs(store: Store, wanted: set[str]) -> list[RosterPack]:
    """The live packs that hold a wanted trial, have no part and are not cancelled, in the roster's order."""
    store.decisions.read()
    over = store.ledger.done() | store.decisions.cancelled
    return [p for p in store.roster.live if p.id not in over and not wanted.isdisjoint(p.trial_ids)]


def _tune(
    store: Store, backend: Backend, packs: Sequence[RosterPack], run: RunSection, view: View, folder: Path
) -> Outcome:
    from ray import tune
    from ray.tune.execution.class_cache import DEFAULT_ENV_VARS

    from orchestrator.engine.remote import PackTrainable
    from orchestrator.engine.searcher import PackSearcher
    from orchestrator.engine.stalls.watchdog import Watchdog

    version = code_version()
    # With an environment of their own, workers are started by a process that imports ray and then becomes them.
    DEFAULT_ENV_VARS.clear()
    # Tune asks of each callback whether it is one of those that log to MLflow, and would import MLflow for it.
    sys.modules.setdefault("mlflow", cast(Any, None))

    def task(pack: RosterPack, lease: Lease) -> PackTask:
        return PackTask(
            root=str(store.workspace.root),
            pack=pack,
            lease=lease,
            checkpoint_seconds=run.checkpoint_seconds,
            cpus=run.cpus,
            gpus=run.gpus,
            devices=run.devices,
            device="cuda" if run.gpus else "cpu",
            channels_last=run.channels_last,
            compile=run.compile,
            code_version=version,
        )

    searcher = PackSearcher(store, packs, task, view, backend)
    watchdog = Watchdog(store, run.stall_seconds, searcher.exclude)
    with _signals(store, backend.owner, searcher, view), watchdog.watching(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Tune's, about metrics: results come from the ledger
        _log_to(store.workspace.driver_log)
        tune.Tuner(
            tune.with_resources(PackTrainable, bundles(run, backend.spread)),
            tune_config=tune.TuneConfig(search_alg=searcher, num_samples=-1, reuse_actors=True),
            run_config=tune.RunConfig(
                name=f"run-{len(list(folder.glob('tune/*')))}",
                storage_path=str(folder / "tune"),
                verbose=0,
                failure_config=tune.FailureConfig(max_failures=0),
                callbacks=[watchdog],
            ),
        ).fit()
    for pack in searcher.to_split:
        store.disk.patiently(lambda pack=pack: split(store, pack))
    return Outcome(
        given_up=len(searcher.given_up),
        stopped=searcher.stopping,
        out_of_time=bool(searcher.too_long),
        elsewhere=searcher.idled,
        began=searcher.began,
    )


def bundles(run: RunSection, spread: bool) -> Any:
    """What Tune sets aside for a pack: for a gang a bundle for each device, and none for who leads it."""
    from ray import tune

    if run.devices == 1:
        return {"cpu": run.cpus, "gpu": run.gpus}
    each = {"CPU": float(run.cpus), "GPU": run.gpus}
    device = {name: count for name, count in each.items() if count}
    strategy = "SPREAD" if spread else "PACK"
    return tune.PlacementGroupFactory([{}, *[device] * run.devices], strategy=strategy)


def split(store: Store, pack: RosterPack) -> None:
    """Halves a pack that failed by its own fault, or takes out the trials that its last failure names; a trial alone
    ends as `failed` in the ledger, with its traceback."""
    if len(pack.trials) > 1:
        named = [t for failure in store.attempts.failures(pack.id)[-1:] for t in suspects(pack.trials, failure.message)]
        first = named or pack.trials[: len(pack.trials) // 2]
        halves = [first, [t for t in pack.trials if t not in first]]
        store.roster.read()
        while pack.id not in store.roster.replaced and not store.roster.append(halves, replaces=[pack.id]):
            store.roster.read()
        return
    last = store.attempts.failures(pack.id)[-1]
    circumstances = {
        "attempts": last.generation,
        "host": last.host,
        "finished": time.time(),
        "failure": last.traceback or last.message,
    }
    store.ledger.publish(pack.id, part_rows(pack, [{"state": "failed"}], circumstances))


def _log_to(path: Path) -> None:
    """Ray's own words go to a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    logger = logging.getLogger("ray")
    logger.setLevel(logging.ERROR)
    logger.handlers[:] = [logging.FileHandler(path, delay=True)]
    logger.propagate = False


@contextmanager
def _heartbeat(store: Store, owner: Owner) -> Generator[None]:
    """Beats while the driver lives; leaves neither heartbeat nor stop file behind."""

    def beating(over: threading.Event) -> None:
        count = 0
        while not over.is_set():
            with suppress(OSError):  # a disk that refuses must not end what it is about; the next beat may succeed
                beat(store.workspace, Disk(), owner, count)
            count += 1
            over.wait(BEAT_SECONDS)

    try:
        with meanwhile(beating, "heartbeat"):
            yield
    finally:
        store.disk.remove(store.workspace.heartbeat(owner.id), store.workspace.stop(owner.id))


@contextmanager
def _signals(store: Store, owner: Owner, searcher: PackSearcher, view: View) -> Generator[None]:
    """INT and TERM: lease nothing more, let the running packs save and end. A second INT ends at once."""

    def stop(number: int, _frame: object) -> None:
        if searcher.stopping and number == signal.SIGINT:
            raise KeyboardInterrupt
        searcher.stopping = True
        store.disk.publish(store.workspace.stop(owner.id), b"")
        view.tell("stopping: the running packs save what they have; run again to go on")

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
