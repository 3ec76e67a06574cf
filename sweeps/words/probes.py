"""What a trial may record beside its errors, with options and sources; `trainers/probes/` computes it.

A probe looks at a network and changes nothing of its training.
"""

from __future__ import annotations

from dataclasses import dataclass

from sweeps.words.declared import Entry, Option


@dataclass(frozen=True, kw_only=True, slots=True)
class Probe(Entry):
    """`implementation` is "module:class" below `trainers.probes`."""

    implementation: str


def _when(default: str) -> Option:
    what = "epoch: before training and after each epoch; ends: before and after training; end: after training"
    return Option("word", default, words=("epoch", "ends", "end"), help=what)


def _of(default: str = "validation") -> Option:
    return Option("word", default, words=("train", "validation", "test"), help="the part whose samples it looks at")


def _samples(default: int) -> Option:
    return Option("int", default, low=0, help="how many of them, the first ones; 0: all")


PROBES: dict[str, Probe] = {
    "kurtosis": Probe(
        summary="kurtosis of what enters each activation function: of each unit over samples, the mean over units",
        source="Littwin and Wolf 2018, section 2",
        implementation="kurtosis:Kurtosis",
        options={"when": _when("epoch"), "of": _of(), "samples": _samples(1000)},
    ),
}

METRICS: dict[str, str] = {
    "error": "share of wrong answers",
    "top5": "share of samples whose label is not among the five largest logits",
    "class-mean": "the mean over classes of the share of wrong answers on the class",
}
