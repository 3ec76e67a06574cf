from __future__ import annotations

import json
import os

import pytest
from typer.testing import CliRunner

from orchestrator.cli.main import app
from orchestrator.mirror.server import credentials, running, up
from orchestrator.mirror.sync import sync
from orchestrator.store.workspace import Workspace
from tests.orchestrator.mlflow.ledgers import small_sweep
from tests.orchestrator.mlflow.looking import trial_runs


def told(workspace: Workspace, *words: str, exit_code: int = 0) -> str:
    result = CliRunner(env={"COLUMNS": "200"}).invoke(app, [*words, "--workspace", str(workspace.root)])
    assert result.exit_code == exit_code, result.output
    assert not result.stderr.strip()
    return result.stdout


def test_compare_prints_the_same_from_both_sources(workspace: Workspace) -> None:
    small_sweep(workspace)
    sync(workspace)
    words = ("compare", "small", "--by", "normalizer", "--filter", "params.dataset = 'wine'", "--baseline", "bn")
    shown = told(workspace, *words)
    assert "6 runs of mlflow" in shown
    assert shown.replace("mlflow", "ledger") == told(workspace, *words, "--source", "ledger")
    answer = json.loads(told(workspace, *words, "--json"))
    assert (answer["source"], answer["runs"]) == ("mlflow", 6)
    assert sum(line["wins"] for line in answer["methods"]) == 1
    assert {line["against"] for line in answer["methods"]} == {None, "bn"}


def test_no_server(workspace: Workspace) -> None:
    assert told(workspace, "mlflow", "status", exit_code=3) == "no server runs: `normsweep mlflow up` starts one\n"
    assert json.loads(told(workspace, "mlflow", "status", "--json", exit_code=3)) == {"uri": None}
    assert told(workspace, "mlflow", "down") == "no server runs\n"


@pytest.mark.mlflow
def test_up_and_down(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("USERNAME", "PASSWORD"):
        # What `sync` sets for this process does not outlive the test.
        monkeypatch.setenv(f"MLFLOW_TRACKING_{name}", "")
        monkeypatch.delenv(f"MLFLOW_TRACKING_{name}")
    small_sweep(workspace)
    shown = told(workspace, "mlflow", "up", "--port", "0", "--password")
    assert "at http://127.0.0.1:" in shown
    assert f'MLFLOW_TRACKING_PASSWORD="$(cat {workspace.mlflow / "password"})"' in shown
    try:
        assert told(workspace, "mlflow", "up") == shown == told(workspace, "mlflow", "status")
        pid = json.loads((workspace.mlflow / "server.json").read_text())["owner"]["pid"]
        assert os.getpgid(pid) == pid
        server = running(workspace)
        assert server is not None
        assert sync(workspace, uri=server.uri).created == 12  # with the workspace's own password
        assert credentials(workspace, server.uri + "1") == {}
        taken = int(server.uri.rpartition(":")[2])
        with pytest.raises(ValueError, match=f"port {taken} of 127.0.0.1 is not free"):
            up(Workspace.at(workspace.root / "second"), port=taken)
    finally:
        assert told(workspace, "mlflow", "down") == "stopped\n"
    with pytest.raises(ProcessLookupError):
        os.killpg(pid, 0)
    # The same database without the server: its runs are found by their tags, its artifacts lie behind the server.
    result = sync(workspace)
    assert (result.created, result.unchanged) == (0, 12)
    assert [p.partition(" is not in MLflow")[0] for p in result.problems] == ["small/000001.json"]
    assert len(trial_runs(workspace)) == 12
