"""A SLURM allocation as a backend: the Ray cluster that its supervisor keeps up, until the time limit."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from orchestrator.cluster.submissions import Submission
from orchestrator.engine.local import tune_environment
from orchestrator.planning.cost import CAUTION, CostModel
from orchestrator.store import Store
from orchestrator.store.owner import Liveness, myself
from orchestrator.store.roster import RosterPack
from orchestrator.store.workspace import Workspace
from slurm.accounting import Accounting
from slurm.errors import SlurmError
from slurm.job import Incarnation
from slurm.supervisor import exclude, excluded

PATIENCE = 300.0  # an allocation that finds nothing to do for so long, since others hold what is left, ends


class SlurmBackend:
    """A `Backend` of one job's nodes. `environment`: as `slurm.supervisor` gives it to a driver."""

    patience = PATIENCE

    def __init__(self, store: Store, submission: Submission, environment: Mapping[str, str], *, spread: bool) -> None:
        job = environment["NORMSWEEP_JOB"]
        self._incarnation = Incarnation.parse(job)
        self._address = environment["RAY_ADDRESS"]
        self._folder = store.workspace.allocation(submission.number)
        self.cpus, self.gpus = submission.nodes * submission.cpus, submission.nodes * submission.gpus
        self.spread, self._nodes = spread, submission.nodes
        self.owner = myself(job)
        self.liveness = Liveness(store.workspace, runs=_Jobs(store.workspace, job).runs)
        self.deadline = float(environment["NORMSWEEP_DEADLINE"]) - submission.kept_seconds
        self._costs, self._run = CostModel(store), store.sweeps.needed(submission.reference).run
        # A driver that just began takes any pack: what is longer than an allocation goes on in the next one.
        self._most = (self.deadline - time.monotonic()) / 2

    def ray(self) -> AbstractContextManager[Path]:
        for leftover in self._folder.glob(f"tune-{self._incarnation.job}.*"):  # of this job's killed drivers
            shutil.rmtree(leftover, ignore_errors=True)
        # Ray's workers look for Tune's folder on every node, though they have nothing to write there.
        return joined_ray(self._address, self._folder / f"tune-{self._incarnation}-{os.getpid()}", self.cpus)

    def seconds(self, pack: RosterPack) -> float:
        seconds = self._costs.seconds(self._costs.of_pack(pack), self._run) or 0.0
        return min(CAUTION * seconds, self._most)

    def kind_of_loss(self, address: str | None) -> str:
        import ray

        nodes = ray.nodes()
        living = {node["NodeManagerAddress"] for node in nodes if node["Alive"]}
        if address is None:
            return "lost_process" if all(node["Alive"] for node in nodes) else "lost_node"
        return "lost_process" if address in living else "lost_node"

    def exclude(self, node: str) -> None:
        without = excluded(self._folder, self._incarnation) | {node}
        if len(without) < self._nodes:  # the last one stays: without any, packs would wait for ever
            exclude(self._folder, self._incarnation, node)


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


class _Jobs:
    """Which jobs run, as SLURM says; of this job's earlier incarnations we need not ask."""

    def __init__(self, workspace: Workspace, mine: str) -> None:
        self._mine = Incarnation.parse(mine)
        self._accounting = Accounting(workspace.accounting, patience=1.0)  # training goes on while squeue is slow

    def runs(self, job: str) -> bool | None:
        other = Incarnation.parse(job)
        if self._mine.supersedes(other):
            return False
        try:
            return self._accounting.runs(other)
        except (OSError, SlurmError):  # it keeps what it knows on the shared disk
            return None
