"""Normalization of a network's input, element by element."""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

EPS = 1e-5
MOMENTUM = 0.1


class InputNorm(nn.Module):
    """(x − μ)/σ for each element of a sample, on (R, B, *sample).

    μ and σ are those of all samples shown to `learn`, σ 1 where there is none; an input comes out as it is before. With
    `batch`, a batch's own in training and running averages at evaluation, as in batch normalization without γ and β.
    """

    mean: Tensor
    var: Tensor

    def __init__(self, replicas: int, *, batch: bool) -> None:
        super().__init__()
        self.batch = batch
        # Of samples without elements, until the first input or a state shows what a sample is.
        self.register_buffer("mean", torch.empty(replicas, 0))
        self.register_buffer("var", torch.empty(replicas, 0))
        self.register_load_state_dict_pre_hook(_take_shape)

    def forward(self, x: Tensor) -> Tensor:
        if self.batch:
            return self._by_batch(x)
        if not self.mean.numel():
            return x
        return (x - self.mean.unsqueeze(1)) * self.var.rsqrt().unsqueeze(1)

    @torch.no_grad()
    def learn(self, batches: Iterable[Tensor]) -> None:
        """Takes the mean and the biased variance of each element from (R, b, *sample), in float64, in one pass."""
        if self.batch:
            self._size(next(iter(batches)))
            return
        count, dtype = 0, self.mean.dtype
        mean = torch.zeros((), dtype=torch.float64, device=self.mean.device)
        square = mean
        for x in batches:
            dtype, samples = x.dtype, x.double()
            middle = samples.mean(dim=1)
            offset = middle - mean
            joint = count + x.shape[1]
            square = square + (samples - middle.unsqueeze(1)).square().sum(dim=1)
            square = square + offset.square() * (count * x.shape[1] / joint)
            mean = mean + offset * (x.shape[1] / joint)
            count = joint
        var = square / count
        self.mean, self.var = mean.to(dtype), torch.where(var > 0, var, 1.0).to(dtype)

    def _by_batch(self, x: Tensor) -> Tensor:
        self._size(x)
        folded = x.transpose(0, 1).flatten(1)
        figures = self.mean.flatten(), self.var.flatten()
        normalized = F.batch_norm(folded, *figures, None, None, self.training, MOMENTUM, EPS)
        return normalized.view(x.shape[1], len(x), *x.shape[2:]).transpose(0, 1)

    def _size(self, x: Tensor) -> None:
        """Starts the running averages at the first samples."""
        if not self.mean.numel():
            self.mean, self.var = x.new_zeros(len(x), *x.shape[2:]), x.new_ones(len(x), *x.shape[2:])


def _take_shape(module: nn.Module, state: dict[str, Tensor], prefix: str, *_: object) -> None:
    for name in ("mean", "var"):
        if f"{prefix}{name}" in state:
            figures = state[f"{prefix}{name}"]
            setattr(module, name, figures.new_empty(figures.shape, device=module.get_buffer(name).device))
