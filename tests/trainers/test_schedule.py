"""Learning-rate schedules against values worked out by hand."""

from __future__ import annotations

import pytest

from sweeps.words.choice import Choice
from trainers.schedule import Position, factor


def at(schedule: Choice, *, epoch: int = 0, step: int = 0) -> float:
    return factor(schedule, Position(epoch=epoch, epochs=4, step=step, steps=400))


def test_constant() -> None:
    assert at(Choice.of("constant"), epoch=3, step=399) == 1.0


def test_step_by_epoch() -> None:
    schedule = Choice.of("step", {"at": (1, 3), "factor": 0.1, "unit": "epoch"})
    assert [at(schedule, epoch=e, step=100 * e) for e in range(4)] == [1.0, 0.1, 0.1, pytest.approx(0.01)]


def test_step_with_a_factor_for_each() -> None:
    """The VCL paper's: 0.05, then 0.02, then divided by 10."""
    schedule = Choice.of("step", {"at": (1, 2, 3), "factor": (0.4, 0.1, 0.1), "unit": "epoch"})
    assert [0.05 * at(schedule, epoch=e) for e in range(4)] == pytest.approx([0.05, 0.02, 0.002, 0.0002])


def test_step_by_step() -> None:
    schedule = Choice.of("step", {"at": (150,), "factor": 0.5, "unit": "step"})
    assert [at(schedule, epoch=1, step=s) for s in (149, 150)] == [1.0, 0.5]


def test_halving() -> None:
    schedule = Choice.of("halving", {"every": 2})
    assert [at(schedule, epoch=e) for e in range(5)] == [1.0, 1.0, 0.5, 0.5, 0.25]


def test_cosine() -> None:
    by_epoch, by_step = Choice.of("cosine", {"unit": "epoch"}), Choice.of("cosine", {"unit": "step"})
    assert [at(by_epoch, epoch=e, step=250) for e in (0, 2, 3)] == pytest.approx([1.0, 0.5, (1 - 0.5**0.5) / 2])
    assert [at(by_step, epoch=1, step=s) for s in (0, 200, 400)] == pytest.approx([1.0, 0.5, 0.0])
