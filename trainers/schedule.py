"""Learning-rate schedules: the factor on a trial's `lr`, from where training is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, pi, prod

from sweeps.words.choice import Choice


@dataclass(frozen=True, kw_only=True, slots=True)
class Position:
    """Where training is: `epoch` of `epochs` and `step` of `steps`, both from 0 at the start of training."""

    epoch: int
    epochs: int
    step: int
    steps: int

    def passed(self, unit: str) -> int:
        return self.step if unit == "step" else self.epoch

    def length(self, unit: str) -> int:
        return self.steps if unit == "step" else self.epochs


def factor(schedule: Choice, position: Position) -> float:
    """The factor on `lr` at this position (see `sweeps.words.vocabulary.SCHEDULES`)."""
    return FACTORS[schedule.name](schedule, position)


def _constant(_schedule: Choice, _position: Position) -> float:
    return 1.0


def _step(schedule: Choice, position: Position) -> float:
    at, by, passed = schedule["at"], schedule["factor"], position.passed(str(schedule["unit"]))
    assert isinstance(at, tuple)
    reached = [passed >= int(begin or 0) for begin in at]
    if isinstance(by, tuple):
        return prod(float(each or 0) for each, begun in zip(by, reached, strict=True) if begun)
    assert isinstance(by, int | float)
    return float(by) ** sum(reached)


def _halving(schedule: Choice, position: Position) -> float:
    every = schedule["every"]
    assert isinstance(every, int)
    return 0.5 ** (position.epoch // every)


def _cosine(schedule: Choice, position: Position) -> float:
    unit = str(schedule["unit"])
    return (1.0 + cos(pi * position.passed(unit) / position.length(unit))) / 2.0


FACTORS: dict[str, Callable[[Choice, Position], float]] = {
    "constant": _constant,
    "step": _step,
    "halving": _halving,
    "cosine": _cosine,
}
