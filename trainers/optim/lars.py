"""LARS: layer-wise adaptive rate scaling."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from trainers.optim.optimizer import Optimizer, beside, decays


class LARS(Optimizer):
    """v ← μv + η r (g + λp); p ← p − v, where r = τ ‖p‖/(‖g‖ + λ‖p‖) for the weights of a layer.

    All that does not decay, and weights or gradients that are wholly 0, have r = 1, which the paper leaves open. τ
    (`trust`) and μ are one value a replica. Source: You et al. 2017, Large batch training of convolutional networks,
    Algorithm 1.
    """

    slots = ("velocity",)

    def __init__(
        self,
        parameters: Iterable[tuple[str, Tensor]],
        *,
        weight_decay: Sequence[float],
        momentum: Sequence[float],
        trust: Sequence[float],
    ) -> None:
        super().__init__(parameters, weight_decay=[0.0] * len(weight_decay))  # `move` has its own: r is without it
        self._own_decay = self.values(weight_decay)
        self._momentum, self._trust = self.values(momentum), self.values(trust)

    def move(self, name: str, p: Tensor, g: Tensor) -> None:
        if decays(name, p):
            ratio = self._ratio(p, g)
            g.addcmul_(p, beside(self._own_decay, p)).mul_(beside(ratio, p))
        v = self.state[name]["velocity"].mul_(beside(self._momentum, p))
        p.sub_(v.addcmul_(g, beside(self._rate, p)))

    def _ratio(self, p: Tensor, g: Tensor) -> Tensor:
        weight, gradient = (torch.linalg.vector_norm(x.flatten(1), dim=1) for x in (p, g))
        ratio = self._trust * weight / (gradient + self._own_decay * weight)
        return ratio.masked_fill_((weight == 0) | (gradient == 0), 1.0)
