"""kill -9 of the driver at random moments, ten times over: nothing is lost, nothing doubled, not a byte differs."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orchestrator.engine.local import sweep_up
from orchestrator.store import Store

SWEEP = """
name: chaos
trial:
  dataset: [wine, titanic]
  depth: [2, 3]
  activation: [relu, selu]
  where: [{if: "activation=relu", dropout: 0.5}, {if: "activation=selu", alpha_dropout: 0.05}]
  normalizer: [none, bn, vcl]
  width: 64
  epochs: 120
  schedule: {step: {at: [60]}}
  seed: 0..1
run: {checkpoint_seconds: 0.5}
"""
CIRCUMSTANCES = ["seconds", "attempts"]
KILLS = 10


def command(workspace: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "orchestrator.cli", *arguments, "--workspace", str(workspace)]


def exported(workspace: Path, target: Path) -> bytes:
    """The export's bytes, without the columns that tell how the results came about."""
    subprocess.run(command(workspace, "export", "chaos", "-o", str(target)), check=True, capture_output=True)
    sink = pa.BufferOutputStream()
    pq.write_table(pq.read_table(target).drop_columns(CIRCUMSTANCES), sink)
    return sink.getvalue().to_pybytes()


def lasting(mark: str) -> list[str]:
    """Command lines of processes, started with `mark` on it or in their environment, that do not end within 30 s."""
    deadline = time.monotonic() + 30
    while (found := _living(mark)) and time.monotonic() < deadline:
        time.sleep(0.5)
    return found


def _living(mark: str) -> list[str]:
    return [
        " ".join(process.info["cmdline"] or ())
        for process in psutil.process_iter(["cmdline", "environ"])
        if process.pid != os.getpid()
        and any(mark in word for word in (*(process.info["cmdline"] or ()), *(process.info["environ"] or {}).values()))
    ]


@pytest.mark.kill
@pytest.mark.timeout(900)
def test_killed_ten_times_over(tmp_path: Path, temporary: Path) -> None:
    file = tmp_path / "chaos.yaml"
    file.write_text(SWEEP)
    calm, stormy = tmp_path / "calm", tmp_path / "stormy"
    subprocess.run(command(calm, "run", str(file), "--no-mlflow"), check=True, capture_output=True)
    expected = exported(calm, tmp_path / "calm.parquet")

    seed = random.SystemRandom().randrange(2**32)
    print(f"moments of killing drawn with seed {seed}")
    chance, killed = random.Random(seed), 0
    while killed < KILLS:
        with subprocess.Popen(
            command(stormy, "run", str(file)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as driver:
            try:
                driver.wait(timeout=chance.uniform(0.5, 13.0))
            except subprocess.TimeoutExpired:
                os.kill(driver.pid, signal.SIGKILL)
        assert driver.returncode in (0, -signal.SIGKILL)
        if driver.returncode == 0:
            break  # a fast machine finished it: the remaining kills would hit nothing
        killed += 1
    assert killed >= 3

    subprocess.run(command(stormy, "run", str(file)), check=True, capture_output=True)
    assert exported(stormy, tmp_path / "stormy.parquet") == expected
    assert Store.at(stormy).leases.held() == {}
    assert one_run_per_trial(stormy) == 48

    assert lasting(str(temporary)) == []
    assert lasting(str(stormy)) == []
    sweep_up()  # as the next start of Ray does first: the last one may have ended while theirs still ran
    assert list(temporary.glob("normsweep-*")) == []


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
