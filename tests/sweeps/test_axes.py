from __future__ import annotations

import random
from typing import Any

import pytest

from sweeps.file.axes import uniform
from sweeps.words.choice import Choice
from tests.sweeps.sets import sweep, trials


def test_axes_multiply_the_first_slowest() -> None:
    made = trials(depth=[2, 4], seed="0..2")
    assert [(t.depth, t.seed) for t in made] == [(d, s) for d in (2, 4) for s in (0, 1, 2)]


def test_an_option_may_be_an_axis_of_its_own() -> None:
    made = trials(normalizer=["none", {"vcl": {"n": [2, 3], "weight": [0.01, 0.1]}}])
    assert [str(t.normalizer) for t in made] == [
        "none",
        "vcl(n=2, weight=0.01)",
        "vcl(n=2, weight=0.1)",
        "vcl(n=3, weight=0.01)",
        "vcl(n=3, weight=0.1)",
    ]


def test_a_list_option_is_one_value_and_a_list_of_lists_an_axis() -> None:
    (one,) = trials(schedule={"step": {"at": [10, 20]}})
    assert one.schedule["at"] == (10, 20)
    assert [t.schedule["at"] for t in trials(schedule={"step": {"at": [[10, 20], [5]]}})] == [(10, 20), (5,)]
    assert [t.schedule["at"] for t in trials(schedule={"step": {"at": 10}})] == [(10,)]


def test_whole_numbers_are_numbers() -> None:
    assert trials(lr=1) == trials(lr=1.0)
    assert type(trials(lr=1)[0].lr) is float


def test_duplicates_are_removed() -> None:
    assert len(trials(depth=[2, 4], where=[{"if": "depth=4", "depth": 2}])) == 1
    assert [t.init for t in trials(init=["auto", "he", "lecun"])] == ["he", "lecun"]
    assert (
        len(trials(zip=[{"lr": [0.1, 0.1], "momentum": [0.5, 0.5]}], random={"count": 3, "depth": {"choice": 4}})) == 1
    )


@pytest.mark.parametrize(
    ("trial", "sentence"),
    [
        ({"seed": [0, 0, 1]}, "'seed' is 0 twice here: each value makes its trials once, leave one out"),
        ({"seed": [1, "0..2"]}, "'seed' is 1 twice here"),
        ({"lr": [1, 1.0]}, "'lr' is 1.0 twice here"),
        ({"normalizer": ["vcl", {"vcl": {"n": 10}}]}, r"'normalizer' is vcl\(n=10, weight=0.01\) twice here"),
        ({"normalizer": {"vcl": {"n": [5, 5]}}}, r"'normalizer' is vcl\(n=5, weight=0.01\) twice here"),
        ({"random": {"count": 9, "depth": {"choice": [2, 2, 4]}}}, "'depth' is 2 twice here"),
    ],
)
def test_a_value_that_is_named_twice_is_refused(trial: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        trials(**trial)


def test_zip_ties_settings_and_multiplies_with_the_rest() -> None:
    made = trials(zip=[{"batch_size": [10, 50], "lr": [0.1, 0.5]}], normalizer=["none", "bn"])
    assert [(t.normalizer.name, t.batch_size, t.lr) for t in made] == [
        ("none", 10, 0.1),
        ("none", 50, 0.5),
        ("bn", 10, 0.1),
        ("bn", 50, 0.5),
    ]


def test_random_draws_are_the_same_everywhere_and_a_larger_count_keeps_them() -> None:
    drawn = {
        "lr": {"loguniform": [1e-4, 1e-1]},
        "width": {"integers": [8, 16]},
        "activation": {"choice": ["elu", "selu"]},
    }
    few = trials(random={"count": 20, "seed": 3, **drawn})
    random.seed(1)
    many = trials(random={"count": 200, "seed": 3, **drawn})
    assert many[:20] == few
    assert all(1e-4 <= t.lr <= 1e-1 for t in many)
    assert sum(t.lr < 10**-2.5 for t in many) == pytest.approx(100, abs=30)
    assert {t.width for t in many} == set(range(8, 17))
    assert {t.activation.name for t in many} == {"elu", "selu"}
    assert trials(random={"count": 20, "seed": 4, **drawn}) != few
    assert [t.lr for t in trials(random={"count": 20, "seed": 3, "lr": drawn["lr"]})] == [t.lr for t in few]


def test_drawn_numbers_never_change() -> None:
    assert uniform(0, "lr", 0) == 0.8468404028066843
    assert [t.lr for t in trials(random={"count": 2, "lr": {"loguniform": [1e-4, 1e-1]}})] == [0.0347153, 0.00281495]
    assert [t.lr for t in trials(random={"count": 1, "lr": {"uniform": [0, 2]}})] == [1.69368]


def test_where_applies_in_order() -> None:
    made = trials(
        activation=["relu", "selu"],
        dropout=0.5,
        where=[
            {"if": "activation=selu", "dropout": 0, "alpha_dropout": 0.05, "init": "glorot"},
            {"if": "dropout=0", "normalizer": {"vcl": {"n": 5}}},
        ],
    )
    assert [(t.dropout, t.alpha_dropout, t.init) for t in made] == [(0.5, 0.0, "he"), (0.0, 0.05, "glorot")]
    assert [t.normalizer for t in made] == [Choice("none"), Choice.of("vcl", {"n": 5, "weight": 0.01})]


def test_exclude_sees_the_settled_combination() -> None:
    made = trials(
        normalizer=["none", "bn", {"vcl": {"n": [2, 5]}}],
        batch_size=[1, 20],
        exclude=["normalizer=bn batch_size=1", "n>2", "init=lecun"],
        activation=["relu", "elu"],
    )
    assert [(t.normalizer.name, t.batch_size) for t in made] == [
        ("none", 1),
        ("none", 20),
        ("bn", 20),
        ("vcl", 1),
        ("vcl", 20),
    ]
    assert {t.normalizer["n"] for t in made if t.normalizer.name == "vcl"} == {2}


def test_the_initialization_follows_the_activation() -> None:
    assert [t.init for t in trials(activation=["relu", "elu", "selu"])] == ["he", "lecun", "lecun"]
    assert [t.init for t in trials(activation=["relu", "elu"], init="glorot")] == ["glorot", "glorot"]


def test_the_learning_rate_scales_with_the_batch() -> None:
    made = trials(batch_size=[4, 128], lr=[0.1, 0.3], lr_reference_batch=128)
    assert [(t.batch_size, t.lr) for t in made] == [(4, 0.003125), (4, 0.009375), (128, 0.1), (128, 0.3)]
    assert trials(lr_reference_batch=0) == trials()


def test_a_composition_is_named_in_the_order_of_its_points() -> None:
    with pytest.raises(ValueError, match="'none' and 'vcl' do not compose: one of them does nothing"):
        sweep(normalizer="none+vcl")
    with pytest.raises(ValueError, match="'bn' and 'bn' do not compose: both act at 'after'"):
        sweep(normalizer="bn+bn")
    with pytest.raises(ValueError, match="unknown normalizer 'vlc': did you mean vcl"):
        sweep(normalizer="bn+vlc")
    (one,) = trials(normalizer={"vcl+bn": {"n": 3}})
    assert one.normalizer.name == "bn+vcl"
    assert one.normalizer["n"] == 3
    assert trials(normalizer={"bn+vcl": {"n": 3}}) == [one]


def test_a_normalizer_that_activates_is_trained_once_for_all_activations() -> None:
    made = trials(normalizer=["bn", "frn", "ws+frn"], activation=["relu", "elu"], init="auto", seed="0..1")
    assert [(t.normalizer.name, t.activation.name, t.init, t.seed) for t in made if t.normalizer.name != "bn"] == [
        ("frn", "own", "he", 0),
        ("frn", "own", "he", 1),
        ("ws+frn", "own", "he", 0),
        ("ws+frn", "own", "he", 1),
    ]
    assert [(t.activation.name, t.init) for t in made if t.normalizer.name == "bn"][::2] == [
        ("relu", "he"),
        ("elu", "lecun"),
    ]


def test_special_cases_match_the_activation_that_is_trained() -> None:
    of_elu = {"if": "activation=elu", "dropout": 0.2}
    made = trials(normalizer=["bn", "frn"], activation=["relu", "elu"], where=[of_elu])
    assert [(t.normalizer.name, t.activation.name, t.dropout) for t in made] == [
        ("bn", "relu", 0.0),
        ("bn", "elu", 0.2),
        ("frn", "own", 0.0),
    ]
    small = {"if": "normalizer=evonorm-b0 batch_size=1", "normalizer": "gn"}
    made = trials(normalizer="evonorm-b0", activation=["relu", "elu"], batch_size=[1, 2], where=[small])
    assert sorted((t.normalizer.name, t.activation.name, t.batch_size) for t in made) == [
        ("evonorm-b0", "own", 2),
        ("gn", "elu", 1),
        ("gn", "relu", 1),
    ]
    (one,) = trials(normalizer="bn", where=[{"if": "normalizer=bn", "normalizer": "frn", "activation": "elu"}])
    assert str(one.activation) == "own"
