import numpy as np
import pytest

from analysis.statistics.robustness import crossover, excess, robustness
from analysis.statistics.scores import scores
from tests.analysis.trials import trials

SIZES = [1, 2, 4, 8, 16]


def test_index_of_a_flat_curve_is_zero():
    assert excess(SIZES, np.full(5, 0.3)) == 0


def test_index_by_hand():
    # 0.4, 0.2, 0.1, 0.1, 0.1 at log2 B = 0..4: excess 0.3, 0.1, 0, 0, 0; trapezoids 0.2 + 0.05 over a range of 4
    assert excess(SIZES, np.array([0.4, 0.2, 0.1, 0.1, 0.1])) == pytest.approx(0.25 / 4)
    # Uneven sizes are weighed by their distance in log2.
    assert excess([1, 4, 8], np.array([0.3, 0.1, 0.1])) == pytest.approx((2 * 0.1) / 3)
    assert np.isnan(excess([4], np.array([0.1])))


def test_crossover_by_hand():
    baseline = np.array([0.5, 0.3, 0.2, 0.1, 0.1])
    assert crossover(SIZES, baseline, np.full(5, 0.15)) == pytest.approx(2**2.5)  # between 4 and 8, half way in log2
    assert crossover(SIZES, baseline, np.full(5, 0.2)) == pytest.approx(4)
    assert crossover(SIZES, baseline, np.full(5, 0.6)) == 0
    assert crossover(SIZES, baseline, np.full(5, 0.05)) == np.inf
    assert np.isnan(crossover([], np.array([]), np.array([])))


def test_only_the_small_end_counts():
    # Loses at 1, wins at 2, loses again from 8: below the first crossing.
    assert crossover([1, 2, 8], np.array([0.2, 0.0, 0.5]), np.full(3, 0.1)) == pytest.approx(2**0.5)


def study():
    """bn's error is 0.4 at B = 2 and 0.1 from 8 on, vcl's 0.2 from 4 on, none's 0.15 throughout; no seed differs."""
    known = {
        "bn": {2: 0.4, 4: 0.25, 8: 0.1, 16: 0.1},
        "vcl": {4: 0.2, 8: 0.2, 16: 0.2},
        "none": dict.fromkeys(SIZES, 0.15),
    }
    frame = trials(batch_sizes=SIZES, depths=[4], activations=["relu"])
    keep = [b in known[n] for n, b in zip(frame["normalizer"], frame["batch_size"], strict=True)]
    frame = frame[keep].reset_index(drop=True)
    return frame.assign(test_error=[known[n][b] for n, b in zip(frame["normalizer"], frame["batch_size"], strict=True)])


def curves(frame):
    found = scores(frame, rows=["dataset", "batch_size"], columns=["normalizer"], average=["seed"])
    return robustness(found, ["dataset", "batch_size"])


def test_known_answers_of_a_synthetic_study():
    found = curves(study())
    assert found is not None
    assert found.batch_sizes == SIZES
    none, bn, vcl = (found.columns.index((n,)) for n in ("none", "bn", "vcl"))
    assert [found.index(j).mean for j in (none, vcl)] == pytest.approx([0, 0])
    assert found.index(bn).mean == pytest.approx(((0.3 + 0.15) / 2 + 0.15 / 2) / 3)
    # none's 0.15 lies two thirds of the way down from 0.25 to 0.1; vcl's 0.2 one third.
    assert found.crossover(bn, none) == pytest.approx(2 ** (2 + 2 / 3))
    assert found.crossover(bn, vcl) == pytest.approx(2 ** (2 + 1 / 3))


def test_cells_that_cannot_exist_are_not_defined():
    found = curves(study())
    assert found is not None
    bn, vcl = found.columns.index(("bn",)), found.columns.index(("vcl",))
    assert np.isnan(found.mean[0, bn])
    assert np.isnan(found.mean[:2, vcl]).all()
    assert found.interval(0, bn) is None
    assert np.isfinite(found.mean[2:]).all()


def test_a_gap_leaves_the_whole_row_out():
    frame = study()
    gap = (frame["dataset"] == "wine") & (frame["batch_size"] == 8) & (frame["normalizer"] == "bn")
    found = curves(frame[~gap])
    assert found is not None
    assert found.rows == [("digits",), ("titanic",)]


def test_one_batch_size_has_no_curve():
    frame = trials(depths=[4])
    found = scores(frame, rows=["dataset", "batch_size"], columns=["activation", "normalizer"], average=["seed"])
    assert robustness(found, ["dataset", "batch_size"]) is None
    assert robustness(found, ["dataset"]) is None
