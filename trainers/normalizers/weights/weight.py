"""Normalization of the weights in the forward pass: weight normalization, also centred, and weight standardization."""

from __future__ import annotations

from math import prod

import torch
from torch import Tensor, nn

from sweeps.errors import UsageError
from trainers.normalizers.method import Method, Site

EPS = 1e-5


class WeightNorm(Method):
    """w = g v/‖v‖ for each output unit.

    Learned: the layer's weight, which is v, and g (R, out), ‖v‖ of the initial v, so that the network starts as it is
    without. The layer keeps its bias. Source: Salimans and Kingma 2016, Eq. 2.
    """

    def __init__(self, site: Site) -> None:
        super().__init__()
        self.g = nn.Parameter(torch.ones(site.replicas, site.out_channels, dtype=site.streams.dtype))

    @torch.no_grad()
    def start(self, w: Tensor) -> None:
        self.g.copy_(self._direction(w)[1])

    def weight(self, w: Tensor) -> Tensor:
        v, norm = self._direction(w)
        return v * beside(self.g / norm, w)

    def _direction(self, w: Tensor) -> tuple[Tensor, Tensor]:
        """v, and ‖v‖ (R, out)."""
        return w, norms(w)


class CentredWeightNorm(WeightNorm):
    """w = g (v − v̄)/‖v − v̄‖ for each output unit, v̄ the mean of v; otherwise as weight normalization.

    UsageError where an output has one weight only. Source: Huang et al. 2017, Centered Weight Normalization, Eq. 2.
    """

    def __init__(self, site: Site) -> None:
        several_weights("cwn", site)
        super().__init__(site)

    def _direction(self, w: Tensor) -> tuple[Tensor, Tensor]:
        v = centred(w)
        return v, norms(v)


class WeightStandardization(Method):
    """ŵ = (w − μ_w)/√(σ²_w + ε) for each output unit, biased σ²_w over its n weights; ε = 1e-5.

    The layer keeps its bias. UsageError where n = 1. Source: Qiao et al. 2019, as in Ikami et al., Eq. 15 to 17.
    """

    def __init__(self, site: Site) -> None:
        several_weights("ws", site)
        super().__init__()

    def weight(self, w: Tensor) -> Tensor:
        v = centred(w)
        return v * beside((v.flatten(2).square().mean(dim=2) + EPS).rsqrt(), w)


def beside(values: Tensor, w: Tensor) -> Tensor:
    """(R, out) → (R, out, 1, ...), to be multiplied with the weight."""
    return values.view(*values.shape, *[1] * (w.ndim - 2))


def norms(w: Tensor) -> Tensor:
    """(R, out): the L2 norm of each output unit's weights."""
    return torch.linalg.vector_norm(w.flatten(2), dim=2)


def centred(w: Tensor) -> Tensor:
    """w less the mean of each output unit's weights."""
    return w - beside(w.flatten(2).mean(dim=2), w)


def several_weights(name: str, site: Site) -> None:
    """UsageError where an output unit has one weight, which is nothing once centred."""
    if site.in_channels * prod(site.kernel) == 1:
        raise UsageError(f"{name} centres the weights of each output, here a single one: take a wider layer or wn")
