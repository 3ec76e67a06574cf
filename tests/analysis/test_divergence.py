import numpy as np
import pytest

from analysis.findings import Findings
from analysis.question import Question
from analysis.showing import tables
from analysis.statistics.divergence import Outcomes, share
from tests.analysis.trials import MAJORITY, diverge, trials


def test_shares_have_exact_intervals():
    from statsmodels.stats.proportion import proportion_confint

    for count, of in ((0, 10), (1, 10), (7, 1980), (10, 10)):
        found = share(count, of)
        assert (found.mean, found.low, found.high) == pytest.approx(
            (count / of, *proportion_confint(count, of, method="beta")), nan_ok=True
        ) or count in (0, of)
    assert share(0, 10).high == pytest.approx(1 - 0.025 ** (1 / 10))  # the rule by hand
    assert share(10, 10).low == pytest.approx(0.025 ** (1 / 10))
    assert share(0, 0).low is None


def test_failed_trainings_are_no_converged_ones():
    diverged, failed = Outcomes(10, 2, 2).shares()
    assert (diverged.mean, diverged.n) == (0.25, 8)
    assert (failed.mean, failed.n) == (0.2, 10)


def test_a_method_that_diverges_in_one_seed_of_ten_is_judged_by_the_others_too():
    frame = trials(normalizers=["bn", "vcl", "ln"], activations=["relu"], depths=[4], seeds=range(10), noise=0)
    frame["test_error"] = frame["normalizer"].map({"bn": 0.20, "vcl": 0.05, "ln": 0.05})
    frame = diverge(frame, (frame["normalizer"] == "vcl") & (frame["seed"] == 3) | (frame["normalizer"] == "ln"))
    findings = Findings(frame, Question())
    found = tables.methods(findings).frame.set_index("method")
    # 0.9 * 0.05 + 0.1 * 0.6 = 0.105 is better than bn's 0.20; what always diverges loses everywhere.
    assert found["wins"].to_dict() == {"bn": 0, "vcl": 3, "ln": 0}
    assert found.loc["vcl", "mean_test_error"] == pytest.approx(0.9 * 0.05 + 0.1 * MAJORITY)
    assert found["profile_area"].to_dict() == pytest.approx({"bn": 0, "vcl": 1, "ln": 0})
    assert findings.ranked.mean(axis=0)[[findings.names.index(n) for n in ("vcl", "bn", "ln")]].tolist() == [1, 2, 3]
    assert found["diverged"].to_dict() == pytest.approx({"bn": 0, "vcl": 0.1, "ln": 1})
    assert found.loc["vcl", ["diverged_low", "diverged_high"]].tolist() == pytest.approx([0.0211, 0.2653], abs=1e-4)
    assert found.loc["vcl", "test_error_if_converged"] == pytest.approx(0.05)
    assert np.isnan(found.loc["ln", "test_error_if_converged"])
    assert "failed" not in found


@pytest.mark.parametrize(("lost", "wins"), [(2, 3), (3, 0)])
def test_more_than_half_of_the_seeds_lose_the_row(lost: int, wins: int):
    frame = trials(normalizers=["bn", "vcl"], activations=["relu"], depths=[4], seeds=range(4), noise=0)
    frame["test_error"] = frame["normalizer"].map({"bn": 0.58, "vcl": 0.05})
    frame = diverge(frame, (frame["normalizer"] == "vcl") & (frame["seed"] < lost))
    findings = Findings(frame, Question())
    assert findings.wins.wins[findings.names.index("vcl")] == wins
    assert findings.profile_area[findings.names.index("vcl")] == pytest.approx(wins / 3)
    majority = Findings(frame, Question(diverged="majority"))
    assert majority.wins.wins[majority.names.index("vcl")] == 3


def test_where_all_diverged_neither_wins_nor_the_profile_credit_anybody():
    frame = trials(normalizers=["bn", "vcl"], activations=["relu"], depths=[4], noise=0)
    findings = Findings(diverge(frame, frame["dataset"] == "wine"), Question())
    assert findings.wins.wins == [0, 2]
    assert findings.profile[0].tolist() == pytest.approx([0, 2 / 3])
    assert findings.profile[-1].tolist() == pytest.approx([2 / 3, 2 / 3])
    assert findings.profile_band is not None
    assert findings.profile_band.high.max() <= 1


def test_failures_are_counted_beside():
    frame = trials(normalizers=["bn", "vcl"], activations=["relu"], depths=[4])
    frame.loc[(frame["normalizer"] == "vcl") & (frame["dataset"] == "wine") & (frame["seed"] == 0), "state"] = "failed"
    table = tables.methods(Findings(frame, Question()))
    assert table.frame.set_index("method")["failed"].to_dict() == pytest.approx({"bn": 0, "vcl": 1 / 9})
    assert "the share that failed, with exact intervals" in table.note
    assert "diverged" not in table.frame


@pytest.mark.parametrize(
    ("column", "direction", "charge"),
    [("test_error", "min", MAJORITY), ("test_accuracy", "max", 1 - MAJORITY), ("train_loss", "min", 2.5)],
)
def test_what_a_diverged_training_is_charged_with(column: str, direction: str, charge: float):
    frame = trials(normalizers=["bn", "vcl"], activations=["relu"], depths=[4], datasets=["wine"], seeds=range(3))
    frame = frame.assign(test_accuracy=0.9, train_loss=[2.0, 2.5, 1.0, 1.5, 0.5, 0.5])
    frame = diverge(frame, (frame["normalizer"] == "vcl") & (frame["seed"] == 0))
    question = Question(metric=column, direction=direction, rows=("dataset",))  # type: ignore[arg-type]
    findings = Findings(frame, question)
    # An error's or an accuracy's majority class; of a loss the worst of the row.
    assert findings.amounts.values[0, findings.names.index("vcl"), 0] == pytest.approx(charge)


def test_a_table_of_nothing_but_divergence_has_no_winner():
    frame = trials(normalizers=["bn", "vcl"], activations=["relu"], depths=[4]).drop(columns="majority_error")
    findings = Findings(diverge(frame, frame["state"] == "done"), Question())
    assert findings.wins.wins == [0, 0]
    assert findings.row_means.tolist() == [[1, 1]] * 3
    assert findings.profile_area.tolist() == [0, 0]


def test_it_never_pays_to_diverge():
    frame = trials(normalizers=["bn", "vcl"], activations=["relu"], depths=[4], datasets=["wine"], noise=0)
    frame["test_error"] = 0.9  # worse than always answering the most frequent class
    frame = diverge(frame, (frame["normalizer"] == "vcl") & (frame["seed"] == 0))
    assert Findings(frame, Question()).row_means.tolist() == [pytest.approx([0.9, 0.9])]
    majority = Findings(frame, Question(diverged="majority"))
    assert majority.row_means.tolist() == [pytest.approx([0.9, (2 * 0.9 + MAJORITY) / 3])]
