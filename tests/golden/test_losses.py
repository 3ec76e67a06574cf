"""Losses that a change of the code must reproduce, unless it mends a method and raises that method's revision."""

from __future__ import annotations

import pytest

from tests.trainers.factory import trial
from tests.trainers.trials import activation, method
from trainers.data import load
from trainers.pack import PackTrainer

# Mean loss of each of the first two epochs of 50 steps on waveform-generated, float64.
GOLDEN: dict[str, list[float]] = {
    "none": [0.7556334104216639, 0.5408160186163596],
    "bn": [0.7292066849112747, 0.5468795902550501],
    "vcl": [0.7569391115366214, 0.536126263330816],
}


@pytest.mark.parametrize("name", ["none", "bn", "vcl"])
def test_losses(name: str) -> None:
    data = load("waveform-generated")
    t = trial(
        data,
        normalizer=method(name),
        activation=activation("selu"),
        init="lecun",
        epochs=2,
        steps_per_epoch=50,
        dropout=0.2,
        alpha_dropout=0.05,
        momentum=0.9,
        weight_decay=1e-4,
        precision="float64",
        seed=1,
    )
    trainer = PackTrainer([t], data)
    while not trainer.finished:
        trainer.advance(60.0)
    assert trainer.rows()[0]["curve_train_loss"] == pytest.approx(GOLDEN[name], rel=1e-7)
