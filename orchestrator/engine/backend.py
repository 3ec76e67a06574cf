"""Where a run happens. Implementations: `engine.local` (this machine), `cluster.backend` (a SLURM allocation)."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from orchestrator.store.owner import Liveness, Owner
from orchestrator.store.roster import RosterPack


class Backend(Protocol):
    """Machines that train packs: a Ray cluster, as whom it leases packs, and for how long it is ours.

    The driver calls `ray` once and everything else between its begin and its end, from one thread.
    """

    @property
    def owner(self) -> Owner:
        """In whose name packs are leased."""
        ...

    @property
    def liveness(self) -> Liveness:
        """Who else still lives."""
        ...

    @property
    def cpus(self) -> int:
        """Cores of all machines."""
        ...

    @property
    def gpus(self) -> int:
        """GPUs of all machines."""
        ...

    @property
    def spread(self) -> bool:
        """Whether the devices of one pack go to as many machines as there are."""
        ...

    @property
    def deadline(self) -> float:
        """When the machines are taken away, in seconds of `time.monotonic`; infinite: never."""
        ...

    @property
    def patience(self) -> float:
        """Seconds to wait while others train all that is left; infinite: for as long as they do."""
        ...

    def ray(self) -> AbstractContextManager[Path]:
        """Starts or joins a Ray cluster; yields a folder for Tune's files, outside the workspace. What it started ends
        with it. The environment that it sets comes before ray is imported."""
        ...

    def seconds(self, pack: RosterPack) -> float:
        """What the pack may take: it is begun only if the deadline is further away."""
        ...

    def kind_of_loss(self, address: str | None) -> str:
        """`lost_process` or `lost_node`, of a process that was lost at the node of that address; None: not known."""
        ...

    def exclude(self, node: str) -> None:
        """Takes a node out of use from the next start of Ray on, unless it is the last one."""
        ...
