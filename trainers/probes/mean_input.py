"""The mean input of one unit of each layer: how far its distribution wanders while training."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from trainers.probes.probe import Reading
from trainers.probes.subject import Subject


@dataclass(frozen=True, kw_only=True, slots=True)
class MeanInput:
    """The mean over samples (and space) of one random channel of each layer's input, the same after each epoch; in the
    unit of measure of that input.

    The input is what the layer multiplies. Source: Arpit et al. 2016, Figure 2 and section 5.2; that a unit of a
    convolution is a channel is ours.
    """

    of: str
    samples: int

    def read(self, subject: Subject) -> Iterator[Reading]:
        sums: dict[int, Tensor] = {}
        count = 0

        def look(layer: int, x: Tensor, _weight: Tensor, _u: Tensor) -> None:
            unit = subject.units("mean-input", layer, x.shape[2], 1)[:, 0]
            mine = x[torch.arange(len(x), device=x.device), :, unit].double()
            total = mine.flatten(2).mean(dim=2).sum(dim=1) if mine.ndim > 2 else mine.sum(dim=1)
            rows = mine.shape[1] / batch
            sums[layer] = sums.get(layer, torch.zeros_like(total)) + total / rows

        with subject.operations(look):
            for x, _ in subject.batches(self.of, self.samples):
                batch = x.shape[1]
                subject.logits(x)
                count += batch
        for layer, total in sorted(sums.items()):
            yield Reading("mean", total / count, layer)
