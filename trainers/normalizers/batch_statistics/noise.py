"""Noise-controlled batch normalization: a batch whose statistics vary as much as those of a smaller one."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from sweeps.errors import UsageError
from trainers.normalizers.batch_statistics.batch import BatchNorm
from trainers.normalizers.batch_statistics.chi_square import chi_square_mean
from trainers.normalizers.batch_statistics.moments import EPS, MOMENTUM, beside, count
from trainers.normalizers.batch_statistics.sync import mean as average
from trainers.normalizers.batch_statistics.sync import processes
from trainers.normalizers.method import Site


class NoisyBatchNorm(BatchNorm):
    """û = γ (u − μ̃)/√(σ̃² + ε) + β with μ̃ = μ_B + √(Δμ) ν and σ̃² = σ²_B χ²_k/k, k = 2 (V + σ⁴)/ΔV; ε = 1e-5.

    V = (φ⁴ − σ⁴ (B−3)/(B−1))/B is the variance of the batch's unbiased variance, σ² and φ⁴ running estimates of the
    second and fourth central moments, started at the first batch's. `virtual_batch` B' < B adds what makes both
    variances those of B' samples: Δμ = σ²/B' − σ²/B, ΔV = V(B') − V(B). With 0 `extra` e decides: Δμ = e σ²/B,
    ΔV = e V. Positions of one image are not independent: there a convolution takes, in place of σ²/B and V, the
    variances between images of the image's mean of u and of (u − μ_B)², over B, and has no virtual batch.

    One draw per step and channel. Running averages stay free of the noise; evaluation is that of batch normalization.
    Learned: γ, β (R, C). Source: Balestriero and Baraniuk 2022, section 5, Proposition 2.
    """

    compiles = False
    detaches = True

    virtual: Tensor
    extra: Tensor
    estimates: Tensor
    started: Tensor

    def __init__(
        self,
        site: Site,
        *,
        virtual_batch: int | Sequence[int] = 0,
        extra: float | Sequence[float] = 0.15,
        sync: bool = False,
    ) -> None:
        super().__init__(site, sync=sync)
        self._site = site
        replicas, dtype = site.replicas, site.streams.dtype
        for name, value in (("virtual", virtual_batch), ("extra", extra)):
            values = torch.as_tensor(value, dtype=dtype).expand(replicas)
            self.register_buffer(name, values.clone().unsqueeze(1), persistent=False)
        if site.kernel and bool(self.virtual.any()):
            raise UsageError(
                "`virtual_batch` of bn-noise needs independent samples, which positions are not: use `extra`"
            )
        # Sums with weights that fade, and the weights' own sum: their quotient is the running estimate.
        self.register_buffer("estimates", torch.zeros(replicas, 3, site.out_channels, dtype=dtype))
        self.register_buffer("started", torch.zeros(replicas, 1, 1, dtype=dtype))

    def correction(self, u: Tensor) -> tuple[Tensor, Tensor]:
        _, var = self.mean_var(u)
        noise, factor = self.noise(u.detach())
        noisy = (var * factor + EPS).rsqrt()
        return (var + EPS).sqrt() * noisy, -noise * noisy

    @torch.no_grad()
    def noise(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """What this step adds to the mean and multiplies the variance by (R, C)."""
        batch = u.shape[1] * processes(self._sync)
        if batch < 2:
            raise UsageError("bn-noise compares the images of a batch, this one has 1: take a larger batch")
        self.estimates.lerp_(self._measured(u, batch), MOMENTUM)
        self.started.lerp_(torch.ones_like(self.started), MOMENTUM)
        var, between, fourth = (self.estimates / self.started).unbind(dim=1)
        of_mean = between / batch
        fourth = fourth if u.ndim > 3 else _unbiased(fourth, var, batch)
        of_var = fourth / batch if u.ndim > 3 else _var_of_var(var, fourth, batch)
        virtual = self.virtual.clamp(min=2)
        is_virtual = self.virtual > 0
        added_to_mean = torch.where(is_virtual, var / virtual - of_mean, self.extra * of_mean)
        added_to_var = torch.where(is_virtual, _var_of_var(var, fourth, virtual) - of_var, self.extra * of_var)
        site = self._site
        normal = site.streams.normal("noise/mean", site.layer, (site.out_channels,))
        k = 2 * (of_var + var.square()) / added_to_var
        return added_to_mean.clamp(min=0).sqrt() * normal, chi_square_mean(k, site.streams, site.layer)

    def _measured(self, u: Tensor, batch: int) -> Tensor:
        """(R, 3, C): the unbiased variance, what the mean's variance and what the variance's variance come from."""
        mean, var = self.mean_var(u)
        n = count(u, processes(self._sync))
        var = var * (n / (n - 1))
        squares = (u - beside(mean, u)).square()
        if u.ndim == 3:
            return torch.stack([var, var, average(squares.square().mean(dim=1), joined=self._sync)], dim=1)
        between = [self.mean_var(x.flatten(3).mean(3))[1] * (batch / (batch - 1)) for x in (u, squares)]
        return torch.stack([var, *between], dim=1)


def _unbiased(fourth: Tensor, var: Tensor, n: int) -> Tensor:
    """φ⁴ from the mean over batches of n samples of (u − μ_B)⁴, which falls short of it as μ_B follows the samples."""
    square = var.square()
    return torch.maximum((n**3 / (n - 1) * fourth - 3 * (2 * n - 3) * square) / (n**2 - 3 * n + 3), square)


def _var_of_var(var: Tensor, fourth: Tensor, n: Tensor | int) -> Tensor:
    """The variance of the unbiased variance of n independent samples."""
    return (fourth - var.square() * (n - 3) / (n - 1)) / n
