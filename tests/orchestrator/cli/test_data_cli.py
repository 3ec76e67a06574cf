from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from orchestrator.cli.data import data_app
from tests.trainers.data.messy_images import classes, half_transparent, parts

runner = CliRunner()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NORMSWEEP_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "data"


def test_list_says_what_is_here_and_how_to_get_the_rest() -> None:
    rows = {row["name"]: row for row in json.loads(runner.invoke(data_app, ["list", "--json"]).stdout)}
    assert rows["wine"]["here"] == rows["titanic"]["here"] == rows["chess-krvk"]["here"] == "by rule"
    assert rows["adult"]["here"] == rows["cifar10"]["here"] == "missing"
    assert rows["adult"] | {"n": 48842, "shape": [14], "classes": 2, "licence": "CC BY 4.0"} == rows["adult"]
    assert "`normsweep data fetch adult`" in rows["adult"]["how"]
    assert all(row["source"] and row["licence"] and row["task"] for row in rows.values())
    assert all(row["how"] for row in rows.values() if row["here"] == "missing")


def test_list_of_a_group_that_is_missing_as_a_table() -> None:
    told = runner.invoke(data_app, ["list", "uci44", "--missing"])
    assert told.exit_code == 0
    assert "miniboone" in told.stdout
    assert "titanic" not in told.stdout


def test_unknown_names_are_bad_usage() -> None:
    for verb in ("list", "verify", "fetch"):
        with pytest.raises(ValueError, match="unknown data set 'adlut': did you mean adult"):
            runner.invoke(data_app, [verb, "adlut"], catch_exceptions=False)


def test_verify_reads_what_is_here() -> None:
    told = runner.invoke(data_app, ["verify", "wine", "titanic", "--json"])
    assert told.exit_code == 0
    assert [row["ok"] for row in json.loads(told.stdout)] == [True, True]


def test_verify_tells_what_is_torn(home: Path) -> None:
    (home / "uci").mkdir(parents=True)
    (home / "uci" / "car.parquet").write_bytes(b"PAR1")
    (home / "uci" / "car.folds.json").write_text("{}")
    told = runner.invoke(data_app, ["verify", "car", "iris"])
    assert told.exit_code == 4
    assert "car: car: car.parquet cannot be read" not in told.stdout
    assert "car: car.parquet cannot be read" in told.stdout
    assert "iris: " in told.stdout


def test_what_fails_is_exit_code_4_and_told() -> None:
    told = runner.invoke(data_app, ["fetch", "imagenet", "wine"])
    assert told.exit_code == 4
    assert "already here: wine" in told.stdout
    assert "imagenet: imagenet cannot be downloaded: run `normsweep data import FOLDER`" in told.stderr


def test_import_of_nothing_known_is_bad_usage(tmp_path: Path) -> None:
    (tmp_path / "some.txt").write_text("text")
    with pytest.raises(ValueError, match="is not a known archive"):
        runner.invoke(data_app, ["import", str(tmp_path / "some.txt")], catch_exceptions=False)


def test_import_of_images_shows_a_table(tmp_path: Path) -> None:
    root = parts(tmp_path / "in", "train", "val")
    half_transparent(root / "train" / "cat" / "logo.png")
    (root / "train" / "cat" / "Thumbs.db").write_text("")
    said = runner.invoke(data_app, ["import", str(root), "--name", "mine", "--background", "grey"])
    assert said.exit_code == 0
    lines = said.stdout.splitlines()
    assert lines[:4] == [
        "class      train  test (val)",
        "cat            5           2",
        "dog            4           2",
        "2 classes      9           4",
    ]
    assert lines[4:] == [
        "converted to RGB: 1 × alpha (put on grey)",
        "skipped: 1 × made by a system or a program: train/cat/Thumbs.db",
        "note: val serves as the test part, since there is no test part",
        "now here: mine",
    ]
    verified = json.loads(runner.invoke(data_app, ["verify", "mine", "--json"]).stdout)
    assert [(row["ok"], row["note"]) for row in verified] == [(True, "")]


def test_import_of_images_as_json(tmp_path: Path) -> None:
    root = classes(tmp_path / "in")
    for i in range(12):
        (root / "cat" / f"bad{i}.png").write_bytes(b"")
    command = ["import", str(root), "--name", "mine", "--json"]
    refused = runner.invoke(data_app, command)
    assert refused.exit_code == 4
    said = json.loads(refused.stdout)
    assert len(said["unusable"]["mine"]) == 12
    assert "; and 2 more: restore what is torn" in said["refused"]["mine"]
    said = json.loads(runner.invoke(data_app, [*command, "--skip-unreadable"]).stdout)
    assert said["done"] == ["mine"]
    images = said["images"]["mine"]
    assert images["classes"] == {"cat": {"images": 4}, "dog": {"images": 4}}
    assert len(images["unreadable"]) == 12


def test_options_for_images_need_a_name(tmp_path: Path) -> None:
    for option in (["--first-frame"], ["--skip-unreadable"], ["--background", "black"]):
        with pytest.raises(ValueError, match="are for a folder of images: add --name NAME"):
            runner.invoke(data_app, ["import", str(tmp_path), *option], catch_exceptions=False)


TABLE = "size;class\n" + "".join(f"{i},5;{'ab'[i % 2]}\n" for i in range(7, 47))


def test_a_table_is_shown_then_kept(home: Path, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(TABLE)
    words = ["import", str(tmp_path / "t.csv"), "--name", "mine"]
    told = runner.invoke(data_app, [*words, "--dry-run"], catch_exceptions=False)
    assert told.exit_code == 0
    assert "decimal comma" in told.stdout
    assert not home.exists()
    kept = json.loads(runner.invoke(data_app, [*words, "--json"]).stdout)
    assert (kept["done"], kept["table"]["classes"], kept["table"]["rows"]) == (["mine"], {"a": 20, "b": 20}, 40)
    shown = json.loads(runner.invoke(data_app, ["show", "mine", "--json"]).stdout)
    assert shown["digest"] == kept["table"]["digest"]
    assert shown["columns"][0] == {
        "column": "size", "read_as": "numeric", "features": ["size"], "missing": 0, "detail": "decimal comma"
    }  # fmt: skip
    assert shown["splits"] == [{"train": 24, "validation": 6, "test": 10}] * 5
    assert "24 train, 6 validation, 10 test" in runner.invoke(data_app, ["show", "mine"]).stdout
    rows = {row["name"]: row for row in json.loads(runner.invoke(data_app, ["list", "--json"]).stdout)}
    assert (rows["mine"]["here"], rows["mine"]["n"]) == ("files", 40)


def test_show_of_what_is_no_table() -> None:
    shown = json.loads(runner.invoke(data_app, ["show", "wine", "--json"]).stdout)
    assert (shown["rows"], shown["sample"], shown["classes"]) == (178, [13], 3)
    assert shown["split_by"].startswith("drawn")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["t.csv"], "a table or a folder of images of your own needs --name NAME"),
        (["sklearn:iris"], "sklearn:iris needs a name"),
        (["t.csv", "--name", "mine", "--as", "size"], "--as size: write COLUMN=KIND"),
        (["t.csv", "--name", "mine", "--mirror", "http://here"], "--mirror http://here is for openml:ID"),
        (["folder", "--name", "mine", "--target", "size"], "folder is no table"),
        (["folder", "--name", "uci44"], "--name uci44 is the name of a group of data sets"),
        (["t.csv", "--name", "mine", "--as", "size=one-hot", "--as", "size=ordinal"], "--as names a column twice"),
        (["t.csv", "--target", "size"], "t.csv: a table needs --name NAME"),
    ],
)
def test_wrong_words_about_a_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_text(TABLE)
    Path("folder").mkdir()
    with pytest.raises(ValueError, match=said):
        runner.invoke(data_app, ["import", *words], catch_exceptions=False)


def test_a_folder_of_images_cannot_have_the_name_of_a_table(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(TABLE)
    runner.invoke(data_app, ["import", str(tmp_path / "t.csv"), "--name", "mine"])
    with pytest.raises(ValueError, match="--name mine is the name of a table"):
        runner.invoke(data_app, ["import", str(tmp_path), "--name", "mine"], catch_exceptions=False)


def test_fetch_of_a_table_of_ones_own_says_that_it_is_here(home: Path, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(TABLE)
    runner.invoke(data_app, ["import", str(tmp_path / "t.csv"), "--name", "mine"])
    assert runner.invoke(data_app, ["fetch", "mine"], catch_exceptions=False).stdout == "already here: mine\n"
    (rows,) = (home / "tables" / "mine").glob("*.parquet")
    rows.unlink()
    told = runner.invoke(data_app, ["fetch", "mine"], catch_exceptions=False)
    assert told.exit_code == 4
    assert "mine cannot be downloaded: run `normsweep data import" in told.stderr
