"""Workspaces as programs of every schema have left them: each stays readable, with the same numbers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import sweeps.records
from orchestrator import results
from orchestrator.store import Store, ledger
from orchestrator.store import parts as part_schemas
from orchestrator.store.parts import decode
from orchestrator.store.tables import cache
from orchestrator.store.workspace import Workspace
from orchestrator.watch.status import status_of
from sweeps.records import COLUMNS, PART_SCHEMA
from tests.golden.record import as_json, expected, home

NUMBERS = range(1, PART_SCHEMA + 1)


def test_there_is_a_golden_workspace_and_a_reader_for_every_schema() -> None:
    assert all(home(number).is_dir() for number in NUMBERS)
    assert set(part_schemas.PAST) == set(range(1, PART_SCHEMA))


@pytest.mark.parametrize("number", NUMBERS)
def test_what_was_recorded_is_read_as_it_was(number: int) -> None:
    now, then = json.loads(as_json(home(number))), json.loads(expected(number).read_text())
    assert len(now) == len(then) == 8
    for mine, golden in zip(now, then, strict=True):
        assert {name: mine[name] for name in golden} == golden
    assert status_of(Store.at(home(number)))[0].counts == {"done": 8}


def test_the_next_schema_is_read_beside_this_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A schema with errors in percent and a new column: its parts and those of today give one table."""
    columns = COLUMNS | {"energy": "double"}
    today = PART_SCHEMA

    def to_percent(table: pa.Table) -> pa.Table:
        place = table.column_names.index("test_error")
        table = table.set_column(place, "test_error", pc.multiply(table["test_error"], 100.0))
        return table.append_column("energy", pa.nulls(len(table), pa.float64()))

    workspace = Workspace.at(shutil.copytree(home(today), tmp_path / "out"))
    before = results("golden", workspace=workspace.root)
    monkeypatch.setattr(cache, "LEAST", 1)
    parts = sorted(Store(workspace).ledger.done())
    assert Store(workspace).ledger.renew_cache(parts)

    monkeypatch.setattr(part_schemas, "PAST", {**part_schemas.PAST, today: to_percent})
    for module in (sweeps.records, part_schemas):
        monkeypatch.setattr(module, "PART_SCHEMA", today + 1)
    for module in (ledger, part_schemas):
        monkeypatch.setattr(module, "COLUMNS", columns)
    first = decode(workspace.part(parts[0])).to_pylist()
    workspace.part(parts[0]).unlink()
    assert Store(workspace).ledger.publish(parts[0], [{**row, "energy": 7.0} for row in first])

    def read() -> None:
        table, problems = Store(workspace).ledger.read(parts)
        assert problems == []
        assert table.column_names == list(columns)
        rows = {row["trial_id"]: row for row in table.to_pylist()}
        for trial, error in zip(before["trial_id"], before["test_error"], strict=True):
            assert rows[trial]["test_error"] == pytest.approx(100 * error)
        assert [row["energy"] for row in rows.values()].count(7.0) == len(first)

    read()  # today's cache is not believed
    assert Store(workspace).ledger.renew_cache(parts)
    read()


def test_a_part_of_a_newer_schema_is_one_sentence(tmp_path: Path) -> None:
    workspace = Workspace.at(shutil.copytree(home(PART_SCHEMA), tmp_path / "out"))
    (path, *others) = sorted(workspace.parts.iterdir())
    table = pq.read_table(path)
    newer = {**table.schema.metadata, b"normsweep.part_schema": str(PART_SCHEMA + 1).encode()}
    pq.write_table(table.replace_schema_metadata(newer), path)
    sentence = f"{path} is of schema {PART_SCHEMA + 1}; this program reads up to {PART_SCHEMA}: update it"
    with pytest.raises(ValueError) as told:
        results("golden", workspace=workspace.root)
    assert str(told.value) == sentence
    (status,) = status_of(Store(workspace))  # which shows the rest
    assert status.problems == [sentence]
    assert status.counts["done"] == sum(pq.read_metadata(p).num_rows for p in others)
