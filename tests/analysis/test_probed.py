"""What probes saw on a page: panels, lines and the numbers behind them."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.findings import Findings
from analysis.question import Question
from analysis.showing.page import analyze
from analysis.showing.probed import probed
from tests.analysis.trials import trials

FRAME = trials(datasets=("wine",), activations=("relu",), depths=(4,))
EFFECT = {"none": 3.0, "bn": 2.0, "vcl": 1.0}


def seen(*, layers: int = 2, epochs: int = 3, at: tuple[float | None, ...] = (None,)) -> pd.DataFrame:
    """Of each trial the method's effect, and layer, epoch and place added, and a seed's own deviation."""
    rows = [
        {
            "trial_id": trial["trial_id"],
            "probe": "kurtosis",
            "epoch": epoch,
            "layer": layer,
            "quantity": "mean",
            "at": place,
            "value": EFFECT[trial["normalizer"]] + 10 * layer + 100 * epoch + (place or 0) + (trial["seed"] - 1),
        }
        for trial in FRAME.to_dict("records")
        for layer, epoch, place in product(range(1, layers + 1), range(epochs), at)
    ]
    return pd.DataFrame(rows).astype({"at": "float64"})


def test_a_number_is_drawn_by_epoch_the_mean_over_seeds() -> None:
    (drawing,) = probed(Findings(FRAME, Question()), seen())
    assert drawing.name == "probe-kurtosis-mean"
    means = drawing.data.set_index(["layer", "normalizer", "epoch"])["value"]
    assert float(means.to_dict()[2, "bn", 1]) == pytest.approx(2 + 20 + 100)
    assert len(means) == 2 * 3 * 3
    titles = [axes.get_title(loc="left") for axes in drawing.figure.axes if axes.get_visible() and axes.lines]
    assert titles == ["wine layer 1", "wine layer 2"]
    (first, *_), (x, y) = drawing.figure.axes, drawing.figure.axes[0].lines[0].get_data()
    assert first.get_xlabel() == "epochs trained"
    np.testing.assert_allclose(np.asarray(x, float), [0, 1, 2])
    assert np.size(y) == 3


def test_a_curve_is_that_after_the_last_epoch() -> None:
    (drawing,) = probed(Findings(FRAME, Question()), seen(at=(0.1, 0.2)))
    assert float(drawing.data["value"].to_numpy(float).min()) > 200
    assert "after 2 epochs" in drawing.note
    (drawing,) = probed(Findings(FRAME, Question()), seen(at=(0.1, 0.2), epochs=1))
    assert "before training" in drawing.note


def test_once_after_training_layers_are_the_axis() -> None:
    (drawing,) = probed(Findings(FRAME, Question()), seen(epochs=1, layers=5))
    assert drawing.figure.axes[0].get_xlabel() == "layer"
    assert probed(Findings(FRAME, Question()), seen(epochs=1, layers=1)) == []


def test_many_layers_are_thinned_on_the_page_and_whole_in_the_file(tmp_path: Path) -> None:
    (drawing,) = probed(Findings(FRAME, Question()), seen(layers=20))
    assert "6 of 20 panels are drawn" in drawing.note
    paths = analyze(FRAME, Question(), tmp_path, only=["probe-kurtosis-mean"], readings=seen(layers=20))
    assert {p.name for p in paths} >= {"probe-kurtosis-mean.svg", "probe-kurtosis-mean-data.csv"}
    assert set(pd.read_csv(tmp_path / "probe-kurtosis-mean-data.csv")["layer"]) == set(range(1, 21))
