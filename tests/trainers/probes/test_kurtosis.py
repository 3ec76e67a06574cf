"""Against SciPy's own."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from tests.trainers.factory import blobs, trial
from tests.trainers.probes.looking import probe, read, subject_of
from trainers.probes.kurtosis import Moments


def test_it_is_scipy_s_of_what_enters_each_activation() -> None:
    data = blobs()
    subject = subject_of([trial(data, seed=s, depth=2, precision="float64") for s in range(2)], data)
    found = read(probe("kurtosis", of="test", samples=0), subject)
    network, (x, _) = subject.network, next(iter(subject.batches("test")))
    assert x.shape[1] == 60
    for layer in (1, 2):
        block = network.blocks[layer - 1]
        with torch.no_grad():
            u = block.normalize(block.operate(x))
            x = block.activate(u)
        expected = stats.kurtosis(u.numpy(), axis=1, fisher=False)
        np.testing.assert_allclose(found["mean", layer], expected.mean(axis=1), rtol=1e-9)
        np.testing.assert_allclose(found["median", layer], np.sort(expected, axis=1)[:, 7], rtol=1e-9)


def test_batches_are_one_sample_and_a_constant_unit_is_left_out() -> None:
    u = torch.from_numpy(np.random.default_rng(1).normal(1000.0, 1.0, size=(2, 50, 3)))
    u[:, :, 2] = 7.0
    moments = Moments()
    for part in u.split(16, dim=1):
        moments.add(part)
    kurtosis = moments.kurtosis()
    np.testing.assert_allclose(kurtosis[:, :2], stats.kurtosis(u[:, :, :2].numpy(), axis=1, fisher=False), rtol=1e-8)
    assert kurtosis[:, 2].isnan().all()


def test_two_equal_modes_have_the_least() -> None:
    moments = Moments()
    moments.add(torch.tensor([-1.0, 1.0, -1.0, 1.0]).view(1, 4, 1))
    assert moments.kurtosis().item() == pytest.approx(1.0)
