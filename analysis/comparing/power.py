"""How many seeds or data sets decide a comparison, whatever its true difference."""

from __future__ import annotations

from math import sqrt

import numpy as np
from scipy.special import fdtri, stdtrit

from analysis.comparing.families import Family
from analysis.statistics.intervals import Interval

ASSURANCE = 0.8
MOST = 1_000_000


def deviation(interval: Interval, level: float) -> float | None:
    """The standard deviation of the replicates that a t interval was taken over; None without one."""
    if interval.half is None:
        return None
    return interval.half / float(stdtrit(interval.n - 1, (1 + level) / 2)) * sqrt(interval.n)


def least(spread: float, n: int, family: Family, rope: float, assurance: float = ASSURANCE) -> int | None:
    """The least number of replicates, in all, that decides a comparison of `family`; None: more than `MOST`.

    `spread`: the standard deviation of its `n` replicates so far. Where the half widths of both intervals, that of
    the difference and that of equivalence, sum up to less than `rope`, the first leaves out 0 or the second lies within
    the region, wherever the true difference is. The variance to come is unknown: that it is small enough has
    probability `assurance` by the F distribution of the ratio of two variances of normal errors.
    """

    def decides(count: int) -> bool:
        ratio = float(fdtri(count - 1, n - 1, assurance))
        quantiles = stdtrit(count - 1, (1 + np.array([family.each, family.equivalence])) / 2)
        return spread * sqrt(ratio) * float(quantiles.sum()) < rope * sqrt(count)

    if not decides(MOST):
        return None
    low, high = 1, MOST  # the least count that decides lies in (low, high]
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if decides(middle) else (middle, high)
    return high
