"""Bootstrap intervals. Every draw comes from the seed that is given; the global generator is never touched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from scipy.stats import bootstrap

from analysis.statistics.intervals import LEVEL, Interval
from analysis.statistics.scores import Floats
from sweeps.errors import UsageError

RESAMPLES = 2000


def bca_interval(
    values: Sequence[float] | Floats, *, seed: int, level: float = LEVEL, resamples: int = 9999
) -> Interval:
    """Bias-corrected and accelerated bootstrap interval of the mean (Efron 1987); none where n < 2.

    Undercovers below some ten replicates: see the coverage table in the documentation.
    """
    x = np.asarray(values, dtype=np.float64)
    x = x[~np.isnan(x)]
    if x.size == 0:
        raise UsageError("an interval needs at least one value")
    mean, n = float(x.mean()), int(x.size)
    if n < 2 or not np.isfinite(x).all():
        return Interval(mean, None, None, n)
    if np.ptp(x) == 0:
        return Interval(mean, mean, mean, n)
    found = bootstrap((x,), np.mean, n_resamples=resamples, confidence_level=level, rng=np.random.default_rng(seed))
    low, high = found.confidence_interval
    return Interval(mean, float(low), float(high), n)


def iqm(values: Floats) -> Floats:
    """Interquartile mean over the last axis: the mean of the middle half (Agarwal et al. 2021); NaNs are left out."""
    ordered = np.sort(values, axis=-1)  # NaNs last
    count = (~np.isnan(values)).sum(axis=-1, keepdims=True)
    cut, place = count // 4, np.arange(values.shape[-1])
    middle = np.where((place >= cut) & (place < count - cut), ordered, 0.0)
    return middle.sum(axis=-1) / (count - 2 * cut)[..., 0]


def resampled(values: Floats, *, seed: int, resamples: int = RESAMPLES) -> list[Floats]:
    """For each row of (rows, columns, seeds) its columns with seeds drawn anew: (columns, resamples, seeds of the row).

    Stratified: every row draws from its own seeds. All columns see the same draws, so differences stay paired. A seed
    that a column lacks stays NaN.
    """
    rng = np.random.default_rng(seed)
    drawn: list[Floats] = []
    for row in values:
        there = row[:, ~np.isnan(row).all(axis=0)]
        drawn.append(there[:, rng.integers(0, max(1, there.shape[1]), size=(resamples, there.shape[1]))])
    return drawn


def iqm_intervals(values: Floats, *, seed: int, level: float = LEVEL, resamples: int = RESAMPLES) -> list[Interval]:
    """Interquartile mean over rows and seeds of each column of (rows, columns, seeds).

    With the percentile interval of the bootstrap stratified by rows.
    """
    middle = iqm(np.concatenate(list(values), axis=1))
    seeds = int((~np.isnan(values).all(axis=1)).sum(axis=1).max())
    if seeds < 2:
        return [Interval(float(m), None, None, seeds) for m in middle]
    drawn = resampled(values, seed=seed, resamples=resamples)
    found: list[Interval] = []
    for j, mean in enumerate(middle):
        spread = iqm(np.concatenate([row[j] for row in drawn], axis=1))
        low, high = percentiles(spread, level)
        found.append(Interval(float(mean), float(low), float(high), seeds))
    return found


def percentiles(draws: Floats, level: float) -> Iterator[Floats]:
    """The ends of the percentile interval over the first axis."""
    yield from np.quantile(draws, [(1 - level) / 2, (1 + level) / 2], axis=0)
