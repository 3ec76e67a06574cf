"""A recorded sweep in several states, through the real roster, ledger, leases and failures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from orchestrator.engine.task import PackTask
from orchestrator.planning.plan import commit
from orchestrator.store import Store
from orchestrator.store.attempts import Failure
from orchestrator.store.files import replace
from orchestrator.store.leases import Lease, Start
from orchestrator.store.owner import Liveness, myself
from orchestrator.store.parts import encode, part_rows
from orchestrator.store.roster import RosterPack
from orchestrator.store.workspace import Workspace
from sweeps.file.spec import load_spec

FILE = """
name: mine
trial:
  dataset: wine
  depth: 1
  normalizer: [none, bn, {vcl: {n: 5}}]
  activation: [relu, elu]
  epochs: 4
  seed: 0..3
"""

Call = Callable[..., tuple[int, str, str]]


class Stage:
    """Three packs of eight trials, one a normalizer."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "mine.yaml"
        self.file.write_text(FILE)
        self.workspace = Workspace.at(folder / "normsweep-out")
        self.commit()

    @property
    def store(self) -> Store:
        """Opened anew: as another process sees it."""
        return Store(self.workspace)

    def commit(self, text: str = FILE) -> None:
        self.file.write_text(text)
        commit(self.store, load_spec(str(self.file)))

    def packs(self, normalizer: str) -> list[RosterPack]:
        """The packs that count."""
        return [p for p in self.store.roster.live if p.trials[0].normalizer.name == normalizer]

    def finish(self, pack: RosterPack, state: str = "done", **result: object) -> None:
        row = {"state": state, "test_error": 0.25, "val_error": 0.5} if state == "done" else {"state": state}
        circumstances = {"seconds": 9.0, "threads": 2, "attempts": 1, "host": "here", "finished": 1e9, **result}
        self.store.ledger.publish(pack.id, part_rows(pack, [row] * len(pack.trial_ids), circumstances))

    def run(self, pack: RosterPack) -> None:
        """Leases the pack to this process, which lives."""
        assert self.store.leases.take(pack.id, myself(), Liveness(self.workspace)) is not None

    def begin(self, pack: RosterPack, node: str = "here", pid: int = 1) -> None:
        """Its training begins under its newest lease."""
        lease = self.store.leases.newest(pack.id)
        assert lease is not None
        self.store.leases.start(lease, Start(node=node, pid=pid, at=1e9))

    def save(self, pack: RosterPack, epochs: int) -> None:
        rows = part_rows(pack, [{"curve_val_error": [0.5] * epochs}] * len(pack.trial_ids), {"seconds": 9.0})
        replace(self.workspace.progress(pack.id), encode(rows))
        replace(self.workspace.checkpoint(pack.id), b"")

    def task(self, pack: RosterPack, generation: int = 1, checkpoint_seconds: float = 1e9) -> PackTask:
        """As the driver hands it to a process of its own."""
        return PackTask(
            root=str(self.workspace.root),
            pack=pack,
            lease=Lease(pack=pack.id, generation=generation, owner=myself()),
            checkpoint_seconds=checkpoint_seconds,
            cpus=1,
            gpus=0.0,
            devices=1,
            device="cpu",
            channels_last=False,
            compile=False,
            code_version="test",
        )

    def fail(
        self, pack: RosterPack, generation: int, kind: str = "exception", message: str = "boom at 7", epoch: int = 3
    ) -> None:
        self.store.attempts.fail(
            Failure(pack=pack.id, generation=generation, kind=kind, epoch=epoch, message=message,
                    traceback=f"Traceback\n  line {generation}\n{message}", host="here"),
        )  # fmt: skip

    def lose(self, pack: RosterPack, times: int = 5) -> None:
        """The processes that trained it were lost so often."""
        for generation in range(1, times + 1):
            self.fail(pack, generation, "lost_process", "the process was lost")
