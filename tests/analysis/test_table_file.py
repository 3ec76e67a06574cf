"""Tables as files: each ending is read as it was written, and a CSV as a person reads it."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from analysis.statistics.win_table import wins
from analysis.table_file import ENDINGS, encoded, load
from tests.analysis.trials import trials


@pytest.mark.parametrize("kind", ENDINGS)
def test_what_was_written_is_read(tmp_path: Path, kind: str):
    frame = trials().assign(selected_epoch=[None, *range(107)])
    path = tmp_path / f"export{kind.upper()}"
    path.write_bytes(encoded(pa.Table.from_pandas(frame, preserve_index=False), kind))
    read = load(path)
    assert list(read) == list(frame)
    for name in ("normalizer", "normalizer_options", "seed", "test_error"):
        assert read[name].tolist() == frame[name].tolist()
    assert read["selected_epoch"].isna().tolist() == [True] + [False] * 107
    assert wins(read, select=["depth"], average=["seed"]) == wins(frame, select=["depth"], average=["seed"])


@pytest.mark.parametrize("kind", [".parquet", ".feather", ".jsonl"])
def test_curves_are_read_only_if_asked_for(tmp_path: Path, kind: str):
    path = tmp_path / f"export{kind}"
    path.write_bytes(encoded(pa.Table.from_pandas(trials(epochs=3)), kind))
    assert not [name for name in load(path) if name.startswith("curve_")]
    assert len(load(path, curves=True)["curve_val_error"].iloc[0]) == 3


def test_a_method_called_none_is_not_a_missing_value(tmp_path: Path):
    (tmp_path / "t.csv").write_text("dataset,normalizer,test_error\na,None,0.1\na,NA,\n")
    found = load(tmp_path / "t.csv")
    assert found["normalizer"].tolist() == ["None", "NA"]
    assert found["test_error"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    "text",
    [
        "dataset,method,error\na,x,0.15\na,y,0.2\n",
        "dataset;method;error\na;x;0.15\na;y;0.2\n",
        "dataset;method;error\na;x;0,15\na;y;0,2\n",
        "dataset\tmethod\terror\na\tx\t0.15\na\ty\t0.2\n",
        "dataset,method,error\na,x,15%\na,y,20 %\n",
        "dataset,method,error\na,x,15%\na,y,0.2\n",
        "\ufeffdataset,method,error\r\na,x,.15\r\na,y,2e-1\r\n",
        '"dataset";"method";"error"\n"a";"x";"0,15"\n"a";"y";"0,2"\n',
    ],
)
def test_a_csv_is_read_as_a_person_reads_it(tmp_path: Path, text: str):
    path = tmp_path / "T.CSV"
    path.write_text(text)
    frame = load(path)
    assert list(frame) == ["dataset", "method", "error"]
    assert frame["error"].tolist() == [0.15, 0.2]
    assert wins(frame, columns=["method"], value="error").wins == [1, 0]


def test_a_value_that_is_no_number_is_named_with_its_row(tmp_path: Path):
    path = tmp_path / "t.csv"
    path.write_text("dataset,method,error\na,x,0.15\na,y,1.234.5\n")
    with pytest.raises(
        ValueError, match=r"^column 'error' must hold numbers to be compared, but row 2 holds '1\.234\.5'$"
    ):
        wins(load(path), columns=["method"], value="error")
    path.write_text("dataset,method,error\na,x,15%\na,y,zz\n")
    with pytest.raises(ValueError, match="row 2 holds 'zz'"):
        wins(load(path), columns=["method"], value="error")
    path.write_text("dataset,method,error\na,x,n/a\na,y,0.2\n")
    with pytest.raises(ValueError, match="row 1 holds 'n/a'"):
        wins(load(path), columns=["method"], value="error")
    frame = pd.DataFrame({"dataset": ["a", "a"], "method": ["x", "y"], "error": [None, "0.1 or so"]})
    with pytest.raises(ValueError, match=r"row 2 holds '0\.1 or so'"):
        wins(frame, columns=["method"], value="error")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("absent.csv", "no file .*absent.csv: name a table"),
        ("table.xlsx", r"table.xlsx: a table's name ends in .csv, .parquet, .feather or .jsonl"),
        ("table", "a table's name ends in"),
        ("torn.jsonl", "torn.jsonl cannot be read as a table"),
        ("torn.feather", "torn.feather cannot be read as a table"),
    ],
)
def test_load_refuses(tmp_path: Path, name: str, message: str):
    if name != "absent.csv":
        (tmp_path / name).write_text("{")
    with pytest.raises(ValueError, match=message):
        load(tmp_path / name)
