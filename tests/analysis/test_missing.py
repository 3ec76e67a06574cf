"""One missing result costs that result alone."""

import numpy as np
import pandas as pd
import pytest

from analysis.findings import Findings
from analysis.question import Question
from analysis.showing import comparisons, tables
from analysis.showing.family import family
from analysis.showing.summary import summary
from tests.analysis.trials import trials

NORMALIZERS = ("none", "bn", "ln", "gn", "wn", "vcl", "popnorm", "cwo", "sn")


def fail(frame: pd.DataFrame, where: pd.Series) -> pd.DataFrame:
    frame = frame.copy()
    frame.loc[where, "state"] = "failed"
    frame.loc[where, ["test_error", "val_error"]] = None
    return frame


@pytest.fixture(scope="module")
def large() -> pd.DataFrame:
    """44 data sets, 9 methods, 5 seeds: 7 of 1,980 trials failed, one or two in each seed."""
    frame = trials(
        datasets=[f"d{i:02}" for i in range(44)],
        activations=["relu"],
        normalizers=NORMALIZERS,
        depths=[4],
        seeds=range(5),
    )
    gone = pd.Series(False, index=frame.index)
    for k, name in enumerate(["bn", "ln", "gn", "wn", "vcl", "cwo", "bn"]):
        gone |= (frame["dataset"] == f"d{5 * k:02}") & (frame["normalizer"] == name) & (frame["seed"] == k % 5)
    assert gone.sum() == 7
    return fail(frame, gone)


def test_seven_failures_in_five_seeds_leave_every_interval(large: pd.DataFrame):
    findings = Findings(large, Question())
    table = tables.methods(findings)
    assert table.frame[["mean_test_error_low", "mean_test_error_high"]].notna().all(axis=None)
    assert table.frame.set_index("method").drop("bn")["difference_to_bn_low"].notna().all()
    assert "One seed" not in table.note
    assert "7 of 1,980 results are missing, left out of their own means alone." in table.note
    told = summary(findings)
    assert "Run more seeds" not in " ".join(told.sure)
    assert "7 of 1,980 results are missing, left out of their own means alone." in told.compared
    assert len(findings.wins.counted) == 44


def test_tables_agree_on_the_means_and_intervals_hardly_change(large: pd.DataFrame):
    findings = Findings(large, Question())
    means = tables.methods(findings).frame.set_index("method")["mean_test_error"]
    wide = tables.by_row(findings).frame
    long = tables.cells(findings).frame
    for name in NORMALIZERS:
        assert means[name] == pytest.approx(wide[name].mean(), abs=1e-12)
        assert means[name] == pytest.approx(long.loc[long["normalizer"] == name, "test_error"].mean(), abs=1e-12)
    complete = large.assign(state="done").drop(columns=["test_error"])
    values = trials(
        datasets=[f"d{i:02}" for i in range(44)],
        activations=["relu"],
        normalizers=NORMALIZERS,
        depths=[4],
        seeds=range(5),
    )
    whole = Findings(complete.assign(test_error=values["test_error"]), Question())
    for mean, other in zip(findings.means, whole.means, strict=True):
        assert mean.half == pytest.approx(other.half, rel=0.1)


def test_differences_are_taken_on_the_seeds_that_both_have():
    frame = trials(activations=["relu"], normalizers=["bn", "vcl"], depths=[4], noise=0)
    # The seeds shift both methods alike and by much; vcl lacks the worst seed of wine.
    frame["test_error"] += 0.1 * frame["seed"]
    frame = fail(frame, (frame["normalizer"] == "vcl") & (frame["dataset"] == "wine") & (frame["seed"] == 2))
    findings = Findings(frame, Question())
    difference = findings.differences[findings.names.index("vcl")]
    assert difference is not None
    assert difference.seeds is not None
    assert (difference.seeds.mean, difference.rows.mean) == pytest.approx((-0.01, -0.01))
    assert difference.seeds.half == pytest.approx(0, abs=1e-12)
    assert findings.unit_differences(1, 0) == pytest.approx([-0.01] * 3)


def test_a_seed_that_no_method_has_on_a_row_is_not_missing():
    frame = trials(activations=["relu"], depths=[4], seeds=range(4))
    few = frame[(frame["dataset"] != "wine") | (frame["seed"] < 2)]
    assert "missing" not in tables.methods(Findings(few, Question())).note


def test_methods_without_a_seed_in_common_have_no_difference():
    frame = trials(activations=["relu"], normalizers=["bn", "vcl"], depths=[4], seeds=range(4))
    apart = frame[(frame["normalizer"] == "bn") == (frame["seed"] < 2)].reset_index(drop=True)
    findings = Findings(apart, Question())
    assert findings.differences == [None, None]
    assert findings.replicated
    assert "vcl may be better or worse than bn" in " ".join(summary(findings).sure)


def test_every_table_takes_what_is_missing(large: pd.DataFrame):
    findings = Findings(large.assign(curve_val_error=[np.array([0.5, 0.3])] * len(large)), Question())
    compared = family(findings)
    assert compared is not None
    assert compared.frame[["difference_low", "difference_over_rows_low", "p_wilcoxon_holm"]].notna().all(axis=None)
    others = comparisons.aggregates(findings).frame
    assert others.drop(columns="method").notna().all(axis=None)
    blocks = tables.completeness(findings).frame
    assert blocks["compared"].sum() == 1973
    assert (blocks["compared"] == 8).sum() == 7
