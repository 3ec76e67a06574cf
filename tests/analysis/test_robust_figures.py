"""The simulation that `benchmarks/robust_figures.py` runs by hand, in small."""

from benchmarks.robust_figures import simulated


def test_printed_intervals_hold_what_they_say_and_flat_curves_give_nothing():
    experiments = 100
    found = simulated(experiments)
    narrow = found["figure"] == "interquartile mean of ranks"
    assert found[narrow]["coverage"].min() > 0.85, "the note says that it is too narrow with few seeds"
    printed = found[~narrow & (found["figure"] != "cross-over, percentile bootstrap")]
    assert len(printed) == 10 * 2 * 2
    # 0.95 less four standard errors: 44 figures at once.
    assert printed["coverage"].min() > 0.95 - 4 * (0.95 * 0.05 / experiments) ** 0.5
    assert printed["coverage"].mean() > 0.935
    assert printed["z"].abs().max() < 4
