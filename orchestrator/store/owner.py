"""Who works: a process that can be told apart from every other one, and whether it still lives."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from orchestrator.store.codec import Format
from orchestrator.store.files import Disk
from orchestrator.store.workspace import Workspace
from sweeps.identity import digest

STALE_SECONDS = 90.0  # an owner elsewhere whose heartbeat has not changed for so long, by our clock, may be dead


@dataclass(frozen=True, kw_only=True, slots=True)
class Owner:
    """A process: the kernel's boot, the pid namespace, the pid and when it started (clock ticks since boot).

    On SLURM `job` is `<job id>.<restart count>`: which incarnation of which job the process belongs to.
    """

    boot: str
    namespace: int
    pid: int
    started: int
    host: str
    job: str = ""

    @property
    def id(self) -> str:
        return digest(asdict(self))[:16]

    @property
    def here(self) -> bool:
        """Whether it belongs to this boot and pid namespace, so that its process can be looked for."""
        return (self.boot, self.namespace) == _here()

    @property
    def gone(self) -> bool | None:
        """Whether its process is over; None for a process of another machine."""
        return started(self.pid) != self.started if self.here else None


def started(pid: int) -> int | None:
    """When process `pid` of this pid namespace started (clock ticks since boot); None when it is gone or a zombie."""
    try:
        # After the command's name in parentheses, which may hold anything: state, ppid, ... starttime (field 22).
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else int(fields[19])


@cache
def _here() -> tuple[str, int]:
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return boot, Path("/proc/self/ns/pid").stat().st_ino


def myself(job: str = "") -> Owner:
    boot, namespace = _here()
    pid = os.getpid()
    start = started(pid)
    assert start is not None
    return Owner(boot=boot, namespace=namespace, pid=pid, started=start, host=socket.gethostname(), job=job)


class Liveness:
    """Whether owners live, as far as this observer can tell. Unknown never means dead."""

    def __init__(
        self,
        workspace: Workspace,
        stale_seconds: float = STALE_SECONDS,
        runs: Callable[[str], bool | None] = lambda _: None,
    ) -> None:
        """`runs` says of an owner's job whether it runs; None when it cannot say."""
        self._workspace = workspace
        self._runs = runs
        self._stale_seconds = stale_seconds
        self._seen: dict[str, tuple[bytes, float]] = {}  # heartbeat content, when it was first seen so

    def dead(self, owner: Owner) -> bool:
        """True only when known: here the process is gone; elsewhere its job does not run, or nobody can say that it
        does and the heartbeat stood still for long."""
        gone = owner.gone
        if gone is not None:
            return gone
        runs = self._runs(owner.job) if owner.job else None
        if runs is not None:
            return not runs
        try:
            content = self._workspace.heartbeat(owner.id).read_bytes()
        except FileNotFoundError:
            content = b""
        known, since = self._seen.get(owner.id, (None, 0.0))
        if known != content:
            self._seen[owner.id] = (content, time.monotonic())
            return False
        return time.monotonic() - since > self._stale_seconds


@dataclass(frozen=True, kw_only=True, slots=True)
class Beat:
    """A heartbeat: `count` only has to differ from the last one."""

    owner: Owner
    count: int


HEARTBEAT = Format(record="heartbeat", schema=1, type=Beat, remedy="remove it")


def beat(workspace: Workspace, disk: Disk, owner: Owner, count: int) -> None:
    """Changes the owner's heartbeat file."""
    disk.replace(workspace.heartbeat(owner.id), HEARTBEAT.encode(Beat(owner=owner, count=count)))
