"""Submissions to SLURM: an intent before sbatch, a receipt after it, both write-once and numbered.

A submission without a receipt is unclear: whoever submits next resolves it. A void one never does any work: its jobs,
should they come after all, see that and end.
"""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.store import Store
from orchestrator.store.codec import Format
from orchestrator.store.owner import Owner
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

    def wanted(self, store: Store) -> set[str]:
        """The trials that its allocations train: of the sweep's newest version those that `where` selects."""
        trials = set(store.sweeps.needed(self.sweep).trials)
        selector = Selector.parse(self.where)
        if not selector:
            return trials
        return {t.id for p in store.roster.live if not trials.isdisjoint(p.trial_ids) for t in p.trials
                if t.id in trials and selector.matches(t)}  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Receipt:
    """The jobs of a submission; none when it is void."""

    jobs: list[str]


INTENT = Format(
    record="submission",
    schema=1,
    type=Submission,
    remedy="restore it from a copy, or cancel its jobs (`squeue --me`) and move it away with its receipt",
)
RECEIPT = Format(
    record="receipt", schema=1, type=Receipt, remedy="remove it and repeat `normsweep submit`, which asks SLURM again"
)


def read(store: Store, number: int) -> Submission:
    return INTENT.read(store.workspace.intent(number))


def intend(store: Store, submission: Submission) -> bool:
    """Writes the intent. False when another took the number: read again and count again."""
    return store.disk.publish(store.workspace.intent(submission.number), INTENT.encode(submission))


def submissions(store: Store) -> list[Submission]:
    """All that were intended, oldest first."""
    known: list[Submission] = []
    while store.workspace.intent(len(known) + 1).exists():
        known.append(read(store, len(known) + 1))
    return known


def confirm(store: Store, number: int, jobs: list[str]) -> bool:
    """Writes the receipt; without jobs the submission is void. False when there is another receipt already."""
    return store.disk.publish(store.workspace.receipt(number), RECEIPT.encode(Receipt(jobs=jobs)))


def receipt(store: Store, number: int) -> list[str] | None:
    """The submission's jobs, none when it is void; None when that is unclear."""
    try:
        return RECEIPT.read(store.workspace.receipt(number)).jobs
    except FileNotFoundError:
        return None


def is_void(store: Store, number: int) -> bool:
    return receipt(store, number) == []


def under_way(submission: Submission) -> bool | None:
    """Whether the `submit` that made it still runs; None when it ran on another machine."""
    gone = submission.owner.gone
    return None if gone is None else not gone
