"""Histograms and mean inputs, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.trainers.factory import blobs, trial
from tests.trainers.probes.looking import probe, read, subject_of
from trainers.probes.histogram import histogram, standardized
from trainers.seeding import Streams

DATA = blobs()


def test_a_histogram_is_numpy_s_with_the_ends_drawn_in() -> None:
    u = torch.from_numpy(np.random.default_rng(2).standard_t(3, size=(2, 400, 3)))
    shares = histogram(standardized(u), -4.0, 4.0, 16)
    z = (u.numpy() - u.numpy().mean(1, keepdims=True)) / u.numpy().std(1, keepdims=True)
    for r in range(2):
        for k in range(3):
            expected, _ = np.histogram(np.clip(z[r, :, k], -4, 3.999), bins=16, range=(-4, 4))
            np.testing.assert_allclose(shares[r, k], expected / 400, atol=1e-12)
    constant = histogram(standardized(torch.ones(1, 5, 1, dtype=torch.float64)), -4.0, 4.0, 4)
    assert constant.isnan().all()


def test_units_are_those_of_all_and_stay() -> None:
    trials = [trial(DATA, seed=s, depth=2, precision="float64") for s in range(2)]
    subject = subject_of(trials, DATA)
    found = read(probe("histogram", of="test", samples=0, bins=8, units=2), subject)
    assert {quantity for quantity, _ in found} == {"all", "unit 1", "unit 2"}
    assert all(torch.allclose(shares.sum(dim=1), torch.ones(2, dtype=torch.float64)) for shares in found.values())
    subject.streams.at(7, 0)
    again = read(probe("histogram", of="test", samples=0, bins=8, units=2), subject)
    assert all(torch.equal(again[key], shares) for key, shares in found.items()), "the same units in every epoch"


@pytest.mark.parametrize("samples", [0, 7])
def test_a_mean_input_is_that_of_one_unit(samples: int) -> None:
    trials = [trial(DATA, seed=s, depth=2, precision="float64") for s in range(2)]
    subject = subject_of(trials, DATA)
    found = read(probe("mean-input", samples=samples), subject)
    x = torch.cat([x for x, _ in subject.batches("validation")], dim=1)[:, : samples or None]
    first, second = subject.network.blocks
    with torch.no_grad():
        inputs = [x, first.activate(first.normalize(first.operate(x)))]
    for layer, given in enumerate(inputs, 1):
        for r, seed in enumerate((0, 1)):
            (share,) = Streams([seed]).uniform("probe/mean-input", layer, (1,))[0].tolist()
            unit = int(share * given.shape[2])
            assert found["mean", layer][r] == pytest.approx(given[r, :, unit].mean().item(), rel=1e-12)
    assert second is subject.network.blocks[-1]
