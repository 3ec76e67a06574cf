"""RMSprop."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from trainers.optim.optimizer import Optimizer, Scratch, beside


class RMSprop(Optimizer):
    """v ← ρv + (1 − ρ)g²; d ← μd + g/(√v + ε); p ← p − η d.

    As `torch.optim.RMSprop`, whose α is ρ, not centred; ρ, ε and μ are one value a replica. Source: Hinton 2012,
    lecture 6e.
    """

    def __init__(
        self,
        parameters: Iterable[tuple[str, Tensor]],
        *,
        weight_decay: Sequence[float],
        momentum: Sequence[float],
        rho: Sequence[float],
        eps: Sequence[float],
    ) -> None:
        self.slots = ("square", "velocity") if any(momentum) else ("square",)
        super().__init__(parameters, weight_decay=weight_decay)
        self._momentum, self._eps = self.values(momentum), self.values(eps)
        self._fresh = self.values([1.0 - r for r in rho])
        self._scratch = Scratch(self.parameters.values())

    def move(self, name: str, p: Tensor, g: Tensor) -> None:
        square, scratch = self.state[name]["square"], self._scratch.like(p)
        square.lerp_(torch.mul(g, g, out=scratch), beside(self._fresh, p))
        g.div_(torch.sqrt(square, out=scratch).add_(beside(self._eps, p)))
        if len(self.slots) > 1:
            g = self.state[name]["velocity"].mul_(beside(self._momentum, p)).add_(g)
        p.addcmul_(g, beside(self._rate, p), value=-1.0)
