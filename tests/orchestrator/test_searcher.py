"""What the searcher makes of packs that fail: halves, another node, another try."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from ray.tune.search import Searcher

from orchestrator.engine import remote
from orchestrator.engine.backend import Machines
from orchestrator.engine.driver import split
from orchestrator.engine.searcher import PackSearcher
from orchestrator.store import failures
from orchestrator.store.leases import Leases
from orchestrator.store.owner import Liveness, myself
from orchestrator.store.roster import Roster, RosterPack
from orchestrator.store.workspace import Workspace
from tests.orchestrator.stage import FILE, Stage


class Quiet:
    def progressed(self, pack: RosterPack, share: float) -> None: ...
    def ended(self, pack: RosterPack, state: str) -> None: ...
    def tell(self, sentence: str) -> None: ...


def searcher(workspace: Workspace, packs: list[RosterPack], exclude: Callable[[str], None] | None) -> PackSearcher:
    machines = Machines(
        ray=contextlib.nullcontext(Path()), owner=myself(), liveness=Liveness(workspace), exclude=exclude
    )
    leases = Leases(workspace, machines.owner)
    common: dict[str, Any] = {"workspace": str(workspace.root), "checkpoint_seconds": 9.0, "threads": 1,
                              "how": {"device": "cpu"}, "code_version": "test"}  # fmt: skip
    return PackSearcher(workspace, leases, packs, common, Quiet(), machines)


def test_out_of_memory_halves_the_pack(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(remote, "PackJob", full)
    [pack] = stage.packs("bn")
    given = searcher(stage.workspace, [pack], None)
    trainable = remote.PackTrainable.__new__(remote.PackTrainable)
    trainable.setup(given.suggest("one"))
    result = trainable.step()
    assert (result["state"], result["done"]) == ("failed", True)
    given.on_trial_complete("one", result)
    [failure] = failures.of_pack(stage.workspace, pack.id)
    assert failure.kind == "out_of_memory"
    assert given.to_split == [pack]
    split(stage.workspace, pack)
    halves = [p.trial_ids for p in Roster(stage.workspace).live if not set(p.trial_ids).isdisjoint(pack.trial_ids)]
    assert halves == [pack.trial_ids[:4], pack.trial_ids[4:]]


@pytest.mark.parametrize("others_finish", [True, False])
def test_a_node_that_fails_pack_after_pack_gets_no_more_if_others_finish_theirs(
    stage: Stage, others_finish: bool
) -> None:
    stage.commit(FILE.replace("depth: 1", "depth: [1, 2, 3]"))
    packs = Roster(stage.workspace).live
    out: list[str] = []
    given = searcher(stage.workspace, packs, out.append)

    def ends(node: str, state: str) -> None:
        config = given.suggest("some")
        pack = next(p for p in packs if p.id == config["pack"])
        stage.log(pack, f"attempt {config['generation']} on {node}: starts")
        given.on_trial_complete("some", None if state == "lost" else {"state": state}, error=state == "lost")

    ends("bad", "lost")
    ends("good", "done" if others_finish else "lost")
    ends("bad", "lost")
    assert not given.stopping
    ends("bad", "lost")
    assert out == (["bad"] if others_finish else [])
    assert given.stopping == others_finish
    assert (given.suggest("next") == Searcher.FINISHED) == others_finish
    assert stage.workspace.stop(myself().id).exists() == others_finish
    hosts = [f.host for p in packs for f in failures.of_pack(stage.workspace, p.id)]
    assert hosts.count("bad") == 3
