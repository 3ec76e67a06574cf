"""One trial's failure hurts no other; a stopped run saves and goes on; a lost process costs one attempt."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orchestrator.store import Store
from orchestrator.store.results import table
from orchestrator.store.workspace import Workspace
from orchestrator.watch.status import status_of
from sweeps.records import CURVES

SWEEP = """
name: small
trial:
  dataset: wine
  depth: 1
  width: 16
  normalizer: [none, bn]
  batch_size: 8
  epochs: {epochs}
  seed: 0..3
run: {{checkpoint_seconds: 1}}
"""

pytestmark = [pytest.mark.kill, pytest.mark.timeout(900)]


def sweep(tmp_path: Path, epochs: int) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(SWEEP.format(epochs=epochs))
    return path


def start(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-m", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_the_culprit_alone_ends_as_failed(tmp_path: Path) -> None:
    path, workspace = sweep(tmp_path, 3), Workspace.at(tmp_path / "out")
    with start("tests.chaos.failing_run", str(path), str(workspace.root)) as run:
        out, _ = run.communicate(timeout=400)
    assert run.returncode == 4, out
    rows, problems = table(Store(workspace), "small")
    assert problems == []
    states = {(r["normalizer"], r["seed"]): r["state"] for r in rows.to_pylist()}
    assert len(states) == 8
    assert {cell for cell, state in states.items() if state == "failed"} == {("bn", 1)}
    assert set(states.values()) == {"failed", "done"}
    assert status_of(Store(workspace), "small")[0].exit_code == 4
    parts = [pq.read_table(p) for p in workspace.parts.iterdir()]
    failures = [text for part in parts for text in part["failure"].to_pylist() if text]
    assert len(failures) == 1
    assert "seed 1 of bn cannot be trained" in failures[0]
    assert "Traceback" in failures[0]


def test_a_stopped_run_saves_and_goes_on(tmp_path: Path) -> None:
    """SIGINT: exit code 130, checkpoints kept; the next run ends with the undisturbed results."""
    path = sweep(tmp_path, 1000)
    workspace = Workspace.at(tmp_path / "out")
    words = ("orchestrator.cli", "run", str(path), "--no-mlflow", "--workspace")
    with start(*words, str(workspace.root)) as run:
        wait_for(lambda: len(list((workspace.root / "progress").glob("*.parquet"))) == 2, run)
        run.send_signal(signal.SIGINT)
        out, _ = run.communicate(timeout=120)
    assert run.returncode == 130, out
    assert "stopping" in out
    assert Store(workspace).leases.held() == {}
    assert len(list((workspace.root / "checkpoints").glob("*.pt"))) == 2
    with start(*words, str(workspace.root)) as run:
        out, _ = run.communicate(timeout=400)
    assert run.returncode == 0, out
    assert all("goes on from epoch" in log.read_text() for log in (workspace.root / "logs").glob("*[0-9a-f].log"))

    calm = ("orchestrator.cli", "run", str(path), "--tracking-uri", "http://me:hunter2@127.0.0.1:9", "--workspace")
    with start(*calm, str(tmp_path / "calm")) as run:
        out, _ = run.communicate(timeout=400)
    assert run.returncode == 0, out  # MLflow being away is one sentence, and the sweep goes on
    assert "MLflow lacks some results, which the ledger has: MLflow at http://me:***@127.0.0.1:9 cannot be" in out
    assert "hunter2" not in out
    assert results(workspace) == results(Workspace.at(tmp_path / "calm"))


def test_a_lost_process_is_another_attempt_and_a_torn_part_another_training(tmp_path: Path) -> None:
    path, workspace = sweep(tmp_path, 1000), Workspace.at(tmp_path / "out")
    with start("orchestrator.cli", "run", str(path), "--no-mlflow", "--workspace", str(workspace.root)) as run:
        wait_for(lambda: len(list((workspace.root / "progress").glob("*.parquet"))) == 2, run)
        log = next((workspace.root / "logs").glob("*[0-9a-f].log"))
        os.kill(int(log.read_text().split(" pid ")[1].split()[0]), signal.SIGKILL)
        out, _ = run.communicate(timeout=400)
    assert run.returncode == 0, out
    lost = r"pack [0-9a-f]{16} failed \(the process that trained it was lost; what Ray says of it is in .*\): retry"
    foreign = [line for line in out.splitlines() if not re.fullmatch(rf"small: .*|{lost}", line)]
    assert not foreign, out  # Ray's own words go to the log
    assert len(re.findall(lost, out)) == 1
    rows, _ = table(Store(workspace), "small")
    assert sorted(rows["attempts"].to_pylist()) == [1, 1, 1, 1, 2, 2, 2, 2]

    # A torn part is told, moved aside, and its pack trained again, to the same results.
    before = results(workspace)
    part = next(workspace.parts.glob("*.parquet"))
    part.write_bytes(part.read_bytes()[:-100])
    with start("orchestrator.cli", "run", str(path), "--no-mlflow", "--workspace", str(workspace.root)) as run:
        out, _ = run.communicate(timeout=400)
    assert run.returncode == 0, out
    assert f"{part.name} was torn" in out
    assert results(workspace) == before


def results(workspace: Workspace) -> pa.Table:
    return table(Store(workspace), "small", more=list(CURVES))[0].drop_columns(["seconds", "attempts", "code_version"])


def wait_for(condition: object, run: subprocess.Popen[str]) -> None:
    assert callable(condition)
    deadline = time.monotonic() + 240
    while not condition():
        assert run.poll() is None, run.stdout.read() if run.stdout else ""
        assert time.monotonic() < deadline
        time.sleep(0.1)
