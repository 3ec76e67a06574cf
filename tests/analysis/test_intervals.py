import numpy as np
import pytest
from scipy import stats

from analysis.statistics.intervals import t_interval


def test_worked_by_hand():
    # mean 2, s = 1, t(2, 0.975) = 4.302653: half width 4.302653 / sqrt(3)
    found = t_interval([1.0, 2.0, 3.0])
    assert (found.mean, found.n) == (2.0, 3)
    assert found.half == pytest.approx(2.484138, abs=1e-6)


@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_agrees_with_scipy(level: float):
    x = np.random.default_rng(1).normal(size=12)
    low, high = stats.t.interval(level, len(x) - 1, loc=x.mean(), scale=stats.sem(x))
    found = t_interval(x, level)
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))


def test_one_value_has_no_interval():
    found = t_interval([0.25])
    assert (found.mean, found.low, found.high, found.half, found.n) == (0.25, None, None, None, 1)


def test_missing_values_are_left_out():
    assert t_interval([1.0, np.nan, 3.0]).n == 2


@pytest.mark.parametrize(("values", "level"), [([], 0.95), ([np.nan], 0.95), ([1.0, 2.0], 1.0)])
def test_refusals(values: list[float], level: float):
    with pytest.raises(ValueError, match=r"interval needs|level lies"):
        t_interval(values, level)
