"""Dynamic tanh."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from trainers.normalizers.method import Method, Site


class DynamicTanh(Method):
    """û = γ tanh(a u) + β, without any statistic.

    Learned: a (R,), one number for the layer, `alpha` at the start; γ, β (R, C), 1 and 0 at the start. The layer keeps
    its bias. Source: Zhu et al. 2025, Transformers without normalization, Eq. 4.
    """

    def __init__(self, site: Site, *, alpha: float | Sequence[float] = 0.5) -> None:
        super().__init__()
        shape, dtype = (site.replicas, site.out_channels), site.streams.dtype
        self.alpha = nn.Parameter(torch.as_tensor(alpha, dtype=dtype).expand(site.replicas).clone())
        self.gamma = nn.Parameter(torch.ones(shape, dtype=dtype))
        self.beta = nn.Parameter(torch.zeros(shape, dtype=dtype))

    def after(self, u: Tensor) -> Tensor:
        space = [1] * (u.ndim - 3)
        gamma, beta = (p.view(len(u), 1, -1, *space) for p in (self.gamma, self.beta))
        return torch.addcmul(beta, torch.tanh(u * self.alpha.view(-1, *[1] * (u.ndim - 1))), gamma)
