import numpy as np
import pytest

from analysis.profiles import TAUS, area, profile


def test_worked_by_hand():
    accuracy = np.array([[0.90, 0.88], [0.50, 0.80]])
    # Row 1: 0.88 is 0.9778 of the best. Row 2: 0.50 is 0.625 of the best.
    found = profile(accuracy, np.array([1.0, 0.98, 0.97, 0.6]))
    np.testing.assert_array_equal(found, [[0.5, 0.5], [0.5, 0.5], [0.5, 1.0], [1.0, 1.0]])


def test_tolerance_takes_in_rounding_noise():
    accuracy = np.array([[0.3, 0.1 + 0.2 - 1e-12]])
    assert profile(accuracy, np.array([1.0])).tolist() == [[1.0, 1.0]]


def test_diverged_is_never_within_reach():
    assert profile(np.array([[0.5, -np.inf]]), np.array([0.95])).tolist() == [[1.0, 0.0]]


def test_area_of_the_best_on_every_row_is_one():
    shares = profile(np.array([[0.9, 0.1], [0.8, 0.1]]))
    assert area(shares) == pytest.approx([1.0, 0.0])


def test_area_counts_the_range_of_tau_within_reach():
    # 0.975 of the best: within reach for the lower half of the range 1..0.95
    shares = profile(np.array([[1.0, 0.975]]))
    assert area(shares)[1] == pytest.approx(0.5, abs=1 / len(TAUS))
