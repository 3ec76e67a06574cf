"""`normsweep logs`: what a pack's attempts wrote, and after a failure what Ray said; a SLURM job's log. Reads only."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

from orchestrator.cluster.jobs import Jobs, log_of
from orchestrator.store import Store
from orchestrator.watch.lookup import find_pack
from orchestrator.watch.states import Observer
from sweeps.identity import short

LOOK_SECONDS = 0.5
DRIVER_LINES = 20


def logs(
    store: Store,
    text: str,
    *,
    sweep: str | None = None,
    follow: bool = False,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[str]:
    """The lines of the log of a SLURM job, of a pack, or of a trial's pack; with `follow` those to come, until the job
    is over or the pack has its part. `sweep`: the one whose trials `text` is looked up among.

    UsageError when `text` names no job, no pack and no trial.
    """
    path = log_of(store, text)
    if path is not None:
        yield from _job(store, text, path, follow, sleep)
        return
    pack = find_pack(Observer(store), text, sweep).id
    yield f"pack {short(pack)}: {store.workspace.log(pack)}"
    part = store.workspace.part(pack)
    some = yield from _lines(store.workspace.log(pack), lambda: not follow or part.exists(), sleep)
    if not some:
        yield "no run has come to this pack yet"
    states, _ = store.ledger.read([pack], ["state"])
    failures = [] if set(states["state"].to_pylist()) - {"failed"} else store.attempts.failures(pack)
    if failures:
        last = failures[-1]
        yield f"attempt {last.generation} failed ({last.kind}): {last.message}"
        yield from last.traceback.splitlines()
        yield from _driver(store)


def _job(
    store: Store, job: str, path: Path, follow: bool, sleep: Callable[[float], None]
) -> Generator[str, None, None]:
    yield f"job {job}: {path}"
    jobs = Jobs(store)

    def over() -> bool:
        jobs.look()
        return jobs.is_over(job)

    if not (yield from _lines(path, lambda: not follow or over(), sleep)):
        yield "the job has not begun yet"
    beside = sorted([*path.parent.glob("driver-*.log"), *path.parent.glob("ray-*.log")])
    if beside:
        yield "logs of drivers, one a job, and of Ray, one a job and node: " + ", ".join(log.name for log in beside)


def _lines(path: Path, over: Callable[[], bool], sleep: Callable[[float], None]) -> Generator[str, None, int]:
    """The file's lines, until nothing more will come; returns how many bytes there were."""
    position = 0
    while True:
        last = over()
        new = _after(path, position)
        position += len(new)
        yield from new.decode(errors="replace").splitlines()
        if last:
            return position
        sleep(LOOK_SECONDS)


def _after(path: Path, position: int) -> bytes:
    """The log's whole lines from `position` on."""
    try:
        with path.open("rb") as file:
            file.seek(position)
            new = file.read()
    except FileNotFoundError:
        return b""
    return new[: new.rfind(b"\n") + 1]


def _driver(store: Store) -> Iterator[str]:
    try:
        tail = store.workspace.driver_log.read_text(errors="replace").splitlines()[-DRIVER_LINES:]
    except FileNotFoundError:
        return
    if tail:
        yield f"the last lines of {store.workspace.driver_log}:"
        yield from tail
