"""Every normalizer trains: a deep mlp on real digits to a real error, a resnet20 on real images downhill."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from sweeps.file.spec import SweepSpec
from sweeps.plan import expand
from sweeps.trial import Trial
from sweeps.words.vocabulary import NORMALIZERS
from trainers import data
from trainers.host import prepare
from trainers.metrics import cross_entropy
from trainers.models import build
from trainers.optim.sgd import SGD
from trainers.pack import PackTrainer
from trainers.seeding import Streams

COMPOSED = ["wn+mbn", "ws+bn", "ws+gn"]
# `in` has no use without space. `ws` alone gives rows of norm sqrt(fan-in), so that the pre-activations of an mlp grow
# by that factor a layer: its source (CWO section 3.5) uses it with bn or gn only. It diverges, and is expected to.
# `sn` alone leaves of a signal a fraction a layer, and of depth 8 nothing to learn from in so many steps.
FOR_AN_MLP = [*sorted(NORMALIZERS.keys() - {"in", "ws", "sn"}), *COMPOSED, "sn+bn"]
# bn, gn, popnorm and cwo train resnet20 for many epochs in benchmarks/cifar_sample.py.
ON_IMAGES = sorted(NORMALIZERS.keys() - {"ws", "bn", "gn", "popnorm", "cwo"}) + COMPOSED
# Without statistics of the sum, residual sums grow: these take the rate that NormProp (Fig. 2) gives plain networks.
SLOW = {"none": 1e-4, "wn": 1e-4, "normprop": 1e-4, "sws": 1e-4}
# With alpha = 0.5 each layer halves its input at the start: what it learns in so many steps is less.
EPOCHS = {"dyt": 30}
LARGEST_ERROR = {"dyt": 0.25, "evonorm-s0": 0.07, "frn": 0.12}
# Of a fully connected layer's values frn leaves little but the sign until its ε has grown: deeper, that takes longer.
DEPTH = {"frn": 2}
LARGEST_LOSS = {"dyt": 0.9, "sn": 1.0}
OPTIONS: dict[str, object] = {"gbn": {"gbn": {"size": 8}}}

pytestmark = pytest.mark.smoke


def trial(dataset: str, normalizer: object, **changes: object) -> Trial:
    settings = {"dataset": dataset, "normalizer": normalizer, "activation": "elu", "lr": 0.01} | changes
    (made,) = expand(SweepSpec.from_json({"name": "one", "trial": settings}), data.facts)
    return made


def trained(normalizer: str, epochs: int) -> dict[str, object]:
    trainer = PackTrainer(
        [trial("optical-test", normalizer, depth=DEPTH.get(normalizer, 8), epochs=epochs)], data.load("optical-test")
    )
    while not trainer.finished:
        trainer.advance(60.0)
    return trainer.rows()[0]


@pytest.mark.parametrize("normalizer", FOR_AN_MLP)
def test_a_deep_mlp_learns_digits(normalizer: str) -> None:
    """Plain SGD at lr 0.01. Answering always the same is an error of 0.9."""
    prepare(threads=1)
    row = trained(normalizer, epochs=EPOCHS.get(normalizer, 15))
    error = row["test_error"]
    assert isinstance(error, float)
    assert error < LARGEST_ERROR.get(normalizer, 0.06)


def test_weight_standardization_alone_diverges() -> None:
    row = trained("ws", epochs=2)
    assert (row["state"], row["diverged_epoch"]) == ("diverged", 0)


@pytest.mark.parametrize("normalizer", ON_IMAGES)
def test_the_loss_of_resnet20_falls_over_ten_steps(real_data: Path, normalizer: str) -> None:
    """On one batch of 32 real images."""
    prepare(threads=1)
    rate = SLOW.get(normalizer, 0.02)
    given = {"normalizer": OPTIONS.get(normalizer, normalizer), "batch_size": 32}
    one = trial("cifar10-sample", **given, model="resnet20", activation="relu", lr=rate, momentum=0.9)
    dataset = data.load("cifar10-sample")
    streams = Streams([0])
    network = build([one], dataset.facts, streams).train()
    optimizer = SGD(network.named_parameters(), momentum=[0.9], nesterov=[False], weight_decay=[0.0])
    optimizer.set_rates([one.lr])
    train = dataset.split(0).train[:32]
    x = torch.from_numpy(data.standardized(dataset, dataset.split(0), "train")[train])[None]
    y = torch.from_numpy(dataset.y[train])[None]
    streams.at(0, 0)
    network.calibrate(lambda: [x])
    losses: list[float] = []
    for step in range(11):
        streams.at(0, step)
        loss = cross_entropy(network(network.input(x)), y)
        penalty = network.penalty()
        (loss if penalty is None else loss + penalty).sum().backward()
        for block in network.blocks:
            block.gradients()
        optimizer.step()
        optimizer.clear()
        for block in network.blocks:
            block.project()
        losses.append(loss.item())
    assert min(losses[-3:]) < LARGEST_LOSS.get(normalizer, 0.8) * losses[0], losses
