from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from analysis.findings import Findings
from analysis.frame import published
from analysis.question import Question
from analysis.showing import robustness as showing
from analysis.showing.summary import summary
from analysis.statistics.robustness import Robustness, crossover, octaves, robustness
from analysis.statistics.scores import scores
from tests.analysis.trials import MAJORITY, diverge, trials

SIZES = [1, 2, 4, 8, 16]
# bn's error is 0.4 at B = 2 and 0.1 from 8 on, vcl's 0.2 from 4 on, none's 0.15 throughout; no seed differs.
KNOWN = {
    "none": dict.fromkeys(SIZES, 0.15),
    "bn": {2: 0.4, 4: 0.25, 8: 0.1, 16: 0.1},
    "vcl": {4: 0.2, 8: 0.2, 16: 0.2},
}


def study(
    known: dict[str, dict[int, float]] = KNOWN, seeds: Sequence[int] = (0, 1, 2), noise: float = 0
) -> pd.DataFrame:
    sizes = sorted({b for curve in known.values() for b in curve})
    frame = trials(batch_sizes=sizes, depths=[4], activations=["relu"], normalizers=list(known), seeds=seeds)
    keep = [b in known[n] for n, b in zip(frame["normalizer"], frame["batch_size"], strict=True)]
    frame = frame[keep].reset_index(drop=True)
    errors = np.array([known[n][b] for n, b in zip(frame["normalizer"], frame["batch_size"], strict=True)])
    return frame.assign(test_error=errors + noise * np.random.default_rng(2).normal(size=len(frame)))


def curves(frame: pd.DataFrame, **options: object) -> Robustness:
    found = scores(frame, rows=["dataset", "batch_size"], columns=["normalizer"], average=["seed"])
    made = robustness(found, ["dataset", "batch_size"], **options)  # type: ignore[arg-type]
    assert made is not None
    return made


def table(frame: pd.DataFrame, question: Question | None = None) -> pd.DataFrame:
    found = showing.small_batches(Findings(frame, question or Question()))
    assert found is not None
    return found.frame.set_index("method")


def answer(frame: pd.DataFrame, question: Question | None = None) -> str:
    return " ".join(summary(Findings(frame, question or Question())).answer)


def test_a_mean_over_octaves_by_hand():
    # 0.4, 0.2, 0.1, 0.1, 0.1 at log2 B = 0..4: trapezoids 0.3 + 0.15 + 0.1 + 0.1 over a range of 4
    assert octaves(SIZES) @ [0.4, 0.2, 0.1, 0.1, 0.1] == pytest.approx(0.65 / 4)
    # Uneven sizes are weighed by their distance in log2.
    assert octaves([1, 4, 8]) @ [0.3, 0.1, 0.1] == pytest.approx((2 * 0.2 + 0.1) / 3)
    assert octaves([4, 32]) == pytest.approx([0.5, 0.5])


def test_crossover_by_hand():
    baseline = np.array([0.5, 0.3, 0.2, 0.1, 0.1])
    assert crossover(SIZES, baseline - 0.15) == pytest.approx(2**2.5)  # between 4 and 8, half way in log2
    assert crossover(SIZES, baseline - 0.2) == pytest.approx(4)
    assert crossover(SIZES, baseline - 0.6) == 0
    assert crossover(SIZES, baseline - 0.05) == np.inf


def test_only_the_small_end_counts():
    # Loses at 1, wins at 2, loses again from 8: below the first crossing.
    assert crossover([1, 2, 8], np.array([0.1, -0.1, 0.4])) == pytest.approx(2**0.5)


def test_known_answers_on_the_sizes_that_all_share():
    found = curves(study())
    none, bn, vcl = (found.columns.index((n,)) for n in ("none", "bn", "vcl"))
    assert found.sizes == [4, 8, 16]
    assert [found.index(j).mean for j in (none, vcl)] == pytest.approx([0, 0])
    # 0.15, 0, 0 more than at 16, the reference: trapezoids 0.075 over two octaves
    assert found.index(bn).mean == pytest.approx(0.075 / 2)
    assert [found.change(j).mean for j in (none, bn, vcl)] == pytest.approx([0, 0.15, 0])
    # none's 0.15 lies two thirds of the way down from 0.25 to 0.1; vcl's 0.2 one third.
    assert found.crossover(bn, none).size == pytest.approx(2 ** (2 + 2 / 3))
    assert found.crossover(bn, vcl).size == pytest.approx(2 ** (2 + 1 / 3))
    assert found.lacks(vcl) == [1, 2]
    assert np.isnan(found.mean[:2, vcl]).all()
    assert found.interval(0, bn) is None


def test_what_is_not_defined_is_told_or_charged():
    told = answer(study())
    assert "Without results, so that these sizes are not compared: bn at 1, vcl at 1, 2." in told
    assert "At batch size 4, the smallest that all methods share, none has the best mean test error" in told
    assert table(study())["no_result_at"].to_dict() == {"none": "", "bn": "1", "vcl": "1, 2"}
    charged = table(study(), Question(undefined="majority"))
    assert charged["test_error_at_1"].to_dict() == pytest.approx({"none": 0.15, "bn": MAJORITY, "vcl": MAJORITY})
    assert "Not robust, as trainings diverged" in answer(study(), Question(undefined="majority"))


def test_identical_curves_have_the_same_figures_whatever_else_is_defined():
    bn = {1: 0.5, 2: 0.3, 4: 0.2, 8: 0.15, 16: 0.1, 32: 0.1}
    # The same curve on three grids.
    grids = {"bn": bn, "gn": {b: bn[b] for b in (2, 4, 8, 32)}, "ln": {b: bn[b] for b in (1, 2, 8, 32)}}
    found = table(study(grids))
    numbers = found.drop(columns=["no_result_at", "bn_loses_below"]).to_numpy(dtype=np.float64)
    assert np.ptp(numbers, axis=0) == pytest.approx(0)
    assert found.loc["bn", "test_error_at_2"] == pytest.approx(0.3)
    assert found.loc["bn", "change_from_32"] == pytest.approx(0.2)


def test_the_reference_is_the_one_that_is_asked_for():
    found = table(study(), Question(reference=8))
    assert found.loc["bn", ["change_from_8", "index"]].tolist() == pytest.approx([0.15, 0.075 / 2])
    with pytest.raises(ValueError, match=r"reference batch size 2 is none that all methods share \(4, 8, 16\)"):
        table(study(), Question(reference=2))


def test_a_method_that_always_diverges_is_never_robust():
    frame = study(
        {
            "none": dict.fromkeys(SIZES, 0.3),
            "bn": {1: 0.5, 2: 0.4, 4: 0.3, 8: 0.2, 16: 0.2},
            "ln": dict.fromkeys(SIZES, 0.1),
        }
    )
    frame = diverge(frame, frame["normalizer"] == "ln")
    for rule in ("loss", "majority"):
        question = Question(diverged=rule)  # type: ignore[arg-type]
        found = table(frame, question)
        assert found.index.tolist() == ["none", "bn", "ln"]
        assert found.loc["ln", ["test_error_at_1", "diverged_at_1", "diverged_at_any"]].tolist() == [MAJORITY, 1, 1]
        assert list(found.columns)[-3:] == ["index", "index_low", "index_high"]
        told = answer(frame, question)
        assert "none has the best mean test error of the methods that never diverged" in told
        assert "Not robust, as trainings diverged at one of the batch sizes (at worst, of all): ln (100%)." in told


def test_dropping_what_diverged_does_not_lift_a_method():
    frame = study({"bn": dict.fromkeys(SIZES, 0.2), "ln": {1: 0.5, 2: 0.5, 4: 0.5, 8: 0.1, 16: 0.1}})
    frame = diverge(frame, (frame["normalizer"] == "ln") & (frame["batch_size"] <= 4))
    dropped = Question(diverged="drop")
    assert table(frame, dropped).index.tolist() == table(frame).index.tolist() == ["bn", "ln"]
    assert table(frame, dropped).loc["ln", "change_from_16"] == pytest.approx(MAJORITY - 0.1)
    assert "bn has the best mean test error of the methods that never diverged" in answer(frame, dropped)


def test_one_diverged_seed_counts_as_its_share():
    frame = study({"bn": dict.fromkeys(SIZES, 0.2), "ln": dict.fromkeys(SIZES, 0.1)}, seeds=range(5))
    frame = diverge(frame, (frame["normalizer"] == "ln") & (frame["batch_size"] == 2) & (frame["seed"] == 1))
    shares = showing.diverged_by_batch_size(Findings(frame, Question()))
    assert shares is not None
    assert shares.frame["ln"].tolist() == pytest.approx([0, 0.2, 0, 0, 0])
    assert table(frame).loc["ln", "diverged_at_any"] == pytest.approx(0.2)
    assert "Not robust" in answer(frame)
    assert showing.diverged_by_batch_size(Findings(study(), Question())) is None


def small_batch(dataset: str) -> pd.DataFrame:
    """Table 2 of the CWO paper: each cell is one number."""
    frame = published("cwo", "2")
    frame = frame.loc[frame["dataset"] == dataset].drop(columns="metric")
    sizes = frame["setting"].str.removeprefix("batch_size=").astype(int)
    return frame.assign(batch_size=sizes, test_error=frame["value"] / 100)


@pytest.mark.parametrize(
    ("dataset", "cwo", "bn"),
    [("cifar100", (0.1512, -0.0128), (0.1798, 0.0141)), ("cifar10", (0.0265, 0.0006), (0.0308, 0.0044))],
)
def test_table_2_of_the_cwo_paper_comes_out_as_it_says(dataset: str, cwo: tuple[float, float], bn: tuple[float, float]):
    frame, question = small_batch(dataset), Question(average=(), reference=128)
    found = table(frame, question)
    assert found.index.tolist() == ["cwo", "bn"]
    columns = ["test_error_at_4", "change_from_128"]
    assert found.loc["cwo", columns].tolist() == pytest.approx(cwo)
    assert found.loc["bn", columns].tolist() == pytest.approx(bn)
    assert found.loc["cwo", "index"] < found.loc["bn", "index"]
    assert found.loc["cwo", "bn_loses_below"] == "every size"
    assert "At batch size 4, the smallest that all methods share, cwo has the best mean test error, cwo" in answer(
        frame, question
    )


def test_table_1_of_the_normprop_paper_comes_out_as_it_says():
    frame = published("normprop", "1")
    frame = frame.loc[frame["normalizer"].isin(["bn", "normprop"])].drop(columns="metric")
    findings = Findings(frame, Question(metric="value", rows=("dataset", "setting"), average=()))
    # Better on SVHN, CIFAR-100 and unaugmented CIFAR-10; bn on augmented CIFAR-10.
    assert dict(zip(findings.names, findings.wins.wins, strict=True)) == {"bn": 1, "normprop": 4}
    difference = findings.differences[findings.names.index("normprop")]
    assert difference is not None
    assert difference.rows.mean == pytest.approx((-0.30 + 0.22 - 3.13 - 1.02 - 0.37) / 5)


def test_identical_noisy_curves_do_not_cross_anywhere_for_certain():
    frame = study({"bn": dict.fromkeys(SIZES, 0.2), "ln": dict.fromkeys(SIZES, 0.2)}, seeds=range(5), noise=0.02)
    assert table(frame).loc["ln", "bn_loses_below"] == "cannot be told"


def test_a_crossover_has_an_interval():
    falling = {1: 0.5, 2: 0.4, 4: 0.3, 8: 0.2, 16: 0.1}
    frame = study({"bn": falling, "ln": dict.fromkeys(SIZES, 0.25)}, seeds=range(5), noise=0.02)
    found = curves(frame)
    cross = found.crossover(found.columns.index(("bn",)), found.columns.index(("ln",)))
    assert cross.low is not None
    assert cross.high is not None
    assert 4 < cross.low < cross.size < cross.high < 8
    assert table(frame).loc["ln", "bn_loses_below"] == f"{cross.size:.1f} ({cross.low:.1f} to {cross.high:.1f})"


def test_a_missing_result_costs_no_row_as_long_as_one_seed_is_left():
    frame = study()
    gap = (frame["dataset"] == "wine") & (frame["batch_size"] == 8) & (frame["normalizer"] == "bn")
    assert curves(frame[~(gap & (frame["seed"] == 1))]).rows == [("digits",), ("titanic",), ("wine",)]
    assert curves(frame[~gap]).rows == [("digits",), ("titanic",)]


def test_a_failure_in_every_seed_leaves_the_section():
    frame = study()
    for seed, dataset in enumerate(("digits", "titanic", "wine")):
        lost = (frame["seed"] == seed) & (frame["dataset"] == dataset) & (frame["batch_size"] == 8)
        frame.loc[lost & (frame["normalizer"] == "none"), "state"] = "failed"
    found = showing.small_batches(Findings(frame, Question()))
    assert found is not None
    assert found.frame["index_low"].notna().all()
    assert "3 of 81 results are missing, left out of their own means alone." in found.note


def test_higher_may_be_better():
    frame = study().assign(test_error=lambda f: 1 - f["test_error"])
    found = table(frame, Question(direction="max"))
    assert found.loc["bn", ["test_error_at_4", "change_from_16", "index"]].tolist() == pytest.approx(
        [0.75, -0.15, -0.0375]
    )
    assert found.index[0] == "none"


def test_methods_that_share_no_two_sizes_are_not_compared():
    frame = study({"bn": {1: 0.1, 2: 0.1}, "ln": {2: 0.2, 4: 0.1}})
    assert showing.small_batches(Findings(frame, Question(baseline=""))) is None
    assert "The methods do not share two batch sizes" in answer(frame, Question(baseline=""))


def test_one_batch_size_has_no_curve():
    frame = trials(depths=[4])
    found = scores(frame, rows=["dataset", "batch_size"], columns=["activation", "normalizer"], average=["seed"])
    assert robustness(found, ["dataset", "batch_size"]) is None
    assert robustness(found, ["dataset"]) is None
