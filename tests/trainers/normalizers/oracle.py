"""Blocks of R replicas, trained beside one plain module a replica: both must agree to a relative error of 1e-10.

A plain module is written from the formula alone. It is called as `plain(x)` and may have `penalty(u)`, the loss of the
last pre-activation, and `after_backward()`, `after_step()`. Its parameters bear the names of the block's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trainers.layers.block import Block, Convolution
from trainers.layers.linear import linear
from trainers.normalizers import Site, build
from trainers.seeding import Streams

TOLERANCE = 1e-10
SPATIAL, KERNEL = (4, 3), (3, 3)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def site(features: int, out: int, *, replicas: int = 1, convolution: bool = False, layer: int = 2) -> Site:
    return Site(
        in_channels=features,
        out_channels=out,
        kernel=KERNEL if convolution else (),
        spatial=SPATIAL if convolution else (),
        layer=layer,
        layers=4,
        replicas=replicas,
        streams=Streams(range(10, 10 + replicas), dtype=torch.float64),
    )


def block(name: str, place: Site, **options: Any) -> Block:
    """Without an activation; the weights of replica r are the same for every R."""
    shape = (place.out_channels, place.in_channels, *place.kernel)
    weight = torch.stack([normal(*shape, seed=r) for r in range(place.replicas)])
    bias = torch.stack([normal(shape[0], seed=100 + r) for r in range(place.replicas)])
    operation = Convolution(padding=1) if place.kernel else linear
    return Block(place, build(name, place, **options), operation, None, weight=weight, bias=bias)


class Plain(nn.Module):
    """One replica's layer: takes over the parameters of replica r of a block, by their names."""

    def __init__(self, packed: Block, r: int) -> None:
        super().__init__()
        self.names: dict[str, str] = {}
        self.site, self.r = packed.site, r
        for name, parameter in packed.named_parameters():
            self.names[name] = name.rpartition(".")[2]
            setattr(self, self.names[name], nn.Parameter(parameter[r].detach().clone()))

    def operate(self, x: Tensor) -> Tensor:
        convolve: Callable[..., Tensor] = F.conv2d if self.site.kernel else F.linear
        return convolve(x, self.weight, getattr(self, "bias", None), **({"padding": 1} if self.site.kernel else {}))

    def forward(self, x: Tensor) -> Tensor:
        raise NotImplementedError

    def penalty(self) -> Tensor | float:
        return 0.0

    def after_backward(self) -> None:
        pass

    def after_step(self) -> None:
        pass


def close(actual: Tensor, expected: Tensor, what: str) -> None:
    """Relative to the largest expected number."""
    assert actual.shape == expected.shape, what
    error = (actual - expected).abs().max() / expected.abs().max().clamp(min=1e-3)
    assert error <= TOLERANCE, f"{what}: relative error {error:.2e}"


def agree(
    packed: Block, plains: Sequence[Plain], *, batch: int = 12, steps: int = 5, lr: float = 0.05, start: int = 0
) -> None:
    """Trains both with momentum: outputs, gradients of inputs and parameters at each step, parameters, evaluation."""
    place, replicas = packed.site, len(plains)
    shape = (place.in_channels, *place.spatial)
    optimizers = [torch.optim.SGD(plain.parameters(), lr=lr, momentum=0.9) for plain in plains]
    optimizer = torch.optim.SGD(packed.parameters(), lr=lr, momentum=0.9)
    for step in range(start, start + steps):
        place.streams.at(0, step)
        x = torch.stack([1 + 2 * normal(batch, *shape, seed=1000 * r + step) for r in range(replicas)])
        x.requires_grad_()
        y = packed(x)
        target = torch.stack([normal(*y.shape[1:], seed=77 * r + step) for r in range(replicas)])
        losses = (y * target + 0.1 * y.square()).flatten(1).mean(dim=1)
        penalty = packed.take_penalty()
        optimizer.zero_grad()
        (losses if penalty is None else losses + penalty).sum().backward()
        raw = {name: p.grad.clone() for name, p in packed.named_parameters()}
        packed.gradients()
        optimizer.step()
        packed.project()
        for r, plain in enumerate(plains):
            own = x[r].detach().clone().requires_grad_()
            out = plain(own)
            optimizers[r].zero_grad()
            ((out * target[r] + 0.1 * out.square()).mean() + plain.penalty()).backward()
            close(y[r].detach(), out.detach(), f"output of step {step}")
            close(x.grad[r], own.grad, f"gradient of the input of step {step}")
            for name, alias in plain.names.items():
                close(raw[name][r], getattr(plain, alias).grad, f"gradient of {name} of step {step}")
            plain.after_backward()
            optimizers[r].step()
            with torch.no_grad():
                plain.after_step()
            for name, parameter in packed.named_parameters():
                close(parameter[r].detach(), getattr(plain, plain.names[name]).detach(), f"{name} after step {step}")
    packed.eval()
    for r, plain in enumerate(plains):
        plain.eval()
        x = normal(7, *shape, seed=5 + r)
        expanded = torch.stack([x] * replicas)
        close(packed(expanded)[r].detach(), plain(x).detach(), "output in evaluation")
