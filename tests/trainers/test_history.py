"""Selection of an epoch and the row of results, by hand."""

from __future__ import annotations

import json

import pytest

from sweeps.records import CURVES, NAMED, RESULTS
from trainers.history import History, row, select


def test_trailing_mean_is_shorter_at_the_start() -> None:
    assert select([4, 8, 3, 5], 1) == (2, 3.0)
    assert select([9, 3, 8, 5], 2) == (2, 5.5)  # means 9, 6, 5.5, 6.5
    assert select([2, 8, 8], 2) == (0, 2.0)
    assert select([9, 3, 8, 5], 3) == (3, pytest.approx(16 / 3))  # means 9, 6, 20/3, 16/3


def test_ties_go_to_the_earliest() -> None:
    assert select([5, 2, 7, 2], 1) == (1, 2.0)
    assert 0.1 + 0.1 + 0.4 > 0.1 + 0.4 + 0.1  # the same windows as errors
    assert select([9, 9, 9, 1, 1, 4, 1], 3) == (5, 2.0)


def test_row_of_a_finished_trial() -> None:
    history = History(train_loss=[2.0, 1.0, 0.5], val_wrong=[6, 2, 4], test_wrong=[9, 5, 3])
    got = row(history, finished=True, smoothing=1, validation=8, test=20, majority_error=0.4)
    assert got.keys() == (RESULTS | CURVES).keys()
    assert got == {
        "state": "done",
        "selected_epoch": 1,
        "diverged_epoch": None,
        "val_error": 0.25,
        "test_error": 0.25,
        "majority_error": 0.4,
        "train_loss": 1.0,
        "curve_train_loss": [2.0, 1.0, 0.5],
        "curve_val_error": [0.75, 0.25, 0.5],
        "curve_test_error": [0.45, 0.25, 0.15],
        **{
            f"{curve}{part}_{name}": None
            for curve in ("", "curve_")
            for part in ("val", "test")
            for name in NAMED.values()
        },
    }


def test_row_without_a_validation_part_takes_the_last_epoch() -> None:
    history = History(train_loss=[2.0, 1.0], test_wrong=[3, 5])
    got = row(history, finished=True, smoothing=10, validation=0, test=10, majority_error=0.4)
    assert (got["selected_epoch"], got["val_error"], got["test_error"], got["curve_val_error"]) == (1, None, 0.5, [])


def test_row_of_a_diverged_trial_keeps_its_curves_and_no_errors() -> None:
    history = History(train_loss=[2.0], val_wrong=[1], test_wrong=[1], diverged_epoch=1)
    got = row(history, finished=True, smoothing=1, validation=8, test=20, majority_error=0.4)
    assert (got["state"], got["diverged_epoch"], got["curve_train_loss"]) == ("diverged", 1, [2.0])
    assert [got[k] for k in ("selected_epoch", "val_error", "test_error", "train_loss")] == [None] * 4


def test_row_before_the_first_epoch_ends() -> None:
    got = row(History(), finished=False, smoothing=1, validation=8, test=20, majority_error=0.4)
    assert (got["state"], got["selected_epoch"], got["curve_test_error"]) == ("running", None, [])


def test_plain_data_and_back() -> None:
    history = History(train_loss=[2.0], val_wrong=[1], test_wrong=[1], diverged_epoch=1)
    assert History.from_dict(json.loads(json.dumps(history.as_dict()))) == history
