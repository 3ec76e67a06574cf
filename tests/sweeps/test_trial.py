from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from sweeps.choice import Choice
from sweeps.trial import Trial
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
