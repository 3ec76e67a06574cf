"""Filter response normalization with its threshold against Eq. 1 to 3 of its paper, one replica at a time."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from sweeps.words.choice import Choice
from tests.trainers.normalizers.alone import CONV, FULL, OWN, PLACES, Place, Plain, compare, normal, packed


class PlainFrn(Plain):
    def __init__(self, place: Place, weight: Tensor, bias: Tensor, seed: int, activation: Choice) -> None:
        super().__init__(place, weight, bias, seed, activation)
        self.gamma, self.beta = nn.Parameter(torch.ones_like(bias)), nn.Parameter(torch.zeros_like(bias))
        self.tau = nn.Parameter(torch.zeros_like(bias))
        if not place.kernel:
            self.eps = nn.Parameter(torch.tensor(1e-4, dtype=weight.dtype))

    def forward(self, x: Tensor) -> Tensor:
        u = self.place.apply(x, self.weight)
        if self.place.kernel:
            u = u / ((u * u).sum(dim=(2, 3), keepdim=True) / u[0, 0].numel() + 1e-6) ** 0.5
        else:
            u = u / (u * u + 1e-6 + abs(self.eps)) ** 0.5
        y = self.gamma * u.movedim(1, -1) + self.beta
        return (torch.relu(y - self.tau) + self.tau).movedim(-1, 1)


@pytest.mark.oracle
@pytest.mark.parametrize("replicas", [1, 3])
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_against_plain_modules(place: Place, replicas: int) -> None:
    compare("frn", PlainFrn, place, replicas, activations=(OWN,) * 3)


def test_a_map_of_one_position_learns_its_epsilon_as_a_fully_connected_layer() -> None:
    one = packed("frn", replace(CONV, spatial=(1, 1)), (OWN,)).method
    full = packed("frn", FULL, (OWN,)).method
    u = normal(1, 5, FULL.outputs, seed=1)
    assert torch.equal(one.after(u[..., None, None]).flatten(2), full.after(u))
    names = [name for name, _ in packed("frn", CONV, (OWN,)).method.named_parameters()]
    assert names == ["gamma", "beta", "tau"]


def test_what_is_activated_is_never_below_its_threshold() -> None:
    method = packed("frn", CONV, (OWN,)).method
    with torch.no_grad():
        method.get_parameter("tau").fill_(-0.25)
    a = method.activated(normal(1, 4, CONV.outputs, *CONV.spatial, seed=2))
    assert a.min().item() == -0.25
