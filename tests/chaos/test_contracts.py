"""Contracts that only whole processes can keep: a backend that trains, a gang."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.testing.backend import TrainingBackendContract
from trainers.testing import TrainerContract


@pytest.mark.kill
@pytest.mark.timeout(600)
def test_a_gang_keeps_the_contract_of_trainers(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    words = [sys.executable, "-m", "tests.contracts.gang_contract", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(words, capture_output=True, text=True, timeout=590, check=False, cwd=root, env=environment)
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) == {name for name in dir(TrainerContract) if name.startswith("test_")}


@pytest.mark.kill
class TestThisMachine(TrainingBackendContract):
    factory = "tests.contracts.backends:local"
