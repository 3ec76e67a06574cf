"""Files that declare models, activations, optimizers, schedules and augmentations: identity, packs, records, errors."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import replace
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from orchestrator.planning.preview import checked
from sweeps import Choice, SweepSpec, Trial, UsageError, expand, load_spec
from sweeps.plan import by_id, packs
from sweeps.plugins import loading
from sweeps.words.kinds import NAMES
from tests.plugins.files import forgotten, written
from tests.plugins.kinds import ACTIVATION, AUGMENTATION, HEAD, MINE, MODEL, OPTIMIZER, SCHEDULE
from tests.sweeps.sets import facts
from trainers.data.dataset import assemble
from trainers.pack import PackTrainer

BASE = {"dataset": "wine", "depth": 1, "width": 8, "epochs": 2, "momentum": 0.9, "batch_size": 20}
OURS: dict[str, tuple[Any, Any]] = {  # of each field a name of the file and what the package ships
    "model": ({"one": {"units": 8}}, "mlp"),
    "activation": ({"leaky": {"slope": 0.25}}, "prelu"),
    "optimizer": ("descent", "sgd"),
    "schedule": ("wave", "cosine"),
    "augment": ("noise", "none"),
}
DATA = assemble("wine", np.random.default_rng(1).normal(size=(90, 5)).astype(np.float32), np.arange(90) % 3, 3)


def spec(folder: Path, text: str = MINE, **trial: Any) -> SweepSpec:
    written(folder, text, "mine.py")
    file = folder / "own.yaml"
    file.write_text(json.dumps({"plugins": ["mine.py"], "trial": BASE | trial}), encoding="utf-8")
    return load_spec(file)


def trials(folder: Path, text: str = MINE, **trial: Any) -> list[Trial]:
    return expand(spec(folder, text, **trial), facts)


@pytest.mark.parametrize("field", OURS)
def test_the_digest_is_part_of_the_trials_that_use_the_file_and_of_no_others(field: str, tmp_path: Path) -> None:
    made = by_id(trials(tmp_path, **{field: [*OURS[field]]}))
    digest = hashlib.sha256(MINE.encode()).hexdigest()
    assert [getattr(t, field).plugin for t in made.values()] == [digest, ""]
    assert [t.plugins for t in made.values()] == [{digest}, set()]
    for identifier, trial in made.items():
        assert Trial.from_json(json.loads(trial.canonical())) == trial
        assert Trial.from_json(trial.as_json()).id == identifier
    edited = by_id(trials(tmp_path, MINE + "# a remark\n", **{field: [*OURS[field]]}))
    assert [made[i].plugins for i in made.keys() & edited.keys()] == [set()]


def test_a_record_says_what_the_file_declared_without_it(tmp_path: Path) -> None:
    with forgotten():
        own = spec(tmp_path, **{field: ours for field, (ours, _) in OURS.items()})
        record = json.loads(json.dumps(own.as_json()))
    assert not [name for names in NAMES.values() for name, entry in names.items() if entry.plugin]
    again = SweepSpec.from_record(record)
    assert again.trial == own.trial
    assert again.as_json() == own.as_json()
    assert [t.id for t in expand(again, facts)] == [t.id for t in expand(own, facts)]
    kept = {key: replace(entry, implementation="") for key, entry in own.plugins[0].entries.items()}
    assert again.plugins[0].entries == kept
    assert not again.plugins[0].code


def test_values_pack_where_the_entry_says_so(tmp_path: Path) -> None:
    def count(text: str = MINE, **trial: Any) -> int:
        return len(packs(trials(tmp_path, text, **trial), facts, 8))

    assert count(activation={"leaky": {"slope": [0.1, 0.2]}}) == 1
    assert count(optimizer={"descent": {"scale": [1.0, 2.0]}}) == 1
    assert count(schedule=["wave", "constant"]) == 2  # a pack holds one version of a file
    assert count(model={"one": {"units": [4, 8]}}) == 2
    assert count(augment={"noise": {"sigma": [0.1, 0.2]}}) == 2
    alone = MINE.replace('summary="the mlp of depth 1"', 'summary="the mlp of depth 1", packs=False')
    assert (count(model="one", seed=[0, 1, 2]), count(alone, model="one", seed=[0, 1, 2])) == (1, 3)


def test_auto_init_is_the_activations_own(tmp_path: Path) -> None:
    assert [t.init for t in trials(tmp_path, activation=["leaky", "bent"])] == ["he", "lecun"]


@pytest.mark.parametrize("field", OURS)
def test_each_is_what_it_copies(field: str, tmp_path: Path) -> None:
    """In a pack of two: the curves of what the package ships, bit for bit."""
    common = {"epochs": 3, "precision": "float64", "seed": [1, 2], "init": "he", "lr": 0.05}
    ours, theirs = (trials(tmp_path, **(common | {field: name})) for name in OURS[field])
    rows = [_rows(members) for members in (ours, theirs)]
    assert rows[0] == rows[1]
    assert all(row["state"] == "done" for row in rows[0])


def _rows(members: list[Trial]) -> list[dict[str, object]]:
    trainer = PackTrainer([replace(t, digest=DATA.facts.digest) for t in members], DATA)
    trainer.advance(math.inf)
    return trainer.rows()


def test_values_of_each_replica_act_in_a_pack(tmp_path: Path) -> None:
    settings = {"activation": {"leaky": {"slope": [0.1, 0.4]}}, "optimizer": {"descent": {"scale": [0.5, 2.0]}}}
    members = trials(tmp_path, precision="float64", **settings)
    together = _rows(members)
    assert len({str(row["train_loss"]) for row in together}) == 4
    for row, member in zip(together, members, strict=True):
        assert _rows([member])[0]["train_loss"] == pytest.approx(row["train_loss"], rel=1e-10)


BAD = {
    "taken model": (MODEL.replace('"one"', '"mlp"'), "the name 'mlp' is taken by a model of normsweep: choose another"),
    "taken activation": (
        ACTIVATION.replace('"bent"', '"elu"'),
        "the name 'elu' is taken by an activation of normsweep",
    ),
    "taken optimizer": (
        OPTIMIZER.replace('"descent"', '"sgd"'),
        "the name 'sgd' is taken by an optimizer of normsweep",
    ),
    "taken schedule": (SCHEDULE.replace('"wave"', '"step"'), "the name 'step' is taken by a schedule of normsweep"),
    "taken augmentation": (
        AUGMENTATION.replace('"noise"', '"flip"'),
        "the name 'flip' is taken by an augmentation of normsweep",
    ),
    "no network": (MODEL.replace("(Network)", ""), "one is no model: derive its class from `trainers.Network`"),
    "no optimizer": (OPTIMIZER.replace("(Optimizer)", ""), "descent is no optimizer: derive its class from"),
    "a class": (
        ACTIVATION + "\n\n@plugin('x', Activation(summary=''))\nclass X:\n    pass\n",
        "x is no activation: put",
    ),
    "no entry": (
        MODEL.replace('Model(summary="the mlp of depth 1", options={"units": Option("int", 8, low=1)})', "3"),
        "one: 3 is no entry: use Normalizer, Model, Activation, Optimizer, Schedule, Augmentation",
    ),
    "an argument of a model": (
        MODEL.replace('{"units"', '{"trials"').replace("*, units: int", "**_"),
        "option 'trials' of one: the name has another meaning: choose another",
    ),
    "an option that is not taken": (
        MODEL.replace("*, units: int", "*, hidden: int"),
        "option 'units' is none that One takes",
    ),
    "an option that lacks": (
        ACTIVATION.replace("*, alpha: float", "*, alpha: float, beta: float"),
        "bent needs 'beta'",
    ),
    "what is learned": (
        ACTIVATION.replace("*, part: Tensor", "*, slope: Tensor"),
        "'part' is none that leaky takes: add",
    ),
    "where it begins": (
        ACTIVATION.replace('"part": "slope"', '"part": "start"'),
        "leaky: it learns 'part', which begins at",
    ),
    "no init": (ACTIVATION.replace('"lecun"', '"lecum"'), "bent: unknown init 'lecum': did you mean lecun?"),
    "takes": (
        OPTIMIZER.replace('("momentum",)', '("speed",)'),
        "descent: it `takes` 'speed': say momentum or nesterov",
    ),
    "takes a text": (
        OPTIMIZER.replace('("momentum",)', '"momentum"'),
        "its takes 'momentum' is of type str, not tuple",
    ),
    "a list": (SCHEDULE.replace("(0,), low=0", "0, low=0"), "option 'at' of wave: its default 0 is not of kind ints"),
    "a range": (
        SCHEDULE.replace("(0,), low=0", "(0,), low=1"),
        "option 'at' of wave: its default 0 must be at least 1",
    ),
    "a length": (SCHEDULE.replace("(0,), low=0", "(0,), length=2"), "its default (0,) has not the length 2"),
    "an argument": (SCHEDULE.replace('"at"', '"position"'), "option 'position' of wave: the name has another meaning"),
    "a formula": (SCHEDULE.replace("low=0)}))", "low=0)}), formula=abs)"), "wave: a formula is for a normalizer"),
    "twice": (SCHEDULE + SCHEDULE.replace("def wave", "def other"), "'wave' is declared twice"),
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


REFUSED = {
    "output": (
        {"model": "one"},
        ("self.classifier(self.dropout(", "self.dropout(("),
        "one with none on wine: the model's output is (1, 20, 8), it must be (R, B, classes) = (1, 20, 3)",
    ),
    "model": ({"model": "one"}, ("x.flatten(2)", "x.flatten(7)"), "one with none on wine: it raises IndexError in"),
    "activation": ({"activation": "bent"}, ("elu(u, alpha)", "elu(u, alha)"), "it raises NameError in"),
    "optimizer": ({"optimizer": "descent"}, ('["velocity"]', '["speed"]'), "it raises KeyError in"),
    "schedule": ({"schedule": "wave"}, ("/ 2.0", "- 1.5"), "schedule wave(at=[0]): its factor in epoch 1 is -0.5, no"),
    "augmentation": ({"augment": "noise"}, ("x + self", "x + y + self"), "it raises NameError in"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_trained_is_told_at_check(case: str, tmp_path: Path) -> None:
    trial, (old, new), sentence = REFUSED[case]
    assert old in MINE
    with pytest.raises(UsageError) as told:
        checked(spec(tmp_path, MINE.replace(old, new), **trial), None)
    assert sentence in str(told.value)
    assert "\n" not in str(told.value)


def test_kinds_have_names_of_their_own(tmp_path: Path) -> None:
    text = MINE.replace('"wave"', '"mlp"').replace('"bent"', '"one"')
    (made,) = trials(tmp_path, text, schedule="mlp", activation="one", model="one")
    assert (made.model.name, made.activation.name, made.schedule) == (
        "one",
        "one",
        replace(Choice.of("mlp", {"at": (0,)}), plugin=hashlib.sha256(text.encode()).hexdigest()),
    )


@pytest.mark.parametrize(
    ("group", "known"),
    [("models", True), ("activations", True), ("metrics", True), ("probes", True), ("colours", False)],
)
def test_entry_points_of_every_kind(group: str, known: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, MINE, "their_things.py")
    monkeypatch.syspath_prepend(str(tmp_path))
    points = EntryPoints([EntryPoint("theirs", "their_things:One", f"normsweep.{group}")])
    monkeypatch.setattr(loading, "entry_points", lambda group: points.select(group=group))
    if known:
        assert loading.find("theirs", tmp_path) == tmp_path / "their_things.py"
    else:
        with pytest.raises(UsageError, match="unknown entry point of normsweep 'theirs': there is none"):
            loading.find("theirs", tmp_path)


def test_two_modules_of_one_entry_point_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    points = EntryPoints([EntryPoint("x", f"{kind}:X", f"normsweep.{kind}") for kind in ("models", "schedules")])
    monkeypatch.setattr(loading, "entry_points", lambda group: points.select(group=group))
    with pytest.raises(UsageError, match=r"entry point x of normsweep names models \(normsweep.models\) and schedules"):
        loading.find("x", tmp_path)
