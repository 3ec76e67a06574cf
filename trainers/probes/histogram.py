"""Histograms of pre-activations: how many modes a layer's units have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from trainers.probes.probe import Reading
from trainers.probes.subject import Subject

EDGE = 4.0  # deviations from the mean; what lies beyond is in the outermost bins


@dataclass(frozen=True, kw_only=True, slots=True)
class Histogram:
    """Shares of samples in equal bins of (u − mean u)/σ(u), of what enters an activation function, without a unit of
    measure; `at` the bins' centres. A unit is one (channel, position).

    For each layer `unit 1`, `unit 2`, ... of `units` random ones, the same after each epoch, and `all`, the mean over
    all units that vary. Source: Littwin and Wolf 2018, Figure 1.
    """

    of: str
    samples: int
    bins: int
    units: int

    def read(self, subject: Subject) -> Iterator[Reading]:
        seen: dict[int, list[Tensor]] = {}

        def look(layer: int, u: Tensor) -> None:
            seen.setdefault(layer, []).append(u.flatten(2))

        with subject.activations(look):
            for x, _ in subject.batches(self.of, self.samples):
                subject.logits(x)
        width = 2 * EDGE / self.bins
        centres = [-EDGE + width * (i + 0.5) for i in range(self.bins)]
        for layer, batches in seen.items():
            u = torch.cat(batches, dim=1).double()
            shares = histogram(standardized(u), -EDGE, EDGE, self.bins)
            yield Reading("all", shares.nanmean(dim=1), layer, centres)
            chosen = subject.units("histogram", layer, u.shape[2], self.units)
            for i, unit in enumerate(chosen.unbind(dim=1), 1):
                yield Reading(f"unit {i}", shares[torch.arange(len(u)), unit], layer, centres)


def standardized(u: Tensor) -> Tensor:
    """(R, N, U) less its mean over N, over its deviation; NaN where that is 0."""
    var, mean = torch.var_mean(u, dim=1, keepdim=True, correction=0)
    return torch.where(var > 0, (u - mean) / var.sqrt(), torch.nan)


def histogram(u: Tensor, low: float, high: float, bins: int) -> Tensor:
    """(R, N, U) → (R, U, bins): shares of N; a value beyond an end is in the bin there. NaN of a unit that is NaN."""
    place = ((u - low) * (bins / (high - low))).nan_to_num().clamp(0, bins - 1).long().transpose(1, 2)
    shares = torch.zeros(*place.shape[:2], bins, dtype=torch.float64, device=u.device)
    shares.scatter_add_(2, place, torch.full_like(place, 1, dtype=torch.float64) / u.shape[1])
    return torch.where(u.isnan().any(dim=1).unsqueeze(2), torch.nan, shares)
