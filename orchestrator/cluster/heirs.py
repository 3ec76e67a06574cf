"""Heirs: where SLURM would not queue an allocation again, a job that waits for its end and goes on in its place.

An heir is a submission of one job that depends on its parent's end, whatever that is: preemption, a lost node, the time
limit. It is left as the parent starts, since a lost node leaves no time for anything. A parent that ends of its own
accord withdraws it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from orchestrator.cluster.submissions import (
    Submission,
    confirm,
    end,
    intend,
    is_over,
    new_name,
    read,
    receipt,
    resolve,
    send,
    submissions,
)
from orchestrator.store import Store
from orchestrator.store.owner import myself
from orchestrator.store.workspace import Workspace
from slurm.accounting import JobState, queued
from slurm.command import ask
from slurm.errors import SiteError, SlurmError
from slurm.job import shown
from slurm.patience import patiently
from slurm.profile import Profile
from slurm.supervisor import preempted
from sweeps.errors import NormsweepError

# Allocations in a row, each the heir of the one before, that neither finished nor saved anything; those that were
# preempted say nothing about the next one.
FRUITLESS = 5


def places(live: Sequence[JobState], by_name: Mapping[str, Submission]) -> list[JobState]:
    """The live jobs without heirs that wait beside their parents: as many as were asked for."""
    jobs = {job.shown for job in live}
    return [job for job in live if not (job.waiting and by_name[job.name].heir_of in jobs)]


def begin(store: Store, mine: Submission) -> bool:
    """Whether this job of `mine`, which has just started, is wanted.

    RuntimeError for an heir whose ancestors one after the other got nowhere.
    """
    if mine.heir_of:
        confirm(store, mine.number, [shown()])  # the parent may have been lost before it did
    if is_over(store, mine.number):
        return False
    ancestors: list[str] = []
    life = mine
    while life.heir_of and not _excused(store.workspace, life.parent, life.heir_of):
        ancestors.append(life.heir_of)
        if len(ancestors) == FRUITLESS:
            raise RuntimeError(
                f"{FRUITLESS} jobs in a row, each the heir of the one before, neither finished nor saved anything, so "
                f"this is the last: see `normsweep logs JOB` of {', '.join(reversed(ancestors))}"
            )
        life = read(store, life.parent)
    return True


def _excused(workspace: Workspace, number: int, job: str) -> bool:
    """Whether that job got somewhere, or was preempted before it could."""
    return workspace.fruitful(number, job).exists() or preempted(workspace.allocation(number), job).exists()


def leave(store: Store, mine: Submission, profile: Profile, umask: int, work: Callable[..., Any]) -> bool:
    """Sees to it that this job of `mine` has an heir; False, with a line in the log, where it cannot be."""
    try:
        return patiently(lambda: _leave(store, mine, profile, umask, work))
    except (SlurmError, OSError, NormsweepError) as error:  # whatever it is, this job trains
        print(f"this job leaves no heir: {error}", flush=True)
        return False


def withdraw(store: Store, mine: Submission) -> None:
    """Cancels the heir of this job, if there is one: nothing is left for it to do."""
    for heir in _heirs(store, mine):
        patiently(lambda heir=heir: end(store, heir.number))
        try:
            patiently(lambda heir=heir: ask(["scancel", "--quiet", "--name", heir.name]))
        except SlurmError as error:
            print(f"the heir of this job is not cancelled, and will end as soon as it starts: {error}", flush=True)


def _heirs(store: Store, mine: Submission) -> list[Submission]:
    return [s for s in submissions(store) if (s.parent, s.heir_of) == (mine.number, shown())]


def _leave(store: Store, mine: Submission, profile: Profile, umask: int, work: Callable[..., Any]) -> bool:
    for heir in _heirs(store, mine):
        jobs = [] if is_over(store, heir.number) else receipt(store, heir.number)
        if resolve(store, heir) if jobs is None else jobs:
            return True
    intent = _intend(store, mine)
    # Whoever ends our submission does so before looking for intents, and we look after writing one.
    if is_over(store, mine.number):
        confirm(store, intent.number, [])
        return False
    older = submissions(store)[: intent.number - 1]
    names = {s.name for s in older}
    live = [job.name for job in queued() if job.name in names]
    coming = [s for s in older if receipt(store, s.number) is None and s.name not in live]
    if len(live) + len(coming) >= profile.max_jobs:
        reason = f"the site file allows {profile.max_jobs} jobs (max_jobs), and so many wait or run"
        confirm(store, intent.number, [], reason)
        raise SiteError(reason)
    try:
        jobs = send(store, intent, profile, umask, work)
    except SlurmError:
        queued()  # where SLURM gives no answer at all, this is no refusal: once more, then
        raise
    print(f"job {jobs[0]} is the heir of this job" if jobs else "this job is cancelled and leaves no heir", flush=True)
    return bool(jobs)


def _intend(store: Store, mine: Submission) -> Submission:
    while True:
        number = len(submissions(store)) + 1
        intent = replace(
            mine, number=number, name=new_name(number), count=1, owner=myself(), heir_of=shown(), parent=mine.number
        )
        if intend(store, intent):
            return intent
