"""`python -P -m orchestrator.mirror WORKSPACE [--uri URI]` follows the ledger until its standard input ends."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys

from orchestrator.mirror.uri import tracking_uri
from orchestrator.store.workspace import Workspace


def main() -> int:
    """A driver's child: it outlives Ctrl-C and the terminal, says nothing to either, and ends when the driver does."""
    parser = argparse.ArgumentParser(prog="python -m orchestrator.mirror")
    parser.add_argument("workspace")
    parser.add_argument("--uri", help="MLflow's; better in MLFLOW_TRACKING_URI when it holds a password")
    arguments = parser.parse_args()
    from orchestrator.mirror.follow import follow  # pyarrow and MLflow

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
