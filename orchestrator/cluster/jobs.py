"""The SLURM jobs of a workspace: what was submitted, what SLURM says of it, what it holds, how it ends."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from orchestrator.cluster.submissions import Submission, end, receipt, refusal, submissions
from orchestrator.store import Store
from orchestrator.store.leases import Lease
from slurm.accounting import Accounting, JobState, queued
from slurm.command import ask
from slurm.errors import SlurmError, reason_in
from slurm.job import Incarnation
from sweeps.errors import UsageError

COMING_SECONDS = 5.0  # that an heir needs at most from its intent into the queue


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """An allocation. `job` as SLURM shows it; `state` None: SLURM has not spoken of it; `seen`: when it did last.

    `last_word`: of a job that failed, why, as its log says. `heir_of`: the job after whose end it begins; `unneeded`:
    an heir that was withdrawn before it began.
    """

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
    heir_of: str = ""
    unneeded: bool = False

    @property
    def way_on(self) -> str:
        """What has to be done before it goes on: SLURM holds a job that a node failed to launch."""
        if "held" not in self.reason.lower():
            return ""
        if "admin" in self.reason.lower():
            return "the cluster's operators hold it: ask them"
        return f"it is held: `scontrol release {self.job}`"


class Jobs:
    """Looks again and again; SLURM is asked seldom, by one of all who look."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._accounting = Accounting(store.workspace.accounting)
        self._known: list[Submission] = []
        self._receipts: dict[int, list[str]] = {}  # written once, like the intents
        self._of: dict[str, Submission] = {}
        self._states: dict[str, JobState] = {}
        self._last_words: dict[str, str] = {}
        self.problems: list[str] = []

    def look(self) -> None:
        self._known = submissions(self._store, self._known)
        for s in self._known:
            if s.number not in self._receipts and (jobs := receipt(self._store, s.number)) is not None:
                self._receipts[s.number] = jobs
        known = [(s, self._receipts.get(s.number)) for s in self._known]
        self._of = {job: submission for submission, jobs in known for job in jobs or ()}
        self.problems = [
            f"submission {s.number} of sweep {s.sweep} has no receipt: repeat `normsweep submit`, "
            "which asks SLURM what became of it"
            for s, jobs in known
            if jobs is None and not s.heir_of
        ]
        if self._of:
            try:
                self._states = self._accounting.states(self._of)
            except OSError as error:  # somebody else's workspace, or a disk that is read-only now
                self.problems.append(f"SLURM was not asked, since its answer cannot be kept: {error}")
            except SlurmError as error:
                self.problems.append(str(error))
        self.problems += self._without_heirs([s for s, jobs in known if jobs == [] and s.heir_of])

    def _without_heirs(self, void: Iterable[Submission]) -> list[str]:
        succeeded = {s.heir_of for s in self._of.values()}
        return [
            f"job {job} leaves no heir ({why}): when SLURM has ended it, repeat `normsweep submit`"
            for job, number in {s.heir_of: s.number for s in void}.items()
            if job in self._of and job not in succeeded and not self.is_over(job)
            for why in [refusal(self._store, number)]
            if why
        ]

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
        return [self._job(job, submission, held) for job, submission in self._of.items() if submission.sweep == sweep]

    def _last_word(self, job: str) -> str:
        if not self.is_over(job) or self._states[job].state in ("COMPLETED", "CANCELLED", "PREEMPTED"):
            return ""
        if job not in self._last_words:
            log = _log(self._store, self._of[job], job)
            self._last_words[job] = reason_in(log) or f"its log {log} says nothing"
        return self._last_words[job]

    def _job(self, job: str, submission: Submission, held: dict[int, list[str]]) -> Job:
        silence = JobState(job=-1, shown=job, name="", state="", restart=0, seen=0.0)
        state = self._states.get(job, silence)
        withdrawn = bool(submission.heir_of) and self._store.workspace.ended(submission.number).exists()
        unneeded = withdrawn and not _log(self._store, submission, job).exists()
        return Job(
            job=job,
            sweep=submission.sweep,
            state=state.state or None,
            over=state.final or unneeded,  # SLURM forgets what never began
            seen=state.seen or None,
            nodes=submission.nodes,
            hosts=state.hosts,
            seconds_left=None if state.left is None else max(state.left - max(time.time() - state.seen, 0.0), 0.0),
            reason=state.reason,
            packs=[] if state.waiting else held.get(state.job, []),
            last_word=self._last_word(job),
            heir_of=submission.heir_of,
            unneeded=unneeded,
        )


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


def cancel_jobs(store: Store, sweep: str) -> list[str]:
    """Has SLURM end the sweep's allocations that wait or run; returns their ids. What packs saved stays.

    UsageError when a submission is unclear, SlurmError where there is no SLURM or it does not answer.
    """
    mine: dict[int, Submission] = {}
    coming = False
    # A job that leaves an heir writes its intent and looks whether its submission is ended: the other way round here.
    while new := [s for s in submissions(store) if s.sweep == sweep and s.number not in mine]:
        unclear = {s.number for s in new if receipt(store, s.number) is None}
        for s in new:
            if s.number in unclear and not s.heir_of:
                raise UsageError(
                    f"submission {s.number} has no receipt: repeat `normsweep submit` first, which resolves it"
                )
        live = {job.name for job in queued()}
        for s in new:
            if s.number in unclear or s.name in live:
                end(store, s.number)
        coming |= bool(unclear)
        mine |= {s.number: s for s in new}
    names = {s.name for s in mine.values()}
    ended = _cancel(names)
    until = time.monotonic() + COMING_SECONDS
    while coming and time.monotonic() < until:  # the heir of a job that was about to submit it
        time.sleep(0.5)
        ended |= _cancel(names)
    return sorted(ended)


def _cancel(names: Collection[str]) -> set[str]:
    """Those that wait first: the end of a job is what its heir waits for."""
    live = [job for job in queued() if job.name in names and not job.final]
    for jobs in ([job.shown for job in live if job.waiting], [job.shown for job in live if not job.waiting]):
        if jobs:
            ask(["scancel", "--quiet", *jobs])
    return {job.shown for job in live}


def log_of(store: Store, job: str) -> Path | None:
    """The job's own log; None for what is no job of this workspace."""
    for submission in submissions(store):
        if job in (receipt(store, submission.number) or ()):
            return _log(store, submission, job)
    return None


def _log(store: Store, submission: Submission, job: str) -> Path:
    return store.workspace.allocation(submission.number) / f"{job}_0_log.out"


def disturb(job: str, how: Literal["requeue", "warn"]) -> None:
    """Has SLURM requeue a job, or warn it as before its time limit."""
    commands = {
        "requeue": ["scontrol", "requeue", job],
        "warn": ["scancel", "--signal=USR2", job],
    }
    ask(commands[how])
