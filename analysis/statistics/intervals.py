"""Means with intervals. The unit of replication is the seed: never an epoch, never a split that shares samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from analysis.statistics.scores import Floats
from sweeps.errors import UsageError

LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A mean of `n` replicates with its interval; `low` and `high` are None where n < 2 allows none."""

    mean: float
    low: float | None
    high: float | None
    n: int

    @property
    def half(self) -> float | None:
        return None if self.low is None or self.high is None else (self.high - self.low) / 2


def t_interval(values: Sequence[float] | Floats, level: float = LEVEL) -> Interval:
    """Student's t interval of the mean: mean +- t(n - 1, (1 + level)/2) s / sqrt(n), s with n - 1 below."""
    x = np.asarray(values, dtype=np.float64)
    x = x[~np.isnan(x)]
    if not 0 < level < 1:
        raise UsageError(f"a level lies between 0 and 1, but got {level}")
    if x.size == 0:
        raise UsageError("an interval needs at least one value")
    mean = float(x.mean())
    if x.size < 2 or not np.isfinite(x).all():
        return Interval(mean, None, None, int(x.size))
    low, high = t_ends(x[None], level)
    return Interval(mean, float(low[0]), float(high[0]), int(x.size))


def t_ends(samples: Floats, level: float) -> tuple[Floats, Floats]:
    """Both ends of the t interval of each line of (experiments, n)."""
    n = samples.shape[1]
    mean = samples.mean(axis=1)
    half = stdtrit(n - 1, (1 + level) / 2) * samples.std(axis=1, ddof=1) / np.sqrt(n)
    return mean - half, mean + half
