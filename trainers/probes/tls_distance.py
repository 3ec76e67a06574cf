"""How far samples lie from a layer's hyperplanes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from trainers.probes.probe import Reading
from trainers.probes.subject import Subject


@dataclass(frozen=True, kw_only=True, slots=True)
class TlsDistance:
    """The total least squares distance of a layer's inputs z from its hyperplanes, in squared units of z, the sum over
    units k with weights w_k and u_k = ⟨w_k, z⟩ + b_k (positions of a convolution count as samples):

    `distance`: Σ_k mean_z (u_k − t_k)²/‖w_k‖², the hyperplane being {u_k = t_k} where what the normalizer makes of u_k
    is 0; for methods that map each unit by an affine function, others have no hyperplane. `least`: Σ_k σ²(u_k)/‖w_k‖²,
    which batch normalization attains (Theorem 1), but for β and the batch. Layers without an activation are left out,
    as are units without weights.

    Source: Balestriero and Baraniuk 2022, Eq. 7 to 9.
    """

    of: str
    samples: int

    def read(self, subject: Subject) -> Iterator[Reading]:
        seen: dict[int, list[tuple[Tensor, Tensor]]] = {}
        norms: dict[int, Tensor] = {}
        blocks = dict(enumerate(subject.network.blocks, 1))

        def look(layer: int, _x: Tensor, weight: Tensor, u: Tensor) -> None:
            if blocks[layer].activation is not None:
                h = blocks[layer].method.after(u)
                seen.setdefault(layer, []).append((_rows(u), _rows(h)))
                norms[layer] = weight.double().flatten(2).square().sum(dim=2)

        with subject.operations(look):
            for x, _ in subject.batches(self.of, self.samples):
                subject.logits(x)
        for layer, batches in sorted(seen.items()):
            u, h = (torch.cat(part, dim=1) for part in zip(*batches, strict=True))
            var, mean = torch.var_mean(u, dim=1, correction=0)
            slope = ((u - mean.unsqueeze(1)) * h).mean(dim=1) / var
            square = norms[layer]
            usable = (square > 0) & (var > 0)
            for name, values in (("distance", h.square().mean(dim=1) / slope.square()), ("least", var)):
                yield Reading(name, torch.where(usable, values / square, 0.0).sum(dim=1), layer)


def _rows(u: Tensor) -> Tensor:
    """(R, b, C, *S) → (R, b S, C) in float64."""
    return u.double().flatten(3).transpose(2, 3).flatten(1, 2) if u.ndim > 3 else u.double()
