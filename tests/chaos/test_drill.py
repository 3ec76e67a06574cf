"""`drill` on this machine: it interrupts, it compares, and it tells when results differ."""

from __future__ import annotations

import random
from pathlib import Path

import pyarrow as pa
import pytest

from orchestrator.steer import drill


@pytest.mark.kill
@pytest.mark.timeout(400)
def test_a_drill_here_interrupts_and_finds_the_same_results(tmp_path: Path) -> None:
    told: list[str] = []
    result = drill.drill(tmp_path / "drill", None, 3, 600, 0, told.append)
    assert sorted(result.interruptions) == sorted(drill.WAYS_HERE)
    assert told[1:] == result.interruptions
    assert (result.attempts, result.differing) == (4, [])
    assert not (tmp_path / "drill").exists()


def test_a_result_that_differs_is_told_and_how_it_came_is_not() -> None:
    one = pa.table({"test_error": [0.25, None], "curve": [[0.5, float("nan")], None], "seconds": [1.0, 2.0]})
    other = one.set_column(2, "seconds", pa.array([3.0, 4.0]))
    assert drill.differing_columns(one, other) == []
    other = one.set_column(0, "test_error", pa.array([0.25 + 1e-16, 0.5]))
    assert drill.differing_columns(one, other) == ["test_error"]
    told = str(drill.Drill(interruptions=["TERM"], attempts=2, differing=["test_error"]))
    assert (
        told == "1 interruption (TERM), 2 attempts: the results are NOT the undisturbed ones, they differ in test_error"
    )


def test_each_way_comes_before_any_comes_again() -> None:
    drawn = drill.drawn(("a", "b"), 5, random.Random(1))
    assert len(drawn) == 5
    assert {*drawn[:2]} == {*drawn[2:4]} == {"a", "b"}
