"""Every normalizer in shards: trials of a few steps in float64, trained by whoever, and by an oracle."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sweeps.trial import Trial
from sweeps.words.activations import OWN
from sweeps.words.composition import brings_activation, parts
from sweeps.words.composition import normalizer as entry
from sweeps.words.vocabulary import NORMALIZERS
from tests.trainers.trials import activation, method, trial
from tests.trainers.trials import model as choice
from trainers.data.dataset import Dataset, assemble
from trainers.metrics import cross_entropy
from trainers.pack import PackTrainer

BATCH, SHARDS, STEPS = 16, 4, 5
COMPOSED = ("ws+bn", "wn+mbn", "popnorm+vcl")
OPTIONS: dict[str, dict[str, Any]] = {
    "vcl": {"n": 2},
    "gn": {"groups": 2},
    "brn": {"ramp": 0.0},
    "gbn": {"size": 2},
    "evonorm-s0": {"groups": 2},
}
SYNCED = tuple(name for name in NORMALIZERS if "sync" in entry(name).options)
OF_A_BATCH = {
    "bn",
    "gbn",
    "brn",
    "bn-noise",
    "popnorm",
    "evonorm-b0",
    "mbn",
    "vcl",
    "normprop of batches",
}  # others work sample by sample
IMAGES = ("in", "bn", "bn-noise", "popnorm", "cwo", "frn", "evonorm-b0")
MODELS = {
    "mlp": choice("mlp"),
    "resnet20": choice("resnet20", width=0.125, depth=8),
    "transformer": choice("transformer", heads=2),
}


def data_of(model: str) -> Dataset:
    """40 training samples: two steps an epoch."""
    shape = (6,) if model == "mlp" else (3, 8, 8)
    x = np.random.default_rng(2).normal(size=(60, *shape)).astype(np.float32)
    return assemble("made", x, np.arange(60) % 3, 3)


def case(name: str, *, model: str = "mlp", shards: int = SHARDS, **options: Any) -> Trial:
    """A trial with everything that draws numbers, for a unit or for a sample."""
    given = {key: value for part in parts(name) for key, value in OPTIONS.get(part, {}).items()} | options
    return trial(
        digest=data_of(model).facts.digest,
        model=MODELS[model],
        normalizer=method(name, **given),
        activation=activation(OWN if brings_activation(name) else "elu"),
        batch_size=BATCH,
        shards=shards,
        dropout=0.0 if "normprop" in parts(name) else 0.2,
        epochs=3,
        steps=STEPS,
        init="lecun",
        lr=0.01,
    )


def cases() -> dict[str, Trial]:
    """Every normalizer on the mlp; those that treat positions in their own way on a small network of images too."""
    made = {name: case(name) for name in (*NORMALIZERS, *COMPOSED) if name != "in"}
    made |= {f"{name} sync": case(name, sync=True) for name in SYNCED}
    made |= {f"{name} on images": case(name, model="resnet20") for name in IMAGES}
    made |= {f"popnorm {norm} sync": case("popnorm", norm=norm, sync=True) for norm in ("l1", "linf")}
    made["bn-noise on images sync"] = case("bn-noise", model="resnet20", sync=True)
    made["cwo in a transformer"] = case("cwo", model="transformer", noise_per="sample")
    made["cwo per sample"] = case("cwo", noise_per="sample")
    made["normprop of batches"] = case("normprop", data="batch")
    return made


def trained(one: Trial) -> PackTrainer:
    trainer = PackTrainer([one], data_of(one.model.name))
    while not trainer.finished:
        trainer.advance(60.0)
    return trainer


def state(trainer: PackTrainer) -> dict[str, Tensor]:
    return dict(trainer.network.state_dict())


def close(ours: dict[str, Tensor], theirs: dict[str, Tensor], *, tolerance: float = 1e-9) -> None:
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        other = theirs[name]
        torch.testing.assert_close(value, other, rtol=tolerance, atol=tolerance, msg=lambda m, n=name: f"{n}: {m}")


class Oracle(PackTrainer):
    """Trains the shards one after the other, each in a network of its own, and takes the means of what they leave."""

    def _train_step(self) -> None:
        self.streams.at(self.epoch, self.step)
        order = self.streams.order(self._sizes.train)[:, self.step * BATCH : (self.step + 1) * BATCH]
        where = self._pool.train.gather(1, order)
        shards = self.trials[0].shards
        streams = self.streams
        networks: list[nn.Module] = []
        for i, part in enumerate(where.chunk(shards, dim=1)):
            streams.part(i * BATCH // shards, BATCH)
            network: Any = deepcopy(self.network, {id(streams): streams})  # draws from the same streams
            x, y = self._pool.samples(part)
            loss = cross_entropy(network(network.input(x)), y)
            penalty = network.penalty()
            (loss if penalty is None else loss + penalty).sum().backward()
            networks.append(network)
        for name, p in self.network.named_parameters():
            p.grad = torch.stack([n.get_parameter(name).grad for n in networks]).mean(dim=0)
        for name, b in self.network.named_buffers():
            each = [n.get_buffer(name) for n in networks]
            b.copy_(torch.stack(each).mean(dim=0) if b.is_floating_point() else each[0])
        for block in self.network.blocks:
            block.gradients()
        self.optimizer.set_rates(self._rates())
        self.optimizer.step()
        self.optimizer.clear()
        for block in self.network.blocks:
            block.project()
        self.step += 1
