import numpy as np
import pandas as pd
import pytest

from analysis.frame import published
from analysis.statistics.win_table import wins
from tests.analysis.trials import diverge, trials

VCL_5 = [3, 3, 3, 5, 8, 11, 2, 7, 11]
OUT = ["mushroom", "statlog-shuttle"]


def table(rows: list[list[float]]) -> pd.DataFrame:
    """Rows a, b, ... and columns x, y, ..., one value a cell."""
    return pd.DataFrame(
        [
            {"dataset": "abcdefg"[i], "normalizer": "xyzuvw"[j], "test_error": v}
            for i, r in enumerate(rows)
            for j, v in enumerate(r)
        ]
    )


def counts(frame: pd.DataFrame, **options: object) -> list[float]:
    return wins(frame, columns=["normalizer"], **options).wins  # type: ignore[arg-type]


def test_three_methods_per_activation_of_the_vcl_paper():
    found = wins(published("vcl", "5"), value="value", within=["activation"])
    assert found.wins == [9, 15, 27, 14, 16, 23, 11, 15, 27]
    assert len(found.counted) == 44
    per_activation = published("vcl", "5").query("activation == 'elu'")
    assert wins(per_activation, value="value").wins == [14, 16, 23]


def test_nine_methods_of_the_vcl_paper():
    found = wins(published("vcl", "5"), value="value", skip=OUT)
    assert found.wins == VCL_5
    assert [row[0] for row in found.skipped] == OUT
    assert wins(published("vcl", "5"), value="value").wins != VCL_5


def test_json_names_columns_and_whole_counts_are_integers():
    found = wins(published("vcl", "5"), value="value", skip=OUT).as_json()
    assert found[0] == {"column": "relu, none", "wins": 3, "direction": "min"}
    assert isinstance(found[0]["wins"], int)
    split = wins(table([[0.1, 0.1, 0.1]]), columns=["normalizer"], ties="split").as_json()
    assert split[0] == {"column": "x", "wins": pytest.approx(1 / 3), "direction": "min"}


def test_ties():
    frame = table([[0.1, 0.1, 0.2], [0.3, 0.2, 0.4], [0.1, 0.1, 0.1]])
    assert counts(frame) == [2, 3, 1]
    assert counts(frame, ties="split") == pytest.approx([1 / 2 + 1 / 3, 1 / 2 + 1 + 1 / 3, 1 / 3])
    assert counts(frame, ties="none") == [0, 1, 0]


def test_constant_rows_are_counted_or_skipped_and_named():
    frame = table([[0.1, 0.1, 0.1], [0.2, 0.1, 0.3]])
    assert counts(frame, constant="count") == [1, 2, 1]
    assert counts(frame, constant="skip") == [0, 1, 0]
    assert wins(frame, columns=["normalizer"]).constant == [("a",)]


def test_tolerance_makes_near_values_ties():
    frame = table([[0.1, 0.104]])
    assert counts(frame) == [1, 0]
    assert counts(frame, tolerance=0.005) == [1, 1]


def test_mean_over_seeds_is_not_decided_by_rounding():
    frame = pd.DataFrame(
        [
            ("a", "x", 0, 0.1),
            ("a", "x", 1, 0.2),
            ("a", "x", 2, 0.3),
            ("a", "y", 0, 0.3),
            ("a", "y", 1, 0.1),
            ("a", "y", 2, 0.2),
        ],
        columns=["dataset", "normalizer", "seed", "test_error"],
    )
    assert counts(frame, average=["seed"]) == [1, 1]


def test_direction_max():
    assert counts(table([[0.9, 0.8], [0.7, 0.8]]), direction="max") == [1, 1]
    assert counts(table([[0.9, 0.8], [0.9, 0.8]]), direction="max") == [2, 0]


def test_an_accuracy_asks_which_end_is_better():
    frame = table([[0.9, 0.8], [0.9, 0.8]]).rename(columns={"test_error": "test_accuracy"})
    with pytest.raises(ValueError, match="test_accuracy does not say which end is better: give the direction, max"):
        wins(frame, columns=["normalizer"], value="test_accuracy")
    found = wins(frame, columns=["normalizer"], value="test_accuracy", direction="max")
    assert (found.wins, found.direction) == ([2, 0], "max")
    assert found.as_json()[0]["direction"] == "max"


def test_several_rows_in_a_cell_name_the_cell_and_the_way_out():
    with pytest.raises(
        ValueError, match=r"dataset=digits, activation=relu, normalizer=none holds 6 rows.*depth.*seed.*--select"
    ):
        wins(trials())


def test_selection_takes_the_depth_with_the_lowest_validation_error():
    frame = pd.DataFrame(
        [("a", "x", 4, 0.2, 0.9), ("a", "x", 8, 0.1, 0.5), ("a", "y", 4, 0.1, 0.6), ("a", "y", 8, 0.1, 0.1)],
        columns=["dataset", "normalizer", "depth", "val_error", "test_error"],
    )
    # y ties on validation: the shallower network (0.6) is taken, although the deeper one tests better.
    assert counts(frame, select=["depth"]) == [1, 0]
    assert counts(frame, select=["depth"], by="test_error") == [0, 1]


def test_selection_happens_within_each_seed():
    cells = {
        "x": [(4, 0, 0.1, 0.10), (8, 0, 0.2, 0.90), (4, 1, 0.3, 0.90), (8, 1, 0.2, 0.20)],
        "y": [(4, 0, 0.1, 0.16), (8, 0, 0.2, 0.90), (4, 1, 0.1, 0.16), (8, 1, 0.2, 0.90)],
    }
    frame = pd.DataFrame(
        [("a", method, *cell) for method, found in cells.items() for cell in found],
        columns=["dataset", "normalizer", "depth", "seed", "val_error", "test_error"],
    )
    assert counts(frame, select=["depth"], average=["seed"]) == [1, 0]


def test_skipping_an_unknown_row_offers_the_nearest():
    with pytest.raises(ValueError, match="did you mean 'mushroom'"):
        wins(published("vcl", "5"), value="value", skip=["mushrom"])


def test_diverged_trials_lose_by_default():
    frame = trials(depths=[4], seeds=[0], activations=["relu"])
    lost = diverge(frame, frame["normalizer"] == "vcl")
    assert wins(frame).wins == [0, 0, 3]
    assert wins(lost).wins == [0, 3, 0]
    assert wins(lost, diverged="majority").wins == [0, 3, 0]
    with pytest.raises(ValueError, match="no row has a result for each"):
        wins(lost, diverged="drop")


def test_a_diverged_seed_counts_with_the_majority_class_error():
    frame = trials(depths=[4], activations=["relu"])
    lost = diverge(frame, (frame["normalizer"] == "vcl") & (frame["seed"] == 1) & (frame["dataset"] == "wine"))
    assert wins(lost, average=["seed"]).wins == [0, 1, 2]
    assert wins(lost, average=["seed"], diverged="drop").wins == [0, 0, 3]


def test_a_diverged_depth_is_not_selected():
    frame = trials(activations=["relu"], seeds=[0])
    lost = diverge(frame, frame["depth"] == 4)
    assert wins(lost, select=["depth"]).wins == [0, 0, 3]


def test_rows_where_all_diverged_have_no_winner():
    frame = trials(depths=[4], seeds=[0], activations=["relu"])
    lost = diverge(frame, frame["dataset"] == "wine")
    assert wins(lost, ties="shared").wins == [0, 0, 2]


def test_failed_trials_are_missing_and_never_a_loss():
    frame = trials(depths=[4], activations=["relu"])
    failed = (frame["normalizer"] == "vcl") & (frame["dataset"] == "wine")
    frame.loc[failed & (frame["seed"] == 0), ["state", "test_error"]] = ["failed", None]
    found = wins(frame, average=["seed"])
    assert found.wins == [0, 0, 3]
    assert found.partial == [("wine", 0)]
    frame.loc[failed, ["state", "test_error"]] = ["failed", None]
    found = wins(frame, average=["seed"])
    assert found.wins == [0, 0, 2]
    assert found.incomplete == [("wine",)]


def test_a_cell_without_one_of_its_candidates_is_missing():
    frame = trials(seeds=[0], activations=["relu"])
    gone = (frame["normalizer"] == "bn") & (frame["dataset"] == "wine") & (frame["depth"] == 8)
    assert wins(frame[~gone], select=["depth"]).incomplete == [("wine",)]
    # A depth that a method never has is no gap.
    never = (frame["normalizer"] == "bn") & (frame["depth"] == 8)
    assert wins(frame[~never], select=["depth"]).incomplete == []


def test_order_of_rows_does_not_matter():
    frame = trials()
    options = {"select": ["depth"], "average": ["seed"]}
    shuffled = frame.iloc[np.random.default_rng(0).permutation(len(frame))]
    assert wins(frame, **options) == wins(shuffled, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rows": ["datset"]}, "did you mean 'dataset'"),
        ({"columns": []}, "at least one column"),
        ({"columns": ["normalizer", "dataset"]}, "'dataset' has two roles"),
        ({"ties": "half"}, "unknown value of 'ties' 'half': known are none, shared, split"),
        ({"constant": "drop"}, "unknown value of 'constant' 'drop': known are count, skip"),
        ({"diverged": "lose"}, "unknown value of 'diverged' 'lose': did you mean loss"),
        ({"direction": "minimize"}, "unknown value of 'direction' 'minimize': known are max, min"),
        ({"direction": "MIN"}, "unknown value of 'direction' 'MIN': did you mean min"),
        ({"direction": "foo"}, "unknown value of 'direction' 'foo': known are max, min"),
        ({"direction": "lower"}, "unknown value of 'direction' 'lower': known are max, min"),
        ({"within": ["depth"]}, "within 'depth' must be one of the columns"),
        ({"value": "device"}, "'device' must hold numbers to be compared, but row 1 holds 'cpu'"),
    ],
)
def test_bad_input(options: dict[str, object], message: str):
    with pytest.raises(ValueError, match=message):
        wins(trials(depths=[4], seeds=[0]), **options)  # type: ignore[arg-type]


def test_empty_table():
    with pytest.raises(ValueError, match="no rows"):
        wins(trials().iloc[:0])
