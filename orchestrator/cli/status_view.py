"""How a status looks on a terminal, once or refreshed."""

from __future__ import annotations

import time
from collections import Counter

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from orchestrator.cluster.jobs import Job, last_words
from orchestrator.watch.status import RunningPack, StatusBoard, SweepStatus, ordered
from orchestrator.words import counted, duration, hours
from sweeps.identity import short
from sweeps.records import FINAL

REFRESH_SECONDS = 2.0
MOST_RUNNING = 12  # packs shown, and jobs
# How the analysis counts a diverged trial, by `analysis.diverged`.
DIVERGED = {
    "loss": "a method loses where more than half of its seeds did",
    "majority": "each counts with the error of the most frequent class",
    "drop": "each counts as missing",
}
OLD_SECONDS = 30.0  # what SLURM said so long ago is told with its age


def show(statuses: list[SweepStatus]) -> None:
    Console(soft_wrap=True).print(view(statuses))


def watch(board: StatusBoard) -> list[SweepStatus]:
    """Shows the status anew until all is over; returns the last one."""
    statuses = board.look()
    with Live(view(statuses), auto_refresh=False, vertical_overflow="visible") as live:
        while any(status.exit_code == 3 for status in statuses):
            time.sleep(REFRESH_SECONDS)
            statuses = board.look()
            live.update(view(statuses), refresh=True)
    return statuses


def view(statuses: list[SweepStatus]) -> RenderableType:
    if not statuses:
        return Text("no sweep is recorded here: `normsweep run demo` makes one")
    return Group(*(part for status in statuses for part in _parts(status)))


def _parts(status: SweepStatus) -> list[RenderableType]:
    normalizers = list(dict.fromkeys(n for _, n in status.cells))
    name = status.name if status.version == status.latest else f"{status.name}@{status.version}"
    counts = ordered(status.counts)
    if status.waiting:
        counts["running"] -= status.waiting
        counts["waiting"] = status.waiting
    title = f"{name}: " + ", ".join(f"{n} {state}" for state, n in counts.items() if n)
    table = Table("data set", *normalizers, title=title, title_justify="left", box=None)
    for dataset in dict.fromkeys(d for d, _ in status.cells):
        table.add_row(dataset, *(_cell(status.cells.get((dataset, n), Counter())) for n in normalizers))
    parts: list[RenderableType] = [
        table,
        *map(Text, _counted(status)),
        *map(Text, _running(status)),
        *map(Text, _jobs(status)),
        Text(_spent(status)),
        Text(_age(status)),
    ]
    return parts + [Text(problem, style="yellow") for problem in status.problems]


def _counted(status: SweepStatus) -> list[str]:
    """What the counts mean, what to do about them, and which versions there are."""
    counts, old = status.counts, status.version != status.latest
    told = [
        (counts["diverged"], f"diverged: {DIVERGED[status.diverged]} (analysis.diverged: {status.diverged})"),
        (counts["failed"], f"failed: `normsweep errors {status.name}` says why, `normsweep retry` trains them again"),
        (counts["cancelled"], f"cancelled: `normsweep retry {status.name} -w state=cancelled` brings them back"),
        (counts["todo"], f"missing: `normsweep run {status.name}{f'@{status.version}' * old}` trains them"),
    ]
    lines = [f"{number} {text}" for number, text in told if number]
    if old:
        lines.append(f"version {status.version} of {status.latest}; `normsweep status {status.name}` is the latest")
    elif status.latest > 1:
        before = f"{status.name}@{status.latest - 1}"
        lines.append(f"version {status.latest}; the one before it: `normsweep status {before}`, all: --all-versions")
    return lines


def _cell(states: Counter[str]) -> str:
    """`12/16`, what else there is beside it: `12/16 2 running 1 failed`."""
    over = sum(states[s] for s in FINAL)
    others = [f"{states[s]} {s}" for s in ("running", "diverged", "failed", "cancelled") if states[s]]
    return " ".join([f"{over}/{states.total()}", *others]) if states else ""


def _running(status: SweepStatus) -> list[str]:
    lines = [
        f"pack {short(p.pack)}: {counted(p.trials, 'trial')}, {p.dataset}, {p.normalizer}, {_progress(p)}"
        + f", pid {p.pid} on {p.host}{_still(p, status.at)}"
        for p in [p for p in status.running if p.started][:MOST_RUNNING]
    ]
    if (more := status.started - MOST_RUNNING) > 0:
        lines.append(f"and {more} more running packs")
    waiting = len(status.running) - status.started
    return [*lines, f"{counted(waiting, 'pack')} waiting for a free core"] if waiting else lines


def _jobs(status: SweepStatus) -> list[str]:
    """The allocations that are not over, one a line; of the others how many ended how."""
    lines = [_job(job, status.at) for job in status.jobs if not job.over]
    more = len(lines) - MOST_RUNNING
    lines = [*lines[:MOST_RUNNING], f"and {more} more jobs"] if more > 0 else lines
    ended = Counter("not needed" if job.unneeded else str(job.state) for job in status.jobs if job.over)
    if ended:
        lines.append("jobs that ended: " + ", ".join(f"{n} {state}" for state, n in ended.items()))
    return lines + last_words(status.jobs)


def _job(job: Job, at: float) -> str:
    size = counted(job.nodes, "node") + (f" ({job.hosts})" if job.hosts else "")
    size += f", heir of {job.heir_of}" if job.heir_of else ""
    if job.state is None or job.seen is None:
        return f"job {job.job}: SLURM has not spoken of it yet, {size}"
    told = [f"job {job.job}: {job.state}" + (f" ({job.reason})" if job.reason else ""), size]
    if job.seconds_left is not None:
        told.append(f"{duration(job.seconds_left)} left")
    if job.packs or job.state == "RUNNING":
        told.append(f"holds {counted(len(job.packs), 'pack')}")
    if job.way_on:
        told.append(job.way_on)
    if at - job.seen > OLD_SECONDS:
        told.append(f"as SLURM said {duration(at - job.seen)} ago")
    return ", ".join(told)


def _still(pack: RunningPack, at: float) -> str:
    if pack.still is None:
        return ""
    seconds = duration(max(at - pack.still.since, 0.0))
    return f": has not moved for {seconds} on {pack.still.node}, is ended by force after {duration(pack.still.limit)}"


def _progress(pack: RunningPack) -> str:
    if pack.age is not None:
        return f"epoch {pack.epoch} of {pack.epochs} saved {duration(pack.age)} ago"
    return "nothing saved yet"


def _spent(status: SweepStatus) -> str:
    spend = status.spend
    told = [f"spent {hours(spend.core_hours)}"]
    if spend.core_hours_left is None:
        told.append("what is left is not known yet")
    elif spend.core_hours_left:
        told.append(f"about {hours(spend.core_hours_left)} left")
    if status.seconds_to_go is not None:
        told.append(f"ready in about {duration(status.seconds_to_go)} at {counted(status.started, 'pack')} at a time")
    elif still := sum(pack.still is not None for pack in status.running):
        told.append(f"when it is ready cannot be said while {counted(still, 'pack')} {_does(still)} not move")
    elif status.exit_code == 3 and not status.running and all(job.over for job in status.jobs):
        told.append("nothing is running")
    return ", ".join(told)


def _does(count: int) -> str:
    return "does" if count == 1 else "do"


def _age(status: SweepStatus) -> str:
    newest = "no result yet" if status.newest is None else f"newest result {duration(status.at - status.newest)} ago"
    at = time.strftime("%X", time.localtime(status.at))
    return f"{newest}, {counted(status.last_hour, 'trial')} in the last hour; as of {at}"
