"""`compare` loses one result where one is missing."""

import pytest

from analysis.question import Question
from orchestrator.ask.compare import answer
from tests.analysis.trials import trials


def test_a_failure_in_every_seed_leaves_differences_with_intervals() -> None:
    frame = trials(activations=["relu"], depths=[4], noise=0)
    for seed, dataset in enumerate(("digits", "titanic", "wine")):
        lost = (frame["seed"] == seed) & (frame["dataset"] == dataset) & (frame["normalizer"] == "vcl")
        frame.loc[lost, ["state", "test_error", "val_error"]] = ["failed", None, None]
    lines = {line["method"]: line for line in answer(frame, Question(), "ledger").lines}
    assert [lines[name]["wins"] for name in ("vcl", "bn", "none")] == [3, 0, 0]
    assert lines["vcl"]["over"] == lines["none"]["over"] == "seeds"
    found = [lines["vcl"][end] for end in ("difference", "low", "high")]
    assert found == pytest.approx([-0.01] * 3)
