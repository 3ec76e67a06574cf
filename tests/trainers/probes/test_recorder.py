"""A training with probes is bit for bit the training without, also where it is interrupted."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from sweeps.probes import PROBES
from sweeps.trial import Trial
from sweeps.words.activations import OWN
from sweeps.words.choice import Choice
from tests.trainers.factory import blobs, trial
from tests.trainers.probes.looking import probe
from tests.trainers.trials import method
from trainers.data.dataset import Dataset
from trainers.pack import PackTrainer

DATA = blobs()
EVERY = tuple(probe(name) for name in sorted(PROBES))
# Methods whose training reads what a forward pass moves: running averages, a vector of a power iteration, an average;
# one that learns a single number a layer; one that activates as well.
METHODS: dict[str, dict[str, Any]] = {
    "brn": {"normalizer": method("brn", ramp=0.001), "ema": 0.9, "dropout": 0.2},
    "bn-noise": {"normalizer": method("bn-noise")},
    "sn+bn": {"normalizer": method("sn+bn", statistics="population")},
    "bn-frozen": {"normalizer": method("bn-frozen"), "ema": 0.5},
    "normprop": {"normalizer": method("normprop", data="batch"), "init": "glorot", "activation": Choice("relu")},
    "dyt": {"normalizer": method("dyt")},
    "evonorm-b0": {"normalizer": method("evonorm-b0"), "activation": Choice(OWN)},
}


def of(record: tuple[Choice, ...], **settings: Any) -> list[Trial]:
    return [trial(DATA, record=record, seed=seed, epochs=2, **settings) for seed in range(2)]


def trained(trials: list[Trial], data: Dataset = DATA) -> PackTrainer:
    trainer = PackTrainer(trials, data)
    trainer.advance(math.inf)
    return trainer


@pytest.mark.parametrize("name", METHODS)
def test_probes_change_no_bit_of_the_training(name: str) -> None:
    plain, probed = trained(of((), **METHODS[name])), trained(of(EVERY, **METHODS[name]))
    assert repr(plain.rows()) == repr(probed.rows())
    for (key, mine), (other, theirs) in zip(
        plain.network.state_dict().items(), probed.network.state_dict().items(), strict=True
    ):
        assert key == other
        assert torch.equal(mine, theirs), key
    assert plain.readings() == [[], []]
    assert {row["probe"] for row in probed.readings()[0]} == {choice.name for choice in EVERY}


def test_readings_are_the_same_bits_however_often_a_training_is_interrupted(tmp_path: Path) -> None:
    trials, path = of(EVERY, **METHODS["brn"]), tmp_path / "checkpoint.pt"
    expected = trained(trials).readings()
    trainer, steps = PackTrainer(trials, DATA), 0
    while not trainer.finished:
        trainer.advance(0.0)
        if (steps := steps + 1) % 3 == 0:
            trainer.save(path)
            trainer = PackTrainer(trials, DATA)
            trainer.load(path)
    assert repr(trainer.readings()) == repr(expected)


def test_a_trial_has_the_same_readings_whatever_it_is_packed_with() -> None:
    def as_numbers(rows: list[dict[str, Any]]) -> dict[tuple[Any, ...], float]:
        return {(r["probe"], r["epoch"], r["layer"], r["quantity"], r["at"]): r["value"] for r in rows}

    settings = {**METHODS["sn+bn"], "precision": "float64"}
    packed, alone = trained(of(EVERY, **settings)).readings(), trained(of(EVERY, **settings)[1:]).readings()
    first, second = as_numbers(packed[1]), as_numbers(alone[0])
    assert first.keys() == second.keys()
    assert [*first.values()] == pytest.approx([*second.values()], rel=1e-6, abs=1e-9)


def test_when_a_probe_looks() -> None:
    epochs = {}
    for when in ("epoch", "ends", "end"):
        (rows,) = trained(of((probe("kurtosis", when=when),))[:1]).readings()
        epochs[when] = sorted({int(str(row["epoch"])) for row in rows})
    assert epochs == {"epoch": [0, 1, 2], "ends": [0, 2], "end": [2]}


def test_nothing_is_trained_in_no_epochs_and_probes_look_once() -> None:
    trials = [trial(DATA, record=(probe("kurtosis"),), epochs=0)]
    trainer = PackTrainer(trials, DATA)
    assert not trainer.finished
    before = {name: p.clone() for name, p in trainer.network.named_parameters()}
    trainer.advance(0.0)
    assert trainer.finished
    assert all(torch.equal(p, before[name]) for name, p in trainer.network.named_parameters())
    ((row,), (readings,)) = trainer.rows(), trainer.readings()
    assert (row["state"], row["selected_epoch"], row["train_loss"], row["curve_train_loss"]) == ("done", 0, None, [])
    assert row["curve_test_error"] == [row["test_error"]]
    assert {reading["epoch"] for reading in readings} == {0}


def test_of_a_replica_that_diverged_nothing_is_kept_after_it() -> None:
    trials = [trial(DATA, record=EVERY, lr=lr, epochs=2) for lr in (0.05, 1e30)]
    trainer = trained(trials)
    assert [row["state"] for row in trainer.rows()] == ["done", "diverged"]
    good, bad = trainer.readings()
    assert {row["epoch"] for row in good} == {0, 1, 2}
    assert {row["epoch"] for row in bad} == {0}
