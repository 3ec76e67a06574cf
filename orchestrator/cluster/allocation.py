"""What runs inside an allocation: `work`, which submitit calls, and the driver that it keeps going (`main`)."""

from __future__ import annotations

import os
import sys

from orchestrator.cluster.submissions import is_void, read
from orchestrator.store import Store
from orchestrator.store.files import PATIENCE
from orchestrator.store.roster import RosterPack
from orchestrator.store.workspace import Workspace
from slurm.profile import Profile
from slurm.supervisor import NO_TIME, OUT_OF_TIME, supervise
from sweeps.errors import MissingError

LAST_SECONDS = 30.0  # before the warning, nothing new is begun


def work(root: str, number: int, profile: Profile, umask: int) -> None:
    """Trains the packs that the submission's sweep lacks, unless the submission was declared void."""
    workspace = Workspace.at(root)
    if not workspace.allocations.is_dir():
        raise MissingError(f"{root} is not visible on {os.uname().nodename}: the workspace must lie on a shared disk")
    if is_void(Store(workspace), number):
        print(f"submission {number} is void: another took its place")
        return
    driver = [sys.executable, "-P", "-m", "orchestrator.cluster.allocation", root, str(number)]
    driver += ["spread"] if profile.spread else []
    folder = workspace.allocation(number)
    supervise(driver, folder=folder, profile=profile, umask=umask, left=lambda: left(workspace, number))


def left(workspace: Workspace, number: int) -> bool:
    """Whether packs of the submission's sweep lack a part; the leases of those that have one are forgotten."""
    from orchestrator.engine.driver import missing_packs

    store = Store(workspace)
    version = store.sweeps.needed(read(store, number).sweep)
    store.leases.forget_finished(store.ledger.done())
    return bool(missing_packs(store, set(version.trials)))


class Spoken:
    """Watches a run by writing lines to the job's log."""

    def phase(self, what: str) -> None:
        pass

    def progressed(self, pack: RosterPack, share: float) -> None:
        pass

    def ended(self, pack: RosterPack, state: str) -> None:
        self.tell(f"pack {pack.id[:16]} {state}")

    def tell(self, sentence: str) -> None:
        print(sentence, flush=True)


def main(root: str, number: int, *, spread: bool) -> int:
    """The driver. Exit status 0: nothing is left to do here; OUT_OF_TIME, NO_TIME; 1: told to stop."""
    from orchestrator.cluster.backend import SlurmBackend
    from orchestrator.engine.driver import drive

    store = Store.at(root, patience=PATIENCE)
    submission = read(store, number)
    version = store.sweeps.needed(submission.sweep)
    backend = SlurmBackend(store, submission, os.environ, spread=spread)
    outcome = drive(store, set(version.trials), version.sweep.run, backend, Spoken())
    if outcome.stopped:
        return 1
    if outcome.out_of_time:
        return OUT_OF_TIME if outcome.began else NO_TIME
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), spread="spread" in sys.argv[3:]))
