"""Normalization propagation: outputs normalized by what a Gaussian input would make of them."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from sweeps.words.choice import Choice
from trainers.layers.activations import Activation
from trainers.normalizers.method import Method, Site
from trainers.normalizers.weights.gaussian import isometric_scale, leaky_moments, moments
from trainers.normalizers.weights.inputs import InputNorm
from trainers.normalizers.weights.weight import beside, norms


class NormProp(Method):
    """o = (a(γ W_i x/‖W_i‖ + β) − c2)/c1, with c1 and c2 the standard deviation and mean of a(z), z ~ N(0, 1).

    Weights are kept at ‖W_i‖ = 1 after each step. Learned: γ, β (R, C); γ starts where γ² E[a'(γz)²] = c1², which keeps
    the size of gradients, β at 0. With prelu c1 and c2 follow the learned slope. The layer before it has no bias. The
    network's input is normalized per element, by the figures of the training set (`data` "global") or batch ("batch").
    Source: Arpit et al. 2016, Eq. 9, 11 and 12, Remark 2.
    """

    bias = False
    scale: Tensor
    shift: Tensor
    learned: Tensor

    def __init__(self, site: Site, *, data: str = "global") -> None:
        super().__init__()
        shape, dtype = (site.replicas, site.out_channels), site.streams.dtype
        of = site.activation
        activations = (of,) * site.replicas if isinstance(of, Choice) else of
        figures = torch.tensor([(*moments(a), isometric_scale(a)) for a in activations], dtype=dtype)
        mean, deviation, start = figures.unbind(dim=1)
        self.gamma = nn.Parameter(start.unsqueeze(1).repeat(1, site.out_channels))
        self.beta = nn.Parameter(torch.zeros(shape, dtype=dtype))
        self.register_buffer("scale", 1 / deviation, persistent=False)
        self.register_buffer("shift", -mean / deviation, persistent=False)
        self.register_buffer("learned", torch.tensor([a.name == "prelu" for a in activations]), persistent=False)
        self._slope: list[Tensor] = []  # in a list, which leaves the parameter to the activation alone
        self.data = InputNorm(site.replicas, batch=data == "batch")

    def attach(self, activation: Activation) -> None:
        self._slope = [p for name, p in activation.named_parameters() if name == "slope"]

    def input(self, x: Tensor) -> Tensor:
        return self.data(x)

    def calibrate_input(self, batches: Iterable[Tensor]) -> None:
        self.data.learn(batches)

    def weight(self, w: Tensor) -> Tensor:
        return w / beside(norms(w), w)

    def after(self, u: Tensor) -> Tensor:
        space = [1] * (u.ndim - 3)
        gamma, beta = (p.view(len(u), 1, -1, *space) for p in (self.gamma, self.beta))
        return torch.addcmul(beta, u, gamma)

    def activated(self, a: Tensor) -> Tensor:
        scale, shift = self.scale, self.shift
        for slope in self._slope:
            mean, deviation = leaky_moments(slope)
            scale = torch.where(self.learned, 1 / deviation, scale)
            shift = torch.where(self.learned, -mean / deviation, shift)
        ones = [1] * (a.ndim - 1)
        return torch.addcmul(shift.view(-1, *ones), a, scale.view(-1, *ones))

    @torch.no_grad()
    def project(self, named: dict[str, Tensor]) -> None:
        w = named["weight"]
        w.div_(beside(norms(w), w))
