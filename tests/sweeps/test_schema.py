"""The JSON Schema of a sweep file takes what `check` takes, and refuses what an editor can see."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from sweeps.file.parse import parse
from sweeps.file.schema import sweep_schema
from sweeps.file.spec import PRESETS, SweepSpec, load_spec, presets
from sweeps.words.declared import LARGEST
from sweeps.words.settings import DECLARED, LISTS

VALIDATOR = jsonschema.Draft202012Validator(sweep_schema())


def refused(data: object) -> bool:
    return not VALIDATOR.is_valid(data)


def test_it_is_a_schema_that_names_every_setting() -> None:
    schema = json.loads(json.dumps(sweep_schema()))
    jsonschema.Draft202012Validator.check_schema(schema)
    trial = schema["properties"]["trial"]["properties"]
    for name, option in DECLARED.items():
        assert trial[name]["description"] == option.help
        assert trial[name].get("default") == (list(option.default) if name in LISTS else option.default)
    assert schema["$defs"]["epochs"] == {"type": "integer", "minimum": 0, "maximum": LARGEST}
    assert schema["$defs"]["seed"] == {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}
    assert schema["$defs"]["init"]["enum"] == ["auto", "he", "lecun", "glorot"]
    vcl = schema["$defs"]["normalizer"]["anyOf"][-1]["properties"]["vcl"]
    assert vcl["properties"]["n"]["default"] == 10


@pytest.mark.parametrize("name", presets())
def test_every_preset_is_valid_as_it_stands_and_with_its_defaults(name: str) -> None:
    VALIDATOR.validate(parse((PRESETS / f"{name}.yaml").read_text(), name).data())
    VALIDATOR.validate(json.loads(json.dumps(load_spec(name).as_json())))


RIGHT: list[dict[str, Any]] = [
    {"normalizer": ["none", "ws+bn", {"vcl+bn": {"n": [2, "3..5"]}}, {"bn": None}, {"cwo": {"sigma": None}}]},
    {"schedule": {"step": {"at": [[1, 2], [3]], "factor": [0.4, 0.1]}}, "depth": ["1..4", 8], "seed": "0..9"},
    {
        "zip": {"lr": [0.1, 0.2], "momentum": [0, 0.9]},
        "random": {"count": 3, "seed": 1, "dropout": {"uniform": [0, 1]}},
    },
    {"zip": [{"lr": 0.1}], "random": {"count": 3, "activation": {"choice": ["relu", "elu"]}}},
    {"where": {"if": "seed=1", "lr": 1, "normalizer": "bn"}, "exclude": "seed=2", "lr_reference_batch": 128},
    {"where": None, "exclude": ["seed=1"], "model": {"resnet18": {"repeats": [1, 1, 1, 1], "width": 0.5}}},
]


@pytest.mark.parametrize("trial", RIGHT)
def test_what_check_takes_is_valid(trial: dict[str, Any]) -> None:
    data = {"trial": {"dataset": "wine", **trial}, "run": None, "analysis": {"select": {"over": ["depth"]}}}
    SweepSpec.from_json(data)
    VALIDATOR.validate(data)


WRONG: list[dict[str, Any]] = [
    {"dpeth": 2},
    {"depth": "four"},
    {"depth": 0},
    {"depth": []},
    {"lr": "0..9"},
    {"dropout": 1.5},
    {"nesterov": "yes"},
    {"init": "hee"},
    {"normalizer": "bnn"},
    {"normalizer": "ws+bnn"},
    {"normalizer": {"vcl": {"m": 2}}},
    {"normalizer": {"vcl": {"n": 1}}},
    {"normalizer": {"ws+bn": {"m": 1}}},
    {"normalizer": {"bn": {}, "vcl": {}}},
    {"zip": [{"lrr": [1]}]},
    {"random": {"lr": {"uniform": [0, 1]}}},
    {"random": {"count": 2, "lr": {"unifrom": [0, 1]}}},
    {"where": [{"dropout": 0}]},
    {"exclude": [3]},
]


@pytest.mark.parametrize("trial", WRONG)
def test_what_check_refuses_in_the_trial_is_invalid(trial: dict[str, Any]) -> None:
    data = {"trial": {"dataset": "wine", **trial}}
    with pytest.raises(ValueError):
        SweepSpec.from_json(data)
    assert refused(data)


@pytest.mark.parametrize(
    "more",
    [
        {"trail": {}},
        {"name": "a/b"},
        {"run": {"pak": 2}},
        {"run": {"pack": 0}},
        {"run": {"compile": 1}},
        {"analysis": {"metric": "eror"}},
        {"analysis": {"average": ["sed"]}},
        {"analysis": {"select": {"by": "val_error"}}},
    ],
)
def test_what_check_refuses_beside_it_is_invalid(more: dict[str, Any]) -> None:
    data = {"trial": {"dataset": "wine"}, **more}
    with pytest.raises(ValueError):
        SweepSpec.from_json(data)
    assert refused(data)


def test_plugins_are_files() -> None:
    trial = {"dataset": "wine"}
    assert not refused({"trial": trial, "plugins": ["rms.py"]})
    assert refused({"trial": trial, "plugins": [1]})


def test_a_sweep_without_a_trial_is_none() -> None:
    assert refused({"name": "x"})
    assert refused([])
