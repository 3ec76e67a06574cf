"""How the mean and variance of a batch scatter about those of the training set."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from trainers.normalizers.batch_statistics.chi_square import chi_square_mean
from trainers.probes.histogram import EDGE, histogram
from trainers.probes.probe import Reading
from trainers.probes.subject import Subject


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchStatistics:
    """The distributions of μ_B and σ²_B (unbiased) of a unit over many batches of B samples, beside Proposition 2:

    var μ_B = σ²/B and var σ²_B = (φ⁴ − σ⁴ (B−3)/(B−1))/B, with σ² and the fourth central moment φ⁴ of the training
    set. For each layer, of `units` random units of what its normalizer gets (a unit is one (channel, position)):

    `mean, unit i` and `variance, unit i`: shares in bins of (μ_B − μ)/√(var μ_B) and (σ²_B − σ²)/√(var σ²_B), expected
    variances, `at` the bins' centres; `mean-ratio` and `variance-ratio`: measured over expected variance, the mean over
    the units. Batches are drawn from the training set, the trial's size B each. With `virtual` B' < B also those of
    noise-controlled batch normalization, `virtual mean, unit i`, ...: μ̃ = μ_B + √(Δμ) ν, σ̃² = σ²_B χ²_k/k; their
    ratios are σ²/B' over σ²/B where the noise does what it should. Without a unit of measure.

    Source: Balestriero and Baraniuk 2022, section 5, Eq. 13, Figure 7.
    """

    batches: int
    bins: int
    units: int
    virtual: int

    def read(self, subject: Subject) -> Iterator[Reading]:
        values: dict[int, list[Tensor]] = {}

        def look(layer: int, _x: Tensor, _weight: Tensor, u: Tensor) -> None:
            unit = subject.units("batch-statistics", layer, u[0, 0].numel(), self.units).unsqueeze(1)
            flat = u.flatten(2)
            values.setdefault(layer, []).append(flat.gather(2, unit.expand(-1, flat.shape[1], -1)).double())

        with subject.operations(look):
            for x, _ in subject.batches("train"):
                subject.logits(x)
        size = subject.trials[0].batch_size
        width = 2 * EDGE / self.bins
        centres = [-EDGE + width * (i + 0.5) for i in range(self.bins)]
        for layer, parts in sorted(values.items()):
            u = torch.cat(parts, dim=1)
            expected = _expected(u, size)
            for name, drawn in self._statistics(subject, u, size, layer):
                for what, values_of, (centre, var) in zip(("mean", "variance"), drawn, expected, strict=True):
                    offset = (values_of - centre.unsqueeze(1)) / var.sqrt().unsqueeze(1)
                    shares = histogram(offset, -EDGE, EDGE, self.bins)
                    for i in range(self.units):
                        yield Reading(f"{name}{what}, unit {i + 1}", shares[:, i], layer, centres)
                    yield Reading(f"{name}{what}-ratio", offset.square().mean(dim=1).nanmean(dim=1), layer)

    def _statistics(
        self, subject: Subject, u: Tensor, size: int, layer: int
    ) -> Iterator[tuple[str, tuple[Tensor, Tensor]]]:
        """Of `batches` batches the means and unbiased variances, (R, batches, units) each; then with noise."""
        n = u.shape[1]
        subject.streams.at(subject.streams.epoch, 0)
        places = subject.streams.uniform("probe/batch-statistics/places", layer, (self.batches, size))
        where = (places.double() * n).long().flatten(1).unsqueeze(2).expand(-1, -1, u.shape[2])
        batches = u.gather(1, where).unflatten(1, (self.batches, size))
        var, mean = torch.var_mean(batches, dim=2)
        yield "", (mean, var)
        if not self.virtual:
            return
        (_, of_mean), (sigma2, of_var) = _expected(u, size)
        (_, virtual_mean), (_, virtual_var) = _expected(u, self.virtual)
        normal = subject.streams.normal("probe/batch-statistics/noise", layer, (self.batches, u.shape[2])).double()
        noise = (virtual_mean - of_mean).clamp(min=0).sqrt().unsqueeze(1) * normal
        k = 2 * (of_var + sigma2.square()) / (virtual_var - of_var)
        every = k.repeat(1, self.batches).to(subject.streams.dtype)
        factor = chi_square_mean(every, subject.streams, layer).unflatten(1, (self.batches, -1))
        yield "virtual ", (mean + noise, var * factor.double())


def _expected(u: Tensor, size: int) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """(R, U) each: mean and variance of a batch's mean, and of its unbiased variance, for values (R, N, U)."""
    var, mean = torch.var_mean(u, dim=1, correction=0)
    fourth = (u - mean.unsqueeze(1)).pow(4).mean(dim=1)
    return (mean, var / size), (var, (fourth - var.square() * (size - 3) / (size - 1)) / size)
