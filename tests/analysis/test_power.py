"""How many seeds and data sets decide a comparison."""

import numpy as np
import pytest
from scipy import stats

from analysis.comparing.families import Family
from analysis.comparing.needs import needs, seeds_by_row
from analysis.comparing.power import deviation, least
from analysis.findings import Findings
from analysis.question import Question
from analysis.showing.summary import summary
from analysis.statistics.intervals import t_interval
from benchmarks.power import shares
from tests.analysis.trials import trials

ONE, EIGHT = Family([(1, 0)]), Family([(j, 0) for j in range(1, 9)])


def test_the_deviation_comes_back_out_of_an_interval():
    x = np.random.default_rng(0).normal(size=7)
    assert deviation(t_interval(x, 0.99), 0.99) == pytest.approx(x.std(ddof=1))
    assert deviation(t_interval([1.0]), 0.95) is None


@pytest.mark.parametrize(("family", "n"), [(ONE, 3), (ONE, 10), (EIGHT, 5)])
def test_the_least_number_makes_both_intervals_narrow_and_one_less_does_not(family: Family, n: int):
    count = least(0.02, n, family, 0.01)
    assert count is not None

    def width(seeds: int) -> float:
        spread = 0.02 * np.sqrt(stats.f.ppf(0.8, seeds - 1, n - 1))
        ends = stats.t.ppf([1 - 0.025 / len(family), 1 - 0.05 / len(family)], seeds - 1)
        return spread / np.sqrt(seeds) * ends.sum()

    assert width(count) < 0.01 <= width(count - 1)


def test_known_variances_take_what_the_normal_distribution_says():
    # From a very long pilot: (1.96 + 1.645)^2 times the variance in regions, times 1 + what 80 % assurance adds.
    count = least(0.1, 100_000, ONE, 0.01)
    assert count is not None
    assert count == pytest.approx((1.95996 + 1.64485) ** 2 * 100, rel=0.04)


def test_more_than_a_million_is_no_answer():
    assert least(100.0, 3, ONE, 0.001) is None


def test_only_what_is_open_has_a_need():
    frame = trials(activations=["relu"], depths=[4], noise=0.02, seeds=range(4))
    frame.loc[frame["normalizer"] == "none", "test_error"] += 0.5
    findings = Findings(frame, Question())
    (need,) = [need for need in needs(findings) if findings.names[need.column] == "vcl"]
    difference = findings.comparisons[1].difference.seeds
    assert difference is not None
    assert need.seeds == least(deviation(difference, findings.family.each) or 0, 4, findings.family, 0.01)
    by_row = seeds_by_row(findings)
    assert set(by_row) == {("digits",), ("titanic",), ("wine",)}
    assert all(seeds is not None and seeds > 4 for seeds in by_row.values())
    words = " ".join(summary(findings).sure)
    assert f"{need.seeds:,} seeds in all decide what is open on these data sets" in words
    assert "Run more seeds" not in words


def test_a_row_without_a_seed_of_both_methods_has_no_number():
    frame = trials(activations=["relu"], depths=[4], noise=0.02, seeds=range(4))
    wine = frame["dataset"] == "wine"
    apart = (frame["normalizer"] == "bn") & (frame["seed"] < 2) | (frame["normalizer"] != "bn") & (frame["seed"] >= 2)
    by_row = seeds_by_row(Findings(frame[~wine | apart], Question()))
    assert by_row[("wine",)] is None
    assert by_row[("digits",)] is not None


def test_the_seeds_that_are_asked_for_decide():
    found = shares(2, 5, 0.005, 60)
    assert found["open"] >= 10
    assert found["decided"] >= 0.8
