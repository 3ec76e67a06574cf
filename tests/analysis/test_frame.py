import json

import pandas as pd
import pytest

from analysis.findings import Findings
from analysis.frame import named_methods, published, refuse_mixtures, with_fields
from analysis.question import Question
from analysis.showing import tables
from analysis.statistics.win_table import wins
from tests.analysis.trials import trials


def test_published_figures():
    assert len(published("vcl", "5")) == 396
    with pytest.raises(ValueError, match="no published figures"):
        published("vcl", "99")


def test_options_that_differ_are_named():
    frame = trials(seeds=[0])
    assert named_methods(frame) is frame
    other = trials(seeds=[0], normalizers=["vcl"]).assign(normalizer_options='{"n": 2, "weight": 0.01}')
    found = named_methods(pd.concat([frame, other]))
    assert set(found["normalizer"]) == {"none", "bn", "vcl(n=5)", "vcl(n=2)"}


def test_mixed_metrics_are_refused():
    frame = pd.DataFrame({"metric": ["test_error", "seconds"], "dataset": ["a", "a"]})
    with pytest.raises(ValueError, match="mixes the metrics seconds, test_error"):
        refuse_mixtures(frame, ["dataset"])


def test_an_axis_without_a_role_is_refused():
    with pytest.raises(ValueError, match=r"batch_size varies \(4, 20\) but has no role"):
        refuse_mixtures(trials(batch_sizes=[4, 20]), ["dataset", "activation", "normalizer", "depth", "seed"])


def test_sweeps_of_different_protocols_are_refused():
    frame = trials(depths=[4], seeds=[0]).assign(trial='{"dataset": "digits", "epochs": 5}')
    other = frame.assign(sweep="longer", trial='{"dataset": "wine", "epochs": 50}')
    with pytest.raises(
        ValueError, match="synthetic and longer follow different protocols: epochs is 5 in one and 50 in"
    ):
        refuse_mixtures(pd.concat([frame, other]), ["dataset", "activation", "normalizer"])
    refuse_mixtures(pd.concat([frame, frame.assign(sweep="again")]), ["dataset", "activation", "normalizer"])


def test_an_activation_that_the_normalizer_brings_needs_no_role():
    frame = pd.concat([trials(activations=["elu"]), trials(activations=["own"], normalizers=["frn"])])
    assert Findings(frame, Question(select=("depth",))).names == ["none", "bn", "vcl", "frn"]
    frame = pd.concat([trials(), trials(activations=["own"], normalizers=["frn"])])
    found = Findings(frame, Question(select=("depth",)))
    assert found.names[-1] == "own/frn"
    assert [d is None for d in found.differences] == [name.split("/")[1] in ("bn", "frn") for name in found.names]


def test_a_training_with_its_own_activation_stands_for_each_of_the_others():
    frame = pd.concat([trials(depths=[4]), trials(depths=[4], activations=["own"], normalizers=["frn"])])
    found = Findings(frame, Question(columns=("normalizer",)))
    assert found.names == ["none", "bn", "vcl", "frn"]
    assert found.scores.rows == [(d, a) for d in ("digits", "titanic", "wine") for a in ("relu", "elu")]
    frn = found.scores.values[:, 3]
    assert (frn[0::2] == frn[1::2]).all()
    assert not (found.scores.values[0::2, 1] == found.scores.values[1::2, 1]).any()
    assert found.states.total() == len(frame) == 3 * 3 * 7
    costs = tables.cost(found)
    assert costs is not None
    assert dict(zip(costs.frame["method"], costs.frame["trials"], strict=True)) == {
        "none": 18, "bn": 18, "vcl": 18, "frn": 9,
    }  # fmt: skip


def test_sweeps_agree_in_the_activation_where_one_has_its_normalizers_own():
    frame = trials(depths=[4], seeds=[0], activations=["relu"])
    frame = frame.assign(trial='{"activation": {"name": "relu", "options": {}}}')
    other = trials(depths=[4], seeds=[0], activations=["own"], normalizers=["frn"])
    other = other.assign(sweep="other", trial='{"activation": {"name": "own", "options": {}}}')
    refuse_mixtures(pd.concat([frame, other]), ["dataset", "normalizer"])
    third = frame.assign(sweep="third", activation="elu", trial='{"activation": {"name": "elu", "options": {}}}')
    with pytest.raises(ValueError, match="activation varies"):
        refuse_mixtures(pd.concat([frame, other, third]), ["dataset", "normalizer"])


def test_fields_of_a_trial_that_vary_become_columns():
    frame = trials(depths=[4], seeds=[0])
    lr = ['{"lr": 0.1, "epochs": 5}', '{"lr": 0.01, "epochs": 5}'] * (len(frame) // 2)
    found = with_fields(frame.assign(trial=lr))
    assert found["lr"].tolist()[:2] == ["0.1", "0.01"]
    assert "epochs" not in found


def test_a_cell_with_several_trials_says_what_they_differ_in():
    frame = trials(depths=[4], seeds=[0])
    both = pd.concat([frame.assign(trial='{"lr": 0.1}'), frame.assign(trial='{"lr": 0.01}')])
    with pytest.raises(ValueError, match=r"holds 2 rows \(they differ in lr\)"):
        wins(with_fields(both))


def sharded(normalizer: str, batch_size: int, shards: int, **options: object) -> pd.DataFrame:
    frame = trials(depths=[4], activations=["relu"], normalizers=[normalizer], batch_sizes=[batch_size])
    trial = json.dumps({"shards": shards, "normalizer": {"name": normalizer, "options": options}})
    return frame.assign(trial=trial, normalizer_options=json.dumps(options))


def test_statistics_over_different_numbers_of_samples_are_not_compared_unless_told():
    frame = pd.concat([sharded("bn", 32, 8), sharded("ws+bn", 32, 1)], ignore_index=True)
    with pytest.raises(ValueError, match=r"bn with shards=8 and ws\+bn with shards=1 of a batch of 32 take their"):
        Findings(frame, Question())
    told = Findings(frame, Question(columns=("normalizer", "shards")))
    assert told.names == ["bn/8", "ws+bn/1"]


def test_shards_do_not_matter_where_no_statistic_is_taken_over_one():
    frame = pd.concat([sharded("bn", 32, 8), sharded("ln", 32, 1), sharded("brn", 32, 1, sync=True)])
    assert Findings(frame, Question()).names == ["bn", "brn", "ln"]


def test_a_role_that_the_file_gives_and_that_does_not_vary_is_no_error():
    frame = pd.concat([sharded("bn", 32, 8), sharded("brn", 32, 8)])
    assert Findings(frame, Question(columns=("normalizer", "shards"))).names == ["bn", "brn"]


@pytest.mark.parametrize("name", ["split", "seed"])
def test_what_repeats_one_data_set_makes_no_rows(name: str):
    frame = pd.concat([trials(depths=[4]).assign(split=k) for k in range(2)])
    average = tuple({"split", "seed"} - {name})
    with pytest.raises(ValueError, match=f"{name} must not make rows: .* not independent data sets; take"):
        Findings(frame, Question(rows=("dataset", name), average=average))


def test_options_that_the_model_decides_make_one_method():
    noises = {"cnn9": "constant", "resnet110": "linear"}
    frames = [
        trials(depths=[4], normalizers=["bn", "cwo"]).assign(model=m, normalizer_options=json.dumps({"noise": n}))
        for m, n in noises.items()
    ]
    assert set(named_methods(pd.concat(frames))["normalizer"]) == {"bn", "cwo"}
    both = pd.concat([*frames, frames[0].assign(model="resnet110")])
    assert set(named_methods(both)["normalizer"]) == {f"{n}(noise={v})" for n in ("bn", "cwo") for v in noises.values()}


def test_choices_are_shown_by_name_and_by_what_is_not_at_its_default():
    frame = trials(depths=[4], seeds=[0])
    crop = {"name": "pad-crop-flip", "options": {"cutout": 16}}
    both = [json.dumps({"augment": c}) for c in ({"name": "none", "options": {}}, crop)] * (len(frame) // 2)
    assert set(with_fields(frame.assign(trial=both))["augment"]) == {"none", "pad-crop-flip(cutout=16)"}
