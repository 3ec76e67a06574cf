"""How fast `compare` answers: a filter that leaves a tenth of the runs, all runs, and the ledger.

    python benchmarks/compare.py [--trials 50000] [--database postgresql://...] [--json]

The ledger is written by the real writer. MLflow's tables are filled in bulk with the rows that the mirror would write
(at its own speed 50,000 trials take half an hour); the questions then go through a real MLflow server, which this
starts over the database (default: an SQLite file). All answers are checked to be equal.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from orchestrator.ask.compare import compare
from orchestrator.mirror.server import down, up
from orchestrator.store import Store
from orchestrator.store.workspace import Workspace
from tests.orchestrator.mlflow.bulk import fill
from tests.orchestrator.mlflow.ledgers import NORMALIZERS, finish, record_packs, record_sweep, trials

DATASETS = tuple(f"data-{n}" for n in range(10))  # a filter on one of them leaves a tenth
SWEEP = "large"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=50_000)
    parser.add_argument("--database", help="an empty one, postgresql://...")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace.at(folder)
        members = trials(DATASETS, seeds=max(arguments.trials // (len(DATASETS) * len(NORMALIZERS)), 1))
        record_sweep(workspace, SWEEP, members)
        packs = record_packs(workspace, members, size=32)
        finish(workspace, packs, epochs=2)
        Store(workspace).ledger.renew_cache(packs)  # as every run leaves it
        database = arguments.database or f"sqlite:///{workspace.mlflow / 'mlflow.db'}"
        fill(workspace, SWEEP, database)
        server = up(workspace, backend=database, port=0)
        try:
            found = {"trials": len(members)} | measure(workspace, server.uri)
        finally:
            down(workspace)
    print(json.dumps(found) if arguments.json else "\n".join(f"{key:26} {value}" for key, value in found.items()))


def measure(workspace: Workspace, uri: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, query in (("a tenth", f"params.dataset = '{DATASETS[3]}' and metrics.test_error < 2"), ("all", "")):
        answers = {}
        for source in ("mlflow", "ledger"):
            began = time.monotonic()
            answers[source] = compare(
                Store(workspace), [SWEEP], by=["normalizer"], baseline="bn", query=query, source=source, uri=uri
            )
            found[f"{name}, {source}, s"] = round(time.monotonic() - began, 2)
        assert answers["mlflow"].lines == answers["ledger"].lines
        found[f"{name}, runs"] = answers["mlflow"].runs
    return found


if __name__ == "__main__":
    main()
