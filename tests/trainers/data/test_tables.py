"""A user's own tables: read as a person reads them, or refused in a sentence."""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import json
import zipfile
from collections.abc import Generator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sweeps.errors import MissingError, NormsweepError, UnavailableError, UsageError
from tests.trainers.data.conftest import Server
from tests.trainers.data.messy import ARFF, CASES, CLASSES, COLOURS, SIZES, Case, changed, text
from trainers import data
from trainers.data.home import folder_files
from trainers.data.tables import about, features, formats, importing, stored
from trainers.data.tables.raw import Options
from trainers.data.tables.table import Table


def bring(file: Path, content: bytes | str, name: str = "mine", **options: Any) -> Table:
    """Imported and kept."""
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    table = importing.read(str(file), name, Options(**options))
    importing.keep(table)
    return table


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_messy(home: Path, tmp_path: Path, case: Case) -> None:
    """At least thirty: read as a person would, or refused with row, column or file."""
    file = tmp_path / case.file
    if case.refused:
        with pytest.raises(NormsweepError) as refused:
            bring(file, case.content, **case.options)
        for words in case.refused:
            assert words in str(refused.value)
        assert str(tmp_path) in str(refused.value) or case.file in str(refused.value) or "column" in str(refused.value)
        assert not (home / "tables").exists()
        return
    about = bring(file, case.content, **case.options).about
    kept = data.load("mine")
    assert tuple(about["classes"]) == case.classes
    assert kept.facts.n == len(kept.x) == case.rows
    for name, values in case.features.items():
        column = kept.x[:, about["features"].index(name)]
        np.testing.assert_array_equal(column, np.asarray(values, dtype=np.float32), err_msg=name)
    assert case.detail in [column["detail"] for column in about["columns"]] or not case.detail
    told = "\n".join(about["said"])
    for words in case.said:
        assert words in told


def test_every_format_holds_the_same_data_set(home: Path, tmp_path: Path) -> None:
    """One content, one digest."""
    frame = pd.DataFrame({"size": SIZES, "count": range(7, 47), "colour": COLOURS, "fine": [True, False] * 20})
    frame["class"] = CLASSES
    frame.to_parquet(tmp_path / "t.parquet")
    np.savez(tmp_path / "t.npz", **{name: frame[name].to_numpy(copy=True).astype(_kind(frame, name)) for name in frame})
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_csv(tmp_path / "index.csv")
    frame.to_csv(tmp_path / "t.tsv", index=False, sep="\t")
    frame.to_csv(tmp_path / "german.csv", index=False, sep=";", decimal=",", encoding="utf-16")
    frame.to_csv(tmp_path / "t.csv.gz", index=False)
    digests = {
        file.name: importing.read(str(file), "mine", Options(target="class")).dataset.facts.digest
        for file in sorted(tmp_path.glob("*.*"))
    }
    assert len(digests) == 7
    assert len(set(digests.values())) == 1, digests


def _kind(frame: pd.DataFrame, name: str) -> Any:
    return "U8" if name in ("colour", "class") else frame[name].dtype


def test_excel(home: Path, tmp_path: Path) -> None:
    """Read where openpyxl is; else one sentence says how to get it."""
    if importlib.util.find_spec("openpyxl") is None:
        with pytest.raises(
            UsageError, match=r"t\.xlsx: reading Excel needs openpyxl: `pip install 'normsweep\[excel\]'`"
        ):
            bring(tmp_path / "t.xlsx", b"PK")
        return
    frame = pd.DataFrame({"size": SIZES, "colour": COLOURS, "when": pd.Timestamp("2020-01-02"), "class": CLASSES})
    with pd.ExcelWriter(tmp_path / "t.xlsx") as book:
        frame.to_excel(book, sheet_name="first", index=False)
        frame.to_excel(book, sheet_name="second")
    with pytest.raises(UsageError, match=r"column when: it holds dates \('2020-01-02"):
        importing.read(str(tmp_path / "t.xlsx"), "mine", Options())
    table = importing.read(str(tmp_path / "t.xlsx"), "mine", Options(drop=("when",)))
    (tmp_path / "t.csv").write_text(text())
    same = importing.read(str(tmp_path / "t.csv"), "mine", Options())
    assert table.dataset.facts.digest == same.dataset.facts.digest
    assert "other sheets are not read: second" in table.about["said"]
    with pytest.raises(UsageError, match=r"torn\.xlsx: it is no Excel file"):
        bring(tmp_path / "torn.xlsx", (tmp_path / "t.xlsx").read_bytes()[:-200])
    with zipfile.ZipFile(tmp_path / "t.xlsx") as book, zipfile.ZipFile(tmp_path / "bad.xlsx", "w") as bad:
        for name in book.namelist():
            bad.writestr(name, b"<worksheet" if name.endswith("sheet1.xml") else book.read(name))
    with pytest.raises(UsageError, match=r"bad\.xlsx: it is no Excel file"):
        importing.read(str(tmp_path / "bad.xlsx"), "mine", Options())


def test_parts_of_an_npz(home: Path, tmp_path: Path) -> None:
    x, y = np.arange(80.0).reshape(40, 2) ** 2, np.arange(40) % 2
    where = {"train": slice(0, 24), "val": slice(24, 30), "test": slice(30, 40)}
    arrays = {f"{name}_{part}": array[rows] for part, rows in where.items() for name, array in (("x", x), ("y", y))}
    np.savez(tmp_path / "t.npz", feature_names=np.array(["a", "b"]), **arrays)
    table = importing.read(str(tmp_path / "t.npz"), "mine", Options())
    assert table.about["features"] == ["a", "b"]
    assert table.dataset.split(0).test.tolist() == list(range(30, 40))
    assert table.dataset.split(0).validation.tolist() == list(range(24, 30))


def test_what_scikit_learn_ships(home: Path) -> None:
    table = importing.read("sklearn:iris", "my-iris", Options())
    assert table.about["classes"] == {"setosa": 50, "versicolor": 50, "virginica": 50}
    np.testing.assert_array_equal(table.dataset.x[0], np.array([5.1, 3.5, 1.4, 0.2], np.float32))
    assert importing.read("sklearn:digits", "d", Options()).about["classes"]["0"] == 178
    with pytest.raises(UsageError, match="unknown data set of scikit-learn 'irs': did you mean iris"):
        importing.read("sklearn:irs", "d", Options())
    with pytest.raises(UsageError, match="sklearn:diabetes: the target target holds 214 different numbers"):
        importing.read("sklearn:diabetes", "d", Options())


def fake_openml(server: Server, **changes: Any) -> str:
    """A stand-in that answers as OpenML does; its URL."""
    content = (ARFF.replace("@attribute size", "@attribute nr numeric\n@attribute size") + _numbered()).encode()
    described = {
        "name": "fake",
        "version": "3",
        "format": "ARFF",
        "licence": "CC0",
        "url": f"{server.url}/fake.arff",
        "md5_checksum": hashlib.md5(content).hexdigest(),
        "default_target_attribute": "class",
        "row_id_attribute": "nr",
        **changes,
    }
    server.files |= {"7": json.dumps({"data_set_description": described}).encode(), "fake.arff": content}
    return server.url


def _numbered() -> str:
    return "".join(f"{100 + i * i},{line}\n" for i, line in enumerate(text(head=None).splitlines()))


def test_openml_from_a_fake(home: Path, tmp_path: Path, server: Server) -> None:
    url = fake_openml(server)
    table = importing.read("openml:7", "mine", Options(), server=url)
    importing.keep(table)
    assert data.lookup("mine").how == f"run `normsweep data import openml:7 --name mine --mirror {url}` again"
    assert table.about["features"] == ["size", "colour=blue", "colour=green", "colour=red"]
    assert table.about["said"][0] == "OpenML 7: fake, version 3"
    assert data.lookup("mine").licence == "CC0"
    (tmp_path / "fake.arff").write_bytes(server.files["fake.arff"])
    same = importing.read(str(tmp_path / "fake.arff"), "mine", Options(drop=("nr",)))
    assert same.dataset.facts.digest == table.dataset.facts.digest
    with pytest.raises(MissingError, match=r"/data/8 is not there \(404\)"):
        importing.read("openml:8", "mine", Options(), server=url)
    fake_openml(server, md5_checksum="0" * 32)
    with pytest.raises(UnavailableError, match="came with another checksum"):
        importing.read("openml:7", "mine", Options(), server=url)
    fake_openml(server, format="Sparse_ARFF")
    with pytest.raises(UsageError, match="openml:7 is kept as Sparse_ARFF, which is not read"):
        importing.read("openml:7", "mine", Options(), server=url)
    server.errors = 1
    with pytest.raises(UnavailableError, match="does not answer"):
        importing.read("openml:7", "mine", Options(), server=url)
    with pytest.raises(UnavailableError, match="cannot be reached"):
        importing.read("openml:7", "mine", Options(), server="http://127.0.0.1:9")
    for word in ("iris", "²"):
        with pytest.raises(UsageError, match=f"openml:{word} is no data set"):
            importing.read(f"openml:{word}", "mine", Options(), server=url)
    with pytest.raises(UsageError, match="is no address of a server"):
        importing.read("openml:7", "mine", Options(), server="http://[")
    server.errors = 0
    server.files["7"] = b'{"data_set_description": []}'
    with pytest.raises(UnavailableError, match="does not answer as OpenML does"):
        importing.read("openml:7", "mine", Options(), server=url)


def test_a_table_is_a_data_set_like_any_other(home: Path, tmp_path: Path) -> None:
    first = bring(tmp_path / "t.csv", text())
    assert "mine" in data.names()
    assert data.lookup("mine").task == "the class in class"
    with pytest.raises(UsageError, match="unknown data set 'miine': did you mean mine"):
        data.lookup("miine")
    assert data.facts("mine") == data.verify("mine") == first.dataset.facts
    second = bring(tmp_path / "t.csv", text(changed(2, 0, "7.5")))
    assert data.facts("mine").digest == second.dataset.facts.digest != first.dataset.facts.digest
    assert len(list((home / "tables" / "mine").glob("*.parquet"))) == 1
    (rows,) = (home / "tables" / "mine").glob("*.parquet")
    rows.write_bytes(rows.read_bytes()[:-30])
    with pytest.raises(
        UsageError, match=r"mine cannot be read .* run `normsweep data import .*t\.csv --name mine` again"
    ):
        data.verify("mine")


def test_two_imports_of_one_name_at_once(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that ends last stays, whole; what it replaced is gone."""
    bring(tmp_path / "t.csv", text())
    (tmp_path / "t.csv").write_text(text(changed(2, 0, "7.5")))
    last = importing.read(str(tmp_path / "t.csv"), "mine", Options())
    sync, calls = stored.synced, count()

    def placed(path: Path) -> None:
        if next(calls) == 1:  # the rows of the first are in their place, its `about.json` is not
            importing.keep(last)
        sync(path)

    monkeypatch.setattr(stored, "synced", placed)
    first = bring(tmp_path / "t.csv", text(changed(2, 0, "8.5")))
    assert data.verify("mine") == first.dataset.facts
    building = stored.building

    @contextmanager
    def built(folder: Path) -> Generator[Path]:
        with building(folder) as place:
            yield place
        monkeypatch.setattr(stored, "building", building)
        importing.keep(last)

    monkeypatch.setattr(stored, "building", built)
    bring(tmp_path / "t.csv", text(changed(2, 0, "9.5")))
    assert data.verify("mine") == last.dataset.facts
    assert len(list((home / "tables" / "mine").glob("rows-*"))) <= 2


def test_a_table_that_is_replaced_while_it_is_read(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bring(tmp_path / "t.csv", text())
    listing, files = data.lookup("mine"), about.files("mine")
    loads = json.loads

    def replaced(content: bytes) -> Any:
        found = loads(content)
        monkeypatch.setattr(json, "loads", loads)
        bring(tmp_path / "t.csv", text(changed(2, 0, "7.5")))
        return found

    monkeypatch.setattr(json, "loads", replaced)
    assert stored.read("mine", listing, files[0]).x[0, 0] == 7.5


@pytest.mark.parametrize("key", ["file", "rows", "classes", "features", "command", "target", "source", "splits"])
def test_a_record_with_values_of_another_kind(home: Path, tmp_path: Path, key: str) -> None:
    bring(tmp_path / "t.csv", text())
    record = home / "tables" / "mine" / "about.json"
    kept = json.loads(record.read_bytes())
    for changes in ({key: 1.5}, {key: None}):
        record.write_text(json.dumps({**kept, **changes}))
        with pytest.raises(UsageError, match=r"about\.json cannot be read: import mine again"):
            data.facts("mine")


def test_a_record_that_was_cut(home: Path) -> None:
    for record, name in ((home / "tables" / "mine" / "about.json", "mine"), (folder_files("pets")[0], "pets")):
        record.parent.mkdir(parents=True)
        record.write_bytes(b"{")
        with pytest.raises(UsageError, match=rf"{record.name} cannot be read: import {name} again"):
            data.lookup(name)


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("wine", {}, "--name wine is the name of another data set"),
        ("images", {}, "--name images is the name of a group of data sets"),
        ("1e3", {}, "--name 1e3 would be no text in a sweep file: take a name such as set-1e3"),
        ("true", {}, "--name true would be no text in a sweep file"),
        ("null", {}, "--name null would be no text in a sweep file"),
        ("My Table", {}, "--name My Table is not a valid name"),
        ("mine", {"missing": "mean"}, "unknown --missing 'mean'"),
        ("mine", {"categorical": "hot"}, "unknown --categorical 'hot'"),
        ("mine", {"decimal": ";"}, "unknown --decimal ';'"),
        ("mine", {"separator": "xx"}, "unknown --separator 'xx'"),
        ("mine", {"header": "maybe"}, "unknown --header 'maybe'"),
        ("mine", {"encoding": "utf-9"}, "--encoding utf-9 does not read it"),
        ("mine", {"drop": ("siz",)}, "unknown column 'siz': did you mean size"),
        ("mine", {"split": "parts"}, "unknown column 'parts'"),
        ("mine", {"group": "class"}, "column class is the target: --group names another"),
        ("mine", {"kinds": {"size": "number"}}, "unknown kind of column size 'number'"),
        ("mine", {"kinds": {"size": "numeric:1,2"}}, "an order belongs to ordinal"),
        ("mine", {"drop": ("class",)}, "column class is the target: --drop names another"),
        ("mine", {"drop": ("size",), "kinds": {"size": "one-hot"}}, "column size is no feature: leave out --as size="),
        ("mine", {"group": "size", "kinds": {"size": "one-hot"}}, "column size is no feature: leave out --as size="),
    ],
)
def test_wrong_options(home: Path, tmp_path: Path, name: str, options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        bring(tmp_path / "t.csv", text(), name, **options)
    assert not home.exists()


def test_what_is_too_large(home: Path, tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "MOST", 500)
    with pytest.raises(UsageError, match=r"t\.csv\.gz: it unpacks to more than 500 bytes"):
        bring(tmp_path / "t.csv.gz", gzip.compress(text().encode()))
    with pytest.raises(UsageError, match="holds more than 500 bytes: download it"):
        importing.read("openml:7", "mine", Options(), server=fake_openml(server))
    monkeypatch.setattr(features, "MOST", 100)
    with pytest.raises(
        UsageError, match="column colour would give 3 features in 40 rows: leave it out with --drop col"
    ):
        bring(tmp_path / "t.csv", text())


def test_the_command_that_brings_it_again(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"drop": ("size",), "kinds": {"colour": "ordinal:red,green,blue"}, "seed": 3}
    bring(tmp_path / "t.csv", text(), **options)
    assert data.lookup("mine").how == (
        f"run `normsweep data import {tmp_path / 't.csv'} --name mine --drop size --as colour=ordinal:red,green,blue "
        "--seed 3` again"
    )
    monkeypatch.chdir(tmp_path)
    Path("parts.txt").write_text("\n".join([*["train"] * 30, *["test"] * 10]))
    table = importing.read("t.csv", "mine", Options(split="parts.txt"))
    split = tmp_path / "parts.txt"
    assert table.about["command"] == f"normsweep data import {tmp_path / 't.csv'} --name mine --split {split}"
