from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.store.leases import Leases, forget_finished, held
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
    mine = Leases(workspace, myself())
    lease = mine.take("p")
    assert lease is not None
    assert lease.generation == 1
    assert Leases(workspace, myself()).take("p") is None


def test_a_dead_owner_is_known_at_once(workspace: Workspace) -> None:
    first = Leases(workspace, dead_owner()).take("p")
    assert first is not None
    assert not first.superseded(workspace)
    second = Leases(workspace, myself()).take("p")
    assert second is not None
    assert second.generation == 2
    assert first.superseded(workspace)
    assert not second.superseded(workspace)


def test_a_pid_used_again_is_another_owner(workspace: Workspace) -> None:
    impostor = replace(myself(), started=myself().started - 1)
    assert Liveness(workspace).dead(impostor)
    assert not Liveness(workspace).dead(myself())


def test_a_released_pack_is_free_and_counts_on(workspace: Workspace) -> None:
    leases = Leases(workspace, myself())
    lease = leases.take("p")
    assert lease is not None
    assert set(held(workspace)) == {"p"}
    leases.release(lease)
    assert held(workspace) == {}
    again = leases.take("p")
    assert again is not None
    assert again.generation == 2
    leases.forget("p")
    assert list(workspace.leases.iterdir()) == []


def test_what_a_dead_driver_left_of_finished_packs_is_forgotten(workspace: Workspace) -> None:
    leases = Leases(workspace, dead_owner())
    for _ in range(2):
        assert leases.take("done") is not None
    assert leases.take("begun") is not None
    forget_finished(workspace, {"done", "never leased"})
    assert set(held(workspace)) == {"begun"}
    assert [path.name for path in workspace.leases.iterdir()] == ["begun.1"]


def test_an_owner_elsewhere_is_dead_only_when_its_heartbeat_stands_still_for_long(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    elsewhere = replace(myself(), boot="another-boot", host="node-2")
    liveness = Liveness(workspace, stale_seconds=90.0)
    beat(workspace, elsewhere, 0)
    assert not liveness.dead(elsewhere)
    clock[0] += 89
    assert not liveness.dead(elsewhere)
    beat(workspace, elsewhere, 1)
    clock[0] += 89
    assert not liveness.dead(elsewhere)
    clock[0] += 91
    assert liveness.dead(elsewhere)
    # A fresh observer has not watched long enough to know.
    assert not Liveness(workspace, stale_seconds=90.0).dead(elsewhere)
