"""The variance constancy loss."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sweeps.errors import UsageError
from trainers.normalizers.method import Method, Site

LEAST_BETA = 1e-3
CLIP = 1.0


class VarianceConstancy(Method):
    """Adds γ · mean over units of (1 − σ²_s1/(σ²_s2 + β))² to the loss, from the layer's pre-activations.

    s1, s2 are the first two consecutive subsets of `n` samples of the batch, σ² their unbiased variances per unit; a
    unit of a convolution is one (channel, y, x), of a transformer one (token, channel). Learned: β (R, C, *S), 1 at the
    start, kept ≥ 1e-3, without weight decay. The layer's gradient (weight, bias and β jointly) is clipped to an L2 norm
    of 1 per replica. UsageError for a batch below 2n samples. Source: Littwin and Wolf 2018, Eq. 17.
    """

    sizes: Tensor
    first: Tensor
    second: Tensor
    factor: Tensor

    def __init__(self, site: Site, *, n: int | Sequence[int] = 10, weight: float | Sequence[float] = 0.01) -> None:
        super().__init__()
        dtype = site.streams.dtype
        self.register_buffer("sizes", torch.as_tensor(n).expand(site.replicas).clone(), persistent=False)
        self.register_buffer(
            "factor", torch.as_tensor(weight, dtype=dtype).expand(site.replicas).clone(), persistent=False
        )
        shape = (site.replicas, site.rows * site.out_channels, *site.spatial)
        self.beta = nn.Parameter(torch.ones(shape, dtype=dtype))
        self._rows = site.rows
        largest = int(self.sizes.max())
        self._span = 2 * largest
        place = torch.arange(self._span)
        sizes = self.sizes[:, None]
        for name, low, high in (("first", 0 * sizes, sizes), ("second", sizes, 2 * sizes)):
            inside = ((place >= low) & (place < high)).to(dtype)
            self.register_buffer(name, inside.view(site.replicas, self._span, 1), persistent=False)

    def penalty(self, u: Tensor) -> Tensor | None:
        if not self.training:
            return None
        if self._rows > 1:
            u = u.unflatten(1, (-1, self._rows)).flatten(2, 3)
        if u.shape[1] < self._span:
            raise UsageError(f"vcl: a batch of {u.shape[1]} has no two subsets of {self._span // 2}: use a smaller `n`")
        samples = u[:, : self._span].flatten(2)
        ratio = self._variance(samples, self.first) / (self._variance(samples, self.second) + self.beta.flatten(1))
        return self.factor * (1 - ratio).square().mean(dim=1)

    def _variance(self, samples: Tensor, inside: Tensor) -> Tensor:
        n = self.sizes.to(samples.dtype)[:, None, None]
        mean = (samples * inside).sum(dim=1, keepdim=True) / n
        return ((samples - mean).square() * inside).sum(dim=1) / (n[:, 0] - 1)

    def gradient_scale(self, norms: Tensor) -> Tensor:
        return (CLIP / norms).clamp(max=1.0)

    @torch.no_grad()
    def project(self, named: dict[str, Tensor]) -> None:
        named["beta"].clamp_(min=LEAST_BETA)
