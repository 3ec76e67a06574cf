"""Adam, and Adam whose weight decay is decoupled from the gradient."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from trainers.optim.optimizer import Optimizer, beside


class Adam(Optimizer):
    """m ← β₁m + (1 − β₁)g; v ← β₂v + (1 − β₂)g²; p ← p − η m̂/(√v̂ + ε), m̂ = m/(1 − β₁ᵗ), v̂ = v/(1 − β₂ᵗ).

    As `torch.optim.Adam`; β₁, β₂ and ε are one value a replica. Source: Kingma and Ba 2015, Algorithm 1.
    """

    slots = ("mean", "square")

    def __init__(
        self,
        parameters: Iterable[tuple[str, Tensor]],
        *,
        weight_decay: Sequence[float],
        betas: Sequence[Sequence[float]],
        eps: Sequence[float],
    ) -> None:
        super().__init__(parameters, weight_decay=weight_decay)
        self._fresh = [self.values([1.0 - pair[i] for pair in betas]) for i in (0, 1)]
        self._eps = self.values(eps)
        # β₁ᵗ and β₂ᵗ (2, R), where training is: 1 − βᵗ loses no digit in float64.
        self._betas = torch.tensor([list(pair) for pair in betas], dtype=torch.float64, device=self._device).T.clone()
        self._powers = torch.ones_like(self._betas)
        self._corrections = torch.empty_like(self._betas)
        self._rooted, self._scaled = torch.empty_like(self._eps), torch.empty_like(self._eps)

    def begin(self) -> None:
        self._powers.mul_(self._betas)
        torch.sub(1.0, self._powers, out=self._corrections)
        self._scaled.copy_(self._corrections[0].reciprocal_()).mul_(self._rate)
        self._rooted.copy_(self._corrections[1].rsqrt_())

    def move(self, name: str, p: Tensor, g: Tensor) -> None:
        mean, square = self.state[name]["mean"], self.state[name]["square"]
        mean.lerp_(g, beside(self._fresh[0], p))
        square.lerp_(g.mul_(g), beside(self._fresh[1], p))
        torch.sqrt(square, out=g).mul_(beside(self._rooted, p)).add_(beside(self._eps, p))
        torch.div(mean, g, out=g)
        p.addcmul_(g, beside(self._scaled, p), value=-1.0)

    def state_dict(self) -> dict[str, Tensor]:
        return super().state_dict() | {"powers": self._powers}


class AdamW(Adam):
    """Adam whose weight decay is p ← (1 − η λ)p ahead of its step, as `torch.optim.AdamW`.

    Source: Loshchilov and Hutter 2019, Algorithm 2.
    """

    decoupled = True
