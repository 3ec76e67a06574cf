"""What shows, from outside, that nothing was lost, doubled or left running."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from orchestrator.store import Store
from orchestrator.store.results import table
from sweeps.records import CURVES

CIRCUMSTANCES = ["seconds", "attempts", "code_version"]  # columns that tell how the results came about


def command(workspace: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "orchestrator.cli", *arguments, "--workspace", str(workspace)]


def exported(workspace: Path, sweep: str) -> pa.Table:
    """What `export` writes and the curves, without circumstances."""
    return table(Store.at(workspace), sweep, more=list(CURVES))[0].drop_columns(CIRCUMSTANCES)


def parquet(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return sink.getvalue().to_pybytes()


def living(mark: str) -> list[psutil.Process]:
    """Other processes that have `mark` on their command line or in their environment, and what descends from them.

    Ray's workers overwrite both with a title.
    """
    marked: list[psutil.Process] = []
    children: defaultdict[int, list[psutil.Process]] = defaultdict(list)
    for process in psutil.process_iter(["cmdline", "environ", "ppid"]):
        children[process.info["ppid"]].append(process)
        words = (*(process.info["cmdline"] or ()), *(process.info["environ"] or {}).values())
        if process.pid != os.getpid() and any(mark in word for word in words):
            marked.append(process)
    found: dict[int, psutil.Process] = {}
    while marked:
        process = marked.pop()
        if process.pid not in found:
            found[process.pid] = process
            marked += children[process.pid]
    return list(found.values())


def lasting(mark: str) -> list[str]:
    """Command lines of such processes that do not end within 30 s."""
    deadline = time.monotonic() + 30
    while (found := living(mark)) and time.monotonic() < deadline:
        time.sleep(0.5)
    return [shown(process) for process in found]


def shown(process: psutil.Process) -> str:
    """Its command line; "" when it is gone."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def one_run_per_trial(workspace: Path) -> int:
    """Counts the trials mirrored to MLflow, having seen that each has one run, and that one finished."""
    script = (
        "import sys\n"
        "from mlflow import MlflowClient\n"
        "client = MlflowClient(sys.argv[1])\n"
        "ids = [e.experiment_id for e in client.search_experiments()]\n"
        "token = None\n"
        "while True:\n"
        "    page = client.search_runs(ids, max_results=1000, page_token=token)\n"
        "    for run in page:\n"
        "        if 'normsweep.trial_id' in run.data.tags:\n"
        "            print(run.data.tags['normsweep.trial_id'], run.info.status)\n"
        "    token = page.token\n"
        "    if not token:\n"
        "        break\n"
    )
    uri = f"sqlite:///{workspace / 'mlflow' / 'mlflow.db'}"
    done = subprocess.run([sys.executable, "-c", script, uri], check=True, capture_output=True, text=True)
    runs = [line.split() for line in done.stdout.splitlines()]
    counts = Counter(trial for trial, _ in runs)
    assert set(counts.values()) == {1}
    assert {status for _, status in runs} == {"FINISHED"}
    return len(counts)
