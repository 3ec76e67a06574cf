"""Courses of the learning rate that a sweep file may name, with their options; `trainers/schedule.py` computes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from sweeps.words.declared import Entry, Option


@dataclass(frozen=True, kw_only=True, slots=True)
class Schedule(Entry):
    """The factor on a trial's `lr`, as the vocabulary has it and as a plug-in declares it."""

    kind: ClassVar[str] = "schedule"
    home: ClassVar[str] = "trainers"
    base: ClassVar[tuple[str, ...]] = ("trainers.schedule",)
    given: ClassVar[tuple[str, ...]] = ("position",)


SCHEDULES: dict[str, Schedule] = {
    "constant": Schedule(summary="the same learning rate throughout", implementation="schedule:constant"),
    "step": Schedule(
        summary="times `factor`, one or one for each, from each of the epochs (or steps) `at` on, counted from 0",
        implementation="schedule:step",
        options={
            "at": Option("ints", (), low=0),
            "factor": Option("floats", 0.1, low=0.0),
            "unit": Option("word", "epoch", words=("epoch", "step")),
        },
    ),
    "halving": Schedule(
        summary="halved every `every` epochs",
        implementation="schedule:halving",
        options={"every": Option("int", 25, low=1, help="epochs")},
    ),
    "cosine": Schedule(
        summary="(1 + cos(pi t/T))/2: from `lr` down to 0 over the whole training",
        implementation="schedule:cosine",
        source="Loshchilov and Hutter 2017, without restarts",
        options={"unit": Option("word", "epoch", words=("epoch", "step"), help="what t and T count")},
    ),
}
