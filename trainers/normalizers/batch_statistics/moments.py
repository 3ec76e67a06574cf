"""Means and variances per channel, over the batch and space: what the methods of batch statistics share.

Shapes: values (R, B, C, *S); moments (R, C).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from sweeps.errors import UsageError
from sweeps.words.rules import ANY_BATCH

EPS = 1e-5
MOMENTUM = 0.1  # of running averages: the share of the newest batch


def axes(u: Tensor) -> tuple[int, ...]:
    """Those of the batch and of space."""
    return 1, *range(3, u.ndim)


def beside(moments: Tensor, u: Tensor) -> Tensor:
    """(R, C) → (R, 1, C, 1, ...), to be taken with values like `u`."""
    return moments.view(len(moments), 1, -1, *(1,) * (u.ndim - 3))


def count(u: Tensor, processes: int = 1) -> int:
    """How many values a channel's statistic is taken over, in all processes. UsageError for less than two."""
    values = u[0, :, 0].numel() * processes
    if values < 2:
        raise UsageError(
            "a batch statistic needs 2 values at least, here it would be taken over "
            f"{values}: take a larger batch or a method that allows it, such as {', '.join(ANY_BATCH)}"
        )
    return values


def mean_var(u: Tensor) -> tuple[Tensor, Tensor]:
    """A batch's mean and biased variance (R, C), differentiable once."""
    mean, var = _MeanVar.apply(u)  # type: ignore[misc]
    return mean, var


class _MeanVar(torch.autograd.Function):
    """`torch.var_mean` and its backward take several times as long over axes that are not the last ones."""

    @staticmethod
    def forward(ctx: Any, u: Tensor) -> tuple[Tensor, Tensor]:
        mean = u.mean(axes(u))
        ctx.save_for_backward(u, mean)
        return mean, (u - beside(mean, u)).square_().mean(axes(u))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        u, mean = ctx.saved_tensors
        to_mean, to_var = (beside(g / u[0, :, 0].numel(), u) for g in gradients)
        return torch.addcmul(to_mean, u - beside(mean, u), to_var, value=2.0)


def population(batches: Iterable[Tensor]) -> tuple[Tensor, Tensor]:
    """Mean and biased variance (R, C) over all batches together, by the pairwise update of Chan et al. 1983."""
    n = 0
    mean = squares = torch.zeros(())
    for u in batches:
        m = u[0, :, 0].numel()
        var, center = torch.var_mean(u.double(), axes(u), correction=0)
        if not n:
            mean, squares = torch.zeros_like(center), torch.zeros_like(center)
        step = center - mean
        squares = squares + var * m + step.square() * (n * m / (n + m))
        mean = mean + step * (m / (n + m))
        n += m
    return mean, squares / n


def follow(running: Tensor, value: Tensor) -> None:
    """Moves a running average towards a batch's value."""
    running.lerp_(value.detach(), MOMENTUM)
