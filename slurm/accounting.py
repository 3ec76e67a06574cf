"""What SLURM says of jobs: squeue and sacct asked once for all jobs, seldom, and shared by all who ask."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from slurm.command import Unanswered, ask
from slurm.job import Incarnation

INTERVAL = 10.0
LONGEST_INTERVAL = 300.0
# PREEMPTED, REQUEUED, NODE_FAIL and RESIZING are stations of a job that comes again.
FINAL = frozenset({"COMPLETED", "CANCELLED", "FAILED", "TIMEOUT", "DEADLINE", "OUT_OF_MEMORY", "BOOT_FAIL", "REVOKED"})
WAITING = frozenset({"PENDING", "REQUEUED", "REQUEUE_HOLD", "SPECIAL_EXIT"})


@dataclass(frozen=True, kw_only=True, slots=True)
class JobState:
    """`job` is SLURM's own number, `shown` what users see (`12_3` for a task of an array)."""

    job: int
    shown: str
    name: str
    state: str
    restart: int
    seen: float  # when SLURM said so, seconds since the epoch

    @property
    def final(self) -> bool:
        return self.state in FINAL


def queued(*, ended: bool = False) -> list[JobState]:
    """This user's jobs that wait or run, and those that `ended` minutes ago. Unanswered when squeue gives no answer."""
    states = ["--states=all"] if ended else []
    columns = "JobID:32,JobArrayID:32,State:32,RestartCnt:32,Name:128"
    now = time.time()
    said = ask(["squeue", "--me", "--array", "--noheader", *states, "--Format", columns])
    rows = (line.split() for line in said.splitlines())
    return [
        JobState(job=int(r[0]), shown=r[1], state=r[2], restart=int(r[3]), name=" ".join(r[4:]), seen=now)
        for r in rows
        if r
    ]


def recorded(days: int = 8, *, names: Iterable[str] = (), jobs: Iterable[int] = ()) -> list[JobState]:
    """What accounting keeps of jobs, by name or number. Unanswered where accounting gives no answer."""
    chosen = [f"--name={','.join(names)}"] if names else [f"--jobs={','.join(map(str, jobs))}"]
    columns = "JobIDRaw,JobID,State,JobName"
    now = time.time()
    span = f"--starttime=now-{days}days"
    said = ask(["sacct", "--noheader", "--parsable2", "--allocations", span, *chosen, f"--format={columns}"])
    rows = (line.split("|") for line in said.splitlines())
    # A task of an array that waits has no number of its own yet; CANCELLED comes as "CANCELLED by 0".
    return [
        JobState(job=int(r[0]), shown=r[1], state=r[2].split()[0], restart=0, name=r[3], seen=now)
        for r in rows
        if r[0].isdigit()
    ]


class Accounting:
    """Last known states of jobs, in a folder that all observers share, so that one of them asks for all."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._clock = clock

    def states(self, jobs: Iterable[int]) -> dict[int, JobState]:
        """What is known of these jobs; a job of which SLURM never spoke is absent. An old state stays, with its age."""
        wanted = set(jobs)
        known, due = self._read()
        if self._clock() >= due and self._claim():
            known = self._renew(known, wanted)
        return {job: known[job] for job in wanted if job in known}

    def runs(self, incarnation: Incarnation) -> bool | None:
        """Whether this incarnation of its job runs, as far as SLURM says; None when it does not say."""
        state = self.states([incarnation.job]).get(incarnation.job)
        if state is None:
            return None
        if state.final or state.state in WAITING or state.restart > incarnation.restart:
            return False
        return True if state.state == "RUNNING" else None

    def _renew(self, known: Mapping[int, JobState], wanted: set[int]) -> dict[int, JobState]:
        before = json.loads(self._file.read_text()) if self._file.exists() else {}
        try:
            fresh = {state.job: state for state in queued(ended=True)}
            missing = [j for j in wanted | known.keys() if j not in fresh and not (j in known and known[j].final)]
            if missing:
                with suppress(Unanswered):  # many a cluster has no accounting, or none that a node can reach
                    fresh |= {state.job: state for state in recorded(jobs=missing) if state.final}
            interval = INTERVAL
        except Unanswered:
            fresh = {}
            interval = min(2 * before.get("interval", INTERVAL), LONGEST_INTERVAL)
        # A job that squeue lost and accounting does not have as ended: what was known stays, and grows old.
        states = {**known, **fresh}
        content = {
            "due": self._clock() + interval,
            "interval": interval,
            "jobs": [asdict(state) for state in states.values()],
        }
        temporary = self._file.with_suffix(f".{os.uname().nodename}.{os.getpid()}")
        temporary.write_text(json.dumps(content))
        temporary.replace(self._file)
        return states

    def _claim(self) -> bool:
        """True for one observer in each interval."""
        self._folder.mkdir(parents=True, exist_ok=True)
        slot = int(self._clock() / INTERVAL)
        try:
            (self._folder / f"asked-{slot}").touch(exist_ok=False)
        except FileExistsError:
            return False
        for old in self._folder.glob("asked-*"):
            if int(old.name.partition("-")[2]) < slot - 1:
                old.unlink(missing_ok=True)
        return True

    def _read(self) -> tuple[dict[int, JobState], float]:
        try:
            content = json.loads(self._file.read_text())
        except FileNotFoundError:
            return {}, 0.0
        return {job["job"]: JobState(**job) for job in content["jobs"]}, content["due"]

    @property
    def _file(self) -> Path:
        return self._folder / "states.json"
