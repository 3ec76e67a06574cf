"""Batch normalization."""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trainers.normalizers.batch_statistics import sync
from trainers.normalizers.batch_statistics.moments import EPS, MOMENTUM, beside, count, follow, population
from trainers.normalizers.method import Method, Site


class BatchNorm(Method):
    """û = γ (u − μ_B)/√(σ²_B + ε) + β, with the batch's mean and biased variance per channel; ε = 1e-5.

    Learned: γ, β (R, C), 1 and 0 at the start; `affine` false fixes both, `beta` "fixed" the latter. At evaluation
    running averages (momentum 0.1, unbiased variance) take the batch's place or, with `statistics` "population", the
    training set's own mean and biased variance, taken anew before each evaluation. `sync` takes the statistics over the
    batches of all processes. The layer before it has no bias. UsageError for a statistic over one value. Source: Ioffe
    and Szegedy 2015, Algorithms 1 and 2; population: Balestriero and Baraniuk 2022, Eq. 3.
    """

    bias = False
    running_mean: Tensor
    running_var: Tensor

    def __init__(
        self,
        site: Site,
        *,
        affine: bool = True,
        beta: str = "learned",
        statistics: str = "batch",
        sync: bool = False,
    ) -> None:
        super().__init__()
        shape, dtype = (site.replicas, site.out_channels), site.streams.dtype
        self.gamma = nn.Parameter(torch.ones(shape, dtype=dtype)) if affine else None
        self.beta = nn.Parameter(torch.zeros(shape, dtype=dtype)) if affine and beta == "learned" else None
        self.register_buffer("running_mean", torch.zeros(shape, dtype=dtype))
        self.register_buffer("running_var", torch.ones(shape, dtype=dtype))
        self.calibrated = "evaluation" if statistics == "population" else "never"
        self._sync = sync

    def after(self, u: Tensor) -> Tensor:
        if not self.training:
            return self._normalized(u, self.gamma, self.beta)
        processes = sync.processes(self._sync)
        n = count(u, processes)
        scale, shift = self.gamma, self.beta
        correction = self.correction(u)
        if correction is not None:
            factor, offset = correction
            assert self.gamma is not None
            assert self.beta is not None
            scale, shift = self.gamma * factor, self.gamma * offset + self.beta
        return self._normalized(u, scale, shift) if processes == 1 else self._synchronized(u, n, scale, shift)

    def correction(self, u: Tensor) -> tuple[Tensor, Tensor] | None:
        """r and d (R, C) of a method that trains with γ (r (u − μ_B)/√(σ²_B + ε) + d) + β."""
        return None

    def calibrate(self, batches: Iterable[Tensor]) -> None:
        mean, var = population(batches)
        self.running_mean.copy_(mean)
        self.running_var.copy_(var)

    def mean_var(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """The batch's mean and biased variance (R, C)."""
        return sync.mean_var(u, joined=self._sync)

    def _synchronized(self, u: Tensor, n: int, scale: Tensor | None, shift: Tensor | None) -> Tensor:
        mean, var = self.mean_var(u)
        follow(self.running_mean, mean)
        follow(self.running_var, var * (n / (n - 1)))
        normalized = (u - beside(mean, u)) * beside((var + EPS).rsqrt(), u)
        if scale is not None:
            normalized = beside(scale, u) * normalized
        return normalized if shift is None else normalized + beside(shift, u)

    def _normalized(self, u: Tensor, scale: Tensor | None, shift: Tensor | None) -> Tensor:
        # Replicas as further channels of one batch: one fused kernel, statistics apart.
        folded = F.batch_norm(
            u.transpose(0, 1).flatten(1, 2),
            self.running_mean.flatten(),
            self.running_var.flatten(),
            None if scale is None else scale.flatten(),
            None if shift is None else shift.flatten(),
            self.training,
            MOMENTUM,
            EPS,
        )
        return folded.unflatten(1, (len(u), -1)).transpose(0, 1)
