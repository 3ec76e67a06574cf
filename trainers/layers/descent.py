"""A step of plain gradient descent, taken by the product that would yield a weight's gradient."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from trainers.normalizers.method import Method


class Descent:
    """w ← w − η s gᵀx and b ← b − η s Σ g, from the gradient g of a layer's output: neither gradient is kept.

    η is the learning rate and s the method's `gradient_scale`, one of each a replica; where the method has a
    `gradient_input`, that takes the place of x. The L2 norm that s is asked for is found as
    ‖gᵀx‖² = Σ (g gᵀ) ∘ (x xᵀ). Gradients of the method's own parameters are multiplied by s; the optimizer moves these.
    """

    def __init__(self, method: Method | None = None) -> None:
        self.rates: Tensor | None = None  # (R, 1, 1); None: backward leaves gradients, as ever
        self.calls = 0  # of the layer, since the step began
        self._method = method
        self._scaled = method is not None and type(method).gradient_scale is not Method.gradient_scale
        self._centred = method is not None and type(method).gradient_input is not Method.gradient_input

    @property
    def taken(self) -> bool:
        """Whether the step is taken by backward; a weight that is used twice has to keep its place until both are."""
        return self.rates is not None and self.calls == 1

    def take(self, weight: Tensor, bias: Tensor | None, x: Tensor, g: Tensor) -> None:
        """Shapes: weight (R, out, in), bias (R, out), x (R, B, in), g (R, B, out)."""
        assert self.rates is not None
        if self._centred:
            assert self._method is not None
            x = self._method.gradient_input(x)
        rates = self.rates * self._scale(bias, x, g) if self._scaled else self.rates
        g = g * rates
        weight.baddbmm_(g.mT, x, alpha=-1)
        if bias is not None:
            bias.sub_(g.sum(dim=1))

    def _scale(self, bias: Tensor | None, x: Tensor, g: Tensor) -> Tensor:
        """(R, 1, 1)"""
        assert self._method is not None
        inputs = torch.bmm(x, x.mT)
        if bias is not None:
            inputs += 1  # its input
        squares = (torch.bmm(g, g.mT) * inputs).sum(dim=(1, 2)).clamp_(min=0.0)
        own = [p.grad for p in self._method.parameters() if p.grad is not None]
        for gradient in own:
            squares += gradient.flatten(1).square().sum(dim=1)
        scale = self._method.gradient_scale(squares.sqrt())
        for gradient in own:
            gradient.mul_(scale.view(-1, *(1,) * (gradient.ndim - 1)))
        return scale.view(-1, 1, 1)


def descends(method: Method) -> bool:
    """Whether a layer's step can be taken from g and x alone: its weight is used as it is, and what the method makes of
    the weight's gradient is a factor, or can be made of x."""
    own = type(method)
    if own.weight is not Method.weight:
        return False
    edits, reads = (next(c for c in own.__mro__ if name in vars(c)) for name in ("gradients", "gradient_input"))
    return edits is Method or edits is reads


@contextmanager
def descending(descents: Sequence[Descent], rates: Tensor) -> Generator[None]:
    """Within it backward takes the steps of these layers, at these learning rates (R,)."""
    for descent in descents:
        descent.rates, descent.calls = rates.view(-1, 1, 1), 0
    try:
        yield
    finally:
        for descent in descents:
            descent.rates = None
