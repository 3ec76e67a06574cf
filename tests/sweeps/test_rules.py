from __future__ import annotations

from typing import Any

import pytest

from sweeps.words.rules import check, divided, problems
from tests.sweeps.sets import facts, trials


def told(**trial: Any) -> list[str]:
    return problems(trials(**trial), facts)


@pytest.mark.parametrize(
    ("trial", "sentence"),
    [
        (
            {"normalizer": "vcl", "batch_size": 19},
            "vcl with n=10: a batch of 19 has no two subsets of 10 samples; use n <= 9",
        ),
        (
            {"normalizer": {"vcl": {"n": 2}}, "batch_size": 3},
            "vcl with n=2: a batch of 3 has no two subsets of 2 samples; use a batch of 4 at least",
        ),
        (
            {"normalizer": "vcl", "batch_size": 20, "shards": 2},
            "vcl with n=10: a batch of 10 has no two subsets of 10 samples; use n <= 5",
        ),
        (
            {"normalizer": "bn", "batch_size": 4, "shards": 4},
            "bn with batch_size=4 in shards=4: its batch statistic would be taken over 1 value, it needs 2; "
            "with its option sync=true it would be the whole batch; methods that allow it: none",
        ),
        (
            {"normalizer": {"bn+vcl": {"n": 2, "sync": True}}, "shards": 2},
            "bn+vcl with sync=true in shards=2: vcl takes its statistics over each shard alone; "
            "use shards=1 or sync=false",
        ),
        (
            {"normalizer": "gbn", "batch_size": 32, "shards": 2},
            "gbn with size=10: 10 does not divide a batch of 16; use a divisor of it",
        ),
        ({"batch_size": 21, "shards": 2}, "batch_size=21 does not divide into shards=2"),
        (
            {"dataset": "tiny"},
            "batch_size=20 exceeds the 10 training samples of tiny: an incomplete batch is dropped, "
            "so nothing would be left",
        ),
        ({"split": 3}, "split 3 of some: it has splits 0..2"),
        (
            {"schedule": {"step": {"at": [180, 280, 380], "factor": [0.4, 0.1]}}},
            "schedule step(at=[180 280 380], factor=[0.4 0.1], unit=epoch): 2 factors for 3 places in `at`; "
            "give one factor for all, or one for each",
        ),
        ({"nesterov": True}, "nesterov=true needs a momentum above 0"),
        ({"dropout": 1}, "dropout=1 must be below 1"),
        ({"momentum": 1}, "momentum=1 must be below 1"),
    ],
)
def test_each_rule(trial: dict[str, Any], sentence: str) -> None:
    (found,) = told(**trial)
    assert found.startswith(sentence)
    assert found.endswith(" (1 trial)")


def test_bn_over_one_value_names_methods_that_allow_it() -> None:
    (found,) = told(normalizer=["none", "bn"], batch_size=1)
    assert found.startswith("bn with batch_size=1: its batch statistic would be taken over 1 value, it needs 2;")
    assert "methods that allow it: none" in found


def test_devices_divide_the_shards() -> None:
    made = trials(normalizer="bn", shards=4, batch_size=20)
    divided(made, 1, 0.25)
    divided(made, 2, 0.0)
    with pytest.raises(ValueError, match=r"run.devices=3 does not divide shards=4 of some with bn: set shards to 3"):
        divided(made, 3, 0.0)
    with pytest.raises(ValueError, match=r"run.gpus=0.5 with run.devices=2: a device has whole GPUs"):
        divided(made, 2, 0.5)


def test_what_is_right_passes() -> None:
    assert told(normalizer=["none", "bn", {"vcl": {"n": [2, 10]}}], batch_size=[20, 100], split=[0, 1, 2]) == [
        "batch_size=100 exceeds the 99 training samples of some: an incomplete batch is dropped, "
        "so nothing would be left (4 trials)"
    ]
    check(trials(normalizer=["none", "bn", "vcl"], momentum=0.9, nesterov=True), facts)
    check(trials(schedule=[{"step": {"at": [1, 2], "factor": f}} for f in (0.1, [0.1, 0.5])]), facts)
    check(trials(normalizer={"bn": {"sync": True}}, batch_size=4, shards=4), facts)


def test_all_distinct_problems_are_told_at_once_ten_in_full() -> None:
    made = trials(normalizer=["bn", {"vcl": {"n": "11..25"}}], seed="0..3")
    assert len(problems(made, facts)) == 15
    with pytest.raises(ValueError, match=r"vcl with n=11.*\(4 trials\)") as caught:
        check(made, facts)
    lines = str(caught.value).splitlines()
    assert len(lines) == 11
    assert lines[-1] == "... and 5 more"
