"""Point clouds."""

from __future__ import annotations

from math import pi

import torch
from torch import Tensor

from sweeps.errors import UsageError
from trainers.augment.augmentation import Augmentation
from trainers.seeding import Streams


class RotateJitter(Augmentation):
    """Points (R, B, 3, N) turned about the second axis (up) by a uniform angle, then moved by normal noise.

    The noise has the standard deviation `jitter` and is clipped at five of them (Qi et al. 2017, PointNet).
    """

    def __init__(self, streams: Streams, *, jitter: float) -> None:
        super().__init__(streams)
        self.jitter = jitter

    def shape(self, sample: tuple[int, ...]) -> tuple[int, ...]:
        if len(sample) != 2 or sample[0] != 3:
            raise UsageError(f"this augmentation takes clouds (3, points), not {sample}: use `augment: none`")
        return sample

    def training(self, x: Tensor) -> Tensor:
        angle = 2 * pi * self.streams.uniform("augment/angle", 0, (x.shape[1],), samples=True).unsqueeze(-1)
        cos, sin = angle.cos(), angle.sin()
        right, up, front = x.unbind(2)
        turned = torch.stack([cos * right + sin * front, up, cos * front - sin * right], dim=2)
        noise = self.streams.normal("augment/jitter", 0, tuple(x.shape[1:]), samples=True).clamp(-5, 5)
        return torch.add(turned, noise, alpha=self.jitter)
