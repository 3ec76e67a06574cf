"""The driver's child: mirrors while the sweep runs, and outlives neither its use nor anybody's patience."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.mirror.follow import follow
from orchestrator.mirror.sync import LEASE
from orchestrator.mirror.uri import tracking_uri
from orchestrator.store import Store
from orchestrator.store.owner import Liveness, myself
from orchestrator.store.workspace import Workspace
from tests.orchestrator.mlflow.ledgers import finish, record_packs, record_sweep, trials
from tests.orchestrator.mlflow.looking import trial_runs

NOWHERE = "http://user:hunter2@127.0.0.1:9"


@pytest.fixture
def packs(workspace: Workspace) -> list[str]:
    members = trials()
    record_sweep(workspace, "small", members)
    return record_packs(workspace, members)


def eventually(holds: Callable[[], bool], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_it_follows_the_ledger_until_its_input_ends(workspace: Workspace, packs: list[str]) -> None:
    reading, writing = os.pipe()
    ended: list[bool] = []
    thread = threading.Thread(
        target=lambda: ended.append(follow(workspace, tracking_uri(workspace), reading, every=0.05))
    )
    thread.start()
    finish(workspace, packs[:1])
    eventually(lambda: len(trial_runs(workspace)) == 4)
    finish(workspace, packs[1:])
    os.close(writing)
    thread.join(60)
    os.close(reading)
    assert ended == [True]
    assert len(trial_runs(workspace)) == 12
    assert Store(workspace).leases.take(LEASE, myself(), Liveness(workspace)) is not None
    assert not workspace.heartbeat(myself().id).exists()


def test_a_server_that_is_away_costs_one_line_without_its_password(workspace: Workspace, packs: list[str]) -> None:
    reading, writing = os.pipe()
    threading.Timer(0.5, os.close, [writing]).start()
    finish(workspace, packs)
    assert not follow(workspace, NOWHERE, reading, every=0.05)
    os.close(reading)
    (line,) = workspace.log(LEASE).read_text().splitlines()
    assert "MLflow at http://user:***@127.0.0.1:9 cannot be reached (Connection refused)" in line
    assert follow(workspace, tracking_uri(workspace), os.open(os.devnull, os.O_RDONLY))
    assert len(trial_runs(workspace)) == 12


DRIVER = """
import signal, sys, time
from contextlib import nullcontext
import psutil
from orchestrator.mirror.child import Mirroring
from orchestrator.store.workspace import Workspace
signal.signal(signal.SIGINT, lambda *_: None)
with Mirroring(Workspace.at(sys.argv[1]), None, say=print, waiting=nullcontext).going():
    print(psutil.Process().children()[0].pid, flush=True)
    time.sleep(600)
"""


@pytest.mark.kill
@pytest.mark.parametrize("where", ["here", "nowhere"])
def test_it_survives_ctrl_c_and_ends_after_a_killed_driver(workspace: Workspace, packs: list[str], where: str) -> None:
    finish(workspace, packs[:2])
    with subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(workspace.root)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        process_group=0,
        env={**os.environ, **({"MLFLOW_TRACKING_URI": NOWHERE} if where == "nowhere" else {})},
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        log = workspace.log(LEASE)
        eventually(lambda: log.exists() if where == "nowhere" else len(trial_runs(workspace)) == 8)
        os.killpg(parent.pid, signal.SIGINT)
        finish(workspace, packs[2:])
        parent.kill()
        assert parent.stdout.read() == ""  # at once: the child has let go of the terminal, and says nothing
    eventually(lambda: not Path(f"/proc/{child}").exists(), seconds=30)
    assert len(trial_runs(workspace)) == (12 if where == "here" else 0)


def test_a_disk_that_refuses_costs_a_line_not_the_mirror(
    workspace: Workspace, packs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr("orchestrator.mirror.follow.synchronize", refused)
    reading, writing = os.pipe()
    os.close(writing)
    assert not follow(workspace, tracking_uri(workspace), reading, every=0.05)
    os.close(reading)
    assert "Read-only file system" in workspace.log(LEASE).read_text()
