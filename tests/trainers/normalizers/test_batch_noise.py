from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from sweeps.words.rules import problems
from tests.sweeps.sets import facts, trials
from tests.trainers.normalizers.oracle import Plain, agree, block, close, normal, site
from trainers.layers.block import Block
from trainers.normalizers import Site, build
from trainers.normalizers.batch_statistics.chi_square import chi_square_mean
from trainers.normalizers.batch_statistics.moments import beside
from trainers.seeding import Streams

REPLICAS = 500


class Noisy(Plain):
    """The formulas of section 5, channel by channel; only random numbers come from the site's streams."""

    def __init__(self, packed: Block, r: int, *, virtual: int = 0, extra: float = 0.15) -> None:
        super().__init__(packed, r)
        self.virtual, self.extra = virtual, extra
        channels = self.site.out_channels
        self.history: list[list[tuple[float, float, float]]] = [[] for _ in range(channels)]
        self.mean, self.var = [0.0] * channels, [1.0] * channels

    def forward(self, x: Tensor) -> Tensor:
        u = self.operate(x)
        return torch.stack([self.channel(v.contiguous(), c, len(u)) for c, v in enumerate(u.unbind(dim=1))], dim=1)

    def channel(self, u: Tensor, c: int, batch: int) -> Tensor:
        if not self.training:
            return self.gamma[c] * (u - self.mean[c]) / (self.var[c] + 1e-5) ** 0.5 + self.beta[c]
        mean, var = u.mean(), u.flatten().var()
        moment, spread = self.estimated(u.detach(), c)
        if self.virtual:
            added_to_mean = moment[0] / self.virtual - moment[0] / batch
            added_to_var = of_var(moment[0], moment[1], self.virtual) - of_var(moment[0], moment[1], batch)
            v = of_var(moment[0], moment[1], batch)
        elif self.site.kernel:
            added_to_mean, v = self.extra * spread / batch, moment[1] / batch
            added_to_var = self.extra * v
        else:
            v = of_var(moment[0], moment[1], batch)
            added_to_mean, added_to_var = self.extra * moment[0] / batch, self.extra * v
        noise = added_to_mean**0.5 * self.draw("normal", "noise/mean", (self.site.out_channels,))[c].item()
        factor = self.chi_square(2 * (v + moment[0] ** 2) / added_to_var, c)
        m = u.numel()
        self.mean[c] += 0.1 * (mean.item() - self.mean[c])
        self.var[c] += 0.1 * (var.item() - self.var[c])
        sigma = (var * (m - 1) / m * factor + 1e-5).sqrt()
        return self.gamma[c] * (u - mean - noise) / sigma + self.beta[c]

    def estimated(self, u: Tensor, c: int) -> tuple[tuple[float, float], float]:
        """Variance and fourth moment (of a convolution: the variance between images of their squares), and the
        variance between images of their means: averages over all steps so far, faded by 0.9 a step."""
        squares = (u - u.mean()).square()
        batch = len(u)
        images = u.view(batch, -1).mean(dim=1).var().item()
        fourth = squares.view(batch, -1).mean(dim=1).var() if self.site.kernel else squares.square().mean()
        self.history[c].append((u.flatten().var().item(), fourth.item(), images))
        weights = [0.9**age for age in range(len(self.history[c]))][::-1]
        a, b, between = (
            sum(w * h[i] for w, h in zip(weights, self.history[c], strict=True)) / sum(weights) for i in range(3)
        )
        if not self.site.kernel:
            # E[mean of (u − μ_B)⁴] = (n − 1)/n³ ((n² − 3n + 3) φ⁴ + 3 (2n − 3) σ⁴), and φ⁴ ≥ σ⁴.
            b = max((b * batch**3 / (batch - 1) - 3 * (2 * batch - 3) * a**2) / (batch**2 - 3 * batch + 3), a**2)
        return (a, b), between

    def draw(self, kind: str, purpose: str, shape: tuple[int, ...]) -> Tensor:
        return getattr(self.site.streams, kind)(purpose, self.site.layer, shape)[self.r]

    def chi_square(self, k: float, c: int) -> float:
        """Marsaglia and Tsang 2000, with 4 tries."""
        tries = 4, self.site.out_channels
        a = k / 2
        d = (a + 1 if a < 1 else a) - 1 / 3
        for i in range(4):
            x = self.draw("normal", "noise/variance", tries)[i, c]
            v = (1 + x / (9 * d) ** 0.5) ** 3
            if (
                v > 0
                and self.draw("uniform", "noise/accepted", tries)[i, c].log() < 0.5 * x**2 + d - d * v + d * v.log()
            ):
                break
        boost = self.draw("uniform", "noise/small", tries[1:])[c] ** (1 / a) if a < 1 else 1.0
        return float(2 * d * v * boost / k)


def of_var(var: float, fourth: float, n: int) -> float:
    return (fourth - var**2 * (n - 3) / (n - 1)) / n


@pytest.mark.parametrize(
    ("virtual", "extra", "convolution"),
    [
        ([0], [0.15], False),
        ([7], [0.0], False),
        ([2, 0, 7], [0.0, 0.3, 0.0], False),
        ([0], [0.15], True),
        ([0, 0, 0], [0.15, 2.0, 0.01], True),
    ],
)
def test_it_is_the_papers_formula(virtual: Sequence[int], extra: Sequence[float], convolution: bool) -> None:
    place = site(5, 4, replicas=len(virtual), convolution=convolution)
    packed = block("bn-noise", place, virtual_batch=virtual, extra=extra)
    plains = [Noisy(packed, r, virtual=v, extra=e) for r, (v, e) in enumerate(zip(virtual, extra, strict=True))]
    agree(packed, plains)


@pytest.mark.parametrize("options", [{"virtual_batch": 12}, {"extra": 0.0}])
def test_a_virtual_batch_as_large_as_the_batch_adds_nothing(options: dict[str, float]) -> None:
    packed, plain = block("bn-noise", site(5, 4), **options), block("bn", site(5, 4))
    x = normal(1, 12, 5)
    close(packed(x).detach(), plain(x).detach(), "output")


def test_a_constant_channel_stays_finite() -> None:
    method = build("bn-noise", site(5, 4))
    u = normal(1, 12, 4)
    u[..., 2] = 3.0
    assert method.after(u).isfinite().all()
    assert method.after(u)[..., 2].abs().max() < 1e-12


def test_running_averages_are_free_of_the_noise() -> None:
    packed, plain = block("bn-noise", site(5, 4), extra=5.0), block("bn", site(5, 4))
    for step in range(5):
        x = normal(1, 12, 5, seed=step)
        packed(x)
        plain(x)
    assert torch.equal(packed.method.running_mean, plain.method.running_mean)
    assert torch.equal(packed.method.running_var, plain.method.running_var)


def test_a_virtual_batch_needs_independent_samples() -> None:
    with pytest.raises(ValueError, match="positions are not: use `extra`"):
        build("bn-noise", site(5, 4, convolution=True), virtual_batch=4)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"virtual_batch": 21}, "bn-noise with virtual_batch=21: it is not from 2 to 20, the samples of a batch"),
        ({"virtual_batch": 1}, "bn-noise with virtual_batch=1: it is not from 2 to 20"),
        ({"virtual_batch": 8, "extra": 0.3}, "bn-noise with virtual_batch=8 and extra=0.3: each says how much noise"),
    ],
)
def test_what_is_refused_before_anything_runs(options: dict[str, float], sentence: str) -> None:
    (found,) = problems(trials(normalizer={"bn-noise": options}, batch_size=20), facts)
    assert found.startswith(sentence)


def test_a_virtual_batch_is_for_fully_connected_models() -> None:
    found = problems(trials(model="resnet20", normalizer={"bn-noise": {"virtual_batch": 8}}, batch_size=20), facts)
    assert any("virtual_batch=8 and model resnet20: positions of one image" in sentence for sentence in found)


@pytest.mark.oracle
@pytest.mark.parametrize("k", [1.05, 1.9, 2.0, 5.0, 63.0, 500.0])
def test_chi_square_variates_have_their_moments(k: float) -> None:
    """Mean 1, variance 2/k, third central moment 8/k²; infinite degrees of freedom are the constant 1."""
    count = 400_000
    streams = Streams([0, 1], dtype=torch.float64)
    degrees = torch.full((2, count), k, dtype=torch.float64)
    degrees[1] = torch.inf
    numbers, ones = chi_square_mean(degrees, streams, 1).unbind()
    assert ones.eq(1).all()
    assert numbers.mean().item() == pytest.approx(1, abs=5 * (2 / k / count) ** 0.5)
    assert numbers.var().item() == pytest.approx(2 / k, rel=5 * ((2 + 12 / k) / count) ** 0.5)
    assert (numbers - 1).pow(3).mean().item() == pytest.approx(8 / k**2, abs=40 * (1 / k) ** 1.5 / count**0.5)


@pytest.mark.oracle
def test_statistics_have_the_variances_of_the_virtual_batch() -> None:
    """Figure 7: batches of 64 made to look like 32, from 1,000 samples of N([1, 0, -1], diag[1, 3, 0.1])."""
    samples = torch.tensor([1.0, 0.0, -1.0]) + normal(1000, 3) * torch.tensor([1.0, 3.0, 0.1]).sqrt()
    streams = Streams(range(REPLICAS), dtype=torch.float64)
    place = Site(in_channels=3, out_channels=3, replicas=REPLICAS, streams=streams)
    method = build("bn-noise", place, virtual_batch=32)
    generator = torch.Generator().manual_seed(3)
    means: list[Tensor] = []
    variances: list[Tensor] = []
    for step in range(60):
        streams.at(0, step)
        u = samples[torch.randint(len(samples), (REPLICAS, 64), generator=generator)]
        noise, factor = method.noise(u)
        var, mean = torch.var_mean(u, dim=1)
        if step >= 20:  # the running estimates have settled
            means.append(mean + noise)
            variances.append(var * factor)
    population = samples.var(dim=0, correction=0)
    fourth = (samples - samples.mean(dim=0)).pow(4).mean(dim=0)
    torch.testing.assert_close(torch.cat(means).var(dim=0), population / 32, rtol=0.05, atol=0)
    expected = (fourth - population.square() * 29 / 31) / 32
    torch.testing.assert_close(torch.cat(variances).var(dim=0), expected, rtol=0.05, atol=0)
    torch.testing.assert_close(torch.cat(variances).mean(dim=0), population, rtol=0.01, atol=0)


@pytest.mark.oracle
@pytest.mark.parametrize(("batch", "virtual"), [(6, 3), (20, 10)])
def test_small_batches_have_the_variance_of_the_virtual_batch(batch: int, virtual: int) -> None:
    """For standard normal u: var(S²) = 2/(B' − 1), which a fourth moment about the batch's own mean would miss."""
    streams = Streams(range(REPLICAS), dtype=torch.float64)
    method = build(
        "bn-noise", Site(in_channels=8, out_channels=8, replicas=REPLICAS, streams=streams), virtual_batch=virtual
    )
    variances: list[Tensor] = []
    for step in range(60):
        streams.at(0, step)
        u = normal(REPLICAS, batch, 8, seed=step)
        _, factor = method.noise(u)
        if step >= 20:
            variances.append(u.var(dim=1) * factor)
    assert torch.cat(variances).var().item() == pytest.approx(2 / (virtual - 1), rel=0.03)


def test_the_noise_is_what_normalizes() -> None:
    """Mean and standard deviation that undo the output are the noisy ones."""
    place = site(5, 4)
    method, same = (build("bn-noise", place, extra=1.0) for _ in range(2))
    u = 2 + normal(1, 12, 4)
    noise, factor = method.noise(u)
    var, mean = torch.var_mean(u, dim=1, correction=0)
    expected = (u - beside(mean + noise, u)) / beside((var * factor + 1e-5).sqrt(), u)
    close(same.after(u).detach(), expected, "output")
