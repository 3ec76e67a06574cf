from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orchestrator.store import Store
from orchestrator.store.parts import decode, schema
from orchestrator.store.workspace import Workspace
from sweeps.records import COLUMNS


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.at(tmp_path)


def row(trial: str, error: float | None = 0.25) -> dict[str, Any]:
    return {"trial_id": trial, "pack_id": "p", "state": "done", "test_error": error, "curve_val_error": [0.5, 0.25]}


def test_first_part_wins_and_reads_back(workspace: Workspace) -> None:
    ledger = Store(workspace).ledger
    assert ledger.publish("p", [row("a"), row("b", None)])
    assert not ledger.publish("p", [row("a", 0.9)])
    assert ledger.done() == {"p"}
    table, problems = ledger.read(["p", "absent"])
    assert problems == []
    assert table.column_names == list(COLUMNS)
    assert table["trial_id"].to_pylist() == ["a", "b"]
    assert table["test_error"].to_pylist() == [0.25, None]
    assert table["curve_val_error"].to_pylist() == [[0.5, 0.25], [0.5, 0.25]]


def test_some_columns_of_an_empty_ledger(workspace: Workspace) -> None:
    table, _ = Store(workspace).ledger.read([], ["trial_id", "seconds"])
    assert table.schema == pa.schema([("trial_id", pa.string()), ("seconds", pa.float64())])


@pytest.mark.parametrize("damage", ["cut", "empty", "flipped"])
def test_a_torn_part_is_told_by_readers_and_moved_aside_by_run(workspace: Workspace, damage: str) -> None:
    ledger = Store(workspace).ledger
    ledger.publish("p", [row(str(n), n / 1000) for n in range(1000)])
    ledger.publish("whole", [row("w")])
    path = workspace.part("p")
    content = bytearray(path.read_bytes())
    if damage == "flipped":
        content[len(content) // 3] ^= 0xFF
    path.write_bytes({"cut": content[: len(content) // 2], "empty": b"", "flipped": content}[damage])

    table, problems = ledger.read(["p", "whole"])
    assert table["trial_id"].to_pylist() == ["w"]
    assert len(problems) == 1
    assert "p.parquet is torn or damaged" in problems[0]
    assert ledger.done() == {"p", "whole"}  # a reader moves nothing

    told = ledger.set_torn_aside(["p", "whole"])
    assert len(told) == 1
    assert "its pack runs again" in told[0]
    assert ledger.done() == {"whole"}
    assert len(list(workspace.torn.iterdir())) == 1
    assert ledger.publish("p", [row("a")])


def test_a_part_of_a_newer_schema_is_left_alone(workspace: Workspace) -> None:
    workspace.parts.mkdir(parents=True)
    newer = schema().with_metadata({b"normsweep.part_schema": b"99"})
    pq.write_table(newer.empty_table(), workspace.part("p"))
    with pytest.raises(ValueError, match="schema 99; this program reads up to"):
        decode(workspace.part("p"))
    assert Store(workspace).ledger.set_torn_aside(["p"]) == []
    assert workspace.part("p").exists()


SEEN = {"probe": "kurtosis", "epoch": 0, "layer": 1, "quantity": "mean", "at": None, "value": 2.5}


def test_readings_of_probes_lie_beside_the_part_and_the_first_stay(workspace: Workspace) -> None:
    ledger = Store(workspace).ledger
    assert ledger.readings(["p"]) == (ledger.readings([])[0], [])
    assert ledger.publish("p", [row("a"), row("b")], [[SEEN], [SEEN | {"at": 0.5, "value": 3.0}]])
    assert not ledger.publish("p", [row("a"), row("b")], [[SEEN | {"value": 9.0}], []])
    assert ledger.publish("none", [row("c")], [[]])
    table, problems = Store(workspace).ledger.readings(["p", "none"])
    assert problems == []
    assert table.to_pylist() == [
        {"trial_id": "a", **SEEN},
        {"trial_id": "b", **SEEN, "at": 0.5, "value": 3.0},
    ]
    assert [path.stem for path in workspace.readings.iterdir()] == ["p"]


def test_a_part_whose_readings_are_torn_is_trained_again(workspace: Workspace) -> None:
    ledger = Store(workspace).ledger
    ledger.publish("p", [row("a")], [[SEEN]])
    path = workspace.readings_of("p")
    path.write_bytes(path.read_bytes()[:100])
    _, (problem,) = ledger.readings(["p"])
    assert f"{path} is torn or damaged" in problem
    (sentence,) = ledger.set_torn_aside(["p"])
    assert "its pack runs again" in sentence
    assert ledger.done() == set()
    assert not path.exists()
    assert len(list(workspace.torn.iterdir())) == 2
    assert ledger.publish("p", [row("a")], [[SEEN]])
    assert ledger.readings(["p"])[0].num_rows == 1
