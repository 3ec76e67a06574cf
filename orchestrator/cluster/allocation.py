"""What runs inside an allocation: `work`, which submitit calls, and the driver that it keeps going (`main`)."""

from __future__ import annotations

import os
import sys

from orchestrator.cluster import heirs
from orchestrator.cluster.submissions import read
from orchestrator.store import Store
from orchestrator.store.files import PATIENCE
from orchestrator.store.roster import RosterPack
from orchestrator.store.workspace import Workspace
from slurm.job import shown
from slurm.partitions import requeues
from slurm.patience import patiently
from slurm.profile import Profile
from slurm.supervisor import NO_TIME, OUT_OF_TIME, supervise
from sweeps.errors import MissingError

LAST_SECONDS = 30.0  # before the warning, nothing new is begun


def work(root: str, number: int, profile: Profile, umask: int) -> None:
    """Trains the packs that the submission lacks, unless the submission was declared void or ended."""
    from orchestrator.engine.driver import WORKER_IMPORTS

    workspace = Workspace.at(root)
    if not workspace.allocations.is_dir():
        raise MissingError(f"{root} is not visible on {os.uname().nodename}: the workspace must lie on a shared disk")
    store = Store.at(root, patience=PATIENCE)
    mine = read(store, number)
    if not heirs.begin(store, mine):
        print(f"submission {number} is void or ended: this job begins nothing")
        return
    driver = [sys.executable, "-P", "-m", "orchestrator.cluster.allocation", root, str(number)]
    driver += ["spread"] if profile.spread else []
    folder = workspace.allocation(number)

    def heir() -> bool:
        return heirs.leave(store, mine, profile, umask, work)

    if patiently(lambda: left(workspace, number)) and (mine.heir_of or not patiently(requeues)):
        heir()
    try:
        if supervise(
            driver,
            folder=folder,
            profile=profile,
            umask=umask,
            worker_imports=WORKER_IMPORTS,
            left=lambda: left(workspace, number),
            heir=heir,
        ):
            return
    except RuntimeError:  # another job of this kind would fare no better
        heirs.withdraw(store, mine)
        raise
    heirs.withdraw(store, mine)


def left(workspace: Workspace, number: int) -> bool:
    """Whether packs that the submission wants lack a part; the leases of those that have one are forgotten."""
    from orchestrator.engine.driver import missing_packs

    store = Store(workspace)
    wanted = read(store, number).wanted(store)
    store.leases.forget_finished(store.ledger.done())
    return bool(missing_packs(store, wanted))


class Spoken:
    """Watches a run by writing lines to the job's log, and notes the first thing that lasts."""

    def __init__(self, store: Store, number: int) -> None:
        self._store = store
        self._fruitful = store.workspace.fruitful(number, shown())
        self._noted = False
        self._saved: dict[str, float] = {}

    def phase(self, what: str) -> None:
        pass

    def progressed(self, pack: RosterPack, share: float) -> None:
        if self._noted:
            return
        try:
            saved = self._store.workspace.checkpoint(pack.id).stat().st_mtime
        except OSError:
            return
        if self._saved.setdefault(pack.id, saved) != saved:
            self._note()

    def ended(self, pack: RosterPack, state: str) -> None:
        if state == "done":
            self._note()
        self.tell(f"pack {pack.id[:16]} {state}")

    def _note(self) -> None:
        if not self._noted:
            self._store.disk.publish(self._fruitful, b"")
            self._noted = True

    def tell(self, sentence: str) -> None:
        print(sentence, flush=True)


def main(root: str, number: int, *, spread: bool) -> int:
    """The driver. Exit status 0: nothing is left to do here; OUT_OF_TIME, NO_TIME; 1: told to stop."""
    from orchestrator.cluster.backend import SlurmBackend
    from orchestrator.engine.driver import drive

    store = Store.at(root, patience=PATIENCE)
    submission = read(store, number)
    version = store.sweeps.needed(submission.reference)
    backend = SlurmBackend(store, submission, os.environ, spread=spread)
    outcome = drive(store, submission.wanted(store), version.run, backend, Spoken(store, number))
    if outcome.stopped:
        return 1
    if outcome.out_of_time:
        return OUT_OF_TIME if outcome.began else NO_TIME
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), spread="spread" in sys.argv[3:]))
