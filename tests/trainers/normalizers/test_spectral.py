"""Spectral normalization against Algorithm 1 of Miyato et al. 2018, one replica at a time."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sweeps.words.choice import Choice
from tests.trainers.normalizers.alone import ELU, FULL, LAYER, PLACES, Place, Plain, compare, normal, packed
from trainers.seeding import Streams


class PlainSpectral(Plain):
    def __init__(self, place: Place, weight: Tensor, bias: Tensor, seed: int, activation: Choice) -> None:
        super().__init__(place, weight, bias, seed, activation)
        self.bias = nn.Parameter(bias.clone())
        u = Streams([seed], dtype=weight.dtype).initial(LAYER, (place.outputs,), "spectral")[0]
        self.u = u / u.norm()
        for _ in range(15):
            self.u, _ = self.iterated()

    @torch.no_grad()
    def iterated(self) -> tuple[Tensor, Tensor]:
        matrix = self.weight.detach().flatten(1)
        v = matrix.T @ self.u
        v = v / v.norm()
        u = matrix @ v
        return u / u.norm(), v

    def forward(self, x: Tensor) -> Tensor:
        u, v = self.iterated()
        if self.training:
            self.u = u
        sigma = u @ self.weight.flatten(1) @ v
        return F.elu(self.place.apply(x, self.weight / sigma, self.bias))


@pytest.mark.oracle
@pytest.mark.parametrize("replicas", [1, 3])
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_against_plain_modules(place: Place, replicas: int) -> None:
    compare("sn", PlainSpectral, place, replicas)


def test_the_largest_singular_value_becomes_1() -> None:
    block = packed("sn", FULL, (ELU, ELU))
    for _ in range(200):
        block(normal(2, 5, FULL.inputs, seed=1))
    weight = block.method.weight(block.weight)
    torch.testing.assert_close(torch.linalg.svdvals(weight)[:, 0], torch.ones(2, dtype=weight.dtype))


def test_its_vector_is_saved_and_evaluation_moves_nothing() -> None:
    trained = packed("sn", FULL, (ELU, ELU))
    x = normal(2, 5, FULL.inputs, seed=1)
    trained(x)
    state = {name: tensor.clone() for name, tensor in trained.state_dict().items()}
    assert "method.u" in state
    y = trained.eval()(x)
    resumed = packed("sn", FULL, (ELU, ELU))
    resumed.load_state_dict(state)
    assert torch.equal(resumed.eval()(x), y)
    assert torch.equal(trained.state_dict()["method.u"], state["method.u"])
