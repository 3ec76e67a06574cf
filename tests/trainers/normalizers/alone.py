"""One layer with its method, packed, against a plain module for each replica: training, then evaluation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sweeps.words.choice import Choice
from trainers.layers.activations import Activation
from trainers.layers.block import Block, Convolution
from trainers.layers.linear import linear
from trainers.normalizers import Site, build
from trainers.optim.sgd import SGD
from trainers.seeding import Streams

FLOAT64 = torch.float64
SEEDS = (4, 0, 9)
LAYER, LAYERS, STEPS = 2, 5, 5
MOMENTUM, DECAY, RATE = 0.9, 0.01, 0.1
ELU, OWN = Choice.of("elu", {"alpha": 1.0}), Choice("own")


@dataclass(frozen=True)
class Place:
    """A layer's sizes; a convolution keeps the space."""

    inputs: int
    outputs: int
    batch: int
    kernel: tuple[int, ...] = ()
    spatial: tuple[int, ...] = ()

    def apply(self, x: Tensor, w: Tensor, b: Tensor | None = None) -> Tensor:
        return F.conv2d(x, w, b, padding=1) if self.kernel else F.linear(x, w, b)

    def module(self, bias: bool) -> nn.Module:
        if self.kernel:
            return nn.Conv2d(self.inputs, self.outputs, self.kernel, padding=1, bias=bias, dtype=FLOAT64)
        return nn.Linear(self.inputs, self.outputs, bias=bias, dtype=FLOAT64)


FULL = Place(6, 8, 5)
CONV = Place(3, 8, 4, (3, 3), (5, 4))
PLACES = {"full": FULL, "conv": CONV}


class Plain(nn.Module):
    """One replica, written from the formula. Parameters bear the names of ours, but for what leads to these."""

    def __init__(self, place: Place, weight: Tensor, bias: Tensor, seed: int, activation: Choice) -> None:
        super().__init__()
        self.place = place
        self.weight = nn.Parameter(weight.clone())
        self.seed, self.activation = seed, activation
        self.step = 0

    def named(self) -> dict[str, Tensor]:
        return dict(self.named_parameters())

    def edit(self) -> None:
        """Of gradients, before the optimizer's step."""

    def project(self) -> None:
        """After it."""


def normal(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, dtype=FLOAT64, generator=torch.Generator().manual_seed(seed))


def close(ours: Tensor, plain: Tensor, what: str) -> None:
    assert ours.numel() == plain.numel(), what
    error = (ours.detach().flatten() - plain.detach().flatten()).abs().max() / plain.detach().abs().max().clamp(
        min=1e-3
    )
    assert error <= 1e-10, f"{what}: relative error {error:.1e}"


def packed(name: str, place: Place, activations: tuple[Choice, ...], **options: Any) -> Block:
    replicas = len(activations)
    streams = Streams(SEEDS[:replicas], dtype=FLOAT64)
    site = Site(
        in_channels=place.inputs,
        out_channels=place.outputs,
        kernel=place.kernel,
        spatial=place.spatial,
        activation=activations,
        layer=LAYER,
        layers=LAYERS,
        replicas=replicas,
        streams=streams,
    )
    weight = normal(replicas, place.outputs, place.inputs, *place.kernel, seed=1) / (prod(place.kernel) * 2) ** 0.5
    activation = Activation(activations, device=streams.device, dtype=FLOAT64)
    operation = Convolution(padding=1) if place.kernel else linear
    method = build(name, site, **options)
    return Block(site, method, operation, activation, weight=weight, bias=normal(replicas, place.outputs, seed=2) / 3)


def compare(
    name: str,
    plain: Callable[[Place, Tensor, Tensor, int, Choice], Plain],
    place: Place,
    replicas: int,
    *,
    activations: tuple[Choice, ...] = (ELU, ELU, ELU),
    **options: Any,
) -> None:
    """Outputs, input gradients, parameter gradients and parameters of every step, then outputs at evaluation."""
    activations = activations[:replicas]
    block = packed(name, place, activations, **options)
    start = packed("none", place, activations)
    assert start.bias is not None
    alone = [
        plain(place, start.weight[r].detach(), start.bias[r].detach(), SEEDS[r], a) for r, a in enumerate(activations)
    ]
    ours = {key.rpartition(".")[2]: p for key, p in block.named_parameters()}
    assert all(ours.keys() == p.named().keys() for p in alone)
    optimizer = SGD(
        block.named_parameters(),
        momentum=[MOMENTUM] * replicas,
        nesterov=[False] * replicas,
        weight_decay=[DECAY] * replicas,
    )
    optimizer.set_rates([RATE] * replicas)
    others = [
        torch.optim.SGD(
            [{"params": [p], "weight_decay": DECAY if key == "weight" else 0.0} for key, p in each.named().items()],
            lr=RATE,
            momentum=MOMENTUM,
        )
        for each in alone
    ]

    for step in range(STEPS):
        block.site.streams.at(0, step)
        shape = (replicas, place.batch, place.inputs, *place.spatial)
        x = normal(*shape, seed=10 + step).add_(0.3).requires_grad_()
        target = normal(replicas, place.batch, place.outputs, *place.spatial, seed=20 + step)
        y = block(x)
        (y - target).square().flatten(1).mean(dim=1).sum().backward()
        assert x.grad is not None
        for r, each in enumerate(alone):
            each.step = step
            own = x[r].detach().requires_grad_()
            out = each(own)
            close(y[r], out, f"output of step {step}")
            (out - target[r]).square().mean().backward()
            assert own.grad is not None
            close(x.grad[r], own.grad, f"input gradient of step {step}")
            for key, p in each.named().items():
                close(ours[key].grad[r], p.grad, f"gradient of {key} in step {step}")
            each.edit()
            others[r].step()
            others[r].zero_grad()
            each.project()
        block.gradients()
        optimizer.step()
        optimizer.clear()
        block.project()
        for r, each in enumerate(alone):
            for key, p in each.named().items():
                close(ours[key][r], p, f"{key} after step {step}")

    block.eval()
    x = normal(replicas, place.batch, place.inputs, *place.spatial, seed=3)
    y = block(x)
    for r, each in enumerate(alone):
        close(y[r], each.eval()(x[r]), "output at evaluation")
