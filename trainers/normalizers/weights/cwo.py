"""Constrained weight optimization: centred weights on a sphere, and noise in place of a batch's."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sweeps.words.vocabulary import CWO_SIGMAS
from trainers.normalizers.method import Method, Site
from trainers.normalizers.weights.weight import beside, centred, norms, several_weights


class ConstrainedWeights(Method):
    """y = (1 + ν) γ x + β in training, y = γ x + β at evaluation; each output unit's weights keep 1ᵀw = 0 and ‖w‖² = c.

    ν ~ N(0, σ_l²), one for each unit and step or (`noise_per` "sample") for each sample too; σ_l = σ l/L (`noise`
    "linear", σ = 1 unless given) or σ ("constant", 0.2). The weights' gradient is centred before the optimizer's step;
    after it, and at the start, the weights are centred and then scaled. `center` and `sphere` False leave either out.
    Learned: γ, β (R, C), 1 and 0 at the start; γ = 0 where a residual branch ends, which the paper does not state: with
    no statistic of the sum, every branch would else double its variance. The layer before it has no bias. UsageError
    where `center` meets one weight only. Source: Ikami et al., Eq. 2 and 6 to 8, Algorithm 1.
    """

    bias = False
    sigma: Tensor
    radius: Tensor

    def __init__(
        self,
        site: Site,
        *,
        c: float | Sequence[float] = 2.0,
        center: bool = True,
        sphere: bool = True,
        noise: str = "linear",
        sigma: float | Sequence[float | None] | None = None,
        noise_per: str = "step",
    ) -> None:
        super().__init__()
        if center:
            several_weights("cwo", site)
        shape, dtype = (site.replicas, site.out_channels), site.streams.dtype
        self.gamma = nn.Parameter(torch.ones(shape, dtype=dtype))
        self.beta = nn.Parameter(torch.zeros(shape, dtype=dtype))
        self.center, self.sphere = center, sphere
        self._streams, self._layer, self._per_sample = site.streams, site.layer, noise_per == "sample"
        given = sigma if isinstance(sigma, Sequence) else [sigma] * site.replicas
        sigmas = [CWO_SIGMAS[noise] if s is None else s for s in given]
        self._noisy = any(sigmas)
        share = site.layer / site.layers if noise == "linear" else 1.0
        self.register_buffer("sigma", share * torch.tensor(sigmas, dtype=dtype), persistent=False)
        radius = torch.as_tensor(c, dtype=dtype).sqrt().expand(site.replicas).clone()
        self.register_buffer("radius", radius, persistent=False)

    @torch.no_grad()
    def end_branch(self) -> None:
        self.gamma.zero_()

    def after(self, u: Tensor) -> Tensor:
        space = [1] * (u.ndim - 3)
        scale = self.gamma.unsqueeze(1)
        if self.training and self._noisy:
            units = (u.shape[1], u.shape[2]) if self._per_sample else (1, u.shape[2])
            noise = self._streams.normal("noise", self._layer, units, samples=self._per_sample)
            scale = scale * (1 + self.sigma.view(-1, 1, 1) * noise)
        return torch.addcmul(self.beta.view(len(u), 1, -1, *space), u, scale.view(*scale.shape, *space))

    @torch.no_grad()
    def gradients(self, named: dict[str, Tensor]) -> None:
        if self.center:
            gradient = named["weight"]
            gradient.copy_(centred(gradient))

    def gradient_input(self, x: Tensor) -> Tensor:
        return x - x.mean(dim=2, keepdim=True) if self.center else x

    @torch.no_grad()
    def project(self, named: dict[str, Tensor]) -> None:
        w = named["weight"]
        if self.center:
            w.copy_(centred(w))
        if self.sphere:
            w.mul_(beside(self.radius.unsqueeze(1) / norms(w), w))
