"""Every normalizer on every model: trains, evaluates, is saved and goes on, alone and packed, or is refused."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pytest
import torch

from sweeps.trial import Trial
from sweeps.words.activations import ACTIVATIONS, OWN
from sweeps.words.choice import Choice, OptionValue
from sweeps.words.composition import brings_activation, normalizer, parts
from sweeps.words.vocabulary import NORMALIZERS
from tests.trainers.models.small import MODELS
from tests.trainers.trials import activation, method, trial
from trainers.data.dataset import Dataset, assemble
from trainers.pack import PackTrainer

pytestmark = pytest.mark.oracle

ALL_OF_IT = 1e9  # seconds
BATCH = 4

# Options for batches of four and layers of a few channels.
SMALL: dict[str, dict[str, OptionValue]] = {
    "vcl": {"n": 2},
    "gn": {"groups": 2},
    "gbn": {"size": 2},
    "bn-noise": {"extra": 0.15},
    "evonorm-s0": {"groups": 2},
}

# Beside the entries themselves; every other composition that is allowed is tried on the mlp.
ON_EVERY_MODEL = (*NORMALIZERS, "ws+bn", "ws+gn", "wn+mbn")


def _composes(a: str, b: str) -> bool:
    try:
        return len(parts(f"{a}+{b}")) == 2
    except ValueError:
        return False


ON_MLP = [
    name
    for a, b in combinations(NORMALIZERS, 2)
    if _composes(a, b) and (name := "+".join(parts(f"{a}+{b}"))) not in ON_EVERY_MODEL
]

# Instance normalization has nothing to normalize in a fully connected layer or a map of one position.
WITHOUT_SPACE = {
    "mlp",
    "resmlp",
    "transformer",
    "dgcnn",
    "elu-cnn-11",
    "resnet18",
    "resnet34",
    "resnet50",
    "bne-resnet",
}
ACTING = [name for name in ON_EVERY_MODEL if "activated" in normalizer(name).points]
REFUSED: dict[tuple[str, str], str] = {
    **{("in", model): "one value|fully connected" for model in WITHOUT_SPACE},
    **{(name, model): "have none" for name in ACTING for model in ("resmlp", "transformer")},
}


def _variants() -> list[tuple[str, str, OptionValue]]:
    """Every other value of the options that take one of a few."""
    return [
        (name, option, value)
        for name, entry in NORMALIZERS.items()
        for option, spec in entry.options.items()
        for value in (spec.words if spec.kind == "word" else (True, False) if spec.kind == "bool" else ())
        if value != spec.default
    ]


def _packing() -> list[tuple[str, str]]:
    """Options of which each replica of a pack may have its own number."""
    floats = [
        (name, option)
        for name, entry in NORMALIZERS.items()
        for option, spec in entry.options.items()
        if spec.packs and spec.kind == "float"
    ]
    return [*floats, ("bn-noise", "virtual_batch")]


def options(name: str) -> dict[str, OptionValue]:
    return {option: value for part in parts(name) for option, value in SMALL.get(part, {}).items()}


def data_of(shape: tuple[int, ...]) -> Dataset:
    """10 training samples, 2 for validation, 4 for test: two steps an epoch."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(16, *shape)).astype(np.float32)
    return assemble("made", x, np.arange(16) % 2, 2)


def pair(data: Dataset, model: Choice, normalizer: Choice) -> list[Trial]:
    """Two trials that may share a pack, their activations being different unless the method brings its own."""
    own = brings_activation(normalizer.name)
    shared: dict[str, Any] = {
        "digest": data.facts.digest,
        "model": model,
        "normalizer": normalizer,
        "batch_size": BATCH,
        "init": "lecun",
        "precision": "float64",
    }
    one = trial(**shared, activation=activation(OWN if own else "relu"), seed=1, lr=0.002)
    return [one, trial(**shared, activation=activation(OWN if own else "elu"), seed=2, weight_decay=1e-3)]


def alone_as_packed(trials: list[Trial], data: Dataset, packed: PackTrainer) -> None:
    for r, one in enumerate(trials):
        alone = PackTrainer([one], data)
        alone.advance(ALL_OF_IT)
        (mine,), theirs = alone.rows(), packed.rows()[r]
        np.testing.assert_allclose(mine["train_loss"], theirs["train_loss"], rtol=1e-9, err_msg=str(one.activation))


def state_of(trainer: PackTrainer) -> dict[str, Any]:
    """As a checkpoint brings it back."""
    file = io.BytesIO()
    torch.save(trainer.state_dict(), file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def check(name: str, model: str, given: Mapping[str, OptionValue] | None = None) -> None:
    choice, shape = MODELS[model]
    data = data_of(shape)
    trials = pair(data, choice, method(name, **(options(name) | dict(given or {}))))
    trainer = PackTrainer(trials, data)
    start = {key: p.detach().clone() for key, p in trainer.network.named_parameters()}
    trainer.advance(0)
    assert (trainer.epoch, trainer.step) == (0, 1)
    saved = state_of(trainer)
    trainer.advance(ALL_OF_IT)
    for key, p in trainer.network.named_parameters():
        assert p.isfinite().all(), key
    moved = [key for key, p in trainer.network.named_parameters() if not torch.equal(p, start[key])]
    assert any(key.endswith("weight") for key in moved)
    for row in trainer.rows():
        assert row["state"] == "done", row
        assert math.isfinite(float(row["train_loss"]))

    resumed = PackTrainer(trials, data)
    resumed.load_state_dict(saved)
    resumed.advance(ALL_OF_IT)
    for (key, p), q in zip(trainer.network.state_dict().items(), resumed.network.state_dict().values(), strict=True):
        assert torch.equal(p, q), f"{key} after resuming"
    assert _figures(resumed) == _figures(trainer)

    alone_as_packed(trials, data, trainer)


def _figures(trainer: PackTrainer) -> list[dict[str, object]]:
    return [{key: value for key, value in row.items() if "seconds" not in key} for row in trainer.rows()]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", ON_EVERY_MODEL)
def test_a_normalizer_on_a_model(name: str, model: str) -> None:
    if (name, model) in REFUSED:
        with pytest.raises(ValueError, match=REFUSED[name, model]):
            check(name, model)
    else:
        check(name, model)


@pytest.mark.parametrize("model", ["mlp", "resnet20"])
@pytest.mark.parametrize(("name", "option", "value"), _variants())
def test_an_option_of_a_normalizer(name: str, option: str, value: OptionValue, model: str) -> None:
    check(name, model, {option: value})


@pytest.mark.parametrize(("name", "option"), _packing())
def test_replicas_with_numbers_of_their_own(name: str, option: str) -> None:
    data = data_of((6,))
    default = NORMALIZERS[name].options[option].default
    number = default if isinstance(default, float) else 0.2
    values = (0, 2, 3) if option == "virtual_batch" else (number, 1.5 * number, 3 * number)
    choices = [method(name, **(options(name) | {option: value})) for value in values]
    trials = [pair(data, MODELS["mlp"][0], choice)[1] for choice in choices]
    packed = PackTrainer(trials, data)
    packed.advance(ALL_OF_IT)
    alone_as_packed(trials, data, packed)


def test_a_virtual_batch_is_refused_on_convolutions() -> None:
    with pytest.raises(ValueError, match="extra"):
        check("bn-noise", "resnet20", {"virtual_batch": 2})


@pytest.mark.parametrize("name", ON_MLP)
def test_a_composition_on_the_mlp(name: str) -> None:
    if "in" in parts(name):
        with pytest.raises(ValueError, match=REFUSED["in", "mlp"]):
            check(name, "mlp")
    else:
        check(name, "mlp")


@pytest.mark.parametrize(
    "name", [name for name in ON_EVERY_MODEL if (name, "mlp") not in REFUSED and not brings_activation(name)]
)
def test_every_activation_in_one_pack(name: str) -> None:
    data = data_of((6,))
    normalizer = method(name, **options(name))
    first = pair(data, MODELS["mlp"][0], normalizer)[0]
    others = [name for name in ACTIVATIONS if name != OWN]
    trials = [replace(first, activation=activation(a), seed=i, init="glorot") for i, a in enumerate(others)]
    packed = PackTrainer(trials, data)
    packed.advance(ALL_OF_IT)
    alone_as_packed(trials, data, packed)
