"""Dolan-More performance profiles: how often a method is nearly the best, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.bootstrap import percentiles, resampled
from analysis.scores import Direction, Floats

TAUS = np.linspace(1.0, 0.95, 501)
STEP = 10
DRAWN = TAUS[::STEP]  # what a figure and a bootstrap need
TOLERANCE = 1e-9
RESAMPLES = 500


@dataclass(frozen=True)
class Band:
    """Ends of the shares, (taus, columns), at `DRAWN`, and of the areas, (columns,)."""

    low: Floats
    high: Floats
    area_low: Floats
    area_high: Floats


def profile(accuracy: Floats, taus: Floats = TAUS, tolerance: float = TOLERANCE) -> Floats:
    """Share of rows on which accuracy >= tau * (the row's best accuracy) - tolerance: (taus, columns).

    `accuracy` is (rows, columns, ...); minus infinity for a diverged trial. Dolan and More 2002, with the ratio turned
    as in Littwin and Wolf 2018, Fig. 3.
    """
    best = accuracy.max(axis=1, keepdims=True)
    return np.stack([(accuracy >= tau * best - tolerance).mean(axis=0) for tau in taus])


def area(shares: Floats, taus: Floats = TAUS) -> Floats:
    """Area below each column of `shares` (taus, columns, ...) over the range of tau: 1 is the best on every row."""
    return np.abs(np.trapezoid(shares, taus, axis=0)) / float(np.ptp(taus))


def accuracy_of(means: Floats, direction: Direction) -> Floats:
    """1 - error, or the metric itself where higher is better."""
    return 1 - means if direction == "min" else means


def band(values: Floats, direction: Direction, *, seed: int, level: float) -> Band | None:
    """Percentile band of the profile of (rows, columns, seeds): rows are drawn anew, and in each row its seeds.

    All columns see the same draws. None where there is one row with one seed: nothing can be drawn anew.
    """
    rows = len(values)
    drawn = resampled(values, seed=seed, resamples=RESAMPLES)
    if rows < 2 and drawn[0].shape[2] < 2:
        return None
    means = np.stack([row.mean(axis=2) for row in drawn])  # (rows, columns, resamples)
    picked = np.random.default_rng([seed, rows]).integers(0, rows, size=(rows, RESAMPLES))
    means = np.take_along_axis(means, picked[:, None, :], axis=0)
    shares = profile(accuracy_of(means, direction), DRAWN)
    low, high = percentiles(np.moveaxis(shares, 2, 0), level)
    area_low, area_high = percentiles(area(shares, DRAWN).T, level)
    return Band(low, high, area_low, area_high)
