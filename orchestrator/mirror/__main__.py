"""`python -P -m orchestrator.mirror WORKSPACE` follows the ledger until its standard input ends.

MLFLOW_TRACKING_URI says to which MLflow.
"""

from __future__ import annotations

import os
import sys

from orchestrator.mirror.uri import tracking_uri
from orchestrator.store.workspace import Workspace


def main(root: str) -> int:
    """A child of `run`, in a session of its own and without a terminal. It ends when `run` does.

    Returns 1 when MLflow lacks something; the workspace's `logs/mirror.log` says what. Raises UsageError for an invalid
    URI.
    """
    from orchestrator.mirror.follow import follow  # pyarrow and MLflow

    workspace = Workspace.at(root)
    uri = tracking_uri(workspace)
    os.nice(5)
    os.chdir(workspace.root)
    return 0 if follow(workspace, uri, sys.stdin.fileno()) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
