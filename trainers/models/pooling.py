"""Pooling of images with a leading replica dimension."""

from __future__ import annotations

from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from trainers.layers.block import folded, unfolded

Pooling = Literal["max", "average"]
Sides = int | tuple[int, ...]


class Pool(nn.Module):
    """(R, B, C, H, W) → (R, B, C, H', W'); averages count the zeros of the padding."""

    def __init__(self, kind: Pooling, kernel: Sides, stride: Sides, padding: int) -> None:
        super().__init__()
        self._pool = F.max_pool2d if kind == "max" else F.avg_pool2d
        self.kernel, self.stride, self.padding = kernel, stride, padding

    def forward(self, x: Tensor) -> Tensor:
        return unfolded(self._pool(folded(x), self.kernel, self.stride, self.padding), len(x))
