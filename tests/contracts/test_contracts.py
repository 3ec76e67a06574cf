"""Every implementation of a protocol keeps its contract."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.store import Store
from orchestrator.testing.backend import BackendContract
from orchestrator.testing.store import StoreContract
from sweeps.trial import Trial
from tests.contracts.backends import allocation
from tests.trainers.factory import trial
from tests.trainers.probes.looking import probe
from tests.trainers.trials import method
from trainers.data import load
from trainers.data.dataset import Dataset
from trainers.pack import PackTrainer
from trainers.testing import TrainerContract
from trainers.tiles import TiledTrainer


class TestAllocation(BackendContract):
    """What it trains, and how it ends, is seen on a real cluster: tests/cluster."""

    factory = "tests.contracts.backends:allocation"

    def test_size_and_deadline_are_the_submission_s(self, tmp_path: Path) -> None:
        backend = allocation(Store.at(tmp_path / "out"))
        assert (backend.cpus, backend.gpus, backend.spread) == (8, 2, True)
        assert backend.owner.job == "12.0"

    def test_the_last_node_stays_in_use(self, tmp_path: Path) -> None:
        store = Store.at(tmp_path / "out")
        backend = allocation(store)
        folder = store.workspace.allocation(1)
        folder.mkdir()
        for node in ("n1", "n2"):
            backend.exclude(node)
        assert [path.name for path in folder.iterdir()] == ["12.0-without-n1"]


@pytest.mark.parametrize("patience", [0.0, 120.0])
class TestStore(StoreContract):
    @pytest.fixture
    def opened(self, tmp_path: Path, patience: float) -> Callable[[], Store]:
        return lambda: Store.at(tmp_path / "out", patience=patience)


def trials(data: Dataset, count: int) -> list[Trial]:
    bn = method("bn")
    return [
        trial(
            data,
            normalizer=bn,
            epochs=3,
            steps_per_epoch=10,
            dropout=0.2,
            momentum=0.9,
            seed=seed,
            record=(probe("kurtosis"), probe("gradient-variance", batches=2)),
        )
        for seed in range(count)
    ]


class TestPackTrainer(TrainerContract):
    @pytest.fixture
    def make(self) -> Callable[[], PackTrainer]:
        data = load("waveform-generated")
        return lambda: PackTrainer(trials(data, 2), data)


class TestTiledTrainer(TrainerContract):
    @pytest.fixture
    def make(self) -> Callable[[], TiledTrainer]:
        data = load("waveform-generated")
        return lambda: TiledTrainer(trials(data, 3), data, size=2)
