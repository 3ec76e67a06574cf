"""`normsweep submit`: compares the allocations that are wanted with those that live, and submits the difference."""

from __future__ import annotations

import errno
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict

from orchestrator.cluster import allocation
from orchestrator.cluster.heirs import places
from orchestrator.cluster.submissions import (
    Submission,
    intend,
    new_name,
    receipt,
    resolve,
    send,
    submissions,
    under_way,
)
from orchestrator.engine.driver import missing_packs
from orchestrator.planning import room
from orchestrator.planning.cost import CAUTION, CostModel
from orchestrator.planning.plan import commit_and_tell
from orchestrator.planning.preview import beside
from orchestrator.planning.source import tell_other_sources
from orchestrator.store import Store
from orchestrator.store.owner import myself
from orchestrator.store.roster import RosterPack
from slurm.accounting import queued
from slurm.errors import Unanswered
from slurm.partitions import problems
from slurm.probe import probe
from slurm.profile import Profile
from sweeps.errors import UnavailableError, UsageError
from sweeps.file.spec import SweepSpec
from sweeps.identity import digest
from sweeps.select import Selector

UNCLEAR_SECONDS = 600.0  # a submission begun elsewhere so long ago is no longer under way


def submit_sweep(
    store: Store,
    spec: SweepSpec,
    profile: Profile,
    allocations: int,
    nodes: int,
    tell: Callable[[str], None],
    where: Selector | None = None,
    confirm: Callable[[str], None] = lambda _: None,
    same_results: bool = False,
) -> list[str]:
    """Sees to it that so many allocations work on the sweep, or on the trials of it that `where` selects.

    Returns the ids of the jobs that it submitted. `confirm`: as of `planning.plan.commit`; `same_results`: as of
    `engine.run.run`. Repeat at will.
    UsageError before anything is submitted for what the cluster or the sweep rules out.
    """
    try:
        wrong = problems(profile, nodes)
        if wrong:
            raise UsageError("\n".join(wrong))
        planned = commit_and_tell(store, spec, where, confirm, tell, same_results=same_results)
        tell_other_sources(store, planned.serving, spec.name, tell, same_results=same_results)
        packs = missing_packs(store, set(planned.trials))
        if not packs:
            tell(f"{spec.name}: all {len(planned.trials)} trials are done")
            return []
        if told := beside(store, planned):
            tell(told)
        _check(store, spec, profile, nodes, packs)
        return _difference(store, spec, str(where or ""), profile, min(allocations, len(packs)), nodes, tell)
    except Unanswered as error:
        raise Unanswered(f"SLURM does not answer, so nothing more was submitted; repeat later: {error}") from None
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise UnavailableError(
            f"{store.workspace.root} cannot be written ({error.strerror}), so nothing more was submitted: "
            "free some space or ask for a larger quota, then repeat"
        ) from None


def _check(store: Store, spec: SweepSpec, profile: Profile, nodes: int, packs: list[RosterPack]) -> None:
    room.on_nodes(spec, profile.cpus, profile.gpus, nodes)
    usable = 60 * profile.minutes - _kept(profile)
    costs = CostModel(store)
    longest = max(CAUTION * (costs.seconds(costs.of_pack(pack), spec.run) or 0.0) for pack in packs)
    if longest > usable:
        raise UsageError(
            f"the longest pack of sweep {spec.name} may need {longest / 60:.0f} minutes, an allocation of "
            f"{profile.minutes} minutes leaves {usable / 60:.0f}: raise `minutes`, or make packs smaller with run.pack"
        )


def _kept(profile: Profile) -> float:
    """Seconds at the end of an allocation in which nothing new is begun."""
    return profile.signal_seconds + allocation.LAST_SECONDS


def _difference(
    store: Store, spec: SweepSpec, where: str, profile: Profile, wanted: int, nodes: int, tell: Callable[[str], None]
) -> list[str]:
    submitted: list[str] = []
    asked = (spec.name, spec.version, where)
    while True:
        known = submissions(store)
        by_name = {s.name: s for s in known}
        live = [job for job in queued() if job.name in by_name and not job.final]
        unclear = [s for s in known if receipt(store, s.number) is None]
        alone = [s for s in unclear if s.heir_of not in {job.shown for job in live}]  # others' parents see to them
        if alone:
            for submission in alone:
                _resolve(store, submission, tell)
            continue
        here = [by_name[job.name] for job in places(live, by_name)]
        lives = sum((s.sweep, s.version, s.where) == asked for s in here)
        count = min(wanted - lives, profile.max_array)
        if count <= 0:
            tell(f"{spec.name}: {lives} allocations wait or run" + ("; nothing to submit" if not submitted else ""))
            return submitted
        if len(live) + wanted - lives > profile.max_jobs:
            raise UsageError(
                f"{wanted - lives} more allocations beside the {len(live)} that wait or run are more than the "
                f"{profile.max_jobs} jobs that the site file allows (max_jobs): ask for fewer"
            )
        _probe(store, profile, tell)
        intent = Submission(
            number=len(known) + 1,
            name=new_name(len(known) + 1),
            sweep=spec.name,
            version=spec.version,
            count=count,
            nodes=nodes,
            cpus=profile.cpus,
            gpus=profile.gpus,
            usable_seconds=60 * profile.minutes - _kept(profile),
            kept_seconds=_kept(profile),
            owner=myself(),
            where=where,
        )
        if intend(store, intent):
            submitted += _submit(store, intent, profile, tell)


def _probe(store: Store, profile: Profile, tell: Callable[[str], None]) -> None:
    """SiteError when a node that allocations will get does not see the workspace or cannot run us. Asked once."""
    seen = store.workspace.probed(digest({**asdict(profile), "by": sys.executable})[:16])
    if seen.exists():
        return
    store.workspace.allocations.mkdir(parents=True, exist_ok=True)
    remarks = probe(profile, store.workspace.allocations, "orchestrator.cluster.allocation")
    if remarks is None:
        tell("no node was free for a probe: each allocation looks by itself whether it sees the workspace")
        return
    for remark in remarks:
        tell(remark)
    store.disk.publish(seen, b"")


def _submit(store: Store, intent: Submission, profile: Profile, tell: Callable[[str], None]) -> list[str]:
    umask = os.umask(0)
    os.umask(umask)
    jobs = send(store, intent, profile, umask, allocation.work)
    if not jobs:
        raise UsageError(f"another submit took over from this one, whose jobs ({intent.name}) were cancelled")
    tell(f"{intent.sweep}: submitted {intent.count} allocations of {intent.nodes} nodes: jobs {', '.join(jobs)}")
    return jobs


def _resolve(store: Store, unclear: Submission, tell: Callable[[str], None]) -> None:
    """Asks SLURM what became of a submission that has no receipt."""
    alive = False if unclear.heir_of else under_way(unclear)
    with tempfile.TemporaryFile(dir=store.workspace.allocations) as now:  # by the clock of the disk
        age = os.fstat(now.fileno()).st_mtime - store.workspace.intent(unclear.number).stat().st_mtime
    if alive or (alive is None and age < UNCLEAR_SECONDS):
        raise UsageError(
            f"another submit is under way on {unclear.owner.host} (process {unclear.owner.pid}, for {age:.0f} s): "
            f"wait for it"
        )
    jobs = resolve(store, unclear)
    if jobs:
        tell(f"submission {unclear.number} was interrupted after sbatch: adopted its jobs {', '.join(jobs)}")
    else:
        tell(f"submission {unclear.number} was interrupted before sbatch: it is void")
