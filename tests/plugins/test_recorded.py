"""Files that declare metrics and probes: identity, records, errors, trainings that they change nothing of, results."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from orchestrator.ask.compare import compare
from orchestrator.ask.wins import win_table
from orchestrator.planning.preview import checked
from orchestrator.store import Store
from orchestrator.store.results import complete, readings, whole
from sweeps import SweepSpec, Trial, UsageError, expand, load_spec
from sweeps.file.schema import sweep_schema
from sweeps.plan import by_id, packs
from sweeps.plugins.loading import load
from sweeps.select import Selector
from tests.orchestrator.stage import Call
from tests.plugins.files import forgotten, written
from tests.plugins.kinds import HEAD, METRIC, PROBE, RECORDED
from tests.sweeps.sets import facts
from trainers.checking import training
from trainers.checking.subject import Subject
from trainers.data.dataset import assemble
from trainers.pack import PackTrainer

BASE = {"dataset": "wine", "depth": 1, "width": 8, "epochs": 2, "momentum": 0.9, "batch_size": 20}
BOTH: dict[str, Any] = {"metrics": {"wrong-ones": {"power": 2}}, "record": {"steepness": {"when": "ends"}}}
DATA = assemble("wine", np.random.default_rng(1).normal(size=(90, 5)).astype(np.float32), np.arange(90) % 3, 3)
DIGEST = hashlib.sha256(RECORDED.encode()).hexdigest()


def spec(folder: Path, text: str = RECORDED, analysis: dict[str, Any] | None = None, **trial: Any) -> SweepSpec:
    written(folder, text, "mine.py")
    file = folder / "own.yaml"
    sections = {"plugins": ["mine.py"], "trial": BASE | trial, "analysis": analysis or {}}
    file.write_text(json.dumps(sections), encoding="utf-8")
    return load_spec(file)


def trials(folder: Path, text: str = RECORDED, **trial: Any) -> list[Trial]:
    return expand(spec(folder, text, **trial), facts)


def trained(members: list[Trial]) -> PackTrainer:
    trainer = of(members)
    trainer.advance(math.inf)
    return trainer


def of(members: list[Trial]) -> PackTrainer:
    return PackTrainer([replace(t, digest=DATA.facts.digest) for t in members], DATA)


@pytest.mark.parametrize("field", BOTH)
def test_the_digest_is_part_of_the_trials_that_name_it_and_of_no_others(field: str, tmp_path: Path) -> None:
    where = [{"if": "seed=1", field: BOTH[field]}, {"if": "seed=2", "record": "kurtosis", "metrics": "class-mean"}]
    made = by_id(trials(tmp_path, seed="0..2", where=where))
    assert [t.plugins for t in made.values()] == [set(), {DIGEST}, set()]
    for identifier, trial in made.items():
        assert Trial.from_json(json.loads(trial.canonical())) == trial
        assert Trial.from_json(trial.as_json()).id == identifier
    edited = by_id(trials(tmp_path, RECORDED + "# a remark\n", seed="0..2", where=where))
    assert [t.seed for i, t in made.items() if i in edited] == [0, 2]
    file = {"trial": BASE | {"seed": "0..2", "where": where[1:]}}
    assert made.keys() & by_id(expand(SweepSpec.from_json(file), facts)).keys() == edited.keys() & made.keys()


def test_a_record_says_what_the_file_declared_without_it(tmp_path: Path) -> None:
    analysis = {"metric": "test_wrong_ones", "select": {"over": "lr", "by": "val_wrong_ones"}}
    with forgotten():
        own = spec(tmp_path, analysis=analysis, **BOTH)
        record = json.loads(json.dumps(own.as_json()))
    again = SweepSpec.from_record(record)
    assert again.as_json() == own.as_json()
    assert [t.id for t in expand(again, facts)] == [t.id for t in expand(own, facts)]
    with forgotten():
        assert SweepSpec.sections_of_record(record)[1] == own.analysis
    (trial,) = expand(own, facts)
    assert {choice.name: choice.as_dict() for choice in (*trial.metrics, *trial.record)} == {
        "error": {},
        "wrong-ones": {"power": 2.0},
        "steepness": {"when": "ends", "size": 12, "norm": "l2"},
    }


def test_those_that_record_the_same_are_packed_together(tmp_path: Path) -> None:
    where = [{"if": "seed=2", "metrics": {"wrong-ones": {"power": 3}}}, {"if": "seed=3", "metrics": []}]
    made = trials(tmp_path, seed="0..3", where=where, **BOTH)
    assert sorted(sorted(t.seed for t in pack.trials) for pack in packs(made, facts, 8)) == [[0, 1], [2], [3]]


def test_they_change_no_bit_of_the_training_and_a_metric_is_what_it_computes(tmp_path: Path) -> None:
    settings = {"seed": [0, 1], "normalizer": "bn", "ema": 0.9, "dropout": 0.2}
    plain, looked = trained(trials(tmp_path, **settings)), trained(trials(tmp_path, **settings, **BOTH))
    assert repr(plain.rows()) == repr(looked.rows())
    for (name, mine), theirs in zip(
        plain.network.state_dict().items(), looked.network.state_dict().values(), strict=True
    ):
        assert torch.equal(mine, theirs), name
    assert plain.readings() == [[], []]
    for row, seen in zip(looked.rows(), looked.readings(), strict=True):
        for part in ("val", "test"):
            curve = [r["value"] for r in seen if (r["probe"], r["quantity"]) == ("wrong-ones", part)]
            assert curve == [error**2 for error in row[f"curve_{part}_error"]]  # type: ignore[attr-defined]
        assert {r["epoch"] for r in seen if r["probe"] == "steepness"} == {0, 2}
        assert {r["epoch"] for r in seen if r["probe"] == "wrong-ones"} == {1, 2}


def test_an_interrupted_training_has_the_same_readings(tmp_path: Path) -> None:
    members = trials(tmp_path, seed=[0, 1], normalizer="bn", **BOTH)
    expected, trainer = trained(members), of(members)
    while not trainer.finished:
        trainer.advance(0.0)
        trainer.save(tmp_path / "checkpoint.pt")
        trainer = of(members)
        trainer.load(tmp_path / "checkpoint.pt")
    assert repr(trainer.readings()) == repr(expected.readings())
    assert repr(trainer.rows()) == repr(expected.rows())


@pytest.mark.parametrize(("field", "name"), [("metrics", "wrong-ones"), ("record", "steepness")])
def test_two_processes_read_what_one_reads(field: str, name: str, tmp_path: Path) -> None:
    own = spec(tmp_path)
    subject, path = Subject(name=name, field=field), tmp_path / "mine.py"
    assert list(training.ranks(subject, "mlp", own.plugins[0], path)) == []


def test_what_is_never_trained_is_measured_once(tmp_path: Path) -> None:
    ((row, *others),) = trained(trials(tmp_path, epochs=0, metrics="wrong-ones")).readings()
    assert {row["epoch"], *(r["epoch"] for r in others)} == {0}
    checked(spec(tmp_path, epochs=0, metrics="wrong-ones"), None)


BAD = {
    "taken metric": (METRIC.replace('"wrong-ones"', '"error"'), "the name 'error' is taken by a metric of normsweep"),
    "taken probe": (PROBE.replace('"steepness"', '"kurtosis"'), "the name 'kurtosis' is taken by a probe of normsweep"),
    "a column": (
        METRIC.replace('"wrong-ones"', '"top5-error"'),
        "the metric 'top5-error' would be the column 'val_top5_error', which results have already: choose another",
    ),
    "another name of a column": (
        METRIC.replace('"wrong-ones"', '"error-smoothed"'),
        "would be the column 'val_error_smoothed', which results have already",
    ),
    "an argument": (METRIC.replace('"power"', '"labels"'), "option 'labels' of wrong-ones: the name has another"),
    "an option that is not taken": (METRIC.replace("*, power", "*, k"), "option 'power' is none that wrong_ones takes"),
    "a class": (
        METRIC + "\n\n@plugin('x', Metric(summary=''))\nclass X:\n    pass\n",
        "x is no metric: put `@plugin` above a function",
    ),
    "no read": (PROBE.replace("def read", "def look"), "steepness is no probe: put `@plugin` above a class that has"),
    "another when": (
        PROBE.replace('"size": ', '"when": Option("word", "now", words=("now",)), "size": '),
        "option 'when' of steepness: its words are among epoch, ends, end; leave it out to look at every epoch",
    ),
    "options that pack": (
        METRIC.replace("low=0.5", "packs=True"),
        "wrong-ones: all trials of a pack have the same metrics: leave `packs` out",
    ),
    "none packs": (
        PROBE.replace("options={", "packs=False, options={"),
        "steepness: all trials of a pack have the same",
    ),
    "a formula": (METRIC.replace("low=0.5)}))", "low=0.5)}), formula=abs)"), "a formula is for a normalizer"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_declaration_is_told_in_one_sentence(case: str, tmp_path: Path) -> None:
    text, sentence = BAD[case]
    with pytest.raises(UsageError) as told:
        spec(tmp_path, HEAD + text)
    line = str(told.value)
    assert line.startswith(f"{tmp_path}/own.yaml:1:14: {tmp_path}/mine.py:")
    assert sentence in line
    assert "\n" not in line


REFUSED: dict[str, tuple[dict[str, Any], tuple[str, str], str]] = {
    "shape": (BOTH, (".mean(dim=1)", ".mean()"), "metric wrong-ones is (), it must be a tensor (R,) = (2,)"),
    "type": (BOTH, (".mean(dim=1) **", ".mean().item() **"), "metric wrong-ones is of type float, it must be a tensor"),
    "metric": (BOTH, ("** power", "** powers"), "mlp with none on wine: it raises NameError in"),
    "probe": (BOTH, ("self.size)", "self.sizes)"), "mlp with none on wine: it raises AttributeError in"),
    "reading": (
        BOTH,
        ("norms.max(dim=1).values", "norms"),
        "probe steepness: its reading 'largest' is (1, 4), it must be (R,) = (1,)",
    ),
    "one name": (
        {"metrics": "steepness", "record": "steepness"},
        ('"wrong-ones"', '"steepness"'),
        "record and metrics both name steepness: their readings would be one; rename one in its plug-in",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_recorded_is_told_at_check(case: str, tmp_path: Path) -> None:
    trial, (old, new), sentence = REFUSED[case]
    assert old in RECORDED
    with pytest.raises(UsageError) as told:
        checked(spec(tmp_path, RECORDED.replace(old, new), **trial), None)
    assert sentence in str(told.value)
    assert "\n" not in str(told.value)


def test_a_probe_that_asks_for_values_is_let_through(tmp_path: Path) -> None:
    checked(
        spec(
            tmp_path,
            RECORDED.replace("x, y = next", "assert subject.parameters[0].sum().item()\n        x, y = next"),
            **BOTH,
        ),
        None,
    )


@pytest.mark.parametrize(
    ("analysis", "sentence"),
    [
        ({"metric": "test_wrong_one"}, "unknown value of 'metric' 'test_wrong_one': did you mean test_wrong_ones"),
        ({"metric": "test_wrong_ones"}, "'metric': no trial names wrong-ones in its `metrics`: add it there"),
        (
            {"select": {"over": "lr", "by": "val_wrong_ones"}},
            "'by': no trial names wrong-ones in its `metrics`: add it there",
        ),
    ],
)
def test_a_metric_that_no_trial_names_is_not_compared(analysis: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as told:
        spec(tmp_path, analysis=analysis)
    assert sentence in str(told.value)
    assert "\n" not in str(told.value)


def test_the_schema_of_sweep_files_knows_both_settings() -> None:
    names = sweep_schema()["$defs"]["metrics"]["anyOf"][0]["anyOf"][0]["enum"]
    assert names == ["error", "top5", "class-mean"]


FILE = """
plugins: [mine.py]
trial:
  dataset: wine
  depth: 1
  width: 8
  normalizer: [none, bn]
  metrics: {wrong-ones: {power: 2}}
  record: [{steepness: {when: end}}]
  where: [{if: "seed=2", metrics: []}]
  epochs: 3
  smoothing: 1
  seed: 0..2
analysis:
  metric: test_wrong_ones
"""


def test_a_sweep_is_compared_by_a_metric_of_its_own(
    tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path, RECORDED, "mine.py")
    (tmp_path / "own.yaml").write_text(FILE)
    assert call("run", "own.yaml", "--no-mlflow")[0] == 0
    load.cache_clear()
    with forgotten():
        store = Store.at(tmp_path / "normsweep-out")
        rows, problems = complete(store, "own")
        assert problems == []
        names = rows.column_names
        assert names[names.index("seconds") - 2 : names.index("seconds")] == ["val_wrong_ones", "test_wrong_ones"]
        for row in rows.to_pylist():
            for part in ("val", "test"):
                expected = None if row["seed"] == 2 else row[f"{part}_error"] ** 2
                assert row[f"{part}_wrong_ones"] == pytest.approx(expected)
        seen, _ = readings(store, "own")
        assert {*seen["probe"].to_pylist()} == {"wrong-ones", "steepness"}
        chosen = whole(store, "own", where=Selector.parse("test_wrong_ones<2"))
        assert len(chosen) == 4
        _, options, _ = win_table(store, "own", {}, Selector.parse("seed!=2"))
        assert options["value"] == "test_wrong_ones"
        (found,) = {
            compare(store, ["own"], metric=m, where=Selector.parse("seed!=2"), source="ledger").note.split(" over")[0]
            for m in ("", "test_wrong_ones")
        }
        assert found == "test wrong ones"
        with pytest.raises(UsageError, match="test_wrong_one"):
            compare(store, ["own"], metric="test_wrong_one", source="ledger")
    code, _, err = call("report", "own", "-o", "page.html", "--interim")
    assert (code, err) == (0, "")
    assert "test wrong ones" in (tmp_path / "page.html").read_text()
    code, out, _ = call("why", rows["trial_id"][0].as_py())
    assert code == 0
    assert f"error, wrong-ones (power=2.0, plug-in {DIGEST[:16]})" in out
    code, *_ = call("export", "own", "-o", "own.csv")
    assert code == 0
    exported = (tmp_path / "own.csv").read_text()
    assert "test_wrong_ones" in exported.splitlines()[0]
    assert '"[""error"",{""wrong-ones"":{""power"":2.0}}]"' in exported
