"""The packed linear operation: values and gradients of every order."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from trainers.layers.linear import linear


def tensors(bias: bool) -> tuple[Tensor, Tensor, Tensor | None]:
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, dtype=torch.float64, generator=generator).requires_grad_()

    return draw(3, 5, 4), draw(3, 2, 4), draw(3, 2) if bias else None


@pytest.mark.parametrize("bias", [True, False])
def test_each_replica_is_a_layer_of_its_own(bias: bool) -> None:
    x, w, b = tensors(bias)
    for r, u in enumerate(linear(x, w, b)):
        torch.testing.assert_close(u, F.linear(x[r], w[r], None if b is None else b[r]))


@pytest.mark.parametrize("bias", [True, False])
def test_gradients_of_first_and_second_order(bias: bool) -> None:
    inputs = tensors(bias)
    assert torch.autograd.gradcheck(linear, inputs)
    assert torch.autograd.gradgradcheck(linear, inputs)


def test_gradient_of_the_weight_has_its_layout() -> None:
    x, w, b = tensors(True)
    linear(x, w, b).sum().backward()
    assert w.grad is not None
    assert w.grad.is_contiguous()
