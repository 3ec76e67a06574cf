"""Failures: what went wrong with a pack, one write-once file an attempt, and what that allows next."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from dataclasses import asdict, dataclass

from orchestrator.store.files import publish
from orchestrator.store.workspace import Workspace

# Attempts that each kind may cost a pack. Only the first two can be a trial's own fault.
BUDGETS = {
    "exception": 2,  # the same one at the same epoch: the pack is split
    "out_of_memory": 1,  # the pack is split at once
    "lost_process": 5,
    "lost_node": 20,
    "lost_disk": 20,  # it refused for minutes
    "preempted": 100,
    "time_limit": 100,
}
OWN_FAULT = frozenset({"exception", "out_of_memory"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    pack: str
    generation: int
    kind: str
    epoch: int
    message: str
    traceback: str
    host: str

    @property
    def fingerprint(self) -> str:
        """Equal for failures that differ in numbers, addresses and Ray's own ids only."""
        text = re.sub(r"0x[0-9a-f]+|\b[0-9a-f]{16,}\b|\d+", "#", f"{self.kind}\n{self.traceback or self.message}")
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def record(workspace: Workspace, failure: Failure) -> None:
    publish(workspace.failure(failure.pack, failure.generation), json.dumps(asdict(failure)).encode())


def of_pack(workspace: Workspace, pack: str) -> list[Failure]:
    """The pack's failures, oldest first."""
    if not workspace.failures.is_dir():
        return []
    found = [Failure(**json.loads(p.read_bytes())) for p in workspace.failures.glob(f"{pack}.*.json")]
    return sorted(found, key=lambda f: f.generation)


def counting(failures: list[Failure], forgiven: int) -> list[Failure]:
    """Those after the generation that `retry` forgave."""
    return [f for f in failures if f.generation > forgiven]


def verdict(failures: list[Failure]) -> str:
    """What to do with a pack that failed so: `retry`, `split` (its own fault), or `give up` (for this run)."""
    own = Counter((f.kind, f.epoch, f.fingerprint) for f in failures if f.kind in OWN_FAULT)
    if any(count >= BUDGETS[kind] for (kind, _, _), count in own.items()):
        return "split"
    kinds = Counter(f.kind for f in failures)
    # An exception that comes at another epoch each time never repeats itself: it must not run for ever either.
    if kinds["exception"] >= 5:
        return "split"
    return "give up" if any(kinds[k] >= BUDGETS[k] for k in kinds if k not in OWN_FAULT) else "retry"
