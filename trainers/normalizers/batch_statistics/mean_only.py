"""Mean-only batch normalization."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from trainers.normalizers.batch_statistics.moments import axes, beside, count, follow
from trainers.normalizers.method import Method, Site


class MeanOnlyBatchNorm(Method):
    """û = u − μ_B + β, with the batch's mean per channel.

    Learned: β (R, C), 0 at the start. At evaluation a running average (momentum 0.1) takes the batch's place. The layer
    before it has no bias. Made for weight-normalized layers. UsageError for a
    mean of one value. Source: Salimans and Kingma 2016, Eq. 12 and 13.
    """

    bias = False
    running_mean: Tensor

    def __init__(self, site: Site) -> None:
        super().__init__()
        shape, dtype = (site.replicas, site.out_channels), site.streams.dtype
        self.beta = nn.Parameter(torch.zeros(shape, dtype=dtype))
        self.register_buffer("running_mean", torch.zeros(shape, dtype=dtype))

    def after(self, u: Tensor) -> Tensor:
        mean = self.running_mean
        if self.training:
            count(u)
            mean = u.mean(axes(u))
            follow(self.running_mean, mean)
        return u + beside(self.beta - mean, u)
