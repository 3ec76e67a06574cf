from analysis.statistics.coverage import coverage


def test_t_intervals_hold_what_they_promise_on_normal_errors_and_bootstraps_of_few_seeds_do_not():
    found = coverage(resamples=99).query("errors == 'normal'").set_index(["kind", "seeds"])["coverage"]
    assert found["t"].between(0.935, 0.965).all()
    assert found["BCa", 3] < 0.8
    assert found["percentile", 3] < 0.8
