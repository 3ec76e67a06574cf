"""Mirrors while a sweep runs: every few seconds, until the driver ends, and once more."""

from __future__ import annotations

import os
import select
import time

from orchestrator.mirror.sync import LEASE, holder
from orchestrator.mirror.synchronization import synchronize
from orchestrator.store import Store
from orchestrator.store.leases import Lease
from orchestrator.store.owner import Liveness, beat, myself
from orchestrator.store.workspace import Workspace
from sweeps.errors import NormsweepError

EVERY_SECONDS = 3.0
BEAT_SECONDS = 15.0
LONGEST_PAUSE_SECONDS = 60.0
LAST_WAIT_SECONDS = 30.0  # for another mirror to end, once our driver is gone


def follow(workspace: Workspace, uri: str, stdin: int, every: float = EVERY_SECONDS) -> bool:
    """Synchronizes until the file descriptor `stdin` ends, and once more; True when that last time succeeded.

    A server that is away costs one line in the workspace's `logs/mirror.log`; the pauses grow to a minute.
    """
    return _Follower(workspace, uri).follow(stdin, every)


class _Follower:
    def __init__(self, workspace: Workspace, uri: str) -> None:
        self._store = Store(workspace)
        self._uri = uri
        self._liveness = Liveness(workspace)
        self._lease: Lease | None = None
        self._written: set[str] = set()
        self._beats, self._beaten = 0, time.monotonic()

    def follow(self, stdin: int, every: float) -> bool:
        pause = every
        try:
            while not self._ended(stdin, pause):
                began = time.monotonic()
                if self._synchronize():
                    pause = max(every, 2 * (time.monotonic() - began))
                else:
                    pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
            patience = time.monotonic() + LAST_WAIT_SECONDS
            while not self._held() and time.monotonic() < patience:
                time.sleep(min(every, 0.5))
            return self._synchronize()
        finally:
            self._store.workspace.heartbeat(myself().id).unlink(missing_ok=True)
            if self._lease is not None:
                self._store.leases.release(self._lease)

    def _ended(self, stdin: int, seconds: float) -> bool:
        """Waits so long; True as soon as nobody can write to `stdin` any more."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if self._lease is not None and time.monotonic() - self._beaten >= BEAT_SECONDS:
                self._beats, self._beaten = self._beats + 1, time.monotonic()
                beat(self._store.workspace, self._store.disk, self._lease.owner, self._beats)
            readable, _, _ = select.select([stdin], [], [], min(left, BEAT_SECONDS))
            if readable and not os.read(stdin, 4096):
                return True
        return False

    def _held(self) -> bool:
        self._lease = self._lease or self._store.leases.take(LEASE, myself(), self._liveness)
        return self._lease is not None

    def _synchronize(self) -> bool:
        if not self._held():
            self._log(holder(self._store.leases))
            return False
        assert self._lease is not None
        try:
            result = synchronize(self._store, self._lease, self._uri)
        except (NormsweepError, OSError) as sentence:  # the workspace's disk may refuse for a moment
            self._log(str(sentence))
            return False
        if result.busy is not None:
            self._lease = None
            self._log(result.busy)
            return False
        for problem in result.problems:
            self._log(problem)
        return not result.problems

    def _log(self, sentence: str) -> None:
        """Writes the sentence to the log, once."""
        if sentence in self._written:
            return
        self._written.add(sentence)
        line = f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {sentence}"
        self._store.disk.append(self._store.workspace.log(LEASE), line)
