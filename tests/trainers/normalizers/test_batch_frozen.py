from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from tests.trainers.factory import blobs, trial
from tests.trainers.normalizers.oracle import Plain, agree, block, close, normal, site
from tests.trainers.trials import method
from trainers.feeding.pool import Pool
from trainers.layers.block import Block
from trainers.normalizers.batch_statistics.moments import population
from trainers.pack import PackTrainer


class Frozen(Plain):
    def __init__(self, packed: Block, r: int, x: Tensor) -> None:
        super().__init__(packed, r)
        with torch.no_grad():
            u = self.operate(x).transpose(0, 1).flatten(1)
        self.mean = u.mean(dim=1)
        self.sigma = ((u.T - self.mean).square().mean(dim=0) + 1e-5).sqrt()

    def forward(self, x: Tensor) -> Tensor:
        u = self.operate(x).transpose(1, -1)
        beta = getattr(self, "beta", 0.0)
        return ((u - self.mean) / self.sigma + beta).transpose(1, -1)


@pytest.mark.parametrize("affine", ["trainable", "frozen"])
@pytest.mark.parametrize(("replicas", "convolution"), [(1, False), (3, False), (1, True), (3, True)])
def test_statistics_stay_those_of_the_calibration(replicas: int, convolution: bool, affine: str) -> None:
    place = site(5, 4, replicas=replicas, convolution=convolution)
    packed = block("bn-frozen", place, affine=affine)
    samples = 3 + normal(replicas, 20, 5, *place.spatial)
    with torch.no_grad():
        packed.method.calibrate(iter([packed.operate(x) for x in samples.split(7, dim=1)]))
    agree(packed, [Frozen(packed, r, samples[r]) for r in range(replicas)])


def test_the_population_of_batches_of_several_sizes_is_exact_far_from_zero() -> None:
    x = 1e6 + normal(2, 23, 3, 4)
    var, mean = torch.var_mean(x, dim=(1, 3), correction=0)
    found = population(x.split(5, dim=1))
    torch.testing.assert_close(found, (mean, var), rtol=1e-9, atol=0.0)


def test_a_network_is_calibrated_layer_by_layer_before_training() -> None:
    data = blobs(n=700)
    pack = [trial(data, normalizer=method("bn-frozen"), precision="float64", seed=seed) for seed in range(2)]
    trainer = PackTrainer(pack, data)
    pool = Pool(data, trainer.trials, device="cpu", dtype=torch.float64)
    x, _ = pool.samples(pool.train)
    expected: list[tuple[Tensor, Tensor]] = []
    with torch.no_grad():
        for b in trainer.network.blocks:
            u = x @ b.weight.mT
            var, mean = torch.var_mean(u, dim=1, correction=0)
            expected.append((mean, var))
            x = nn.functional.elu((u - mean.unsqueeze(1)) / (var.unsqueeze(1) + 1e-5).sqrt())
    trainer.advance(60.0)
    assert trainer.finished
    for b, (mean, var) in zip(trainer.network.blocks, expected, strict=True):
        close(b.method.mean, mean, "mean")
        close(b.method.var, var, "variance")
        assert b.method.beta.abs().max() > 0


def test_a_resumed_training_keeps_the_statistics() -> None:
    data = blobs()
    t = trial(data, normalizer=method("bn-frozen"))
    whole, first, second = (PackTrainer([t], data) for _ in range(3))
    whole.advance(60.0)
    first.advance(0.0)
    second.load_state_dict(first.state_dict())
    second.advance(60.0)
    assert second.rows() == whole.rows()
