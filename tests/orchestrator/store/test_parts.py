from __future__ import annotations

import pytest

from orchestrator.store.parts import shown
from sweeps.words.choice import Choice


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
