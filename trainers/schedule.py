"""Learning-rate schedules: the factor on a trial's `lr`, from where training is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, pi, prod

from sweeps.choice import Choice


@dataclass(frozen=True, kw_only=True, slots=True)
class Moment:
    """Where training is: `epoch` of `epochs` and `step` of `steps`, both from 0 at the start of training."""

    epoch: int
    epochs: int
    step: int
    steps: int

    def passed(self, unit: str) -> int:
        return self.step if unit == "step" else self.epoch

    def length(self, unit: str) -> int:
        return self.steps if unit == "step" else self.epochs


def factor(schedule: Choice, moment: Moment) -> float:
    """The factor on `lr` at this moment (see `sweeps.vocabulary.SCHEDULES`)."""
    return FACTORS[schedule.name](schedule, moment)


def _constant(_schedule: Choice, _moment: Moment) -> float:
    return 1.0


def _step(schedule: Choice, moment: Moment) -> float:
    at, by, passed = schedule["at"], schedule["factor"], moment.passed(str(schedule["unit"]))
    assert isinstance(at, tuple)
    reached = [passed >= int(begin or 0) for begin in at]
    if isinstance(by, tuple):
        return prod(float(each or 0) for each, begun in zip(by, reached, strict=True) if begun)
    assert isinstance(by, int | float)
    return float(by) ** sum(reached)


def _halving(schedule: Choice, moment: Moment) -> float:
    every = schedule["every"]
    assert isinstance(every, int)
    return 0.5 ** (moment.epoch // every)


def _cosine(schedule: Choice, moment: Moment) -> float:
    unit = str(schedule["unit"])
    return (1.0 + cos(pi * moment.passed(unit) / moment.length(unit))) / 2.0


FACTORS: dict[str, Callable[[Choice, Moment], float]] = {
    "constant": _constant,
    "step": _step,
    "halving": _halving,
    "cosine": _cosine,
}
