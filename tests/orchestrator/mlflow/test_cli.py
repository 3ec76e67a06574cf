from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from orchestrator.cli.main import app
from orchestrator.mirror.server import credentials, running, up
from orchestrator.mirror.sync import SyncResult, sync
from orchestrator.store.workspace import Workspace
from tests.orchestrator.mlflow.ledgers import small_sweep
from tests.orchestrator.mlflow.looking import artifacts, client, parents, trial_runs
from tests.orchestrator.stage import Call


def printed(workspace: Workspace, *words: str, exit_code: int = 0) -> str:
    result = CliRunner(env={"COLUMNS": "200"}).invoke(app, [*words, "--workspace", str(workspace.root)])
    assert result.exit_code == exit_code, result.output
    assert not result.stderr.strip()
    return result.stdout


def test_compare_prints_the_same_from_both_sources(workspace: Workspace) -> None:
    small_sweep(workspace)
    sync(workspace)
    words = ("compare", "small", "--by", "normalizer", "--filter", "params.dataset = 'wine'", "--baseline", "bn")
    shown = printed(workspace, *words)
    assert "6 runs of mlflow" in shown
    assert shown.replace("mlflow", "ledger") == printed(workspace, *words, "--source", "ledger")
    answer = json.loads(printed(workspace, *words, "--json"))
    assert (answer["source"], answer["runs"]) == ("mlflow", 6)
    assert sum(line["wins"] for line in answer["methods"]) == 1
    assert {line["against"] for line in answer["methods"]} == {None, "bn"}


def test_no_server(workspace: Workspace) -> None:
    assert printed(workspace, "mlflow", "status", exit_code=3) == "no server runs: `normsweep mlflow up` starts one\n"
    assert json.loads(printed(workspace, "mlflow", "status", "--json", exit_code=3)) == {"uri": None}
    assert printed(workspace, "mlflow", "down") == "no server runs\n"


@pytest.mark.mlflow
def test_up_and_down(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("USERNAME", "PASSWORD"):
        # What `sync` sets for this process does not outlive the test.
        monkeypatch.setenv(f"MLFLOW_TRACKING_{name}", "")
        monkeypatch.delenv(f"MLFLOW_TRACKING_{name}")
    small_sweep(workspace)
    shown = printed(workspace, "mlflow", "up", "--port", "0", "--password")
    assert "at http://127.0.0.1:" in shown
    assert f'MLFLOW_TRACKING_PASSWORD="$(cat {workspace.mlflow / "password"})"' in shown
    try:
        assert printed(workspace, "mlflow", "up") == shown == printed(workspace, "mlflow", "status")
        pid = json.loads((workspace.mlflow / "server.json").read_text())["owner"]["pid"]
        assert os.getpgid(pid) == pid
        server = running(workspace)
        assert server is not None
        assert sync(workspace, uri=server.uri).created == 12  # with the workspace's own password
        assert f"small: {server.uri}/#/experiments/1/runs?viewStateShareKey=" in printed(workspace, "mlflow", "up")
        assert credentials(workspace, server.uri + "1") == {}
        taken = int(server.uri.rpartition(":")[2])
        with pytest.raises(ValueError, match=f"port {taken} of 127.0.0.1 is not free"):
            up(Workspace.at(workspace.root / "second"), port=taken)
    finally:
        assert printed(workspace, "mlflow", "down") == "stopped\n"
    with pytest.raises(ProcessLookupError):
        os.killpg(pid, 0)
    # The same database without the server: its runs are found by their tags, its artifacts where the server has them.
    assert sync(workspace) == SyncResult(unchanged=12)
    assert (artifacts(workspace, parents(workspace)["small"]) / "000001.json").exists()
    assert len(trial_runs(workspace)) == 12


def test_verify_finds_what_was_deleted_in_mlflow(workspace: Workspace) -> None:
    members = small_sweep(workspace)
    assert printed(workspace, "sync") == "MLflow runs: 12 new, 0 unchanged\n"
    client(workspace).delete_run(trial_runs(workspace)[members[0].id].info.run_id)
    assert printed(workspace, "sync") == "MLflow runs: 12 unchanged\n"
    assert printed(workspace, "sync", "--verify") == "MLflow runs: 1 new, 11 unchanged\n"
    assert len(trial_runs(workspace)) == 12


def test_none_does_nothing_and_says_so(workspace: Workspace) -> None:
    small_sweep(workspace)
    before = sorted(workspace.root.rglob("*"))
    script = (
        "import sys; from orchestrator.cli.main import app; app(standalone_mode=False);"
        "print([m for m in ('mlflow', 'pyarrow', 'pandas') if m in sys.modules])"
    )
    command = [sys.executable, "-c", script, "sync", "--verify", "--workspace", str(workspace.root)]
    environment = {**os.environ, "MLFLOW_TRACKING_URI": "none"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert done.stdout == "nothing is mirrored: the tracking URI is `none`\n[]\n"
    assert sorted(workspace.root.rglob("*")) == before


def test_errors_are_one_sentence(workspace: Workspace, call: Call) -> None:
    small_sweep(workspace)
    root = str(workspace.root)
    for words, sentence in {
        ("sync", "--tracking-uri", "http://me:secret@127.0.0.1:9"): "MLflow at http://me:***@127.0.0.1:9 cannot be",
        ("compare", "small", "--tracking-uri", "http://127.0.0.1:9"): "MLflow at http://127.0.0.1:9 cannot be reached",
        ("compare", "small", "--tracking-uri", "none"): "the tracking URI `none` shows no results: name another one",
        ("mlflow", "up", "--backend", "postgresql://127.0.0.1:9/none"): "the database at postgresql://127.0.0.1:9/none",
        ("sync", "--tracking-uri", "./mlruns"): "a tracking URI begins with sqlite:///",
    }.items():
        code, out, err = call(*words, "--workspace", root)
        assert (code, out, err.count("\n")) == (2, "", 1), words
        assert err.startswith(f"normsweep: {sentence}")
