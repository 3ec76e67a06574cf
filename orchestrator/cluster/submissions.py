"""Submissions to SLURM: an intent before sbatch, a receipt after it, both write-once and numbered.

A submission without a receipt is unclear: whoever submits next resolves it. A void one never does any work: its jobs,
should they come after all, see that and end. Nor does one that is ended: with `cancel --jobs`, or as an heir that is
not needed.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.store import Store
from orchestrator.store.codec import Format
from orchestrator.store.owner import Owner
from orchestrator.store.sweeps import AT
from slurm.accounting import queued
from slurm.allocation import adopt, submit
from slurm.command import ask
from slurm.errors import SlurmError
from slurm.profile import Profile
from sweeps.select import Selector


@dataclass(frozen=True, kw_only=True, slots=True)
class Submission:
    """`name` is the job's, given to no other submission anywhere."""

    number: int
    name: str
    sweep: str
    count: int
    nodes: int
    cpus: int
    gpus: int
    usable_seconds: float  # of an allocation: its time limit without what is kept for the end
    kept_seconds: float
    owner: Owner
    where: str = ""  # the selector of what its allocations train; "": all that the sweep wants
    heir_of: str = ""  # the job, as SLURM shows it, that this one waits for and goes on for
    parent: int = 0  # the submission of that job
    version: int = 0  # of the sweep, that its allocations train; 0: the newest

    @property
    def reference(self) -> str:
        """`SWEEP`, or `SWEEP@2`."""
        return f"{self.sweep}{AT}{self.version}" if self.version else self.sweep

    def wanted(self, store: Store) -> set[str]:
        """The trials that its allocations train: of the sweep's version those that `where` selects."""
        trials = set(store.sweeps.needed(self.reference).trials)
        selector = Selector.parse(self.where)
        if not selector:
            return trials
        return {t.id for p in store.roster.live if not trials.isdisjoint(p.trial_ids) for t in p.trials
                if t.id in trials and selector.matches(t)}  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Receipt:
    """The jobs of a submission; none when it is void, for a `reason` where SLURM or the site file refused it."""

    jobs: list[str]
    reason: str = ""


INTENT = Format(
    record="submission",
    schema=1,
    type=Submission,
    remedy="restore it from a copy, or cancel its jobs (`squeue --me`) and move it away with its receipt",
)
RECEIPT = Format(
    record="receipt", schema=1, type=Receipt, remedy="remove it and repeat `normsweep submit`, which asks SLURM again"
)


def new_name(number: int) -> str:
    """Of the jobs of a submission."""
    return f"normsweep-{secrets.token_hex(4)}-{number}"


def read(store: Store, number: int) -> Submission:
    return INTENT.read(store.workspace.intent(number))


def intend(store: Store, submission: Submission) -> bool:
    """Writes the intent. False when another took the number: read again and count again."""
    return store.disk.publish(store.workspace.intent(submission.number), INTENT.encode(submission))


def submissions(store: Store, read_before: Sequence[Submission] = ()) -> list[Submission]:
    """All that were intended, oldest first."""
    known = list(read_before)
    while store.workspace.intent(len(known) + 1).exists():
        known.append(read(store, len(known) + 1))
    return known


def confirm(store: Store, number: int, jobs: list[str], reason: str = "") -> bool:
    """Writes the receipt; without jobs the submission is void. False when there is another receipt already."""
    return store.disk.publish(store.workspace.receipt(number), RECEIPT.encode(Receipt(jobs=jobs, reason=reason)))


def receipt(store: Store, number: int) -> list[str] | None:
    """The submission's jobs, none when it is void; None when that is unclear."""
    try:
        return RECEIPT.read(store.workspace.receipt(number)).jobs
    except FileNotFoundError:
        return None


def refusal(store: Store, number: int) -> str:
    """Why a submission that is void was refused; "" where it was not."""
    return RECEIPT.read(store.workspace.receipt(number)).reason


def is_over(store: Store, number: int) -> bool:
    """Whether its jobs, should there be any, are to end at once."""
    return receipt(store, number) == [] or store.workspace.ended(number).exists()


def end(store: Store, number: int) -> None:
    """From now on its jobs begin nothing and leave no heirs. Void it becomes if it has no receipt yet."""
    store.disk.publish(store.workspace.ended(number), b"")
    confirm(store, number, [])


def send(store: Store, intent: Submission, profile: Profile, umask: int, work: Callable[..., Any]) -> list[str]:
    """Submits what was intended and writes the receipt; returns the jobs, none when another receipt came first.

    SlurmError with the reason when SLURM refuses: then the submission is void.
    """
    arguments = (str(store.workspace.root), intent.number, profile, umask)
    comment = f"normsweep {intent.sweep} in {store.workspace.root}"
    folder = store.workspace.allocation(intent.number)
    try:
        jobs = submit(
            profile, intent.count, intent.nodes, intent.name, comment, folder, work, *arguments, after=intent.heir_of
        )
    except SlurmError as error:
        confirm(store, intent.number, [], str(error))
        raise
    if confirm(store, intent.number, jobs) or receipt(store, intent.number) == jobs:
        return jobs
    ask(["scancel", "--quiet", "--name", intent.name])
    return []


def resolve(store: Store, unclear: Submission) -> list[str]:
    """Asks SLURM what became of a submission without a receipt; returns its jobs, none when it is void now."""
    jobs = _queued(unclear)
    if jobs:
        adopt(store.workspace.allocation(unclear.number), jobs)
        confirm(store, unclear.number, jobs)
    elif confirm(store, unclear.number, []) and _queued(unclear):
        # sbatch may have been on its way: a job that came since started without knowing, a later one will know.
        ask(["scancel", "--quiet", "--name", unclear.name])
    return jobs


def _queued(submission: Submission) -> list[str]:
    return sorted(job.shown for job in queued() if job.name == submission.name)


def under_way(submission: Submission) -> bool | None:
    """Whether the `submit` that made it still runs; None when it ran on another machine."""
    gone = submission.owner.gone
    return None if gone is None else not gone
