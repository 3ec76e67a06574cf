from __future__ import annotations

from typing import Any

import pytest

from sweeps.words.rules import notes, problems
from tests.sweeps.sets import facts, trials


@pytest.mark.parametrize(
    ("trial", "sentence"),
    [
        ({"normalizer": "in"}, "in with model mlp: a channel of a fully connected layer is one value; use ln or gn"),
        ({"normalizer": "ws+in", "model": "dgcnn"}, "in with model dgcnn: a channel of a fully connected layer is one"),
        ({"normalizer": "gn", "width": 16}, "gn with groups=16: a group of a layer of width=16 would be one value"),
        ({"normalizer": {"gn": {"groups": 9}}, "width": 7}, "gn with groups=9: a group of a layer of width=7"),
        ({"normalizer": "evonorm-s0", "width": 32}, "evonorm-s0 with groups=32: a group of a layer of width=32 would"),
        ({"normalizer": "evonorm-b0", "batch_size": 1}, "evonorm-b0 with batch_size=1: its batch statistic"),
        (
            {"activation": "own"},
            "activation=own with none: it brings none; for frn, evonorm-b0, evonorm-s0 alone: name",
        ),
        ({"normalizer": "ln", "width": 1}, "ln with width=1: a layer's only value is its own mean"),
        ({"normalizer": "cwn", "width": 1}, "cwn with width=1: less its mean, a unit's only weight is 0"),
        ({"normalizer": "ws", "width": 1}, "ws with width=1"),
        ({"normalizer": "cwo", "width": 1}, "cwo with width=1"),
        ({"normalizer": "wn+mbn", "batch_size": 1}, "wn+mbn with batch_size=1: its batch statistic"),
        ({"normalizer": "normprop", "dropout": 0.5}, "normprop with dropout=0.5: it changes the moments"),
        ({"normalizer": "normprop", "alpha_dropout": 0.1}, "normprop with alpha_dropout=0.1: it changes the moments"),
        (
            {"normalizer": {"normprop": {"data": "batch"}}, "batch_size": 1},
            "normprop with data=batch: a batch of 1 has no variance, it needs 2; use data=global",
        ),
    ],
)
def test_each_rule(trial: dict[str, Any], sentence: str) -> None:
    (found,) = problems(trials(**trial), facts)
    assert found.startswith(sentence)


@pytest.mark.parametrize(
    "trial",
    [
        {"normalizer": "in", "model": "resnet20"},
        {"normalizer": [{"gn": {"groups": 8}}, "ln", "ws", "wn"], "width": 16},
        {"normalizer": ["cwn", "ws", "wn", {"cwo": {"center": False}}], "width": 1, "depth": 1},
        {"normalizer": {"cwo": {"center": False}}, "width": 1},
        {"normalizer": ["normprop", "ln", "gn", "wn", "ws", "cwo"], "batch_size": 1},
        {"normalizer": ["rms", "frn", "evonorm-s0"], "batch_size": 1},
        {"normalizer": ["frn", "evonorm-s0"], "activation": "own"},
        {"normalizer": {"normprop": {"data": "batch"}}, "batch_size": 2},
    ],
)
def test_what_is_right_passes(trial: dict[str, Any]) -> None:
    assert problems(trials(**trial), facts) == []


def test_fewer_groups_are_told() -> None:
    told = ["gn with groups=6: width=32 makes 4 equal groups", "ws+gn with groups=6: width=32 makes 4 equal groups"]
    assert notes(trials(normalizer=[{"gn": {"groups": [6, 8]}}, {"ws+gn": {"groups": 6}}], width=32), facts) == told
    assert notes(trials(normalizer="gn", width=32), facts) == []


def test_normalizers_that_activate_are_told() -> None:
    made = trials(normalizer=["bn", "frn", "ws+evonorm-b0"], activation=["relu", "elu"])
    assert notes(made, facts) == [
        "activation=own in the trials of frn, ws+evonorm-b0: they activate as well, so that one training stands for "
        "all values of that axis"
    ]


def test_brn_that_never_differs_from_bn_is_told() -> None:
    """100 samples in batches of 20 are 5 steps an epoch: at 1,000 epochs brn is still bn."""
    (told,) = notes(trials(normalizer=["bn", "brn"], epochs=[10, 1000, 1001], seed="0..1"), facts)
    assert told == (
        "brn with ramp=1: 4 of its trials compute what bn does, bit for bit: it begins to differ after 5,000 steps "
        "times ramp, they have 5,000 at most; set a smaller ramp or more epochs"
    )
    (told,) = notes(trials(normalizer={"ws+brn": {"ramp": [0.001, 0.01]}}, epochs=10), facts)
    assert told.startswith("ws+brn with ramp=0.01: 1 of its trials compute what bn does")
    assert notes(trials(normalizer="brn", epochs=1001), facts) == []


@pytest.mark.parametrize(
    ("options", "sigma"), [({}, 1.0), ({"noise": "constant"}, 0.2), ({"noise": "constant", "sigma": 0.0}, 0.0)]
)
def test_the_noise_goes_by_its_kind_and_is_written_out(options: dict[str, Any], sigma: float) -> None:
    (trial,) = trials(normalizer={"cwo": options} if options else "cwo")
    assert trial.normalizer["sigma"] == sigma


@pytest.mark.parametrize("activation", ["relu", "elu", "tanh"])
def test_normprop_starts_as_its_paper_says(activation: str) -> None:
    (trial,) = trials(normalizer="normprop", activation=activation)
    assert trial.init == "glorot"
    (trial,) = trials(normalizer="normprop", activation=activation, init="he")
    assert trial.init == "he"
