"""A checkpoint is there whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from trainers import checkpoint

STATE = {"epoch": 3, "tensors": {"w": torch.arange(1000.0)}, "curves": [[0.1, 0.2]]}


def test_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "pack.pt"
    checkpoint.save(path, {"epoch": 0})
    checkpoint.save(path, STATE)
    state, reason = checkpoint.load(path)
    assert reason == ""
    assert state is not None
    assert (state["epoch"], state["curves"]) == (3, [[0.1, 0.2]])
    assert torch.equal(state["tensors"]["w"], STATE["tensors"]["w"])
    assert [p.name for p in tmp_path.iterdir()] == ["pack.pt"]


def test_absent(tmp_path: Path) -> None:
    assert checkpoint.load(tmp_path / "pack.pt") == (None, f"{tmp_path / 'pack.pt'} is not there")


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_torn(tmp_path: Path, share: float) -> None:
    path = tmp_path / "pack.pt"
    checkpoint.save(path, STATE)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    state, reason = checkpoint.load(path)
    assert state is None
    assert "damaged" in reason


def test_altered_anywhere(tmp_path: Path) -> None:
    path = tmp_path / "pack.pt"
    checkpoint.save(path, STATE)
    content = bytearray(path.read_bytes())
    content[content.find(torch.tensor(500.0).numpy().tobytes())] ^= 1
    path.write_bytes(content)
    state, reason = checkpoint.load(path)
    assert state is None
    assert "checksum" in reason


def test_a_damaged_directory(tmp_path: Path) -> None:
    """Of the archive, at its end: whatever is wrong there is told, and never raised."""
    path = tmp_path / "pack.pt"
    checkpoint.save(path, STATE)
    content = path.read_bytes()
    answers = []
    for i in range(len(content) - 700, len(content)):
        path.write_bytes(content[:i] + bytes([content[i] ^ 8]) + content[i + 1 :])
        answers.append(checkpoint.load(path))
    assert all("damaged" in reason for state, reason in answers if state is None)
    assert sum(state is None for state, _ in answers) > 100


def test_not_a_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "pack.pt"
    torch.save([1, 2], path)
    assert "holds no state" in checkpoint.load(path)[1]


def test_other_schema(tmp_path: Path) -> None:
    path = tmp_path / "pack.pt"
    torch.save({"schema": 99, "state": {}}, path)
    state, reason = checkpoint.load(path)
    assert state is None
    assert "schema 99" in reason


def test_runs_no_code_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "pack.pt"
    torch.save({"schema": checkpoint.SCHEMA, "state": Path("/")}, path)  # a class that plain data does not need
    state, reason = checkpoint.load(path)
    assert state is None
    assert "damaged" in reason


def test_a_save_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "pack.pt"
    checkpoint.save(path, {"epoch": 1})
    with pytest.raises(AttributeError):
        checkpoint.save(path, {"epoch": lambda: 2})
    assert checkpoint.load(path) == ({"epoch": 1}, "")
    assert [p.name for p in tmp_path.iterdir()] == ["pack.pt"]
