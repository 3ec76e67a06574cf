"""The condition number of a layer's input, which bounds that of the loss's Hessian."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from trainers.probes.probe import Reading
from trainers.probes.subject import Subject


@dataclass(frozen=True, kw_only=True, slots=True)
class Condition:
    """λ_max/λ_min of XXᵀ for the input X (C_in, N) of each layer, not centred: what the layer multiplies, over samples
    and positions; a convolution's patches are taken pixel by pixel. Without a unit of measure.

    Eigenvalues below C_in ε λ_max, ε that of the precision, are 0 but for rounding: the `condition` is over the others,
    and `rank` is their share. `largest` is λ_max/N, in squared units of the input. Source: POP-Norm, ICLR 2020
    submission, Theorem 3 and its proof.
    """

    of: str
    samples: int

    def read(self, subject: Subject) -> Iterator[Reading]:
        products: dict[int, Tensor] = {}
        counts: dict[int, int] = {}

        def look(layer: int, x: Tensor, _weight: Tensor, _u: Tensor) -> None:
            columns = x.double().transpose(1, 2).flatten(2)
            products[layer] = products.get(layer, 0) + columns @ columns.mT
            counts[layer] = counts.get(layer, 0) + columns.shape[2]

        with subject.operations(look):
            for x, _ in subject.batches(self.of, self.samples):
                subject.logits(x)
        epsilon = torch.finfo(subject.streams.dtype).eps
        for layer, product in sorted(products.items()):
            values = torch.linalg.eigvalsh(product.nan_to_num(posinf=0.0, neginf=0.0))
            largest = values[:, -1:]
            whole = values > largest * epsilon * values.shape[1]
            least = torch.where(whole, values, torch.inf).amin(dim=1)
            yield Reading("condition", largest[:, 0] / least, layer)
            yield Reading("rank", whole.double().mean(dim=1), layer)
            yield Reading("largest", largest[:, 0] / counts[layer], layer)
