"""The backends that there are, as the contract's processes make them."""

from __future__ import annotations

import time

from orchestrator.cluster.backend import SlurmBackend
from orchestrator.cluster.submissions import Submission, intend, read
from orchestrator.engine.local import LocalBackend
from orchestrator.planning.plan import commit
from orchestrator.store import Store
from orchestrator.store.owner import myself
from sweeps.file.spec import SweepSpec


def local(store: Store) -> LocalBackend:
    return LocalBackend(store.workspace, 2, 0)


def allocation(store: Store) -> SlurmBackend:
    """As a driver finds it: a submission in the workspace, and what its supervisor says in the environment."""
    commit(store, SweepSpec.from_json({"name": "small", "trial": {"dataset": "iris", "epochs": 1}}))
    submission = Submission(
        number=1, name="n", sweep="small", count=1, nodes=2, cpus=4, gpus=1, usable_seconds=3600.0, kept_seconds=60.0,
        owner=myself(),
    )  # fmt: skip
    intend(store, submission)
    environment = {
        "NORMSWEEP_JOB": "12.0",
        "RAY_ADDRESS": "127.0.0.1:1",
        "NORMSWEEP_DEADLINE": str(time.monotonic() + 3600),
    }
    return SlurmBackend(store, read(store, 1), environment, spread=True)
