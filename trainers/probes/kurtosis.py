"""Kurtosis of pre-activations: low where a unit's values have few outliers, least where they have two modes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from trainers.probes.probe import Reading
from trainers.probes.subject import Subject


@dataclass(frozen=True, kw_only=True, slots=True)
class Kurtosis:
    """κ = m₄/σ⁴ of what enters an activation function, over samples: 3 for a normal variable, 1 for two values of equal
    probability, which is the least. Without a unit of measure.

    For each layer `mean` and `median` over its units; a unit is one (channel, position), and one that does not vary is
    left out. Source: Littwin and Wolf 2018, Eq. 4.
    """

    of: str
    samples: int

    def read(self, subject: Subject) -> Iterator[Reading]:
        moments: dict[int, Moments] = {}

        def look(layer: int, u: Tensor) -> None:
            moments.setdefault(layer, Moments()).add(u.flatten(2))

        with subject.activations(look):
            for x, _ in subject.batches(self.of, self.samples):
                subject.logits(x)
        for layer, found in moments.items():
            kurtosis = found.kurtosis()
            yield Reading("mean", kurtosis.nanmean(dim=1), layer)
            yield Reading("median", kurtosis.nanmedian(dim=1).values, layer)


class Moments:
    """Sums of powers of values (R, b, U) of U units less their first batch's mean, over all samples, in float64."""

    def __init__(self) -> None:
        self._count = 0
        self._shift: Tensor | None = None
        self._sums: list[Tensor] = []

    def add(self, u: Tensor) -> None:
        u = u.double()
        if self._shift is None:
            self._shift = u.mean(dim=1, keepdim=True)
            self._sums = [torch.zeros_like(self._shift[:, 0]) for _ in range(4)]
        u = u - self._shift
        power = u
        for total in self._sums:
            total += power.sum(dim=1)
            power = power * u
        self._count += u.shape[1]

    def kurtosis(self) -> Tensor:
        """(R, U): m₄/m₂², NaN where m₂ vanishes beside the values' rounding."""
        mean, second, third, fourth = (total / self._count for total in self._sums)
        var = second - mean**2
        m4 = fourth - 4 * mean * third + 6 * mean**2 * second - 3 * mean**4
        return torch.where(var > 1e-12 * second.clamp(min=1e-24), m4 / var**2, torch.nan)
