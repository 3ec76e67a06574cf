"""Filter response normalization, with its thresholded linear unit."""

from __future__ import annotations

from math import prod

import torch
from torch import Tensor, nn

from trainers.normalizers.method import Method, Site

EPS, LEARNED_EPS = 1e-6, 1e-4


class FilterResponseNorm(Method):
    """û = γ u/√(ν² + ε) + β, ν² the mean of u² over the space of one sample's channel; its activation is max(û, τ).

    ε = 1e-6, and where a channel is one value, as in a fully connected layer, ε = 1e-6 + |e| with a learned e (R,), one
    a layer, 1e-4 at the start. Learned besides: γ, β and, where the layer is activated, τ (R, C), 1, 0 and 0 at the
    start. The layer before it has no bias. In a residual network the sum is activated. Source: Singh and Krishnan 2020,
    Filter response normalization layer, Eq. 1 to 3 and section 3.3.
    """

    bias = False

    def __init__(self, site: Site) -> None:
        super().__init__()
        shape, dtype = (site.replicas, site.out_channels), site.streams.dtype
        self.gamma = nn.Parameter(torch.ones(shape, dtype=dtype))
        self.beta = nn.Parameter(torch.zeros(shape, dtype=dtype))
        self.tau = nn.Parameter(torch.zeros(shape, dtype=dtype)) if site.activated else None
        one_value = prod(site.spatial) == 1
        self.eps = nn.Parameter(torch.full((site.replicas,), LEARNED_EPS, dtype=dtype)) if one_value else None

    def after(self, u: Tensor) -> Tensor:
        space = tuple(range(3, u.ndim))
        square = u.square().mean(space, keepdim=True) if space else u.square()
        root = (square + (EPS if self.eps is None else EPS + self.eps.abs().view(-1, *[1] * (u.ndim - 1)))).rsqrt()
        return torch.addcmul(_channels(self.beta, u), u * root, _channels(self.gamma, u))

    def activated(self, a: Tensor) -> Tensor:
        assert self.tau is not None
        return torch.maximum(a, _channels(self.tau, a))


def _channels(p: Tensor, u: Tensor) -> Tensor:
    return p.view(len(u), 1, -1, *[1] * (u.ndim - 3))
