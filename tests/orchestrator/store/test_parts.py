from __future__ import annotations

import pytest

from orchestrator.store.parts import part_rows, shown
from sweeps.words.choice import Choice
from tests.orchestrator.stage import Stage


@pytest.mark.parametrize(
    ("noise", "sigma", "text"),
    [
        ("linear", 1.0, "cwo"),
        ("linear", 0.2, "cwo(sigma=0.2)"),
        ("constant", 0.2, "cwo(noise=constant)"),  # 0.2 is what goes with constant noise
        ("constant", 1.0, "cwo(noise=constant, sigma=1.0)"),
    ],
)
def test_only_options_that_are_not_at_their_defaults_are_shown(noise: str, sigma: float, text: str) -> None:
    choice = Choice.of("cwo", {"c": 2.0, "center": True, "sphere": True, "noise": noise, "sigma": sigma,
                               "noise_per": "step"})  # fmt: skip
    assert shown("normalizer", choice) == text


def test_a_failure_is_recorded_whatever_the_error_says(stage: Stage) -> None:
    """A lone surrogate, as of a file name that is no UTF-8, is no text that Parquet holds."""
    pack = stage.packs("bn")[0]
    stage.store.ledger.publish(pack.id, part_rows(pack, [{"state": "failed"}] * 8, {"failure": "no file caf\udce9"}))
    rows, problems = stage.store.ledger.read([pack.id], ["state", "failure"])
    assert problems == []
    assert rows["failure"].to_pylist() == ["no file caf\\udce9"] * 8
