"""Scaled weight standardization against its formula, one replica at a time."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from scipy.integrate import quad
from torch import Tensor, nn

from sweeps.words.choice import Choice
from tests.trainers.normalizers.alone import PLACES, Place, Plain, compare, normal, packed
from trainers.normalizers import Site, build
from trainers.seeding import Streams


def deviation() -> float:
    """Of elu of a standard normal variable."""

    def moment(k: int) -> float:
        def weighted(z: float) -> float:
            return (z if z > 0 else math.expm1(z)) ** k * math.exp(-z * z / 2) / math.sqrt(2 * math.pi)

        return quad(weighted, -40, 0, epsabs=1e-13)[0] + quad(weighted, 0, 40, epsabs=1e-13)[0]

    return math.sqrt(moment(2) - moment(1) ** 2)


class PlainScaled(Plain):
    def __init__(self, place: Place, weight: Tensor, bias: Tensor, seed: int, activation: Choice) -> None:
        super().__init__(place, weight, bias, seed, activation)
        self.bias, self.g = nn.Parameter(bias.clone()), nn.Parameter(torch.ones_like(bias))
        self.gain = 1 / deviation()

    def forward(self, x: Tensor) -> Tensor:
        rows = self.weight.flatten(1)
        n = rows.shape[1]
        rows = (rows - rows.mean(1, keepdim=True)) / (n * rows.var(1, correction=0, keepdim=True)).sqrt()
        return F.elu(self.place.apply(x, (self.g[:, None] * rows).view_as(self.weight), self.bias)) * self.gain


@pytest.mark.oracle
@pytest.mark.parametrize("replicas", [1, 3])
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_against_plain_modules(place: Place, replicas: int) -> None:
    compare("sws", PlainScaled, place, replicas)


def test_the_gain_of_relu_is_the_papers() -> None:
    block = packed("sws", PLACES["full"], (Choice("relu"), Choice("tanh")))
    gain = block.method.get_buffer("gain")
    assert gain[0].item() == pytest.approx(math.sqrt(2) / math.sqrt(1 - 1 / math.pi), rel=1e-12)


def test_variances_stay_1() -> None:
    block = packed("sws", Place(400, 300, 5), (Choice("relu"),))
    assert block.bias is not None
    torch.nn.init.zeros_(block.bias)
    x = normal(1, 2000, 400, seed=3)
    y = block(x)
    assert y.var(dim=(0, 1)).mean().item() == pytest.approx(1.0, abs=0.05)


def test_one_weight_is_refused() -> None:
    site = Site(in_channels=1, out_channels=4, kernel=(1, 1), spatial=(3, 3), streams=Streams([0]))
    with pytest.raises(ValueError, match="sws centres the weights of each output, here a single one"):
        build("sws", site)
