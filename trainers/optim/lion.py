"""Lion: evolved sign momentum."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from trainers.optim.optimizer import Optimizer, Scratch, beside


class Lion(Optimizer):
    """p ← (1 − η λ)p − η sign(β₁m + (1 − β₁)g); then m ← β₂m + (1 − β₂)g. β₁ and β₂ are one value a replica.

    Source: Chen et al. 2023, Symbolic discovery of optimization algorithms, Algorithm 2.
    """

    slots = ("mean",)
    decoupled = True

    def __init__(
        self,
        parameters: Iterable[tuple[str, Tensor]],
        *,
        weight_decay: Sequence[float],
        betas: Sequence[Sequence[float]],
    ) -> None:
        super().__init__(parameters, weight_decay=weight_decay)
        self._fresh = [self.values([1.0 - pair[i] for pair in betas]) for i in (0, 1)]
        self._scratch = Scratch(self.parameters.values())

    def move(self, name: str, p: Tensor, g: Tensor) -> None:
        mean = self.state[name]["mean"]
        direction = torch.lerp(mean, g, beside(self._fresh[0], p), out=self._scratch.like(p)).sign_()
        p.addcmul_(direction, beside(self._rate, p), value=-1.0)
        mean.lerp_(g, beside(self._fresh[1], p))
