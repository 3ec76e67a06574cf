"""What the searcher makes of packs that fail: halves, another node, another try."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from ray.tune.search import Searcher

from orchestrator.engine import remote
from orchestrator.engine.driver import split
from orchestrator.engine.local import LocalBackend
from orchestrator.engine.searcher import PackSearcher
from orchestrator.engine.task import PackTask
from orchestrator.store.leases import Lease
from orchestrator.store.owner import myself
from orchestrator.store.roster import RosterPack
from orchestrator.store.workspace import Workspace
from tests.orchestrator.stage import FILE, Stage


class Quiet:
    def progressed(self, pack: RosterPack, share: float) -> None: ...
    def ended(self, pack: RosterPack, state: str) -> None: ...
    def tell(self, sentence: str) -> None: ...


class Machines(LocalBackend):
    """This machine under several names."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace, 1, 0)
        self.out: list[str] = []

    def exclude(self, node: str) -> None:
        self.out.append(node)


def searcher(stage: Stage, packs: list[RosterPack], machines: LocalBackend) -> PackSearcher:
    def task(pack: RosterPack, lease: Lease) -> PackTask:
        return replace(stage.task(pack), lease=lease)

    return PackSearcher(stage.store, packs, task, Quiet(), machines)


def test_out_of_memory_halves_the_pack(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(remote, "PackJob", full)
    [pack] = stage.packs("bn")
    given = searcher(stage, [pack], LocalBackend(stage.workspace, 1, 0))
    trainable = remote.PackTrainable.__new__(remote.PackTrainable)
    trainable.setup(given.suggest("one"))
    result = trainable.step()
    assert (result["state"], result["done"]) == ("failed", True)
    given.on_trial_complete("one", result)
    [failure] = stage.store.attempts.failures(pack.id)
    assert failure.kind == "out_of_memory"
    assert given.to_split == [pack]
    split(stage.store, pack)
    halves = [p.trial_ids for p in stage.store.roster.live if not set(p.trial_ids).isdisjoint(pack.trial_ids)]
    assert halves == [pack.trial_ids[:4], pack.trial_ids[4:]]


@pytest.mark.parametrize("others_finish", [True, False])
def test_a_node_that_fails_pack_after_pack_gets_no_more_if_others_finish_theirs(
    stage: Stage, others_finish: bool
) -> None:
    stage.commit(FILE.replace("depth: 1", "depth: [1, 2, 3]"))
    packs = stage.store.roster.live
    machines = Machines(stage.workspace)
    given = searcher(stage, packs, machines)

    def ends(node: str, state: str) -> None:
        stage.begin(given.suggest("some")["task"].pack, node)
        given.on_trial_complete("some", None if state == "lost" else {"state": state}, error=state == "lost")

    ends("bad", "lost")
    ends("good", "done" if others_finish else "lost")
    ends("bad", "lost")
    assert not given.stopping
    ends("bad", "lost")
    assert machines.out == (["bad"] if others_finish else [])
    assert given.stopping == others_finish
    assert (given.suggest("next") == Searcher.FINISHED) == others_finish
    assert stage.workspace.stop(myself().id).exists() == others_finish
    hosts = [f.host for p in packs for f in stage.store.attempts.failures(p.id)]
    assert hosts.count("bad") == 3
