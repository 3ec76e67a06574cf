"""Evolved layers that normalize and activate at once: EvoNorm-B0 and EvoNorm-S0.

They take the place of an activation, and leave alone what is not activated: a shortcut, the end of a branch. In a
residual network that activates a sum they normalize the sum. Source: Liu et al. 2020, Evolving normalization-activation
layers, table 2; ε, the momentum and the biased running variance as in the authors' code.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from trainers.normalizers.batch_statistics import sync
from trainers.normalizers.batch_statistics.moments import EPS, beside, count, follow
from trainers.normalizers.group import equal_groups
from trainers.normalizers.method import Method, Site


class EvoNorm(Method):
    """γ n(u) + β. Learned, where the layer is activated: γ, β, v (R, C), 1, 0 and 1 at the start.

    The layer before it has no bias.
    """

    bias = False

    def __init__(self, site: Site) -> None:
        super().__init__()
        if site.activated:
            shape, dtype = (site.replicas, site.out_channels), site.streams.dtype
            self.gamma = nn.Parameter(torch.ones(shape, dtype=dtype))
            self.beta = nn.Parameter(torch.zeros(shape, dtype=dtype))
            self.v = nn.Parameter(torch.ones(shape, dtype=dtype))

    def activated(self, a: Tensor) -> Tensor:
        return torch.addcmul(beside(self.beta, a), self.normalized(a), beside(self.gamma, a))

    def normalized(self, u: Tensor) -> Tensor:
        """n(u) (R, B, C, *S)."""
        raise NotImplementedError


class EvoNormB0(EvoNorm):
    """n(u) = u/max(√(σ²_B + ε), v u + √(σ²_I + ε)), biased variances of the batch and of a sample's space; ε = 1e-5.

    Where a channel is one value, σ²_I = 0. At evaluation a running average (momentum 0.1) takes the place of σ²_B;
    `sync` takes it over the batches of all processes. UsageError for a σ²_B over one value.
    """

    running_var: Tensor

    def __init__(self, site: Site, *, sync: bool = False) -> None:
        super().__init__(site)
        ones = torch.ones(site.replicas, site.out_channels, dtype=site.streams.dtype)
        self.register_buffer("running_var", ones)
        self._sync = sync

    def normalized(self, u: Tensor) -> Tensor:
        var = self.running_var
        if self.training:
            count(u, sync.processes(self._sync))
            _, var = sync.mean_var(u, joined=self._sync)
            follow(self.running_var, var)
        space = tuple(range(3, u.ndim))
        of_sample = _variance(u, space) if space else torch.zeros_like(var).unsqueeze(1)
        return u / torch.maximum(beside((var + EPS).sqrt(), u), beside(self.v, u) * u + (of_sample + EPS).sqrt())


class EvoNormS0(EvoNorm):
    """n(u) = u σ(v u)/√(σ²_G + ε), the biased variance over a group of channels and space of one sample; ε = 1e-5.

    C channels make the largest number of equal groups that is at most `groups`. UsageError where a group is one value.
    """

    def __init__(self, site: Site, *, groups: int = 32) -> None:
        super().__init__(site)
        self._groups = equal_groups(site, groups)

    def normalized(self, u: Tensor) -> Tensor:
        grouped = u.unflatten(2, (self._groups, -1))
        var = _variance(grouped, tuple(range(3, grouped.ndim)))
        gated = (u * torch.sigmoid(beside(self.v, u) * u)).unflatten(2, (self._groups, -1))
        return (gated * (var + EPS).rsqrt()).flatten(2, 3)


def _variance(u: Tensor, axes: tuple[int, ...]) -> Tensor:
    """Biased, the axes kept. `torch.var` takes twice as long over short ones."""
    return (u - u.mean(axes, keepdim=True)).square().mean(axes, keepdim=True)
