"""Selectors of a sweep: a value that no trial can have is a mistake, a clause that matches nothing a warning."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sweeps.file.clauses import problems, valid, warnings
from sweeps.file.spec import SweepSpec, load_spec
from sweeps.select import Selector
from tests.sweeps.sets import sweep


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("normalizer=bnn", "'normalizer=bnn': unknown normalizer 'bnn': did you mean bn"),
        ("normalizer!=bnn", "'normalizer!=bnn': unknown normalizer 'bnn': did you mean bn"),
        ("normalizer=bn,xyz", "'normalizer=bn,xyz': unknown normalizer 'xyz': known are"),
        ("normalizer==bn", "'normalizer==bn' has two `=`: write normalizer=bn"),
        ("normalizer=ws+bm", "'normalizer=ws+bm': unknown normalizer 'bm': known are"),
        ("normalizer=bn+ws", "'normalizer=bn+ws': the composition 'bn+ws' is called ws+bn"),
        ("normalizer=bn+ln", "'normalizer=bn+ln': 'bn' and 'ln' do not compose: both act at 'after'"),
        ("activation=rellu", "unknown activation 'rellu': did you mean relu"),
        ("model=mpl", "unknown model 'mpl': did you mean mlp"),
        ("schedule=cosin", "unknown schedule 'cosin': did you mean cosine"),
        ("augment=flop", "unknown augment 'flop': did you mean flip"),
        ("init=hee", "unknown value of 'init' 'hee': did you mean he?"),
        ("precision=float23", "unknown value of 'precision' 'float23': did you mean float32"),
        ("standardize=trian", "unknown value of 'standardize' 'trian': did you mean train"),
        ("nesterov=yes", "'nesterov' is true or false, not 'yes'"),
        ("depth=four", "'depth' is a number, not 'four'"),
        ("depth<four", "'depth<four': 'depth' is a number, not 'four'"),
        ("n=two", "'n' is a number, not 'two'"),
        ("normalizer.noise=linaer", "unknown value of 'normalizer.noise' 'linaer': did you mean linear?"),
    ],
)
def test_a_value_that_no_trial_can_have(tmp_path: Path, text: str, told: str) -> None:
    (sentence,) = problems(Selector.parse(text))
    assert told in sentence
    with pytest.raises(ValueError) as refused:
        valid(Selector.parse(text))
    assert str(refused.value) == sentence
    file = tmp_path / "f.yaml"
    for key, place in (('exclude: ["normalizer=bn depth=3", "%s"]', "2:38"), ('where: [{if: "%s", lr: 1}]', "2:16")):
        file.write_text(f"trial: {{dataset: a,\n  {key % text}}}\n")
        with pytest.raises(ValueError) as refused:
            load_spec(file)
        assert str(refused.value) == f"{file}:{place}: {sentence}"


@pytest.mark.parametrize(
    "text",
    [
        "normalizer=b*",
        "normalizer=xyz*,?",
        "normalizer=ws+bn,none",
        "activation!=relu",
        "dataset=any",
        "init=auto,he",
        "nesterov=true,False",
        "seed=0..3,7",
        "lr<=1e-3",
        "normalizer>=b",
        "affine=frozen,true",
        "at=*10*",
        "state=failed val_error<0.1",
        "sigma=null",
    ],
)
def test_what_a_trial_can_have_and_what_is_not_a_setting_passes(text: str) -> None:
    assert problems(Selector.parse(text)) == []


def test_every_wrong_value_is_told() -> None:
    assert len(problems(Selector.parse("normalizer=xyz,bnn init=hee depth=x"))) == 4
    assert valid(None) is None


def test_what_an_older_normsweep_recorded_is_still_read() -> None:
    spec = sweep(exclude=["normalizer=bnn", "normalizer==bn"], where=[{"if": "activation=rellu", "lr": 1}])
    assert SweepSpec.from_json(spec.as_json()) == spec


def warned(selector: str = "", **trial: object) -> list[str]:
    spec = sweep(dataset=["wine", "titanic"], seed="0..2", normalizer=["none", "bn"], **trial)
    return warnings(spec.trial, Selector.parse(selector))


def test_entries_that_match_no_trial_are_warned_of() -> None:
    assert warned(exclude=["seed=2", "normalizer=bn seed<2"], where=[{"if": "dataset=wine", "lr": 1}]) == []
    assert warned(where=[{"if": "seed>3", "lr": 1}, {"if": "seed<9", "lr": 2}]) == ["where: 'seed>3' matches no trial"]
    assert warned(exclude=["n=3", "normalizer=w* seed=1", "seed=0"]) == [
        "exclude: 'n=3' matches no trial",
        "exclude: 'normalizer=w* seed=1' matches no trial",
    ]


def test_an_entry_is_seen_as_it_is_applied() -> None:
    """`where` changes what later entries match; what one `exclude` leaves out another may match as well."""
    settings = [{"if": "seed=1", "depth": 9}, {"if": "depth=9", "lr": 1}]
    assert warned(where=settings, exclude=["depth=9", "seed=1", "init=auto"]) == [
        "exclude: 'init=auto' matches no trial"
    ]


def test_data_sets_that_the_sweep_does_not_have_are_warned_of() -> None:
    assert warned(exclude=["dataset=wien", "dataset=wine,iris", "dataset=t*"]) == [
        "exclude: 'dataset=wien' matches no trial: it names wien, which is no data set of this sweep; "
        "did you mean wine?",
        "exclude: 'dataset=wine,iris' names iris, which is no data set of this sweep",
    ]
    assert warned("dataset=wine,titanc") == [
        "-w: 'dataset=wine,titanc' names titanc, which is no data set of this sweep; did you mean titanic?"
    ]
    assert warned("dataset!=wine") == []


def test_draws_and_rows_that_coincide_are_warned_of() -> None:
    draws = {"count": 500, "depth": {"choice": [1, 2, 3, 4, 5]}}
    assert warned(random=draws) == ["random: of its 500 rows 5 differ; equal ones make the same trials"]
    assert warned(random={"count": 500, "lr": {"uniform": [0, 1]}}) == []
    assert warned(zip=[{"lr": [1, 2, 1], "depth": [3, 4, 3]}, {"width": [1, 2]}]) == [
        "zip: of its 3 rows 2 differ; equal ones make the same trials"
    ]


@pytest.mark.parametrize(
    ("analysis", "told"),
    [
        ({"baseline": "bn"}, []),
        ({"baseline": "bn(affine=False)"}, []),
        ({"baseline": "vcl"}, ["baseline: unknown normalizer of this sweep 'vcl': known are bn, none"]),
        ({"compare": ("bn vs none", "relu, bn(affine=False, sync=True) vs relu, none")}, []),
        ({"compare": ("bn vs foo",)}, ["compare: unknown normalizer of this sweep 'foo': known are bn, none"]),
        ({"compare": ("4 vs 8",), "columns": ("depth",)}, []),
    ],
)
def test_a_method_that_the_sweep_does_not_have_is_warned_of(analysis: dict[str, Any], told: list[str]) -> None:
    spec = sweep(dataset="wine", normalizer=["none", "bn"])
    assert warnings(spec.trial, None, replace(spec.analysis, **analysis)) == told
