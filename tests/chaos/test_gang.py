"""A trial over two devices, one of which is lost, ends with the result of an undisturbed one on one device."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest

from orchestrator.engine.driver import bundles
from sweeps.file.spec import SweepSpec
from tests.chaos.evidence import command, lasting

SWEEP = """
name: gang
trial: {dataset: wine, normalizer: brn, batch_size: 20, shards: 2, epochs: 200, precision: float64}
run: {devices: 2, checkpoint_seconds: 0.5}
"""
SECONDS = 200.0


def result(workspace: Path) -> dict[str, object]:
    (part,) = (workspace / "parts").rglob("*.parquet")
    (row,) = pq.read_table(part).to_pylist()
    return row


def ranks(driver: subprocess.Popen[bytes]) -> list[psutil.Process]:
    found: list[psutil.Process] = []
    for process in psutil.Process(driver.pid).children(recursive=True):
        try:
            if process.cmdline()[0].startswith("ray::Rank"):
                found.append(process)
        except (psutil.Error, IndexError):
            continue
    return found


@pytest.mark.parametrize(("spread", "strategy"), [(False, "PACK"), (True, "SPREAD")])
def test_its_devices_are_on_few_nodes_or_on_many_as_the_site_file_says(spread: bool, strategy: str) -> None:
    run = SweepSpec.from_json({"name": "any", "trial": {"dataset": "wine"}, "run": {"cpus": 2, "devices": 3}}).run
    group = bundles(run, spread)
    assert (group.bundles, group.strategy) == ([{"CPU": 2.0}] * 3, strategy)


@pytest.mark.kill
def test_a_rank_that_is_killed_costs_no_result(tmp_path: Path, temporary: Path, request: pytest.FixtureRequest) -> None:
    file = tmp_path / "gang.yaml"
    file.write_text(SWEEP)
    calm, stormy = tmp_path / "calm", tmp_path / "stormy"
    alone = command(calm, "run", str(file), "--no-mlflow", "--set", "run.devices=1")
    subprocess.run(alone, check=True, capture_output=True)

    driver = subprocess.Popen(command(stormy, "run", str(file), "--no-mlflow", "--cpus", "2"))
    request.addfinalizer(driver.kill)  # nothing, where it has ended
    end = time.monotonic() + SECONDS
    while time.monotonic() < end and not list((stormy / "checkpoints").glob("*.pt")):
        time.sleep(0.05)
    victims = ranks(driver)
    assert len(victims) == 2
    victims[1].kill()
    assert driver.wait(timeout=SECONDS) == 0

    (failure,) = [json.loads(path.read_bytes()) for path in (stormy / "failures").glob("*.json")]
    assert failure["kind"] == "lost_process"
    ours, theirs = result(stormy), result(calm)
    assert (ours["device"], theirs["device"]) == ("2 x cpu", "cpu")
    assert (ours["attempts"], theirs["attempts"]) == (2, 1)
    for name in ("state", "test_error", "curve_test_error", "curve_train_loss"):
        assert ours[name] == theirs[name], name
    assert lasting(str(temporary)) == []
