"""How fast the ledger is mirrored: trials a second into SQLite, and through a server into PostgreSQL.

    python benchmarks/sync.py [--trials 300] [--server URI] [--json]

Trials have 27 params, 10 metrics and 3 curves of 50 points. Wall-clock time, so nothing else should run.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from orchestrator.mirror import sync
from orchestrator.workspace import Workspace
from tests.orchestrator.mlflow.ledgers import NORMALIZERS, finish, record_packs, record_sweep, trials


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=300)
    parser.add_argument("--server", help="the URI of a running MLflow server; default: an SQLite file")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace.at(folder)
        members = trials(("wine", "titanic"), seeds=arguments.trials // (2 * len(NORMALIZERS)))
        record_sweep(workspace, "benchmark", members)
        packs = record_packs(workspace, members, size=30)
        finish(workspace, packs[:1])
        sync(workspace, uri=arguments.server)  # imports, and the tables of a new file
        finish(workspace, packs[1:])
        began, cpu = time.monotonic(), time.process_time()
        created = sync(workspace, uri=arguments.server).created
        seconds, busy = time.monotonic() - began, time.process_time() - cpu
        began = time.monotonic()
        sync(workspace, uri=arguments.server)
        again = time.monotonic() - began
    found = {
        "store": arguments.server or "sqlite",
        "trials": created,
        "trials_per_second": round(created / seconds, 1),
        "own_cpu_ms_per_trial": round(1000 * busy / created, 1),
        "nothing_new_ms": round(1000 * again, 2),
    }
    print(json.dumps(found) if arguments.json else "\n".join(f"{key:22} {value}" for key, value in found.items()))


if __name__ == "__main__":
    main()
