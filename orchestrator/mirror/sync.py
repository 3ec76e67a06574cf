"""The mirror: turns the ledger's parts into MLflow runs, one a trial, for looking. The ledger stays the truth.

An experiment a sweep, with one parent run; a trial that several sweeps share has one run, in the experiment of the
first of them by name, and a tag `normsweep.sweep.<name>` for each. One writer a workspace: it holds the lease `mirror`.
"""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from orchestrator.mirror.journal import Record, nothing_new, stamp
from orchestrator.mirror.lease import LEASE, holder
from orchestrator.mirror.result import SyncResult
from orchestrator.mirror.uri import masked, tracking_uri
from orchestrator.store.leases import Leases
from orchestrator.store.owner import myself
from orchestrator.store.workspace import Workspace
from sweeps.errors import UsageError


def sync(
    workspace: Workspace,
    *,
    uri: str | None = None,
    sweep: str | None = None,
    verify: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> SyncResult:
    """Mirrors every trial of the ledger's live parts (of one sweep, when named), and ends with one run a trial.

    `verify` believes MLflow's tags rather than the local record: it finds runs that somebody deleted or doubled.
    Raises UnavailableError when MLflow cannot be reached, UsageError for an invalid URI, sweep or workspace.
    """
    uri = tracking_uri(workspace, uri)
    if not workspace.roster.is_dir():
        raise UsageError(f"nothing is recorded in {workspace.root}: run a sweep first, or name its --workspace")
    if not verify and (nothing := nothing_new(Record(workspace, uri), stamp(workspace))):
        return nothing
    from orchestrator.mirror.synchronization import (
        synchronize,  # pyarrow and MLflow: only when there is something to do
    )

    leases = Leases(workspace, myself())
    lease = leases.take(LEASE)
    if lease is None:
        return SyncResult(busy=holder(leases))
    try:
        return synchronize(workspace, lease, uri, sweep=sweep, verify=verify, progress=progress)
    finally:
        leases.release(lease)


def ui_command(workspace: Workspace, uri: str | None = None) -> str:
    """What a person types to see the runs; a password in the URI is not shown."""
    uri = tracking_uri(workspace, uri)
    if uri.startswith("http"):
        return f"open {masked(uri)}"
    program = shutil.which("mlflow") or str(Path(sys.executable).with_name("mlflow"))
    return f"{program} ui --backend-store-uri {shlex.quote(masked(uri))}"
