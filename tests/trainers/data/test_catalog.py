from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trainers import data
from trainers.data import facts_cache


def put(real: Path, home: Path, name: str) -> Path:
    (home / "uci").mkdir(parents=True, exist_ok=True)
    for ending in ("parquet", "folds.json"):
        shutil.copyfile(real / "uci" / f"{name}.{ending}", home / "uci" / f"{name}.{ending}")
    return home / "uci" / f"{name}.parquet"


@pytest.fixture
def car(real: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = put(real, tmp_path / "data", "car")
    monkeypatch.setenv("NORMSWEEP_DATA", str(tmp_path / "data"))
    return path


def test_every_real_set_is_what_the_registry_says_and_loads_at_once(real: Path) -> None:
    pq.read_schema(real / "uci" / "car.parquet")
    there = [name for name, listing in data.REGISTRY.items() if listing.digest]
    assert len(there) == 43
    for name in there:
        started = time.process_time()
        loaded = data.load(name)
        assert time.process_time() - started < 0.5
        assert loaded.facts == data.facts(name)
        assert len(loaded.facts.splits) == 4
        for k, sizes in enumerate(loaded.facts.splits):
            parts = loaded.split(k)
            assert (len(parts.train), len(parts.validation), len(parts.test)) == (
                sizes.train,
                sizes.validation,
                sizes.test,
            )


def test_only_miniboone_is_missing_and_the_way_to_get_it_is_told(real: Path) -> None:
    assert list(data.missing(data.GROUPS["uci44"])) == ["miniboone"]
    with pytest.raises(data.MissingData, match=r"miniboone is not here: .*`normsweep data fetch miniboone`") as caught:
        data.facts("miniboone")
    assert list(caught.value.names) == ["miniboone"]


def test_unknown_names_get_the_near_ones() -> None:
    with pytest.raises(ValueError, match="unknown data set 'adlut': did you mean adult"):
        data.facts("adlut")
    with pytest.raises(ValueError, match="`normsweep data list` shows them all"):
        data.missing(["q"])


def test_facts_come_from_the_cache_until_the_file_changes(car: Path) -> None:
    first = data.facts("car")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trainers.data.uci.read", lambda *_: pytest.fail("read again"))
        assert data.facts("car") == first
    os.utime(car, ns=(1, 1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trainers.data.uci.read", lambda *_: (_ for _ in ()).throw(RuntimeError("read again")))
        with pytest.raises(RuntimeError, match="read again"):
            data.facts("car")


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"key": 1}'])
def test_a_torn_cache_entry_is_made_again(car: Path, damage: str) -> None:
    first = data.facts("car")
    (entry,) = (Path(os.environ["XDG_CACHE_HOME"]) / "normsweep" / "facts").glob("car-*.json")
    entry.write_text(damage)
    assert data.facts("car") == first
    assert json.loads(entry.read_text())["facts"]["digest"] == first.digest


def test_an_altered_cache_entry_is_not_believed(car: Path) -> None:
    first = data.facts("car")
    (entry,) = (Path(os.environ["XDG_CACHE_HOME"]) / "normsweep" / "facts").glob("car-*.json")
    entry.write_text(entry.read_text().replace(first.digest, "0" * 64))
    assert data.facts("car") == first


def test_a_cache_that_cannot_be_written_is_harmless(car: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert data.facts("car") == data.load("car").facts


def test_a_full_disk_leaves_no_half_entry(car: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(facts_cache.json, "dump", full)
    assert data.facts("car").n == 1728
    assert list((Path(os.environ["XDG_CACHE_HOME"]) / "normsweep" / "facts").iterdir()) == []


def test_cached_facts_are_fast_and_import_nothing_heavy(real: Path) -> None:
    absent = data.missing(data.REGISTRY)
    names = [name for name in data.REGISTRY if name not in absent]
    for name in names:
        data.facts(name)
    code = (
        "import sys, time\nfrom trainers import data\nstarted = time.process_time()\n"
        f"for name in {names}: data.facts(name)\nassert time.process_time() - started < 0.3\n"
        "print([m for m in ('torch', 'pandas', 'sklearn', 'pyarrow', 'numpy', 'scipy') if m in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


def test_facts_of_a_file_that_changes_while_it_is_read_are_not_kept(car: Path) -> None:
    from trainers.data import uci

    read, wanted = uci.read, data.facts("car")
    os.utime(car, ns=(1, 1))

    def disturbed(*args: Any) -> Any:
        found = read(*args)
        os.utime(car, ns=(2, 2))
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(uci, "read", disturbed)
        assert data.facts("car") == wanted
    os.utime(car, ns=(1, 1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(uci, "read", lambda *_: pytest.fail("read again"))
        with pytest.raises(pytest.fail.Exception, match="read again"):
            data.facts("car")


def test_a_torn_file_is_told_with_the_way_out(car: Path) -> None:
    car.write_bytes(car.read_bytes()[:1000])
    with pytest.raises(
        ValueError, match=r"^car: car.parquet cannot be read .*`normsweep data fetch car` replaces .*car.parquet"
    ):
        data.facts("car")


@pytest.mark.parametrize("folds", ["", "{}", '{"folds": 3}', '{"folds": ["01"]}', '{"folds": ["9"]}'])
def test_torn_folds_are_told(car: Path, folds: str) -> None:
    car.with_name("car.folds.json").write_text(folds)
    with pytest.raises(ValueError, match=r"^car: .*`normsweep data fetch car`"):
        data.load("car")


def change(path: Path, column: str, values: np.ndarray) -> None:
    table = pq.read_table(path)
    at = table.column_names.index(column)
    pq.write_table(table.set_column(at, table.schema.field(at), pa.array(values, table.schema.field(at).type)), path)


def test_one_altered_figure_is_noticed(car: Path) -> None:
    values = pq.read_table(car).column("f3").to_numpy().copy()
    values[100] += 1e-3
    change(car, "f3", values)
    with pytest.raises(ValueError, match="the content is not the published one"):
        data.facts("car")


def test_one_altered_fold_is_noticed(car: Path) -> None:
    folds = car.with_name("car.folds.json")
    folds.write_text(folds.read_text().replace('"00100', '"00200'))
    with pytest.raises(ValueError, match="the content is not the published one"):
        data.load("car")


def test_what_is_not_finite_is_told_with_its_place(car: Path) -> None:
    values = pq.read_table(car).column("f3").to_numpy().copy()
    values[100] = np.nan
    change(car, "f3", values)
    with pytest.raises(ValueError, match="there is nan in row 100, column f3"):
        data.load("car")


def test_labels_out_of_range_are_told(car: Path) -> None:
    values = pq.read_table(car).column("label").to_numpy().copy()
    values[5] = 4
    change(car, "label", values)
    with pytest.raises(ValueError, match="the labels 0 … 3 are expected, not 0, 1, 2, 3, 4"):
        data.load("car")


def test_other_columns_and_rows_are_told(car: Path) -> None:
    table = pq.read_table(car)
    pq.write_table(table.append_column("f6", table.column("f0")), car)
    with pytest.raises(ValueError, match=r"the columns f0 … f5, label are expected, not f0, .*label, f6"):
        data.load("car")
    pq.write_table(table.slice(0, 99), car)
    with pytest.raises(ValueError, match="1728 rows of 6 features are expected, not 99 of 6"):
        data.load("car")


def test_without_folds_a_set_is_not_here(car: Path) -> None:
    car.with_name("car.folds.json").unlink()
    assert list(data.missing(["car"])) == ["car"]


def test_titanic_is_here_without_files_but_under_another_digest(home: Path) -> None:
    assert data.missing(["titanic"]) == {}
    assert data.facts("titanic").digest != data.lookup("titanic").digest
    assert data.facts("titanic").seeded


def test_a_digest_covers_name_features_labels_and_splits() -> None:
    from trainers.data.dataset import content_digest

    x, y = np.zeros((4, 2), dtype=np.float32), np.array([0, 1, 0, 1])
    codes = np.array([[0, 0, 1, 2]], dtype=np.uint8)
    other = x.copy()
    other[3, 1] = -0.0
    seen = {
        content_digest("a", x, y, 2, codes),
        content_digest("b", x, y, 2, codes),
        content_digest("a", other, y, 2, codes),
        content_digest("a", x.reshape(4, 1, 2), y, 2, codes),
        content_digest("a", x, y[::-1].copy(), 2, codes),
        content_digest("a", x, y, 3, codes),
        content_digest("a", x, y, 2, codes[:, ::-1].copy()),
        content_digest("a", x, y, 2, codes[:0]),
    }
    assert len(seen) == 8
    assert content_digest("a", np.asfortranarray(x), y.astype(np.int32), 2, codes) in seen  # type: ignore[arg-type]


def test_nulls_and_text_are_told(car: Path) -> None:
    table = pq.read_table(car)
    for values in (pa.array([None, *range(1727)], pa.float32()), pa.array(["a"] * 1728)):
        pq.write_table(table.set_column(2, "f2", values), car)
        with pytest.raises(ValueError, match=r"^car: car.parquet cannot be read"):
            data.load("car")


def test_loading_needs_no_pandas(real: Path) -> None:
    code = (
        "import sys\nfrom trainers import data\ndata.load('car')\n"
        "print([m for m in ('pandas', 'torch') if m in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
