import numpy as np
import pytest
from scipy import stats

from analysis.statistics.bootstrap import bca_interval, iqm, iqm_intervals


def test_bca_by_hand():
    # Efron 1987, of the same draws: the bias from the share of draws below the mean, half of the ties counting.
    x = np.random.default_rng(4).exponential(size=9)
    draws = x[np.random.default_rng(3).integers(0, 9, size=(999, 9))].mean(axis=1)
    bias = stats.norm.ppf(((draws < x.mean()).mean() + (draws <= x.mean()).mean()) / 2)
    left_out = np.array([np.delete(x, i).mean() for i in range(9)])
    d = left_out.mean() - left_out
    acceleration = (d**3).sum() / (6 * (d**2).sum() ** 1.5)
    shifted = bias + stats.norm.ppf([0.025, 0.975])
    expected = np.quantile(draws, stats.norm.cdf(bias + shifted / (1 - acceleration * shifted)))
    found = bca_interval(x, seed=3, resamples=999)
    assert (found.low, found.high) == pytest.approx(tuple(expected))


def test_bca_reaches_further_to_the_skewed_side():
    found = bca_interval(np.random.default_rng(4).exponential(size=15), seed=0)
    assert found.low is not None
    assert found.high is not None
    assert found.high - found.mean > found.mean - found.low


def test_bca_edges():
    assert bca_interval([0.5], seed=0).low is None
    same = bca_interval([0.5, 0.5, 0.5], seed=0)
    assert (same.low, same.high) == (0.5, 0.5)
    with pytest.raises(ValueError, match="at least one value"):
        bca_interval([], seed=0)


def test_iqm_by_hand_and_against_scipy():
    assert iqm(np.array([0.0, 1, 2, 3, 4, 5, 6, 100])) == 3.5
    x = np.random.default_rng(1).normal(size=(5, 23))
    np.testing.assert_allclose(iqm(x), stats.trim_mean(x, 0.25, axis=1))


def test_iqm_interval_covers_its_point_and_narrows_with_seeds():
    rng = np.random.default_rng(2)
    few, many = (rng.normal(0.2, 0.02, size=(6, 2, n)) for n in (3, 60))
    for values in (few, many):
        for i in iqm_intervals(values, seed=0):
            assert i.low is not None
            assert i.high is not None
            assert i.low < i.mean < i.high
    narrow, wide = iqm_intervals(many, seed=0)[0].half, iqm_intervals(few, seed=0)[0].half
    assert narrow is not None
    assert wide is not None
    assert narrow < wide


def test_iqm_takes_rows_with_different_numbers_of_seeds():
    values = np.random.default_rng(2).normal(size=(2, 1, 4))
    values[1, 0, 2:] = np.nan
    found = iqm_intervals(values, seed=0)[0]
    assert found.mean == pytest.approx(stats.trim_mean(values[~np.isnan(values)], 0.25))


def test_a_row_with_one_seed_or_none_takes_no_interval_away():
    values = np.random.default_rng(2).normal(size=(3, 1, 4))
    values[1, 0, 1:] = values[2] = np.nan
    assert iqm_intervals(values, seed=0)[0].low is not None


def test_one_seed_has_no_interval():
    assert iqm_intervals(np.zeros((3, 2, 1)), seed=0)[0].low is None


def test_the_same_seed_gives_the_same_interval_whatever_the_global_generators_do():
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).normal(size=(4, 2, 6))
    first = (bca_interval(x[0, 0], seed=1), iqm_intervals(x, seed=1))
    np.random.seed(99)  # noqa: NPY002
    torch.manual_seed(99)
    assert (bca_interval(x[0, 0], seed=1), iqm_intervals(x, seed=1)) == first
    assert bca_interval(x[0, 0], seed=2) != first[0]
