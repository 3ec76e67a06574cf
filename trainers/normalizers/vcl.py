"""The variance constancy loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

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

    factor: Tensor
    inside: Tensor
    over_n: Tensor
    over_less: Tensor
    squared: Tensor

    def __init__(self, site: Site, *, n: int | Sequence[int] = 10, weight: float | Sequence[float] = 0.01) -> None:
        super().__init__()
        dtype = site.streams.dtype
        factor = torch.as_tensor(weight, dtype=dtype).expand(site.replicas).clone()
        self.register_buffer("factor", factor, persistent=False)
        shape = (site.replicas, site.rows * site.out_channels, *site.spatial)
        self.beta = nn.Parameter(torch.ones(shape, dtype=dtype))
        self._rows = site.rows
        sizes = torch.as_tensor(n).expand(site.replicas).view(-1, 1, 1)
        self._span = 2 * int(sizes.max())
        subset = torch.arange(self._span) // sizes == torch.arange(2).view(2, 1)
        # Products with these (R, 2, span) are the subsets' sums, and these over n and n - 1; `squared` is for backward.
        inside = subset.to(dtype)
        self.register_buffer("inside", inside, persistent=False)
        self.register_buffer("over_n", inside / sizes, persistent=False)
        self.register_buffer("over_less", inside / (sizes - 1), persistent=False)
        signs = torch.tensor([[-2.0], [2.0]], dtype=dtype)
        self.register_buffer("squared", self.over_less * signs, persistent=False)

    def penalty(self, u: Tensor) -> Tensor | None:
        if not self.training:
            return None
        if self._rows > 1:
            u = u.unflatten(1, (-1, self._rows)).flatten(2, 3)
        if u.shape[1] < self._span:
            raise UsageError(f"vcl: a batch of {u.shape[1]} has no two subsets of {self._span // 2}: use a smaller `n`")
        samples = u[:, : self._span].flatten(2)
        sums = self.inside, self.over_n, self.over_less, self.squared
        return _Loss.apply(samples, self.beta.flatten(1), self.factor, *sums)  # type: ignore[no-any-return]

    def gradient_scale(self, norms: Tensor) -> Tensor:
        return (CLIP / norms).clamp(max=1.0)

    @torch.no_grad()
    def project(self, named: dict[str, Tensor]) -> None:
        named["beta"].clamp_(min=LEAST_BETA)


class _Loss(torch.autograd.Function):
    """γ · mean over units of (1 − σ²_s1/(σ²_s2 + β))², (R,), from samples (R, span, units), β (R, units) and γ (R,).

    By hand, as autograd takes several times the passes over the samples.
    """

    @staticmethod
    def forward(ctx: Any, samples: Tensor, beta: Tensor, factor: Tensor, *sums: Tensor) -> Tensor:
        inside, over_n, over_less, squared = sums
        centred = torch.baddbmm(samples, inside.mT, torch.bmm(over_n, samples), alpha=-1)
        first, second = torch.bmm(over_less, centred.square()).unbind(dim=1)
        below = second + beta
        ratio = first / below
        apart = 1 - ratio
        ctx.save_for_backward(centred, below, ratio, apart, factor, squared)
        return factor * apart.square().mean(dim=1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        centred, below, ratio, apart, factor, squared = ctx.saved_tensors
        less_first = apart * (gradients[0] * factor).mul_(2 / apart.shape[1]).unsqueeze(1) / below
        second = less_first * ratio
        to_both = torch.stack([less_first, second], dim=1)
        return torch.bmm(squared.mT, to_both).mul_(centred), second, None, None, None, None, None
