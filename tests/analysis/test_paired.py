import numpy as np
import pytest

from analysis.statistics.intervals import t_interval
from analysis.statistics.paired import over_seeds, seed_values


def cells(rows: int = 6, seeds: int = 7) -> np.ndarray:
    """Rows of very different levels, with an effect of each seed."""
    rng = np.random.default_rng(3)
    return np.arange(rows)[:, None] + 0.1 * rng.normal(size=seeds) + 0.2 * rng.normal(size=(rows, seeds))


def test_of_complete_cells_it_is_student_s_interval_of_the_seeds_means():
    values = cells()
    found, expected = over_seeds(values, 0.9), t_interval(values.mean(axis=0), 0.9)
    assert (found.mean, found.low, found.high, found.n) == pytest.approx(
        (expected.mean, expected.low, expected.high, 7)
    )
    assert seed_values(values) == pytest.approx(values.mean(axis=0))


def test_with_a_gap_in_each_row_it_is_the_cluster_robust_interval_of_statsmodels():
    from scipy.stats import t
    from statsmodels.regression.linear_model import OLS

    values = cells(rows=7)
    np.fill_diagonal(values, np.nan)
    row, seed = np.nonzero(~np.isnan(values))
    design = np.eye(7)[row]
    fitted = OLS(values[row, seed], design).fit(
        cov_type="cluster", cov_kwds={"groups": seed, "use_correction": False}, use_t=True
    )
    error = np.asarray(fitted.t_test(np.full(7, 1 / 7)).sd).item()
    # Each row has 6 of 7 seeds: its deviations are by 5/6 too small.
    half = t.ppf(0.975, 6) * error * np.sqrt(6 / 5)
    found = over_seeds(values)
    assert found.mean == pytest.approx(np.nanmean(values, axis=1).mean())
    assert found.half == pytest.approx(half)


def test_a_missing_cell_costs_that_cell_alone():
    values = cells(44, 5)
    whole = over_seeds(values)
    values[np.arange(5), np.arange(5)] = np.nan
    found = over_seeds(values)
    assert found.n == 5
    assert found.mean == pytest.approx(np.nanmean(values, axis=1).mean())
    assert (found.mean, found.half) == pytest.approx((whole.mean, whole.half), rel=0.1)
    assert seed_values(values).mean() == pytest.approx(found.mean)


def test_a_row_with_one_seed_shows_no_spread_and_so_has_that_of_the_others():
    values = np.tile(cells(1, 6), (2, 1))
    values[1, 1:] = np.nan
    half, alone = over_seeds(values).half, over_seeds(values[:1]).half
    assert half is not None
    assert alone is not None
    assert half > 1.3 * alone


def test_a_seed_that_is_nearly_alone_allows_no_interval():
    values = np.full((10, 4), np.nan)
    values[:, 0] = np.arange(10)
    assert over_seeds(values).low is None
    values[0] = [0, 0.1, 0.2, 0.3]
    assert over_seeds(values).low is None
    assert over_seeds(values).n == 4


def test_nothing_at_all_is_no_number():
    found = over_seeds(np.full((2, 3), np.nan))
    assert np.isnan(found.mean)
    assert (found.low, found.n) == (None, 0)
    # A row or a seed without any value is left out.
    values = np.full((3, 4), np.nan)
    values[:2, :3] = cells(2, 3)
    assert over_seeds(values) == over_seeds(cells(2, 3))
    assert np.isnan(seed_values(values)).tolist() == [False, False, False, True]
