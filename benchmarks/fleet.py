"""What many allocations' drivers cost a shared disk: packs a second, calls a pack, waiting, packs done twice.

python benchmarks/fleet.py [--drivers 1 10 50 200] [--packs 20000] [--seconds 60] [--slots 4] [--longest 2]
    [--folder DIR] [--json]

Real: store, leases, ledger, the searcher that Tune asks, and each pack's own files. Stand-ins: Tune (a loop and
threads in each driver) and training (a pack sleeps for 0 to `--longest` seconds). Each number of drivers gets a
workspace of its own and so many seconds.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest.mock import patch

from orchestrator.engine.driver import missing_packs
from orchestrator.engine.remote import PackJob
from orchestrator.engine.searcher import PackSearcher
from orchestrator.engine.task import PackTask
from orchestrator.planning.plan import commit
from orchestrator.store import Store
from orchestrator.store.leases import Lease
from orchestrator.store.owner import Liveness, Owner, beat, myself
from orchestrator.store.roster import RosterPack
from sweeps.file.spec import load_spec
from trainers import data

SWEEP = """
name: fleet
trial: {{dataset: iris, depth: 1, width: 4, epochs: 1, seed: 0..{last}}}
run: {{pack: 1}}
"""
# Calls that ask the disk's metadata server. What opens a file is seen by Python's own audit.
CALLS = ("stat", "lstat", "link", "rename", "replace", "unlink", "remove", "mkdir", "scandir", "listdir", "utime")
LOOK = 0.1  # seconds between two looks of a driver


@dataclass
class Told:
    """What one driver, or a fleet, did. `done`: packs published; `twice`: of these, by somebody else before; `wait`:
    the most seconds for which a free slot had no pack."""

    done: int = 0
    twice: int = 0
    wait: float = 0.0
    calls: Counter[str] = field(default_factory=Counter[str])

    def add(self, other: Told) -> None:
        self.done += other.done
        self.twice += other.twice
        self.wait = max(self.wait, other.wait)
        self.calls += other.calls


class Idle:
    """A stand-in for a trainer: sleeps for as long as it is told."""

    device, epoch = "none", 0

    def __init__(self, seconds: float) -> None:
        self._seconds = self._left = seconds

    @property
    def finished(self) -> bool:
        return self._left <= 0

    @property
    def progress(self) -> float:
        return 1 - self._left / self._seconds

    def advance(self, seconds: float) -> None:
        took = min(seconds, self._left)
        time.sleep(took)
        self._left -= took

    def rows(self) -> list[dict[str, object]]:
        return [{"state": "done", "selected_epoch": 0, "val_error": 0.1, "test_error": 0.1, "train_loss": 0.1}]

    def save(self, path: Path, **beside: object) -> None:
        path.write_bytes(b"")

    def load(self, path: Path) -> tuple[None, str]:
        return None, "a stand-in keeps nothing"

    def close(self) -> None: ...


class Fleet:
    """A backend of no machines."""

    spread, deadline, patience, cpus, gpus = False, float("inf"), 1.0, 1, 0

    def __init__(self, store: Store) -> None:
        self.owner: Owner = myself("1.0")  # as on SLURM
        self.liveness = Liveness(store.workspace)

    def ray(self) -> AbstractContextManager[Path]:
        raise NotImplementedError

    def seconds(self, pack: RosterPack) -> float:
        return 0.0

    def kind_of_loss(self, address: str | None) -> str:
        return "lost_process"

    def exclude(self, node: str) -> None: ...


class Silent:
    def tell(self, sentence: str) -> None: ...
    def progressed(self, pack: RosterPack, share: float) -> None: ...
    def ended(self, pack: RosterPack, state: str) -> None: ...


class Counting:
    """Counts the calls of this process that name a path below `root`."""

    def __init__(self, told: Told, root: Path) -> None:
        self._told, self._root = told, str(root)
        self._lock = threading.Lock()

    def begin(self) -> None:
        for name in CALLS:
            setattr(os, name, self._counted(name, getattr(os, name)))
        sys.addaudithook(lambda event, given: self._count("open", given[0]) if event == "open" else None)

    def _counted(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*given: Any, **named: Any) -> Any:
            self._count(name, given[0] if given else "")
            return call(*given, **named)

        return counted

    def _count(self, name: str, path: Any) -> None:
        if str(path).startswith(self._root):
            with self._lock:
                self._told.calls[name] += 1


def drive(store: Store, packs: list[RosterPack], slots: int, longest: float, until: float) -> Told:
    """One driver: what Tune would do with the searcher, until no pack is left or the time is over."""
    told = Told()
    Counting(told, store.workspace.root).begin()
    backend = Fleet(store)
    chance = random.Random(backend.owner.pid)

    def task(pack: RosterPack, lease: Lease) -> PackTask:
        return PackTask(
            root=str(store.workspace.root), pack=pack, lease=lease, checkpoint_seconds=120.0, cpus=1, gpus=0.0,
            devices=1, device="cpu", channels_last=False, compile=False, code_version="fleet",
        )  # fmt: skip

    def train(task: PackTask) -> str:
        job = PackJob(task)
        while (state := job.work(2.0)) == "training":
            continue
        return state

    searcher = PackSearcher(store, packs, task, Silent(), backend)
    running: dict[str, Future[str]] = {}
    count, free_since, beaten = 0, time.monotonic(), 0.0
    trainer = patch("trainers.pack.PackTrainer", lambda *_, **__: Idle(chance.uniform(0.001, longest)))  # pyright: ignore
    with trainer, ThreadPoolExecutor(slots) as pool:
        while True:
            now = time.monotonic()
            if now - beaten > 15:
                beat(store.workspace, store.disk, backend.owner, int(now))
                beaten = now
            for name, future in list(running.items()):
                if future.done():
                    del running[name]
                    result = {"state": future.result(), "progress": 1.0, "node": "here", "node_ip": "127.0.0.1"}
                    told.done += result["state"] == "done"
                    searcher.on_trial_result(name, result)
                    searcher.on_trial_complete(name, result)
            config: Any = None
            while len(running) < slots and now < until:
                config = searcher.suggest(f"t{count}")
                if not isinstance(config, dict):
                    break
                told.wait = max(told.wait, time.monotonic() - free_since)
                running[f"t{count}"] = pool.submit(train, config["task"])
                count += 1
                free_since = time.monotonic()
            else:
                free_since = time.monotonic()
            if not running and (now >= until or config == PackSearcher.FINISHED):
                return told
            time.sleep(LOOK)


def fleet(drivers: int, packs: int, slots: int, longest: float, seconds: float, folder: Path) -> dict[str, Any]:
    """Starts so many drivers at once on a workspace of so many packs; returns their figures."""
    file = folder / "fleet.yaml"
    file.write_text(SWEEP.format(last=packs - 1))
    store = Store.at(folder / f"out-{drivers}")
    planned, _ = commit(store, load_spec(str(file)))
    begin = time.monotonic()
    missing = missing_packs(Store(store.workspace), set(planned.trials))
    opening = time.monotonic() - begin
    data.read("iris")
    import_module("trainers.pack")  # with torch
    gc.freeze()  # what was imported and read, drivers share
    began = time.monotonic()
    children: dict[int, Path] = {}
    for _ in range(drivers):
        pid = os.fork()
        if pid == 0:
            told = drive(store, missing, slots, longest, began + seconds)
            (folder / f"told-{os.getpid()}").write_text(json.dumps(vars(told)))
            os._exit(0)
        children[pid] = folder / f"told-{pid}"
    for pid in children:
        _, status = os.waitpid(pid, 0)
        assert status == 0, f"driver {pid} ended with {os.waitstatus_to_exitcode(status)}"
    took = time.monotonic() - began
    every = Told()
    for path in children.values():
        words = json.loads(path.read_text())
        every.add(Told(**(words | {"calls": Counter(words["calls"])})))
    done = len(store.ledger.done())
    every.twice = every.done - done
    return {
        "drivers": drivers,
        "packs": done,
        "seconds": took,
        "opening": opening,
        "packs a second": done / took,
        "at most": drivers * slots / (longest / 2),
        "calls a pack": sum(every.calls.values()) / max(done, 1),
        "longest wait": every.wait,
        "twice": every.twice,
        "calls": {name: count / max(done, 1) for name, count in every.calls.most_common()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--drivers", type=int, nargs="+", default=[1, 10, 50, 200])
    parser.add_argument("--packs", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--slots", type=int, default=4, help="packs that a driver trains at a time")
    parser.add_argument("--longest", type=float, default=2.0, help="seconds that a pack lasts at most")
    parser.add_argument("--folder", type=Path, help="on the disk that is to be measured; default: a temporary folder")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="normsweep-fleet-", dir=arguments.folder))
    try:
        for drivers in arguments.drivers:
            figures = fleet(drivers, arguments.packs, arguments.slots, arguments.longest, arguments.seconds, folder)
            if arguments.json:
                print(json.dumps(figures), flush=True)
                continue
            calls = ", ".join(f"{name} {count:.1f}" for name, count in figures.pop("calls").items())
            print(
                "  ".join(f"{n} {v:.1f}" if isinstance(v, float) else f"{n} {v}" for n, v in figures.items()),
                flush=True,
            )
            print(f"    calls a pack: {calls}", flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
