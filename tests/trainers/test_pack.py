"""Training of a pack: what its rows say, going on after interruptions, and replicas that diverge."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sweeps.records import CURVES, RESULTS
from sweeps.words.choice import Choice
from tests.trainers.factory import blobs, trial
from tests.trainers.trials import activation, method
from trainers import checkpoint
from trainers.data.dataset import Dataset, assemble
from trainers.pack import PackTrainer

DATA = blobs()


def train(trainer: PackTrainer) -> PackTrainer:
    while not trainer.finished:
        trainer.advance(60.0)
    return trainer


def assert_same(a: PackTrainer, b: PackTrainer) -> None:
    assert a.rows() == b.rows()
    ours, theirs = a.network.state_dict(), b.network.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def mixed_pack(name: str, **options: Any) -> list[Any]:
    """Replicas that differ in everything that may differ in a pack."""
    base = trial(DATA, normalizer=method(name, **options), momentum=0.9, smoothing=2, dropout=0.3)
    return [
        replace(base, activation=activation("selu"), seed=3, alpha_dropout=0.1, dropout=0.0),
        replace(base, activation=activation("elu"), seed=1, lr=0.01, weight_decay=1e-3),
        replace(base, activation=activation("relu"), split=2, momentum=0.5, nesterov=True),
        replace(base, activation=activation("elu"), seed=2, schedule=Choice.of("cosine", {"unit": "step"})),
    ]


def test_learns_and_reports() -> None:
    trials = [trial(DATA, seed=s, epochs=8, normalizer=method("bn")) for s in (4, 5)]
    trainer = PackTrainer(trials, DATA)
    assert (trainer.finished, trainer.progress, trainer.epoch) == (False, 0.0, 0)
    rows = train(trainer).rows()
    assert (trainer.finished, trainer.progress, trainer.epoch) == (True, 1.0, 8)
    for result in rows:
        assert result.keys() == (RESULTS | CURVES).keys()
        losses, val, test = (np.array(result[f"curve_{name}"]) for name in ("train_loss", "val_error", "test_error"))
        assert losses.shape == val.shape == test.shape == (8,)
        assert losses[-1] < 0.6 * losses[0]
        epoch = int(val.argmin())
        assert result["state"] == "done"
        assert result["selected_epoch"] == epoch
        assert (result["val_error"], result["test_error"]) == (val[epoch], test[epoch])
        assert result["train_loss"] == losses[epoch]
        assert 0.05 < val[epoch] < 0.4
        train_part, test_part = DATA.y[DATA.split(0).train], DATA.y[DATA.split(0).test]
        assert result["majority_error"] == np.mean(test_part != np.bincount(train_part).argmax())


def test_errors_are_those_of_the_network_as_it_evaluates() -> None:
    """Counted again, sample by sample, with the network that training left."""
    trainer = train(PackTrainer([trial(DATA, epochs=2, split=s, normalizer=method("bn")) for s in (0, 1)], DATA))
    trainer.network.eval()
    for r, result in enumerate(trainer.rows()):
        split = DATA.split(r)
        mean, std = DATA.x[split.train].mean(axis=0), DATA.x[split.train].std(axis=0, ddof=1)
        count = 0
        for i in split.test:
            x = torch.from_numpy((DATA.x[i] - mean) / std).expand(2, 1, -1)
            count += int(trainer.network(x)[r, 0].argmax()) != DATA.y[i]
        assert result["curve_test_error"][-1] == count / len(split.test)


def test_rows_follow_the_trials_whatever_the_order_within() -> None:
    trials = mixed_pack("none")
    together = train(PackTrainer(trials, DATA)).rows()
    for one, row in zip(trials, together, strict=True):
        (alone,) = train(PackTrainer([one], DATA)).rows()
        assert row["curve_train_loss"] == pytest.approx(alone["curve_train_loss"], rel=1e-4)


@pytest.mark.parametrize("name", ["none", "bn", "vcl"])
def test_interrupted_anywhere_is_bit_for_bit(name: str, tmp_path: Path) -> None:
    trials = mixed_pack(name)
    whole = train(PackTrainer(trials, DATA))
    draw = random.Random(6)
    pieces = PackTrainer(trials, DATA)
    while not pieces.finished:
        for _ in range(draw.randint(1, 6)):
            pieces.advance(0.0)  # one step
        checkpoint.save(tmp_path / "pack.pt", pieces.state_dict())
        pieces.advance(0.0)  # what follows the checkpoint is lost
        state, reason = checkpoint.load(tmp_path / "pack.pt")
        assert state is not None, reason
        pieces = PackTrainer(trials, DATA)
        pieces.load_state_dict(state)
    assert_same(whole, pieces)


@pytest.mark.parametrize("name", ["none", "bn", "vcl"])
def test_a_diverged_replica_leaves_its_neighbours_untouched(name: str) -> None:
    calm = mixed_pack(name)
    wild = [calm[0], replace(calm[1], lr=1e30), *calm[2:]]
    a, b = train(PackTrainer(calm, DATA)), train(PackTrainer(wild, DATA))
    diverged = b.rows().pop(1)
    assert diverged["state"] == "diverged"
    assert diverged["diverged_epoch"] == 0
    assert [diverged[k] for k in ("val_error", "test_error", "train_loss", "selected_epoch")] == [None] * 4
    assert diverged["curve_train_loss"] == diverged["curve_val_error"] == diverged["curve_test_error"] == []
    assert isinstance(diverged["majority_error"], float)
    ours, theirs = a.rows(), b.rows()
    assert [ours[i] for i in (0, 2, 3)] == [theirs[i] for i in (0, 2, 3)]
    wild_at = b.trials.index(wild[1])
    for name, p in a.network.named_parameters():
        q = b.network.get_parameter(name)
        assert all(torch.equal(p[r], q[r]) for r in range(4) if r != wild_at)


def test_diverging_late_ends_the_curves_there() -> None:
    schedule = Choice.of("step", {"at": (2,), "factor": 1e30, "unit": "epoch"})
    row = train(PackTrainer([trial(DATA, epochs=5, schedule=schedule)], DATA)).rows()[0]
    assert (row["state"], row["diverged_epoch"]) == ("diverged", 2)
    assert [len(row[f"curve_{name}"]) for name in ("train_loss", "val_error", "test_error")] == [2, 2, 2]


def test_a_pack_that_has_diverged_wholly_stops() -> None:
    trainer = train(PackTrainer([trial(DATA, epochs=50, seed=s, lr=1e30) for s in (0, 1)], DATA))
    assert trainer.epoch == 1
    assert trainer.progress == 1.0


def test_advance_keeps_to_its_time_and_takes_a_step_at_least() -> None:
    trainer = PackTrainer([trial(DATA, epochs=10_000)], DATA)
    trainer.advance(0.0)
    assert (trainer.epoch, trainer.step) == (0, 1)
    trainer.advance(0.2)
    assert (trainer.epoch, trainer.step) > (0, 1)
    assert 0.0 < trainer.progress < 1.0
    assert trainer.rows()[0]["state"] == "running"


def test_the_moments_of_a_step_come_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = PackTrainer([trial(DATA, depth=2, normalizer=method("cwo"))], DATA)
    moments: list[str] = []

    def watch(owner: Any, name: str, label: str) -> None:
        original = getattr(owner, name)
        monkeypatch.setattr(
            owner, name, lambda *values, **named: (moments.append(label), original(*values, **named))[1]
        )

    watch(trainer.network, "calibrate", "calibrate")
    watch(trainer.network, "input", "input")
    watch(trainer.network, "forward", "forward")
    watch(trainer.network, "penalty", "penalty")
    watch(trainer.optimizer, "step", "step")
    for i, block in enumerate(trainer.network.blocks):
        watch(block, "gradients", f"gradients {i}")
        watch(block, "project", f"project {i}")
    step = ["input", "forward", "penalty", "gradients 0", "gradients 1", "step", "project 0", "project 1"]
    trainer.advance(0.0)
    trainer.advance(0.0)
    assert moments == ["calibrate", *step, *step]


def test_calibration_sees_the_training_part_in_order_as_often_as_it_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = PackTrainer([trial(DATA, split=s) for s in (0, 1)], DATA)
    seen: list[torch.Tensor] = []

    def calibrate(samples: Any, *, before: str) -> None:
        assert before == "training"
        seen.extend(torch.cat(list(samples()), dim=1) for _ in range(2))

    monkeypatch.setattr(trainer.network, "calibrate", calibrate)
    trainer.advance(0.0)
    first, second = seen
    assert torch.equal(first, second)
    assert first.shape == (2, 144, 6)
    torch.testing.assert_close(first.mean(dim=1), torch.zeros(2, 6), rtol=0, atol=1e-5)
    torch.testing.assert_close(first.std(dim=1), torch.ones(2, 6), rtol=1e-5, atol=0)


def test_incomplete_batches_are_dropped_and_steps_are_capped() -> None:
    def steps(**changes: Any) -> tuple[int, int]:
        trainer, count = PackTrainer([trial(DATA, **changes)], DATA), 0
        while not trainer.finished:
            trainer.advance(0.0)
            count += 1
        return count, trainer.epoch

    assert DATA.facts.splits[0].train == 144
    assert steps(batch_size=20, epochs=2) == (14, 2)
    assert steps(batch_size=20, epochs=2, steps_per_epoch=3) == (6, 2)
    assert steps(batch_size=20, epochs=2, steps_per_epoch=30) == (14, 2)
    assert steps(batch_size=20, epochs=9, steps=10) == (10, 2)
    assert steps(batch_size=144, epochs=1) == (1, 1)


def test_without_a_validation_part_the_last_epoch_counts() -> None:
    codes = np.where(np.arange(240) < 180, 0, 2).astype(np.uint8)[None]
    data = assemble("blobs", DATA.x, DATA.y, 3, codes=codes)
    row = train(PackTrainer([trial(data)], data)).rows()[0]
    assert (row["selected_epoch"], row["val_error"], row["curve_val_error"]) == (2, None, [])
    assert row["test_error"] == row["curve_test_error"][-1]


def refusals() -> list[tuple[list[Any], Dataset, str]]:
    base = trial(DATA)
    return [
        ([base, replace(base, epochs=4)], DATA, "`epochs`"),
        ([base, replace(base, batch_size=10)], DATA, "`batch_size`"),
        ([replace(base, digest="0" * 64)], DATA, "plan the sweep again"),
        ([base, replace(base, shards=2)], DATA, "shards"),
        ([replace(base, batch_size=145)], DATA, "144 training samples"),
    ]


@pytest.mark.parametrize(
    ("trials", "data", "message"), refusals(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_refuses_what_is_no_pack(trials: list[Any], data: Dataset, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PackTrainer(trials, data)


def test_refuses_the_state_of_other_trials() -> None:
    state = PackTrainer([trial(DATA)], DATA).state_dict()
    with pytest.raises(ValueError, match="other trials"):
        PackTrainer([trial(DATA, seed=1)], DATA).load_state_dict(state)
