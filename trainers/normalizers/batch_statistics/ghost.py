"""Ghost batch normalization."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sweeps.errors import UsageError
from trainers.normalizers.batch_statistics.moments import EPS, MOMENTUM, beside, count, mean_var
from trainers.normalizers.method import Method, Site


class GhostBatchNorm(Method):
    """Batch normalization over ghost batches: consecutive parts of `size` samples of the batch; ε = 1e-5.

    Learned: γ, β (R, C), 1 and 0 at the start. At evaluation running averages take the batch's place, moved by one
    ghost batch after the other (momentum 0.1, unbiased variance). The layer before it has no bias. UsageError where
    `size` does not divide the batch, or a statistic is over one value. Source: Hoffer et al. 2017, Train longer,
    generalize better, Algorithm 1.
    """

    bias = False
    running_mean: Tensor
    running_var: Tensor

    def __init__(self, site: Site, *, size: int = 10) -> None:
        super().__init__()
        shape, dtype = (site.replicas, site.out_channels), site.streams.dtype
        self.gamma = nn.Parameter(torch.ones(shape, dtype=dtype))
        self.beta = nn.Parameter(torch.zeros(shape, dtype=dtype))
        self.register_buffer("running_mean", torch.zeros(shape, dtype=dtype))
        self.register_buffer("running_var", torch.ones(shape, dtype=dtype))
        self._size = size
        self._rows = site.rows

    def after(self, u: Tensor) -> Tensor:
        if not self.training:
            scale = self.gamma * (self.running_var + EPS).rsqrt()
            return torch.addcmul(beside(self.beta - self.running_mean * scale, u), u, beside(scale, u))
        if u.shape[1] % (self._size * self._rows):
            batch = u.shape[1] // self._rows
            raise UsageError(
                f"gbn: a batch of {batch} does not divide into ghost batches of {self._size}: use another `size`"
            )
        ghosts = u.unflatten(1, (-1, self._size * self._rows)).flatten(0, 1)  # (R G, size, C, *S)
        n = count(ghosts)
        mean, var = mean_var(ghosts)
        normalized = (ghosts - beside(mean, ghosts)) * beside((var + EPS).rsqrt(), ghosts)
        self._follow(self.running_mean, mean)
        self._follow(self.running_var, var * (n / (n - 1)))
        normalized = normalized.unflatten(0, (len(u), -1)).flatten(1, 2)
        return torch.addcmul(beside(self.beta, u), normalized, beside(self.gamma, u))

    @torch.no_grad()
    def _follow(self, running: Tensor, values: Tensor) -> None:
        """Moves a running average (R, C) towards those of each ghost batch (R G, C), in their order."""
        for value in values.unflatten(0, (len(running), -1)).unbind(1):
            running.lerp_(value, MOMENTUM)
