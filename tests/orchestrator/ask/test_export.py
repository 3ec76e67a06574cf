"""`export` and `results`: a file of the form that its ending names, and a column for every setting and option."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest

import orchestrator
from orchestrator.store.results import EXPORTED
from orchestrator.store.workspace import Workspace
from sweeps.words.settings import setting_names
from tests.orchestrator.ask.test_reporting import train
from tests.orchestrator.stage import Call
from tests.orchestrator.training import train as trained

FILE = """
name: mine
trial:
  dataset: wine
  depth: 1
  normalizer: [none, bn, {vcl: {n: 5}}]
  lr: [1e-2, 0.1]
  schedule: {step: {at: [3, 4]}}
  epochs: 2
"""


@pytest.fixture
def workspace(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Workspace:
    monkeypatch.chdir(tmp_path)
    workspace = Workspace.at("normsweep-out")
    train(workspace, FILE)
    return workspace


def test_the_ending_decides_the_form(call: Call, workspace: Workspace) -> None:
    for name in ("x.csv", "x.parquet", "x.feather", "deep/er/x.JSONL"):
        assert call("export", "mine", "-o", name) == (0, f"6 trials in {name}\n", "")
    assert Path("x.csv").read_bytes().startswith(b'"trial_id","sweep","version","dataset"')
    tables = [
        pa.Table.from_pandas(pd.read_csv("x.csv", keep_default_na=False, na_values=[""])),
        pyarrow.parquet.read_table("x.parquet"),
        pyarrow.feather.read_table("x.feather"),
        pa.Table.from_pandas(pd.read_json("deep/er/x.JSONL", lines=True)),
    ]
    for table in tables:
        assert table.column_names == tables[0].column_names
        assert table["normalizer"].to_pylist() == ["none"] * 2 + ["bn"] * 2 + ["vcl"] * 2
        assert table["lr"].to_pylist() == [0.01, 0.1] * 3
        assert table["normalizer.n"].to_pylist() == [None] * 4 + [5, 5]


@pytest.mark.parametrize("name", ["x.xlsx", "x", "x.parquet.gz"])
def test_another_ending_is_refused(call: Call, workspace: Workspace, name: str) -> None:
    code, out, err = call("export", "mine", "-o", name)
    assert (code, out) == (2, "")
    assert err == f"normsweep: {name}: a table's name ends in .csv, .parquet, .feather or .jsonl\n"
    assert not Path(name).exists()


def test_every_setting_and_option_is_a_column(workspace: Workspace) -> None:
    frame = orchestrator.results("mine")
    assert {*setting_names(), *EXPORTED} <= {*frame}
    assert frame["epochs"].tolist() == [2] * 6
    assert frame["nesterov"].tolist() == [False] * 6
    assert frame["schedule"].tolist() == ["step"] * 6
    assert frame["schedule.at"].tolist() == ["[3,4]"] * 6
    assert frame["val_error_smoothed"].tolist() == frame["val_error"].tolist()
    for name in ("normalizer.weight", "lr", "momentum", "schedule.factor"):
        value = frame[name].iloc[-1]
        chosen = orchestrator.results("mine", where=f"{name}={value} normalizer=vcl lr=1e-1")
        assert len(chosen) == 1, name


def test_the_same_names_are_methods_and_metrics(call: Call, workspace: Workspace) -> None:
    found = orchestrator.wins("mine", columns=["normalizer.n", "lr"], average=["normalizer"], where="normalizer=vcl")
    assert found.columns == [(5, "0.01"), (5, "0.1")]
    found = orchestrator.wins("mine", columns=["epochs"], average=["normalizer", "lr"], value="val_error_smoothed")
    assert found.columns == [("2",)]
    comparison = orchestrator.compare("mine", by=["normalizer", "normalizer.n"], where="normalizer=bn,vcl lr=0.1")
    assert {line["method"] for line in comparison.lines} == {"bn/", "vcl/5"}
    comparison = orchestrator.compare("mine", by=["normalizer"], where="lr=1e-2", metric="val_error_smoothed")
    assert [line["method"] for line in comparison.lines] == ["vcl", "bn", "none"]
    assert comparison.runs == 3


def test_what_probes_saw_is_a_table_of_its_own(call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    sweep = FILE.replace("epochs: 2", "epochs: 1\n  record: kurtosis").replace("{vcl: {n: 5}}", "gn")
    Path("mine.yaml").write_text(sweep)
    trained(Workspace.at("normsweep-out"), "mine.yaml")
    assert call("export", "mine", "-o", "x.csv", "--probes", "-w", "lr=0.1") == (0, "3 trials in x.csv\n", "")
    table = pd.read_csv("x.csv")
    assert list(table["normalizer"].unique()) == ["none", "bn", "gn"]
    assert len(table) == 3 * 2 * 2  # methods, epochs, mean and median of one layer
    whole = orchestrator.readings("mine")
    assert list(whole.columns[-6:]) == ["probe", "epoch", "layer", "quantity", "at", "value"]
    assert set(whole["trial_id"]) == set(orchestrator.results("mine")["trial_id"])
    pd.testing.assert_series_equal(
        whole.loc[whole["lr"] == 0.1, "value"].reset_index(drop=True), table["value"], check_exact=False
    )
