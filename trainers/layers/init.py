"""Initial weights and biases of R replicas, each by its trial's own rule."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor

from sweeps.trial import Trial
from trainers.seeding import Streams

# The variance is a over (b fan_in + c fan_out).
VARIANCES = {"he": (2, 1, 0), "lecun": (1, 1, 0), "glorot": (2, 1, 1)}


def weights(
    trials: Sequence[Trial], streams: Streams, layer: int, shape: tuple[int, ...], purpose: str = "init"
) -> Tensor:
    """(R, *shape) normal weights, shape (out, in, *kernel), of the variance that each trial's `init` names."""
    fan_in, fan_out = prod(shape[1:]), shape[0] * prod(shape[2:])
    rules = [VARIANCES[t.init] for t in trials]
    return _scaled(streams, layer, shape, purpose, [a / (b * fan_in + c * fan_out) for a, b, c in rules])


def biases(
    trials: Sequence[Trial], streams: Streams, layer: int, shape: tuple[int, ...], purpose: str = "init"
) -> Tensor:
    """(R, out) biases of a layer whose weight has `shape` (out, in, *kernel): 0, or normal of variance 1/fan_in."""
    variances = [1 / prod(shape[1:]) if t.bias_init == "random" else 0.0 for t in trials]
    if not any(variances):
        return torch.zeros(len(trials), shape[0], device=streams.device, dtype=streams.dtype)
    return _scaled(streams, layer, shape[:1], f"{purpose}/bias", variances)


def _scaled(streams: Streams, layer: int, shape: tuple[int, ...], purpose: str, variances: Sequence[float]) -> Tensor:
    if streams.device.type == "meta":
        return torch.empty(len(variances), *shape, device="meta", dtype=streams.dtype)
    scale = torch.tensor(variances, device=streams.device, dtype=streams.dtype).sqrt()
    return streams.initial(layer, shape, purpose) * scale.view(-1, *[1] * len(shape))
