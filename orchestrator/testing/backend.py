"""What every backend must do, as tests: subclass `BackendContract` and give it your own."""

from __future__ import annotations

import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path

from orchestrator.engine.backend import Backend
from orchestrator.store import Store
from orchestrator.testing.store import trials

SWEEP = """
name: small
trial: {dataset: iris, depth: 1, width: 4, epochs: 2, normalizer: [none, bn], seed: 0..1}
run: {pack: 2}
"""
DRIVER = """
import importlib, sys
from pathlib import Path
root, file, module, name = sys.argv[1:]
from orchestrator.planning.plan import commit
from orchestrator.store import Store
from orchestrator.testing.store import trials
from sweeps.file.spec import load_spec
store, spec = Store.at(root), load_spec(file)
planned, _ = commit(store, spec)
backend = getattr(importlib.import_module(module), name)(store)
assert "ray" not in sys.modules, "a backend sets Ray's environment before ray is imported"
from orchestrator.engine.driver import drive

class Quiet:
    def phase(self, what): pass
    def progressed(self, pack, share): pass
    def ended(self, pack, state): pass
    def tell(self, sentence): print(sentence)

outcome = drive(store, set(planned.trials), spec.run, backend, Quiet())
assert not outcome.over, outcome
import ray
assert not ray.is_initialized()
"""


class BackendContract:
    """A subclass says in `factory` which function makes the backend of a `Store`: "module:function"."""

    factory: str

    def _make(self, store: Store) -> Backend:
        module, _, name = self.factory.partition(":")
        return getattr(import_module(module), name)(store)

    def test_what_it_says_of_itself(self, tmp_path: Path) -> None:
        backend = self._make(Store.at(tmp_path / "out"))
        assert not backend.liveness.dead(backend.owner)
        assert backend.owner.gone is False
        assert backend.cpus >= 1
        assert backend.gpus >= 0
        assert backend.deadline > time.monotonic()
        assert backend.patience > 0
        assert isinstance(backend.spread, bool)

    def test_a_pack_takes_some_time_or_none(self, tmp_path: Path) -> None:
        store = Store.at(tmp_path / "out")
        store.roster.append([trials()])
        assert 0.0 <= self._make(store).seconds(store.roster.live[0]) < float("inf")


class TrainingBackendContract(BackendContract):
    """Of a backend that can train where the tests run: it takes some ten seconds."""

    def test_it_trains_a_sweep_and_leaves_nothing(self, tmp_path: Path) -> None:
        file = tmp_path / "small.yaml"
        file.write_text(SWEEP)
        module, _, name = self.factory.partition(":")
        words = [sys.executable, "-c", DRIVER, str(tmp_path / "out"), str(file), module, name]
        done = subprocess.run(words, capture_output=True, text=True, timeout=240, check=False)
        assert done.returncode == 0, done.stderr
        store = Store.at(tmp_path / "out")
        packs = [pack.id for pack in store.roster.live]
        rows, problems = store.ledger.read(packs, ["state"])
        assert (rows["state"].to_pylist(), problems) == (["done"] * 4, [])
        assert store.leases.held() == {}
        assert not list((tmp_path / "out" / "heartbeats").iterdir())
