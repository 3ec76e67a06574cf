from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sweeps.errors import UsageError
from sweeps.file.changes import changes
from sweeps.file.spec import SweepSpec, load_spec, presets
from sweeps.plan import expand
from sweeps.words.choice import Choice
from tests.sweeps.sets import facts, sweep

MINIMAL = "trial:\n  dataset: some\n"


def written(tmp_path: Path, text: str) -> str:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    return str(path)


def test_defaults_are_filled_in_and_the_file_names_the_sweep(tmp_path: Path) -> None:
    spec = load_spec(written(tmp_path, MINIMAL))
    assert spec.name == "mine"
    assert spec.run.pack == 32
    assert spec.run.checkpoint_seconds == 120.0
    assert spec.analysis.metric == "test_error"
    (trial,) = expand(spec, facts)
    assert (trial.batch_size, trial.lr, trial.epochs, trial.width, trial.seed) == (20, 0.01, 100, 256, 0)
    assert trial.normalizer == Choice("none")
    assert trial.digest == "0" * 64


def test_numbers_and_words_are_those_of_yaml_1_2(tmp_path: Path) -> None:
    text = "trial:\n  dataset: no\n  lr: 1e-3\n  batch_size: 010\n"
    (trial,) = expand(load_spec(written(tmp_path, text)), facts)
    assert trial.dataset == "no"
    assert trial.lr == 0.001
    assert trial.batch_size == 10


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("trial:\n  dataset: a\n  dpeth: 2\n", r"mine\.yaml:3:3: unknown key of trial 'dpeth': did you mean depth"),
        ("trail:\n  dataset: a\n", r"mine\.yaml:1:1: unknown key of the sweep file 'trail': did you mean trial"),
        ("trial:\n  dataset: a\n  normalizer: [bn, vlc]\n", r":3:20: unknown normalizer 'vlc': did you mean vcl\?$"),
        (
            "trial:\n  dataset: a\n  normalizer: {vcl: {m: 2}}\n",
            r":3:22: unknown option of normalizer vcl 'm': known are n",
        ),
        ("trial:\n  dataset: a\n  normalizer: {none: {m: 2}}\n", r":3:23: normalizer none has no options$"),
        ("trial:\n  dataset: a\n  normalizer: {vcl: {n: 1}}\n", r":3:25: 'n' must be at least 2, not 1$"),
        ("trial:\n  dataset: a\n  normalizer: {vcl: {n: two}}\n", r":3:25: 'n' is a whole number, not 'two'$"),
        ("trial:\n  dataset: a\n  normalizer: {vcl: 3}\n", r":3:21: what follows 'vcl' is a mapping"),
        ("trial:\n  dataset: a\n  normalizer: 3\n", r":3:15: 'normalizer' is a name or "),
        (
            "trial:\n  dataset: a\n  schedule: {step: {factor: x}}\n",
            r":3:29: 'factor' is a number or a list of numbers, not 'x'$",
        ),
        ("trial:\n  dataset: a\n  schedule: {step: {factor: [0.1, [1]]}}\n", r":3:35: 'factor' is a number or a list"),
        ("trial:\n  dataset: a\n  schedule: {step: {factor: []}}\n", r":3:29: 'factor' is .* not an empty one$"),
        ("trial:\n  dataset: a\n  schedule: {step: {factor: [1, -1]}}\n", r":3:33: 'factor' must be at least 0"),
        ("trial:\n  dataset: a\n  epochs: -1\n", r":3:11: 'epochs' must be at least 0, not -1$"),
        ("trial:\n  dataset: a\n  epochs: 2.5\n", r":3:11: 'epochs' is a whole number, not 2\.5$"),
        ("trial:\n  dataset: a\n  epochs: true\n", r":3:11: 'epochs' is a whole number, not true$"),
        ("trial:\n  dataset: a\n  lr: .inf\n", r":3:7: 'lr' is a number, not inf$"),
        (f"trial:\n  dataset: a\n  lr: {'9' * 400}\n", r":3:7: 'lr' is a number, not 9{60}\.\.\.$"),
        (f"trial:\n  dataset: a\n  seed: {'9' * 5000}\n", r":3:9: 'seed' is a whole number, not '9{59}\.\.\.$"),
        (f"trial:\n  dataset: a\n  seed: {2**63}\n", r":3:9: 'seed' must be at most 9223372036854775807, not 92"),
        ("trial:\n  dataset: a\n  dropout: 1.5\n", r":3:12: 'dropout' must be 0 to 1, not 1\.5$"),
        ("trial:\n  dataset: a\n  nesterov: yes\n", r":3:13: 'nesterov' is true or false, not 'yes'$"),
        ("trial:\n  dataset: a\n  init: hee\n", r":3:9: unknown value of 'init' 'hee'"),
        ("trial:\n  dataset: a\n  depth: []\n", r":3:10: the axis 'depth' is empty"),
        ("trial:\n  dataset: a\n  activation: []\n", r":3:15: the axis 'activation' is empty"),
        ("trial:\n  dataset: a\n  depth:\n", r":3:3: the axis 'depth' is empty"),
        ("trial:\n  dataset: a\n  seed: 9..0\n", r":3:9: the range 9\.\.0 of 'seed' is empty: write 0\.\.9$"),
        ("trial:\n  dataset: a\n  seed: -1..3\n", r":3:9: 'seed' must be at least 0"),
        ("trial:\n  depth: 2\n", r":2:3: 'trial' names no dataset"),
        ("trial: [1]\n", r":1:8: 'trial' is a mapping"),
        ("trial:\n  dataset: a\nname: a/b\n", r":3:7: 'name' is up to 64 letters"),
        ("trial:\n  dataset: a\nrun: {pak: 2}\n", r":3:7: unknown key of run 'pak': did you mean pack"),
        ("trial:\n  dataset: a\nrun: {pack: 0}\n", r":3:13: 'pack' must be at least 1"),
        ("trial:\n  dataset: a\nanalysis: {metric: eror}\n", r":3:20: unknown value of 'metric' 'eror'"),
        (
            "trial:\n  dataset: a\nanalysis: {average: [sed]}\n",
            r":3:22: unknown value of 'average' 'sed': did you mean seed",
        ),
        ("trial:\n  dataset: a\nanalysis: {select: {by: val_error}}\n", r":3:20: 'select' needs `over`"),
        (
            "trial:\n  dataset: a\n  exclude: [normaliser=bn]\n",
            r":3:13: unknown field 'normaliser': did you mean normalizer",
        ),
        ("trial:\n  dataset: a\n  exclude: [bn]\n", r":3:13: selector 'bn': 'bn' is an invalid clause: write"),
        ("trial:\n  dataset: a\n  where: [{dropout: 0}]\n", r":3:11: 'where' needs a selector and settings"),
        (
            "trial:\n  dataset: a\n  where: [{if: seed=1, depth: [2, 4]}]\n",
            r":3:31: 'depth' takes one value here, not 2$",
        ),
        ("trial:\n  dataset: a\n  lr: 1\n  zip: [{lr: [1, 2]}]\n", r"'lr' is given twice, by an axis and by zip$"),
        (
            "trial:\n  dataset: a\n  zip: [{lr: [1, 2], depth: [2]}]\n",
            r":3:9: .* equally many .*: lr has 2, depth has 1$",
        ),
        ("trial:\n  dataset: a\n  random: {lr: {uniform: [0, 1]}}\n", r":3:11: 'random' needs a count"),
        ("trial:\n  dataset: a\n  random: {count: 2, lr: {unifrom: [0, 1]}}\n", r":3:27: .* did you mean uniform"),
        ("trial:\n  dataset: a\n  random: {count: 2, lr: {loguniform: [0, 1]}}\n", r"loguniform takes .* low > 0$"),
        ("trial:\n  dataset: a\n  random: {count: 2, depth: {uniform: [1, 2]}}\n", r"use `choice`$"),
        ("trial:\n  dataset: a\n  random: {count: 2, model: {integers: [1, 2]}}\n", r"use `choice`$"),
        ("trial:\n  dataset: a\n  random: [1]\n", r":3:11: 'random' is a mapping"),
    ],
)
def test_errors_name_file_line_column_and_the_way_out(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        load_spec(written(tmp_path, text))


def test_an_unknown_preset_or_file() -> None:
    with pytest.raises(ValueError, match="unknown preset 'deom': did you mean demo"):
        load_spec("deom")
    with pytest.raises(ValueError, match=r"there is no sweep file nowhere/x\.yaml"):
        load_spec("nowhere/x.yaml")


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="cannot be read as a sweep file"):
        load_spec(path)


def test_every_preset_is_a_sweep_and_says_what_it_is() -> None:
    assert {"demo", "uci44", "uci44-smoke"} <= set(presets())
    for name, line in presets().items():
        spec = load_spec(name)
        assert spec.name == name
        assert len(line) > 20
        assert SweepSpec.from_json(json.loads(json.dumps(spec.as_json()))) == spec


def test_overrides() -> None:
    spec = load_spec(
        "demo", ["depth=2,8", "seed=0..1", "normalizer=bn,{vcl: {n: 5}}", "lr=1e-3", "run.pack=8", "name=x"]
    )
    assert spec.trial.settings["depth"] == (2, 8)
    assert spec.trial.settings["seed"] == (0, 1)
    bn, vcl = spec.trial.settings["normalizer"]
    assert isinstance(bn, Choice)
    assert bn.name == "bn"
    assert vcl == Choice.of("vcl", {"n": 5, "weight": 0.01})
    assert spec.trial.settings["lr"] == (0.001,)
    assert spec.run.pack == 8
    assert spec.name == "x"
    assert load_spec("demo", ["analysis.baseline=none"]).analysis.baseline == "none"


def test_an_overridden_setting_leaves_zip_and_random(tmp_path: Path) -> None:
    text = MINIMAL + (
        "  zip: [{batch_size: [10, 20], lr: [0.1, 0.2]}, {width: [8, 16]}]\n"
        "  random: {count: 3, seed: 5, dropout: {uniform: [0, 0.5]}}\n"
    )
    path = written(tmp_path, text)
    assert len(expand(load_spec(path), facts)) == 12
    spec = load_spec(path, ["lr=0.5", "width=4", "seed=1..2"])
    assert {(t.batch_size, t.lr, t.width, t.seed) for t in expand(spec, facts)} == {
        (batch_size, 0.5, 4, seed) for batch_size in (10, 20) for seed in (1, 2)
    }
    assert spec.trial.random is not None
    assert spec.trial.random.seed == 5
    assert {t.dropout for t in expand(load_spec(path, ["dropout=0.25"]), facts)} == {0.25}


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("depht=3", "--set depht=3: unknown key of trial 'depht': did you mean depth"),
        ("depth", "an override is"),
        ("rnu.pack=3", "unknown section 'rnu': did you mean run"),
        ("depth=x", "--set depth=x: 'depth' is a whole number, not 'x'"),
        ("depth=2,x", "--set depth=2,x: 'depth' is a whole number, not 'x'"),
        ("depth=[", "not YAML"),
        ("depth=", "the axis 'depth' is empty"),
    ],
)
def test_wrong_overrides(override: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        load_spec("demo", [override])


def test_the_digest_is_of_what_the_file_says_not_of_how(tmp_path: Path) -> None:
    one = load_spec(written(tmp_path, MINIMAL))
    same = load_spec(written(tmp_path, "# a comment\ntrial: {dataset: [some], epochs: 100}\nrun: {pack: 32}\n"))
    other = load_spec(written(tmp_path, MINIMAL + "  epochs: 99\n"))
    assert one.digest == same.digest != other.digest


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (0.1, [0.1]),
        ([0.1], [0.1]),
        ([0.4, 0.1], [(0.4, 0.1)]),
        ([[0.1], [0.5]], [0.1, 0.5]),
        ([[0.4, 0.1], [0.2, 1]], [(0.4, 0.1), (0.2, 1.0)]),
    ],
)
def test_a_step_s_factor_is_one_number_or_one_for_each(given: object, read: list[object]) -> None:
    spec = sweep(schedule={"step": {"at": [1, 2], "factor": given}})
    assert [t.schedule["factor"] for t in expand(spec, facts)] == read
    assert SweepSpec.from_json(json.loads(json.dumps(spec.as_json()))) == spec


def test_a_record_of_a_newer_normsweep_is_read_and_python_is_told_of_unknown_keys() -> None:
    spec = sweep(depth=[2, 4], exclude=["normalizer=bnn"])  # an older one took the selector
    data = json.loads(json.dumps(spec.as_json()))
    assert SweepSpec.from_json(data) == SweepSpec.from_record(data) == spec
    newer = {**data, "since": 2}
    for section in ("trial", "run", "analysis"):
        newer[section] = {**data[section], "younger": [1]}
    assert SweepSpec.from_record(newer) == spec
    with pytest.raises(ValueError, match="unknown key of the sweep file 'since'") as refused:
        SweepSpec.from_json(newer)
    assert len(str(refused.value).splitlines()) == 4


def test_changes_are_told_in_words() -> None:
    old = sweep(depth=[2, 4], epochs=20, normalizer=["none", {"vcl": {"n": 5}}], exclude=["seed=1"])
    new = sweep(depth=[4, 8], epochs=30, normalizer=["none", {"vcl": {"n": 7}}], lr_reference_batch=128)
    new = SweepSpec.from_json({**new.as_json(), "run": {"pack": 16}, "analysis": {"select": {"over": "depth"}}})
    assert changes(old, old) == []
    assert changes(old, new) == [
        "depth: adds 8; drops 2",
        "epochs: 20 becomes 30",
        "normalizer: adds vcl(n=7, weight=0.01); drops vcl(n=5, weight=0.01)",
        "exclude: seed=1 becomes nothing",
        "lr_reference_batch: nothing becomes 128",
        "run.pack: 32 becomes 16",
        "analysis.select: none becomes {by: val_error, over: depth}",
    ]
    assert changes(sweep(depth=[2, 4]), sweep(depth=[4, 2])) == ["depth: the order changes"]


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("epochs", 2_000_000_000),
        ("width", [1_000_000_001]),
        ("lr", 1e200),
        ("weight_decay", 2e38),
        ("normalizer", [{"bn": {}}, {"gn": {"groups": 3_000_000_000}}]),
        ("zip", [{"batch_size": [3_000_000_000], "lr": [1e39]}]),
        ("random", {"count": 1, "lr": {"uniform": [0.0, 1e300]}}),
        ("where", [{"if": "activation=relu", "epochs": 2_000_000_000}]),
    ],
)
def test_a_recorded_sweep_is_read_whatever_limits_are_younger_than_it(setting: str, value: Any) -> None:
    """0.1.0 had no largest number where none was declared."""
    data = {"name": "old", "trial": {"dataset": "wine", setting: value}, "run": {"checkpoint_seconds": 1e200}}
    with pytest.raises(UsageError, match="must be at most"):
        SweepSpec.from_json(data)
    spec = SweepSpec.from_record(data)
    assert SweepSpec.from_record(spec.as_json()) == spec
    with pytest.raises(UsageError, match="must be"):
        SweepSpec.from_record(data | {"run": {"pack": 0}})
