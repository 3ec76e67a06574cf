from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from sweeps.words.rules import problems
from tests.sweeps.sets import facts, trials
from tests.trainers.factory import blobs, trial
from tests.trainers.normalizers.oracle import Plain, agree, block, close, normal, site
from tests.trainers.trials import method
from trainers.feeding.pool import Pool
from trainers.layers.block import Block
from trainers.normalizers import build
from trainers.pack import PackTrainer

PLACES = pytest.mark.parametrize(("replicas", "convolution"), [(1, False), (3, False), (1, True), (3, True)])


class Torch(Plain):
    """torch.nn's own."""

    def __init__(self, packed: Block, r: int, *, affine: bool) -> None:
        super().__init__(packed, r)
        kind = nn.BatchNorm2d if self.site.kernel else nn.BatchNorm1d
        self.norm = kind(self.site.out_channels, affine=affine, dtype=torch.float64)
        if affine:
            self.gamma, self.beta = self.norm.weight, self.norm.bias

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.operate(x))


@PLACES
@pytest.mark.parametrize("affine", [True, False])
def test_batch_norm_is_that_of_torch(replicas: int, convolution: bool, affine: bool) -> None:
    packed = block("bn", site(5, 4, replicas=replicas, convolution=convolution), affine=affine)
    assert sorted(name for name, _ in packed.named_parameters()) == (
        ["method.beta", "method.gamma", "weight"] if affine else ["weight"]
    )
    plains = [Torch(packed, r, affine=affine) for r in range(replicas)]
    agree(packed, plains)
    for r, plain in enumerate(plains):
        close(packed.method.running_mean[r], plain.norm.running_mean, "running mean")
        close(packed.method.running_var[r], plain.norm.running_var, "running variance")


def test_beta_alone_may_be_fixed() -> None:
    packed, full = block("bn", site(5, 4), beta="fixed"), block("bn", site(5, 4))
    assert [name for name, _ in packed.method.named_parameters()] == ["gamma"]
    x = normal(1, 9, 5)
    close(packed(x).detach(), full(x).detach(), "output")
    packed.eval()
    full.eval()
    close(packed(x).detach(), full(x).detach(), "evaluated output")


def test_sync_on_one_shard_changes_nothing() -> None:
    packed, plain = block("bn", site(5, 4), sync=True), block("bn", site(5, 4))
    x = normal(1, 9, 5)
    assert torch.equal(packed(x), plain(x))


@pytest.mark.parametrize("name", ["bn", "brn", "bn-noise", "popnorm", "mbn"])
def test_a_statistic_over_one_value_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"needs 2 values at least, here it would be taken over 1.*allows it.*none"):
        block(name, site(5, 4))(normal(1, 1, 5))
    one_image = block(name, site(5, 4, convolution=True))
    if name == "bn-noise":
        with pytest.raises(ValueError, match="compares the images of a batch, this one has 1"):
            one_image(normal(1, 1, 5, 4, 3))
    else:
        one_image(normal(1, 1, 5, 4, 3))
    (sentence,) = problems(trials(normalizer=name, batch_size=1), facts)
    assert sentence.startswith(f"{name} with batch_size=1: its batch statistic would be taken over 1 value")


@pytest.mark.parametrize("replicas", [1, 2])
def test_population_statistics_are_those_of_the_training_set(replicas: int) -> None:
    """Against one batch that is the whole training set, through plain layers, after two epochs."""
    data = blobs(n=700)
    pack = [
        trial(data, normalizer=method("bn", statistics="population"), precision="float64", epochs=2, seed=seed)
        for seed in range(replicas)
    ]
    trainer = PackTrainer(pack, data)
    trainer.advance(60.0)
    pool = Pool(data, trainer.trials, device="cpu", dtype=torch.float64)
    x, _ = pool.samples(pool.train)
    assert x.shape[1] > 256, "several evaluation batches"
    with torch.no_grad():
        for b in trainer.network.blocks:
            u = x @ b.weight.mT
            var, mean = torch.var_mean(u, dim=1, correction=0)
            close(b.method.running_mean, mean, "mean")
            close(b.method.running_var, var, "variance")
            u = (u - mean.unsqueeze(1)) / (var.unsqueeze(1) + 1e-5).sqrt()
            x = nn.functional.elu(b.method.gamma.unsqueeze(1) * u + b.method.beta.unsqueeze(1))


def test_it_minimizes_the_total_least_squares_distance() -> None:
    """Balestriero and Baraniuk 2022, Theorem 1: any other μ has its hyperplanes farther from the batch."""
    packed = block("bn", site(5, 4))
    z, weight = normal(30, 5), packed.weight[0].detach()
    packed(z.unsqueeze(0))
    mean = 10 * packed.method.running_mean[0]  # one step of momentum 0.1 from 0

    def distance(mu: Tensor) -> Tensor:
        return ((z @ weight.T - mu).square() / weight.square().sum(dim=1)).mean(dim=0).sum()

    least = distance(mean)
    for seed in range(50):
        for size in (1e-4, 1e-2, 1.0):
            assert distance(mean + size * normal(4, seed=seed)) > least


def test_its_hyperplanes_meet_at_the_batchs_centroid() -> None:
    """Corollary 2: with the batch's centroid among its samples, its normalized pre-activation is 0 in every unit."""
    packed = block("bn", site(5, 4))
    z = normal(1, 30, 5)
    centroid = z.mean(dim=1, keepdim=True)
    assert packed(torch.cat([z, centroid], dim=1))[0, -1].abs().max() < 1e-13
    assert packed(z).abs().mean() > 0.1


def hidden(width: int) -> list[Block]:
    return [block("bn", site(4, 6, layer=1)), block("bn", site(6, width))]


def activations(blocks: list[Block], batch: int, seed: int) -> Tensor:
    z = normal(1, batch, 4, seed=seed) * 3 + 5
    for b in blocks:
        z = nn.functional.leaky_relu(b(z), 0.1)
    return z[0].detach()


@pytest.mark.parametrize(("width", "batch"), [(1, 2), (1, 5), (6, 2), (6, 32)])
def test_every_batch_has_a_sample_on_either_side_of_each_units_boundary(width: int, batch: int) -> None:
    """Proposition 3: leaky-ReLU, BN in each hidden layer, random weights. With one unit before the classifier, whose
    bias is 0, the decision boundary is that unit's."""
    for seed in range(100):
        z = activations(hidden(width), batch, seed)
        assert (z.amin(dim=0) < 0).all()
        assert (z.amax(dim=0) > 0).all()


def test_the_proposition_does_not_hold_for_all_weights() -> None:
    """A step of its proof fails for several units: two opposed ones have a positive sum on both samples of a batch."""
    u = build("bn", site(1, 2)).after(torch.tensor([[[1.0, -1.0], [-1.0, 1.0]]], dtype=torch.float64))
    assert (nn.functional.leaky_relu(u, 0.1).sum(dim=2) > 0).all()
