"""Chi-square variates of R replicas, with any degrees of freedom, on any device."""

from __future__ import annotations

import torch
from torch import Tensor

from trainers.seeding import Streams

TRIES = 4  # each fails with a probability of 0.05 at most


def chi_square_mean(k: Tensor, streams: Streams, layer: int) -> Tensor:
    """χ²_k/k for each of (R, C) degrees of freedom; 1 where k is not positive and finite, as for infinite k.

    By rejection from a normal variate, with a fixed number of tries so that nothing waits for the device; after a
    failure of all (probability below 1e-5 at the worst k) the last try stands. Source: Marsaglia and Tsang 2000.
    """
    usable = k.isfinite() & (k > 0)
    shape = torch.where(usable, k, 2.0) / 2
    small = shape < 1  # a gamma variate of shape a is one of shape a + 1 times U^(1/a)
    d = torch.where(small, shape + 1, shape).unsqueeze(1) - 1 / 3
    tries = TRIES, k.shape[1]
    x = streams.normal("noise/variance", layer, tries)
    v = (1 + x / (9 * d).sqrt()).clamp(min=1e-6) ** 3
    accepted = streams.uniform("noise/accepted", layer, tries).log() < x.square() / 2 + d * (1 - v + v.log())
    accepted[:, -1] = True
    first = accepted.int().argmax(dim=1, keepdim=True)
    gamma = (d * v).gather(1, first).squeeze(1)
    boost = streams.uniform("noise/small", layer, (k.shape[1],)) ** (1 / shape)
    return torch.where(usable, torch.where(small, gamma * boost, gamma) / shape, 1.0)
