"""A recorded sweep in several states, through the real roster, ledger, leases and failures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from orchestrator.planning.plan import commit
from orchestrator.store import Store
from orchestrator.store.attempts import Failure
from orchestrator.store.files import replace
from orchestrator.store.owner import Liveness, myself
from orchestrator.store.parts import encode, part_rows
from orchestrator.store.roster import RosterPack
from orchestrator.store.workspace import Workspace
from sweeps.spec import load_spec

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

    def commit(self, text: str = FILE) -> None:
        self.file.write_text(text)
        commit(Store(self.workspace), load_spec(str(self.file)))

    def packs(self, normalizer: str) -> list[RosterPack]:
        """The packs that count."""
        return [p for p in Store(self.workspace).roster.live if p.trials[0].normalizer.name == normalizer]

    def finish(self, pack: RosterPack, state: str = "done", **result: object) -> None:
        row = {"state": state, "test_error": 0.25, "val_error": 0.5} if state == "done" else {"state": state}
        circumstances = {"seconds": 9.0, "threads": 2, "attempts": 1, "host": "here", "finished": 1e9, **result}
        Store(self.workspace).ledger.publish(pack.id, part_rows(pack, [row] * len(pack.trial_ids), circumstances))

    def run(self, pack: RosterPack) -> None:
        """Leases the pack to this process, which lives."""
        assert Store(self.workspace).leases.take(pack.id, myself(), Liveness(self.workspace)) is not None

    def save(self, pack: RosterPack, epochs: int) -> None:
        rows = part_rows(pack, [{"curve_val_error": [0.5] * epochs}] * len(pack.trial_ids), {"seconds": 9.0})
        replace(self.workspace.progress(pack.id), encode(rows))
        replace(self.workspace.checkpoint(pack.id), b"")

    def log(self, pack: RosterPack, line: str) -> None:
        path = self.workspace.log(pack.id)
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"2026-01-01T00:00:00Z pid 1 {line}\n")

    def fail(self, pack: RosterPack, generation: int, kind: str = "exception", message: str = "boom at 7") -> None:
        Store(self.workspace).attempts.fail(
            Failure(pack=pack.id, generation=generation, kind=kind, epoch=3, message=message,
                             traceback=f"Traceback\n  line {generation}\n{message}", host="here"),
        )  # fmt: skip

    def lose(self, pack: RosterPack, times: int = 5) -> None:
        """The processes that trained it were lost so often."""
        for generation in range(1, times + 1):
            self.fail(pack, generation, "lost_process", "the process was lost")
