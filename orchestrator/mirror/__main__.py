"""`python -P -m orchestrator.mirror WORKSPACE` follows the ledger until its standard input ends.

MLFLOW_TRACKING_URI says to which MLflow.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys

from orchestrator.mirror.uri import tracking_uri
from orchestrator.store.workspace import Workspace


def main(root: str) -> int:
    """A driver's child: it outlives Ctrl-C and the terminal, says nothing to either, and ends when the driver does.

    Returns 1 when MLflow lacks something; the workspace's `logs/mirror.log` says what. Raises UsageError for an invalid
    URI.
    """
    from orchestrator.mirror.follow import follow  # pyarrow and MLflow

    workspace = Workspace.at(root)
    uri = tracking_uri(workspace)
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
    sys.exit(main(*sys.argv[1:]))
