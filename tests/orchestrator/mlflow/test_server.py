"""A real MLflow server on a real PostgreSQL: starting, stopping, passwords, mirroring, killing, asking."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.ask.compare import compare
from orchestrator.mirror import server as mlflow_server
from orchestrator.mirror.follow import follow
from orchestrator.mirror.mlflow_tracker import MLflowTracker
from orchestrator.mirror.server import LOG, Server, down, running, up
from orchestrator.mirror.sync import LEASE, SyncResult, sync, ui_command
from orchestrator.store.workspace import Workspace
from sweeps.errors import UnavailableError
from tests.orchestrator.mlflow.bulk import fill
from tests.orchestrator.mlflow.ledgers import finish, record_packs, record_sweep, small_sweep, trials
from tests.orchestrator.mlflow.looking import client, parents, trial_runs
from tests.orchestrator.mlflow.postgres import PASSWORD, QUOTED, new_database

pytestmark = pytest.mark.mlflow


def test_secrets_are_in_files_of_the_user_alone(served: Server, tmp_path: Path) -> None:
    assert served.password_file is not None
    home = Path(served.password_file).parent
    for name in ("password", "auth.ini", "server.json"):
        assert (home / name).stat().st_mode & 0o777 == 0o600
    secrets = (PASSWORD, QUOTED, Path(served.password_file).read_text())
    shown = [(home / "server.json").read_text(), Path(f"/proc/{served.owner.pid}/cmdline").read_text()]
    shown += [path.read_text() for path in home.parent.glob("logs/*")]
    assert not [text for text in shown for secret in secrets if secret in text]
    assert served.uri.startswith("http://127.0.0.1:")
    assert "mlflow:***@127.0.0.1" in served.backend


def test_a_wrong_password_is_one_sentence(
    workspace: Workspace, served: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_sweep(workspace)
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "admin")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "guess")
    with pytest.raises(UnavailableError, match="refuses the user name or password: set MLFLOW_TRACKING_USERNAME"):
        sync(workspace, uri=served.uri)


def test_the_sweep_is_mirrored_once(workspace: Workspace, let_in: str) -> None:
    members = small_sweep(workspace, "once")
    assert sync(workspace, uri=let_in) == SyncResult(created=12)
    assert sync(workspace, uri=let_in) == SyncResult(unchanged=12)
    assert sync(workspace, uri=let_in, verify=True) == SyncResult(unchanged=12)
    runs = trial_runs(workspace, let_in)
    assert {t.id for t in members} <= runs.keys()
    parent = parents(workspace, let_in)["once"]
    assert client(workspace, let_in).list_artifacts(parent.info.run_id)[0].path == "000001.json"
    assert ui_command(workspace, let_in) == f"open {let_in}"
    answer = compare(workspace, ["once"], by=["normalizer"], baseline="bn", uri=let_in)
    assert answer.lines == compare(workspace, ["once"], by=["normalizer"], baseline="bn", source="ledger").lines


def free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def eventually(holds: Callable[[], bool], seconds: float = 120) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_server_killed_in_the_middle_again_and_again(tmp_path: Path, postgres: str) -> None:
    workspace = Workspace.at(tmp_path)
    members = trials(seeds=6)
    record_sweep(workspace, "small", members)
    packs = record_packs(workspace, members, size=6)
    finish(workspace, packs)
    backend = new_database(postgres)
    server = up(workspace, backend=backend, port=0)
    port = int(server.uri.rpartition(":")[2])
    MLflowTracker(workspace, server.uri)
    reading, writing = os.pipe()
    ended: list[bool] = []
    thread = threading.Thread(target=lambda: ended.append(follow(workspace, server.uri, reading, every=0.2)))
    thread.start()
    for seconds in (0.3, 0.8):
        time.sleep(seconds)
        os.killpg(server.owner.pid, signal.SIGKILL)
        eventually(lambda: running(workspace) is None and free(port))
        assert up(workspace, backend=backend, port=port).uri == server.uri
        server = running(workspace) or server
    os.close(writing)
    thread.join(120)
    os.close(reading)
    try:
        assert ended == [True]
        runs = trial_runs(workspace, server.uri)
        assert runs.keys() == {t.id for t in members}
        assert {r.info.status for r in runs.values()} == {"FINISHED"}
        assert {len(r.data.metrics) for r in runs.values()} == {10}
        assert sync(workspace, uri=server.uri, verify=True) == SyncResult(unchanged=36)
    finally:
        assert down(workspace)
    assert running(workspace) is None
    assert not down(workspace)


def test_a_sweep_without_its_server_loses_nothing(workspace: Workspace, let_in: str) -> None:
    """Away for the whole sweep, then back at the same address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{probe.getsockname()[1]}"
        small_sweep(workspace, "away")
        assert not follow(workspace, nobody, os.open(os.devnull, os.O_RDONLY), every=0.05)
    assert "cannot be reached (Connection refused)" in workspace.log(LEASE).read_text()
    sync(workspace, uri=let_in)
    assert parents(workspace, let_in)["away"].data.metrics == {"trials_done": 12}


def test_a_server_that_does_not_come_up_is_one_sentence(
    tmp_path: Path, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace.at(tmp_path)
    monkeypatch.setattr(mlflow_server, "_START_SECONDS", 15)  # MLflow would try for longer
    with pytest.raises(ValueError, match="the MLflow server did not come up, see ") as caught:
        up(workspace, backend=postgres.replace(QUOTED, "hunter2"), port=0)
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in workspace.log(LOG).read_text()
    assert running(workspace) is None
    with pytest.raises(ValueError, match="a server's backend is a database"):
        up(workspace, backend="http://127.0.0.1:9")
    with pytest.raises(
        UnavailableError, match=r"the database at postgresql://me:\*\*\*@127.0.0.1:9/none cannot be reached"
    ):
        up(workspace, backend="postgresql://me:hunter2@127.0.0.1:9/none")


def test_two_thousand_runs_are_compared_in_seconds(workspace: Workspace, let_in: str, database: str) -> None:
    members = trials(("wine", "titanic", "twonorm-generated", "ringnorm-generated"), seeds=167)[:2000]
    record_sweep(workspace, "many", members)
    finish(workspace, record_packs(workspace, members, size=100), epochs=2)
    fill(workspace, "many", database)
    assert sync(workspace, uri=let_in) == SyncResult(unchanged=2000)  # the mirror takes them for its own
    began = time.monotonic()
    answer = compare(workspace, ["many"], by=["normalizer"], baseline="bn", uri=let_in)
    seconds = time.monotonic() - began
    print(f"compare over 2,000 runs: {seconds:.1f} s")
    assert answer.runs == 2000
    assert answer.lines == compare(workspace, ["many"], by=["normalizer"], baseline="bn", source="ledger").lines
    assert seconds < 60  # a hang, not a speed: benchmarks/compare.py measures that
