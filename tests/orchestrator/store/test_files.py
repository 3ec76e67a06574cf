from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest

from orchestrator.store.files import publish, replace


def test_first_publisher_wins(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file"
    assert publish(path, b"first")
    assert not publish(path, b"second")
    assert path.read_bytes() == b"first"
    assert [p.name for p in path.parent.iterdir()] == ["file"]


def test_replace_overwrites_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    replace(path, b"long content")
    replace(path, b"new")
    assert path.read_bytes() == b"new"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def _publish_many(folder: str, name: str) -> int:
    return sum(publish(Path(folder) / str(n), name.encode() * 1000) for n in range(50))


def test_many_processes_publish_each_name_once(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        won = pool.starmap(_publish_many, [(str(tmp_path), c) for c in "abcd"])
    assert sum(won) == 50
    for path in tmp_path.iterdir():
        content = path.read_bytes()
        assert len(content) == 1000
        assert len(set(content)) == 1


def test_nothing_is_left_when_the_disk_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", refuse)
    with pytest.raises(OSError, match="No space"):
        publish(tmp_path / "file", b"content")
    assert list(tmp_path.iterdir()) == []
