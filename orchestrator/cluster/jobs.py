"""The SLURM jobs of a workspace: what was submitted, what SLURM says of it, what it holds, how it ends."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from orchestrator.cluster.submissions import Submission, receipt, submissions
from orchestrator.store import Store
from orchestrator.store.leases import Lease
from slurm.accounting import Accounting, JobState, queued
from slurm.command import ask
from slurm.errors import SlurmError, reason_in
from slurm.job import Incarnation
from sweeps.errors import UsageError


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """An allocation. `job` as SLURM shows it; `state` None: SLURM has not spoken of it; `seen`: when it did last;
    `last_word`: of a job that failed, why, as its log says."""

    job: str
    sweep: str
    state: str | None
    over: bool
    seen: float | None
    nodes: int
    hosts: str
    seconds_left: float | None
    reason: str
    packs: list[str]
    last_word: str = ""


class Jobs:
    """Looks again and again; SLURM is asked seldom, by one of all who look."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._accounting = Accounting(store.workspace.accounting)
        self._of: dict[str, Submission] = {}
        self._states: dict[str, JobState] = {}
        self._last_words: dict[str, str] = {}
        self.problems: list[str] = []

    def look(self) -> None:
        known = [(s, receipt(self._store, s.number)) for s in submissions(self._store)]
        self._of = {job: submission for submission, jobs in known for job in jobs or ()}
        self.problems = [
            f"submission {s.number} of sweep {s.sweep} has no receipt: repeat `normsweep submit`, "
            "which asks SLURM what became of it"
            for s, jobs in known
            if jobs is None
        ]
        if self._of:
            try:
                self._states = self._accounting.states(self._of)
            except OSError as error:  # somebody else's workspace, or a disk that is read-only now
                self.problems.append(f"SLURM was not asked, since its answer cannot be kept: {error}")
            except SlurmError as error:
                self.problems.append(str(error))

    def runs(self, job: str) -> bool | None:
        """Whether that incarnation of a job runs; None when nobody says."""
        incarnation = Incarnation.parse(job)
        state = next((s for s in self._states.values() if s.job == incarnation.job), None)
        return state.runs(incarnation) if state else None

    def is_over(self, job: str) -> bool:
        return job in self._states and self._states[job].final

    def of(self, sweep: str, leases: Iterable[Lease]) -> list[Job]:
        """All jobs that were ever submitted for a sweep, oldest first, with what they hold of these leases."""
        held: dict[int, list[str]] = defaultdict(list)
        for lease in leases:
            if lease.owner.job:
                held[Incarnation.parse(lease.owner.job).job].append(lease.pack)
        return [
            _job(job, submission, self._states.get(job), held, self._last_word(job))
            for job, submission in self._of.items()
            if submission.sweep == sweep
        ]

    def _last_word(self, job: str) -> str:
        if not self.is_over(job) or self._states[job].state in ("COMPLETED", "CANCELLED"):
            return ""
        if job not in self._last_words:
            log = _log(self._store, self._of[job], job)
            self._last_words[job] = reason_in(log) or f"its log {log} says nothing"
        return self._last_words[job]


def last_words(jobs: Iterable[Job]) -> list[str]:
    """Why jobs failed, a line for those that failed alike."""
    alike: dict[tuple[str | None, str], list[str]] = defaultdict(list)
    for job in jobs:
        if job.last_word:
            alike[job.state, job.last_word].append(job.job)
    return [
        f"job {names[-1]}{f' and {len(names) - 1} more' if names[1:] else ''}: {state}: {word}"
        for (state, word), names in alike.items()
    ]


def _job(job: str, submission: Submission, state: JobState | None, held: dict[int, list[str]], last_word: str) -> Job:
    if state is None:
        state = JobState(job=-1, shown=job, name="", state="", restart=0, seen=0.0)
    return Job(
        job=job,
        sweep=submission.sweep,
        state=state.state or None,
        over=state.final,
        seen=state.seen or None,
        nodes=submission.nodes,
        hosts=state.hosts,
        seconds_left=None if state.left is None else max(state.left - max(time.time() - state.seen, 0.0), 0.0),
        reason=state.reason,
        packs=[] if state.waiting else held.get(state.job, []),
        last_word=last_word,
    )


def cancel_jobs(store: Store, sweep: str) -> list[str]:
    """Has SLURM end the sweep's allocations that wait or run; returns their ids. What packs saved stays.

    UsageError when a submission is unclear, SlurmError where there is no SLURM or it does not answer.
    """
    mine = [s for s in submissions(store) if s.sweep == sweep]
    unclear = [s.number for s in mine if receipt(store, s.number) is None]
    if unclear:
        raise UsageError(f"submission {unclear[0]} has no receipt: repeat `normsweep submit` first, which resolves it")
    names = {s.name for s in mine}
    live = sorted(job.shown for job in queued() if job.name in names and not job.final)
    if live:
        ask(["scancel", "--quiet", *live])
    return live


def log_of(store: Store, job: str) -> Path | None:
    """The job's own log; None for what is no job of this workspace."""
    for submission in submissions(store):
        if job in (receipt(store, submission.number) or ()):
            return _log(store, submission, job)
    return None


def _log(store: Store, submission: Submission, job: str) -> Path:
    return store.workspace.allocation(submission.number) / f"{job}_0_log.out"


def disturb(job: str, how: Literal["requeue", "warn", "end"]) -> None:
    """Has SLURM requeue a job, warn it as before its time limit, or end it."""
    commands = {
        "requeue": ["scontrol", "requeue", job],
        "warn": ["scancel", "--signal=USR2", job],
        "end": ["scancel", "--quiet", job],
    }
    ask(commands[how])
