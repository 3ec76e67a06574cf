"""Faults upon faults over packs, images and gangs at once: is every byte of the results what it is undisturbed?

python benchmarks/chaos.py [--arena machine|cluster|both] [--faults 60] [--seed 0] [--stall-seconds 5] [--json]
What is hit is drawn by the seed, when it is hit is the machine's doing. Every fault is told with its time and its
victim, then a summary. Exit code 1: a result differs, a trial has not one run in MLflow, or something is left running.
`cluster` is the tests' own SLURM on this machine (root; packages of tests/install-system); the disk's faults need root.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.faults import say
from benchmarks.faults.kinds import BOTH, MACHINE, draw
from benchmarks.faults.lanes import IMAGES, Lane, make_images
from benchmarks.faults.machine import Machine
from orchestrator.engine.local import sweep_up
from orchestrator.steer.drill import differing_columns
from orchestrator.store import Store
from tests.chaos.evidence import command, exported, lasting, one_run_per_trial, parquet

REST_SECONDS = (0.2, 1.5)  # between two faults
CALM_SECONDS = 1800.0  # after the last fault, for what is left


class Arena(Protocol):
    """Where faults strike: `lanes` are the sweeps, which are begun and continued in `workspace`."""

    name: str
    lanes: list[Lane]
    workspace: Path
    starts: int  # of drivers, or of allocations

    def strike(self, fault: str) -> str:
        """Returns what it hit, "" when there was nothing to hit."""
        ...

    def rest(self, seconds: float, last: bool) -> bool:
        """Waits, and begins anew what ended; after the last fault, no lane gets another sweep. False: all is done."""
        ...

    def left_behind(self) -> list[str]:
        """What was left undone or runs on, a sentence each."""
        ...

    def close(self) -> None:
        """Ends all that runs."""


@dataclass(kw_only=True)
class Report:
    """What a storm did. Seconds: of the storm, of the calm after it; of training that was `lost`, in all and at most
    at once."""

    arena: str
    seed: int
    hits: Counter[str] = field(default_factory=Counter[str])
    misses: Counter[str] = field(default_factory=Counter[str])
    seconds: float = 0.0
    calm: float = 0.0
    starts: int = 0
    sweeps: int = 0
    trials: int = 0
    attempts: int = 0
    interruptions: int = 0
    lost: float = 0.0
    lost_at_once: float = 0.0
    problems: list[str] = field(default_factory=list[str])

    def __str__(self) -> str:
        total = self.hits.total() + self.misses.total()
        kinds = ", ".join(
            f"{name} {self.hits[name]}" + (f" (and {self.misses[name]} missed)" if self.misses[name] else "")
            for name in sorted(self.hits | self.misses)
        )
        return (
            f"{self.arena}, seed {self.seed}: {kinds}\n"
            f"{total} faults, {self.hits.total()} of which hit, in {self.seconds:.0f} s: "
            f"{60 * total / max(self.seconds, 1):.0f} a minute; calm {self.calm:.0f} s later\n"
            f"{self.starts} drivers, {self.sweeps} sweeps, {self.trials} trials, at most {self.attempts} attempts; "
            f"{self.lost:.1f} s of training lost in {self.interruptions} interruptions, at most "
            f"{self.lost_at_once:.2f} s at once\n"
            + ("\n".join(f"WRONG: {problem}" for problem in self.problems) or "the results are the undisturbed ones")
        )


def storm(begin: Callable[[Path, random.Random], Arena], faults: int, seed: int) -> Report:
    """Has so many faults strike, waits for the sweeps to end and compares them with an undisturbed run.

    `begin`: begins the sweeps in a folder.
    """
    chance = random.Random(seed)
    with _place() as folder, closing(begin(folder, chance)) as place:
        report = Report(arena=place.name, seed=seed)
        began = time.monotonic()
        for fault in draw(place.name, faults, chance):
            if not fault.startswith("torn "):  # those come before anything runs again
                place.rest(chance.uniform(*REST_SECONDS), last=False)
            hit = place.strike(fault)
            (report.hits if hit else report.misses)[fault] += 1
            say(f"{fault}: {hit or 'nobody there'}")
        report.seconds = time.monotonic() - began
        say("calm")
        began = time.monotonic()
        with ThreadPoolExecutor() as pool:  # while jobs and processes start again
            undisturbed = pool.submit(_undisturbed, place.lanes, folder / "calm")
            while place.rest(1, last=True):
                if time.monotonic() - began > CALM_SECONDS:
                    report.problems.append(f"the sweeps did not end in {CALM_SECONDS:.0f} s of calm")
                    return report
            report.calm, report.starts = time.monotonic() - began, place.starts
            report.problems += place.left_behind()
            undisturbed.result()
        _judge(report, place.workspace, place.lanes, folder)
    return report


def _undisturbed(lanes: list[Lane], workspace: Path) -> None:
    """Trains the sweeps of all lanes in one run, in the packs that they get one after the other.

    A gang of two ranks has the results of one process that trains both shards.
    """
    files = [str(lane.file_of(name)) for lane in lanes for name in lane.names]
    words = [sys.executable, "-m", "benchmarks.faults.calm", str(workspace), *files]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parent.parent)}
    subprocess.run(words, check=True, capture_output=True, env=environment)


@contextmanager
def _place() -> Generator[Path]:
    """A folder of a short name, as Ray's sockets need it, for everything that is written; images in it."""
    folder = Path(tempfile.mkdtemp(prefix="ch", dir="/tmp"))
    before, directory = dict(os.environ), tempfile.tempdir
    (folder / "t").mkdir()
    os.environ |= {
        "TMPDIR": str(folder / "t"),
        "NORMSWEEP_DATA": str(folder / "data"),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "OMP_NUM_THREADS": "1",
    }
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    tempfile.tempdir = None
    try:
        subprocess.run(
            [sys.executable, "-m", "orchestrator.cli", "data", "import", str(make_images(folder)), "--name", IMAGES],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        yield folder
    finally:
        os.environ.clear()
        os.environ.update(before)
        tempfile.tempdir = directory
        shutil.rmtree(folder, ignore_errors=True)


def _judge(report: Report, workspace: Path, lanes: list[Lane], folder: Path) -> None:
    """Compares, counts, and looks for what is left."""
    calm = folder / "calm"
    for name in (name for lane in lanes for name in lane.names):
        ours, theirs = (exported(place, name).drop_columns(["device", "threads"]) for place in (workspace, calm))
        report.sweeps += 1
        report.trials += len(theirs)
        if parquet(ours) != parquet(theirs):
            columns = ", ".join(differing_columns(ours, theirs)) if len(ours) == len(theirs) else "number of rows"
            report.problems.append(f"sweep {name} differs from the undisturbed one: {columns}")
    subprocess.run(command(workspace, "sync"), check=True, capture_output=True)
    try:
        mirrored = one_run_per_trial(workspace)
        if mirrored != report.trials:
            report.problems.append(f"MLflow shows {mirrored} trials of {report.trials}")
    except AssertionError as error:
        report.problems.append(f"MLflow has not one finished run for each trial: {error}")
    store = Store.at(workspace)
    report.problems += [f"a lease of {pack} is left" for pack in store.leases.held()]
    rows, torn = store.ledger.read([pack.id for pack in store.roster.live], ["attempts"])
    report.problems += torn
    report.attempts = max(rows["attempts"].to_pylist(), default=0)
    lost = [each.seconds for each in store.attempts.interruptions()]
    report.interruptions, report.lost, report.lost_at_once = len(lost), sum(lost), max(lost, default=0.0)
    report.problems += [f"still running: {line}" for line in lasting(str(folder))]
    sweep_up()  # as the next start of Ray does first: the last one may have ended while theirs still ran
    report.problems += [f"left behind: {path}" for path in (folder / "t").glob("normsweep-*")]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arena", choices=(*BOTH, "both"), default="both")
    parser.add_argument("--faults", type=int, default=60, help="in all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--stall-seconds", type=float, help="stopped workers, ranks and loaders stay so; this is run.stall_seconds"
    )
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends what it began, as for any error
    arenas = BOTH if options.arena == "both" else (options.arena,)
    reports: list[Report] = []
    for arena in arenas:
        with ExitStack() as stack:
            if arena == MACHINE:
                begin = partial(Machine, stall_seconds=options.stall_seconds)
            else:
                from benchmarks.faults.cluster import Machines
                from tests.cluster.conftest import NUMBER, Cluster, started

                begin = partial(Machines, stack.enter_context(contextmanager(started)(Cluster(NUMBER))))
            reports.append(storm(begin, options.faults // len(arenas), options.seed))
    for report in reports:
        print(json.dumps(asdict(report)) if options.json else report)
    return int(any(report.problems for report in reports))


if __name__ == "__main__":
    sys.exit(main())
