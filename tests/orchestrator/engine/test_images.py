"""Whole sweeps on a folder of JPEGs: imported, checked, trained with workers that decode, through lost workers too."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from orchestrator.planning.plan import plan
from orchestrator.store import Store
from orchestrator.store.results import table
from orchestrator.store.workspace import Workspace
from sweeps.file.spec import load_spec
from tests.trainers.folder import tree
from trainers import data
from trainers.data.bringing.importing import bring_folder
from trainers.pack import PackTrainer

SWEEP = """
name: flowers
trial:
  dataset: flowers
  model: {{resnet18: {{width: 0.125, repeats: [1, 1, 1, 1]}}}}
  normalizer: [bn, popnorm, cwo]
  augment: {{resized-crop: {{size: 32}}}}
  batch_size: 6
  epochs: {epochs}
  lr: 0.05
  momentum: 0.9
run: {{checkpoint_seconds: 1}}
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NORMSWEEP_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    tree(tmp_path / "flowers")
    return tmp_path


def normsweep(*words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "orchestrator.cli", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def answer(*words: str, code: int = 0) -> str:
    with normsweep(*words) as process:
        told, _ = process.communicate(timeout=250)
    assert process.returncode == code, told
    return told


@pytest.mark.smoke
def test_a_sweep_on_a_folder_that_was_imported(place: Path) -> None:
    sweep, workspace = place / "sweep.yaml", place / "out"
    sweep.write_text(SWEEP.format(epochs=2))
    assert "now here: flowers" in answer("data", "import", str(place / "flowers"), "--name", "flowers")
    answer("check", str(sweep))
    answer("run", str(sweep), "--no-mlflow", "--workspace", str(workspace))
    rows, problems = table(Store.at(workspace), "flowers")
    assert problems == []
    assert sorted((r["normalizer"], r["state"]) for r in rows.to_pylist()) == [
        ("bn", "done"),
        ("cwo", "done"),
        ("popnorm", "done"),
    ]
    assert working(place) == []


@pytest.mark.smoke
@pytest.mark.parametrize("preset", ["popnorm-imagenet-smoke", "cwo-imagenet-smoke"])
def test_the_presets_of_imagenet_train_on_a_folder(preset: str, place: Path) -> None:
    """Through the very code that reads ImageNet: their crops, images from files, each shard on a device of its own."""
    bring_folder(tree(place / "more", train=24), "flowers")
    workspace, changes = Workspace.at(place / "out"), ["dataset=flowers", "metrics=error", "run.devices=2"]
    trials = plan(Store(workspace), load_spec(preset, changes)).trials
    assert {t.normalizer.name for t in trials.values()} >= {preset.partition("-")[0], "bn"}
    settings = [word for change in changes for word in ("--set", change)]
    answer("run", preset, *settings, "--cpus", "2", "--no-mlflow", "--workspace", str(workspace.root))
    rows, problems = table(Store(workspace), preset)
    assert problems == []
    assert working(place) == []
    found = {row["trial_id"]: row for row in rows.to_pylist()}
    assert found.keys() == trials.keys()
    for id, trial in trials.items():
        alone = PackTrainer([trial], data.read("flowers"))  # both shards in one process
        alone.advance(1e9)
        (expected,) = alone.rows()
        assert found[id]["device"] == "2 x cpu"
        bare = trial.normalizer.name == "none"  # which may diverge at the others' learning rate
        assert expected["state"] == "done" or (bare and expected["state"] == "diverged"), trial.normalizer
        assert found[id]["state"] == expected["state"], trial.normalizer
        if expected["state"] == "done":
            assert found[id]["train_loss"] == pytest.approx(expected["train_loss"], rel=1e-4), trial.normalizer
            assert found[id]["test_error"] == expected["test_error"], trial.normalizer


@pytest.mark.kill
def test_a_lost_worker_costs_an_attempt_and_no_result(place: Path) -> None:
    sweep, workspace = place / "sweep.yaml", place / "out"
    sweep.write_text(SWEEP.format(epochs=30).replace("[bn, popnorm, cwo]", "bn"))
    answer("data", "import", str(place / "flowers"), "--name", "flowers")
    with normsweep("run", str(sweep), "--no-mlflow", "--workspace", str(workspace)) as run:
        until = time.monotonic() + 120
        while not list(workspace.glob("checkpoints/*.pt")) and run.poll() is None and time.monotonic() < until:
            time.sleep(0.1)
        for worker in working(place):
            worker.kill()
        told, _ = run.communicate(timeout=150)
    assert run.returncode == 0, told
    (failure,) = [json.loads(path.read_bytes()) for path in workspace.glob("failures/*.json")]
    assert failure["kind"] == "lost_process"
    assert failure["message"].startswith("LostProcess: a process that reads images ended before its time")
    rows, _ = table(Store.at(workspace), "flowers")
    assert [(r["state"], r["attempts"]) for r in rows.to_pylist()] == [("done", 2)]


def working(place: Path) -> list[psutil.Process]:
    """The processes that decode this test's images."""
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        try:
            parent = process.parent()
            if (
                process.status() != psutil.STATUS_ZOMBIE
                and process.environ().get("NORMSWEEP_DATA") == os.environ["NORMSWEEP_DATA"]
                and parent is not None
                and "forkserver" in " ".join(parent.cmdline())
            ):
                found.append(process)
        except psutil.Error:
            continue
    return found
