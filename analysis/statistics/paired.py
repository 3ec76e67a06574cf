"""Means over rows (data sets) and seeds where some cells are missing: each missing cell costs that cell alone."""

from __future__ import annotations

import numpy as np
from scipy.special import stdtrit

from analysis.statistics.intervals import LEVEL, Interval
from analysis.statistics.scores import Floats, nanmean

LEAST = 1.5  # seeds that must bear a mean before it has an interval


def over_seeds(values: Floats, level: float = LEVEL) -> Interval:
    """The mean over rows of each row's mean of (rows, seeds), with its interval over seeds: rows are fixed.

    NaN: missing; a row without any value is left out. What a seed changes in the mean is the sum of its deviations from
    its rows' means, each by its weight, so that rows' levels do not enter: the cluster-robust variance with seeds as
    clusters (Liang and Zeger 1986), for complete cells Student's t interval of the seeds' means. `n` is the number of
    seeds; degrees of freedom: the seeds that bear the mean, 1 / sum(weight^2), less one. For one seed no interval, and
    for no value at all a NaN.
    """
    mean, error, seeds = seed_errors(values)
    n = int((~np.isnan(values)).any(axis=0).sum())
    if seeds < LEAST or not np.isfinite(mean):
        return Interval(float(mean), None, None, n)
    half = stdtrit(seeds - 1, (1 + level) / 2) * error
    return Interval(float(mean), float(mean - half), float(mean + half), n)


def seed_errors(values: Floats) -> tuple[Floats, Floats, Floats]:
    """Mean of (..., rows, seeds), its standard error over seeds, and the number of seeds that bear it: (...) each."""
    mean, change, weight = influence(values)
    squares = (weight**2).sum(axis=-1)
    seeds = np.divide(1.0, squares, out=np.zeros_like(squares), where=squares > 0)
    return mean, np.sqrt((change**2).sum(axis=-1)), seeds


def seed_values(values: Floats) -> Floats:
    """(seeds,) values whose mean is that of (rows, seeds) and whose spread is the seeds': for complete cells each
    seed's mean over rows. NaN for a seed without any value."""
    mean, change, weight = influence(values)
    there = weight > 0
    n = int(there.sum())
    return np.where(there, mean + change * np.sqrt(n * max(n - 1, 0)), np.nan)


def influence(values: Floats) -> tuple[Floats, Floats, Floats]:
    """Mean (...) of (..., rows, seeds); by how much each seed changes it and with what weight, (..., seeds) each.

    Changes are scaled so that the sum of their squares is the variance of the mean: deviations from the mean of n
    values are by (n - 1) / n too small, and a row with one value, which shows no deviation, has that of the others.
    """
    there = ~np.isnan(values)
    count = there.sum(axis=-1, keepdims=True).astype(np.float64)
    rows = (count > 0).sum(axis=-2, keepdims=True)
    own = nanmean(values, axis=-1)
    weight = np.divide(there, count * rows, out=np.zeros(values.shape), where=there)
    freedom = np.divide(count, count - 1, out=np.zeros(count.shape), where=count > 1)
    every = np.divide(1.0, count, out=np.zeros(count.shape), where=count > 0).sum(axis=-2)
    shown = np.divide(1.0, count, out=np.zeros(count.shape), where=count > 1).sum(axis=-2)
    scale = np.sqrt(np.divide(every, shown, out=np.zeros(every.shape), where=shown > 0))
    deviation = np.where(there, values - own[..., None], 0.0)
    change = (weight * np.sqrt(freedom) * deviation).sum(axis=-2) * scale
    return nanmean(own, axis=-1), change, weight.sum(axis=-2)
