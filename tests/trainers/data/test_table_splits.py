"""Which rows of a user's table train, validate and test."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from sweeps.errors import UsageError
from tests.trainers.data.messy import CLASSES, HEAD, ROWS, SIZES, more, text
from tests.trainers.data.test_tables import bring
from trainers import data
from trainers.data import standardized
from trainers.data.dataset import TEST, TRAIN, VALIDATION, Dataset
from trainers.data.tables import parting

PARTS = [*["train"] * 24, *["Validation"] * 6, *["TEST"] * 10]


def parts(dataset: Dataset, k: int = 0) -> tuple[list[int], list[int], list[int]]:
    split = dataset.split(k)
    return split.train.tolist(), split.validation.tolist(), split.test.tolist()


def test_drawn_by_class_and_seed(home: Path, tmp_path: Path) -> None:
    first = bring(tmp_path / "t.csv", text()).dataset
    assert first.codes.shape == (5, 40)
    for k in range(5):
        train, validation, test = parts(first, k)
        assert (len(train), len(validation), len(test)) == (24, 6, 10)
        assert [np.bincount(first.y[rows]).tolist() for rows in (train, test)] == [[12, 12], [5, 5]]
    again = bring(tmp_path / "t.csv", text(), "mine").dataset
    other = bring(tmp_path / "t.csv", text(), "mine", seed=1).dataset
    assert np.array_equal(first.codes, again.codes)
    assert not np.array_equal(first.codes, other.codes)
    assert first.facts.digest == again.facts.digest != other.facts.digest
    with pytest.raises(UsageError, match=r"it has splits 0\.\.4"):
        first.split(5)


def test_a_column_says_the_parts(home: Path, tmp_path: Path) -> None:
    table = bring(tmp_path / "t.csv", more("part", PARTS), split="part")
    assert parts(table.dataset) == (list(range(24)), list(range(24, 30)), list(range(30, 40)))
    assert "part" not in table.about["features"]
    assert table.about["split_by"] == "column part"


def test_a_fifth_validates_where_none_is_published(home: Path, tmp_path: Path) -> None:
    table = bring(tmp_path / "t.csv", more("part", ["train"] * 30 + ["test"] * 10), split="part")
    train, validation, test = parts(table.dataset)
    assert (len(train), len(validation), test) == (24, 6, list(range(30, 40)))
    assert "held out for validation" in table.about["split_by"]


def test_folds_test_one_after_the_other(home: Path, tmp_path: Path) -> None:
    table = bring(tmp_path / "t.csv", more("fold", [str(i // 2 % 4 + 1) for i in range(40)]), split="fold")
    assert [parts(table.dataset, k)[2] for k in range(4)] == [
        [i for i in range(40) if i // 2 % 4 == k] for k in range(4)
    ]


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (["train"] * 39 + [""], "column part, row 41: it does not say"),
        (["train"] * 39 + ["tset"], "column part, row 41: 'tset' is no part"),
        (["0", "1"] * 20, "column part, row 2: '0' may be a part or a fold"),
        (["1", "2", "3", "\u00b2"] * 10, "column part, row 5: '\u00b2' is no part"),
        (["1", "2", "3", "4" * 5000] * 10, "column part, row 5: '4+' is no part"),
        (["train"] * 40, "split 0 has no rows in its test part: mend the split"),
        (["train"] * 4 + ["test"] * 36, "split 0 has no rows in its validation part, and too few to hold out"),
        (
            ["train" if c == "no" else "test" for c in CLASSES],
            "class 'yes' has no rows in the training part of split 0: mend the split, or join the class with another",
        ),
    ],
)
def test_a_column_that_says_no_parts(home: Path, tmp_path: Path, cells: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        bring(tmp_path / "t.csv", more("part", cells), split="part")


def test_a_column_of_identifiers_says_no_folds(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parting, "FOLDS", 39)
    with pytest.raises(UsageError, match="column nr holds 40 different values, more than 39 folds"):
        bring(tmp_path / "t.csv", more("nr", [str(i + 1) for i in range(40)]), split="nr")


def files(folder: Path) -> dict[str, str]:
    """The same split in each form that a file may have."""
    rows = [f"{'TEST' if i >= 30 else 'TRAIN'},{i},0,0" for i in range(40)]
    kinds = (
        "@attribute type {TRAIN,TEST}\n@attribute rowid numeric\n@attribute repeat numeric\n@attribute fold numeric\n"
    )
    return {
        "split.txt": "\n".join(PARTS),
        "split.csv": "part\n" + "\n".join(PARTS),
        "split.json": json.dumps({"folds": ["".join({"t": "0", "V": "1", "T": "2"}[p[0]] for p in PARTS)]}),
        "openml.arff": f"@relation splits\n{kinds}@data\n" + "\n".join(rows),
    }


@pytest.mark.parametrize("name", ["split.txt", "split.csv", "split.json", "openml.arff"])
def test_a_file_says_the_parts(home: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(files(tmp_path)[name])
    table = bring(tmp_path / "t.csv", text(), split=str(tmp_path / name))
    assert parts(table.dataset)[2] == list(range(30, 40))
    if name != "openml.arff":
        assert parts(table.dataset)[1] == list(range(24, 30))


def test_a_file_of_another_length(home: Path, tmp_path: Path) -> None:
    (tmp_path / "split.txt").write_text("\n".join(PARTS[1:]))
    with pytest.raises(UsageError, match=r"split\.txt has 39 rows, the table 40"):
        bring(tmp_path / "t.csv", text(), split=str(tmp_path / "split.txt"))
    (tmp_path / "bytes.txt").write_bytes(b"train\0")
    with pytest.raises(UsageError, match=r"bytes\.txt: it holds bytes that are no text"):
        bring(tmp_path / "t.csv", text(), split=str(tmp_path / "bytes.txt"))
    for fold in ([300] * 40, [-1] * 40):
        (tmp_path / "s.json").write_text(json.dumps({"folds": [fold]}))
        with pytest.raises(UsageError, match=r"s\.json cannot be read .*: `folds` must hold strings of 0, 1 and 2"):
            bring(tmp_path / "t.csv", text(), split=str(tmp_path / "s.json"))
    with pytest.raises(ValueError, match=r"gone\.txt does not exist"):
        bring(tmp_path / "t.csv", text(), split=str(tmp_path / "gone.txt"))


def test_rows_of_one_group_stay_together(home: Path, tmp_path: Path) -> None:
    groups = [f"person {i * i % 13}" for i in range(40)]
    table = bring(tmp_path / "t.csv", more("who", groups), group="who")
    assert "who" not in "".join(table.about["features"])
    for codes in table.dataset.codes:
        for group in set(groups):
            assert len({code for code, g in zip(codes.tolist(), groups, strict=True) if g == group}) == 1
        assert [abs((codes == part).sum() - n) <= 6 for part, n in ((TRAIN, 24), (VALIDATION, 6), (TEST, 10))] == [
            True
        ] * 3
    assert len(np.unique(table.dataset.codes, axis=0)) > 1


def test_a_published_split_that_parts_a_group(home: Path, tmp_path: Path) -> None:
    cells = [f"{part},{i % 7}" for i, part in enumerate(PARTS)]
    with pytest.raises(UsageError, match="group '0' of column who lies on two sides of split 0"):
        bring(tmp_path / "t.csv", more("part,who", cells), split="part", group="who")
    with pytest.raises(UsageError, match="2 groups are too few for 3 parts"):
        bring(tmp_path / "t.csv", more("who", ["a", "b"] * 20), group="who")
    alone = ["a" if c == "no" else "bc"[i // 2 % 2] for i, c in enumerate(CLASSES)]
    with pytest.raises(UsageError, match=r"training part of split \d: say another --seed, or join the class"):
        bring(tmp_path / "t.csv", more("who", alone), group="who")
    for absent in ("", "NA", "?"):
        with pytest.raises(UsageError, match="column who, row 3: a group is missing"):
            bring(tmp_path / "t.csv", more("who", ["a", absent, "c", "d"] * 10), group="who")


def test_median_and_scale_are_those_of_the_training_part(home: Path, tmp_path: Path) -> None:
    rows = [("" if i in (3, 35) else str(1000 if i >= 30 else i * i), *row) for i, row in enumerate(ROWS)]
    bring(tmp_path / "t.csv", text([(p, *r) for p, r in zip(PARTS, rows, strict=True)], ("part", "v", *HEAD)),
          split="part", missing="median+flag")  # fmt: skip
    mine = data.load("mine")
    assert np.isnan(mine.x[[3, 35], 0]).all()
    x = standardized(mine, mine.split(0), "none")
    known = [i * i for i in range(24) if i != 3]
    assert x[3, 0] == x[35, 0] == np.median(known)
    assert np.flatnonzero(x[:, 1]).tolist() == [3, 35]
    filled = [*known, float(np.median(known))]
    x = standardized(mine, mine.split(0), "train")
    np.testing.assert_allclose(x[35, 0], (np.median(known) - np.mean(filled)) / np.std(filled, ddof=1), rtol=1e-5)
    np.testing.assert_allclose(x[0, 2], (SIZES[0] - np.mean(SIZES[:24])) / np.std(SIZES[:24], ddof=1), rtol=1e-5)
