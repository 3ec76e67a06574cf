"""Clipping by the norm over a network, replica by replica, against `clip_grad_norm_` on each alone."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from trainers.optim.clipping import Clipping

SHAPES = ((4, 3), (4,), (), (2, 3, 3, 3), (5,))


def parameters(replicas: int) -> list[Tensor]:
    """With gradients, but for the last."""
    generator = torch.Generator().manual_seed(1)
    made = [torch.zeros(replicas, *shape, dtype=torch.float64, requires_grad=True) for shape in SHAPES]
    for p in made[:-1]:
        p.grad = torch.randn(p.shape, dtype=p.dtype, generator=generator)
    return made


@pytest.mark.parametrize("largest", [[0.5], [0.0], [1e6], [0.5, 0.0, 3.0], [2.0, 1e6, 0.1]], ids=str)
def test_agrees_with_torch(largest: list[float]) -> None:
    clipped, before = parameters(len(largest)), parameters(len(largest))
    Clipping(clipped, largest).clip()
    for r, limit in enumerate(largest):
        alone = [p.detach()[r].clone().requires_grad_() for p in before[:-1]]
        for p, whole in zip(alone, before[:-1], strict=True):
            assert whole.grad is not None
            p.grad = whole.grad[r].clone()
        if limit:
            nn.utils.clip_grad_norm_(alone, limit)
        for p, ours in zip(alone, clipped[:-1], strict=True):
            assert p.grad is not None
            assert ours.grad is not None
            torch.testing.assert_close(ours.grad[r], p.grad, rtol=1e-12, atol=1e-12)
    assert clipped[-1].grad is None


def test_what_is_not_clipped_keeps_its_bits() -> None:
    """A diverged neighbour changes nothing either."""
    clipped, before = parameters(3), parameters(3)
    assert clipped[0].grad is not None
    clipped[0].grad[1, 0, 0] = float("inf")
    Clipping(clipped, [0.0, 0.1, 1e3]).clip()
    for p, untouched in zip(clipped[:-1], before[:-1], strict=True):
        assert p.grad is not None
        assert untouched.grad is not None
        assert torch.equal(p.grad[[0, 2]], untouched.grad[[0, 2]])


def test_a_replica_that_is_not_clipped_keeps_gradients_whose_norm_overflows() -> None:
    p = torch.nn.Parameter(torch.zeros(2, 4))
    p.grad = torch.full((2, 4), 1e20)
    Clipping([p], [0.0, 1.0]).clip()
    assert torch.equal(p.grad[0], torch.full((4,), 1e20))
