"""Spectral normalization."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from trainers.normalizers.method import Method, Site

START = 15  # iterations at the beginning, as `torch.nn.utils.parametrizations.spectral_norm` makes them


class SpectralNorm(Method):
    """ŵ = w/σ, σ = uᵀWv the largest singular value of the matrix W (out × in · kernel), by power iteration.

    Each pass in training makes one iteration, v ← Wᵀu/‖Wᵀu‖, u ← Wv/‖Wv‖, from the saved u (R, out), which starts
    random and with 15 iterations on the initial weight; u and v are constants in backward. A pass at evaluation makes
    one as well, and saves none. The layer keeps its bias. Source: Miyato et al. 2018, Algorithm 1.
    """

    compiles = False  # training reads u and then moves it
    detaches = True
    u: Tensor

    def __init__(self, site: Site) -> None:
        super().__init__()
        u = site.streams.initial(site.layer, (site.out_channels,), "spectral")
        self.register_buffer("u", F.normalize(u, dim=1))

    @torch.no_grad()
    def start(self, w: Tensor) -> None:
        for _ in range(START):
            self.u.copy_(_iterated(w.flatten(2), self.u)[0])

    def weight(self, w: Tensor) -> Tensor:
        matrix = w.flatten(2)
        with torch.no_grad():
            u, v = _iterated(matrix, self.u)
            if self.training:
                self.u.copy_(u)
        sigma = (u.unsqueeze(1) @ matrix @ v.unsqueeze(2)).view(-1)
        return w / sigma.view(-1, *[1] * (w.ndim - 1))


def _iterated(matrix: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
    v = F.normalize((u.unsqueeze(1) @ matrix).squeeze(1), dim=1)
    return F.normalize((matrix @ v.unsqueeze(2)).squeeze(2), dim=1), v
