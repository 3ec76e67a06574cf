"""The fully connected operation of R replicas, with its products and gradients in their fastest form."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """u[r] = x[r] weight[r]ᵀ + bias[r]: (R, B, in), (R, out, in), (R, out) → (R, B, out)."""
    return _Linear.apply(x, weight, bias)  # type: ignore[no-any-return]


class _Linear(torch.autograd.Function):
    """Autograd's own backward of `baddbmm` yields the weight's gradient transposed, and then copies it: as dear as a
    product. Here it comes in the weight's layout.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        if bias is None:
            return torch.bmm(x, weight.mT)
        return torch.baddbmm(bias.unsqueeze(1), x, weight.mT)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (g,) = gradients
        x, weight = ctx.saved_tensors
        to_x, to_weight, to_bias = ctx.needs_input_grad
        return (
            torch.bmm(g, weight) if to_x else None,
            torch.bmm(g.mT, x) if to_weight else None,
            g.sum(dim=1) if to_bias else None,
        )
