"""What a paper's table or figure says, asked of own results: each claim one function, a sentence with its numbers.

`frame`: a row a trial, as `analysis.frame` names its methods; `readings`: what probes saw, as `orchestrator.readings`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Verdict:
    """`word`: reproduced, not reproduced, or not comparable."""

    word: str
    sentence: str


Frame = Any  # a table of pandas, whose methods return what no type tells
Claim = Callable[[Frame, Frame], tuple[bool, str]]
WHOLE_SIZE = "a small size shows that the code runs, not what the paper says"


def judged(claim: str, frame: Frame, readings: Frame) -> Verdict:
    """What own results say of a claim of `CLAIMS`; not comparable where they lack what it is about."""
    if str(frame["sweep"].iloc[0]).endswith("-smoke"):
        return Verdict("not comparable", f"because {WHOLE_SIZE}")
    try:
        holds, sentence = CLAIMS[claim](frame, readings)
    except KeyError as missing:
        return Verdict("not comparable", f"because there is no result of {missing.args[0]} yet")
    return Verdict("reproduced" if holds else "not reproduced", sentence)


def _means(frame: Frame, metric: str) -> Frame:
    """The mean of a metric by method, options of its name left aside, over what all methods have."""
    known = frame.dropna(subset=[metric])
    return known.groupby(known["normalizer"].astype(str).str.partition("(")[0])[metric].mean()


def _compared(values: Frame, low: str, high: str, what: str, digits: int = 4) -> tuple[bool, str]:
    """Whether `low` has the smaller value."""
    a, b = float(values[low]), float(values[high])
    return a < b, f"{what}: {low} {a:.{digits}g}, {high} {b:.{digits}g}"


def _seen(frame: Frame, readings: Frame, probe: str, quantity: str) -> Frame:
    """The readings of one quantity with the columns of their trials."""
    own = readings.loc[(readings["probe"] == probe) & (readings["quantity"] == quantity)]
    columns = [c for c in ("dataset", "model", "normalizer", "bias_init", "batch_size") if c in frame]
    found = own[["trial_id", "epoch", "layer", "at", "value"]].merge(frame[["trial_id", *columns]], on="trial_id")
    if found.empty:
        raise KeyError(f"probe {probe}")
    return found.assign(normalizer=found["normalizer"].astype(str).str.partition("(")[0])


def _vcl_is_faster(frame: Frame, _: Frame) -> tuple[bool, str]:
    return _compared(_means(frame, "seconds"), "vcl", "bn", "mean seconds of a trial")


def _normprop_is_faster(frame: Frame, _: Frame) -> tuple[bool, str]:
    return _compared(_means(frame, "seconds"), "normprop", "bn", "mean seconds of a trial")


def _vcl_wins_more(frame: Frame, _: Frame) -> tuple[bool, str]:
    cells = frame.dropna(subset=["val_error", "test_error"])
    # The depth is chosen on validation, as the paper does.
    best = cells.sort_values("val_error").groupby(["dataset", "activation", "normalizer", "seed"], sort=False).first()
    means = best.pivot_table("test_error", ["dataset", "activation"], "normalizer")
    means = means.rename(columns={name: str(name).partition("(")[0] for name in means.columns}).dropna()
    wins = means.eq(means.min(axis=1), axis=0).sum()
    a, b = int(wins["vcl"]), int(wins["bn"])
    return a > b, f"wins on {len(means)} pairs of data set and activation: vcl {a}, bn {b}"


def _vcl_lowers_kurtosis(frame: Frame, readings: Frame) -> tuple[bool, str]:
    seen = _seen(frame, readings, "kurtosis", "mean")
    last = seen.loc[seen["epoch"] == seen["epoch"].max()]
    return _compared(last.groupby("normalizer")["value"].mean(), "vcl", "bn", "mean kurtosis after training")


def _larger_kappa(frame: Frame, _: Frame) -> tuple[bool, str]:
    values = frame.dropna(subset=["train_loss"]).groupby("normalizer")["train_loss"].mean()
    return _compared(values, "popnorm(kappa=4.0)", "popnorm(kappa=1.0)", "training loss at the end")


def _cwo_small_batches(frame: Frame, _: Frame) -> tuple[bool, str]:
    errors = frame.pivot_table("test_error", "normalizer", "batch_size")
    rise = errors[4] - errors[128]
    return _compared(rise, "cwo", "bn", "test error at a batch of 4 less that at 128")


def _reparametrized(frame: Frame, readings: Frame) -> tuple[bool, str]:
    seen = _seen(frame, readings, "weights", "gradient")
    return _compared(seen.groupby("normalizer")["value"].max(), "cwo", "ws", "largest norm of a layer's gradient")


def _normprop_inputs(frame: Frame, readings: Frame) -> tuple[bool, str]:
    seen = _seen(frame, readings, "mean-input", "mean")
    seen = seen.loc[(seen["layer"] > 1) & (seen["epoch"] > 0)]
    means = seen.assign(value=seen["value"].abs()).groupby("normalizer")["value"].mean()
    holds, sentence = _compared(means, "normprop", "bn", "mean size of a unit's mean input, over layers and epochs", 2)
    return holds, f"{sentence} (published 0.19 and 0.33)"


def _nearest(frame: Frame, readings: Frame) -> tuple[bool, str]:
    distance, least = (_seen(frame, readings, "tls-distance", name) for name in ("distance", "least"))
    ratio = distance.assign(value=distance["value"] / least["value"])
    start = ratio.loc[ratio["epoch"] == 0]
    medians = start.groupby("normalizer")["value"].median()
    return _compared(medians, "bn", "none", "distance from hyperplanes over the least one, untrained", 3)


def _focus(frame: Frame, readings: Frame) -> tuple[bool, str]:
    return _focused(frame, readings, "mlp")


def _focus_of_images(frame: Frame, readings: Frame) -> tuple[bool, str]:
    return _focused(frame, readings, "resnet9")


def _focused(frame: Frame, readings: Frame, model: str) -> tuple[bool, str]:
    """More facets about data with bn than with zero or random biases, and more than about random inputs."""
    found: dict[str, Frame] = {}
    for name in ("data", "random"):
        seen = _seen(frame, readings, "partition-density", name)
        seen = seen.loc[(seen["layer"] == 0) & seen["model"].astype(str).str.startswith(model)]
        if seen.empty:
            raise KeyError(f"model {model}")
        found[name] = seen.groupby(["normalizer", "bias_init"])["value"].mean()
    data, ratio = found["data"], found["data"] / found["random"]
    bn, zero, random = ("bn", "zero"), ("none", "zero"), ("none", "random")
    holds = bool(data[bn] > max(data[zero], data[random]) and ratio[bn] > max(ratio[zero], ratio[random], 1.0))
    told = ", ".join(
        f"{name} {data[key]:.3g} ({ratio[key]:.2f} times)"
        for name, key in (("bn", bn), ("zero biases", zero), ("random biases", random))
    )
    return holds, f"facets that cross a ball about data, and that over those about random inputs: {told}"


def _scatter(frame: Frame, readings: Frame) -> tuple[bool, str]:
    names = ("mean-ratio", "variance-ratio", "virtual mean-ratio")
    means = [float(_seen(frame, readings, "batch-statistics", name)["value"].mean()) for name in names]
    holds = bool(np.allclose(means, [1.0, 1.0, 2.0], rtol=0.1))
    told = ", ".join(f"{name} {value:.2f}" for name, value in zip(names, means, strict=True))
    return holds, f"measured over expected variances: {told}; expected are 1, 1 and, with half the batch's noise, 2"


def _frozen(frame: Frame, _: Frame) -> tuple[bool, str]:
    cells = frame.dropna(subset=["val_error", "test_error"])
    best = cells.sort_values("val_error").groupby(["normalizer", "bias_init", "seed"]).first().reset_index()
    return _compared(_means(best, "test_error"), "bn-frozen", "none", "test error at the best learning rate")


CLAIMS: dict[str, Claim] = {
    "vcl_is_faster_than_bn": _vcl_is_faster,
    "vcl_wins_more_than_bn": _vcl_wins_more,
    "vcl_lowers_kurtosis": _vcl_lowers_kurtosis,
    "larger_kappa_lowers_the_loss": _larger_kappa,
    "cwo_bears_small_batches_better": _cwo_small_batches,
    "reparametrized_gradients_are_larger": _reparametrized,
    "normprop_keeps_inputs_closer_to_0": _normprop_inputs,
    "normprop_is_faster_than_bn": _normprop_is_faster,
    "bn_is_nearest_to_its_inputs": _nearest,
    "bn_focuses_the_partition": _focus,
    "bn_focuses_the_partition_of_images": _focus_of_images,
    "statistics_scatter_as_expected": _scatter,
    "frozen_bn_beats_no_normalization": _frozen,
}
