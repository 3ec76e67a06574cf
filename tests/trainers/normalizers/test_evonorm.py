"""EvoNorm-B0 and -S0 against table 2 of their paper, one replica at a time."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from sweeps.words.choice import Choice
from tests.trainers.normalizers.alone import CONV, FULL, OWN, PLACES, Place, Plain, compare, normal, packed
from trainers.normalizers import Site, build
from trainers.seeding import Streams

EPS = 1e-5


def deviation(u: Tensor) -> Tensor:
    """√(σ² + ε) of all values of u, σ² biased."""
    return (((u - u.mean()) ** 2).mean() + EPS) ** 0.5


class PlainEvoNorm(Plain):
    def __init__(self, place: Place, weight: Tensor, bias: Tensor, seed: int, activation: Choice) -> None:
        super().__init__(place, weight, bias, seed, activation)
        self.gamma, self.beta = nn.Parameter(torch.ones_like(bias)), nn.Parameter(torch.zeros_like(bias))
        self.v = nn.Parameter(torch.ones_like(bias))

    def forward(self, x: Tensor) -> Tensor:
        u = self.place.apply(x, self.weight)
        normalized = self.normalized(u.reshape(*u.shape[:2], -1)).reshape(u.shape)
        return (self.gamma * normalized.movedim(1, -1) + self.beta).movedim(-1, 1)

    def normalized(self, u: Tensor) -> Tensor:
        """Of u (B, C, positions)."""
        raise NotImplementedError


class PlainB0(PlainEvoNorm):
    def __init__(self, place: Place, weight: Tensor, bias: Tensor, seed: int, activation: Choice) -> None:
        super().__init__(place, weight, bias, seed, activation)
        self.var = torch.ones_like(bias)

    def normalized(self, u: Tensor) -> Tensor:
        channels: list[Tensor] = []
        for c in range(u.shape[1]):
            values = u[:, c]
            of_batch = deviation(values) if self.training else (self.var[c] + EPS) ** 0.5
            if self.training:
                self.var[c] = 0.9 * self.var[c] + 0.1 * (of_batch.detach() ** 2 - EPS)
            of_samples = torch.stack([deviation(sample) for sample in values]).unsqueeze(1)
            channels.append(values / torch.maximum(of_batch.expand_as(values), self.v[c] * values + of_samples))
        return torch.stack(channels, dim=1)


class PlainS0(PlainEvoNorm):
    groups = 4

    def normalized(self, u: Tensor) -> Tensor:
        gated = u * (1 + torch.tanh(self.v[:, None] * u / 2)) / 2
        size = u.shape[1] // self.groups
        samples = [
            torch.cat([g / deviation(own) for g, own in zip(gate.split(size), sample.split(size), strict=True)])
            for gate, sample in zip(gated, u, strict=True)
        ]
        return torch.stack(samples)


class PlainOneGroup(PlainS0):
    groups = 1


@pytest.mark.oracle
@pytest.mark.parametrize("replicas", [1, 3])
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_against_plain_modules(place: Place, replicas: int) -> None:
    own = (OWN,) * 3
    compare("evonorm-b0", PlainB0, place, replicas, activations=own)
    compare("evonorm-s0", PlainS0, place, replicas, activations=own, groups=4)
    compare("evonorm-s0", PlainOneGroup, place, replicas, activations=own, groups=1)


def test_groups_are_reduced_to_a_divisor_of_the_channels() -> None:
    u = normal(1, 4, CONV.outputs, *CONV.spatial, seed=1)
    wide, eight = (packed("evonorm-s0", CONV, (OWN,), groups=g).method for g in (32, 8))
    assert torch.equal(wide.activated(u), eight.activated(u))


def test_a_layer_that_is_not_activated_stays_as_it_is() -> None:
    site = Site(in_channels=3, out_channels=8, activated=False, streams=Streams([0]))
    u = normal(1, 4, 8, seed=1)
    for name in ("evonorm-b0", "evonorm-s0"):
        method = build(name, site, **({"groups": 4} if name == "evonorm-s0" else {}))
        assert not [*method.parameters()]
        assert method.after(u) is u


def test_one_value_is_refused() -> None:
    with pytest.raises(ValueError, match="a group of 1 of 8 channels at a fully connected layer is one value"):
        packed("evonorm-s0", FULL, (OWN,))
    block = packed("evonorm-b0", replace(FULL, batch=1), (OWN,))
    with pytest.raises(ValueError, match="a batch statistic needs 2 values at least, here it would be taken over 1"):
        block(normal(1, 1, FULL.inputs, seed=1))
