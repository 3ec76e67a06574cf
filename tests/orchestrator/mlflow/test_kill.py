"""A mirror that is killed: the next one ends with exactly one complete run a trial."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import pytest

from orchestrator.mirror.journal import Journal
from orchestrator.mirror.run_data import PACK_TAG
from orchestrator.mirror.sync import sync
from orchestrator.mirror.uri import tracking_uri
from orchestrator.store import Store
from orchestrator.store.workspace import Workspace
from tests.orchestrator.mlflow.ledgers import finish, record_packs, record_sweep, trials
from tests.orchestrator.mlflow.looking import MlflowClient, parents, trial_runs

WRITES = (
    "create_experiment",
    "create_run",
    "log_batch",
    "set_terminated",
    "set_tag",
    "log_metric",
    "log_artifact",
    "delete_run",
)


class Killed(BaseException):
    """Stands in for SIGKILL: nothing of ours catches it."""


@contextmanager
def killed_at(write: int, after: bool) -> Generator[None]:
    """Ends the process, so to speak, before or after the n-th write to MLflow."""
    written: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        for name in WRITES:
            patch.setattr(MlflowClient, name, _counting(getattr(MlflowClient, name), name, written, write, after))
        yield


def _counting(original: Any, name: str, written: list[str], limit: int, after: bool) -> Any:
    def call(*arguments: Any, **named: Any) -> Any:
        if len(written) == limit and not after:
            raise Killed
        result = original(*arguments, **named)
        written.append(name)
        if len(written) == limit + 1 and after:
            raise Killed
        return result

    return call


def complete(workspace: Workspace, members: int) -> None:
    runs = trial_runs(workspace)
    assert len(runs) == members
    for run in runs.values():
        assert run.info.status == "FINISHED"
        assert sum("." not in name for name in run.data.params) == 35
        assert len(run.data.metrics) == 10
        assert run.data.tags["mlflow.parentRunId"] == parents(workspace)["small"].info.run_id
    assert parents(workspace)["small"].info.status == "FINISHED"


@pytest.mark.parametrize("after", [False, True])
def test_killed_at_every_single_write(workspace: Workspace, after: bool) -> None:
    members = trials(("wine",), seeds=1)
    record_sweep(workspace, "small", members)
    finish(workspace, record_packs(workspace, members, size=2), epochs=3)
    assert killed_until_it_is_done(workspace, after) >= 4
    assert sync(workspace).unchanged == 3
    complete(workspace, 3)


@pytest.mark.parametrize("after", [False, True])
def test_a_retry_killed_at_every_single_write(workspace: Workspace, after: bool) -> None:
    members = trials(("wine",), seeds=1)
    record_sweep(workspace, "small", members)
    failed = record_packs(workspace, members, size=1)
    finish(workspace, failed, epochs=3, state="failed")
    sync(workspace)
    assert Store(workspace).roster.append([[member] for member in members], replaces=failed)
    packs = {pack.id for pack in Store(workspace).roster.live}
    finish(workspace, sorted(packs), epochs=3)
    assert killed_until_it_is_done(workspace, after) >= 4
    assert sync(workspace).unchanged == 3
    complete(workspace, 3)
    assert {run.data.tags[PACK_TAG] for run in trial_runs(workspace).values()} == packs


def killed_until_it_is_done(workspace: Workspace, after: bool) -> int:
    """Returns how often it was killed."""
    kills, killed = 0, True
    while killed:
        # The n-th attempt dies at its n-th write (again from the first after four): none may start over for ever.
        killed = False
        with killed_at(kills % 4, after):
            try:
                sync(workspace)
            except Killed:
                kills, killed = kills + 1, True
        assert kills < 50
    return kills


SYNC = """
import sys
from orchestrator.mirror.sync import sync
from orchestrator.store.workspace import Workspace
sync(Workspace.at(sys.argv[1]))
"""


@pytest.mark.kill
def test_kill_9_at_random_moments(workspace: Workspace) -> None:
    members = trials(seeds=14)
    record_sweep(workspace, "small", members)
    finish(workspace, record_packs(workspace, members, size=8))
    uri = tracking_uri(workspace)
    draw = random.Random(5)
    interrupted = 0
    for _ in range(4):
        before = len(Journal(workspace, uri).runs)
        with subprocess.Popen([sys.executable, "-c", SYNC, str(workspace.root)]) as process:
            while process.poll() is None and len(Journal(workspace, uri).runs) == before:
                time.sleep(0.01)
            time.sleep(draw.random() * 0.5)
            os.kill(process.pid, signal.SIGKILL)
        record = Journal(workspace, uri)
        interrupted += bool(record.begun)
        if record.stamp:
            break
    assert interrupted >= 2
    result = sync(workspace)
    assert result.removed == 0
    complete(workspace, 84)
