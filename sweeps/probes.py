"""What a trial may record, with options and sources: metrics, `trainers.metrics`, and what `trainers/probes/` computes.

A probe looks at a network, a metric at its logits; neither changes anything of its training.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar, cast

from sweeps.words.choice import Choice
from sweeps.words.declared import Entry, Option

PARTS = ("val", "test")  # how readings of a metric and columns call what it is taken on
WHEN = ("epoch", "ends", "end")


def _when(default: str) -> Option:
    what = "epoch: before training and after each epoch; ends: before and after training; end: after training"
    return Option("word", default, words=WHEN, help=what)


@dataclass(frozen=True, kw_only=True, slots=True)
class Probe(Entry):
    """What a trial may name in its `record`, as the vocabulary has it and as a plug-in declares it.

    Each has the option `when`, which the recorder reads: one that declares none looks at every epoch.
    """

    kind: ClassVar[str] = "probe"
    home: ClassVar[str] = "trainers.probes"
    base: ClassVar[tuple[str, ...]] = ("trainers.probes.probe",)
    given: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        given = cast(object, self.options)  # a file may say anything; what is wrong is told where it is read
        if isinstance(given, Mapping) and "when" not in self.options:
            object.__setattr__(self, "options", {"when": _when("epoch"), **self.options})


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric(Entry):
    """What a trial may name in its `metrics`: a number of each evaluated part, by epoch."""

    kind: ClassVar[str] = "metric"
    home: ClassVar[str] = "trainers"
    base: ClassVar[tuple[str, ...]] = ("trainers.metrics",)
    given: ClassVar[tuple[str, ...]] = ("logits", "labels")


def _of(default: str = "validation") -> Option:
    return Option("word", default, words=("train", "validation", "test"), help="the part whose samples it looks at")


def _samples(default: int) -> Option:
    return Option("int", default, low=0, help="how many of them, the first ones; 0: all")


BINS = Option("int", 40, low=2, high=1000, help="bins from -4 to 4")
LOOKED_AT = Option("int", 3, low=0, high=1000, help="how many random units are shown one by one")
BNE = "Balestriero and Baraniuk 2022"
POPNORM = "POP-Norm, ICLR 2020 submission"

PROBES: dict[str, Probe] = {
    "kurtosis": Probe(
        summary="kurtosis of what enters each activation function: of each unit over samples, the mean over units",
        source="Littwin and Wolf 2018, Eq. 4",
        implementation="kurtosis:Kurtosis",
        options={"when": _when("epoch"), "of": _of(), "samples": _samples(1000)},
    ),
    "histogram": Probe(
        summary="histograms of what enters each activation function, in deviations from the mean",
        source="Littwin and Wolf 2018, Figure 1",
        implementation="histogram:Histogram",
        options={"when": _when("ends"), "of": _of(), "samples": _samples(1000), "bins": BINS, "units": LOOKED_AT},
    ),
    "mean-input": Probe(
        summary="mean input of one random unit of each layer, the same after each epoch",
        source="Arpit et al. 2016, Figure 2",
        implementation="mean_input:MeanInput",
        options={"when": _when("epoch"), "of": _of(), "samples": _samples(0)},
    ),
    "gradient-variance": Probe(
        summary="variance of the gradient over batches, of all that learns",
        source=f"{POPNORM}, Theorem 1",
        implementation="gradient_variance:GradientVariance",
        options={"when": _when("epoch"), "batches": Option("int", 16, low=2, help="how many are drawn")},
    ),
    "curvature": Probe(
        summary="largest eigenvalue of the loss's Hessian: the Lipschitz constant of the gradient",
        source=f"{POPNORM}, Eq. 3",
        implementation="curvature:Curvature",
        options={
            "when": _when("epoch"),
            "samples": Option("int", 256, low=2, help="training samples that the loss is taken over"),
            "iterations": Option("int", 30, low=1, help="of the power iteration"),
        },
    ),
    "condition": Probe(
        summary="condition number of X X^T of each layer's input X",
        source=f"{POPNORM}, Theorem 3",
        implementation="condition:Condition",
        options={"when": _when("epoch"), "of": _of("train"), "samples": _samples(1000)},
    ),
    "weights": Probe(
        summary="means and norms of each layer's weights, norms of their gradients, learned and as used",
        source="Ikami et al., section 3.5",
        implementation="weights:Weights",
        options={"when": _when("epoch")},
    ),
    "partition-density": Probe(
        summary="folded hyperplanes that cross a ball around data and around random inputs",
        source=f"{BNE}, Figures 3 and 4",
        implementation="partition_density:PartitionDensity",
        options={
            "when": _when("ends"),
            "of": _of("train"),
            "samples": Option("int", 100, low=1, help="how many inputs of each kind"),
            "radius": Option("floats", (0.005, 0.01, 0.015, 0.02), low=0.0, help="radii of the balls"),
            "points": Option("int", 64, low=1, help="points in a ball beside its centre"),
        },
    ),
    "tls-distance": Probe(
        summary="total least squares distance of each layer's inputs from its hyperplanes",
        source=f"{BNE}, Eq. 9",
        implementation="tls_distance:TlsDistance",
        options={"when": _when("ends"), "of": _of("train"), "samples": _samples(1000)},
    ),
    "batch-statistics": Probe(
        summary="distributions of a batch's mean and variance over batches, beside what is expected of them",
        source=f"{BNE}, Eq. 13, Figure 7",
        implementation="batch_statistics:BatchStatistics",
        options={
            "when": _when("end"),
            "batches": Option("int", 1000, low=2, high=100_000, help="how many are drawn"),
            "bins": BINS,
            "units": Option("int", 3, low=1, high=1000, help="how many random units of each layer"),
            "virtual": Option("int", 0, low=0, help="a smaller batch whose noise is added, as bn-noise does; 0: none"),
        },
    ),
}

METRICS: dict[str, Metric] = {
    "error": Metric(summary="share of wrong answers", implementation="metrics:counts"),
    "top5": Metric(
        summary="share of samples whose label is not among the five largest logits", implementation="metrics:counts"
    ),
    "class-mean": Metric(
        summary="the mean over classes of the share of wrong answers on the class", implementation="metrics:counts"
    ),
}


def own(metrics: Iterable[Choice]) -> tuple[Choice, ...]:
    """Those that a plug-in declares: readings by epoch, where the package's own are counted."""
    return tuple(metric for metric in metrics if metric.plugin)


def columns(metric: str) -> dict[str, str]:
    """By the part, what a metric of a plug-in is called in results."""
    return {part: f"{part}_{metric.replace('-', '_')}" for part in PARTS}
