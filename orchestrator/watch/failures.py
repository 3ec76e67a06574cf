"""`normsweep errors`: failures that are alike, counted together. Reads only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from orchestrator.cluster.jobs import Jobs, last_words
from orchestrator.store import Store
from orchestrator.store.attempts import Failure, Interruption
from orchestrator.watch.states import Observer
from orchestrator.words import counted
from sweeps.identity import short
from sweeps.select import Selector

FIXES = {
    "exception": "read the example; when it is mended: normsweep retry {sweep} -w state=failed",
    "out_of_memory": "train fewer packs at once (--cpus) or on a machine with more memory, then: "
    "normsweep retry {sweep} -w state=failed",
    "stalled": "see what held it up on that node (a GPU, a disk, a debugger), or whether the method ever ends; "
    "packs that were given up come back with: normsweep retry {sweep} -w state=todo",
    "lost_process": "often the kernel ended it for lack of memory (see dmesg): train fewer packs at once (--cpus); "
    "packs that were given up come back with: normsweep retry {sweep} -w state=todo",
    "lost_node": "run again: packs go on from their checkpoints",
    "lost_disk": "see what the disk of the workspace says (full, over quota, read-only?), then run again",
    "lost_copy": "read the example, mend the copy of the plug-in or the node, then run again",
    "preempted": "run again: packs go on from their checkpoints",
}

UNKNOWN = "a newer normsweep recorded this kind: update it"


@dataclass(frozen=True, kw_only=True, slots=True)
class ErrorGroup:
    """Failures of one fingerprint; `failed`: trials that ended so; `example`: the newest of them."""

    fingerprint: str
    count: int
    kind: str
    packs: int
    trials: int
    failed: int
    hosts: list[str]
    epochs: list[int]
    fix: str
    example: Failure

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def errors(
    store: Store,
    sweep: str | None = None,
    where: Selector | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> list[ErrorGroup]:
    """The groups, the most frequent first; `tell` hears of parts that cannot be read.

    MissingError for an unknown sweep, UsageError for a selector that names no trial.
    """
    observer = Observer(store)
    names = observer.names(sweep)
    states: dict[str, str] = {}
    for name in names:
        found = observer.sweep(name)
        for problem in found.problems:
            tell(problem)
        chosen = found.selected(where, least=1 if sweep else 0)
        states |= {trial: found.of[trial] for trial in chosen}
    groups: dict[str, list[Failure]] = {}
    for pack in sorted(store.attempts.failed_packs()):
        members = observer.roster.packs.get(pack)
        if members is not None and not states.keys().isdisjoint(members.trial_ids):
            for failure in store.attempts.failures(pack):
                groups.setdefault(failure.fingerprint, []).append(failure)
    made = [_group(observer, f, states, sweep or "SWEEP") for f in groups.values()]
    return sorted(made, key=lambda g: (-g.count, g.fingerprint))


def _group(observer: Observer, failures: list[Failure], states: dict[str, str], sweep: str) -> ErrorGroup:
    packs = {f.pack for f in failures}
    trials = {t for pack in packs for t in observer.roster.packs[pack].trial_ids if t in states}
    alone = {t for pack in packs - observer.roster.replaced for t in observer.roster.packs[pack].trial_ids}
    last = failures[-1]
    return ErrorGroup(
        fingerprint=last.fingerprint,
        count=len(failures),
        kind=last.kind,
        packs=len(packs),
        trials=len(trials),
        failed=sum(states[t] == "failed" for t in trials & alone),
        hosts=sorted({f.host for f in failures}),
        epochs=sorted({f.epoch for f in failures if f.epoch >= 0}),
        fix=FIXES.get(last.kind, UNKNOWN).format(sweep=sweep),
        example=last,
    )


def failed_jobs(store: Store, sweep: str | None = None) -> str:
    """Why SLURM jobs of a sweep or of all failed, a line for those that failed alike; "" when none did."""
    jobs = Jobs(store)
    jobs.look()
    return "\n".join(line for name in Observer(store).names(sweep) for line in last_words(jobs.of(name, ())))


def interrupted(store: Store, sweep: str | None = None) -> str:
    """What interruptions cost the packs of a sweep or of all; "" when there were none."""
    observer = Observer(store)
    packs = {pack.id for name in observer.names(sweep) for pack in observer.sweep(name).packs}
    return _lost(store.attempts.interruptions(packs))


def _lost(interruptions: list[Interruption]) -> str:
    if not interruptions:
        return ""
    packs = counted(len({i.pack for i in interruptions}), "pack")
    seconds = [i.seconds for i in interruptions]
    return (
        f"{packs} went on after {counted(len(interruptions), 'interruption')}: at most {sum(seconds):.1f} s "
        f"of training done again, at most {max(seconds):.1f} s at a time"
    )


def lines(groups: list[ErrorGroup]) -> str:
    """The groups as text."""
    told: list[str] = []
    for group in groups:
        epochs = f", epochs {', '.join(map(str, group.epochs[:6]))}" if group.epochs else ""
        told += [
            f"{counted(group.count, 'time')} {group.kind} ({group.fingerprint}): {counted(group.packs, 'pack')}, "
            f"{counted(group.trials, 'trial')}, "
            f"{group.failed} failed, on {', '.join(group.hosts)}{epochs}",
            f"  {group.example.message}",
            f"  example: normsweep logs {short(group.example.pack)}",
            f"  {group.fix}",
        ]
    return "\n".join(told) or "no failure of a pack is recorded"
