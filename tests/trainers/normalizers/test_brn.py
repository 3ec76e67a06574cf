from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from tests.trainers.normalizers.oracle import Plain, agree, block, close, normal, site
from trainers.layers.block import Block


class Renorm(Plain):
    """Ioffe 2017, Algorithm 1, channel by channel."""

    def __init__(self, packed: Block, r: int, ramp: float) -> None:
        super().__init__(packed, r)
        self.ramp, self.t = ramp, 0
        self.mean, self.var = [0.0] * self.site.out_channels, [1.0] * self.site.out_channels

    def forward(self, x: Tensor) -> Tensor:
        columns = list(self.operate(x).unbind(dim=1))
        r_max = 1 + 2 * min(max((self.t - 5000 * self.ramp) / (35000 * self.ramp), 0), 1)
        d_max = 5 * min(max((self.t - 5000 * self.ramp) / (20000 * self.ramp), 0), 1)
        for c, u in enumerate(columns):
            m = u.numel()
            sigma = (self.var[c] + 1e-5) ** 0.5
            if self.training:
                mean = u.mean()
                batch_sigma = ((u - mean).square().mean() + 1e-5).sqrt()
                r = min(max(batch_sigma.item() / sigma, 1 / r_max), r_max)
                d = min(max((mean.item() - self.mean[c]) / sigma, -d_max), d_max)
                normalized = (u - mean) / batch_sigma * r + d
                self.mean[c] += 0.1 * (mean.item() - self.mean[c])
                self.var[c] += 0.1 * ((batch_sigma.item() ** 2 - 1e-5) * m / (m - 1) - self.var[c])
            else:
                normalized = (u - self.mean[c]) / sigma
            columns[c] = self.gamma[c] * normalized + self.beta[c]
        self.t += self.training
        return torch.stack(columns, dim=1)


@pytest.mark.parametrize("convolution", [False, True])
@pytest.mark.parametrize("ramps", [[1e-4], [1e-4, 5e-4, 1.0]])
def test_it_is_the_papers_algorithm(ramps: Sequence[float], convolution: bool) -> None:
    packed = block("brn", site(5, 4, replicas=len(ramps), convolution=convolution), ramp=ramps)
    agree(packed, [Renorm(packed, r, ramp) for r, ramp in enumerate(ramps)], steps=6)


def test_until_step_5000_it_is_batch_normalization() -> None:
    packed, plain = block("brn", site(5, 4)), block("bn", site(5, 4))
    for step in range(3):
        x = normal(1, 9, 5, seed=step)
        assert torch.equal(packed(x), plain(x))
    packed.method.steps.fill_(5000)
    assert torch.equal(packed(x), plain(x))
    packed(x)
    plain(x)
    assert not torch.equal(packed(x), plain(x))
    packed.eval()
    plain.eval()
    assert torch.equal(packed(x), plain(x)), "the running averages are the same"


@pytest.mark.parametrize("ramp", [1.0, 0.1])
def test_the_limits_are_reached_at_the_papers_steps(ramp: float) -> None:
    method = block("brn", site(1, 1), ramp=ramp).method
    u = torch.tensor([1e6, 3e6], dtype=torch.float64).view(1, 2, 1)
    for step, r_max, d_max in (
        (5_000, 1, 0),
        (15_000, 1 + 4 / 7, 2.5),
        (25_000, 1 + 8 / 7, 5),
        (40_000, 3, 5),
        (60_000, 3, 5),
    ):
        method.steps.fill_(round(step * ramp))
        r, d = method.correction(u)
        assert (r.item(), d.item()) == pytest.approx((r_max, d_max))
        method.steps.fill_(round(step * ramp))
        r, d = method.correction(-u * 1e-12 - 1e6)
        assert (r.item(), d.item()) == pytest.approx((1 / r_max, -d_max))


def test_steps_are_part_of_the_state() -> None:
    packed, other = block("brn", site(5, 4), ramp=1e-4), block("brn", site(5, 4), ramp=1e-4)
    for step in range(4):
        packed(normal(1, 9, 5, seed=step))
    other.load_state_dict(packed.state_dict())
    x = normal(1, 9, 5, seed=9)
    close(other(x).detach(), packed(x).detach(), "output after loading")
