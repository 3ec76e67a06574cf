"""Training and evaluation on a device that is not the CPU, without one: nothing left on the CPU, nothing waited for."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from sweeps.words.activations import ACTIVATIONS
from sweeps.words.augmentations import AUGMENTATIONS
from sweeps.words.choice import Choice
from sweeps.words.optimizers import OPTIMIZERS
from sweeps.words.vocabulary import NORMALIZERS
from tests.trainers.devices import Device
from tests.trainers.distributed.cases import COMPOSED, OPTIONS
from tests.trainers.models.small import MODELS
from tests.trainers.trials import activation, method, trial
from trainers.data.dataset import Dataset, assemble
from trainers.pack import PackTrainer

BATCH, STEPS = 8, 3  # of an epoch
WAITS = {"fastaa"}  # works on the images that drew an operation, and asks the device which these are


def data(shape: tuple[int, ...]) -> Dataset:
    """24 training samples; images in pixels."""
    x = np.random.default_rng(2).integers(0, 256, (40, *shape))
    return assemble("made", x.astype(np.uint8 if len(shape) == 3 else np.float32), np.arange(40) % 3, 3)


def of_method(name: str, **options: Any) -> dict[str, Any]:
    model, shape = MODELS["resnet20" if name == "in" else "mlp"]
    given = {key: value for part in name.split("+") for key, value in OPTIONS.get(part, {}).items()} | options
    return {"model": model, "shape": shape, "normalizer": method(name, **given)}


def of_model(name: str, **settings: Any) -> dict[str, Any]:
    model, shape = MODELS[name]
    return {"model": model, "shape": shape, "normalizer": method("bn")} | settings


def of_optimizer(name: str) -> dict[str, Any]:
    return of_model("mlp", optimizer=Choice.of(name, {k: o.default for k, o in OPTIMIZERS[name].options.items()}))


def of_augmentation(name: str) -> dict[str, Any]:
    options = {option: spec.default for option, spec in AUGMENTATIONS[name].options.items()}
    augment = Choice.of(name, options | ({"size": 16} if "size" in options else {}))
    return of_model("dgcnn" if name == "rotate-jitter" else "resnet9", augment=augment)


CASES: dict[str, dict[str, Any]] = {
    **{name: of_method(name) for name in (*NORMALIZERS, *COMPOSED)},
    "bn of the population": of_method("bn", statistics="population"),
    "bn in shards": of_method("bn") | {"shards": 2},
    "brn in shards": of_method("brn") | {"shards": 2},
    "cwo per sample": of_method("cwo", noise_per="sample"),
    "normprop of batches": of_method("normprop", data="batch"),
    **{f"popnorm {norm}": of_method("popnorm", norm=norm) for norm in ("l1", "linf")},
    **{
        f"{name} on images": of_method(name) | of_model("resnet20", normalizer=method(name))
        for name in ("bn-noise", "cwo")
    },
    **{name: of_model(name) for name in MODELS},
    **{name: of_optimizer(name) for name in OPTIMIZERS},
    **{name: of_augmentation(name) for name in AUGMENTATIONS if name not in WAITS},
    **{name: of_model("mlp", activation=activation(name)) for name in ACTIVATIONS},
    "everything else": of_model(
        "mlp",
        dropout=0.3,
        alpha_dropout=0.1,
        clip_norm=1.0,
        label_smoothing=0.1,
        ema=0.9,
        weight_decay=1e-3,
        nesterov=True,
        schedule=Choice.of("cosine", {"unit": "step"}),
        warmup_steps=2,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_training_stays_on_the_device_and_never_waits_for_it(name: str) -> None:
    """Two replicas train an epoch, and are evaluated, on the meta device. It is read at the end of the epoch alone."""
    settings = {"activation": activation("elu"), "batch_size": BATCH, "precision": "float32"} | CASES[name]
    dataset = data(settings.pop("shape"))
    trials = [trial(digest=dataset.facts.digest, seed=seed, **settings) for seed in (0, 1)]
    with Device() as device:
        trainer = PackTrainer(trials, dataset, device="meta")
        built = device.reads
        trainer.advance(math.inf, STEPS - 1)
        assert device.reads == built == 0
        assert trainer.epoch == 0
        trainer.advance(math.inf, 1)
        assert trainer.epoch == 1
        assert device.reads > 0
    state = trainer.network.state_dict() | trainer.optimizer.state_dict()
    assert {tensor.device.type for tensor in state.values()} == {"meta"}


def test_the_watch_sees_what_is_left_on_the_cpu_and_what_is_read() -> None:
    here, there = torch.ones(2), torch.ones(2, device="meta", requires_grad=True)
    with Device() as device:
        assert (there * 2.0 + torch.tensor(1.0)).sum().backward() is None
        assert device.reads == 0
        for read in (bool, float, torch.Tensor.tolist, torch.Tensor.cpu, here.copy_):
            before = device.reads
            read(there.detach()[0] if read in (bool, float) else there.detach())
            assert device.reads == before + 1
        with pytest.raises(AssertionError, match="of the CPU"):
            there + here
        with pytest.raises(AssertionError, match="of the CPU"):
            torch.index_select(there, 0, torch.tensor([1]))
