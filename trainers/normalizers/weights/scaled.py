"""Scaled weight standardization, as in NF-nets."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sweeps.words.choice import Choice
from trainers.normalizers.method import Method, Site
from trainers.normalizers.weights.gaussian import moments
from trainers.normalizers.weights.weight import beside, centred, several_weights

EPS = 1e-4


class ScaledWeightStandardization(Method):
    """ŵ = g (w − μ_w)/√max(n σ²_w, ε) for each output unit with its n weights, biased σ²_w, ε = 1e-4; a ↦ a/c.

    c is the standard deviation of the activation of a standard normal variable, so that variances stay 1 from layer to
    layer; a learned slope counts with its initial value. Learned: g (R, out), 1 at the start. The layer keeps its bias.
    UsageError where n = 1. Source: Brock et al. 2021, Characterizing signal propagation to close the performance gap in
    unnormalized ResNets, section 4.1; ε, and c beside the activation, as in the authors' NF-nets.
    """

    gain: Tensor

    def __init__(self, site: Site) -> None:
        super().__init__()
        several_weights("sws", site)
        dtype = site.streams.dtype
        of = site.activation
        activations = (of,) * site.replicas if isinstance(of, Choice) else of
        self.g = nn.Parameter(torch.ones(site.replicas, site.out_channels, dtype=dtype))
        gains = torch.tensor([1 / moments(a)[1] for a in activations], dtype=dtype)
        self.register_buffer("gain", gains, persistent=False)

    def weight(self, w: Tensor) -> Tensor:
        v = centred(w)
        squares = v.flatten(2).square().sum(dim=2)
        return v * beside(self.g * squares.clamp(min=EPS).rsqrt(), w)

    def activated(self, a: Tensor) -> Tensor:
        return a * self.gain.view(-1, *[1] * (a.ndim - 1))
