"""A trial is given the same numbers and learns the same whatever it is packed with; methods are compared in pairs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from sweeps.trial import Trial
from tests.trainers.factory import blobs, trial
from tests.trainers.trials import activation, method
from trainers.pack import PackTrainer

DATA = blobs(n=800, features=9)
STEPS = 20


class Watched:
    """A pack after `STEPS` steps, with what one of its trials was given: weights, batches, random numbers, losses."""

    def __init__(self, trials: list[Trial], watched: Trial) -> None:
        trainer = PackTrainer(trials, DATA)
        r = trainer.trials.index(watched)
        self.weights = {name: p[r].detach().clone() for name, p in trainer.network.named_parameters()}
        self.batches: list[Tensor] = []
        self.numbers: list[Tensor] = []
        network_input, uniform = trainer.network.input, trainer.streams.uniform

        def watch_input(x: Tensor) -> Tensor:
            self.batches.append(x[r].clone())
            return network_input(x)

        def watch_uniform(purpose: str, layer: int, shape: tuple[int, ...], *, samples: bool = False) -> Tensor:
            numbers = uniform(purpose, layer, shape, samples=samples)
            self.numbers.append(numbers[r].clone())
            return numbers

        trainer.network.input = watch_input
        trainer.streams.uniform = watch_uniform
        sums = [torch.zeros((), dtype=torch.float64)]
        for _ in range(STEPS):
            trainer.advance(0.0)
            sums.append(trainer.state_dict()["loss_sums"][r].clone())
        self.losses = torch.stack(sums).diff()

    def assert_given_the_same(self, other: Watched) -> None:
        assert self.batches
        assert len(self.batches) == len(other.batches)
        assert all(torch.equal(a, b) for a, b in zip(self.batches, other.batches, strict=True))
        shared = self.weights.keys() & other.weights.keys()
        assert "hidden.0.weight" in shared
        assert all(torch.equal(self.weights[name], other.weights[name]) for name in shared)


def neighbours(t: Trial) -> list[list[Trial]]:
    """Packs of several compositions with `t` in them."""
    others = [
        replace(t, seed=11),
        replace(t, seed=12, activation=activation("relu"), lr=0.001, split=3),
        replace(t, activation=activation("elu"), lr=t.lr * 2),
        replace(t, seed=13, activation=activation("selu"), momentum=0.9, weight_decay=1e-3, split=1),
    ]
    return [[others[0], t], [*others, t], [t, others[2]], [others[1], t, others[3]]]


@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-5), ("float64", 1e-10)])
@pytest.mark.parametrize("name", ["none", "bn", "vcl"])
@pytest.mark.parametrize(
    "dropout", [{"dropout": 0.5}, {"alpha_dropout": 0.05, "activation": activation("selu")}], ids=str
)
def test_alone_and_in_any_pack(name: str, precision: str, tolerance: float, dropout: dict[str, Any]) -> None:
    fields = {"normalizer": method(name), "precision": precision, "seed": 7, "width": 32} | dropout
    t = trial(DATA, **fields)
    alone = Watched([t], t)
    assert alone.numbers
    for pack in neighbours(t):
        packed = Watched(pack, t)
        alone.assert_given_the_same(packed)
        assert alone.weights.keys() == packed.weights.keys()
        assert all(torch.equal(a, b) for a, b in zip(alone.numbers, packed.numbers, strict=True))
        torch.testing.assert_close(packed.losses, alone.losses, rtol=tolerance, atol=0)


def test_methods_at_one_seed_start_alike_and_see_the_same() -> None:
    trials = [trial(DATA, seed=7, dropout=0.5, normalizer=method(name)) for name in ("none", "bn", "vcl")]
    none, bn, vcl = (Watched([t], t) for t in trials)
    for other in (bn, vcl):
        none.assert_given_the_same(other)
        assert all(torch.equal(a, b) for a, b in zip(none.numbers, other.numbers, strict=True))
        assert not torch.equal(none.losses, other.losses)


def test_another_seed_or_split_is_another_training() -> None:
    """What the tests above compare can differ."""
    t = trial(DATA, seed=7, dropout=0.5)
    base, other, elsewhere = (Watched([u], u) for u in (t, replace(t, seed=8), replace(t, split=1)))
    assert not torch.equal(base.weights["hidden.0.weight"], other.weights["hidden.0.weight"])
    assert not torch.equal(base.numbers[0], other.numbers[0])
    assert not torch.equal(base.batches[0], other.batches[0])
    assert torch.equal(base.weights["hidden.0.weight"], elsewhere.weights["hidden.0.weight"])
    assert not torch.equal(base.batches[0], elsewhere.batches[0])
