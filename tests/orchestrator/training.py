"""A sweep trained in this process and recorded by the real planner, trainer and ledger."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from orchestrator.planning.digest import source_digest
from orchestrator.planning.plan import commit
from orchestrator.store import Store
from orchestrator.store.parts import part_rows
from orchestrator.store.roster import RosterPack
from orchestrator.store.workspace import Workspace
from sweeps.file.spec import load_spec
from trainers import data, tiles

CIRCUMSTANCES = {"seconds": 1.5, "attempts": 1, "device": "cpu", "host": "here", "threads": 1,
                 "code_version": "0.1.0", "finished": 1.8e9}  # fmt: skip


def train(workspace: Workspace, sweep: Path | str, overrides: Sequence[str] = ()) -> None:
    """Records the sweep of a file or a preset and publishes the part of each of its packs."""
    store = Store(workspace)
    commit(store, load_spec(sweep, overrides))
    for pack in store.roster.live:
        trainer = tiles.build(pack.trials, data.load(pack.trials[0].dataset))
        while not trainer.finished:
            trainer.advance(60.0)
        assert store.ledger.publish(
            pack.id, part_rows(pack, trainer.rows(), CIRCUMSTANCES | {"source": source_of(pack)}), trainer.readings()
        )


def source_of(pack: RosterPack) -> str:
    first = pack.trials[0]
    return source_digest(first.normalizer.name, first.model.name, first.optimizer.name)
