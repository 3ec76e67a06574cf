from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from sweeps.plan import by_id
from sweeps.trial import Trial
from sweeps.words.choice import Choice
from tests.sweeps.sets import trials

GOLDEN = Path(__file__).parent / "golden_trials.json"


def test_ids_never_change() -> None:
    """Every result ever recorded bears one of these names: a change here orphans it. Raise `SCHEMA` instead."""
    table = json.loads(GOLDEN.read_text())
    assert len(table) >= 4
    for row in table:
        trial = Trial.from_json(row["trial"])
        assert trial.as_json() == row["trial"]
        assert trial.id == row["id"]
    assert list(by_id([Trial.from_json(row["trial"]) for row in table])) == [row["id"] for row in table]


def test_ids_of_many_trials_are_those_of_each() -> None:
    made = trials(dataset=["some", "other"], normalizer=["none", {"vcl": {"n": [2, 5]}}], lr=[0.1, 1e-7], seed="0..2")
    # Equal and yet another text: a whole number, a float, a truth value, a zero with its sign.
    alike = [replace(made[0], lr=value) for value in (1, 1.0, True, 0.0, -0.0, 0)]
    alike += [replace(made[0], normalizer=Choice("gn", (("groups", value),))) for value in (1, 1.0, (1, 2.0))]
    alone = [Trial.from_json(trial.as_json()).id for trial in (*made, *alike)]
    assert len(set(alone)) == len(alone)
    assert list(by_id([*made, *alike])) == alone
    assert [trial.id for trial in by_id(made).values()] == alone[: len(made)]


def test_every_field_enters_the_id() -> None:
    (trial,) = trials()
    ids = {trial.id}
    for name, value in vars(trial).items():
        if name != "id":
            other: object = Choice(value.name, (("x", 1),)) if isinstance(value, Choice) else f"{value}x"
            ids.add(replace(trial, **{name: other}).id)
    assert len(ids) == len(vars(trial))


def test_a_trial_returns_from_its_json() -> None:
    (trial,) = trials(schedule={"step": {"at": [3, 5]}}, normalizer="vcl")
    assert Trial.from_json(json.loads(trial.canonical())) == trial
    assert Trial.from_json(json.loads(trial.canonical())).id == trial.id


def test_another_schema_is_refused() -> None:
    data = trials()[0].as_json() | {"schema": 99}
    with pytest.raises(ValueError, match="a trial of schema 99; this program reads schema 1: update it"):
        Trial.from_json(data)
