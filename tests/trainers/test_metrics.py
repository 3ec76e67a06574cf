"""Further metrics, by hand."""

from __future__ import annotations

import math

import pytest
import torch

from sweeps.probes import METRICS
from sweeps.words.choice import Choice
from tests.trainers.factory import blobs, trial
from trainers.metrics import counted, counts, errors
from trainers.pack import PackTrainer

NAMES = tuple(METRICS)


def test_top_5_by_hand() -> None:
    # The label's logit is the largest, the fifth largest, the sixth largest, and one of six equal ones.
    logits = torch.tensor(
        [[[7.0, 6, 5, 4, 3, 2, 1], [7, 6, 5, 4, 3, 2, 1], [7, 6, 5, 4, 3, 2, 1], [1, 1, 1, 1, 1, 1, 0]]]
    )
    labels = torch.tensor([[0, 4, 5, 5]])
    (found,) = counts(logits, labels, ("error", "top5")).tolist()
    assert found == [3, 0, 1]
    assert errors(found, ("error", "top5"), 4) == {"top5_error": 0.25}


def test_the_mean_over_classes_by_hand() -> None:
    # Class 0: 1 of 4 wrong; class 1: 1 of 1; class 2: 0 of 2; class 3 is not there.
    answers, labels = [0, 0, 1, 0, 0, 2, 2], [0, 0, 0, 0, 1, 2, 2]
    logits = torch.nn.functional.one_hot(torch.tensor([answers]), 4).double()
    (found,) = counts(logits, torch.tensor([labels]), ("error", "class-mean")).tolist()
    assert found[:2] == [2, 0]
    assert errors(found, ("error", "class-mean"), 7) == {"class_mean_error": pytest.approx((1 / 4 + 1 + 0) / 3)}


def test_counts_of_batches_add_up_and_replicas_stay_apart() -> None:
    generator = torch.Generator().manual_seed(3)
    logits, labels = torch.randn(3, 40, 9, generator=generator), torch.randint(9, (3, 40), generator=generator)
    logits[1, 7, 2] = math.nan
    whole = counts(logits, labels, NAMES)
    assert whole.shape == (3, counted(NAMES, 9))
    parts = [counts(x, y, NAMES) for x, y in zip(logits.split(16, 1), labels.split(16, 1), strict=True)]
    assert torch.equal(torch.stack(parts).sum(0), whole)
    assert whole[:, 1].tolist() == [0, 1, 0]
    assert torch.equal(counts(logits[2:], labels[2:], NAMES), whole[2:])


def test_a_training_records_them_and_is_otherwise_the_same() -> None:
    data = blobs(classes=7)
    plain, more = (
        PackTrainer([trial(data, metrics=tuple(map(Choice, names)), smoothing=2)], data)
        for names in (("error",), NAMES)
    )
    plain.advance(math.inf)
    more.advance(math.inf)
    (without,), (row,) = plain.rows(), more.rows()
    assert {name for name in row if row[name] != without[name]} == {
        f"{curve}{part}_{name}"
        for curve in ("", "curve_")
        for part in ("val", "test")
        for name in ("top5_error", "class_mean_error")
    }
    assert without["curve_test_top5_error"] is without["test_top5_error"] is None
    selected, curve = row["selected_epoch"], row["curve_val_class_mean_error"]
    assert isinstance(selected, int)
    assert isinstance(curve, list)
    assert row["test_top5_error"] == row["curve_test_top5_error"][selected]  # type: ignore[index]
    assert row["val_class_mean_error"] == sum(curve[max(0, selected - 1) : selected + 1]) / min(2, selected + 1)
    assert len(curve) == 3
    resumed = PackTrainer(more.trials, data)
    resumed.load_state_dict(more.state_dict())
    assert resumed.rows() == more.rows()
