"""What a question takes for a baseline."""

from __future__ import annotations

import pandas as pd
import pytest

from analysis.question import Question


@pytest.mark.parametrize("baseline", ["ws+gn", "vcl(n=5)", "ln"])
def test_a_method_that_is_known_but_not_in_the_table_leaves_differences_out(baseline: str) -> None:
    frame = pd.DataFrame(
        {
            "dataset": ["wine"] * 2,
            "activation": ["relu"] * 2,
            "seed": [0] * 2,
            "normalizer": ["bn", "none"],
            "test_error": [0.1, 0.2],
        }
    )
    assert Question(metric="test_error", baseline=baseline).resolved(frame).baseline == baseline
