"""Batch renormalization."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from sweeps.words.vocabulary import RENORM_START
from trainers.normalizers.batch_statistics.batch import BatchNorm
from trainers.normalizers.batch_statistics.moments import EPS
from trainers.normalizers.method import Site

# Steps: plain batch normalization until RENORM_START, then linearly up to the largest r and d.
LARGEST_R, R_STEPS = 3.0, 35_000
LARGEST_D, D_STEPS = 5.0, 20_000


class BatchRenorm(BatchNorm):
    """û = γ (r (u − μ_B)/σ_B + d) + β with r = σ_B/σ within [1/r_max, r_max] and d = (μ_B − μ)/σ within ±d_max.

    σ² = variance + ε, ε = 1e-5; μ and σ are the running averages before the step, which are those of batch
    normalization (the paper averages σ itself); r and d carry no gradient. From r_max = 1, d_max = 0 at step 5,000
    these reach 3 at step 40,000 and 5 at step 25,000; `ramp` multiplies the steps. Learned: γ, β (R, C). Source: Ioffe
    2017, Algorithm 1 and section 3.
    """

    compiles = False
    detaches = True

    ramp: Tensor
    steps: Tensor

    def __init__(self, site: Site, *, ramp: float | Sequence[float] = 1.0, sync: bool = False) -> None:
        super().__init__(site, sync=sync)
        ramps = torch.as_tensor(ramp, dtype=site.streams.dtype).expand(site.replicas).clone()
        self.register_buffer("ramp", ramps, persistent=False)
        self.register_buffer("steps", torch.zeros(site.replicas, dtype=torch.int64))

    @torch.no_grad()
    def correction(self, u: Tensor) -> tuple[Tensor, Tensor]:
        mean, var = self.mean_var(u)
        sigma = (self.running_var + EPS).sqrt()
        r_max = 1 + (LARGEST_R - 1) * self._reached(R_STEPS)
        d_max = LARGEST_D * self._reached(D_STEPS)
        r = ((var + EPS).sqrt() / sigma).clamp(1 / r_max, r_max)
        d = ((mean - self.running_mean) / sigma).clamp(-d_max, d_max)
        self.steps += 1
        return r, d

    def _reached(self, steps: int) -> Tensor:
        """The share (R, 1) of a ramp of so many steps after the start."""
        past = self.steps - RENORM_START * self.ramp
        return (past / (steps * self.ramp).clamp(min=1e-9)).clamp(0, 1).unsqueeze(1)
