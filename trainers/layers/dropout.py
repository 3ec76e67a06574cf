"""Dropout of R replicas, each with its own rate."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sweeps.errors import UsageError
from trainers.seeding import Streams

# Where selu saturates: -scale alpha of Klambauer et al. 2017.
SATURATION = -1.7580993408473766


class Dropout(nn.Module):
    """Sets values of (R, B, C, *S) to 0 with the replica's rate p and divides the others by 1 - p; training only.

    `alpha`: alpha-dropout (Klambauer et al. 2017, section 3), which sets to selu's saturation instead and keeps mean 0
    and variance 1. Numbers are drawn from the stream ("dropout", `layer`).
    """

    def __init__(self, rates: Sequence[float], streams: Streams, layer: int, *, alpha: bool = False) -> None:
        super().__init__()
        for rate in rates:
            if not 0 <= rate < 1:
                raise UsageError(f"a dropout rate is at least 0 and below 1, not {rate}: choose a smaller one")
        p = torch.tensor(rates, dtype=torch.float64)
        dropped = SATURATION if alpha else 0.0
        scale = ((1 - p) * (1 + p * SATURATION**2)).rsqrt() if alpha else 1 / (1 - p)
        shift = -scale * p * dropped
        self._rates = p.to(streams.device, streams.dtype)
        self._scale = scale.to(streams.device, streams.dtype)
        self._offset = (shift + scale * dropped).to(streams.device, streams.dtype) if alpha else None
        self._dropped = dropped
        self._draws = any(rates)
        self._streams, self._layer = streams, layer

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or not self._draws:
            return x
        ones = [1] * (x.ndim - 1)
        uniform = self._streams.uniform("dropout", self._layer, tuple(x.shape[1:]), samples=True)
        factor = (uniform >= self._rates.view(-1, *ones)).to(x.dtype).mul_(self._scale.view(-1, *ones))
        if self._offset is None:
            return x * factor
        return torch.addcmul(self._offset.view(-1, *ones) - self._dropped * factor, x, factor)
