from __future__ import annotations

import errno
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.store import Store
from orchestrator.store.files import Disk
from orchestrator.store.leases import Start
from orchestrator.store.owner import Liveness, Owner, beat, myself, started
from orchestrator.store.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.at(tmp_path)


def dead_owner() -> Owner:
    with subprocess.Popen([sys.executable, "-c", "pass"]) as process:
        start = started(process.pid)
        assert start is not None
    return replace(myself(), pid=process.pid, started=start)


def test_a_living_owner_keeps_its_pack(workspace: Workspace) -> None:
    lease = Store(workspace).leases.take("p", myself(), Liveness(workspace))
    assert lease is not None
    assert lease.generation == 1
    assert Store(workspace).leases.take("p", myself(), Liveness(workspace)) is None


def test_a_dead_owner_is_known_at_once(workspace: Workspace) -> None:
    first = Store(workspace).leases.take("p", dead_owner(), Liveness(workspace))
    assert first is not None
    assert not Store(workspace).leases.superseded(first)
    second = Store(workspace).leases.take("p", myself(), Liveness(workspace))
    assert second is not None
    assert second.generation == 2
    assert Store(workspace).leases.superseded(first)
    assert not Store(workspace).leases.superseded(second)


def test_a_pid_used_again_is_another_owner(workspace: Workspace) -> None:
    impostor = replace(myself(), started=myself().started - 1)
    assert Liveness(workspace).dead(impostor)
    assert not Liveness(workspace).dead(myself())


def test_a_released_pack_is_free_and_counts_on(workspace: Workspace) -> None:
    leases, liveness = Store(workspace).leases, Liveness(workspace)
    lease = leases.take("p", myself(), liveness)
    assert lease is not None
    assert set(Store(workspace).leases.held()) == {"p"}
    leases.release(lease)
    assert Store(workspace).leases.held() == {}
    again = leases.take("p", myself(), liveness)
    assert again is not None
    assert again.generation == 2
    leases.forget("p")
    assert list(workspace.leases.iterdir()) == []


def test_what_a_dead_driver_left_of_finished_packs_is_forgotten(workspace: Workspace) -> None:
    leases, owner, liveness = Store(workspace).leases, dead_owner(), Liveness(workspace)
    for _ in range(2):
        assert leases.take("done", owner, liveness) is not None
    assert leases.take("begun", owner, liveness) is not None
    leases.forget_finished({"done", "never leased"})
    assert set(Store(workspace).leases.held()) == {"begun"}
    assert [path.name for path in workspace.leases.iterdir()] == ["begun.1"]


def test_an_owner_elsewhere_is_dead_only_when_its_heartbeat_stands_still_for_long(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    elsewhere = replace(myself(), boot="another-boot", host="node-2")
    liveness = Liveness(workspace, stale_seconds=90.0)
    beat(workspace, Disk(), elsewhere, 0)
    assert not liveness.dead(elsewhere)
    clock[0] += 89
    assert not liveness.dead(elsewhere)
    beat(workspace, Disk(), elsewhere, 1)
    clock[0] += 89
    assert not liveness.dead(elsewhere)
    clock[0] += 91
    assert liveness.dead(elsewhere)
    # A fresh observer has not watched long enough to know.
    assert not Liveness(workspace, stale_seconds=90.0).dead(elsewhere)


def test_a_stale_handle_is_waited_for(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not only what is written: on a shared disk a mere look may be refused."""
    store, refusals = Store(workspace, patience=30), [True, True]
    looks = Path.exists

    def stale(path: Path, **more: bool) -> bool:
        if path.parent.name == "leases" and refusals:
            refusals.pop()
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), str(path))
        return looks(path, **more)

    monkeypatch.setattr(Path, "exists", stale)
    assert store.leases.take("p", myself(), Liveness(workspace)) is not None
    refusals.append(True)
    store.leases.forget("p")
    assert store.leases.held() == {}
    assert refusals == []


def test_a_leftover_start_gives_way(workspace: Workspace) -> None:
    store = Store(workspace)
    old, new = Start(node="old", pid=1, at=1.0), Start(node="new", pid=2, at=2.0)
    for start in (old, new):
        lease = store.leases.take("p", myself(), Liveness(workspace))
        assert lease is not None
        store.leases.start(lease, start)
        assert store.leases.started(lease) == start
        workspace.lease("p", 1).unlink()  # as a program that knows no started records forgets it
    store.leases.forget_finished({"p"})
    assert list(workspace.leases.iterdir()) == []
