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
import uuid
from collections import defaultdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from orchestrator.compare import compare
from orchestrator.ledger import Ledger
from orchestrator.mirror_runs import run_data
from orchestrator.mirror_sync import recorded_sweeps
from orchestrator.mirror_tracker import Tracker
from orchestrator.mirror_uri import with_driver
from orchestrator.mlflow_server import down, up
from orchestrator.workspace import Workspace
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
        Ledger(workspace).renew_cache(packs)  # as every run leaves it
        database = arguments.database or f"sqlite:///{workspace.mlflow / 'mlflow.db'}"
        fill(workspace, database)
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
                workspace, [SWEEP], by=["normalizer"], baseline="bn", query=query, source=source, uri=uri
            )
            found[f"{name}, {source}, s"] = round(time.monotonic() - began, 2)
        assert answers["mlflow"].lines == answers["ledger"].lines
        found[f"{name}, runs"] = answers["mlflow"].runs
    return found


def fill(workspace: Workspace, database: str) -> None:
    """Writes the runs of the whole ledger into MLflow's tables, as the mirror would have left them."""
    import sqlalchemy

    tracker = Tracker(workspace, database)
    with tracker.speaking():
        experiment = int(tracker.experiment(SWEEP))
    sweep = recorded_sweeps(workspace)[SWEEP]
    engine = sqlalchemy.create_engine(with_driver(database))
    tables = sqlalchemy.MetaData()
    tables.reflect(engine, only=["runs", "params", "tags", "latest_metrics"])
    waiting: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    table, _ = Ledger(workspace).read(Ledger(workspace).done())
    for chunk in table.to_batches(max_chunksize=1000):
        for row in chunk.to_pylist():
            data = run_data(row, {SWEEP: sweep.plan}, 0.0)
            run = uuid.uuid4().hex
            waiting["runs"].append(
                {
                    "run_uuid": run,
                    "name": data.name,
                    "experiment_id": experiment,
                    "status": data.status,
                    "start_time": data.start_ms,
                    "end_time": data.end_ms,
                    "lifecycle_stage": "active",
                    "source_type": "UNKNOWN",
                    "user_id": "benchmark",
                    "artifact_uri": "file:///nowhere",
                }
            )
            waiting["params"] += [{"run_uuid": run, "key": k, "value": v} for k, v in data.params.items()]
            waiting["tags"] += [{"run_uuid": run, "key": k, "value": v} for k, v in data.tags.items()]
            last = {key: (value, at, step) for key, value, at, step in data.metrics}
            waiting["latest_metrics"] += [
                {"run_uuid": run, "key": key, "value": value, "timestamp": at, "step": step, "is_nan": False}
                for key, (value, at, step) in last.items()
            ]
        with engine.begin() as connection:
            for name in ("runs", "params", "tags", "latest_metrics"):
                connection.execute(tables.tables[name].insert(), waiting.pop(name))
    engine.dispose()


if __name__ == "__main__":
    main()
