"""The settings that say how weights move: in sweep files, ids, selectors, columns and rules."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from sweeps.columns import settings
from sweeps.file.changes import changes
from sweeps.file.schema import sweep_schema
from sweeps.file.spec import SweepSpec
from sweeps.plan import by_id, packs
from sweeps.select import Selector
from sweeps.trial import Trial, completed, younger
from sweeps.words.choice import Choice
from sweeps.words.optimizers import OPTIMIZERS
from sweeps.words.rules import problems
from tests.sweeps.sets import facts, sweep, trials

YOUNGER = {"optimizer", "warmup", "warmup_steps", "clip_norm", "label_smoothing", "ema", "metrics", "record"}
CHANGED: dict[str, Any] = {
    "optimizer": {"adamw": {"betas": [0.9, 0.95]}},
    "warmup": 1.5,
    "warmup_steps": 10,
    "clip_norm": 1.0,
    "label_smoothing": 0.1,
    "ema": 0.99,
    "metrics": ["class-mean"],
    "record": "kurtosis",
}


def test_at_their_defaults_they_are_left_out_of_ids() -> None:
    (trial,) = trials()
    assert set(younger()) == YOUNGER
    assert YOUNGER.isdisjoint(trial.as_json())
    assert completed(trial.as_json()).keys() >= YOUNGER
    assert Trial.from_json(trial.as_json()) == trial
    assert trials(optimizer="sgd", warmup=0, clip_norm=0, ema=[0])[0].id == trial.id


@pytest.mark.parametrize("name", CHANGED)
def test_each_enters_the_id_elsewhere(name: str) -> None:
    (usual,), (other,) = trials(), trials(**{name: CHANGED[name]})
    assert other.as_json().keys() - usual.as_json().keys() == {name}
    assert other.id != usual.id
    assert Trial.from_json(other.as_json()) == other
    mixed = [usual, other, replace(usual, seed=7), replace(other, seed=7)]
    assert list(by_id([Trial.from_json(t.as_json()) for t in mixed])) == [t.id for t in mixed]


def test_a_recorded_sweep_says_them_where_they_are_not_the_default() -> None:
    usual, other = sweep(), sweep(**CHANGED)
    assert YOUNGER.isdisjoint(usual.as_json()["trial"])
    assert other.as_json()["trial"].keys() >= YOUNGER
    assert SweepSpec.from_json(other.as_json()) == other
    assert changes(usual, sweep(optimizer=["sgd", "lion"], ema=0.9)) == [
        "optimizer: adds lion(betas=[0.9, 0.99])",
        "ema: 0.0 becomes 0.9",
    ]


def test_optimizers_are_packed_apart_and_their_values_together() -> None:
    made = trials(
        optimizer=["sgd", {"adamw": {"betas": [[0.9, 0.999], [0.8, 0.9]], "eps": [1e-8, 1e-6]}}],
        warmup=[0, 2],
        clip_norm=[0, 1],
        label_smoothing=[0, 0.1],
        ema=[0, 0.9],
    )
    assert [len(pack.trials) for pack in packs(made, facts, 100)] in ([16, 64], [64, 16])
    assert {t.optimizer["betas"] for t in made if t.optimizer.name == "adamw"} == {(0.9, 0.999), (0.8, 0.9)}


def test_selectors_and_columns() -> None:
    made = trials(optimizer=["sgd", {"adamw": {"betas": [[0.9, 0.999], [0.8, 0.95]]}}], clip_norm=[0, 1])

    def chosen(selector: str) -> int:
        return sum(Selector.parse(selector).matches(t) for t in made)

    assert chosen("optimizer=adamw") == 4
    assert chosen("optimizer=adamw betas=0.95") == chosen("optimizer.betas=0.9") == 2
    assert chosen("betas=0.9..1") == 4  # any number of the list
    assert chosen("optimizer!=sgd betas!=0.999") == 2
    assert chosen("clip_norm>0 optimizer=sgd") == 1
    columns = settings([t.as_json() for t in made])
    assert columns["optimizer"] == ["sgd"] * 2 + ["adamw"] * 4
    assert columns["optimizer.betas"] == [None] * 2 + ["[0.9,0.999]"] * 2 + ["[0.8,0.95]"] * 2
    assert columns["clip_norm"] == [0.0, 1.0] * 3
    assert columns["ema"] == [0.0] * 6


def test_a_sweep_sets_momentum_where_the_optimizer_has_one() -> None:
    made = trials(optimizer=["sgd", "adam"], where=[{"if": "optimizer=sgd", "momentum": 0.9}])
    assert [(t.optimizer.name, t.momentum) for t in made] == [("sgd", 0.9), ("adam", 0.0)]
    assert problems(made, facts) == []


@pytest.mark.parametrize(
    ("trial", "sentence"),
    [
        (
            {"optimizer": "adam", "momentum": 0.9},
            "adam with momentum=0.9: it has none; for sgd, rmsprop, lars, muon alone: "
            'where: [{if: "optimizer=sgd,rmsprop,lars,muon", momentum: 0.9}]',
        ),
        (
            {"optimizer": "lars", "momentum": 0.9, "nesterov": True},
            "lars with nesterov=true: it has none; for sgd, muon alone: "
            'where: [{if: "optimizer=sgd,muon", nesterov: true}]',
        ),
        ({"optimizer": {"adam": {"betas": [0.9, 1]}}}, "adam with betas=[0.9, 1.0]: each must be below 1"),
        ({"optimizer": {"rmsprop": {"rho": 1}}}, "rmsprop with rho=1.0: must be below 1"),
        (
            {"optimizer": {"adamw": {"eps": 0}}},
            "adamw with eps=0: a weight whose gradients are 0 becomes NaN; use 1e-8",
        ),
        ({"ema": 1}, "ema=1 must be below 1"),
        ({"label_smoothing": 1}, "label_smoothing=1 must be below 1"),
        (
            {"warmup": 1, "warmup_steps": 1},
            "warmup=1 and warmup_steps=1: each says how long it is; give one",
        ),
        (
            {"warmup": 3.5, "epochs": 3},
            "warmup=3.5: it takes 17.5 steps, and training has 15: lr is never reached; shorten it",
        ),
        (
            {"warmup_steps": 16, "epochs": 3},
            "warmup_steps=16: it takes 16 steps, and training has 15: lr is never reached; shorten it",
        ),
    ],
)
def test_each_rule(trial: dict[str, Any], sentence: str) -> None:
    assert problems(trials(**trial), facts) == [f"{sentence} (1 trial)"]


@pytest.mark.parametrize(
    ("trial", "sentence"),
    [
        ({"optimizer": "adma"}, "unknown optimizer 'adma': did you mean adam"),
        ({"optimizer": {"adam": {"beta": 0.9}}}, "unknown option of optimizer adam 'beta': did you mean betas?"),
        ({"optimizer": {"adam": {"betas": 0.9}}}, "'betas' is a list of 2 numbers, not 0.9"),
        (
            {"optimizer": {"adam": {"betas": [0.9, 0.99, 0.999]}}},
            "'betas' is a list of 2 numbers, not [0.9, 0.99, 0.999]",
        ),
        ({"optimizer": {"adam": {"betas": [0.9, 1.5]}}}, "'betas' must be 0 to 1, not 1.5"),
        ({"optimizer": {"sgd": {"momentum": 0.9}}}, "optimizer sgd has no options"),
        ({"clip_norm": -1}, "'clip_norm' must be at least 0, not -1"),
        ({"warmup_steps": 1.5}, "'warmup_steps' is a whole number, not 1.5"),
    ],
)
def test_bad_values_are_one_sentence(trial: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError) as told:
        sweep(**trial)
    (line,) = str(told.value).splitlines()
    assert sentence in line


def test_editors_know_them() -> None:
    validator = jsonschema.Draft202012Validator(sweep_schema())

    def valid(**trial: Any) -> bool:
        return validator.is_valid({"trial": {"dataset": "some", **trial}})

    assert valid(**CHANGED)
    assert valid(optimizer=["sgd", {"adam": {"betas": [[0.9, 0.99], [0.8, 0.9]]}}])
    assert not valid(optimizer={"adam": {"betas": [0.9]}})
    assert not valid(optimizer={"adam": {"betas": 0.9}})
    assert not valid(optimizer="adma")
    assert not valid(ema=2)


def test_every_optimizer_has_a_source_and_defaults_that_pass() -> None:
    for name, entry in OPTIMIZERS.items():
        assert entry.source
        (trial,) = trials(optimizer=name)
        assert trial.optimizer == Choice.of(name, {option: spec.default for option, spec in entry.options.items()})
        assert problems([trial], facts) == []
        assert all(option.packs for option in entry.options.values())
