"""Leases packs to Ray Tune: `suggest` hands out the next free pack and says "finished" when none is left."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from ray.tune.search import Searcher

from orchestrator.engine.backend import Backend
from orchestrator.engine.queue import PackQueue
from orchestrator.engine.strikes import LIMIT, Strikes
from orchestrator.engine.task import PackTask
from orchestrator.engine.view import View
from orchestrator.store import Store
from orchestrator.store.attempts import Failure, verdict
from orchestrator.store.leases import Lease
from orchestrator.store.roster import RosterPack
from sweeps.errors import DamagedError


class PackSearcher(Searcher):
    """One Tune trial per pack. Retries go through new leases, never through Tune."""

    def __init__(
        self,
        store: Store,
        packs: Iterable[RosterPack],
        task: Callable[[RosterPack, Lease], PackTask],
        view: View,
        backend: Backend,
    ) -> None:
        super().__init__(metric="progress", mode="max")
        self._store = store
        self._queue = PackQueue(store, packs, backend.owner, backend.liveness, view.ended)
        self._task = task
        self._view = view
        self._backend = backend
        self._worked = time.monotonic()  # when something of ours last ran
        self._at: dict[str, str] = {}  # address of the node that a Tune trial runs on
        self._on: dict[str, str] = {}  # its name
        self._running: dict[str, tuple[RosterPack, Lease]] = {}
        self.to_split: list[RosterPack] = []
        self.given_up: list[RosterPack] = []
        self.too_long: list[RosterPack] = []  # need more time than is left
        self._strikes = Strikes()
        self.began = False
        self.idled = False
        self.stopping = False

    def suggest(self, trial_id: str) -> Any:
        """The config of the next pack; None for "nothing now, ask again"; FINISHED when nothing is left to do here."""
        if self.stopping:
            return Searcher.FINISHED
        if leased := self._queue.lease(self._fits):
            self._running[trial_id] = leased
            self.began = True
            return {"task": self._task(*leased)}
        if self._running:
            self._worked = time.monotonic()
        elif self._queue.waits and time.monotonic() - self._worked > self._backend.patience:
            self.idled = True
            return Searcher.FINISHED
        return None if self._queue or self._running else Searcher.FINISHED

    def _fits(self, pack: RosterPack) -> bool:
        """Whether there is time for the pack."""
        if time.monotonic() + self._backend.seconds(pack) <= self._backend.deadline:
            return True
        self.too_long.append(pack)
        return False

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        pack, _ = self._running[trial_id]
        self._at[trial_id] = str(result["node_ip"])
        self._on[trial_id] = str(result["node"])
        self._view.progressed(pack, float(result["progress"]))

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        pack, lease = self._running.pop(trial_id)
        state = "lost" if error or result is None else str(result["state"])
        self._view.ended(pack, state)
        node = self._on.pop(trial_id, "") or str((result or {}).get("node", "")) or self._node(lease)
        if state == "done":
            self._strikes.finished(node)
            self._store.leases.forget(pack.id)
            return
        if state == "superseded":
            self._queue.leave(pack)
            return
        if state == "lost":
            kind = "preempted" if self.stopping else self._backend.kind_of_loss(self._at.get(trial_id))
            self._store.attempts.fail(_lost(pack, lease, kind, node))
        self._store.leases.release(lease)
        self._store.decisions.read()
        if state == "stopped":
            if pack.id in self._store.decisions.cancelled:
                self._view.tell(f"pack {pack.id[:16]} is cancelled: it saved what it had and stopped")
            return
        history = self._store.attempts.failures(pack.id)
        forgiven = self._store.decisions.forgiven.get(pack.id, 0)
        inherited = [f for p in self._store.roster.parents(pack) for f in self._store.attempts.failures(p.id)]
        then = verdict([f for f in history if f.generation > forgiven], len(pack.trial_ids), inherited)
        self._view.tell(f"pack {pack.id[:16]} failed ({history[-1].message}): {then}")
        {"retry": self._queue.push, "split": self.to_split.append, "give up": self.given_up.append}[then](pack)
        if not self.stopping and self._strikes.failed(history[-1].host, pack.id):
            self.exclude(history[-1].host, f"{LIMIT} packs in a row failed there, on other nodes they did not")

    def _node(self, lease: Lease) -> str:
        """Where a pack was trained that has not reported."""
        with suppress(DamagedError):  # it only tells where
            if start := self._store.leases.started(lease):
                return start.node
        return lease.owner.host

    def exclude(self, node: str, reason: str) -> None:
        """Ends this run, as a signal would: whoever started us starts the next without the node."""
        self._view.tell(f"node {node} gets no more here: {reason}")
        self._store.disk.patiently(lambda: self._backend.exclude(node))
        self.stopping = True
        self._store.disk.publish(self._store.workspace.stop(self._backend.owner.id), b"")

    def __getstate__(self) -> dict[str, Any]:
        """Tune pickles its parts in order to restore them, which nobody does here: leases and ledger are the state."""
        return {}

    def save(self, checkpoint_path: str) -> None:
        """Nothing to save."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing to restore."""


def _lost(pack: RosterPack, lease: Lease, kind: str, node: str) -> Failure:
    return Failure(
        pack=pack.id,
        generation=lease.generation,
        kind=kind,
        epoch=-1,
        message="the process that trained it was lost; what Ray says of it is in logs/driver.log",
        traceback="",
        host=node,
    )
