"""Pre-operation normalization."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from trainers.normalizers.batch_statistics import sync
from trainers.normalizers.batch_statistics.moments import EPS, axes, beside, count, follow
from trainers.normalizers.method import Method, Site


class PopNorm(Method):
    """x̃ = x − mean_B(x) + β, then x̂ = γ x̃/(κ √(mean_B(x̃²) + ε)), per channel of the layer's input; ε = 1e-5.

    `parts` leaves out the division or the mean's removal. `norm` "l1" and "linf" put (mean|x̃|)² and (max|x̃|)² in the
    place of mean(x̃²). `shift` "relative" takes x̃ = x − (1 + β) mean_B(x). `order` "division-first" divides x by its
    own norm and then removes the quotient's mean. Learned: β, γ (R, C_in), 0 and 1 at the start, for the parts taken.
    At evaluation the batch's mean, variance and, for l1 and linf, norm are running averages (momentum 0.1, unbiased
    variance); the second moment is that variance plus the square of the current x̃'s mean. The layer keeps its bias.
    `sync` takes the statistics over the batches of all processes. UsageError for a statistic over one value. Source:
    POP-Norm (ICLR 2020 submission), Eq. 11, 12, 18, 19, Remark 1.
    """

    kappa: Tensor
    running_mean: Tensor
    running_var: Tensor
    running_norm: Tensor

    def __init__(
        self,
        site: Site,
        *,
        parts: str = "both",
        norm: str = "l2",
        order: str = "mean-first",
        shift: str = "additive",
        kappa: float | Sequence[float] = 4.0,
        sync: bool = False,
    ) -> None:
        super().__init__()
        shape, dtype = (site.replicas, site.in_channels), site.streams.dtype
        self._divides_first = parts != "mean" and (parts == "division" or order == "division-first")
        self._sync = sync
        self._relative, self._norm = shift == "relative", norm
        self.beta = None if parts == "division" else nn.Parameter(torch.zeros(shape, dtype=dtype))
        self.gamma = None if parts == "mean" else nn.Parameter(torch.ones(shape, dtype=dtype))
        kappas = torch.as_tensor(kappa, dtype=dtype).expand(site.replicas)
        self.register_buffer("kappa", kappas.clone().unsqueeze(1), persistent=False)
        self.register_buffer("running_mean", torch.zeros(shape, dtype=dtype))
        self.register_buffer("running_var", torch.ones(shape, dtype=dtype))
        self.register_buffer("running_norm", torch.ones(shape, dtype=dtype) if norm != "l2" else None)

    def before(self, x: Tensor) -> Tensor:
        if self.training:
            n = count(x, sync.processes(self._sync))
            mean, var = sync.mean_var(x, joined=self._sync)
            follow(self.running_mean, mean)
            follow(self.running_var, var * (n / (n - 1)))
        else:
            var, mean = self.running_var, self.running_mean
        if self._divides_first:
            scale = self._scale(x, var, mean)
            return beside(scale, x) * x - beside(self._subtracted(scale * mean), x)
        subtracted = self._subtracted(mean)
        centered = x - beside(subtracted, x)
        return centered if self.gamma is None else beside(self._scale(centered, var, mean - subtracted), x) * centered

    def _subtracted(self, mean: Tensor) -> Tensor:
        """What is taken off values of this mean (R, C)."""
        if self.beta is None:
            return torch.zeros_like(mean)
        return (1 + self.beta) * mean if self._relative else mean - self.beta

    def _scale(self, x: Tensor, var: Tensor, mean: Tensor) -> Tensor:
        """γ/(κ √(norm² + ε)) of values x, whose variance and mean (R, C) are known."""
        assert self.gamma is not None
        if self._norm == "l2":
            square = var + mean.square()
        elif self.training:
            if self._norm == "l1":
                norm = sync.mean(x.abs().mean(axes(x)), joined=self._sync)
            else:
                norm = sync.largest(x.abs().amax(axes(x)), joined=self._sync)
            follow(self.running_norm, norm)
            square = norm.square()
        else:
            square = self.running_norm.square()
        return self.gamma / (self.kappa * (square + EPS).sqrt())
