"""How fast the ledger is mirrored: trials a second into SQLite, and through a server into PostgreSQL.

    python benchmarks/sync.py [--trials 300] [--postgres | --server URI] [--json]

`--postgres` starts a PostgreSQL (Debian's package) and an MLflow server over it, and counts their processor time too.
What a trial is made of is printed. Seconds are of the wall clock, so nothing else should run; processor time suffers
less from what does.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from orchestrator.mirror.run_data import member_tag, run_data
from orchestrator.mirror.server import down, up
from orchestrator.mirror.sync import sync
from orchestrator.store import Store
from orchestrator.store.workspace import Workspace
from tests.orchestrator.mlflow.ledgers import NORMALIZERS, finish, record_packs, record_sweep, trials
from tests.orchestrator.mlflow.postgres import cluster

Costs = dict[str, Callable[[], float]]  # seconds of processor time so far, by who spends them


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=300)
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--server", help="the URI of a running MLflow server; default: an SQLite file")
    where.add_argument("--postgres", action="store_true", help="start PostgreSQL and an MLflow server")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace.at(folder)
        if arguments.postgres:
            with served(workspace) as (uri, costs):
                found = {"store": "postgresql"} | measure(workspace, arguments.trials, uri, costs)
        else:
            store = {"store": arguments.server or "sqlite"}
            found = store | measure(workspace, arguments.trials, arguments.server, {})
    print(json.dumps(found) if arguments.json else "\n".join(f"{key:28} {value}" for key, value in found.items()))


@contextmanager
def served(workspace: Workspace) -> Generator[tuple[str, Costs]]:
    """The URI of an MLflow server over a PostgreSQL, both just started, and what each has cost."""
    import psycopg2

    with cluster() as database:
        connection = psycopg2.connect(database)
        postmaster = psutil.Process(connection.info.backend_pid).parent()
        connection.close()
        assert postmaster is not None
        server = up(workspace, backend=database, port=0)
        try:
            yield (
                server.uri,
                {"server": lambda: spent(server.owner.pid), "postgresql": lambda: spent(postmaster.pid)},
            )
        finally:
            down(workspace)


def spent(pid: int) -> float:
    """Seconds of processor time of a process and its children, ended ones included."""
    top = psutil.Process(pid)
    times = [process.cpu_times() for process in (top, *top.children(recursive=True))]
    return sum(t.user + t.system + t.children_user + t.children_system for t in times)


def measure(workspace: Workspace, count: int, uri: str | None, costs: Costs) -> dict[str, Any]:
    members = trials(("wine", "titanic"), seeds=count // (2 * len(NORMALIZERS)))
    record_sweep(workspace, "benchmark", members)
    packs = record_packs(workspace, members, size=30)
    finish(workspace, packs[:1])
    sync(workspace, uri=uri)  # imports, and the tables of a new file
    finish(workspace, packs[1:])
    costs = {"own": time.process_time, **costs}
    before = {who: cost() for who, cost in costs.items()}
    began = time.monotonic()
    created = sync(workspace, uri=uri).created
    seconds = time.monotonic() - began
    spent_ms = {who: 1000 * (cost() - before[who]) for who, cost in costs.items()}
    began = time.monotonic()
    sync(workspace, uri=uri)
    again = time.monotonic() - began
    return {
        **payload(workspace, packs[-1]),
        "trials": created,
        "trials_per_second": round(created / seconds, 1),
        **{f"{who}_cpu_ms_per_trial": round(spent / created, 1) for who, spent in spent_ms.items()},
        "nothing_new_ms": round(1000 * again, 2),
    }


def payload(workspace: Workspace, pack: str) -> dict[str, int]:
    """What is written of a trial."""
    rows, _ = Store(workspace).ledger.read([pack])
    data = run_data(rows.to_pylist()[0], {member_tag("benchmark"): "plan"}, 0.0)
    curves = [key for key, *_ in data.metrics if key.startswith("curve/")]
    return {
        "params": len(data.params),
        "tags": len(data.tags),
        "metrics": len({key for key, *_ in data.metrics}),
        "curves": len(set(curves)),
        "points_of_curves": len(curves),
    }


if __name__ == "__main__":
    main()
