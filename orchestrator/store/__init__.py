"""What a workspace holds, and the one way to read and write it.

`Store` is opened once and owns everything: recorded sweeps, roster, ledger, leases, attempts, decisions.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.store.files import Disk
from orchestrator.store.workspace import Workspace

if TYPE_CHECKING:
    from orchestrator.store.attempts import Attempts
    from orchestrator.store.decisions import Decisions
    from orchestrator.store.leases import Leases
    from orchestrator.store.ledger import Ledger
    from orchestrator.store.roster import Roster
    from orchestrator.store.sweeps import Sweeps

# The modules that other rooms may import from.
PUBLIC = (
    "attempts",
    "codec",
    "files",
    "leases",
    "owner",
    "parts",
    "results",
    "roster",
    "sweeps",
    "workspace",
)


class Store:
    """A workspace, opened. Everything is read when it is first asked for; only leases, ledger and attempts look at the
    disk each time. `patience`: seconds for which a disk that refuses is waited for; 0: told at once."""

    def __init__(self, workspace: Workspace, *, patience: float = 0.0) -> None:
        self.workspace = workspace
        self.disk = Disk(patience)

    @classmethod
    def at(cls, root: Path | str, *, patience: float = 0.0) -> Store:
        return cls(Workspace.at(root), patience=patience)

    @cached_property
    def sweeps(self) -> Sweeps:
        from orchestrator.store.sweeps import Sweeps

        return Sweeps(self.workspace, self.disk)

    @cached_property
    def roster(self) -> Roster:
        from orchestrator.store.roster import Roster

        return Roster(self.workspace, self.disk)

    @cached_property
    def ledger(self) -> Ledger:
        from orchestrator.store.ledger import Ledger  # pyarrow: only for who reads results

        return Ledger(self.workspace, self.disk)

    @cached_property
    def leases(self) -> Leases:
        from orchestrator.store.leases import Leases

        return Leases(self.workspace, self.disk)

    @cached_property
    def attempts(self) -> Attempts:
        from orchestrator.store.attempts import Attempts

        return Attempts(self.workspace, self.disk)

    @cached_property
    def decisions(self) -> Decisions:
        from orchestrator.store.decisions import Decisions

        return Decisions(self.workspace, self.disk)
