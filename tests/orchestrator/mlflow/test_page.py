"""MLflow's own web page in a real browser shows the sweep, its runs and a curve."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Generator
from pathlib import Path

import pytest

from orchestrator.mirror.server import Server, down, up
from orchestrator.mirror.sync import pages, sync
from orchestrator.store.workspace import Workspace
from tests.orchestrator.mlflow.ledgers import small_sweep
from tests.orchestrator.mlflow.looking import client, parents, trial_runs
from tests.orchestrator.mlflow.postgres import new_database

CHROMIUM = shutil.which("chromium")
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"),
    *("--window-size=1400,900", "--virtual-time-budget=60000", "--dump-dom"),
]

pytestmark = [pytest.mark.mlflow, pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")]


@pytest.fixture(scope="module")
def server(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Generator[Server]:
    workspace = Workspace.at(tmp_path_factory.mktemp("page"))
    yield up(workspace, backend=new_database(postgres), port=0)
    assert down(workspace)


@pytest.fixture
def pictures(request: pytest.FixtureRequest) -> Path:
    """Where screenshots are kept: CI's folder of artifacts, or `build` in the checkout."""
    folder = Path(os.environ.get("CI_ARTIFACTS", request.config.rootpath / "build" / "artifacts"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def seen(url: str, picture: Path, folder: Path, *patterns: str) -> str:
    """What the page shows, when all of the patterns are in it; a page that is slow to fill gets six visits.

    The picture is taken in the same visit.
    """
    command = [str(CHROMIUM), *FLAGS, f"--user-data-dir={folder / 'profile'}", f"--screenshot={picture}", url]
    missing: list[str] = []
    for _ in range(6):
        shown = subprocess.run(command, capture_output=True, text=True, check=True, timeout=240).stdout
        missing = [pattern for pattern in patterns if not re.search(pattern, shown)]
        if not missing:
            assert picture.stat().st_size > 20_000
            return shown
    raise AssertionError(f"{url} does not show {missing}")


def test_the_page_shows_the_sweep_its_runs_and_a_curve(
    workspace: Workspace, server: Server, tmp_path: Path, pictures: Path
) -> None:
    members = small_sweep(workspace, "on-the-page")
    assert sync(workspace, uri=server.uri).created == 12
    experiment = client(workspace, server.uri).get_experiment_by_name("on-the-page").experiment_id

    home = f"{server.uri}/#/experiments/{experiment}/runs"
    listed = ("on-the-page", "Training runs", r"<[^>]*>13<[^>]*> matching runs")
    seen(home, pictures / "mlflow-runs.png", tmp_path, *listed)
    columns = ('col-id="metrics-test_error|col-id="[^"]*test_error', 'col-id="[^"]*normalizer')
    seen(pages(workspace, server.uri)["on-the-page"], pictures / "mlflow-columns.png", tmp_path, *columns)
    sweep = parents(workspace, server.uri)["on-the-page"].info.run_id
    shown = seen(f"{home}/{sweep}", pictures / "mlflow-sweep.png", tmp_path, "Child runs", members[0].dataset)
    runs = trial_runs(workspace, server.uri)
    assert len([run for run in runs.values() if run.info.run_name in shown]) >= 5  # the first ones, the rest at a click
    curve = f"{home}/{runs[members[0].id].info.run_id}/model-metrics"
    drawn = 'class="scatterlayer'  # a line, by Plotly
    seen(curve, pictures / "mlflow-curve.png", tmp_path, "curve/val_error", drawn)
