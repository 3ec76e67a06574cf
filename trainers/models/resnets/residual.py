"""Residual blocks that end in the activation of a sum."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from trainers.layers.block import Block


class Residual(nn.Module):
    """x → activation(normalized branch(x) + shortcut(x)), where the branch is a line of blocks (He et al. 2016)."""

    def __init__(self, branch: Sequence[Block], shortcut: nn.Module) -> None:
        super().__init__()
        *inner, self.last = branch
        self.last.method.end_branch()
        self.inner = nn.Sequential(*inner)
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        u = self.last.normalize(self.last.operate(self.inner(x)))
        return self.last.activate(u + self.shortcut(x))


class Subsample(nn.Module):
    """Every `stride`-th position, with `extra` channels of zeros around (He et al. 2016, option A)."""

    def __init__(self, stride: int, extra: int) -> None:
        super().__init__()
        self._stride = stride
        self._before, self._after = extra // 2, extra - extra // 2

    def forward(self, x: Tensor) -> Tensor:
        x = x[..., :: self._stride, :: self._stride]
        return F.pad(x, (0, 0, 0, 0, self._before, self._after))
