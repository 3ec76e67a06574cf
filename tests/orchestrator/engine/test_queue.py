"""The order in which a driver tries its packs, and what others' packs cost it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.engine import queue
from orchestrator.engine.queue import PackQueue
from orchestrator.store.leases import Lease
from orchestrator.store.owner import Liveness, Owner, myself
from orchestrator.store.parts import part_rows
from orchestrator.store.roster import RosterPack
from tests.orchestrator.stage import FILE, Stage

PACKS = 12


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks at what others hold each time that it may."""
    monkeypatch.setattr(queue, "FIRST_PAUSE", -1.0)
    monkeypatch.setattr(queue, "LONGEST_PAUSE", -1.0)


def packs_of(stage: Stage) -> list[RosterPack]:
    stage.commit(FILE.replace("depth: 1", f"depth: 1..{PACKS}").replace("[none, bn]", "bn"))
    return stage.store.roster.live


class Driver:
    def __init__(self, stage: Stage, packs: list[RosterPack], owner: Owner) -> None:
        self.over: list[tuple[str, str]] = []
        liveness = Liveness(stage.workspace)
        self.queue = PackQueue(
            stage.store, packs, owner, liveness, lambda pack, state: self.over.append((pack.id, state))
        )

    def leases(self) -> list[tuple[RosterPack, Lease]]:
        found: list[tuple[RosterPack, Lease]] = []
        while leased := self.queue.lease(lambda _: True):
            found.append(leased)
        return found


def other(**changes: object) -> Owner:
    """A process of another machine, which may live."""
    return replace(myself(), boot="another", **changes)


def test_one_machine_takes_the_roster_s_order_and_each_job_one_of_its_own(stage: Stage) -> None:
    packs = packs_of(stage)
    orders: list[list[str]] = []
    for job in ("", "7.0", "8.0"):
        driver = Driver(stage, packs, myself(job))
        orders.append([pack.id for pack, _ in driver.leases()])
        for pack in packs:
            stage.store.leases.forget(pack.id)
    assert orders[0] == [pack.id for pack in packs]
    assert sorted(orders[1]) == sorted(orders[2]) == sorted(orders[0])
    assert orders[0] != orders[1] != orders[2]


def test_what_others_hold_waits_and_what_they_finish_is_done(stage: Stage) -> None:
    packs = packs_of(stage)
    theirs = Driver(stage, packs[:3], other())
    held = theirs.leases()
    ours = Driver(stage, packs, myself())
    assert [pack for pack, _ in ours.leases()] == packs[3:]
    assert ours.queue.waits
    finished, given_back, kept = held
    stage.store.ledger.publish(
        finished[0].id, part_rows(finished[0], [{"state": "done"}] * len(finished[0].trials), {})
    )
    stage.store.leases.release(given_back[1])
    assert [(pack, lease.generation) for pack, lease in ours.leases()] == [(given_back[0], 2)]
    assert ours.over == [(finished[0].id, "done")]
    assert ours.queue.waits
    assert kept[0].id not in {pack for pack, _ in ours.over}


def test_a_dead_owner_s_packs_come_back(stage: Stage) -> None:
    packs = packs_of(stage)
    Driver(stage, packs[:2], replace(myself(), started=1)).leases()
    assert {lease.generation for _, lease in Driver(stage, packs[:2], myself()).leases()} == {2}


def test_cancelled_packs_and_those_that_do_not_fit_are_dropped(stage: Stage) -> None:
    packs = packs_of(stage)
    stage.store.decisions.cancel([packs[0].id])
    driver = Driver(stage, packs[:3], myself())
    leased = driver.queue.lease(lambda pack: pack != packs[1])
    assert leased is not None
    assert leased[0] == packs[2]
    assert driver.over == [(packs[0].id, "cancelled")]
    assert not driver.queue


def test_a_pack_of_ours_that_failed_is_tried_again(stage: Stage) -> None:
    [pack] = packs_of(stage)[:1]
    driver = Driver(stage, [pack], myself())
    [(_, lease)] = driver.leases()
    stage.store.leases.release(lease)
    driver.queue.push(pack)
    assert [again.generation for _, again in driver.leases()] == [2]
