from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from tests.trainers.normalizers.oracle import Plain, agree, block, normal, site
from trainers.layers.block import Block
from trainers.normalizers import build


class Vcl(Plain):
    """Eq. 17, unit by unit, and the clipping of the layer's gradient."""

    def __init__(self, packed: Block, r: int, n: int, weight: float) -> None:
        super().__init__(packed, r)
        self.n, self.factor = n, weight

    def forward(self, x: Tensor) -> Tensor:
        self.u = self.operate(x)
        return self.u

    def penalty(self) -> Tensor:
        losses = [
            (1 - u[: self.n].var() / (u[self.n : 2 * self.n].var() + beta)).square()
            for u, beta in zip(self.u.flatten(1).unbind(dim=1), self.beta.flatten().unbind(), strict=True)
        ]
        return self.factor * torch.stack(losses).sum() / len(losses)

    def after_backward(self) -> None:
        total = sum(p.grad.square().sum() for p in self.parameters()) ** 0.5
        for p in self.parameters():
            p.grad /= max(total.item(), 1.0)

    def after_step(self) -> None:
        self.beta.clamp_(min=1e-3)


@pytest.mark.parametrize("convolution", [False, True])
@pytest.mark.parametrize(("n", "weights"), [([4], [2.0]), ([5, 2, 6], [0.5, 3.0, 0.01])])
def test_it_is_the_papers_loss(n: Sequence[int], weights: Sequence[float], convolution: bool) -> None:
    place = site(5, 4, replicas=len(n), convolution=convolution)
    packed = block("vcl", place, n=n, weight=weights)
    packed.method.beta.data.add_(normal(*packed.method.beta.shape, seed=3).abs())
    assert packed.method.beta.shape == (len(n), 4, *place.spatial)
    plains = [Vcl(packed, r, *values) for r, values in enumerate(zip(n, weights, strict=True))]
    agree(packed, plains)


def test_gradients_below_the_bound_are_left_alone() -> None:
    method = build("vcl", site(5, 4, replicas=2))
    named = {"weight": torch.full((2, 4, 5), 0.1), "bias": torch.zeros(2, 4), "beta": torch.zeros(2, 4)}
    named["weight"][1] *= 100
    method.gradients(named)
    assert named["weight"][0].eq(0.1).all()
    assert named["weight"][1].norm() == pytest.approx(1.0)


def test_beta_is_kept_above_its_bound() -> None:
    packed = block("vcl", site(5, 4))
    packed.method.beta.data.copy_(torch.tensor([[-1.0, 0.0, 0.5, 2.0]]))
    packed.project()
    assert packed.method.beta.tolist() == [[1e-3, 1e-3, 0.5, 2.0]]


def test_nothing_happens_in_evaluation() -> None:
    packed = block("vcl", site(5, 4)).eval()
    packed(normal(1, 3, 5))
    assert packed.take_penalty() is None


def test_too_small_a_batch_is_refused() -> None:
    with pytest.raises(ValueError, match="a batch of 9 has no two subsets of 5"):
        block("vcl", site(5, 4), n=5)(normal(1, 9, 5))


def mixture(p: float, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Two Gaussians in the plane, apart along the first axis and longer along the second: samples and their cluster."""
    rare = torch.rand(count, generator=generator, dtype=torch.float64) < p
    x = torch.randn(count, 2, generator=generator, dtype=torch.float64) * torch.tensor([0.5, 1.0])
    return x + torch.where(rare, 3.0, -3.0).unsqueeze(1) * torch.tensor([1.0, 0.0]), rare


@pytest.mark.oracle
@pytest.mark.parametrize(("p", "separates"), [(0.25, True), (0.1, False)])
def test_one_unit_separates_or_merges_two_clusters(p: float, separates: bool) -> None:
    """Figure 2 and Theorem 2: with a linear unit and no other loss, n = 50, best of several random starts.

    The threshold is p = (1 - sqrt(1/3))/2, about 0.2113. Replicas are the starts.
    """
    starts, n = 8, 50
    place = site(2, 1, replicas=starts)
    packed = block("vcl", place, n=n, weight=1.0)
    packed.weight.data.copy_(normal(starts, 1, 2, seed=1))
    generator = torch.Generator().manual_seed(7)
    optimizer = torch.optim.SGD(packed.parameters(), lr=0.05, momentum=0.9)
    losses = torch.zeros(starts, dtype=torch.float64)
    steps = 3000
    for step in range(steps):
        x, _ = mixture(p, 2 * n, generator)
        packed(x.expand(starts, -1, -1))
        penalty = packed.take_penalty()
        assert penalty is not None
        optimizer.zero_grad()
        penalty.sum().backward()
        packed.gradients()
        optimizer.step()
        packed.project()
        if step >= steps - 1000:
            losses += penalty.detach()
    best = packed.weight[losses.argmin(), 0].detach()
    x, rare = mixture(p, 10_000, generator)
    projected = x @ best
    gap = (projected[rare].mean() - projected[~rare].mean()).abs()
    within = (projected[rare].var() * p + projected[~rare].var() * (1 - p)).sqrt()
    assert (gap > 5 * within) == separates, f"gap {gap:.3f}, within {within:.3f}"
    if not separates:
        assert gap < within
