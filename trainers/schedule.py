"""Learning-rate schedules: the factor on a trial's `lr`, from where training is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from math import cos, inf, pi, prod

from sweeps.words.choice import Choice
from trainers.plugins.lookup import implementation


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
    """The factor on `lr` at this position."""
    return _function(schedule)(position)


def is_factor(value: object) -> bool:
    """Whether it is a number from 0 on."""
    return isinstance(value, float | int) and not isinstance(value, bool) and 0 <= value < inf


@cache
def _function(schedule: Choice) -> Callable[[Position], float]:
    return partial(implementation("schedule", schedule.name), **schedule.as_dict())


def constant(_position: Position) -> float:
    return 1.0


def step(position: Position, *, at: tuple[int, ...], factor: float | tuple[float, ...], unit: str) -> float:
    reached = [position.passed(unit) >= begin for begin in at]
    if isinstance(factor, tuple):
        return prod(each for each, begun in zip(factor, reached, strict=True) if begun)
    return factor ** sum(reached)


def halving(position: Position, *, every: int) -> float:
    return 0.5 ** (position.epoch // every)


def cosine(position: Position, *, unit: str) -> float:
    return (1.0 + cos(pi * position.passed(unit) / position.length(unit))) / 2.0
