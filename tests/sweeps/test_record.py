"""`record` and `metrics`: one value that is a list, hashed, in an order of its own."""

from __future__ import annotations

from typing import Any

import pytest

from sweeps.file.changes import changes
from sweeps.file.spec import SweepSpec
from sweeps.plan import packs
from sweeps.select import Selector
from sweeps.trial import Trial
from sweeps.words.choice import Choice
from sweeps.words.rules import problems
from tests.sweeps.sets import facts, sweep, trials

KURTOSIS = {"kurtosis": {"when": "end", "samples": 7}}


def one(**settings: Any) -> Trial:
    (trial,) = trials(**settings)
    return trial


def test_trials_that_record_nothing_keep_their_ids() -> None:
    plain = one()
    assert one(record=[], metrics=["error"]).id == one(record=None, metrics="error").id == plain.id
    assert not {"record", "metrics"} & plain.as_json().keys()
    assert len({plain.id, one(record="kurtosis").id, one(record=KURTOSIS).id, one(metrics="class-mean").id}) == 4


def test_a_list_is_one_value_and_its_order_means_nothing() -> None:
    trial = one(metrics=["class-mean", "top5"], record=[KURTOSIS])
    assert trial.metrics == tuple(map(Choice, ("class-mean", "error", "top5")))
    assert one(metrics=["top5", "error", "class-mean"], record=KURTOSIS) == trial
    assert Trial.from_json(trial.as_json()) == trial
    (choice,) = trial.record
    assert choice.as_dict() == {"of": "validation", "samples": 7, "when": "end"}


def test_a_sweep_returns_from_its_json() -> None:
    spec = sweep(record=["kurtosis"], metrics=["top5"], where=[{"if": "seed=1", "record": []}], seed="0..1")
    assert SweepSpec.from_json(spec.as_json()) == spec
    assert {"seed: adds 1", "metrics: adds top5"} < {*changes(sweep(), spec)}
    assert any(line.startswith("record: adds kurtosis(") for line in changes(sweep(), spec))


def test_those_that_record_the_same_are_packed_together() -> None:
    made = trials(seed="0..3", record="kurtosis", where=[{"if": "seed=2..3", "record": KURTOSIS}])
    assert sorted(sorted(t.seed for t in pack.trials) for pack in packs(made, facts, 8)) == [[0, 1], [2, 3]]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"record": "curtosis"}, "unknown probe 'curtosis': did you mean kurtosis?"),
        ({"record": [KURTOSIS, "kurtosis"]}, "'record' names kurtosis twice: leave one out"),
        ({"record": {"kurtosis": {"when": ["end", "ends"]}}}, "'record' names kurtosis twice: leave one out"),
        ({"record": {"kurtosis": {"samples": -1}}}, "'samples' must be at least 0, not -1"),
        ({"record": {"kurtosis": {"n": 1}}}, "unknown option of record kurtosis 'n': known are of, samples, when"),
        ({"metrics": ["top4"]}, "unknown metric 'top4': did you mean top5?"),
        ({"metrics": ["top5", "top5"]}, "'metrics' names top5 twice: leave one out"),
        ({"metrics": [["top5"]]}, "'metrics' is a name or {name: {option: value}}, not ['top5']"),
        ({"metrics": {"top5": {"k": 3}}}, "metrics top5 has no options"),
    ],
)
def test_what_is_wrong_is_told(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError) as error:
        sweep(**settings)
    assert str(error.value).endswith(sentence)


def test_what_nothing_could_be_recorded_of_is_a_problem() -> None:
    (told,) = problems(trials(metrics=["top5"]), facts)
    assert told.startswith("metrics with top5: some has 3 classes, so top5 is always 0")
    (told,) = problems(trials(epochs=0), facts)
    assert told.startswith("epochs=0 without record")
    assert problems(trials(epochs=0, record="kurtosis"), facts) == []


def test_a_selector_matches_a_name_of_the_list() -> None:
    trial = one(record=KURTOSIS, metrics="class-mean")
    assert Selector.parse("record=kurtosis metrics=class-mean").matches(trial)
    assert Selector.parse("record!=kurtosis").matches(one())
    assert not Selector.parse("metrics=top5").matches(trial)
