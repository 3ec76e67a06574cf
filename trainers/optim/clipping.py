"""Clipping of gradients by their norm over a whole network, replica by replica."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from trainers.optim.optimizer import beside


class Clipping:
    """g ← g · min(1, c/(‖g‖ + 1e-6)), ‖g‖ over all parameters of a replica; c = 0 leaves its gradients as they are.

    As `torch.nn.utils.clip_grad_norm_`; c is one value a replica.
    """

    def __init__(self, parameters: Iterable[Tensor], largest: Sequence[float]) -> None:
        self._parameters = [p for p in parameters if p.requires_grad]
        like = self._parameters[0]
        limits = [c or math.inf for c in largest]
        self._largest = torch.tensor(limits, dtype=like.dtype, device=like.device)
        self._free = self._largest.isinf()  # also where the norm is beyond what the precision holds
        self._norms = torch.zeros(len(self._parameters), len(limits), dtype=like.dtype, device=like.device)

    @torch.no_grad()
    def clip(self) -> None:
        for p, norm in zip(self._parameters, self._norms, strict=True):
            if p.grad is None:
                norm.zero_()
            else:
                torch.linalg.vector_norm(p.grad.reshape(len(p), -1), dim=1, out=norm)
        norms = torch.linalg.vector_norm(self._norms, dim=0)
        scale = (self._largest / (norms + 1e-6)).clamp_(max=1.0).masked_fill_(self._free, 1.0)
        for p in self._parameters:
            if p.grad is not None:
                p.grad.mul_(beside(scale, p))
