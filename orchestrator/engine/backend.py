"""Where a run happens: a Ray to work on, as whom, and for how long."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from orchestrator.engine.local import local_ray
from orchestrator.store.owner import Liveness, Owner, myself
from orchestrator.store.roster import RosterPack
from orchestrator.store.workspace import Workspace


def _no_time(_: RosterPack) -> float:
    return 0.0


def _process(_: str | None) -> str:
    return "lost_process"


@dataclass(frozen=True, kw_only=True, slots=True)
class Machines:
    """`ray` starts or joins a Ray cluster and yields a folder for Tune's files, outside the workspace."""

    ray: AbstractContextManager[Path]
    owner: Owner
    liveness: Liveness
    deadline: float = float("inf")  # when they are taken away, seconds since the epoch
    needs: Callable[[RosterPack], float] = _no_time  # seconds that a pack takes
    patience: float = float("inf")  # seconds to wait while others work on all that is left
    what_was_lost: Callable[[str | None], str] = _process  # kind of failure, from the address of the node
    exclude: Callable[[str], None] | None = None  # takes a node out of use, from the next start of Ray on


def here(workspace: Workspace, cpus: int, gpus: int) -> Machines:
    """This machine alone."""
    return Machines(ray=local_ray(cpus, gpus), owner=myself(), liveness=Liveness(workspace))
