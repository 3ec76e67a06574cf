"""Leases packs to Ray Tune: `suggest` hands out the next free pack and says "finished" when none is left."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from ray.tune.search import Searcher

from orchestrator.engine.backend import Machines
from orchestrator.engine.remote import LOOK_SECONDS
from orchestrator.engine.strikes import LIMIT, Strikes
from orchestrator.store import failures
from orchestrator.store.decisions import Decisions
from orchestrator.store.files import publish
from orchestrator.store.leases import Lease, Leases
from orchestrator.store.ledger import Ledger
from orchestrator.store.roster import RosterPack
from orchestrator.store.workspace import Workspace
from slurm.patience import patiently


class View(Protocol):
    """Who watches a run: the live display, or nobody."""

    def progressed(self, pack: RosterPack, share: float) -> None: ...
    def ended(self, pack: RosterPack, state: str) -> None: ...
    def told(self, sentence: str) -> None: ...


class PackSearcher(Searcher):
    """One Tune trial per pack. Retries go through new leases, never through Tune."""

    def __init__(
        self,
        workspace: Workspace,
        leases: Leases,
        packs: Iterable[RosterPack],
        common: dict[str, Any],
        view: View,
        machines: Machines,
    ) -> None:
        super().__init__(metric="progress", mode="max")
        self._workspace = workspace
        self._ledger = Ledger(workspace)
        self._leases = leases
        self._decisions = Decisions(workspace)
        self._queue = deque(packs)
        self._elsewhere: deque[RosterPack] = deque()  # leased by others who may be alive
        self._looked = 0.0
        self._common = common
        self._view = view
        self._machines = machines
        self._worked = time.monotonic()  # when something of ours last ran
        self._at: dict[str, str] = {}  # address of the node that a Tune trial runs on
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
        while self._queue:
            pack = self._queue.popleft()
            if time.time() + self._machines.needs(pack) > self._machines.deadline:
                self.too_long.append(pack)
                continue
            lease = self._take(pack)
            if lease is not None:
                self._running[trial_id] = (pack, lease)
                self.began = True
                return self._config(pack, lease)
        if self._running:
            self._worked = time.monotonic()
        elif self._elsewhere and time.monotonic() - self._worked > self._machines.patience:
            self.idled = True
            return Searcher.FINISHED
        if self._elsewhere and time.monotonic() - self._looked > LOOK_SECONDS:
            self._looked = time.monotonic()
            self._queue, self._elsewhere = self._elsewhere, deque()
        return None if self._queue or self._elsewhere or self._running else Searcher.FINISHED

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        pack, _ = self._running[trial_id]
        self._at[trial_id] = str(result["node_ip"])
        self._view.progressed(pack, float(result["progress"]))

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        pack, lease = self._running.pop(trial_id)
        state = "lost" if error or result is None else str(result["state"])
        self._view.ended(pack, state)
        node = lease.node(self._workspace) or lease.owner.host
        if state == "done":
            self._strikes.finished(node)
            patiently(lambda: self._leases.forget(pack.id))
            return
        if state == "superseded":
            self._elsewhere.append(pack)
            return
        if state == "lost":
            kind = "preempted" if self.stopping else self._machines.what_was_lost(self._at.get(trial_id))
            patiently(lambda: failures.record(self._workspace, _lost(pack, lease, kind, node)))
        patiently(lambda: self._leases.release(lease))
        self._decisions.read()
        if state == "stopped":
            if pack.id in self._decisions.cancelled:
                self._view.told(f"pack {pack.id[:16]} is cancelled: it saved what it had and stopped")
            return
        history = failures.of_pack(self._workspace, pack.id)
        verdict = failures.verdict(failures.counting(history, self._decisions.forgiven.get(pack.id, 0)))
        self._view.told(f"pack {pack.id[:16]} failed ({history[-1].message}): {verdict}")
        {"retry": self._queue, "split": self.to_split, "give up": self.given_up}[verdict].append(pack)
        if self._machines.exclude is not None and not self.stopping and self._strikes.failed(history[-1].host, pack.id):
            self._exclude(history[-1].host, self._machines.exclude)

    def _exclude(self, node: str, exclude: Callable[[str], None]) -> None:
        """Ends this run, as a signal would: whoever started us starts the next without the node."""
        self._view.told(f"node {node} failed {LIMIT} packs in a row, other nodes did not: it gets no more here")
        patiently(lambda: exclude(node))
        self.stopping = True
        patiently(lambda: publish(self._workspace.stop(self._machines.owner.id), b""))

    def _take(self, pack: RosterPack) -> Lease | None:
        self._decisions.read()
        if pack.id in self._decisions.cancelled:
            self._view.ended(pack, "cancelled")
            return None
        if self._workspace.part(pack.id).exists():
            patiently(lambda: self._leases.forget(pack.id))
            self._view.ended(pack, "done")
            return None
        lease = patiently(lambda: self._leases.take(pack.id))
        if lease is None:
            self._elsewhere.append(pack)
            return None
        if self._workspace.part(pack.id).exists():  # finished, and its leases forgotten, while we looked
            patiently(lambda: self._leases.forget(pack.id))
            self._view.ended(pack, "done")
            return None
        return lease

    def _config(self, pack: RosterPack, lease: Lease) -> dict[str, Any]:
        return {
            **self._common,
            "pack": pack.id,
            "roster": pack.as_json(),
            "generation": lease.generation,
            "owner": lease.owner.as_json(),
        }

    def __getstate__(self) -> dict[str, Any]:
        """Tune pickles its parts in order to restore them, which nobody does here: leases and ledger are the state."""
        return {}

    def save(self, checkpoint_path: str) -> None:
        """Nothing to save."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing to restore."""


def _lost(pack: RosterPack, lease: Lease, kind: str, node: str) -> failures.Failure:
    return failures.Failure(
        pack=pack.id,
        generation=lease.generation,
        kind=kind,
        epoch=-1,
        message="the process that trained it was lost; what Ray says of it is in logs/driver.log",
        traceback="",
        host=node,
    )
