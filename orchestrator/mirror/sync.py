"""The mirror: turns the ledger's parts into MLflow runs, one a trial, for looking. The ledger stays the truth.

An experiment a sweep, with one parent run; a trial that several sweeps share has one run, in the experiment of the
first of them by name, and a tag `normsweep.sweep.<name>` for each. One writer a workspace: it holds the lease `mirror`.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from pathlib import Path

from orchestrator.mirror.journal import Journal, SyncResult, nothing_to_do, stamp
from orchestrator.mirror.uri import NONE, masked, tracking_uri, workspace_uri
from orchestrator.store import Store
from orchestrator.store.leases import Leases
from orchestrator.store.owner import Liveness, myself
from orchestrator.store.workspace import Workspace
from sweeps.errors import UsageError

LEASE = "mirror"


def sync(
    workspace: Workspace,
    *,
    uri: str | None = None,
    sweep: str | None = None,
    verify: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> SyncResult:
    """Mirrors every trial of the ledger's live parts (of one sweep, when named), and ends with one run a trial.

    `verify` believes MLflow's tags rather than the journal: it finds runs that somebody deleted or doubled. With the
    tracking URI `none` it does nothing. Raises UnavailableError when MLflow does not answer, UsageError for an invalid
    URI, sweep or workspace, DamagedError for a file of the workspace that cannot be read. What MLflow refuses and parts
    that are torn are among the result's problems.
    """
    uri = tracking_uri(workspace, uri)
    if not workspace.roster.is_dir():
        raise UsageError(f"nothing is recorded in {workspace.root}: run a sweep first, or name its --workspace")
    if nothing := nothing_to_do(Journal(workspace, uri), stamp(workspace), verify):
        return nothing
    from orchestrator.mirror.synchronization import synchronize  # pyarrow: only when there is something to do

    store, owner = Store(workspace), myself()
    lease = store.leases.take(LEASE, owner, Liveness(workspace))
    if lease is None:
        return SyncResult(busy=holder(store.leases))
    try:
        return synchronize(store, lease, uri, sweep=sweep, verify=verify, progress=progress)
    finally:
        store.leases.release(lease)


def holder(leases: Leases) -> str:
    """One sentence: who mirrors the workspace."""
    newest = leases.newest(LEASE)
    who = f"process {newest.owner.pid} on {newest.owner.host}" if newest else "another process"
    return f"{who} is mirroring this workspace: it, or a later sync, brings MLflow up to date"


def pages(workspace: Workspace, uri: str) -> dict[str, str]:
    """By sweep, the address of its page on the MLflow server at `uri`: with its metrics and axes as columns.

    Raises UnavailableError when the server does not answer.
    """
    from orchestrator.mirror.mlflow_tracker import MLflowTracker

    tracker = MLflowTracker(workspace, uri)
    with tracker.quiet():
        return tracker.views()


def ui_command(workspace: Workspace, uri: str | None = None) -> str:
    """What a person types to see the runs; "" with the tracking URI `none`. A password in the URI is not shown.

    Raises UsageError for an invalid URI.
    """
    uri = tracking_uri(workspace, uri)
    if uri == NONE:
        return ""
    if uri.startswith("http"):
        return f"open {masked(uri)}"
    root = workspace.root
    place = os.path.relpath(root) if root.is_relative_to(Path.cwd()) else str(root)
    command = f"normsweep mlflow up --workspace {shlex.quote(place)}"
    return command if uri == workspace_uri(workspace) else f"{command} --backend {shlex.quote(masked(uri))}"
