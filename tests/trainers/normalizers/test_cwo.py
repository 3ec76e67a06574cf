from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sweeps.words.choice import Choice
from tests.trainers.factory import blobs, trial
from tests.trainers.normalizers.alone import ELU, FLOAT64, LAYER, LAYERS, PLACES, Place, Plain, compare, normal
from tests.trainers.trials import method
from trainers.normalizers import Site, build
from trainers.pack import PackTrainer
from trainers.seeding import Streams


def plain(
    *, c: float = 2.0, center: bool = True, sphere: bool = True, sigma: float, per_sample: bool = False
) -> Callable[..., Plain]:
    """A replica with its noise of deviation `sigma` drawn from the same streams."""

    class Constrained(Plain):
        def __init__(self, place: Place, weight: Tensor, bias: Tensor, seed: int, activation: Choice) -> None:
            super().__init__(place, weight, bias, seed, activation)
            self.gamma = nn.Parameter(torch.ones_like(bias))
            self.beta = nn.Parameter(torch.zeros_like(bias))
            self.project()

        def forward(self, x: Tensor) -> Tensor:
            u = self.place.apply(x, self.weight).movedim(1, -1)
            factor = torch.ones((), dtype=FLOAT64)
            if self.training:
                streams = Streams([self.seed], dtype=FLOAT64)
                streams.at(0, self.step)
                shape = (len(x), self.place.outputs) if per_sample else (self.place.outputs,)
                factor = 1 + sigma * streams.normal("noise", LAYER, shape)[0]
                if per_sample:
                    factor = factor.view(len(x), *[1] * (u.ndim - 2), -1)
            return F.elu(factor * self.gamma * u + self.beta).movedim(-1, 1)

        def edit(self) -> None:
            if center:
                for row in self.weight.grad:
                    row -= row.sum() / row.numel()

        def project(self) -> None:
            with torch.no_grad():
                for row in self.weight:
                    if center:
                        row -= row.sum() / row.numel()
                    if sphere:
                        row *= (c / (row * row).sum()) ** 0.5

    return Constrained


CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "default": ({}, {"sigma": LAYER / LAYERS}),
    "linear": ({"sigma": 0.4}, {"sigma": 0.4 * LAYER / LAYERS}),
    "constant": ({"noise": "constant"}, {"sigma": 0.2}),
    "no noise": ({"sigma": 0.0}, {"sigma": 0.0}),
    "per sample": ({"noise": "constant", "sigma": 0.3, "noise_per": "sample"}, {"sigma": 0.3, "per_sample": True}),
    "sphere alone": ({"center": False, "c": 3.0}, {"center": False, "c": 3.0, "sigma": LAYER / LAYERS}),
    "center alone": ({"sphere": False}, {"sphere": False, "sigma": LAYER / LAYERS}),
    "neither": ({"center": False, "sphere": False}, {"center": False, "sphere": False, "sigma": LAYER / LAYERS}),
}


@pytest.mark.oracle
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("replicas", [1, 3])
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_against_plain_modules(case: str, place: Place, replicas: int) -> None:
    options, figures = CASES[case]
    compare("cwo", plain(**figures), place, replicas, **options)


@pytest.mark.parametrize(("precision", "tolerance"), [("float64", 1e-6), ("float32", 1e-5)])
@pytest.mark.parametrize("weight_decay", [0.0, 0.05])
def test_constraints_hold_after_every_step(precision: str, tolerance: float, weight_decay: float) -> None:
    data = blobs()
    trials = [
        trial(
            data,
            normalizer=method("cwo"),
            precision=precision,
            momentum=0.9,
            lr=0.2,
            weight_decay=weight_decay,
            seed=seed,
        )
        for seed in (0, 1)
    ]
    trainer = PackTrainer(trials, data)
    steps = 0
    while not trainer.finished:
        for block in trainer.network.blocks:
            w = block.weight.detach().flatten(2).double()
            assert w.sum(2).abs().max() < tolerance
            assert (w.square().sum(2) - 2).abs().max() < tolerance
        trainer.advance(0.0)
        steps += 1
    assert steps == 21


def test_momentum_is_centred() -> None:
    data = blobs()
    trainer = PackTrainer([trial(data, normalizer=method("cwo"), precision="float64", momentum=0.9)], data)
    for _ in range(5):
        trainer.advance(0.0)
    velocities = {k: v for k, v in trainer.optimizer.state_dict().items() if k.endswith("weight") and "hidden" in k}
    assert len(velocities) == 3
    for velocity in velocities.values():
        assert velocity.flatten(2).sum(2).abs().max() < 1e-12 < velocity.abs().max()


def noises(count: int, batch: int, **options: Any) -> Tensor:
    """(count, R, B, C): the factors of units with value 1, in `count` steps."""
    site = Site(
        in_channels=4,
        out_channels=6,
        layer=3,
        layers=4,
        replicas=2,
        streams=Streams([0, 1], dtype=FLOAT64),
        activation=ELU,
    )
    method = build("cwo", site, **options)
    drawn: list[Tensor] = []
    for step in range(count):
        site.streams.at(0, step)
        drawn.append(method.after(torch.ones(2, batch, 6, dtype=FLOAT64)).detach())
    return torch.stack(drawn)


def test_one_draw_for_a_unit_and_a_step() -> None:
    y = noises(1000, 3)
    assert torch.equal(y[:, :, 0], y[:, :, 2])
    torch.testing.assert_close(y.mean(), torch.tensor(1.0, dtype=FLOAT64), atol=0.03, rtol=0)
    torch.testing.assert_close(y[:, :, 0].std(), torch.tensor(0.75, dtype=FLOAT64), atol=0.03, rtol=0)
    assert (y[0] != y[1]).all()
    assert (y[:, 0] != y[:, 1]).any()


def test_a_draw_for_each_sample() -> None:
    y = noises(1000, 3, noise_per="sample", noise="constant")
    assert (y[:, :, 0] != y[:, :, 2]).any()
    torch.testing.assert_close(y.std(), torch.tensor(0.2, dtype=FLOAT64), atol=0.005, rtol=0)


def test_each_replica_its_own_noise_and_sphere() -> None:
    y = noises(1000, 1, noise="constant", sigma=[0.0, None])
    assert (y[:, 0] == 1).all()
    torch.testing.assert_close(y[:, 1].std(), torch.tensor(0.2, dtype=FLOAT64), atol=0.01, rtol=0)
    site = Site(in_channels=4, out_channels=6, replicas=2, streams=Streams([0, 1], dtype=FLOAT64))
    w = normal(2, 6, 4, seed=1)
    build("cwo", site, c=[2.0, 5.0]).project({"weight": w})
    torch.testing.assert_close(w.square().sum(2)[:, 0], torch.tensor([2.0, 5.0], dtype=FLOAT64))


def test_nothing_is_drawn_at_evaluation() -> None:
    u = normal(2, 3, 6, seed=1)
    site = Site(in_channels=4, out_channels=6, replicas=2, streams=Streams([0, 1], dtype=FLOAT64))
    torch.testing.assert_close(build("cwo", site).eval().after(u), u)
