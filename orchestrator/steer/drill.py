"""`normsweep drill`: interrupts a small pack on purpose, here or on SLURM; are its results the undisturbed ones?

The sweep is small and real: one pack, saved every tenth of a second. What is interrupted next is drawn from a seed.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from orchestrator.cluster.jobs import cancel_jobs, disturb
from orchestrator.cluster.submissions import receipt, submissions
from orchestrator.store import Store
from orchestrator.store.leases import Start
from orchestrator.store.results import table
from orchestrator.words import counted
from sweeps.errors import UsageError

NAME = "drill"
SWEEP = f"""
name: {NAME}
trial: {{dataset: wine, depth: 2, width: 16, batch_size: 8, epochs: EPOCHS, normalizer: bn, seed: 0..1}}
run: {{checkpoint_seconds: 0.1, pack: 2}}
"""
WAYS_HERE = ("kill -9 of the trainer", "kill -9 of the driver", "TERM of the driver")
WAYS_ON_SLURM = ("scontrol requeue", "warning of the time limit")
HOW_IT_CAME = ("seconds", "attempts", "host", "finished", "code_version")  # columns that interruptions may change
LOOK_SECONDS = 0.02
LONGEST_SECONDS = 3600.0  # that a queue may let a drill wait for its next machine


@dataclass(frozen=True, kw_only=True, slots=True)
class Drill:
    """What was interrupted and how often the pack was begun; `differing`: columns that are not the undisturbed ones."""

    interruptions: list[str]
    attempts: int
    differing: list[str]

    def __str__(self) -> str:
        told = f"{counted(len(self.interruptions), 'interruption')} ({', '.join(self.interruptions)}), "
        told += f"{counted(self.attempts, 'attempt')}: "
        if self.differing:
            return told + f"the results are NOT the undisturbed ones, they differ in {', '.join(self.differing)}"
        return told + "the results are the undisturbed ones, bit for bit"


def drill(folder: Path, site: Path | None, times: int, epochs: int, seed: int, tell: Callable[[str], None]) -> Drill:
    """Trains twice in `folder`, which all nodes must see if there is a site file; leaves it as it was when all is well.

    UsageError when the pack was trained before it could be interrupted so often, or SLURM let it wait too long.
    """
    folder.mkdir(parents=True)
    sweep = folder / "drill.yaml"
    sweep.write_text(SWEEP.replace("EPOCHS", str(epochs)))
    alone, disturbed = Store.at(folder / "undisturbed"), Store.at(folder / "disturbed")
    tell("undisturbed, here")
    _command("run", str(sweep), "--workspace", str(alone.workspace.root), "--no-mlflow", "--cpus", "1").wait()
    interrupted = (_OnSlurm(disturbed, sweep, site) if site else _Here(disturbed, sweep)).interrupted
    done = interrupted(times, random.Random(seed), tell)
    curves = ["curve_train_loss", "curve_val_error"]
    differing = differing_columns(*(table(place, NAME, more=curves)[0] for place in (alone, disturbed)))
    rows, _ = disturbed.ledger.read([_pack(disturbed)], ["attempts"])
    result = Drill(interruptions=done, attempts=max(rows["attempts"].to_pylist()), differing=differing)
    if not differing:
        shutil.rmtree(folder)
    return result


def differing_columns(one: pa.Table, other: pa.Table) -> list[str]:
    kept = [name for name in one.column_names if name not in HOW_IT_CAME]
    return [name for name in kept if repr(one[name].to_pylist()) != repr(other[name].to_pylist())]


class _Here:
    """Runs of the command line, of which each but the last is interrupted."""

    def __init__(self, store: Store, sweep: Path) -> None:
        self._store = store
        self._words = ["run", str(sweep), "--workspace", str(store.workspace.root), "--no-mlflow", "--cpus", "1"]

    def interrupted(self, times: int, generator: random.Random, tell: Callable[[str], None]) -> list[str]:
        chosen = drawn(WAYS_HERE, times, generator)
        driver = _command(*self._words)
        for attempt, way in enumerate(chosen, 1):
            trainer = _saved(self._store, attempt, driver)
            time.sleep(generator.uniform(0, 0.2))
            tell(way)
            if way == WAYS_HERE[0]:
                os.kill(trainer, signal.SIGKILL)
                continue
            driver.send_signal(signal.SIGKILL if way == WAYS_HERE[1] else signal.SIGTERM)
            driver.wait()
            driver = _command(*self._words)
        driver.wait()
        return chosen


class _OnSlurm:
    """One allocation, interrupted while it works."""

    def __init__(self, store: Store, sweep: Path, site: Path) -> None:
        self._store = store
        self._words = ["submit", str(sweep), "--site", str(site), "--workspace", str(store.workspace.root)]

    def interrupted(self, times: int, generator: random.Random, tell: Callable[[str], None]) -> list[str]:
        chosen = drawn(WAYS_ON_SLURM, times, generator)
        if _command(*self._words).wait():
            raise UsageError("no job was submitted, so there is nothing to interrupt")
        (submission,) = submissions(self._store)
        jobs = receipt(self._store, submission.number)
        assert jobs, "submit ended well, so there is a receipt"
        (job,) = jobs
        try:
            for attempt, way in enumerate(chosen, 1):
                _saved(self._store, attempt)
                time.sleep(generator.uniform(0, 0.2))
                tell(f"{way} of job {job}")
                disturb(job, "requeue" if way == WAYS_ON_SLURM[0] else "warn")
            _until(lambda: self._store.workspace.part(_pack(self._store)).exists())
        finally:
            cancel_jobs(self._store, NAME)
        return chosen


def _command(*words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-P", "-m", "orchestrator.cli", *words], stdout=subprocess.DEVNULL)


def drawn(ways: Sequence[str], times: int, generator: random.Random) -> list[str]:
    """Each way before any comes again."""
    drawn: list[str] = []
    while len(drawn) < times:
        drawn += generator.sample(ways, len(ways))
    return drawn[:times]


def _saved(store: Store, attempt: int, driver: subprocess.Popen[bytes] | None = None) -> int:
    """Waits until that attempt, or a later one, has saved; returns its process."""
    begun: list[Start] = []

    def saved() -> bool:
        recorded = _recorded(store)
        if (driver and driver.poll() is not None) or (recorded and store.workspace.part(_pack(store)).exists()):
            raise UsageError("the pack was finished before it was interrupted so often: raise --epochs")
        if not recorded:
            return False
        lease = store.leases.newest(_pack(store))
        start = store.leases.started(lease) if lease and lease.generation >= attempt else None
        if start is not None and not begun:
            begun.append(start)
        checkpoint = store.workspace.checkpoint(_pack(store))
        return bool(begun) and checkpoint.exists() and checkpoint.stat().st_mtime > begun[0].at

    _until(saved)
    return begun[0].pid


def _until(happened: Callable[[], bool]) -> None:
    until = time.monotonic() + LONGEST_SECONDS
    while not happened():
        if time.monotonic() > until:
            raise UsageError(f"the drill had no result after {LONGEST_SECONDS / 60:.0f} minutes: see `status`")
        time.sleep(LOOK_SECONDS)


def _recorded(store: Store) -> bool:
    store.roster.read()
    return bool(store.roster.live)


def _pack(store: Store) -> str:
    store.roster.read()
    (pack,) = store.roster.live
    return pack.id
