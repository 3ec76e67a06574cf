"""The mirror: turns the ledger's parts into MLflow runs, one a trial, for looking. The ledger stays the truth.

An experiment a sweep, with one parent run; a trial that several sweeps share has one run, in the experiment of the
first of them by name, and a tag `normsweep.sweep.<name>` for each. One writer a workspace: it holds the lease `mirror`.

`python -P -m orchestrator.mirror WORKSPACE [--uri URI]` follows the ledger until its standard input ends.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from orchestrator.leases import Leases
from orchestrator.mirror_record import Record, nothing_new, stamp
from orchestrator.mirror_result import SyncResult
from orchestrator.mirror_uri import masked, tracking_uri
from orchestrator.owner import myself
from orchestrator.workspace import Workspace

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

    `verify` believes MLflow's tags rather than the local record: it finds runs that somebody deleted or doubled.
    Raises Unavailable when MLflow cannot be reached, ValueError for a URI or a sweep that is none, or no workspace.
    """
    uri = tracking_uri(workspace, uri)
    if not workspace.roster.is_dir():
        raise ValueError(f"nothing is recorded in {workspace.root}: run a sweep first, or name its --workspace")
    if not verify and (nothing := nothing_new(Record(workspace, uri), stamp(workspace))):
        return nothing
    from orchestrator.mirror_sync import synchronize  # pyarrow and MLflow: only when there is something to do

    leases = Leases(workspace, myself())
    lease = leases.take(LEASE)
    if lease is None:
        return SyncResult(busy=holder(leases))
    try:
        return synchronize(workspace, lease, uri, sweep=sweep, verify=verify, progress=progress)
    finally:
        leases.release(lease)


def holder(leases: Leases) -> str:
    """One sentence: who mirrors the workspace."""
    newest = leases.newest(LEASE)
    who = f"process {newest.owner.pid} on {newest.owner.host}" if newest else "another process"
    return f"{who} is mirroring this workspace: it, or a later sync, brings MLflow up to date"


def ui_command(workspace: Workspace, uri: str | None = None) -> str:
    """What a person types to see the runs; a password in the URI is not shown."""
    uri = tracking_uri(workspace, uri)
    if uri.startswith("http"):
        return f"open {masked(uri)}"
    program = shutil.which("mlflow") or str(Path(sys.executable).with_name("mlflow"))
    return f"{program} ui --backend-store-uri {shlex.quote(masked(uri))}"


def main() -> int:
    """A driver's child: it outlives Ctrl-C and the terminal, says nothing to either, and ends when the driver does."""
    parser = argparse.ArgumentParser(prog="python -m orchestrator.mirror")
    parser.add_argument("workspace")
    parser.add_argument("--uri", help="MLflow's; better in MLFLOW_TRACKING_URI when it holds a password")
    arguments = parser.parse_args()
    from orchestrator.mirror_follow import follow

    workspace = Workspace.at(arguments.workspace)
    uri = tracking_uri(workspace, arguments.uri)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(PermissionError):
        os.setsid()
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, sys.stdout.fileno())
    os.dup2(nothing, sys.stderr.fileno())
    os.nice(5)
    os.chdir(workspace.root)
    return 0 if follow(workspace, uri, sys.stdin.fileno()) else 1


if __name__ == "__main__":
    sys.exit(main())
