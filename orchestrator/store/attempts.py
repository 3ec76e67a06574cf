"""Attempts at packs: what failed, what that allows next, and what was lost each time that one went on.

One write-once file for each failure and each interruption of an attempt.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from orchestrator.store.codec import Format
from orchestrator.store.files import TEMPORARY, Disk
from orchestrator.store.workspace import Workspace

# Attempts that each kind may cost a pack. The first two are a trial's own fault; a stall can turn out to be one.
BUDGETS = {
    "exception": 2,  # the same one at the same epoch: the pack is split
    "out_of_memory": 1,  # the pack is split at once
    "stalled": 3,  # ended by force since it did not move
    "lost_process": 5,
    "lost_node": 20,
    "lost_disk": 20,  # it refused for minutes
    "lost_copy": 20,  # of a plug-in, which the node could not run
    "preempted": 100,
}
OWN_FAULT = frozenset({"exception", "out_of_memory"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """What went wrong in attempt `generation`, in `epoch` (-1: before the first step, or not known); `kind`: as in
    `BUDGETS`.

    `step`: how many were done when the training itself came to a stall (-1: something else stood still, or no stall).
    """

    pack: str
    generation: int
    kind: str
    epoch: int
    message: str
    traceback: str
    host: str
    step: int = -1

    @property
    def fingerprint(self) -> str:
        """Equal for failures that differ in numbers, addresses and Ray's own ids only."""
        text = re.sub(r"0x[0-9a-f]+|\b[0-9a-f]{16,}\b|\d+", "#", f"{self.kind}\n{self.traceback or self.message}")
        return hashlib.sha256(text.encode()).hexdigest()[:12]


@dataclass(frozen=True, kw_only=True, slots=True)
class Interruption:
    """Attempt `generation` began from the state of `epoch`; what came after, at most `seconds` of it, is done again."""

    pack: str
    generation: int
    host: str
    epoch: int
    seconds: float


FAILURE = Format(record="failure", schema=1, type=Failure, remedy="remove it, and this attempt does not count")
INTERRUPTION = Format(
    record="interruption", schema=1, type=Interruption, remedy="remove it; it only tells what an attempt lost"
)


class Attempts:
    def __init__(self, workspace: Workspace, disk: Disk) -> None:
        self._workspace = workspace
        self._disk = disk

    def fail(self, failure: Failure) -> None:
        """Records a failure; the first of an attempt stays."""
        self._disk.publish(self._workspace.failure(failure.pack, failure.generation), FAILURE.encode(failure))

    def failures(self, pack: str, forgiven: int = 0) -> list[Failure]:
        """The pack's failures after the generation `forgiven`, oldest first."""
        if not self._workspace.failures.is_dir():
            return []
        failures = [FAILURE.read(path) for path in self._workspace.failures.glob(f"{pack}.*.json")]
        return sorted((f for f in failures if f.generation > forgiven), key=lambda f: f.generation)

    def failed_packs(self) -> set[str]:
        """The packs that ever failed; reads file names only."""
        folder = self._workspace.failures
        return {path.name.partition(".")[0] for path in folder.glob("[0-9a-f]*.json")} if folder.is_dir() else set()

    def interrupt(self, interruption: Interruption) -> None:
        """Records what the attempts before this one lost."""
        path = self._workspace.interruption(interruption.pack, interruption.generation)
        self._disk.publish(path, INTERRUPTION.encode(interruption))

    def interruptions(self, packs: Iterable[str] | None = None) -> list[Interruption]:
        """Of these packs, or of all, by pack and generation."""
        folder = self._workspace.interruptions
        if not folder.is_dir():
            return []
        wanted = None if packs is None else set(packs)
        interruptions = [
            INTERRUPTION.read(path)
            for path in folder.iterdir()
            if not path.name.startswith(TEMPORARY) and (wanted is None or path.name.split(".")[0] in wanted)
        ]
        return sorted(interruptions, key=lambda i: (i.pack, i.generation))


def verdict(failures: list[Failure], trials: int, inherited: Sequence[Failure] = ()) -> str:
    """What to do with a pack of so many trials that failed so: `retry`, `split` (its own fault), or `give up` (for this
    run). `inherited`: failures of the packs that it was split off, which count where its own repeat them."""
    own = {_cause(f) for f in failures if f.kind in OWN_FAULT}
    counts = Counter(cause for f in (*inherited, *failures) if (cause := _cause(f)) in own)
    if any(count >= BUDGETS[kind] for (kind, _, _), count in counts.items()):
        return "split"
    if trials > 1 and any(kind == "exception" and epoch < 0 for kind, epoch, _ in own):
        return "split"  # before the first step nothing is lost, and chance has had no say
    kinds = Counter(f.kind for f in failures)
    # An exception that comes at another epoch each time never repeats itself: it must not run for ever either.
    if kinds["exception"] >= 5 or _stalls_itself([f for f in failures if f.kind == "stalled" and f.step >= 0], trials):
        return "split"
    return "give up" if any(kinds[k] >= BUDGETS.get(k, 5) for k in kinds if k not in OWN_FAULT) else "retry"


def _cause(failure: Failure) -> tuple[str, int, str]:
    return failure.kind, failure.epoch, failure.fingerprint


def _stalls_itself(stalls: list[Failure], trials: int) -> bool:
    """Whether a trial of the pack is at fault: at one step it stood still on two nodes; or so often on one that the
    others should get their results, while a trial alone may yet be trained on another node."""
    nodes = {step: [f.host for f in stalls if f.step == step] for step in {f.step for f in stalls}}
    return any(len(set(n)) > 1 or (trials > 1 and len(n) >= BUDGETS["stalled"]) for n in nodes.values())
