"""A journal that was cut, altered or written by a newer program is unknown, never an error."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from orchestrator.mirror.journal import Journal
from orchestrator.mirror.sync import SyncResult, sync
from orchestrator.mirror.uri import tracking_uri
from orchestrator.store.workspace import Workspace
from tests.orchestrator.mlflow.ledgers import small_sweep
from tests.orchestrator.mlflow.looking import trial_runs

BAD_LINES = [
    b"",
    b"not json",
    b"null",
    b"[1]",
    b"\xff\xfe",
    b"[" * 100_000,
    b"1" * 10_000,
    b'{"unknown": 1}',
    b'{"begin": 3}',
    b'{"begin": [[1]]}',
    b'{"complete": {"trial": 1}, "pack": "pack"}',
    b'{"complete": {"trial": "run"}}',
    b'{"tagged": "small", "files": "1"}',
    b'{"closed": "small", "progress": null}',
    b'{"artifact": 1, "sha256": "0"}',
    b'{"stamp": []}',
    b'{"stamp": "without its end',
]


@pytest.fixture
def path(workspace: Workspace) -> Path:
    """The journal of a sweep that is in MLflow."""
    small_sweep(workspace)
    sync(workspace)
    (path,) = workspace.mlflow.glob("synced-*")
    return path


def read(workspace: Workspace) -> Journal:
    return Journal(workspace, tracking_uri(workspace))


def is_empty(journal: Journal) -> bool:
    return not (journal.known or journal.stamp or journal.runs or journal.begun or journal.files or journal.artifacts)


def test_a_whole_one_is_known(workspace: Workspace, path: Path) -> None:
    journal = read(workspace)
    assert (journal.known, len(journal.runs), journal.begun, journal.files) == (True, 12, set(), {"small": 1})


@pytest.mark.parametrize("line", BAD_LINES, ids=lambda line: line[:20].decode(errors="replace"))
def test_one_bad_line_makes_it_unknown(workspace: Workspace, path: Path, line: bytes) -> None:
    header, *entries = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([header, *entries[:2], line, *entries[2:]]) + b"\n")
    assert is_empty(read(workspace))


def test_a_bad_one_is_made_again_from_the_tags(workspace: Workspace, path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b'"pack"', b'"pick"'))
    assert sync(workspace) == SyncResult(unchanged=12)
    assert len(read(workspace).runs) == len(trial_runs(workspace)) == 12


def test_cut_anywhere(workspace: Workspace, path: Path) -> None:
    whole = path.read_bytes()
    lines = [i + 1 for i, byte in enumerate(whole) if byte == ord("\n")]
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert read(workspace).known == (length in lines)
    path.write_bytes(whole[: len(whole) // 2])
    assert sync(workspace) == SyncResult(unchanged=12)
    assert len(trial_runs(workspace)) == 12


def test_altered_anywhere(workspace: Workspace, path: Path) -> None:
    whole, draw = path.read_bytes(), random.Random(3)
    for _ in range(500):
        at = draw.randrange(len(whole))
        path.write_bytes(whole[:at] + bytes([draw.randrange(256)]) + whole[at + 1 :])
        read(workspace)


@pytest.mark.parametrize("schema", [1, 2, 99, "3", None])
def test_another_schema_is_unknown_and_made_again(workspace: Workspace, path: Path, schema: object) -> None:
    header, *entries = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([json.dumps({**json.loads(header), "schema": schema}).encode(), *entries]) + b"\n")
    assert is_empty(read(workspace))
    assert sync(workspace) == SyncResult(unchanged=12)
    assert json.loads(path.read_bytes().splitlines()[0])["schema"] == 3


def test_unknown_fields_are_ignored(workspace: Workspace, path: Path) -> None:
    entries = [json.loads(line) for line in path.read_bytes().splitlines()]
    path.write_text("".join(json.dumps({"new": [1], **entry}) + "\n" for entry in entries))
    journal = read(workspace)
    assert (journal.known, len(journal.runs), journal.files) == (True, 12, {"small": 1})
    assert sync(workspace) == SyncResult(unchanged=12)
