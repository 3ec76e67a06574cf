"""The fully connected operation of R replicas, with its products and gradients in their fastest form."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from trainers.layers.descent import Descent


def linear(x: Tensor, weight: Tensor, bias: Tensor | None, descent: Descent | None = None) -> Tensor:
    """u[r] = x[r] weight[r]ᵀ + bias[r]: (R, B, in), (R, out, in), (R, out) → (R, B, out).

    Backward leaves the gradients of weight and bias, or moves both as `descent` says.
    """
    if descent is not None:
        descent.calls += 1
    return _Linear.apply(x, weight, bias, descent)  # type: ignore[no-any-return]


class _Linear(torch.autograd.Function):
    """Autograd's own backward of `baddbmm` yields the weight's gradient transposed, and then copies it: as dear as a
    product. Here it comes in the weight's layout.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, descent: Descent | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.bias, ctx.descent = bias, descent
        if bias is None:
            return torch.bmm(x, weight.mT)
        return torch.baddbmm(bias.unsqueeze(1), x, weight.mT)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (g,) = gradients
        x, weight = ctx.saved_tensors
        to_x, to_weight, to_bias, _ = ctx.needs_input_grad
        back = torch.bmm(g, weight) if to_x else None
        if ctx.descent is not None and ctx.descent.taken:
            ctx.descent.take(weight, ctx.bias, x, g)
            return back, None, None, None
        return back, torch.bmm(g.mT, x) if to_weight else None, g.sum(dim=1) if to_bias else None, None
