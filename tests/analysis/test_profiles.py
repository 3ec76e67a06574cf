import numpy as np
import pytest

from analysis.statistics.profiles import HALF, TAUS, area, band, inverse_of, profile


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
    assert area(np.array([[0.9, 0.1], [0.8, 0.1]])) == pytest.approx([1.0, 0.0])


def test_area_counts_the_range_of_tau_within_reach():
    # 0.975 of the best: within reach for the lower half of the range 1..0.95
    assert area(np.array([[1.0, 0.975]]))[1] == pytest.approx(0.5, abs=1e-6)


def test_area_is_what_many_thresholds_approach():
    accuracy = np.random.default_rng(0).uniform(0.8, 1.0, size=(30, 4))
    taus = np.linspace(1.0, 0.95, 20_001)
    expected = -np.trapezoid(profile(accuracy, taus), taus, axis=0) / 0.05
    assert area(accuracy) == pytest.approx(expected, abs=1e-4)


def test_area_of_what_is_zero_or_diverged():
    assert area(np.array([[0.0, 0.0, -np.inf]])).tolist() == [1.0, 1.0, 0.0]


def test_losses_are_compared_by_their_ratio():
    # 2.05 is 1.025 times the best loss: 1 / 1.025 = 0.9756 of the inverse.
    losses = inverse_of(np.array([[2.0, 2.05, 40.0, np.inf]]), "min")
    assert area(losses).tolist() == pytest.approx([1, (1 / 1.025 - 0.95) / 0.05, 0, 0])
    # The ratio of errors, up to twice the best: 0.15 is 1.5 times 0.1.
    assert area(inverse_of(np.array([[0.1, 0.15, 0.2]]), "min"), HALF) == pytest.approx([1, 1 / 3, 0], abs=1e-9)
    assert area(inverse_of(np.array([[0.0, 0.1]]), "min"), HALF).tolist() == pytest.approx([1, 0])


def test_a_method_and_its_interval_have_one_area():
    errors = np.random.default_rng(0).uniform(0.1, 0.2, size=(1, 3, 5))
    errors[..., 1:] = errors[..., :1]  # equal seeds of one row: nothing varies
    found = band(errors, np.arange(1), "min", seed=0, level=0.95)
    assert found is not None
    assert found.area_low == pytest.approx(area(1 - errors[..., 0]))
    assert found.area_high == pytest.approx(area(1 - errors[..., 0]))


def test_a_band_of_equal_methods_has_no_width():
    found = band(np.full((4, 2, 3), 0.2), np.arange(4), "min", seed=0, level=0.95)
    assert found is not None
    assert (found.low == 1).all()
    assert found.area_low == pytest.approx([1, 1])


def test_a_band_takes_in_the_chance_of_data_sets_and_of_seeds():
    # Each method is the best on half of 40 rows: the share at tau = 1 is 0.5 +- 1.96 sqrt(0.25 / 40).
    errors = np.full((40, 2, 1), 0.5)
    errors[:20, 0] = errors[20:, 1] = 0.1
    found = band(errors, np.arange(40), "min", seed=1, level=0.95)
    assert found is not None
    assert found.low.shape == (len(TAUS), 2)
    assert found.low[0] == pytest.approx([0.345] * 2, abs=0.05)
    assert found.high[0] == pytest.approx([0.655] * 2, abs=0.05)
    # One row: only its seeds are drawn anew.
    seeds = np.array([[[0.1, 0.3] * 4, [0.2] * 8]])
    found = band(seeds, np.arange(1), "min", seed=1, level=0.95)
    assert found is not None
    assert (found.high[0] - found.low[0]).max() == 1


def test_one_row_with_one_seed_has_no_band():
    assert band(np.full((1, 2, 1), 0.2), np.arange(1), "min", seed=0, level=0.95) is None


def test_the_same_seed_gives_the_same_band_whatever_the_global_generators_do():
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).normal(0.2, 0.02, size=(6, 3, 4))
    first = band(x, np.arange(6), "min", seed=3, level=0.95)
    np.random.seed(5)  # noqa: NPY002
    torch.manual_seed(5)
    again, other = (band(x, np.arange(6), "min", seed=s, level=0.95) for s in (3, 4))
    assert first is not None
    assert again is not None
    assert other is not None
    assert (first.low == again.low).all()
    assert (first.area_high == again.area_high).all()
    assert (first.area_high != other.area_high).any()


def test_rows_of_one_unit_are_drawn_together():
    errors = np.full((4, 2, 1), 0.5)
    errors[:2, 0] = errors[2:, 1] = 0.1
    # Two units, each won by one method: with both draws of one unit the share is 0 or 1, never 1/4.
    apart, together = (band(errors, u, "min", seed=0, level=0.95) for u in (np.arange(4), np.array([0, 0, 1, 1])))
    assert apart is not None
    assert together is not None
    assert together.low[0].tolist() == [0, 0]
    assert band(errors[:2], np.array([0, 0]), "min", seed=0, level=0.95) is None
