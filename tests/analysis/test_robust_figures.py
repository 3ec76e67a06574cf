"""The simulation that `benchmarks/robust_figures.py` runs by hand, in small."""

from benchmarks.robust_figures import simulated


def test_printed_intervals_hold_what_they_say_and_flat_curves_give_nothing():
    experiments = 100
    found = simulated(experiments)
    printed = found[found["figure"] != "cross-over, percentile bootstrap"]
    assert len(printed) == 9 * 2 * 2
    # 0.95 less four standard errors: 36 figures at once.
    assert printed["coverage"].min() > 0.95 - 4 * (0.95 * 0.05 / experiments) ** 0.5
    assert printed["coverage"].mean() > 0.935
    assert printed["z"].abs().max() < 4
