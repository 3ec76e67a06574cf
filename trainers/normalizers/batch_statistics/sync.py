"""Batch statistics over the equal parts of a batch that several processes hold.

`joined` says whether a statistic is taken over all processes; one process alone then takes it over its own values.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from trainers.normalizers.batch_statistics import moments
from trainers.normalizers.batch_statistics.moments import axes, beside


def processes(joined: bool) -> int:
    """How many processes a statistic is taken over: 1 outside distributed training."""
    return dist.get_world_size() if joined and dist.is_available() and dist.is_initialized() else 1


def mean_var(u: Tensor, *, joined: bool) -> tuple[Tensor, Tensor]:
    """Mean and biased variance (R, C) of u (R, B, C, *S)."""
    if processes(joined) == 1:
        return moments.mean_var(u)
    center = mean(u.mean(axes(u)), joined=True)
    return center, mean((u - beside(center, u)).square().mean(axes(u)), joined=True)


def mean(x: Tensor, *, joined: bool) -> Tensor:
    """The mean of x, of any shape, over processes."""
    n = processes(joined)
    return x if n == 1 else _Sum.apply(x) / n


def largest(x: Tensor, *, joined: bool) -> Tensor:
    """The largest of each element of x over processes."""
    return x if processes(joined) == 1 else _Largest.apply(x)  # type: ignore[no-any-return]


def _reduced(x: Tensor, operation: Any) -> Tensor:
    total = x.contiguous().clone()
    dist.all_reduce(total, operation)  # pyright: ignore[reportPrivateImportUsage]
    return total


class _Sum(torch.autograd.Function):
    """The sum over processes; so is its gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:  # noqa: ARG004
        return _reduced(x, dist.ReduceOp.SUM)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:  # noqa: ARG004
        return _reduced(gradients[0], dist.ReduceOp.SUM)


class _Largest(torch.autograd.Function):
    """The largest over processes; its gradient goes, in equal parts, to those who have it."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        largest = _reduced(x, dist.ReduceOp.MAX)
        ctx.save_for_backward(x == largest)
        return largest

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (mine,) = ctx.saved_tensors
        both = torch.stack([gradients[0], mine.to(gradients[0].dtype)])
        gradient, holders = _reduced(both, dist.ReduceOp.SUM)
        return mine * gradient / holders
