"""Root mean square normalization against its formula, one replica at a time."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sweeps.words.choice import Choice
from tests.trainers.normalizers.alone import ELU, FULL, PLACES, Place, Plain, compare, normal, packed


class PlainRms(Plain):
    def __init__(self, place: Place, weight: Tensor, bias: Tensor, seed: int, activation: Choice) -> None:
        super().__init__(place, weight, bias, seed, activation)
        self.gamma, self.beta = nn.Parameter(torch.ones_like(bias)), nn.Parameter(torch.zeros_like(bias))

    def forward(self, x: Tensor) -> Tensor:
        samples = [u / ((u * u).sum() / u.numel() + 1e-5) ** 0.5 for u in self.place.apply(x, self.weight)]
        return F.elu(self.gamma * torch.stack(samples).movedim(1, -1) + self.beta).movedim(-1, 1)


@pytest.mark.oracle
@pytest.mark.parametrize("replicas", [1, 3])
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_against_plain_modules(place: Place, replicas: int) -> None:
    compare("rms", PlainRms, place, replicas)


def test_of_centred_values_it_is_layer_normalization() -> None:
    u = normal(1, 5, FULL.outputs, seed=1)
    u = u - u.mean(dim=2, keepdim=True)
    rms, ln = (packed(name, FULL, (ELU,)).method.after(u) for name in ("rms", "ln"))
    torch.testing.assert_close(rms, ln, rtol=1e-10, atol=1e-10)
