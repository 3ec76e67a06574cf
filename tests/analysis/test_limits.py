from pathlib import Path

import pandas as pd

from analysis.findings import Findings
from analysis.question import Question
from analysis.showing.limits import limits_of
from analysis.showing.page import report
from sweeps.limits import limits
from tests.analysis.trials import trials


def frame(*normalizers: str, activation: str = "relu") -> pd.DataFrame:
    return trials(depths=[4], activations=[activation], normalizers=normalizers)


def test_each_method_that_is_compared_has_a_line(tmp_path: Path):
    table = pd.concat([frame("none", "wn", "bn", "vcl", "brn(ramp=0.2)"), frame("frn", activation="own")])
    found = limits_of(Findings(table, Question()))
    assert found is not None
    assert dict(found.frame.itertuples(index=False)) == {
        name: "; ".join(limits(name)) for name in ("bn", "vcl", "brn", "frn")
    }
    assert "Of none, wn no limit is known. With an activation of its own (own): frn." in found.note
    page = report(table, Question(), tmp_path / "page.html", title="t").read_text("utf-8")
    assert "Where a method cannot be used" in page
    assert "cannot be used where" in page
    assert "a batch of B has no two subsets of n samples" in page


def test_methods_without_a_limit_and_unknown_ones_have_none():
    assert limits_of(Findings(frame("none", "wn", "theirs"), Question(baseline=""))) is None


def test_where_methods_are_something_else_the_normalizers_of_all_trials_have_lines():
    found = limits_of(Findings(trials(normalizers=["bn"]), Question(columns=("activation",), select=("depth",))))
    assert found is not None
    assert found.frame["normalizer"].tolist() == ["bn"]
