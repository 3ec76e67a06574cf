"""What runs inside an allocation: `work`, which submitit calls, and the driver that it keeps going (`main`)."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from orchestrator.cluster.submissions import Submission, is_void
from orchestrator.engine.backend import Machines
from orchestrator.engine.local import tune_environment
from orchestrator.store.leases import forget_finished
from orchestrator.store.owner import Liveness, myself
from orchestrator.store.roster import RosterPack
from orchestrator.store.workspace import Workspace
from slurm.accounting import Accounting
from slurm.job import Incarnation
from slurm.profile import Profile
from slurm.supervisor import NO_TIME, OUT_OF_TIME, exclude, supervise
from sweeps.errors import UsageError

PATIENCE = 300.0  # an allocation that finds nothing to do for so long, since others hold what is left, ends
LAST_SECONDS = 30.0  # before the warning, nothing new is begun


def work(root: str, number: int, profile: Profile, umask: int) -> None:
    """Trains the packs that the submission's sweep lacks, unless the submission was declared void."""
    workspace = Workspace.at(root)
    if not workspace.allocations.is_dir():
        raise UsageError(f"{root} is not visible on {os.uname().nodename}: the workspace must lie on a shared disk")
    if is_void(workspace, number):
        print(f"submission {number} is void: another took its place")
        return
    driver = [sys.executable, "-P", "-m", "orchestrator.cluster.allocation", root, str(number)]
    driver += ["spread"] if profile.spread else []
    folder = workspace.allocation(number)
    supervise(driver, folder=folder, profile=profile, umask=umask, left=lambda: left(workspace, number))


def left(workspace: Workspace, number: int) -> bool:
    """Whether packs of the submission's sweep lack a part; the leases of those that have one are forgotten."""
    from orchestrator.engine.driver import lacking
    from orchestrator.planning.plan import recorded
    from orchestrator.store.ledger import Ledger
    from orchestrator.store.roster import Roster

    version = recorded(workspace, Submission.read(workspace, number).sweep)
    assert version is not None, "submit records the sweep first"
    forget_finished(workspace, Ledger(workspace).done())
    return bool(lacking(workspace, Roster(workspace), set(version["trials"])))


@contextmanager
def joined_ray(address: str, folder: Path, cpus: int) -> Generator[Path]:
    """Joins the allocation's Ray; yields the folder for Tune's files, on the shared disk, which goes in the end."""
    assert "ray" not in sys.modules, "ray reads its environment when it is imported, so it must not be imported yet"
    os.environ.update(tune_environment(cpus))
    import ray

    ray.init(
        address=address, log_to_driver=False, logging_level=logging.ERROR, _node_ip_address=address.rpartition(":")[0]
    )
    try:
        yield folder
    finally:
        ray.shutdown()
        shutil.rmtree(folder, ignore_errors=True)


class Spoken:
    """Watches a run by writing lines to the job's log."""

    def progressed(self, pack: RosterPack, share: float) -> None:
        pass

    def ended(self, pack: RosterPack, state: str) -> None:
        self.told(f"pack {pack.id[:16]} {state}")

    def told(self, sentence: str) -> None:
        print(sentence, flush=True)


def main(root: str, number: int, *, spread: bool) -> int:
    """The driver. Exit status 0: nothing is left to do here; OUT_OF_TIME, NO_TIME; 1: told to stop."""
    from orchestrator.engine.driver import Resources, drive
    from orchestrator.planning.estimate import Estimate
    from orchestrator.planning.plan import recorded
    from sweeps.spec import SweepSpec

    workspace = Workspace.at(root)
    submission = Submission.read(workspace, number)
    version = recorded(workspace, submission.sweep)
    assert version is not None, "submit records the sweep first"
    run = SweepSpec.from_json(version["spec"]).run
    job = os.environ["NORMSWEEP_JOB"]
    incarnation = Incarnation.parse(job)
    for leftover in workspace.allocation(number).glob(f"tune-{incarnation.job}.*"):  # of this job's killed drivers
        shutil.rmtree(leftover, ignore_errors=True)
    # Ray's workers look for Tune's folder on every node, though they have nothing to write there.
    folder = workspace.allocation(number) / f"tune-{job}-{os.getpid()}"
    cpus = submission.nodes * submission.cpus
    estimate = Estimate(workspace)
    deadline = float(os.environ["NORMSWEEP_DEADLINE"]) - submission.kept_seconds
    time_left = deadline - time.time()
    machines = Machines(
        ray=joined_ray(os.environ["RAY_ADDRESS"], folder, cpus),
        owner=myself(job),
        liveness=Liveness(workspace, runs=_Jobs(workspace, job).runs),
        deadline=deadline,
        # A driver that just began takes any pack: what is longer than an allocation goes on in the next one.
        needs=lambda pack: min(estimate.seconds(pack), time_left / 2),
        patience=PATIENCE,
        what_was_lost=_what_was_lost,
        exclude=lambda node: exclude(workspace.allocation(number), incarnation, node),
    )
    resources = Resources(cpus=cpus, gpus=submission.nodes * submission.gpus, run=run, spread=spread)
    outcome = drive(workspace, set(version["trials"]), resources, Spoken(), machines)
    if outcome.stopped:
        return 1
    if outcome.out_of_time:
        return OUT_OF_TIME if outcome.began else NO_TIME
    return 0


class _Jobs:
    """Which jobs run, as SLURM says; of this job's earlier incarnations we need not ask."""

    def __init__(self, workspace: Workspace, mine: str) -> None:
        self._mine = Incarnation.parse(mine)
        self._accounting = Accounting(workspace.accounting)

    def runs(self, job: str) -> bool | None:
        other = Incarnation.parse(job)
        if self._mine.supersedes(other):
            return False
        try:
            return self._accounting.runs(other)
        except OSError:  # it keeps what it knows on the shared disk
            return None


def _what_was_lost(address: str | None) -> str:
    import ray

    nodes = ray.nodes()
    living = {node["NodeManagerAddress"] for node in nodes if node["Alive"]}
    if address is None:
        return "lost_process" if all(node["Alive"] for node in nodes) else "lost_node"
    return "lost_process" if address in living else "lost_node"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), spread="spread" in sys.argv[3:]))
