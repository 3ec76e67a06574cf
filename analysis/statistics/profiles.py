"""Dolan-More performance profiles: how often a method is nearly the best, and how sure that is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.statistics.bootstrap import percentiles, resampled
from analysis.statistics.scores import Direction, Floats, standing

TAUS = np.linspace(1.0, 0.95, 51)
HALF = 0.5  # of the inverse error: up to twice the best error
TOLERANCE = 1e-9
SMALLEST = 1e-12  # loss that a ratio is taken of
Score = Callable[[Floats, Direction], Floats]
RESAMPLES = 500


@dataclass(frozen=True)
class Band:
    """Ends of the shares, (taus, columns), at `TAUS`, and of the areas, (columns,)."""

    low: Floats
    high: Floats
    area_low: Floats
    area_high: Floats


def profile(
    accuracy: Floats, taus: Floats = TAUS, tolerance: float = TOLERANCE, weights: Floats | None = None
) -> Floats:
    """Share of rows on which accuracy >= tau * (the row's best accuracy) - tolerance: (taus, columns).

    `accuracy` is (rows, columns, ...); minus infinity where the row is lost, which is never near the best; `weights` of
    rows, (rows, 1, ...). Dolan and More 2002, with the ratio turned as in Littwin and Wolf 2018, Fig. 3.
    """
    best = accuracy.max(axis=1, keepdims=True)
    weights = np.ones((len(accuracy), *(1,) * (accuracy.ndim - 1))) if weights is None else weights
    share = weights / weights.sum(axis=0)
    share = share * np.isfinite(accuracy)
    return np.stack([((accuracy >= tau * best - tolerance) * share).sum(axis=0) for tau in taus])


def area(accuracy: Floats, least: float = float(TAUS[-1]), weights: Floats | None = None) -> Floats:
    """Area below the profile of each column of (rows, columns, ...), over tau from 1 to `least`, scaled to 1: exact.

    1: the best on every row; 0: never within `least` of the best.
    """
    weights = np.ones((len(accuracy), *(1,) * (accuracy.ndim - 1))) if weights is None else weights
    best = accuracy.max(axis=1, keepdims=True)
    near = np.isfinite(accuracy) & (accuracy >= best - TOLERANCE)
    ratio = np.divide(
        accuracy + TOLERANCE, best, out=np.zeros(accuracy.shape), where=np.isfinite(accuracy) & (best > 0)
    )
    within = np.where(near, 1.0, np.clip((ratio - least) / (1 - least), 0, 1))
    return np.asarray((within * weights / weights.sum(axis=0)).sum(axis=0))


def accuracy_of(means: Floats, direction: Direction) -> Floats:
    """1 - error, or the metric itself where higher is better."""
    return 1 - means if direction == "min" else means


def inverse_of(means: Floats, direction: Direction) -> Floats:
    """1 / loss, so that within tau of the best means a loss of at most best / tau; the metric itself if higher is
    better. Minus infinity if diverged."""
    if direction == "max":
        return means
    return np.where(np.isfinite(means), 1 / np.maximum(means, SMALLEST), -np.inf)


def band(
    values: Floats,
    units: NDArray[np.int64],
    direction: Direction,
    *,
    seed: int,
    level: float,
    diverged: Floats | None = None,
    score: Score = accuracy_of,
) -> Band | None:
    """Percentile band of the profile of (rows, columns, seeds): units are drawn anew, and in each row its seeds.

    `units`, (rows,), numbers from 0 the rows that belong together. `diverged`, shaped like `values`: which seeds did,
    see `standing`; None: none loses a row by it. All columns see the same draws. None where there is one unit with one
    seed: nothing can be drawn anew.
    """
    count = int(units.max()) + 1
    drawn = resampled(values, seed=seed, resamples=RESAMPLES)
    if count < 2 and drawn[0].shape[2] < 2:
        return None
    lost = [None] * len(drawn) if diverged is None else resampled(diverged, seed=seed, resamples=RESAMPLES)
    # (rows, columns, resamples); a method of which no seed was drawn stands as in the whole row.
    means = np.stack([standing(v, d, direction) for v, d in zip(drawn, lost, strict=True)])
    means = np.where(np.isnan(means), standing(values, diverged, direction)[:, :, None], means)
    times = np.random.default_rng([seed, count]).multinomial(count, [1 / count] * count, size=RESAMPLES)
    weights = times.T[units].astype(np.float64)
    scored = score(means, direction)
    shares = profile(scored, TAUS, weights=weights[:, None, :])
    low, high = percentiles(np.moveaxis(shares, 2, 0), level)
    area_low, area_high = percentiles(area(scored, weights=weights[:, None, :]).T, level)
    return Band(low, high, area_low, area_high)
