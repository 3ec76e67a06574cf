import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from sweeps.words.choice import Choice
from tests.trainers.normalizers.alone import ELU, FULL, PLACES, Place, Plain, compare, normal, packed
from trainers.normalizers import Site, build
from trainers.seeding import Streams


class PlainWeightNorm(Plain):
    """torch's own parametrization; original0 is g, original1 is v."""

    def __init__(self, place: Place, weight: Tensor, bias: Tensor, seed: int, activation: Choice) -> None:
        super().__init__(place, weight, bias, seed, activation)
        layer = place.module(bias=True)
        with torch.no_grad():
            layer.weight.copy_(weight)
            layer.bias.copy_(bias)
        self.layer = weight_norm(layer)

    def named(self) -> dict[str, Tensor]:
        originals = self.layer.parametrizations.weight
        return {"weight": originals.original1, "g": originals.original0, "bias": self.layer.bias}

    def forward(self, x: Tensor) -> Tensor:
        return F.elu(self.layer(x))


class PlainMeanOnly(PlainWeightNorm):
    def __init__(self, place: Place, weight: Tensor, bias: Tensor, seed: int, activation: Choice) -> None:
        super().__init__(place, weight, torch.zeros_like(bias), seed, activation)
        self.beta = nn.Parameter(torch.zeros_like(bias))
        self.running = torch.zeros_like(bias)

    def named(self) -> dict[str, Tensor]:
        return {key: p for key, p in super().named().items() if key != "bias"} | {"beta": self.beta}

    def forward(self, x: Tensor) -> Tensor:
        u = self.layer(x).movedim(1, -1)
        mean = self.running
        if self.training:
            mean = u.flatten(0, -2).mean(0)
            self.running = 0.9 * self.running + 0.1 * mean.detach()
        return F.elu(u - mean + self.beta).movedim(-1, 1)


class PlainStandardized(Plain):
    def __init__(self, place: Place, weight: Tensor, bias: Tensor, seed: int, activation: Choice) -> None:
        super().__init__(place, weight, bias, seed, activation)
        self.bias = nn.Parameter(bias.clone())

    def rows(self) -> Tensor:
        rows = self.weight.flatten(1)
        return (rows - rows.mean(1, keepdim=True)) / (rows.var(1, correction=0, keepdim=True) + 1e-5).sqrt()

    def forward(self, x: Tensor) -> Tensor:
        return F.elu(self.place.apply(x, self.rows().view_as(self.weight), self.bias))


class PlainCentred(PlainStandardized):
    def __init__(self, place: Place, weight: Tensor, bias: Tensor, seed: int, activation: Choice) -> None:
        super().__init__(place, weight, bias, seed, activation)
        self.g = nn.Parameter((weight.flatten(1) - weight.flatten(1).mean(1, keepdim=True)).norm(dim=1))

    def rows(self) -> Tensor:
        rows = self.weight.flatten(1)
        rows = rows - rows.mean(1, keepdim=True)
        return self.g[:, None] * rows / rows.square().sum(1, keepdim=True).sqrt()


ORACLES = {"wn": PlainWeightNorm, "wn+mbn": PlainMeanOnly, "ws": PlainStandardized, "cwn": PlainCentred}


@pytest.mark.oracle
@pytest.mark.parametrize("name", ORACLES)
@pytest.mark.parametrize("replicas", [1, 3])
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_against_plain_modules(name: str, place: Place, replicas: int) -> None:
    compare(name, ORACLES[name], place, replicas)


def test_weight_normalization_starts_as_the_layer_without() -> None:
    x = normal(2, 5, FULL.inputs, seed=1)
    torch.testing.assert_close(packed("wn", FULL, (ELU, ELU))(x), packed("none", FULL, (ELU, ELU))(x))


def test_a_state_brings_its_own_g() -> None:
    trained = packed("wn", FULL, (ELU, ELU))
    with torch.no_grad():
        trained.method.g.mul_(3)
    resumed = packed("wn", FULL, (ELU, ELU))
    resumed.load_state_dict(trained.state_dict())
    x = normal(2, 5, FULL.inputs, seed=1)
    assert torch.equal(resumed(x), trained(x))


@pytest.mark.parametrize("name", ["cwn", "ws", "cwo"])
def test_one_weight_cannot_be_centred(name: str) -> None:
    site = Site(in_channels=1, out_channels=4, kernel=(1, 1), spatial=(3, 3), streams=Streams([0]))
    with pytest.raises(ValueError, match=f"{name} centres the weights of each output, here a single one"):
        build(name, site)


def test_standardized_weights_have_mean_0_and_variance_1() -> None:
    w = build("ws", packed("ws", FULL, (ELU,)).site).weight(normal(1, 8, 60, seed=3) + 2)
    assert w.mean(2).abs().max() < 1e-12
    assert (w.var(2, correction=0) - 1).abs().max() < 1e-4
