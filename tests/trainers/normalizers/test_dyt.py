"""Dynamic tanh against its formula, one replica at a time."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sweeps.words.choice import Choice
from tests.trainers.normalizers.alone import ELU, FULL, PLACES, Place, Plain, compare, normal, packed


class PlainTanh(Plain):
    start = 0.5

    def __init__(self, place: Place, weight: Tensor, bias: Tensor, seed: int, activation: Choice) -> None:
        super().__init__(place, weight, bias, seed, activation)
        self.bias = nn.Parameter(bias.clone())
        self.alpha = nn.Parameter(torch.tensor(self.start, dtype=weight.dtype))
        self.gamma, self.beta = nn.Parameter(torch.ones_like(bias)), nn.Parameter(torch.zeros_like(bias))

    def forward(self, x: Tensor) -> Tensor:
        u = self.place.apply(x, self.weight, self.bias).movedim(1, -1)
        return F.elu(self.gamma * torch.tanh(self.alpha * u) + self.beta).movedim(-1, 1)


class PlainSteeper(PlainTanh):
    start = 1.5


@pytest.mark.oracle
@pytest.mark.parametrize("replicas", [1, 3])
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_against_plain_modules(place: Place, replicas: int) -> None:
    compare("dyt", PlainTanh, place, replicas)
    compare("dyt", PlainSteeper, place, replicas, alpha=[1.5] * replicas)


def test_replicas_start_at_their_own_alpha() -> None:
    x = normal(2, 5, FULL.inputs, seed=1)
    both = packed("dyt", FULL, (ELU, ELU), alpha=[0.5, 2.0])(x)
    assert torch.equal(both[0], packed("dyt", FULL, (ELU, ELU))(x)[0])
    assert torch.equal(both[1], packed("dyt", FULL, (ELU, ELU), alpha=2.0)(x)[1])
