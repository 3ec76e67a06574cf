"""How batch statistics scatter: as Proposition 2 says, and with the noise as of a smaller batch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from tests.trainers.factory import trial
from tests.trainers.probes.looking import probe, read, subject_of
from trainers.data.dataset import assemble


def test_they_scatter_as_expected_and_with_noise_as_those_of_the_smaller_batch() -> None:
    rng = np.random.default_rng(4)
    n = 2000
    data = assemble("drawn", rng.normal(size=(n, 3)).astype(np.float32), rng.integers(0, 2, n), 2)
    subject = subject_of(
        [trial(data, seed=s, depth=1, width=6, batch_size=64, precision="float64") for s in (0, 1)], data
    )
    found = read(probe("batch-statistics", batches=4000, units=3, virtual=32, bins=16), subject)
    # The relative error of a variance of 4000 draws of about normal statistics is √(2/4000) for each unit.
    for name, expected in (("mean", 1.0), ("variance", 1.0), ("virtual mean", 2.0), ("virtual variance", 2.06)):
        torch.testing.assert_close(
            found[f"{name}-ratio", 1], torch.full((2,), expected, dtype=torch.float64), rtol=0.1, atol=0
        )
    edges = np.linspace(-4, 4, 17)
    normal = np.diff(stats.norm.cdf(edges))
    for unit in (1, 2, 3):
        shares = found[f"mean, unit {unit}", 1]
        assert shares.shape == (2, 16)
        assert shares.sum(dim=1).tolist() == pytest.approx([1, 1])
        np.testing.assert_allclose(shares, np.tile(normal, (2, 1)), atol=0.03)
        wider, noisy = np.diff(stats.norm.cdf(edges / 2**0.5)), found[f"virtual mean, unit {unit}", 1]
        np.testing.assert_allclose(noisy[:, 1:-1], np.tile(wider[1:-1], (2, 1)), atol=0.03)


def test_without_a_virtual_batch_there_is_no_noise() -> None:
    rng = np.random.default_rng(4)
    data = assemble("drawn", rng.normal(size=(90, 3)).astype(np.float32), rng.integers(0, 2, 90), 2)
    found = read(probe("batch-statistics", batches=10, units=1), subject_of([trial(data)], data))
    assert {name for name, _ in found} == {"mean, unit 1", "variance, unit 1", "mean-ratio", "variance-ratio"}
