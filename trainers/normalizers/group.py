"""Normalization of each sample by itself: layer, group and instance normalization."""

from __future__ import annotations

from math import prod

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sweeps.errors import UsageError
from sweeps.words.rules import divisor
from trainers.normalizers.method import Method, Site

EPS = 1e-5


class GroupNorm(Method):
    """û = γ (u − μ)/√(σ² + ε) + β, mean and biased variance over a group of channels and space of one sample; ε = 1e-5.

    C channels make the largest number of equal groups that is at most `groups`. Learned: γ, β (R, C), 1 and 0 at the
    start. The layer before it has no bias. UsageError where a group is one value. Source: Wu and He 2018, Eq. 1 to 7.
    """

    bias = False

    def __init__(self, site: Site, *, groups: int = 16) -> None:
        super().__init__()
        shape, dtype = (site.replicas, site.out_channels), site.streams.dtype
        self.groups = equal_groups(site, groups)
        self.gamma = nn.Parameter(torch.ones(shape, dtype=dtype))
        self.beta = nn.Parameter(torch.zeros(shape, dtype=dtype))

    def after(self, u: Tensor) -> Tensor:
        replicas, channels = u.shape[0], u.shape[2]
        if u.ndim == 3:
            grouped = u.unflatten(2, (self.groups, -1))
            normalized = F.layer_norm(grouped, grouped.shape[3:], eps=EPS).flatten(2)
            return torch.addcmul(self.beta.unsqueeze(1), normalized, self.gamma.unsqueeze(1))
        # Replicas as further groups of one batch: one fused kernel on the memory that convolutions leave.
        folded = u.transpose(0, 1).flatten(1, 2)
        normalized = F.group_norm(folded, replicas * self.groups, self.gamma.flatten(), self.beta.flatten(), EPS)
        return normalized.unflatten(1, (replicas, channels)).transpose(0, 1)


class LayerNorm(GroupNorm):
    """Group normalization with one group: over all channels and space. Source: Ba et al. 2016, Eq. 3."""

    def __init__(self, site: Site) -> None:
        super().__init__(site, groups=1)


class InstanceNorm(GroupNorm):
    """Group normalization with a group for each channel. Source: Ulyanov et al. 2016, Eq. 2.

    UsageError on a fully connected layer.
    """

    def __init__(self, site: Site) -> None:
        if not site.spatial:
            raise UsageError("in needs spatial axes, which a fully connected layer does not have: take ln or gn")
        super().__init__(site, groups=site.out_channels)


def equal_groups(site: Site, groups: int) -> int:
    """The largest number of equal groups of the site's channels that is at most `groups`.

    UsageError where a group is one value.
    """
    found = divisor(site.out_channels, groups)
    if site.out_channels * prod(site.spatial) == found:
        raise UsageError(
            f"a group of 1 of {site.out_channels} channels at {_places(site)} is one value, and its statistic "
            "leaves nothing of it: take fewer `groups`, ln or a wider layer"
        )
    return found


def _places(site: Site) -> str:
    return " × ".join(map(str, site.spatial)) if site.spatial else "a fully connected layer"
