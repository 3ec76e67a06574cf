"""Root mean square normalization."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trainers.normalizers.group import EPS
from trainers.normalizers.method import Method, Site


class RootMeanSquareNorm(Method):
    """û = γ u/√(mean(u²) + ε) + β, the mean over the channels and space of one sample; ε = 1e-5.

    Learned: γ, β (R, C), 1 and 0 at the start; β is the layer's bias, which is added after the division. Source: Zhang
    and Sennrich 2019, Eq. 2 and 4.
    """

    bias = False

    def __init__(self, site: Site) -> None:
        super().__init__()
        shape, dtype = (site.replicas, site.out_channels), site.streams.dtype
        self.gamma = nn.Parameter(torch.ones(shape, dtype=dtype))
        self.beta = nn.Parameter(torch.zeros(shape, dtype=dtype))

    def after(self, u: Tensor) -> Tensor:
        space = [1] * (u.ndim - 3)
        gamma, beta = (p.view(len(u), 1, -1, *space) for p in (self.gamma, self.beta))
        return torch.addcmul(beta, F.rms_norm(u, u.shape[2:], eps=EPS), gamma)
