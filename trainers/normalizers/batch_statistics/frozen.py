"""Batch normalization as an initialization: statistics of the training set, taken once and kept."""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trainers.normalizers.batch_statistics.moments import EPS, population
from trainers.normalizers.method import Method, Site


class FrozenBatchNorm(Method):
    """û = (u − μ)/√(σ² + ε) + β, with mean and biased variance of u over the training set at initialization; ε = 1e-5.

    Layer by layer: the layers before are calibrated already. Learned: β (R, C), 0 at the start; `affine` "frozen" fixes
    it. No batch statistics, ever. The layer before it has no bias. Source: Balestriero and Baraniuk 2022, section 4.
    """

    bias = False
    calibrated = "training"
    mean: Tensor
    var: Tensor

    def __init__(self, site: Site, *, affine: str = "trainable") -> None:
        super().__init__()
        shape, dtype = (site.replicas, site.out_channels), site.streams.dtype
        self.beta = nn.Parameter(torch.zeros(shape, dtype=dtype)) if affine == "trainable" else None
        self.register_buffer("mean", torch.zeros(shape, dtype=dtype))
        self.register_buffer("var", torch.ones(shape, dtype=dtype))

    def calibrate(self, batches: Iterable[Tensor]) -> None:
        mean, var = population(batches)
        self.mean.copy_(mean)
        self.var.copy_(var)

    def after(self, u: Tensor) -> Tensor:
        shift = None if self.beta is None else self.beta.flatten()
        x = u.transpose(0, 1).flatten(1, 2)
        folded = F.batch_norm(x, self.mean.flatten(), self.var.flatten(), None, shift, training=False, eps=EPS)
        return folded.unflatten(1, (len(u), -1)).transpose(0, 1)
