"""Options as candidates: selected on validation, counted, and made equal in number."""

import itertools
import json

import numpy as np
import pandas as pd
import pytest

from analysis.findings import Findings
from analysis.question import Question
from analysis.showing.summary import summary
from analysis.showing.tables import candidates, methods
from analysis.statistics.selection import expected_best
from analysis.statistics.win_table import wins
from tests.analysis.trials import trials

OVER = Question(select=("normalizer.n",))


def options(*values: int, normalizer: str = "vcl", **more: object) -> pd.DataFrame:
    """none and bn as they are, and a normalizer with a value of its option n each."""
    frame = trials(activations=["relu"], depths=[4], seeds=range(3), **more)  # type: ignore[arg-type]
    own = frame["normalizer"] == normalizer
    parts = [frame[own].assign(normalizer_options=json.dumps({"n": n, "weight": 0.01})) for n in values]
    return pd.concat([frame[~own], *parts], ignore_index=True)


@pytest.mark.parametrize("name", ["normalizer.n", "normalizer_options"])
@pytest.mark.parametrize("column", ["trial", "normalizer_options"])
def test_an_option_is_selected_by_validation(name: str, column: str):
    frame = options(2, 5, 9, noise=0.0)
    five, nine = (frame["normalizer_options"].str.contains(f'"n": {n},') for n in (5, 9))
    frame.loc[five, "val_error"] -= 0.01
    frame.loc[five, "test_error"] += 0.004
    frame.loc[nine, "test_error"] -= 0.005  # the best on the test part, which must not count
    if column == "trial":
        chosen = [{"name": n, "options": json.loads(o)} for n, o in frame[["normalizer", "normalizer_options"]].values]
        frame["trial"] = [json.dumps({"normalizer": c}) for c in chosen]
    findings = Findings(frame, Question(select=(name,)))
    assert findings.names == ["none", "bn", "vcl"]
    assert findings.means[2].mean == pytest.approx(0.15 + 0.004)
    assert findings.candidates == [1, 1, 3]


def test_wins_of_a_table_select_options():
    frame = options(2, 5, noise=0.0)
    assert wins(frame, columns=["normalizer"], select=["normalizer.n"], average=["seed"]).wins == [0, 0, 3]


def test_an_option_that_no_trial_has_is_refused():
    with pytest.raises(ValueError, match=r"no column 'normalizer\.m'"):
        Findings(options(2, 5), Question(select=("normalizer.m",)))


def test_unequal_numbers_of_candidates_are_said_and_shown():
    findings = Findings(options(2, 3, 5, 7, 9, 20), OVER)
    words = " ".join(summary(findings).compared)
    assert "selected among unequal numbers of candidates (none 1, bn 1, vcl 6): more of them favour a method." in words
    assert methods(findings).frame.set_index("method")["candidates"].to_dict() == {"none": 1, "bn": 1, "vcl": 6}
    assert candidates(Findings(options(2), OVER)) is None
    depths = trials(activations=["relu"], depths=[2, 4, 8])
    fewer = depths[(depths["normalizer"] != "bn") | (depths["depth"] == 4)]
    found = candidates(Findings(fewer, Question(select=("depth",))))
    assert found is not None
    assert found.frame.set_index("method")["candidates"].to_dict() == {"none": 3, "bn": 1, "vcl": 3}


def test_settings_that_are_methods_of_their_own_are_said():
    words = " ".join(summary(Findings(options(2, 5, 9), Question())).compared)
    assert "Some methods are there with more settings than others (none 1, bn 1, vcl 3), each a method" in words
    assert "the best is picked by its test error: `select` over their options picks it by validation error." in words
    assert "more settings" not in " ".join(summary(Findings(options(2), Question())).compared)


def test_expected_best_by_enumeration():
    rng = np.random.default_rng(0)
    values, judged = rng.normal(size=(2, 6))
    for k in range(1, 7):
        best = [values[min(drawn, key=lambda i: judged[i])] for drawn in itertools.combinations(range(6), k)]
        assert expected_best(values, judged, k) == pytest.approx(np.mean(best))


def test_expected_best_leaves_out_what_is_not_there():
    values = np.array([[1.0, np.nan, 3.0], [np.nan] * 3, [np.nan, 7.0, np.nan], [5.0, 6.0, np.nan]])
    judged = np.array([[2.0, 0.0, 1.0], [0.0] * 3, [0.0] * 3, [np.inf, 1.0, 0.0]])
    np.testing.assert_allclose(expected_best(values, judged, 2), [3.0, np.nan, 7.0, 6.0])
    np.testing.assert_allclose(expected_best(values, judged, 1), [2.0, np.nan, 7.0, 5.5])


def test_equal_methods_are_equal_at_equal_numbers_of_candidates():
    # Six candidates of one quality, whose validation errors are their test errors: the best of six is better by chance.
    frame = options(2, 3, 5, 7, 9, 20, datasets=tuple("abcdefgh"), noise=0.0)
    rng = np.random.default_rng(1)
    frame["test_error"] = frame["val_error"] = 0.3 + 0.01 * rng.normal(size=len(frame))
    findings = Findings(frame, OVER)
    found = candidates(findings)
    assert found is not None
    table = found.frame.set_index("method")
    assert table.loc["vcl", "mean_test_error"] < 0.3 - 0.01  # expected 0.3 - 1.27 standard deviations
    # One of six drawn: their mean.
    vcl = frame.loc[frame["normalizer"] == "vcl", "test_error"].mean()
    assert table.loc["vcl", "mean_of_the_best_of_1"] == pytest.approx(vcl)
    assert table.loc["bn", "mean_of_the_best_of_1"] == pytest.approx(table.loc["bn", "mean_test_error"])


def test_a_table_without_activations_has_methods_of_one_word():
    frame = options(5).drop(columns="activation")
    assert Findings(frame, Question()).names == ["none", "bn", "vcl"]
    assert [c for (c,) in wins(frame, average=["seed"]).columns] == ["none", "bn", "vcl"]
