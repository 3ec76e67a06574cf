"""Batch statistics over the equal shards of a batch that several processes hold."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from trainers.normalizers.moments import axes, beside


def shards() -> int:
    """Over how many processes a batch is spread: 1 outside distributed training."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def moments(u: Tensor) -> tuple[Tensor, Tensor]:
    """Biased variance and mean (R, C) of all shards together, of which `u` (R, B, C, *S) is this process's."""
    mean = _Sum.apply(u.mean(axes(u))) / shards()
    var = _Sum.apply((u - beside(mean, u)).square().mean(axes(u))) / shards()
    return var, mean


class _Sum(torch.autograd.Function):
    """The sum over processes; so is its gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:  # noqa: ARG004
        total = x.contiguous().clone()
        dist.all_reduce(total)  # pyright: ignore[reportPrivateImportUsage]
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:  # noqa: ARG004
        total = gradients[0].contiguous().clone()
        dist.all_reduce(total)  # pyright: ignore[reportPrivateImportUsage]
        return total
