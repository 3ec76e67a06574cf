import numpy as np
import pytest

from analysis.findings import Findings
from analysis.question import Question
from analysis.statistics.curves import mean_curves, stability, stacked, thinned
from tests.analysis.trials import trials


def test_curves_of_different_lengths_are_averaged_as_far_as_they_go():
    frame = trials(datasets=["wine"], activations=["relu"], depths=[4], seeds=[0, 1], epochs=4)
    curves = [[1.0, 2.0, 3.0, 4.0], [3.0, 4.0]] * 3
    frame["curve_val_error"] = [np.array(c, dtype=np.float32) for c in curves]
    findings = Findings(frame, Question())
    found = mean_curves(findings.frame, findings.scores, "curve_val_error")
    assert found.shape == (1, 3, 4)
    assert found[0, 0].tolist() == [2, 3, 3, 4]


def test_stability_by_hand():
    curves = stacked([[0.0, 1.0, 9.0], [0.5, 0.5, 9.0], [1.0]])
    found = stability(curves, first=2)
    assert found[:2].tolist() == [0.5, 0.0]
    assert np.isnan(found[2])


@pytest.mark.parametrize(("epochs", "points"), [(1, 1), (50, 50), (500, 120)])
def test_thinning_keeps_both_ends(epochs: int, points: int):
    found = thinned(epochs)
    assert (found[0], found[-1], len(found)) == (0, epochs - 1, points)
