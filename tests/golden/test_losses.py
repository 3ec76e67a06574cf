"""Losses that a change of the code must reproduce, unless it mends a method and raises that method's revision."""

from __future__ import annotations

from typing import Any

import pytest

from sweeps.words.composition import parts
from sweeps.words.vocabulary import NORMALIZERS
from tests.trainers.factory import trial
from tests.trainers.trials import activation, method, model
from trainers.data import load
from trainers.data.dataset import Dataset
from trainers.pack import PackTrainer

# Mean loss of each of the first two epochs of 50 steps on waveform-generated, float64.
GOLDEN: dict[str, list[float]] = {
    "none": [0.7556334104216639, 0.5408160186163596],
    "bn": [0.7292066849112747, 0.5468795902550501],
    "vcl": [0.7569391115366214, 0.536126263330816],
    "bn-frozen": [0.8113473483969522, 0.6355900561160049],
    "bn-noise": [0.7253838765550897, 0.5470300698224517],
    "brn": [0.6931423908697694, 0.5000902295184786],
    "popnorm": [0.9492167248876255, 0.6710745423869515],
    "ln": [0.6695578368045613, 0.4827682242815938],
    "gn": [0.7053625445425442, 0.5411430921890599],
    "wn": [0.7293402223846166, 0.48160303950723266],
    "mbn": [0.7612606878655883, 0.6397451307086284],
    "cwn": [0.6980962046524876, 0.4986474227072004],
    "ws": [4.359092137522101, 1.643700209118827],
    "cwo": [1.3870933465118997, 0.8888132914112781],
    "normprop": [0.5760055148468033, 0.3847303616568828],
    "dyt": [0.807072966899561, 0.537471989039887],
    "gbn": [0.7901662646959058, 0.5979329942296235],
    "sws": [0.722319735493453, 0.4904299484847245],
    "sn": [0.7921748050107904, 0.5608506714343987],
    "rms": [0.6562159990344805, 0.45780420705886676],
    "frn": [1.1256762918675631, 1.0913754979582508],
    "evonorm-b0": [0.7301836531771708, 0.5152810255426921],
    "evonorm-s0": [0.8673307990803956, 0.696583858156547],
    "ws+bn": [0.7352170517990245, 0.5539892381828139],
}

# Of epochs of 20 steps of a small residual network on shapes-generated, for what has no use in an mlp.
GOLDEN_ON_IMAGES: dict[str, list[float]] = {"in": [2.2780278347579186, 2.181497505878857]}

# Where a method does not take the common settings, would do nothing yet, or is badly conditioned with them.
CHANGES: dict[str, dict[str, Any]] = {
    "brn": {"normalizer": method("brn", ramp=0.002)},
    "gn": {"normalizer": method("gn", groups=4)},
    "ws": {"lr": 0.002},
    "normprop": {"dropout": 0.0, "alpha_dropout": 0.0},
    "frn": {"activation": activation("own")},
    "evonorm-b0": {"activation": activation("own")},
    "evonorm-s0": {"activation": activation("own"), "normalizer": method("evonorm-s0", groups=4)},
}


def losses(data: Dataset, name: str, **changes: Any) -> list[float]:
    settings: dict[str, Any] = {
        "normalizer": method(name),
        "activation": activation("selu"),
        "init": "lecun",
        "epochs": 2,
        "dropout": 0.2,
        "alpha_dropout": 0.05,
        "momentum": 0.9,
        "weight_decay": 1e-4,
        "precision": "float64",
        "seed": 1,
    }
    trainer = PackTrainer([trial(data, **(settings | CHANGES.get(name, {}) | changes))], data)
    while not trainer.finished:
        trainer.advance(60.0)
    found = trainer.rows()[0]["curve_train_loss"]
    assert isinstance(found, list)
    return found


def on_images(name: str) -> list[float]:
    changes = {"model": model("resnet20", width=0.25, depth=8), "dropout": 0.0, "alpha_dropout": 0.0}
    return losses(load("shapes-generated"), name, steps_per_epoch=20, **changes)


def test_every_method_has_golden_losses() -> None:
    assert {part for name in (*GOLDEN, *GOLDEN_ON_IMAGES) for part in parts(name)} == NORMALIZERS.keys()


@pytest.mark.parametrize("name", GOLDEN)
def test_losses(name: str) -> None:
    assert losses(load("waveform-generated"), name, steps_per_epoch=50) == pytest.approx(GOLDEN[name], rel=1e-7)


@pytest.mark.parametrize("name", GOLDEN_ON_IMAGES)
def test_losses_on_images(name: str) -> None:
    assert on_images(name) == pytest.approx(GOLDEN_ON_IMAGES[name], rel=1e-7)
