from __future__ import annotations

import multiprocessing
import time
from collections import Counter
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import pytest

from orchestrator.store import Store
from orchestrator.store.tables.cache import LEAST
from orchestrator.store.workspace import Workspace

TRIALS = 20  # of a pack
PACKS = 250


def rows(pack: str, error: float = 0.25) -> list[dict[str, Any]]:
    return [
        {
            "trial_id": f"{pack}-{n}",
            "pack_id": pack,
            "state": "done",
            "test_error": error,
            "curve_val_error": [0.5] * 20,
        }
        for n in range(TRIALS)
    ]


def fill(workspace: Workspace, packs: range) -> list[str]:
    names = [f"p{n}" for n in packs]
    for name in names:
        Store(workspace).ledger.publish(name, rows(name))
    return names


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.at(tmp_path)


def test_a_small_ledger_needs_no_cache(workspace: Workspace) -> None:
    names = fill(workspace, range(LEAST - 1))
    assert not Store(workspace).ledger.renew_cache(names)
    assert not workspace.cache.exists()


def test_readers_take_the_cache_and_the_newer_parts(workspace: Workspace) -> None:
    names = fill(workspace, range(LEAST))
    ledger = Store(workspace).ledger
    assert ledger.renew_cache(names)
    assert not ledger.renew_cache(names)
    names += fill(workspace, range(LEAST, LEAST + 5))
    table, problems = ledger.read(names, ["trial_id", "test_error"])
    assert problems == []
    assert table.column_names == ["trial_id", "test_error"]
    assert Counter(table["trial_id"].to_pylist()) == Counter(f"{name}-{n}" for name in names for n in range(TRIALS))
    some, _ = ledger.read(names[3:5], ["trial_id"])
    assert len(some) == 2 * TRIALS
    assert ledger.read(names)[0].num_rows == len(names) * TRIALS


def test_the_cache_is_believed_only_of_parts_that_are_as_they_were(workspace: Workspace) -> None:
    names = fill(workspace, range(LEAST))
    ledger = Store(workspace).ledger
    ledger.renew_cache(names)
    workspace.part("p0").unlink()
    ledger.publish("p0", rows("p0", 0.75))
    workspace.part("p1").unlink()
    table, _ = ledger.read(names, ["trial_id", "test_error"])
    errors = dict(zip(table["trial_id"].to_pylist(), table["test_error"].to_pylist(), strict=True))
    assert errors["p0-0"] == 0.75
    assert "p1-0" not in errors
    assert len(errors) == (LEAST - 1) * TRIALS


@pytest.mark.parametrize("content", [b"", b"PAR1 nonsense PAR1"])
def test_a_damaged_cache_is_as_good_as_none(workspace: Workspace, content: bytes) -> None:
    names = fill(workspace, range(LEAST))
    ledger = Store(workspace).ledger
    ledger.renew_cache(names)
    (workspace.cache / "parts.parquet").write_bytes(content)
    assert ledger.read(names, ["trial_id"])[0].num_rows == LEAST * TRIALS
    assert ledger.renew_cache(names)


def _write(root: str) -> None:
    fill(Workspace.at(root), range(LEAST, PACKS))


def _renew_and_delete(root: str, over: Event) -> None:
    ledger, path = Store.at(root).ledger, Workspace.at(root).cache / "parts.parquet"
    while not over.is_set():
        ledger.renew_cache(sorted(ledger.done()))
        time.sleep(0.02)
        path.unlink(missing_ok=True)


def test_no_reader_ever_sees_a_missing_or_a_doubled_row(workspace: Workspace) -> None:
    """5,000 trials: one process writes, one makes and deletes the cache, this one reads."""
    fill(workspace, range(LEAST))
    context = multiprocessing.get_context("spawn")
    over = context.Event()
    others = [
        context.Process(target=_write, args=(str(workspace.root),)),
        context.Process(target=_renew_and_delete, args=(str(workspace.root), over)),
    ]
    for process in others:
        process.start()
    ledger, readings, cached = Store(workspace).ledger, 0, 0
    while others[0].is_alive() or readings < 20 or (not cached and others[1].is_alive()):
        done = ledger.done()
        cached += (workspace.cache / "parts.parquet").exists()
        table, problems = ledger.read(done, ["trial_id", "pack_id"])
        assert problems == []
        counts = Counter(table["pack_id"].to_pylist())
        assert set(counts) == done
        assert set(counts.values()) == {TRIALS}
        assert len(set(table["trial_id"].to_pylist())) == len(table)
        readings += 1
    over.set()
    for process in others:
        process.join()
    assert [process.exitcode for process in others] == [0, 0]
    assert ledger.read(ledger.done(), ["trial_id"])[0].num_rows == PACKS * TRIALS
    assert cached > 0
